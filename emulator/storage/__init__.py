"""A stand-in for Cloud Storage: objects as files, their metadata in one sqlite index."""
