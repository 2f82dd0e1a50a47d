"""Which column of a table has which role, by its name or by what the person says."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from difflib import get_close_matches

from components.errors import InputError
from components.rows.canonical import camel
from components.rows.fields import MESSAGES

# In order of preference.
_NAMES: dict[str, tuple[str, ...]] = {
    "prompt": ("prompt", "prompts", "question", "input", "query", "text"),
    "system": ("system", "system_instruction", "system_prompt", "instruction"),
    "model": ("model", "model_id"),
    "id": ("id", "key", "custom_id", "row_id", "name"),
    "media": ("media", "media_uri", "file_uri", "image_uri", "file", "image", "uri"),
    "mime_type": ("mime_type", "mime", "media_type"),
    "turns": ("turns", "messages", "history", "conversation"),
    "max_output_tokens": ("max_output_tokens", "max_tokens"),
    "stop_sequences": ("stop_sequences", "stop"),
    "response_schema": ("response_schema", "schema"),
    "response_json_schema": ("response_json_schema", "json_schema"),
    "generation_config": ("generation_config",),
}
_ALONE = (
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "thinking_budget",
    "thinking_level",
    "response_mime_type",
)
# Columns that change what is asked: one that is nearly called so is worth a word. The other roles
# have everyday words as names, and short names are near to many words.
_EVERYDAY = ("prompt", "id", "media", "mime_type", "turns")
_LIKELY = 0.85
_SETTINGS = [
    name
    for role, known in (_NAMES | {name: (name,) for name in _ALONE}).items()
    for name in known
    if role not in _EVERYDAY and len(name) >= 6
]
_MAX_DOUBTED = 200  # columns whose names are compared with others
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_GAP = re.compile(r"[\s\-_]+")


def plain_name(name: str) -> str:
    """`System Instruction` and `systemInstruction` as `system_instruction`."""
    return _GAP.sub("_", _HUMP.sub("_", name.strip())).strip("_").lower()


def roles_of(
    header: Sequence[str], given: Mapping[str, str], where: str, *, with_template: bool
) -> dict[str, int]:
    """The place of the column of each role.

    Args:
        header: names of the columns.
        given: roles that the person names columns for; an empty name: no column has that role.
        where: for the error.
        with_template: a template stands for the prompt column, whose name is then not guessed.

    Raises:
        InputError: a column that was named is not there or is there twice.
    """
    plain = [plain_name(name) for name in header]
    roles: dict[str, int] = {}
    for role, names in (_NAMES | {name: (name,) for name in _ALONE}).items():
        if role in given:
            if given[role]:
                roles[role] = _given(given[role], header, where)
        elif not (role == "prompt" and with_template):
            found = next((plain.index(name) for name in names if name in plain), None)
            if found is not None:
                roles[role] = _once(found, plain, header, where)
    return roles


def put_in(
    header: Sequence[str], roles: dict[str, int], placed: Container[int], given: Container[str]
) -> Iterator[str]:
    """Take the roles of settings from columns that the template puts into the prompt; warnings.

    A table of cities has a temperature, and one of instructions has them for its prompts: what is
    asked with such a column does not also change how it is asked, unless the person names it.
    """
    for role in [role for role in roles if role not in (*_EVERYDAY, "model")]:
        if roles[role] in placed and role not in given:
            name = header[roles.pop(role)][:60]
            yield (
                f"the column '{name}' is put into the prompt, and is not the setting {role}; to "
                f"have both, name it in the options: {json.dumps({'columns': {role: name}})}"
            )


def unused(header: Sequence[str], used: Container[int]) -> Iterator[str]:
    """Warnings of columns that nobody reads and whose names nearly are those of settings."""
    plains = [plain_name(name[:60]) for name in header[:_MAX_DOUBTED]]
    for index, (name, plain) in enumerate(zip(header, plains, strict=False)):
        if index in used or plain in _SETTINGS:
            continue
        close = get_close_matches(plain, _SETTINGS, n=1, cutoff=_LIKELY)
        if close and close[0] not in plains:
            yield f"the column '{name[:60]}' is not used; did you mean {close[0]}?"
        elif camel(plain) in MESSAGES["GenerationConfig"]:
            yield f"the column '{name[:60]}' is not used; write it into generation_config, as JSON"


def no_prompt(header: Sequence[str], where: str) -> InputError:
    """The error of a table in which nothing can be sent."""
    shown = ", ".join(f"'{name[:40]}'" for name in header[:12])
    close = get_close_matches(
        "prompt", [plain_name(name) for name in header[:_MAX_DOUBTED]], n=1, cutoff=0.6
    )
    meant = next((name for name in header if close and plain_name(name) == close[0]), "")
    hint = f"Did you mean '{meant[:40]}'? " if meant else ""
    if len(header) == 1 and not hint:
        hint = "The first line names the columns: write `prompt` above it, if it is a prompt. "
    named = json.dumps({"columns": {"prompt": meant[:40] or "NAME"}}, ensure_ascii=False)
    return InputError(
        f"No column holds the prompt; the columns are {shown}",
        where=where,
        fix=f"{hint}Name it in the options, {named}, or give a template over the columns.",
    )


def _given(name: str, header: Sequence[str], where: str) -> int:
    plain = [plain_name(column) for column in header]
    if name in header:
        return list(header).index(name)
    if plain_name(name) in plain:
        return _once(plain.index(plain_name(name)), plain, header, where)
    close = get_close_matches(name, list(header), n=1)
    raise InputError(
        f"There is no column '{name[:60]}'",
        where=where,
        fix=f"Did you mean '{close[0]}'?" if close else f"Columns: {', '.join(header[:12])}.",
    )


def _once(index: int, plain: Sequence[str], header: Sequence[str], where: str) -> int:
    if plain.count(plain[index]) > 1:
        raise InputError(
            f"The column '{header[index][:60]}' is there {plain.count(plain[index])} times",
            where=where,
            fix="Rename all but one.",
        )
    return index
