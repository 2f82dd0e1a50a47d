"""The part of Vertex AI's list filters that clients use: fields, signs and values, joined by AND.

Each service says which fields it has and which signs each takes. `=` and `!=` compare texts, `:`
takes a pattern with `*`, `<`, `<=`, `>`, `>=` compare times; `labels.KEY` takes `=`, `!=` and `:*`,
which asks whether there is such a label. OR, NOT and brackets are refused, not read wrongly.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from emulator.http import ApiError

_TERM = re.compile(
    r'\s*(?P<field>[A-Za-z_][\w.-]*)\s*(?P<sign>!=|<=|>=|[=<>:])\s*(?P<value>"(?:[^"\\]|\\.)*"|[^\s"]+)'
)
_AND = re.compile(r"\s+AND(?=\s)")
# What most resources have; from the documentation of ListBatchPredictionJobsRequest.
USUAL: Mapping[str, str] = {
    "display_name": "= != :",
    "state": "= !=",
    "create_time": "= != < <= > >=",
    "labels": "= != :",
}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Term(NamedTuple):
    """A field (of `labels`, a key), the sign and the value it is compared with."""

    field: str
    key: str
    sign: str
    value: str


def parse(text: str, signs: Mapping[str, str] = USUAL) -> list[Term]:
    """The terms, all of which must hold; no text is no term.

    Args:
        text: the filter; may be empty.
        signs: the signs that each field takes, by its name in snake_case.

    Raises:
        ApiError: 400, for what is not understood.
    """
    terms: list[Term] = []
    at, text = 0, text.rstrip()
    while at < len(text):
        if terms:
            joint = _AND.match(text, at)
            if not joint:
                raise _refused(text, "terms must be joined by AND")
            at = joint.end()
        found = _TERM.match(text, at)
        if not found:
            raise _refused(text, "it must be FIELD=VALUE, joined by AND")
        terms.append(_term(found, text, signs))
        at = found.end()
    return terms


def _term(found: re.Match[str], text: str, signs: Mapping[str, str]) -> Term:
    field, _, key = found["field"].partition(".")
    field = re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", field)
    if field not in signs or bool(key) != (field == "labels"):
        raise _refused(text, f"the field '{found['field']}' cannot be asked for")
    sign, value = found["sign"], found["value"]
    if sign not in signs[field].split():
        raise _refused(text, f"'{sign}' cannot be used with '{found['field']}'")
    if value.startswith('"'):
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    if field == "labels" and sign == ":" and value != "*":
        raise _refused(text, "a label can be compared with '=', or asked for with ':*'")
    if field.endswith("_time"):
        _time(value, text)
    return Term(field, key, sign, value)


def holds(term: Term, fields: Mapping[str, Any]) -> bool:
    """Whether a resource passes.

    Args:
        term: one term of the filter.
        fields: the resource's values by the names of the filter; an absent time passes `!=` only.
    """
    if term.field == "labels":
        labels = fields.get("labels") or {}
        if term.sign == ":":
            return term.key in labels
        return _COMPARE[term.sign](labels.get(term.key), term.value)
    value = fields.get(term.field) or ""
    if term.field.endswith("_time"):
        if not value:
            return term.sign == "!="
        return _COMPARE[term.sign](_time(value, ""), _time(term.value, ""))
    if term.sign == ":":
        return fnmatchcase(str(value), re.sub(r"([\[?])", r"[\1]", term.value))
    return _COMPARE[term.sign](str(value), term.value)


def _time(value: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise _refused(text, "it holds no time in the form of RFC 3339") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _refused(text: str, why: str) -> ApiError:
    return ApiError(
        400,
        "INVALID_ARGUMENT",
        f"The local emulator cannot read the filter '{text[:200]}': {why}.",
    )
