"""Fix a broken job for a person: what was wrong, the job mended, the reason for each change."""
