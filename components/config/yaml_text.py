"""Reads YAML with the place of every value, from the parser's events.

Only plain data is built: no tags, so no code runs; aliases are followed, but every copy counts
towards the number of values, so an alias bomb ends early. The parser gives events one by one and
the stack here is a list, so depth costs no recursion.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import yaml

from components.batch.findings import Path
from components.batch.rules.rule import shown
from components.config.spans import (
    MOST_LEVELS,
    MOST_VALUES,
    CannotRead,
    Read,
    Slip,
    Span,
)

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MOST_OF_A_NUMBER = 100
_TAG = "tag:yaml.org,2002:"
_KNOWN_TAGS = frozenset(f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null"))
_ALSO_FINE = frozenset({None, "!", f"{_TAG}map", f"{_TAG}seq"})


def read_yaml(text: str) -> Read:
    """Read YAML text of one document.

    Raises:
        CannotRead: it is not YAML, has tags that are no plain data, several documents, or too
            many levels or values.
    """
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise CannotRead(_slip(text, error)) from error
    except (yaml.YAMLError, UnicodeError) as error:
        offset = getattr(error, "position", 0) or 0
        reason = getattr(error, "reason", None) or "it holds characters that YAML does not allow"
        raise CannotRead(
            Slip("PARSE_SYNTAX", offset, f"not YAML: {reason}", "remove them")
        ) from error
    return builder.read()


def _slip(text: str, error: yaml.MarkedYAMLError) -> Slip:
    mark = error.problem_mark or error.context_mark
    offset = mark.index if mark else 0
    where = f": line {mark.line + 1} column {mark.column + 1}" if mark else ""
    message = f"not YAML: {error.problem or error.context}{where}"
    fix = "check the indentation and the quotes here"
    if text[offset : offset + 1] == "\t":
        fix = "indent with spaces, not with tabs"
    return Slip("PARSE_SYNTAX", offset, message, fix)


@lru_cache(maxsize=1)
def _resolver() -> yaml.resolver.Resolver:
    return yaml.resolver.Resolver()


class _Open:
    """An object or list whose end is still to come; `key` waits for its value."""

    __slots__ = ("anchor", "flow", "key", "merges", "path", "size_before", "span", "value")

    def __init__(self, value: Any, path: Path, span: Span, event: Any, size_before: int) -> None:
        self.value = value
        self.path = path
        self.span = span
        self.flow = bool(event.flow_style)
        self.anchor = event.anchor
        self.key: tuple[str, int, int] | None = None
        self.merges: list[Any] = []
        self.size_before = size_before


class _Builder:
    """Takes the events in order and builds the value."""

    def __init__(self) -> None:
        self.stack: list[_Open] = []
        self.root: Any = None
        self.documents = 0
        self.size = 0
        self.spans: dict[Path, Span] = {}
        self.slips: list[Slip] = []
        self.plain: dict[Path, str] = {}
        self.flow: set[Path] = set()
        self.anchors: dict[str, tuple[Any, int]] = {}

    def read(self) -> Read:
        if not self.documents:
            raise CannotRead(
                Slip("PARSE_SYNTAX", 0, "there is no text", "give a Batch job as JSON or YAML")
            )
        return Read("yaml", self.root, self.spans, self.slips, self.plain, frozenset(self.flow))

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._refuse(event, "there is more than one document", "keep one job in a file")
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)

    def _refuse(self, event: Any, message: str, fix: str) -> None:
        raise CannotRead(Slip("PARSE_SYNTAX", event.start_mark.index, message, fix))

    def _count(self, event: Any, more: int = 1) -> None:
        self.size += more
        if self.size > MOST_VALUES:
            self._refuse(
                event, f"more than {MOST_VALUES} values, aliases counted in full", "split the job"
            )

    # --- places -------------------------------------------------------------------------------

    def _path(self) -> Path:
        """The path of the value that comes next."""
        if not self.stack:
            return ()
        top = self.stack[-1]
        if isinstance(top.value, list):
            return (*top.path, len(top.value))
        return (*top.path, top.key[0] if top.key else "")

    def _span(self, event: Any) -> Span:
        top = self.stack[-1] if self.stack else None
        key = top.key if top else None
        start, end = event.start_mark.index, event.end_mark.index
        return Span(start, end, key[1], key[2]) if key else Span(start, end)

    def _wants_key(self) -> bool:
        return (
            bool(self.stack) and isinstance(self.stack[-1].value, dict) and not self.stack[-1].key
        )

    def _put(self, value: Any) -> None:
        """Set a finished value into what it stands in."""
        if not self.stack:
            self.root = value
            return
        top = self.stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
            return
        name = top.key[0] if top.key else ""
        top.key = None
        if name == "<<" and isinstance(value, dict | list):
            top.merges.append(value)
        else:
            top.value[name] = value

    # --- events -------------------------------------------------------------------------------

    def _scalar(self, event: Any) -> None:
        self._count(event)
        if self._wants_key():
            self._key(event)
            return
        path = self._path()
        self.spans[path] = self._span(event)
        value = self._resolve(event, path)
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)
        self._put(value)

    def _key(self, event: Any) -> None:
        top = self.stack[-1]
        name = event.value
        if name in top.value:
            first = top.value[name]
            shown_first = shown(first, 30) if not isinstance(first, dict | list) else "an object"
            message = f"{shown(name)} is given twice; the first, {shown_first}, would be lost"
            slip = Slip("PARSE_DUP_KEY", event.start_mark.index, message, "keep one of them",
                        (*top.path, name))  # fmt: skip
            self.slips.append(slip)
        if event.implicit[0] and self._tag(event) in (f"{_TAG}bool", f"{_TAG}null"):
            self.slips.append(
                Slip(
                    "PARSE_YAML_TRAP",
                    event.start_mark.index,
                    f"YAML reads the name {shown(name)} as true, false or null",
                    f'write "{name}"',
                    (*top.path, name),
                )
            )
        top.key = (name, event.start_mark.index, event.end_mark.index)

    def _alias(self, event: Any) -> None:
        if self._wants_key():
            self._refuse(event, "an alias cannot be a name here", "write the name out")
        found = self.anchors.get(event.anchor)
        if found is None:
            self._refuse(
                event, f"no anchor &{event.anchor} stands before this alias", "write it out"
            )
            return
        value, size = found
        self._count(event, size)
        self.spans[self._path()] = self._span(event)
        self._put(value)

    def _open(self, event: Any) -> None:
        self._count(event)
        if event.tag not in _ALSO_FINE:
            self._refuse(event, f"the tag {shown(event.tag)} is no plain data", "remove the tag")
        if len(self.stack) >= MOST_LEVELS:
            self._refuse(
                event, f"nested more than {MOST_LEVELS} levels deep", "check the indentation"
            )
        if self._wants_key():
            self._refuse(event, "a name must be plain text", "quote it, or check the { and [ here")
        mapping = isinstance(event, yaml.MappingStartEvent)
        path, span = self._path(), self._span(event)
        self.spans[path] = span
        opened = _Open({} if mapping else [], path, span, event, self.size)
        if opened.flow:
            self.flow.add(path)
        self.stack.append(opened)

    def _close(self, event: Any) -> None:
        done = self.stack.pop()
        end = event.end_mark.index
        self.spans[done.path] = Span(done.span.start, end, done.span.key_start, done.span.key_end)
        for merged in done.merges:
            for mapping in merged if isinstance(merged, list) else [merged]:
                if isinstance(mapping, dict):
                    done.value.update({k: v for k, v in mapping.items() if k not in done.value})
        if done.anchor:
            self.anchors[done.anchor] = (done.value, self.size - done.size_before + 1)
        self._put(done.value)

    # --- scalars ------------------------------------------------------------------------------

    def _tag(self, event: Any) -> str:
        if event.tag in (None, "!"):
            resolver: Any = _resolver()
            return str(resolver.resolve(yaml.ScalarNode, event.value, event.implicit))
        return str(event.tag)

    def _resolve(self, event: Any, path: Path) -> Any:
        """The value of a scalar, as YAML 1.1 (which gcloud reads) understands it."""
        if event.tag not in (None, "!") and event.tag not in _KNOWN_TAGS:
            self._refuse(event, f"the tag {shown(event.tag)} is no plain data", "remove the tag")
        tag = self._tag(event).removeprefix(_TAG)
        if tag == "timestamp":
            self.plain[path] = event.value
        if tag not in ("int", "float", "bool", "null"):
            return event.value
        try:
            value = _construct(tag, event.value[:_MOST_OF_A_NUMBER])
        except (ValueError, KeyError, OverflowError):
            return event.value
        if len(event.value) > _MOST_OF_A_NUMBER:  # no number of a job; Python refuses to write it
            return event.value
        if event.tag is None:
            self.plain[path] = event.value
        return value


def _construct(tag: str, text: str) -> Any:
    node = yaml.ScalarNode(f"{_TAG}{tag}", text)
    constructor = yaml.constructor.SafeConstructor()
    if tag == "null":
        return None
    if tag == "bool":
        return constructor.construct_yaml_bool(node)
    if tag == "int":
        return constructor.construct_yaml_int(node)
    value = constructor.construct_yaml_float(node)
    # JSON has no infinity; as text the field's own rule will speak of it.
    return value if math.isfinite(value) else text
