"""The dialogue of `intent2batch chat`: state and a line in, state and text out; no I/O here.

What only the world can do (an editor, a file, the Batch service) is handed back as an `Errand` to
whoever drives the dialogue. A model that is asked is the one exception, behind `versions`.
"""
