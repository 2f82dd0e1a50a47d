"""`intent2batch parse`: words in, a Batch job out, with the reason for every field."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from pipelines.cli.gemini_options import (
    Answers,
    Location,
    Model,
    Project,
    Reader,
    Temperature,
    Without,
)

if TYPE_CHECKING:
    from components.batch.vm_prices import VmPrices
    from components.gemini.settings import GeminiSettings
    from components.parse_intent.answer import Answer
    from components.parse_intent.edit_file import EditedFile
    from components.parse_intent.reading import ReaderName


def register(app: typer.Typer) -> None:
    """Add the verb `parse`."""
    app.command("parse", short_help="Turn words into a Batch job, with the reason for each field.")(
        parse
    )


def parse(
    text: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="The intent; '-' or nothing reads standard input."),
    ] = None,
    file: Annotated[
        str, typer.Option("--file", "-f", help="A file or gs:// address that holds the intent.")
    ] = "",
    reader: Reader = "offline",
    project: Project = "",
    location: Location = "global",
    model: Model = "",
    temperature: Temperature = -1.0,
    without: Without = "",
    answers: Answers = 0,
    turn: Annotated[
        list[str] | None, typer.Option("--turn", help="A later turn that changes the job.")
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Read lines {id, turns}; write lines with outcomes.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole answer as JSON, not only the job.")
    ] = False,
    job: Annotated[
        str,
        typer.Option(
            "--job",
            metavar="FILE",
            help="A job, JSON or YAML, that the words change: a file or gs:// address.",
        ),
    ] = "",
    prices: Annotated[
        str,
        typer.Option("--prices", metavar="FILE", help="Price file of VMs [the shipped one]."),
    ] = "",
) -> None:
    """Turn words into a Google Cloud Batch job; says which words gave each field.

    The job goes to standard output as JSON. With --job the words change the job in FILE, which
    comes out in its own form and layout with nothing else touched; FILE itself stays as it is.
    Exit code 1 means that something must be answered first, or that the ask cannot be met.
    """
    from components.batch.vm_prices import load_vm_prices
    from components.errors import WrongUse
    from components.parse_intent.step import reader_settings
    from components.tables.text import json_text

    known = load_vm_prices(prices)
    settings = reader_settings(
        reader, project, location, model, temperature, without=without, max_turns=answers
    )
    answered = _answers(settings, known)
    edited = _edits(job, reader, known) if job else None
    if jsonl:
        _parse_lines(_lines(file), sys.stdout, answered, edited)
        return
    turns = [_intent(text or [], file), *(turn or [])]
    if not turns[0].strip():
        raise WrongUse(
            "The intent is empty",
            fix='Say what should run, e.g. intent2batch parse "3 tasks of `date`".',
        )
    done = edited(turns) if edited else None
    answer = done.answer if done else answered(turns)
    if as_json:
        diff = {"diff": done.diff} if done else {}
        sys.stdout.write(json_text(answer.to_dict() | diff, indent=2) + "\n")
    elif answer.job is not None:
        sys.stdout.write(done.text if done else json_text(answer.job, indent=2) + "\n")
    explain(answer, sys.stderr)
    _tell_diff(done)
    _tell_forecast(answer, known)
    if answer.outcome != "config":
        raise typer.Exit(1)


def _tell_diff(done: EditedFile | None) -> None:
    """Show what is different in the text of the job that was given."""
    from pipelines.cli.streams import tell

    if done is not None and done.diff:
        tell(f"\n{done.diff.rstrip()}")


def _edits(file: str, reader: str, prices: VmPrices) -> Callable[[list[str]], EditedFile]:
    """What changes the job of a file by the turns of a person."""
    from components.errors import WrongUse
    from components.parse_intent.edit_file import edit_file, read_job_file
    from pipelines.cli.files import read_file, shown_name

    if reader != "offline":
        raise WrongUse(
            f"A job that is given is changed by the offline reader, not by {reader}",
            fix="Drop --reader, or say the whole intent without --job.",
        )
    if file == "-":
        raise WrongUse("The job cannot come from standard input", fix="Name a file.")
    source = read_job_file(read_file(file), shown_name(file))
    return lambda turns: edit_file(source, turns, prices)


def _tell_forecast(answer: Answer, prices: VmPrices) -> None:
    """Say in one line what the job will take."""
    if answer.job is None:
        return
    from components.batch.forecast import forecast
    from components.batch.forecast_words import one_line
    from pipelines.cli.streams import tell

    tell(f"\nForecast: {one_line(forecast(answer.job, prices))}")


def _answers(settings: GeminiSettings | None, prices: VmPrices) -> Callable[[list[str]], Answer]:
    """What answers the turns of a person: Gemini where there are settings for it."""
    from components.parse_intent.answer import answer_intent

    reader: ReaderName = "gemini" if settings else "offline"
    return lambda turns: answer_intent(turns, reader=reader, settings=settings, prices=prices)


def _intent(words: list[str], file: str) -> str:
    if file:
        return _read(file)
    if words and words != ["-"]:
        return " ".join(words)
    if not words and sys.stdin.isatty():
        return ""
    return _standard_input()


def _read(file: str) -> str:
    from components.storage.files import read_text

    return read_text(file)


def _standard_input() -> str:
    from components.errors import InputError

    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            "This is not UTF-8 text", where="standard input", fix="Give the intent as plain text."
        ) from error


def _lines(file: str) -> Iterator[str]:
    return iter((_read(file) if file else _standard_input()).splitlines())


def _parse_lines(
    lines: Iterator[str],
    out: TextIO,
    answered: Callable[[list[str]], Answer],
    edited: Callable[[list[str]], EditedFile] | None,
) -> None:
    """One answer a line; a line that cannot be read gives an answer that says so."""
    from components.tables.text import json_text

    for number, line in enumerate(lines, start=1):
        if line.strip():
            out.write(json_text(_line_answer(line, number, answered, edited)) + "\n")
            out.flush()


def _line_answer(
    line: str,
    number: int,
    answered: Callable[[list[str]], Answer],
    edited: Callable[[list[str]], EditedFile] | None,
) -> dict[str, Any]:
    from components.errors import InputError, WrongUse

    try:
        given = json.loads(line)
        turns = given["turns"]
        if not isinstance(turns, list) or not all(isinstance(turn, str) for turn in turns):
            raise TypeError("turns")
    except (ValueError, KeyError, TypeError) as error:
        raise WrongUse(
            "The line is not a JSON object with id and turns",
            where=f"line {number}",
            fix='Write {"id": "a", "turns": ["what to run"]}.',
        ) from error
    try:
        done = edited(turns) if edited else None
        answer = done.answer if done else answered(turns)
    except InputError as error:
        return {"id": given.get("id"), "outcome": "reject", "job": None, "message": str(error)}
    return {
        "id": given.get("id"),
        "outcome": answer.outcome,
        "job": answer.job,
        "message": answer.message,
    } | ({"changes": answer.changes, "diff": done.diff} if done else {})


def explain(answer: Answer, err: TextIO) -> None:
    """Write what came of an intent and why, for a person."""
    from components.tables.text import visible

    err.write(visible("".join(_explained(answer))))


def _explained(answer: Answer) -> Iterator[str]:
    yield f"{answer.message}\n"
    if answer.evidence:
        yield "\nWhat you asked for:\n"
        for line in answer.evidence:
            quote = " ".join(str(line["quote"]).split())
            yield f"  {line['path']} = {_short(line['value'])}\n"
            if quote:
                yield f'      "{_clip(quote)}"\n'
    if answer.assumptions:
        yield "\nWhat was assumed:\n"
        for line in answer.assumptions:
            yield f"  {line['path']} = {_short(line['value'])}\n      {line['why']}\n"
    if answer.changes:
        yield "\nWhat changed:\n"
        for line in answer.changes:
            yield f"  {line['path']}: {_step(line['before'], line['after'])}\n"
    for title, lines in (("Warnings", answer.warnings), ("Not read", answer.unread)):
        if lines:
            yield f"\n{title}:\n" + "".join(f"  {_clip(line)}\n" for line in lines)


def _step(before: object, after: object) -> str:
    if before is None:
        return f"added {_short(after)}"
    return f"removed {_short(before)}" if after is None else f"{_short(before)} -> {_short(after)}"


def _short(value: object) -> str:
    from components.tables.text import json_text

    return _clip(json_text(value))


def _clip(text: str, width: int = 96) -> str:
    from components.tables.text import brief

    return brief(text, width)
