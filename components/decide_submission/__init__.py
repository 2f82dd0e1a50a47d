"""The gate between a checked job and its submission."""
