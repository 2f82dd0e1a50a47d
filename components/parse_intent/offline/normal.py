"""Words made alike: numbers as digits, slips mended, units told apart; offsets kept.

Every match on the normal text can be traced to the person's own words: `Words.back` maps each
character of the normal text to the original one.
"""

from __future__ import annotations

from functools import cache

from components.parse_intent.offline.numbers import is_number_word, read_number
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import (
    KEYWORDS,
    OWN_WORDS,
    SHORT_KEYWORDS,
    SHORTHAND,
)

FILL = "\ue000"  # stands for each character of a payload, so that offsets stay the same

CHUNK = Pattern(r"\S+")
TRAIL = ".,;:!?)]}\"'\u201d\u2019"
LEAD = "([{\"'\u201c\u2018"
WORD = Pattern(r"[A-Za-z][A-Za-z'\u2019]*(?:-[A-Za-z]+)*/?o?")
QUOTES = str.maketrans(
    {
        "\u2019": "'",
        "\u2018": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u00a0": " ",
    }
)


# "a fifty-gigabyte disk": the number is a word of its own
SPELLED_UNIT = Pattern(
    r"(?i)\b((?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|sixteen|twenty|thirty"
    r"|forty|fifty|sixty|eighty|ninety|hundred))-(?=(?:giga|mega|tera|gig|meg|gb|tb|minute|hour"
    r"|day|week|core|cpu|node|task|member|part|fold|gpu)s?)"
)


@cache
def _slips() -> dict[str, str]:
    """Every keyword of six letters or more with one letter left out, to the keyword."""
    table: dict[str, str] = {}
    for word in SHORT_KEYWORDS:  # too short for a missing letter, not for two that swapped
        for i in range(len(word)):
            table.setdefault(word[: i + 1] + word[i:], word)  # a letter twice
        for i in range(len(word) - 1):
            table.setdefault(word[:i] + word[i + 1] + word[i] + word[i + 2 :], word)
    for word in sorted(KEYWORDS):
        if len(word) >= 6:
            for i in range(len(word)):
                table.setdefault(word[:i] + word[i + 1 :], word)
    return table


def mend(word: str) -> str:
    """The keyword that a word is one slip away from, else the word."""
    if word in KEYWORDS or word in OWN_WORDS or len(word) < 4:
        return word
    table = _slips()
    if word in table:  # one letter is missing
        return table[word]
    for i in range(len(word)):  # one letter too many, or one letter wrong, or two swapped
        short = word[:i] + word[i + 1 :]
        if len(short) >= 6 and short in KEYWORDS:
            inflected = i == len(word) - 1 and word[-1] in "ds" and short[-1] != word[-1]
            return word if inflected else short  # "ignored" is a word of its own
        if len(word) >= 6 and short in table and abs(len(table[short]) - len(word)) == 0:
            return _same_but_one(word, table[short])
    return word


def _same_but_one(word: str, key: str) -> str:
    """The keyword if one letter differs or two neighbours are swapped."""
    wrong = [i for i in range(len(word)) if word[i] != key[i]]
    if len(wrong) == 1 and wrong[0] > 0 and len(word) >= 7:
        return key
    swapped = len(wrong) == 2 and wrong[1] == wrong[0] + 1
    if swapped and word[wrong[0]] == key[wrong[1]] and word[wrong[1]] == key[wrong[0]]:
        return key
    return word


def spelled(word: str) -> str:
    """A lower-case word in the reader's spelling."""
    if word in SHORTHAND:
        return SHORTHAND[word]
    return mend(word)


