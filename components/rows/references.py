"""`${output.3}` and `${output.name}`: the answer of another row, put in once.

A number is the place of a row in its own file, counted from 1; anything else, and a number beyond
the rows, is the id of a row of that file. `$${output.3}` is the text `${output.3}`. Only texts of
the request are looked at; what an answer holds is text and is never read for references again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_TOKEN = re.compile(r"\$?\$\{output\.([^{}\n]{1,128})\}")
_MARK = "${output."

Request = dict[str, Any]


def may_refer(text: str) -> bool:
    """Whether the text is worth a look: it holds the mark of a reference, escaped or not."""
    return _MARK in text


def names_in(text: str) -> list[str]:
    """The names that the text refers to, each once, in their order; escaped ones are no names."""
    found = (match for match in _TOKEN.finditer(text) if not match[0].startswith("$$"))
    return list(dict.fromkeys(match[1].strip() for match in found))


def broken(text: str) -> str:
    """The beginning of what looks like a reference and is none; empty where there is no such."""
    rest = _TOKEN.sub("", text)
    at = rest.find(_MARK)
    return rest[at : at + 40].split("\n")[0] if at >= 0 else ""


def escaped(text: str) -> str:
    """The text so that substitution gives it back as it was."""
    return _TOKEN.sub(lambda match: "$" + match[0], text) if _MARK in text else text


def substituted(text: str, answers: Mapping[str, str]) -> str:
    """The text with every reference replaced by the answer of that name, in one pass.

    Raises:
        KeyError: there is no answer of that name.
    """

    def put(match: re.Match[str]) -> str:
        return match[0][1:] if match[0].startswith("$$") else answers[match[1].strip()]

    return _TOKEN.sub(put, text) if _MARK in text else text


def texts_of(request: Mapping[str, Any]) -> Iterator[str]:
    """The texts of the turns and of the system instruction of a normalised request."""
    turns = request.get("contents")
    for turn in [*(turns if isinstance(turns, list) else []), request.get("systemInstruction")]:
        parts = turn.get("parts") if isinstance(turn, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]


def references_of(request: Mapping[str, Any]) -> list[str]:
    """The names that the texts of a normalised request refer to, each once."""
    found: dict[str, None] = {}
    for text in texts_of(request):
        if _MARK in text:
            found.update(dict.fromkeys(names_in(text)))
    return list(found)


def fill(template: Mapping[str, Any], answers: Mapping[str, str]) -> Request:
    """The request with the answers put into its texts; the template stays as it is.

    Args:
        template: the `template` of a line of `pending.jsonl`.
        answers: by name as the text writes it: `{"1": …, "capital": …}`. The `refs` of that line
            say which row each name means.

    Raises:
        KeyError: an answer is missing.
    """
    return _with_texts(template, lambda text: substituted(text, answers))


def _with_texts(request: Mapping[str, Any], change: Callable[[str], str]) -> Request:
    out = dict(request)
    if isinstance(out.get("contents"), list):
        out["contents"] = [_changed(turn, change) for turn in out["contents"]]
    if "systemInstruction" in out:
        out["systemInstruction"] = _changed(out["systemInstruction"], change)
    return out


def _changed(turn: Any, change: Callable[[str], str]) -> Any:
    if not isinstance(turn, dict) or not isinstance(turn.get("parts"), list):
        return turn
    parts = [
        {**part, "text": change(part["text"])}
        if isinstance(part, dict) and isinstance(part.get("text"), str)
        else part
        for part in turn["parts"]
    ]
    return {**turn, "parts": parts}
