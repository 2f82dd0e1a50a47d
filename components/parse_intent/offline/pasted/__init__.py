"""Pasted text of other tools: one file a format, each a pure function from text to a partial draft.

`read.py` finds the pieces and joins what their readers make of them; `settle.py` lets the prose
around them win and answer what they leave open.
"""
