"""`intent2batch validate`: what is wrong with the text of Batch jobs, and where."""

from __future__ import annotations

import enum
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from components.errors import Intent2BatchError, WrongUse

if TYPE_CHECKING:
    from components.config.check import Validated


class Format(enum.StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def register(app: typer.Typer) -> None:
    """Add `validate`."""
    app.command("validate")(validate)


def validate(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", help="Jobs as JSON or YAML: files, gs:// addresses, or - for stdin."
        ),
    ],
    format_: Annotated[
        Format, typer.Option("--format", help="How to write the findings.")
    ] = Format.TEXT,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what is safe to mend, and say what was done.")
    ] = False,
) -> None:
    """Check Batch jobs: findings with file, line, column, path, rule and fix.

    Ends with 0 where there is no error, 1 where there is, 2 where a file cannot be read.
    """
    from components.validate_config import formats

    # Everything is read before anything is written, so a missing file changes no other.
    contents = [(file, _read(file)) for file in files]
    checked = [_mended(file, data) if fix else _checked(file, data) for file, data in contents]
    findings = [finding for validated in checked for finding in validated.findings]
    names = [_shown_name(file) for file in files]
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


def _shown_name(file: str) -> str:
    return "<stdin>" if file == "-" else file


def _read(file: str) -> bytes:
    """The content of the file.

    Raises:
        WrongUse: there is no such file, or it cannot be read.
    """
    if file == "-":
        return sys.stdin.buffer.read()
    from components.storage.files import read_bytes

    try:
        return read_bytes(file)
    except Intent2BatchError as error:
        raise WrongUse(error.what, where=error.where, fix=error.fix) from error


def _checked(file: str, data: bytes) -> Validated:
    from components.config.check import validate_bytes

    return validate_bytes(data, _shown_name(file))


def _mended(file: str, data: bytes) -> Validated:
    """Mend the file where that is safe, write it back, and check what it has become."""
    from components.config.check import validate_text
    from components.config.fix import fix_text
    from components.config.source import decode
    from components.tables.text import one_line
    from pipelines.cli.streams import tell

    name = _shown_name(file)
    text, slip = decode(data)
    if slip is not None:
        return _checked(file, data)
    fixed = fix_text(text, name)
    if file == "-":
        sys.stdout.write(fixed.text)
    elif fixed.changes:
        _write(file, fixed.text)
    for change in fixed.changes:
        tell(one_line(f"{name}: mended {change.rule} {change.path}: {change.what}"))
    return validate_text(fixed.text, name)


def _write(file: str, text: str) -> None:
    """Put the text in place of the file; a link stays a link, and permissions stay.

    Raises:
        WrongUse: the file may not be written.
    """
    from components.storage.files import write_text

    if file.startswith("gs://"):
        write_text(file, text, content_type="application/json")
        return
    target = Path(file).resolve()
    if not os.access(target, os.W_OK):
        raise WrongUse("The file may not be written", where=file, fix="Check its permissions.")
    mode = target.stat().st_mode
    write_text(str(target), text)
    target.chmod(stat.S_IMODE(mode))
