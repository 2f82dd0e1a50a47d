"""Numbers in words: "twenty-four", "two hundred and fifty", "a dozen", "half a dozen"."""

from __future__ import annotations

from components.parse_intent.offline.vocabulary import GROUPS, ONES, SCALES, TENS

COUNTED = {**SCALES, **GROUPS}


def is_number_word(word: str) -> bool:
    """Whether a lower-case word can be part of a number."""
    return (
        word in ONES
        or word in TENS
        or word in COUNTED
        or word in ("and", "a", "half")
        or (word.isdecimal() and len(word) < 9)
    )


class Number:
    """Words added up to a number, as far as they go together."""

    def __init__(self) -> None:
        self.total = 0.0
        self.current = 0.0
        self.last = ""
        self.seen = False

    @property
    def value(self) -> int:
        """What the words so far make."""
        return round(self.total + self.current)

    def take(self, word: str, following: str) -> bool:
        """Add a word; False where it belongs to something else."""
        taken = self._take(word, following)
        if taken:
            self.last = word
        return taken

    def _take(self, word: str, following: str) -> bool:
        if word == "a":
            return self.last in ("", "half") and following in COUNTED and self._start(1)
        if word == "half":
            return not self.last and following == "a"
        if word == "and":
            return self.last in ("hundred", "thousand")
        if word.isdecimal():
            return not self.last and self._add(int(word))
        if word in ONES:
            return self._fits(TENS if ONES[word] < 10 else ()) and self._add(ONES[word])
        if word in TENS:
            return self._fits(()) and self._add(TENS[word])
        return self._scale(word)

    def _start(self, value: int) -> bool:
        self.current = 0.5 if self.last == "half" else value
        return True

    def _fits(self, after: object) -> bool:
        """Whether a small number may follow what was said last."""
        joins = isinstance(after, dict) and self.last in after
        return not self.seen or joins or self.last in SCALES or self.last == "and"

    def _add(self, value: int) -> bool:
        self.current += value
        self.seen = True
        return True

    def _scale(self, word: str) -> bool:
        self.seen = True
        size = COUNTED[word]
        amount = self.current or 1
        if size < 1000:
            self.current = amount * size
        else:
            self.total += amount * size
            self.current = 0
        return True


def read_number(words: list[str]) -> tuple[int, int] | None:
    """The number that the first words spell, and how many of them it takes; None for none.

    A lone figure ("24") is no number in words.
    """
    number = Number()
    used, value = 0, 0
    for i, word in enumerate(words):
        if not number.take(word, words[i + 1] if i + 1 < len(words) else ""):
            break
        if number.seen and word not in ("and", "a", "half"):
            used, value = i + 1, number.value
    if not used or (used == 1 and words[0].isdecimal()):
        return None
    return value, used
