"""Small parts of the filter languages: fields compared with values, joined by AND.

Jobs: `name`, `uid`, `state` (or `status.state`), `labels.KEY`, `createTime`; tasks: `state`.
Log entries: `logName`, `severity`, `labels.KEY`, `timestamp`. All with `=`, and several values in
brackets joined by OR; the two times also with `<`, `<=`, `>` and `>=`, labels also with `:` ("holds
the text"). Anything else is refused, rather than read wrongly.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from emulator.http import ApiError

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([<>!]=|[()=<>])|([^\s()=<>!"]+))')
_SIGNS = ("(", ")", "=", ":", "<", ">", "<=", ">=", "!=")
_LONGEST = 20_000  # of Cloud Logging (Quotas and limits); of Batch none is documented
_TIMES = ("createTime", "create_time", "timestamp")
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Term(NamedTuple):
    """A field, and the values of which it must have one, or be before or after it in time."""

    field: str
    sign: str
    values: Sequence[str]

    def holds(self, value: str) -> bool:
        """Whether a field with this value passes."""
        if self.sign == ":":
            return any(part in value for part in self.values)
        return value in self.values

    def holds_at(self, time_ns: int) -> bool:
        """Whether a time passes."""
        return any(_COMPARE[self.sign](time_ns, nanoseconds(value)) for value in self.values)


def parse(text: str, known: Callable[[str], bool]) -> list[Term]:
    """The terms, all of which must hold.

    Args:
        text: the filter; may be empty.
        known: whether there is a field of that name.

    Raises:
        ApiError: 400, for what is not understood.
    """
    if len(text) > _LONGEST:
        raise _refused(text, f"it is longer than {_LONGEST} characters")
    tokens = _tokens(text)
    terms: list[Term] = []
    while tokens:
        if terms and tokens[0].upper() == "AND":
            tokens.pop(0)
        terms.append(_term(tokens, text))
        if not known(terms[-1].field):
            raise _refused(text, f"the field '{terms[-1].field}' cannot be asked for")
    return terms


def _term(tokens: list[str], text: str) -> Term:
    if tokens[0].endswith(":") and tokens[0][0] != '"':
        tokens[:1] = [tokens[0][:-1], ":"]  # a bare word may hold ":" itself, so it is cut here
    if len(tokens) < 3 or tokens[1] not in _SIGNS[2:] or tokens[0] in _SIGNS:
        raise _refused(text, "it must be FIELD=VALUE, joined by AND")
    field, sign = _plain(tokens[0]), tokens[1]
    allowed = (_COMPARE if field in _TIMES else ()) or (
        (":",) if field.startswith("labels.") else ()
    )
    if sign not in ("=", *allowed):
        raise _refused(text, f"'{sign}' cannot be used with '{field}'")
    del tokens[:2]
    if tokens[0] != "(":
        return Term(field, sign, [_value(tokens.pop(0), text)])
    tokens.pop(0)
    values = []
    while True:
        if len(tokens) < 2:
            raise _refused(text, "a bracket is not closed")
        values.append(_value(tokens.pop(0), text))
        if (word := tokens.pop(0)) == ")":
            return Term(field, sign, values)
        if word.upper() != "OR":
            raise _refused(text, "values in brackets must be joined by OR")


def _value(token: str, text: str) -> str:
    if token in _SIGNS:
        raise _refused(text, "a value is missing")
    return _plain(token)


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if not found:
            raise _refused(text, "a quotation mark is not closed")
        tokens.append(found[1] or found[2] or found[3])
        at = found.end()
    return tokens


def _plain(token: str) -> str:
    if not token.startswith('"'):
        return token
    return re.sub(r"\\(.)", r"\1", token[1:-1])


def nanoseconds(text: str) -> int:
    """RFC 3339 as nanoseconds since 1970.

    Raises:
        ApiError: 400 for what is no time.
    """
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-].*)", text)
    try:
        moment = datetime.fromisoformat(f"{found[1]}{found[3]}" if found else text)
    except ValueError as error:
        raise _refused(text, "it holds no time in the form of RFC 3339") from error
    whole = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    return whole * 10**9 + int(((found[2] if found else "") or "0").ljust(9, "0"))


def _refused(text: str, why: str) -> ApiError:
    return ApiError(
        400,
        "INVALID_ARGUMENT",
        f"The local emulator cannot read the filter '{text[:200]}': {why}.",
    )
