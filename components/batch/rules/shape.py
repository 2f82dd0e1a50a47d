"""Reads a job against the field tree: unknown names, wrong shapes, wrong types, double oneofs.

What the strict JSON parser of the proto refuses is an error here. What comes out is a job that
the other rules can trust: JSON names, whole numbers as int, enums as names, durations as
seconds. Where the meaning of a mistake is plain (`"5"` for 5, one value where a list is needed)
the meant value goes on, so that one mistake gives one finding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.batch.durations import LONGEST_S, meant_seconds, seconds, spoken, written
from components.batch.findings import Finding, Path, Severity, path_text
from components.batch.rules.names import known_elsewhere, nearest_field, nearest_word
from components.batch.rules.parsing import ENUM_RULES, ONEOF_RULES, PARSING_RULES
from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.rule import MOST_FINDINGS, shown
from components.batch.schema import Field, fields_by_any_name, schema

_INT_RANGE = {"int32": 2**31, "int64": 2**63}
_WHOLE = re.compile(r"-?[0-9]{1,30}(\.0{0,9})?\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TIMESTAMP = re.compile(
    r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?Z\Z"
)
_ABSENT: Any = object()
# Names of which the nearest known one is looked for; a job that has more is no job.
_MOST_GUESSED = 2_000


@dataclass(frozen=True)
class Shape:
    """What reading gave.

    Attributes:
        job: the job as the other rules take it.
        findings: what is wrong with its shape.
        lost: paths of values that could not be read at all, and so are not in `job`.
        names: names as written, by path, where they differ from the JSON names.
    """

    job: dict[str, Any]
    findings: list[Finding]
    lost: frozenset[Path]
    names: dict[Path, str]


def read_shape(raw: object, most: int = MOST_FINDINGS) -> Shape:
    """Read a JSON value as a Job, and tell at most so many findings."""
    reader = _Reader(most)
    job = reader.message(raw, "Job", ())
    if not isinstance(job, dict):
        return Shape({}, reader.findings, frozenset({()}), {})
    return Shape(job, reader.findings, frozenset(reader.lost), reader.names)


def kind_of(value: object) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {shown(value, 40)}"
    if isinstance(value, int | float):
        return f"the number {shown(_number_text(value), 40)}"
    return "a list" if isinstance(value, list | tuple) else "an object"


def _number_text(value: float) -> str:
    # repr of an int with more than 4300 digits raises.
    return "of many digits" if isinstance(value, int) and abs(value) > 10**40 else repr(value)


class _Reader:
    """Walks the raw value along the field tree; the tree bounds the depth."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.findings: list[Finding] = []
        self.lost: set[Path] = set()
        self.names: dict[Path, str] = {}
        self.unknown = 0

    def tell(
        self, rule: str, path: Path, message: str, fix: str = "", severity: Severity | None = None
    ) -> None:
        about = PARSING_RULES[rule]
        if len(self.findings) >= self.most:
            return
        self.findings.append(
            Finding(rule, severity or about.severity, path_text(path), message, fix)
        )

    # --- messages -----------------------------------------------------------------------------

    def message(self, raw: object, message: str, path: Path) -> Any:
        if isinstance(raw, list) and len(raw) == 1 and isinstance(raw[0], Mapping):
            self._wrong_shape(path, raw, "one object", "take the object out of its list")
            raw = raw[0]
        if not isinstance(raw, Mapping):
            several = not path and isinstance(raw, list)
            fix = "keep one job in a file" if several else "write the fields in { }"
            self._wrong_shape(path, raw, "an object", fix)
            return _ABSENT
        read: dict[str, Any] = {}
        given: dict[str, str] = {}
        for key, value in raw.items():
            field = self._field(key, raw, message, path)
            if field is None:
                continue
            if field.name in given:
                self._given_twice(field, given[field.name], str(key), path)
                continue
            given[field.name] = str(key)
            if key != field.name:
                self.names[(*path, field.name)] = str(key)
            if value is None:
                continue
            found = self._value(value, field, (*path, field.name))
            if found is not _ABSENT:
                read[field.name] = found
            else:
                self.lost.add((*path, field.name))
        self._check_oneofs(read, message, path)
        return read

    def _field(self, key: object, raw: Mapping[Any, Any], message: str, path: Path) -> Field | None:
        """The field of that name; for a misspelt one the field that was meant, if it is free."""
        known = fields_by_any_name(message)
        if isinstance(key, str) and key in known:
            return known[key]
        name = str(key)
        if (
            name in schema().alpha_only.get(message, ())
            and known_elsewhere(name[:100], message) is None
        ):
            self.tell(
                "PARSE_ALPHA_FIELD",
                (*path, name),
                f"{shown(name)} exists only in the v1alpha preview; v1 refuses it",
                "remove it",
            )
            return None
        if len(self.findings) >= self.most:
            return None
        self.unknown += 1
        near = nearest_field(name[:100], message) if self.unknown <= _MOST_GUESSED else None
        self._unknown(name, near, message, path)
        taken = near is None or near.name in raw or near.snake in raw
        return None if taken else near

    def _unknown(self, name: str, near: Field | None, message: str, path: Path) -> None:
        where = shown(path_text(path)) if path else "the job"
        guessed = self.unknown <= _MOST_GUESSED
        elsewhere = known_elsewhere(name[:100], message) if guessed else None
        if near is not None:
            fix = f"did you mean {shown(near.name)}?"
        elif elsewhere is not None:
            fix = f"{shown(elsewhere[0])} belongs in {elsewhere[1]}"
        else:
            names = ", ".join(schema().messages[message])
            fix = f"remove it; the fields here are {names}"
        self.tell("PARSE_UNKNOWN", (*path, name), f"{where} has no field {shown(name)}", fix)

    def _given_twice(self, field: Field, first: str, second: str, path: Path) -> None:
        self.tell(
            "PARSE_CASE_DUP",
            (*path, field.name),
            f"{shown(first)} and {shown(second)} are the same field; only one of them counts",
            f"keep {shown(field.name)} only",
        )

    def _check_oneofs(self, read: dict[str, Any], message: str, path: Path) -> None:
        given: dict[str, list[str]] = {}
        for name in read:
            oneof = schema().messages[message][name].oneof
            if oneof:
                given.setdefault(oneof, []).append(name)
        for oneof, names in given.items():
            if len(names) < 2:
                continue
            rule = ONEOF_RULES[oneof]
            if oneof == "data_source" and path[-1:] == ("bootDisk",):
                rule = "BD_SNAPSHOT"
            self.tell(
                rule,
                (*path, names[1]),
                f"{' and '.join(shown(n) for n in names)} are both given; only one may be",
                "keep one of them" if oneof != "executable" else "make one runnable of each",
            )

    # --- values -------------------------------------------------------------------------------

    def _value(self, value: object, field: Field, path: Path) -> Any:
        if field.many == "list":
            return self._list(value, field, path)
        if field.many == "map":
            return self._map(value, field, path)
        return self._single(value, field, path)

    def _list(self, value: object, field: Field, path: Path) -> Any:
        if not isinstance(value, list | tuple):
            self._wrong_shape(path, value, "a list", "put it in [ ]")
            value = [value]
        read = []
        for index, item in enumerate(value):
            if item is None:
                self._wrong_shape((*path, index), item, "a value", "remove the null")
                continue
            found = self._single(item, field, (*path, index))
            if found is not _ABSENT:
                read.append(found)
                continue
            self.lost.add((*path, index))
            if field.kind == "message":
                read.append({})  # keeps the places of those behind it
        return read

    def _map(self, value: object, field: Field, path: Path) -> Any:
        if not isinstance(value, Mapping):
            self._wrong_shape(path, value, "an object of names and values", "write { name: value }")
            return _ABSENT
        read = {}
        for key, item in value.items():
            name = str(key)
            if not isinstance(key, str) or _SURROGATE.search(key):
                self.tell("PARSE_TYPE", (*path, name), "a name here must be plain text", "quote it")
                continue
            if item is None:
                self.tell(
                    "PARSE_TYPE", (*path, name), "null is no value here", 'write "" or drop it'
                )
                continue
            found = self._single(item, field, (*path, name))
            if found is not _ABSENT:
                read[name] = found
            else:
                self.lost.add((*path, name))
        return read

    def _single(self, value: object, field: Field, path: Path) -> Any:
        if field.kind == "message":
            return self.message(value, field.of, path)
        if field.kind == "enum":
            return self._enum(value, field, path)
        if isinstance(value, Mapping | list | tuple):
            return self._not_single(value, field, path)
        reader = {
            "string": self._text,
            "bool": self._bool,
            "int32": self._int,
            "int64": self._int,
            "duration": self._duration,
            "timestamp": self._timestamp,
        }[field.kind]
        return reader(value, field, path)

    def _not_single(self, value: object, field: Field, path: Path) -> Any:
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
            self._wrong_shape(path, value, "one value", "take it out of its list")
            return value[0] if field.kind == "string" else _ABSENT
        wanted = {"string": "a text", "bool": "true or false"}.get(field.kind, "one value")
        self._wrong_shape(path, value, wanted, "")
        return _ABSENT

    def _wrong_shape(self, path: Path, value: object, wanted: str, fix: str) -> None:
        what = shown(path_text(path)) if path else "the job"
        self.tell("PARSE_SHAPE", path, f"{what} must be {wanted}, not {kind_of(value)}", fix)

    def _wrong_type(self, path: Path, value: object, wanted: str, fix: str) -> None:
        if isinstance(value, str) and placeholder_in(value):
            blank = placeholder_in(value)
            self.tell(
                "PLACEHOLDER",
                path,
                f"{shown(value)} is a blank that nobody filled in; {wanted} is needed",
                f"write the value in place of {shown(blank or value)}",
            )
            return
        self.tell(
            "PARSE_TYPE",
            path,
            f"{shown(path_text(path))} must be {wanted}, not {kind_of(value)}",
            fix,
        )

    def _text(self, value: object, field: Field, path: Path) -> Any:
        if isinstance(value, str):
            if _SURROGATE.search(value):
                self._wrong_type(path, "…", "valid Unicode text", "remove the lone surrogate")
                return _ABSENT
            return value
        self._wrong_type(path, value, "a text", "put it in quotes")
        if isinstance(value, bool):
            return "true" if value else "false"
        return _number_text(value) if isinstance(value, int | float) else _ABSENT

    def _bool(self, value: object, field: Field, path: Path) -> Any:
        if isinstance(value, bool):
            return value
        meant = {"true": True, "false": False}.get(str(value).lower())
        fix = f"write {str(meant).lower()} without quotes" if meant is not None else ""
        self._wrong_type(path, value, "true or false", fix)
        return _ABSENT if meant is None else meant

    def _int(self, value: object, field: Field, path: Path) -> Any:
        number: int | None = None
        if isinstance(value, bool):
            pass
        elif isinstance(value, int):
            number = value
        elif isinstance(value, float) and value.is_integer():
            number = int(value)
        elif isinstance(value, str) and _WHOLE.match(value):
            number = int(float(value)) if "." in value else int(value)
        if number is None:
            self._wrong_type(path, value, "a whole number", "write digits only")
            return _ABSENT
        limit = _INT_RANGE[field.kind]
        if not -limit <= number < limit:
            self._wrong_type(path, value, f"within {field.kind} (below {limit})", "")
            return _ABSENT
        return number

    def _enum(self, value: object, field: Field, path: Path) -> Any:
        words = schema().enums[field.of]
        rule = ENUM_RULES.get(field.of, "PARSE_ENUM")
        usual = ", ".join(word for word, number in words.items() if number)
        if isinstance(value, str) and value in words:
            word = value
        elif isinstance(value, int) and not isinstance(value, bool):
            by_number = {number: name for name, number in words.items()}
            if value not in by_number:
                self.tell(
                    "PARSE_ENUM_NUM",
                    path,
                    f"{kind_of(value)} stands for nothing here",
                    f"use one of {usual}",
                )
                return _ABSENT
            word = by_number[value]
        else:
            near = nearest_word(value, list(words)) if isinstance(value, str) else None
            if near is None and isinstance(value, str) and placeholder_in(value):
                self._wrong_type(path, value, f"one of {usual}", "")
                return _ABSENT
            fix = f"write {near}" if near else f"use one of {usual}"
            self.tell(rule, path, f"{kind_of(value)} is none of {usual}", fix)
            return near if near else _ABSENT
        if words[word] == 0:
            return self._unspecified(word, field, path)
        return word

    def _unspecified(self, word: str, field: Field, path: Path) -> Any:
        if field.of == "LifecyclePolicy.Action":
            self.tell(
                "LP_ACTION", path, f"{shown(word)} is no action", "use RETRY_TASK or FAIL_TASK"
            )
        else:
            self.tell(
                "PARSE_ENUM_NUM",
                path,
                f"{shown(word)} is the same as leaving it out",
                "remove it",
                "warning",
            )
        return _ABSENT

    def _duration(self, value: object, field: Field, path: Path) -> Any:
        read = seconds(value)
        if read is not None and (read > 0 or field.name == "runDuration"):
            return read
        if isinstance(value, str) and placeholder_in(value):
            self._wrong_type(path, value, "a duration such as 3600s", "")
            return _ABSENT
        meant = meant_seconds(value)
        if meant is not None:
            fix = f'write "{written(meant)}" ({spoken(meant)})'
        elif read == 0:
            fix = "leave it out for no limit of its own, or write the seconds, such as 3600s"
        else:
            fix = f"write seconds with an s, such as 3600s; the most is {LONGEST_S}s"
        self.tell(
            "TIMEOUT_FMT",
            path,
            f"{kind_of(value)} is not a duration: more than 0 seconds, with the letter s at the "
            "end, no spaces or sign",
            fix,
        )
        return _ABSENT if meant is None else meant

    def _timestamp(self, value: object, field: Field, path: Path) -> Any:
        if isinstance(value, str) and _TIMESTAMP.match(value):
            return value
        self._wrong_type(path, value, "a time such as 2026-01-31T12:00:00Z", "remove it")
        return _ABSENT
