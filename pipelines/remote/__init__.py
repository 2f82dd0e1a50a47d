"""Runs on Vertex AI Pipelines and on Kubeflow Pipelines, started and read from the command."""
