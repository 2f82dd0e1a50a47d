"""The offline reader: words to a draft by rules, with no model and no network."""
