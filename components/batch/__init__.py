"""What we know of Google Cloud Batch: its jobs, states, limits, machines and words."""
