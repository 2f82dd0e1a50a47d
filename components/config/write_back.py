"""Writes a changed job into the text that it came from, touching only what changed.

Each difference becomes an edit at its place; a removal that is not plain to make, or a text that
does not read back as the job, is answered by writing the whole anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.batch.findings import Path
from components.config.edits import Edit, Place, apply_edits
from components.config.job_patch import matched
from components.config.source import Source, read_source
from components.config.spans import Read
from components.tables.text import json_text


def written_back(source: Source, job: Any) -> str:
    """The text of the source with the job in place of what it held.

    Args:
        source: a text that was read.
        job: JSON data.
    """
    if source.read is not None:
        if source.value == job:
            return source.text
        if source.clean == source.text:
            edited = _edited(source, source.read, job)
            if edited is not None:
                return edited
    return written_anew(source, job)


def _edited(source: Source, read: Read, job: Any) -> str | None:
    try:
        text = apply_edits(source.text, _edits(source.text, read, (), source.value, job))
    except (KeyError, _NotPlainError):
        return None
    again = read_source(text, source.file)
    return text if again.value == job else None


def written_anew(source: Source, job: Any) -> str:
    """The job as a text of its own, in the form of the source."""
    if source.read is not None and source.read.form == "yaml":
        return yaml_text(job)
    return json_text(job, indent=2) + "\n"


class _NotPlainError(Exception):
    """The difference cannot be made by small edits."""


def _edits(text: str, read: Read, path: Path, old: Any, new: Any) -> Iterator[Edit]:
    if old == new and type(old) is type(new):
        return
    place = Place(text, read, path)
    if place.is_alias:
        raise _NotPlainError
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _object_edits(place, old, new)
    elif _objects(old) and _objects(new) and _in_order(old, new):
        yield from _list_edits(place, old, new)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and old:
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _edits(text, read, (*path, index), before, after)
    else:
        yield _replaced(place, new)


def _objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _in_order(old: list[Any], new: list[Any]) -> bool:
    """Whether objects only came, went or changed, and none took the place of another."""
    kept = [i for i in matched(old, new) if i is not None]
    return bool(kept) and kept == sorted(kept)


def _list_edits(place: Place, old: list[Any], new: list[Any]) -> Iterator[Edit]:
    """Objects of a list that came, went or changed; the others keep their text."""
    was = matched(old, new)
    items = _json_items(place) if place.read.form == "json" or place.in_flow else _yaml_items(place)
    kept = [i for i in was if i is not None]
    for gone in sorted({*range(len(old))} - {*kept}):
        if items.glued and gone > max(kept):  # what glues it to the one before goes too
            yield Edit(items.ends[gone - 1], items.ends[gone], "")
        else:
            end = items.starts[gone + 1] if gone + 1 < len(old) else items.ends[gone]
            yield Edit(items.starts[gone], end, "")
    last: int | None = None
    front: list[Any] = []
    for item, i in zip(new, was, strict=True):
        if i is not None:
            yield from _edits(place.text, place.read, (*place.path, i), old[i], item)
            last = items.ends[i]
        elif last is None:
            front.append(item)
        else:
            yield Edit(last, last, items.behind(item))
    if front:
        yield Edit(items.starts[0], items.starts[0], "".join(map(items.before, front)))


@dataclass(frozen=True)
class _Items:
    """The objects of a list in a text: where each begins and ends, and how a new one is written.

    glued: whether commas stand between them.
    """

    starts: list[int]
    ends: list[int]
    glued: bool
    before: Callable[[Any], str]
    behind: Callable[[Any], str]


def _json_items(place: Place) -> _Items:
    spans = [place.read.spans[(*place.path, i)] for i in range(len(place.value))]
    first = spans[0].start
    line = place.text.rfind("\n", 0, first) + 1
    own_line = not place.text[line:first].strip()
    indent = place.text[line:first] if own_line else _indent(place.text, first)
    glue = f",\n{indent}" if own_line else ", "
    return _Items(
        [span.start for span in spans],
        [span.end for span in spans],
        True,
        lambda value: _json(value, indent) + glue,
        lambda value: glue + _json(value, indent),
    )


_DASH = re.compile(r"([ \t]*)-[ \t]+\Z")


def _yaml_items(place: Place) -> _Items:
    """The lines of each object of a block list, its dash included."""
    text, starts, ends, indents = place.text, [], [], []
    for i in range(len(place.value)):
        span = place.read.spans[(*place.path, i)]
        line = text.rfind("\n", 0, span.start) + 1
        dash = _DASH.match(text[line : span.start])
        if dash is None:
            raise _NotPlainError
        indents.append(dash[1])
        starts.append(line)
        kept = span.start + len(text[span.start : span.end].rstrip())
        newline = text.find("\n", kept)
        ends.append(newline + 1 if newline >= 0 else len(text))
    if not text.endswith("\n"):
        raise _NotPlainError
    indent = indents[0]

    def written(value: Any) -> str:
        block = yaml_text(value).rstrip("\n").replace("\n", f"\n{indent}  ")
        return f"{indent}- {block}\n"

    return _Items(starts, ends, False, written, written)


def _object_edits(place: Place, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Edit]:
    gone = [key for key in old if key not in new]
    added = {key: value for key, value in new.items() if key not in old}
    kept = [key for key in old if key in new]
    if len(gone) == 1 and len(added) == 1 and list(new) == [
        next(iter(added)) if key == gone[0] else key for key in old
    ]:  # fmt: skip
        name = next(iter(added))
        yield Place(place.text, place.read, (*place.path, gone[0])).renamed(name)
        yield from _edits(place.text, place.read, (*place.path, gone[0]), old[gone[0]], added[name])
        gone, added = [], {}
    if (gone and (len(gone) > 1 or added)) or not kept:
        if (old and not new) or gone or added:
            yield _replaced(place, new)
        return
    for key in gone:
        removed = Place(place.text, place.read, (*place.path, key)).removed()
        if removed is None:
            raise _NotPlainError
        yield removed
    for key in kept:
        yield from _edits(place.text, place.read, (*place.path, key), old[key], new[key])
    if added:
        yield _inserted(place, kept, added)


def _replaced(place: Place, new: Any) -> Edit:
    if place.read.form == "json" or place.in_flow:
        indent = _indent(place.text, place.span.start)
        return Edit(place.span.start, place.span.end, _json(new, indent))
    if isinstance(new, str) and place.is_block_text:
        return _block_text(place, new)
    if isinstance(new, str | int | float | bool) or new is None:
        end = place.span.end
        newline = "\n" if place.text[place.span.start : end].endswith("\n") else ""
        return Edit(place.span.start, end, place.replaced(new).text + newline)
    raw = place.text[place.span.start : place.span.end]
    tail = raw[len(raw.rstrip()) :]
    column = place.span.start - (place.text.rfind("\n", 0, place.span.start) + 1)
    if isinstance(place.value, dict | list) and new:
        text = yaml_text(new).rstrip("\n").replace("\n", "\n" + " " * column)
    else:
        text = json.dumps(new, ensure_ascii=False)
    return Edit(place.span.start, place.span.end, text + tail)


def _block_text(place: Place, new: str) -> Edit:
    """A text of several lines after | stays one."""
    head, _, body = place.written.partition("\n")
    indent = re.match(r"\s*", body)
    space = indent[0].rsplit("\n", 1)[-1] if indent else ""
    if head.strip() not in ("|", "|-") or new.startswith(" ") or not space:
        raise _NotPlainError
    lines = [f"{space}{line}" if line else "" for line in new.rstrip("\n").split("\n")]
    tail = place.written[len(place.written.rstrip()) :]
    return Edit(place.span.start, place.span.end, "\n".join([head, *lines]) + (tail or "\n"))


def _inserted(place: Place, kept: list[str], added: Mapping[str, Any]) -> Edit:
    """New fields: behind the last one in JSON, before the first one in a block of YAML."""
    path = place.path
    if place.read.form == "json" or path in place.read.flow or place.in_flow:
        last = place.read.spans[(*path, kept[-1])]
        line = place.text.rfind("\n", 0, last.key_start) + 1
        own_line = not place.text[line : last.key_start].strip()
        indent = place.text[line : last.key_start] if own_line else ""
        glue = f",\n{indent}" if own_line else ", "
        pieces = [
            f"{glue}{json.dumps(key)}: {_json(value, indent if own_line else None)}"
            for key, value in added.items()
        ]
        return Edit(last.end, last.end, "".join(pieces))
    first = min((place.read.spans[(*path, key)] for key in kept), key=lambda span: span.key_start)
    column = first.key_start - (place.text.rfind("\n", 0, first.key_start) + 1)
    block = yaml_text(dict(added)).rstrip("\n").replace("\n", "\n" + " " * column)
    return Edit(first.key_start, first.key_start, f"{block}\n{' ' * column}")


def _indent(text: str, at: int) -> str | None:
    """The white space that the line begins with; None where the whole text is one line."""
    if "\n" not in text.strip():
        return None
    line = text.rfind("\n", 0, at) + 1
    found = re.compile(r"[ \t]{0,200}").match(text, line)
    return found[0] if found else ""


def _json(value: Any, indent: str | None) -> str:
    short = json.dumps(value, ensure_ascii=False)
    plain_list = isinstance(value, list) and not any(isinstance(v, dict | list) for v in value)
    if indent is None or not isinstance(value, dict | list) or (plain_list and len(short) < 80):
        return short
    return json.dumps(value, ensure_ascii=False, indent=2).replace("\n", f"\n{indent}")


def yaml_text(value: Any) -> str:
    """JSON data as YAML, texts of several lines as blocks."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Texts of several lines are written with |."""

    def text(dumper: Any, data: str) -> Any:
        style = "|" if "\n" in data and not re.search(r"[ \t]\n|\A[ \n]", data) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, text)
    dumped = yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return str(dumped)
