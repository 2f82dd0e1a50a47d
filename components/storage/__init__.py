"""Files and folders at a URI: a local path or gs://, the same functions for both."""
