"""Steps (verb_noun folders) and what they share (noun folders)."""
