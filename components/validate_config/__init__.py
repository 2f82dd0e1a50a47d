"""Tell what is wrong with the text of a Batch job: where, why, and how to mend it."""
