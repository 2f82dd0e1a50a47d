"""`intent2batch fix`: a broken job, and the error or the complaint, to the fixed job and why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.gemini_options import Location, Model, Project, Temperature
from pipelines.cli.policy import PolicyFile, held_against

if TYPE_CHECKING:
    from components.config.bench import Bench
    from components.fix_config.answer import Answer


def register(app: typer.Typer) -> None:
    """Add the verb `fix`."""
    app.command("fix", short_help="Fix a broken job, given the error or the complaint.")(fix)


def fix(
    file: Annotated[
        str,
        typer.Argument(
            metavar="JOB.json",
            help="The job, JSON or YAML, even if broken: a file, a gs:// address, or -.",
        ),
    ],
    error: Annotated[
        str,
        typer.Option("--error", "-e", help="The error, the events or the trouble, in any words."),
    ] = "",
    error_file: Annotated[
        str, typer.Option(help="A file or gs:// address that holds the error, or - for stdin.")
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print {job, changes, message} as JSON.")
    ] = False,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Write the fixed job into FILE.")
    ] = False,
    region: Annotated[
        str, typer.Option(help="Where the job is to be submitted, to be checked too.")
    ] = "",
    policy: PolicyFile = "",
    prices: Annotated[
        str,
        typer.Option(
            "--prices",
            metavar="FILE",
            help="Price file of VMs for the policy's cost [the shipped one].",
        ),
    ] = "",
    reader: Annotated[
        str, typer.Option(help="offline (rules only) or gemini (adds to what the rules did).")
    ] = "offline",
    project: Project = "",
    location: Location = "global",
    model: Model = "",
    temperature: Temperature = -1.0,
) -> None:
    """Fix a broken job: what was wrong, the difference, the reason for each change.

    FILE is only written with --in-place. What breaks the policy is told, not mended. Ends with 0
    where the result has no error, 1 where some are left that only a person can mend, 2 where a
    file cannot be read.
    """
    from components.fix_config.fix import fix_job
    from components.tables.text import json_text
    from pipelines.cli.files import read_file, shown_name, write_file

    _check(file, error_file, in_place)
    against = held_against(policy, region or None, prices)
    suggest = _suggest(reader, project, location, model, temperature)
    data = read_file(file)
    complaint = "\n".join(filter(None, [error, _complaint(error_file)]))
    answer = fix_job(data, shown_name(file), complaint, against=against, suggest=suggest)
    if in_place and answer.changes and answer.job is not None:
        write_file(file, answer.text)
    sys.stdout.write(json_text(answer.to_dict(), indent=2) + "\n" if as_json else _told(answer))
    if not answer.ok:
        raise typer.Exit(1)


def _check(file: str, error_file: str, in_place: bool) -> None:
    from components.errors import WrongUse

    if file == "-" and in_place:
        raise WrongUse(
            "Standard input cannot be written to", fix="Name a file, or drop --in-place."
        )
    if file == "-" and error_file == "-":
        raise WrongUse("Job and error cannot both come from standard input", fix="Name a file.")


def _complaint(file: str) -> str:
    from pipelines.cli.files import read_file

    return read_file(file).decode("utf-8", "replace") if file else ""


def _told(answer: Answer) -> str:
    from components.fix_config.answer import unified_diff
    from components.tables.text import visible

    diff = unified_diff(answer)
    return visible(f"{answer.message}\n" + (f"\n{diff}" if diff else ""))


def _suggest(
    reader: str, project: str, location: str, model: str, temperature: float
) -> Callable[[Bench], Bench] | None:
    """What adds a model's proposals; None where no model is asked."""
    from components.parse_intent.step import reader_settings

    settings = reader_settings(reader, project, location, model, temperature)
    if settings is None:
        return None
    from components.fix_config.gemini_suggestions import suggestions_of

    return lambda bench: suggestions_of(bench, settings)
