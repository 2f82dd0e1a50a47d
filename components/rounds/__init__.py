"""Rounds after a job's first run: a new job each, with only the tasks that did not succeed."""
