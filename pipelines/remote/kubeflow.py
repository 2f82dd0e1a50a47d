"""Kubeflow (stub)"""
