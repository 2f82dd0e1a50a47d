"""The difference between two texts of a job, as people read it."""

from __future__ import annotations

import difflib

_MOST_DIFF = 4_000  # lines; of a text that changed throughout the diff is the text


def text_diff(before: str, after: str, name: str, what: str) -> str:
    """A unified diff; empty where nothing changed.

    Args:
        before: the text as it was.
        after: the text as it is now.
        name: of the file.
        what: was done to it, as `changed`; stands beside the name of the new text.
    """
    old, new = (_lines(text) for text in (before, after))
    if len(old) > _MOST_DIFF or len(new) > _MOST_DIFF:
        return "" if old == new else f"{len(old)} lines became {len(new)}\n"
    return "".join(difflib.unified_diff(old, new, name, f"{name} ({what})", n=2))


def _lines(text: str) -> list[str]:
    return [line + "\n" for line in text.splitlines()]
