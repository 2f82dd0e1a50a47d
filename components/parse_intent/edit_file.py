"""The file of a person's job, changed in words, and written in its own form and layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.batch.schema import fields_by_any_name
from components.batch.vm_prices import VmPrices
from components.config.source import Source, decode, read_source, slip_finding
from components.config.text_diff import text_diff
from components.config.write_back import written_back
from components.errors import InputError
from components.parse_intent.answer import Answer
from components.parse_intent.edit_job import edit_job


@dataclass(frozen=True)
class EditedFile:
    """What came of an edit: the answer, the file's text after it, and the difference."""

    answer: Answer
    text: str
    diff: str


def read_job_file(data: bytes, name: str) -> Source:
    """The job in a file, JSON or YAML, perhaps with the request around it.

    Raises:
        InputError: it holds no job that can be read.
    """
    text, slip = decode(data)
    source = read_source(text, name)
    findings = [slip_finding(slip, text, name)] if slip is not None else source.findings
    if slip is None and isinstance(source.value, Mapping) and _is_job(source.value):
        return source
    said = next((f for f in findings if f.severity == "error"), None)
    line = f":{said.line}:{said.column}" if said is not None else ""
    raise InputError(
        f"The job cannot be read: {said.message}" if said is not None else "This is no Batch job",
        where=f"{name}{line}",
        fix=f"Mend it first: intent2batch fix {name}",
    )


def _is_job(value: Mapping[str, object]) -> bool:
    known = fields_by_any_name("Job")
    return any(name in known for name in value)


def edit_file(source: Source, turns: Sequence[str], prices: VmPrices | None = None) -> EditedFile:
    """Change the job of a file as the words say; the file itself is not written.

    Args:
        source: from `read_job_file`.
        turns: the edits in order.
        prices: what machines cost; the shipped file if None.

    Raises:
        InputError: the turns are too long, or no text.
    """
    answer = edit_job(source.value, turns, prices)
    if answer.job is None:
        return EditedFile(answer, source.text, "")
    text = written_back(source, answer.job)
    return EditedFile(answer, text, text_diff(source.text, text, source.file, "changed"))
