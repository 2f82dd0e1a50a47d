"""A request of any form, checked and hashed; and requests that stand ready in a file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from components.prepare_requests.made import Made
from components.prepare_requests.settings import Settings
from components.rows.canonical import TooDeep, camel, canonical, encoded, json_text, normalised
from components.rows.check import Problem, check_request
from components.rows.fields import REQUEST
from components.rows.models import Choice
from components.rows.references import broken, fill, may_refer, references_of, texts_of
from components.rows.shown import prompt_of

Choose = Callable[[str], Choice]

_ID_FIELDS = ("id", "key", "custom_id")
# Beside `request` the service drops them without a word. Labels may well be somebody's own column.
_WITHIN = frozenset(REQUEST) - {"labels"}


_ANSWERED = Problem(
    "answered",
    "response",
    "the line holds an answer already; its request is sent once more",
    "If these are the outputs of a job, collect them: intent2batch aggregate --rows … --outputs …",
    "warning",
)


def make_ready(value: Mapping[str, Any], settings: Settings, choose: Choose) -> Made:
    """The request of a line `{"request": …}` or of a bare request; it is sent as it stands."""
    name = next((str(value[f]) for f in _ID_FIELDS if isinstance(value.get(f), str | int)), "")
    request = value.get("request", value)
    if isinstance(request, str):  # as BigQuery exports it
        try:
            request = orjson.loads(request)
        except orjson.JSONDecodeError:
            return Made(name, reason="bad_request: request: the text is no JSON")
    if not isinstance(request, dict):
        return Made(name, reason="bad_request: request: must be an object")
    choice = choose(str(value.get("model") or request.get("model") or ""))
    if choice.error:
        return Made(name, reason=choice.error)
    beside = () if request is value else _beside(value)
    if beside:
        return Made(name, reason=beside[0].reason(), problems=beside)
    outside = ("model", *_ID_FIELDS) if request is value else ("model",)
    bare = {field: item for field, item in request.items() if field not in outside}
    warnings = [Problem("model", "", words, "", "warning") for words in choice.warnings]
    if value.get("response"):
        warnings.append(_ANSWERED)
    return made_of(name, choice.model, bare, settings, warnings)


def _beside(value: Mapping[str, Any]) -> tuple[Problem, ...]:
    words = "it stands beside the request, and the service looks only into it"
    return tuple(
        Problem("unknown_field", field, words, "Move it into request.")
        for field in value
        if camel(field) in _WITHIN
    )


def made_of(
    name: str,
    model: str,
    request: Mapping[str, Any],
    settings: Settings,
    problems: Sequence[Problem] = (),
) -> Made:
    """A request of any form, checked and hashed."""
    try:
        sent = normalised(request)
        form = canonical(sent)
    except TooDeep as error:
        return Made(name, reason=f"too_deep: the request is {error}")
    found = (*problems, *check_request(sent, settings.limits), *_broken(sent))
    wrong = next((problem for problem in found if problem.severity == "error"), None)
    prompt = json_text(prompt_of(sent))
    if wrong is not None:
        return Made(name, reason=wrong.reason(), problems=found, prompt=prompt)
    names = tuple(references_of(sent))
    if not names and any(map(may_refer, texts_of(sent))):
        sent = fill(sent, {})
        form = canonical(sent)
    digest = b"" if names else hashlib.sha256(model.encode() + b"\n" + form).digest()[:12]
    return Made(
        name,
        model,
        encoded(sent),
        digest,
        names,
        "",
        sum(len(text.encode("utf-8", "replace")) for text in texts_of(sent)),
        _media_types(sent),
        (sent.get("generationConfig") or {}).get("maxOutputTokens", 0),
        found,
        prompt,
    )


def _broken(request: Mapping[str, Any]) -> list[Problem]:
    """A reference that lacks its brace would be sent, and paid for, as it stands."""
    told = (broken(text) for text in texts_of(request) if may_refer(text))
    words = "is no reference to an answer and stays as it is"
    return [
        Problem("broken_reference", "", f"'{piece}' {words}", "", "warning")
        for piece in told
        if piece
    ]


def _media_types(request: Mapping[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    for turn in request.get("contents") or ():
        for part in turn["parts"]:
            files = (part[name] for name in ("fileData", "inlineData") if name in part)
            found.extend(file.get("mimeType", "") for file in files)
    return tuple(found)
