"""Who needs which role, as data: for Terraform, `intent2batch doctor`, the docs and a test."""
