"""What the service would refuse in a request, found before anything is sent or paid.

The service reports a bad line after minutes in the queue and without its number, and sometimes
fails the whole job for it; unknown fields it drops silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from components.batch.findings import path_text
from components.rows import media
from components.rows.canonical import camel
from components.rows.fields import ELSEWHERE, MESSAGES, PART_KINDS, ROLES
from components.rows.limits import Limits

_MAX_PROBLEMS = 20  # of one request
_MAX_INLINE_BYTES = 20_000_000  # the service's limit on a request with inline data
_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "topP": (0, 1),
    "topK": (1, 1000),
    "maxOutputTokens": (1, 1_000_000),
    "candidateCount": (1, 8),
    "logprobs": (0, 20),
    "presencePenalty": (-2, 2),
    "frequencyPenalty": (-2, 2),
}
_MIME_OF_ANSWERS = ("text/plain", "application/json", "text/x.enum")
_NOT_WHITE = re.compile(r"\S")

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a request.

    Attributes:
        rule: typed name, such as `unknown_field`.
        path: the place in the request, such as `contents[0].parts[1].text`.
        message: what is wrong.
        fix: what to do; may be empty.
        severity: `error`: the row is not sent; `warning`: it is.
    """

    rule: str
    path: str
    message: str
    fix: str = ""
    severity: str = "error"

    def reason(self) -> str:
        """The problem as the reason of a row."""
        place = f"{self.path}: " if self.path else ""
        return f"{self.rule}: {place}{self.message}"


def check_request(request: Mapping[str, Any], limits: Limits) -> list[Problem]:
    """Everything that is wrong with a normalised request, errors and warnings, at most 20."""
    check = _Check()
    check.message(request, "Request", ())
    if not check.problems:
        _turns(check, request)
        _system(check, request)
        _generation(check, request.get("generationConfig") or {})
        _size(check, request, limits)
    if "cachedContent" in request:
        check.add(
            "cached_content",
            ("cachedContent",),
            "batch prediction takes no explicit cache",
            "Put the cached text first in every request; implicit caching works in batches.",
        )
    return check.problems


def check_text(text: str, limits: Limits) -> str:
    """The reason why one plain prompt cannot be sent; empty where it can."""
    if not _NOT_WHITE.search(text):
        return "empty_prompt: the prompt is empty"
    if "\0" in text:
        return "control_character: the prompt holds a NUL character"
    if len(text) > limits.max_prompt_chars:
        return too_long(len(text), limits)
    return ""


def too_long(chars: int, limits: Limits) -> str:
    """The reason of a request whose texts are too long."""
    return (
        f"prompt_too_long: {chars:,} characters, and {limits.max_prompt_chars:,} are allowed "
        "(max_prompt_chars)"
    )