class Words:
    """A text in normal spelling, with the way back to the original.

    Attributes:
        text: the normal text, lower case where a word was read, as written in names.
        back: for each character of `text` (and its end) the offset in the original.
    """

    def __init__(self, masked: str) -> None:
        self._parts: list[str] = []
        self.back: list[int] = []
        self._read(SPELLED_UNIT.sub(r"\1 ", masked.translate(QUOTES)))
        self.text = "".join(self._parts)
        self.back.append(len(masked))

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Where a span of the normal text stands in the original."""
        if end <= start:
            return self.back[start], self.back[start]
        return self.back[start], max(self.back[end - 1] + 1, self.back[min(end, len(self.text))])

    def splice(self, start: int, end: int, text: str) -> None:
        """Put a text in the place of a span; it leads back to the whole of what was there."""
        first, last = self.back[start], self.back[end]
        size, width = max(len(text), 1), last - first
        place = [first + min(i * width // size, max(width - 1, 0)) for i in range(len(text))]
        self.text = self.text[:start] + text + self.text[end:]
        self.back[start:end] = place

    def _put(self, text: str, start: int, end: int) -> None:
        size = max(len(text), 1)
        self._parts.append(text)
        width = end - start
        self.back.extend(
            start + min(i * width // size, max(width - 1, 0)) for i in range(len(text))
        )

    def _read(self, masked: str) -> None:
        pos = 0
        pieces = list(_pieces(masked))
        i = 0
        while i < len(pieces):
            start, end, core = pieces[i]
            self._copy(masked, pos, start)
            used, value = _number(pieces, i, masked)
            if used:
                end = pieces[i + used - 1][1]
                self._put(value, start, end)
                i += used
            else:
                self._put(_normal(core), start, end)
                i += 1
            pos = end
        self._copy(masked, pos, len(masked))

    def _copy(self, masked: str, start: int, end: int) -> None:
        self._parts.append(masked[start:end])
        self.back.extend(range(start, end))


def _pieces(masked: str) -> list[tuple[int, int, str]]:
    """Each chunk without the punctuation around it: start, end, text."""
    result = []
    for match in CHUNK.finditer(masked):
        start, end = match.span()
        while start < end and masked[start] in LEAD:
            start += 1
        while end > start and masked[end - 1] in TRAIL:
            end -= 1
        if end > start:
            result.append((start, end, masked[start:end]))
    return result


def _normal(core: str) -> str:
    if WORD.fullmatch(core):
        low = core.lower()
        if core.isupper() and low not in KEYWORDS and low not in SHORTHAND:
            return core  # the name of a variable, or shouting
        return spelled(low)
    return core


COMMA_NUMBER = Pattern(r"\d{1,3}(?:,\d{3})+")
KILO_NUMBER = Pattern(r"(\d{1,3}(?:\.\d)?)[kK]")
MAX_NUMBER_WORDS = 12


def _number(pieces: list[tuple[int, int, str]], i: int, masked: str) -> tuple[int, str]:
    """How many pieces from the i-th spell one number, and its digits; (0, "") for none."""
    core = pieces[i][2]
    if COMMA_NUMBER.fullmatch(core):
        return 1, core.replace(",", "")
    kilo = KILO_NUMBER.fullmatch(core)
    if kilo:
        return 1, str(int(float(kilo[1]) * 1000))
    words, ends = _number_words(pieces, i, masked)
    found = read_number(words)
    if found is None or found[1] not in ends:
        return 0, ""
    return ends.index(found[1]) + 1, str(found[0])


def _number_words(
    pieces: list[tuple[int, int, str]], i: int, masked: str
) -> tuple[list[str], list[int]]:
    """The number words from the i-th piece on, and how many there are after each piece."""
    words: list[str] = []
    ends: list[int] = []
    for j in range(i, len(pieces)):
        if j > i and masked[pieces[j - 1][1] : pieces[j][0]].strip(" "):
            break
        parts = pieces[j][2].lower().split("-")
        if words and parts[0].isdecimal():  # figures only begin a number
            break
        if len(words) > MAX_NUMBER_WORDS or not all(is_number_word(part) for part in parts):
            break
        words += parts
        ends.append(len(words))
    return words, ends
