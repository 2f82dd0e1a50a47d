"""Collect what a run did: tables of its tasks, a report page, metrics. Never fails a run."""
