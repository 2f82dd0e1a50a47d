"""The Batch stand-in: jobs that really run, on this machine, and the logs that they leave."""
