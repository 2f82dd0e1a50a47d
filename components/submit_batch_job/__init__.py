"""Submit a Batch job, watch it to its end, cancel it with the run, take it up after a crash."""
