"""What recurs: schedules of Vertex AI Pipelines, declared and brought about."""
