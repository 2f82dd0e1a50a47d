"""The text of a config: JSON or YAML, read with positions; what surrounds the job is set aside.

People and models hand in JSON with comments, with trailing commas, in Markdown fences, with a
sentence before it. Such text is read where only one reading is possible, and told as a finding.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from components.batch.findings import Finding, Part, Path, Severity, path_text
from components.batch.rules.request import Request, request_in
from components.batch.rules.rule import MOST_FINDINGS, Rule
from components.batch.schema import fields_by_any_name
from components.config.json_text import read_json, without_comments
from components.config.spans import (
    MOST_CHARACTERS,
    CannotRead,
    Lines,
    Read,
    Slip,
    Span,
)

TEXT_RULES = {
    rule.id: rule
    for rule in (
        Rule("PARSE_SYNTAX", "error", "X", "The text is neither JSON nor YAML."),
        Rule("PARSE_ENCODING", "error", "X", "The file is not UTF-8 text."),
        Rule("PARSE_DUP_KEY", "error", "X", "The same name twice in one object."),
        Rule("PARSE_FENCE", "error", "use", "Markdown or prose around the job."),
        Rule("PARSE_COMMENT", "error", "use", "Comments or trailing commas in JSON."),
        Rule("PARSE_YAML_TRAP", "warning", "X", "A word that YAML does not read as text."),
    )
}

_FENCE = re.compile(
    r"^[ \t]{0,3}(```++|~~~++)[ \t]*+([A-Za-z]*+)[^\n]*+\n(.*?)^[ \t]{0,3}\1", re.M | re.S
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SNAKE = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True)
class Source:
    """A text and what was read of it.

    Attributes:
        text: as given, without a byte order mark.
        file: its name, for findings.
        read: the value and its places; None where the text could not be read.
        findings: about the text itself.
        clean: the text with blanks in place of what was set aside; the same where nothing was.
        request: what stands beside the job, where the text is a request to create one.
        whole: all that was read; `read` is the job in it.
    """

    text: str
    file: str
    read: Read | None
    findings: list[Finding]
    clean: str
    request: Request | None = None
    whole: Read | None = None

    @property
    def value(self) -> Any:
        """The value; None where the text could not be read."""
        return self.read.value if self.read else None


def read_source(text: str, file: str, most: int = MOST_FINDINGS) -> Source:
    """Read JSON or YAML text; never raises for what the text holds.

    Args:
        text: the text.
        file: its name, which tells YAML by its ending.
        most: findings of one rule about the text itself; what is beyond is not told.
    """
    text = text.removeprefix("\ufeff")
    lines = Lines(text)
    try:
        _check_characters(text)
        clean, read = _first_that_reads(text, file)
        slips = read.slips
    except CannotRead as error:
        clean, read, slips = text, None, [error.slip]
    request = request_in(read.value) if read is not None else None
    job = read.below(("job",)) if read is not None and request is not None else read
    slips = job.slips if job is not None else slips
    findings = [_finding(slip, lines, file) for slip in _few(slips, most)]
    return Source(text, file, job, findings, clean, request, read)


def _few(slips: list[Slip], most: int) -> Iterator[Slip]:
    """At most so many of each rule."""
    told: Counter[str] = Counter()
    for slip in slips:
        told[slip.rule] += 1
        if told[slip.rule] <= most:
            yield slip


def decode(data: bytes) -> tuple[str, Slip | None]:
    """The bytes of a file as text; a slip where they are no UTF-8 text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "", Slip(
            "PARSE_ENCODING", 0, "the file is UTF-16 text, not UTF-8", "save it as UTF-8"
        )
    if b"\x00" in data[:MOST_CHARACTERS]:
        return "", Slip(
            "PARSE_ENCODING", 0, "the file is binary, not text", "give a JSON or YAML file"
        )
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        message = f"byte {error.start + 1} of the file is not UTF-8 text"
        return before, Slip("PARSE_ENCODING", len(before), message, "save the file as UTF-8")


def slip_finding(slip: Slip, text: str, file: str) -> Finding:
    """A slip as a finding, with its place in the text."""
    return _finding(slip, Lines(text), file)


def _finding(slip: Slip, lines: Lines, file: str) -> Finding:
    rule = TEXT_RULES.get(slip.rule)
    severity: Severity = rule.severity if rule else "error"
    line, column = lines.place(slip.offset)
    return Finding(
        slip.rule, severity, path_text(slip.path), slip.message, slip.fix, file, line, column
    )


def _check_characters(text: str) -> None:
    if len(text) > MOST_CHARACTERS:
        message = f"the text has {len(text)} characters; a job is at most 1000000 bytes (1 MB)"
        raise CannotRead(
            Slip("JOB_SIZE", 0, message, "split the job, or move data to Cloud Storage")
        )
    found = _CONTROL.search(text)
    if found is not None:
        message = f"the text holds the control character U+{ord(found[0]):04X}"
        raise CannotRead(Slip("PARSE_ENCODING", found.start(), message, "remove it"))


