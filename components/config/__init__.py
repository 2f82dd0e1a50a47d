"""The text of a Batch job: read with the place of every value, checked, edited where it stands."""
