"""What a row brings besides its text: files, and the conversation that it goes on from."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from components.prepare_requests.made import BadCell
from components.prepare_requests.settings import Settings
from components.rows import media
from components.rows.check import Problem
from components.rows.conversation import BadConversation, Turn, assembled, turns_of
from components.rows.references import texts_of

_MAX_CELL = 50_000
# One place a URI and no repetition: a pattern that begins with a run of blanks is tried again from
# every blank of the run, which takes hours in a cell that is full of them.
_BEFORE_URI = re.compile(r"(?<=[\s;,])(?=gs://|https?://)")
_SEPARATORS = string.whitespace + ";,"
_URI_NAMES = ("fileUri", "file_uri", "uri", "url")
_MIME_NAMES = ("mimeType", "mime_type", "mime", "media_type")


def media_parts(uris: str, mimes: str) -> list[dict[str, Any]]:
    """Parts for the files of a cell.

    Args:
        uris: URIs one after the other, or JSON: a URI's object, or a list of URIs and objects such
            as `{"uri": …, "mime_type": …}` or `{"fileData": {…}}`.
        mimes: a type for all of them or one for each, or a JSON list of these; where there is none,
            the ending of the name tells.

    Raises:
        BadCell: it cannot be read, or there are more types than files.
    """
    if not uris:
        return []
    if len(uris) > _MAX_CELL:
        raise BadCell(f"bad_media: the cell holds more than {_MAX_CELL:,} characters")
    listed = _listed(uris) if uris.startswith(("[", "{")) else _separate(uris)
    types = _types(mimes)
    if len(types) not in (0, 1, len(listed)):
        raise BadCell(f"bad_media: {len(listed)} files and {len(types)} mime types")
    parts = []
    for index, (uri, own) in enumerate(listed):
        given = types[index if len(types) > 1 else 0] if types else media.guessed(uri)
        file = {"fileUri": uri, "mimeType": own or given}
        parts.append({"fileData": file})
    return parts


def _separate(text: str) -> list[tuple[str, str]]:
    pieces = [piece.strip(_SEPARATORS) for piece in _BEFORE_URI.split(text)]
    return [(piece, "") for piece in pieces if piece] or [(text, "")]


def _listed(text: str) -> list[tuple[str, str]]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadCell("bad_media: the list of files is no JSON list") from error
    return [_file(item) for item in (found if isinstance(found, list) else [found])]


def _file(item: Any) -> tuple[str, str]:
    """URI and type of a file that is told as JSON."""
    if isinstance(item, str):
        return item, ""
    if isinstance(item, Mapping):
        told = item.get("fileData", item.get("file_data", item))
        if isinstance(told, Mapping):
            uri = next((told[name] for name in _URI_NAMES if name in told), None)
            mime = next((told[name] for name in _MIME_NAMES if name in told), "") or ""
            if isinstance(uri, str) and isinstance(mime, str):
                return uri, mime
    shown = orjson.dumps(item).decode()
    raise BadCell(f'bad_media: {shown[:60]} names no file; write its URI or {{"uri": …}}')


def _types(text: str) -> list[str]:
    if text.startswith("["):
        try:
            return [str(item) for item in orjson.loads(text)]
        except orjson.JSONDecodeError as error:
            raise BadCell("bad_media: the list of types is no JSON list") from error
    return [mime for mime in re.split(r"[\s;,]+", text) if mime]


def conversation(
    parts: Sequence[Mapping[str, Any]],
    text: str,
    stored: str,
    history: Sequence[Turn],
    rest: Mapping[str, Any],
    settings: Settings,
) -> tuple[dict[str, Any], list[Problem]]:
    """The request of a row that goes on a conversation, and what had to be left out."""
    try:
        own, own_system = turns_of(orjson.loads(stored)) if stored else ([], "")
    except orjson.JSONDecodeError as error:
        raise BadCell("bad_conversation: the turns are no JSON list") from error
    except BadConversation as error:
        raise BadCell(f"bad_conversation: {error}") from error
    asked = [Turn("user", text)] if text.strip() else []
    system = "\n\n".join([*texts_of({"systemInstruction": rest.get("systemInstruction")})])
    fitted = assembled(
        [*history, *own, *asked],
        system="\n\n".join(part for part in (system, own_system) if part),
        budget=settings.history_tokens,
    )
    request = {**rest, "contents": fitted.contents}
    if fitted.system:
        request["systemInstruction"] = {"parts": [{"text": fitted.system}]}
    files = [dict(part) for part in parts if "text" not in part]
    if files:
        request["contents"] = _with_files(fitted.contents, files)
    return request, _cut(fitted.dropped, fitted.tokens, fitted.fits, settings)


def _with_files(contents: list[dict[str, Any]], files: list[dict[str, Any]]) -> list[Any]:
    if contents and contents[-1]["role"] == "user":
        last = {**contents[-1], "parts": [*files, *contents[-1]["parts"]]}
        return [*contents[:-1], last]
    return [*contents, {"role": "user", "parts": files}]


def _cut(dropped: int, tokens: int, fits: bool, settings: Settings) -> list[Problem]:
    if not fits:
        words = f"about {tokens:,} tokens without any history, and {settings.history_tokens:,}"
        return [Problem("conversation_too_long", "", f"{words} are allowed (history_tokens)")]
    if not dropped:
        return []
    words = f"the {dropped} oldest turns are left out" if dropped > 1 else "the oldest turn is left"
    words = words if dropped > 1 else f"{words} out"
    room = f"{words}, to keep within {settings.history_tokens:,} tokens (history_tokens)"
    return [Problem("history_cut", "contents", room, "", "warning")]