class _Check:
    """Walks a request along the table of fields and collects what does not fit."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(
        self, rule: str, path: Path, message: str, fix: str = "", *, warn: bool = False
    ) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            severity = "warning" if warn else "error"
            self.problems.append(Problem(rule, path_text(path), message, fix, severity))

    def message(self, value: Mapping[str, Any], name: str, path: Path) -> None:
        fields = MESSAGES[name]
        for key, item in value.items():
            kind = fields.get(key)
            if kind is None:
                self.unknown(key, name, path)
            elif kind != "data":
                self.value(item, kind, (*path, key))

    def value(self, value: Any, kind: str, path: Path) -> None:
        if kind == "text" and isinstance(value, str):
            return
        if kind.endswith("[]"):
            self.each(enumerate(value) if isinstance(value, list) else None, value, kind, path)
        elif kind.endswith("{}"):
            self.each(value.items() if isinstance(value, dict) else None, value, kind, path)
        elif kind not in MESSAGES:
            if not _fits(value, kind):
                self.wrong_type(value, _WORDS[kind], path)
        elif isinstance(value, dict):
            self.message(value, kind, path)
        else:
            self.wrong_type(value, "an object", path)

    def each(
        self, items: Iterable[tuple[str | int, Any]] | None, value: Any, kind: str, path: Path
    ) -> None:
        if items is None:
            self.wrong_type(value, "a list" if kind.endswith("[]") else "an object", path)
            return
        for key, item in items:
            shown = key[:60] if isinstance(key, str) else key  # a name of the user's, of any length
            self.value(item, kind[:-2], (*path, shown))

    def unknown(self, key: str, message: str, path: Path) -> None:
        place = (*path, key[:60])
        fields = list(MESSAGES[message])
        close = get_close_matches(camel(key[:60]), fields, n=1, cutoff=0.6)
        home = next((name for name, known in _HOMES if key in known and name != message), "")
        if key in ELSEWHERE:
            fix = ELSEWHERE[key]
        elif close:
            fix = f"Did you mean {close[0]}?"
        elif home:
            fix = f"It belongs into {home}."
        else:
            fix = f"Known here: {', '.join(fields[:12])}."
        self.add("unknown_field", place, "the service knows no such field here", fix)

    def wrong_type(self, value: Any, wanted: str, path: Path) -> None:
        self.add("wrong_type", path, f"must be {wanted}, not {_shown(value)}")


_WORDS = {"text": "text", "number": "a number", "whole": "a whole number", "flag": "true or false"}
_HOMES = [
    ("generationConfig", MESSAGES["GenerationConfig"]),
    ("generationConfig.thinkingConfig", MESSAGES["ThinkingConfig"]),
    ("the request itself", MESSAGES["Request"]),
]


def _fits(value: Any, kind: str) -> bool:
    if kind == "flag":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind == "whole":
        return isinstance(value, int)
    return isinstance(value, int | float) if kind == "number" else isinstance(value, str)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    words = repr(value) if isinstance(value, str) else str(value).lower()
    return words if len(words) <= 40 else words[:37] + "…"


def _turns(check: _Check, request: Mapping[str, Any]) -> None:
    turns = request.get("contents") or []
    if not turns:
        check.add("empty_prompt", ("contents",), "there are no turns", "Add a turn with a text.")
    for index, turn in enumerate(turns):
        path = ("contents", index)
        role = turn.get("role")
        if role not in ("user", "model"):
            meant = ROLES.get(str(role).lower(), "")
            fix = f"Did you mean {meant}?" if meant else "Roles are user and model."
            if str(role).lower() == "system":
                fix = "Put it into systemInstruction."
            check.add("unknown_role", (*path, "role"), f"there is no role {_shown(role)}", fix)
        _parts(check, turn, path)
    if turns and turns[-1].get("role") == "model":
        check.add(
            "ends_with_model",
            ("contents", len(turns) - 1, "role"),
            "the last turn is the model's own",
            "End with a turn of the user.",
            warn=True,
        )


def _parts(check: _Check, turn: Mapping[str, Any], path: Path) -> None:
    parts = turn.get("parts") or []
    said = False
    for index, part in enumerate(parts):
        place = (*path, "parts", index)
        kinds = PART_KINDS & part.keys()
        if len(kinds) != 1:
            what = "holds nothing" if not kinds else f"holds {' and '.join(sorted(kinds))}"
            check.add("part_kind", place, f"the part {what}", "Give each part one content.")
        text = part.get("text")
        if text is None:
            said = True
            _media(check, part, place)
        else:
            said = said or bool(_NOT_WHITE.search(text))
            if "\0" in text:
                check.add("control_character", (*place, "text"), "it holds a NUL character")
    if not said:
        check.add("empty_prompt", (*path, "parts"), "the turn is empty", "Write a text.")


def _media(check: _Check, part: Mapping[str, Any], path: Path) -> None:
    file = part.get("fileData")
    if file is not None:
        wrong = media.problem(file.get("fileUri", ""), file.get("mimeType", ""))
        if wrong:
            check.add("bad_media", (*path, "fileData"), wrong)
    blob = part.get("inlineData")
    if blob is not None:
        if not blob.get("mimeType"):
            check.add("bad_media", (*path, "inlineData", "mimeType"), "the type is missing")
        if not blob.get("data"):
            check.add("bad_media", (*path, "inlineData", "data"), "there is no data")
        elif len(blob["data"]) > _MAX_INLINE_BYTES:
            check.add(
                "bad_media",
                (*path, "inlineData", "data"),
                f"{len(blob['data']):,} bytes, and {_MAX_INLINE_BYTES:,} are allowed",
                "Put the file into a bucket and name it with fileData.fileUri.",
            )


def _system(check: _Check, request: Mapping[str, Any]) -> None:
    system = request.get("systemInstruction")
    if system is not None:
        _parts(check, system, ("systemInstruction",))


def _generation(check: _Check, config: Mapping[str, Any]) -> None:
    for name, (low, high) in _RANGES.items():
        value = config.get(name)
        if value is not None and not low <= value <= high:
            check.add(
                "out_of_range",
                ("generationConfig", name),
                f"{_shown(value)} is outside of {low:g} to {high:g}",
            )
    if config.get("candidateCount", 1) > 1:
        check.add(
            "candidates",
            ("generationConfig", "candidateCount"),
            "all answers are paid for, and the results show the first",
            "Ask in several rows, or look for the others below predictions/.",
            warn=True,
        )
    if len(config.get("stopSequences") or ()) > 5:
        check.add("out_of_range", ("generationConfig", "stopSequences"), "at most 5 are allowed")
    mime = config.get("responseMimeType")
    if mime is not None and mime not in _MIME_OF_ANSWERS:
        check.add(
            "out_of_range",
            ("generationConfig", "responseMimeType"),
            f"there is no {_shown(mime)}",
            f"Known: {', '.join(_MIME_OF_ANSWERS)}.",
        )
    _schema(check, config, mime)


def _schema(check: _Check, config: Mapping[str, Any], mime: str | None) -> None:
    schemas = [name for name in ("responseSchema", "responseJsonSchema") if name in config]
    if len(schemas) == 2:
        check.add("two_schemas", ("generationConfig",), "give one of the two response schemas")
    if schemas and mime in (None, "text/plain"):
        check.add(
            "schema_without_json",
            ("generationConfig", schemas[0]),
            "a schema needs a type of answer that has one",
            'Set responseMimeType to "application/json".',
        )


def _size(check: _Check, request: Mapping[str, Any], limits: Limits) -> None:
    chars = 0
    for turn in [*request.get("contents", []), request.get("systemInstruction") or {}]:
        chars += sum(len(part.get("text", "")) for part in turn.get("parts", ()))
    if chars > limits.max_prompt_chars:
        rule, _, message = too_long(chars, limits).partition(": ")
        check.add(rule, (), message)