def _first_that_reads(text: str, file: str) -> tuple[str, Read]:
    """Read the text as it is; failing that, what is left when wrappings are set aside."""
    try:
        read = _read(text, file)
        if isinstance(read.value, Mapping) or _FENCE.search(text) is None:
            return text, read
        failure = CannotRead(Slip("PARSE_SYNTAX", 0, "the text is no job"))
    except CannotRead as error:
        failure = error
    for mended, slips, read_it in _mends(text, file):
        try:
            read = read_it(mended)
        except CannotRead:
            continue
        if isinstance(read.value, Mapping) and (read_it is not _read_job or _is_job(read)):
            first = replace(slips[0], message=_with_reason(slips[0], failure))
            return mended, replace(read, slips=[first, *slips[1:], *read.slips])
    raise failure


def _with_reason(slip: Slip, failure: CannotRead) -> str:
    """What was set aside, and what the parser says when it is not."""
    said = failure.slip.message
    return f"{slip.message} ({said})" if said.startswith("not ") else slip.message


def _mends(text: str, file: str) -> Iterator[tuple[str, list[Slip], Callable[[str], Read]]]:
    """Other texts to try, each with what was set aside and how to read it; places stay."""
    if text.lstrip()[:1] in ("{", "["):
        plain, comments = without_comments(text)
        if comments:
            yield plain, comments, read_json
    inner = _in_fence(text)
    reader: Callable[[str], Read] = partial(_read, file="")
    if inner is None:
        inner, reader = _in_braces(text), _read_job
    if inner is None:
        return
    base, slips = inner
    yield base, slips, reader
    plain, comments = without_comments(base)
    if comments and base.lstrip()[:1] in ("{", "["):
        yield plain, [*slips, *comments], reader


def _read_job(text: str) -> Read:
    return read_json(text)


def _is_job(read: Read) -> bool:
    """Whether what stood between braces is a job, and not just some object in a broken text."""
    return any(name in fields_by_any_name("Job") for name in read.value)


def _in_fence(text: str) -> tuple[str, list[Slip]] | None:
    """What stands in the first Markdown fence."""
    fence = _FENCE.search(text)
    return _only(text, fence.start(3), fence.end(3)) if fence is not None else None


def _in_braces(text: str) -> tuple[str, list[Slip]] | None:
    """What stands between the outermost braces, where something stands around them."""
    start, end = text.find("{"), text.rfind("}") + 1
    if start < 0 or end <= start or not (text[:start] + text[end:]).strip():
        return None
    return _only(text, start, end)


def _only(text: str, start: int, end: int) -> tuple[str, list[Slip]]:
    outside = text[:start] if text[:start].strip() else text[end:]
    offset = text.find(outside.strip()[:20])
    slip = Slip(
        "PARSE_FENCE", offset, "Markdown or prose stands around the job", "keep the job only"
    )
    return _blank(text[:start]) + text[start:end] + _blank(text[end:]), [slip]


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _read(text: str, file: str) -> Read:
    if text.lstrip()[:1] in ("{", "[", ""):
        try:
            return read_json(text)
        except CannotRead:
            if not file.endswith((".yaml", ".yml")):
                raise
    from components.config.yaml_text import read_yaml  # YAML is imported where needed

    try:
        return read_yaml(text)
    except CannotRead:
        if file.endswith(".json") and ":" not in text.split("\n", 1)[0]:
            read_json(text)
        raise


def locate(read: Read, path: Path, names: Mapping[Path, str]) -> Span | None:
    """Where the field stands, or the nearest thing above it that does.

    Args:
        read: the text that was read.
        path: the field's path in the job, in JSON names.
        names: the names as written, by path, where they differ from the JSON names.
    """
    written, _ = _follow(read, path, names)
    while written and written not in read.spans:  # inside an alias
        written = written[:-1]
    return read.spans.get(written)


def written_path(read: Read, path: Path, names: Mapping[Path, str]) -> Path | None:
    """The field's path in the names of the text; None where the text does not hold the field."""
    written, whole = _follow(read, path, names)
    return written if whole and written in read.spans else None


def _follow(read: Read, path: Path, names: Mapping[Path, str]) -> tuple[Path, bool]:
    """The path as written as far as it goes, and whether it goes to the end."""
    written: Path = ()
    value = read.value
    for index, part in enumerate(path):
        key = _written_key(value, part, path[: index + 1], names)
        if key is None:
            if isinstance(part, int) and not isinstance(value, list):
                continue  # one value stood where a list was needed
            return written, False
        written = (*written, key)
        value = value[key]
    return written, True


def _written_key(value: Any, part: Part, path: Path, names: Mapping[Path, str]) -> Part | None:
    if isinstance(value, list):
        if isinstance(part, int):
            return part if part < len(value) else None
        return None
    if not isinstance(value, Mapping) or isinstance(part, int):
        return None
    name = names.get(path, part)
    if name in value:
        return name
    snake = _SNAKE.sub("_", name).lower()
    return snake if snake in value else None
