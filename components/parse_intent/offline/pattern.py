"""Expressions that are compiled when they are first used.

The reader has seven hundred, of which a text needs one in six; to compile them all takes a quarter
of a second. tests/test_patterns.py compiles each, so that a wrong one does not wait for its text.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from components.parse_intent.offline.required import Words, required


class Pattern:
    """A regular expression, with those methods of `re.Pattern` that the reader uses."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self.pattern = pattern
        self.flags = flags

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The expression itself."""
        return re.compile(self.pattern, self.flags)

    @cached_property
    def words(self) -> Words:
        """What required.py says that a text must hold to match; known without compiling."""
        return required(self.pattern, self.flags)

    def search(self, text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        """The first match anywhere."""
        return self.compiled.search(text, start, end)

    def match(self, text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        """A match at the start."""
        return self.compiled.match(text, start, end)

    def fullmatch(self, text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        """A match of the whole."""
        return self.compiled.fullmatch(text, start, end)

    def finditer(
        self, text: str, start: int = 0, end: int = sys.maxsize
    ) -> Iterator[re.Match[str]]:
        """All matches, in order."""
        return self.compiled.finditer(text, start, end)

    def findall(self, text: str) -> list[Any]:
        """The texts of all matches."""
        return self.compiled.findall(text)

    def sub(self, new: str | Callable[[re.Match[str]], str], text: str, count: int = 0) -> str:
        """The text with each match, or the first `count`, replaced."""
        return self.compiled.sub(new, text, count)

    def split(self, text: str, maxsplit: int = 0) -> list[Any]:
        """What stands between the matches."""
        return self.compiled.split(text, maxsplit)
