"""Local stand-ins for Google Cloud services. Imports nothing of the rest of the project."""
