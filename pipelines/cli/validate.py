"""`intent2batch validate`: what is wrong with the text of Batch jobs, and where."""

from __future__ import annotations

import enum
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.policy import PolicyFile, held_against

if TYPE_CHECKING:
    from components.config.check import Against, Validated


class Format(enum.StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def register(app: typer.Typer) -> None:
    """Add `validate`."""
    app.command("validate", short_help="Find what is wrong with job files, and where.")(validate)


def validate(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE", help="Jobs as JSON or YAML: files, gs:// addresses, or - for stdin."
        ),
    ],
    format_: Annotated[
        Format, typer.Option("--format", help="How to write the findings.")
    ] = Format.TEXT,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what is safe to mend, and say what was done.")
    ] = False,
    policy: PolicyFile = "",
    region: Annotated[
        str, typer.Option("--region", help="Region that the jobs are to be submitted to.")
    ] = "",
    prices: Annotated[
        str,
        typer.Option(
            "--prices",
            metavar="FILE",
            help="Price file of VMs for the policy's cost [the shipped one].",
        ),
    ] = "",
) -> None:
    """Check Batch jobs: findings with file, line, column, path, rule and fix.

    A request to create a job, as submit --dry-run prints it, is checked with its job. Ends with 0
    where there is no error, 1 where there is, 2 where a file or the policy cannot be read.
    """
    from components.validate_config import formats
    from pipelines.cli.files import read_file, shown_name

    # Everything is read before anything is written, so a missing file changes no other.
    against = held_against(policy, region or None, prices)
    contents = [(file, read_file(file)) for file in files]
    checked: list[Validated] = []
    taken: dict[str, str] = {}
    for file, data in contents:
        now = replace(against, taken=dict(taken))
        checked.append(_mended(file, data, now) if fix else _checked(file, data, now))
        request = checked[-1].source.request if checked[-1].source else None
        if request is not None and request.name:
            taken.setdefault(request.name, shown_name(file))
    findings = [finding for validated in checked for finding in validated.findings]
    names = [shown_name(file) for file in files]
    written = {
        Format.TEXT: lambda: formats.as_text(findings, names),
        Format.JSON: lambda: formats.as_json(findings),
        Format.SARIF: lambda: formats.as_sarif(findings),
    }[format_]()
    if not (fix and "-" in files):  # with --fix - the job itself is the result
        sys.stdout.write(written)
    else:
        sys.stderr.write(written)
    if any(validated.errors for validated in checked):
        raise typer.Exit(1)


def _checked(file: str, data: bytes, against: Against) -> Validated:
    from components.config.check import validate_bytes
    from pipelines.cli.files import shown_name

    return validate_bytes(data, shown_name(file), against=against)


def _mended(file: str, data: bytes, against: Against) -> Validated:
    """Mend the file where that is safe, write it back, and check what it has become."""
    from components.config.check import validate_text
    from components.config.fix import fix_text
    from components.config.source import decode
    from components.tables.text import one_line
    from pipelines.cli.files import shown_name, write_file
    from pipelines.cli.streams import tell

    name = shown_name(file)
    text, slip = decode(data)
    if slip is not None:
        return _checked(file, data, against)
    fixed = fix_text(text, name)
    if file == "-":
        sys.stdout.write(fixed.text)
    elif fixed.changes:
        write_file(file, fixed.text)
    for change in fixed.changes:
        tell(one_line(f"{name}: mended {change.rule} {change.path}: {change.what}"))
    return validate_text(fixed.text, name, against=against)
