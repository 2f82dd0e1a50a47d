"""The step of a run that reads the intent: answers it, leaves intent.json and job.json."""

from __future__ import annotations

import json
from typing import Any

from components.batch.vm_prices import load_vm_prices
from components.errors import InputError
from components.gemini.settings import GeminiSettings, gemini_settings
from components.parse_intent.answer import Answer, answer_intent
from components.parse_intent.reading import reader_named
from components.storage.files import read_text, write_json
from components.storage.uris import join
from components.tables.markdown import plain
from components.tables.text import json_text

INTENT_FILE = "intent.json"
JOB_FILE = "job.json"


def read_step(
    intent: str,
    intent_uri: str,
    run_uri: str,
    *,
    reader: str,
    settings: GeminiSettings | None,
    prices_uri: str = "",
) -> Answer:
    """Answer an intent and write intent.json, and job.json where a job came out.

    Args:
        intent: the words; where blank, `intent_uri` names a text file that holds them.
        intent_uri: local path or gs:// URI, used where `intent` is blank.
        run_uri: the run's folder.
        reader: "offline" or "gemini".
        settings: needed by the Gemini reader.
        prices_uri: a price file of VMs, local or gs://; empty for the shipped one.

    Raises:
        InputError: both are blank, the file is missing or no text, the intent is too long, or
            the prices cannot be read.
        WrongUse: the reader is unknown, or Gemini lacks a project.
        ServiceError: the model could not be reached.
    """
    words = intent if intent.strip() else _from_file(intent_uri)
    if not words.strip():
        raise InputError(
            "The intent is empty",
            where=intent_uri or "intent",
            fix="Say what should run, or name a file that says it.",
        )
    prices = load_vm_prices(prices_uri)
    answer = answer_intent([words], reader=reader_named(reader), settings=settings, prices=prices)
    write_json(join(run_uri, INTENT_FILE), answer.to_dict())
    if answer.job is not None:
        write_json(join(run_uri, JOB_FILE), answer.job)
    return answer


def _from_file(uri: str) -> str:
    return read_text(uri) if uri.strip() else ""


def reader_settings(
    reader: str,
    project: str,
    location: str = "",
    model: str = "",
    temperature: float = -1.0,
    *,
    without: str = "",
    max_turns: int = 0,
) -> GeminiSettings | None:
    """The settings of the reader of that name, see `gemini_settings`; None for the offline one.

    Raises:
        WrongUse: there is no such reader, no project is known, or a setting cannot be.
    """
    if reader_named(reader) == "offline":
        return None
    return gemini_settings(
        project, location, model, temperature, without=without, max_turns=max_turns
    )


def job_text(answer: Answer) -> str:
    """The job as JSON text; `null` where there is none."""
    return json_text(answer.job, indent=2) + "\n"


def _safe(value: Any, width: int = 200) -> str:
    """Text from an intent for a table cell in Markdown: no markup of its own, one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return plain(text, width)


def as_markdown(answer: Answer) -> str:
    """The answer as a page: what was understood, why, and what is open."""
    title = {"config": "A job came out", "clarify": "Something is open", "reject": "Not possible"}
    lines = [f"# {title[answer.outcome]}", "", _safe(answer.message, 2000), ""]
    lines += _table("What was asked", answer.evidence, "quote", "Your words")
    lines += _table("What was assumed", answer.assumptions, "why", "Why")
    for name, texts in (
        ("Questions", answer.questions),
        ("Warnings", answer.warnings),
        ("Words that reached no field", answer.unread),
    ):
        if texts:
            lines += [f"## {name}", "", *(f"- {_safe(text)}" for text in texts), ""]
    return "\n".join(lines) + "\n"


def _table(title: str, rows: list[dict[str, Any]], third: str, heading: str) -> list[str]:
    if not rows:
        return []
    lines = [f"## {title}", "", f"| Field | Value | {heading} |", "| --- | --- | --- |"]
    lines += [
        f"| {_safe(row['path'])} | {_safe(row['value'])} | {_safe(row[third])} |" for row in rows
    ]
    return [*lines, ""]
