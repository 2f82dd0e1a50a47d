"""A row becomes a request: from the cells of a table, or from a request that stands ready."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from components.errors import InputError
from components.prepare_requests.columns import no_prompt, put_in, roles_of, unused
from components.prepare_requests.converse import conversation, media_parts
from components.prepare_requests.made import GENERATION, BadCell, Made, generation_of
from components.prepare_requests.ready import Choose, made_of, make_ready
from components.prepare_requests.settings import Settings
from components.prepare_requests.tables import MAX_COLUMNS
from components.prepare_requests.template import MissingColumns, compiled
from components.prepare_requests.template import doubts as nearly
from components.rows.canonical import TooDeep, canonical, encoded, json_text, normalised
from components.rows.check import Problem, check_request, check_text, too_long
from components.rows.conversation import Turn, text_of
from components.rows.references import escaped, may_refer, texts_of
from components.rows.shown import SHOWN_CHARS, beginning

_MARK = "\0the text\0"  # no text may hold NUL, so it stands nowhere else
_MAX_VARIANTS = 4096
_MAX_KEPT_CHARS = 4_000_000
_MAX_MAKERS = 32
_SHARED_ROLES = ("model", "system", "generation_config", *GENERATION)


@dataclass(frozen=True)
class _Variant:
    """All that rows with equal settings share: the request around the text, ready to be written."""

    reason: str = ""
    model: str = ""
    rest: Mapping[str, Any] = field(default_factory=dict)
    head: bytes = b""
    tail: bytes = b""
    hashed: Any = None  # of model and canonical form up to the text
    hashed_tail: bytes = b""
    plain: bool = False  # nothing but the text differs from row to row
    chars: int = 0
    text_bytes: int = 0
    max_output: int = 0
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()  # those among the problems that no check of a request finds


class TableMaker:
    """Makes requests from the cells of rows with one header.

    Args:
        header: names of the columns.
        settings: of the preparation.
        choose: the model that a name stands for.
        history: turns of the stored conversation that every row goes on from.
        where: the file's name, for errors.

    Raises:
        InputError: there is nothing to send in such rows, or a named column is missing.
        MissingColumns: the template names columns that are not there.
    """

    def __init__(
        self,
        header: Sequence[str],
        settings: Settings,
        choose: Choose,
        history: Sequence[Turn],
        where: str,
    ) -> None:
        self._settings = settings
        self._choose = choose
        self._history = history
        roles = roles_of(header, settings.columns, where, with_template=bool(settings.template))
        self._template = compiled(settings.template, header) if settings.template else None
        if self._template is None and not {"prompt", "turns"} & roles.keys():
            raise no_prompt(header, where)
        placed = self._template.columns() if self._template else set()
        doubts = [*put_in(header, roles, placed, settings.columns)]
        doubts += unused(header, {*roles.values(), *placed})
        told = [_warning("unused_column", words) for words in doubts]
        if self._template:
            told += [_warning("template", words) for words in nearly(self._template, header)]
        self._doubts = tuple(told)
        self._roles = roles
        self._prompt = roles.get("prompt", -1)
        self._id = roles.get("id", -1)
        self._own = [roles[role] for role in ("media", "turns") if role in roles]
        self._shared = [(role, roles[role]) for role in _SHARED_ROLES if role in roles]
        self._shared_cells = [place for _, place in self._shared]
        self._variants: dict[tuple[str, ...], _Variant] = {}
        self._kept_chars = 0

    def make(self, cells: Sequence[str]) -> Made:
        """The request of one row."""
        name = cells[self._id] if self._id >= 0 else ""
        key = tuple([cells[place] for place in self._shared_cells])
        variant = self._variants.get(key) or self._new_variant(key)
        if self._template is None:
            text = cells[self._prompt] if self._prompt >= 0 else ""
            refers = "${output." in text
        else:
            text = self._template.fill(cells)
            refers = self._template.refers
        if variant.reason:
            prompt = json_text(beginning(text))
            return Made(name, reason=variant.reason, problems=variant.problems, prompt=prompt)
        special = any(cells[place] for place in self._own)
        if refers or special or not variant.plain:
            return self._make_slowly(name, text, refers, cells, variant)
        if not text or text.isspace() or "\0" in text:
            return Made(name, reason=check_text(text, self._settings.limits))
        if len(text) + variant.chars > self._settings.limits.max_prompt_chars:
            chars = len(text) + variant.chars
            prompt = json_text(beginning(text))
            return Made(name, reason=too_long(chars, self._settings.limits), prompt=prompt)
        return _finished(name, text, variant)

    def _new_variant(self, key: tuple[str, ...]) -> _Variant:
        self._kept_chars += sum(map(len, key))
        if len(self._variants) >= _MAX_VARIANTS or self._kept_chars > _MAX_KEPT_CHARS:
            self._variants.clear()  # bounded; rows that all differ would fill the memory
            self._kept_chars = 0
        cells = {role: text for (role, _), text in zip(self._shared, key, strict=True)}
        variant = _variant(
            cells, self._settings, self._choose, self._doubts, joined=bool(self._history)
        )
        self._variants[key] = variant
        return variant

    def _make_slowly(
        self, name: str, text: str, refers: bool, cells: Sequence[str], variant: _Variant
    ) -> Made:
        if not refers and may_refer(text) and self._template is not None:
            text = escaped(text)  # what cells hold is no reference
        try:
            request, problems = self._request(text, cells, variant)
        except BadCell as error:
            return Made(name, reason=str(error), prompt=json_text(beginning(text)))
        if problems and problems[0].severity == "error":
            prompt = json_text(beginning(text))
            return Made(name, reason=problems[0].reason(), problems=tuple(problems), prompt=prompt)
        doubts = (*variant.warnings, *problems)
        return made_of(name, variant.model, request, self._settings, doubts)

    def _request(
        self, text: str, cells: Sequence[str], variant: _Variant
    ) -> tuple[dict[str, Any], list[Problem]]:
        parts = media_parts(self._cell("media", cells), self._cell("mime_type", cells))
        if text.strip() or not parts:
            parts.append({"text": text})
        stored = self._cell("turns", cells)
        if not stored and not self._history:
            return {"contents": [{"role": "user", "parts": parts}], **variant.rest}, []
        return conversation(parts, text, stored, self._history, variant.rest, self._settings)

    def _cell(self, role: str, cells: Sequence[str]) -> str:
        return cells[self._roles[role]].strip() if role in self._roles else ""


def _finished(name: str, text: str, variant: _Variant) -> Made:
    quoted = json_text(text)
    hashed = variant.hashed.copy()
    hashed.update(quoted + variant.hashed_tail)
    return Made(
        name,
        variant.model,
        variant.head + quoted + variant.tail,
        hashed.digest()[:12],
        (),
        "",
        len(quoted) - 2 + variant.text_bytes,
        (),
        variant.max_output,
        variant.problems,
        quoted if len(text) <= SHOWN_CHARS else json_text(beginning(text)),
    )


def _variant(
    cells: Mapping[str, str],
    settings: Settings,
    choose: Choose,
    doubts: Sequence[Problem],
    *,
    joined: bool,
) -> _Variant:
    choice = choose(cells.get("model", "").strip())
    if choice.error:
        return _Variant(choice.error)
    try:
        rest = _rest(cells, settings)
        skeleton = {"contents": [{"role": "user", "parts": [{"text": _MARK}]}], **rest}
        sent = normalised(skeleton)
        form = canonical(sent)
    except BadCell as error:
        return _Variant(str(error))
    except TooDeep as error:
        return _Variant(f"too_deep: {error}")
    warnings = (*doubts, *(_warning("model", words) for words in choice.warnings))
    tried = {**sent, "contents": [{"role": "user", "parts": [{"text": "x"}]}]}
    problems = (*warnings, *check_request(tried, settings.limits))
    for problem in problems:
        if problem.severity == "error":
            return _Variant(problem.reason(), problems=problems)
    system = "".join(texts_of({"systemInstruction": rest.get("systemInstruction")}))
    mark = orjson.dumps(_MARK)
    head, _, tail = encoded(sent).partition(mark)
    hashed_head, _, hashed_tail = form.partition(mark)
    return _Variant(
        model=choice.model,
        rest=rest,
        head=head,
        tail=tail,
        hashed=hashlib.sha256(choice.model.encode() + b"\n" + hashed_head),
        hashed_tail=hashed_tail,
        plain=not joined and not may_refer(system),
        chars=len(system),
        text_bytes=len(system.encode("utf-8", "replace")),
        max_output=(rest.get("generationConfig") or {}).get("maxOutputTokens", 0),
        problems=problems,
        warnings=warnings,
    )


def _warning(rule: str, words: str) -> Problem:
    return Problem(rule, "", words, "", "warning")


def _rest(cells: Mapping[str, str], settings: Settings) -> dict[str, Any]:
    """The request without its turns."""
    base = normalised({"generationConfig": dict(settings.generation)}).get("generationConfig", {})
    rest: dict[str, Any] = {}
    system = cells.get("system", "").strip() or settings.system
    system = "\n\n".join(text for text in (system, *settings.pinned) if text.strip())
    if system:
        rest["systemInstruction"] = {"parts": [{"text": system}]}
    config = generation_of(cells, base)
    if config:
        rest["generationConfig"] = config
    if settings.safety:
        rest["safetySettings"] = [dict(item) for item in settings.safety]
    if settings.labels:
        rest["labels"] = dict(settings.labels)
    return rest


class ObjectMaker:
    """Makes requests from JSON objects: ready requests, or our rows with any set of fields."""

    def __init__(
        self, settings: Settings, choose: Choose, history: Sequence[Turn], where: str
    ) -> None:
        self._settings = settings
        self._choose = choose
        self._history = history
        self._where = where
        self._makers: dict[tuple[str, ...], TableMaker | str] = {}

    def make(self, value: Mapping[str, Any]) -> Made:
        """The request of one object."""
        if "contents" in value or ("request" in value and self._is_ready(value["request"])):
            return make_ready(value, self._settings, self._choose)
        if len(value) > MAX_COLUMNS:
            reason = f"too_many_fields: {len(value):,} fields, and {MAX_COLUMNS:,} are allowed"
            return Made("", reason=reason)
        names = tuple(value)
        maker = self._makers.get(names) or self._new_maker(names)
        if isinstance(maker, str):
            return Made(str(value.get("id", "")), reason=maker)
        try:
            cells = [v if type(v) is str else _cell(v) for v in value.values()]
        except TypeError:
            return Made("", reason="bad_json: a number of the row is out of range")
        return maker.make(cells)

    def _is_ready(self, request: Any) -> bool:
        """Whether it is a request of the service, and no text for the template."""
        plain = isinstance(request, str) and not request.lstrip().startswith("{")
        return not (self._settings.template and plain)

    def _new_maker(self, names: tuple[str, ...]) -> TableMaker | str:
        if len(self._makers) >= _MAX_MAKERS:
            self._makers.clear()
        maker: TableMaker | str
        try:
            maker = TableMaker(names, self._settings, self._choose, self._history, self._where)
        except MissingColumns as error:
            maker = f"missing_variable: {error.words}"
        except InputError as error:
            maker = f"no_prompt: {error.what}"
        self._makers[names] = maker
        return maker


def _cell(value: Any) -> str:
    """A JSON value as the cell of a table would hold it; `{"parts": [{"text": …}]}` as its text."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, dict) and "parts" in value:
        text = text_of(value)
        if text is not None:
            return text
    return orjson.dumps(value).decode()
