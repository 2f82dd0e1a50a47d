"""Rows of prompts into checked request shards, a manifest and a plan, before anything is paid."""
