"""Pipelines, and what compiles, starts and watches them."""
