"""`intent2batch doctor`: what a project lacks, and the command that mends each."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from components.errors import WrongUse

_FORMS = {
    "--project": re.compile(r"[a-z][a-z0-9.:-]{4,62}"),
    "--region": re.compile(r"[a-z]+-[a-z]+\d{1,2}"),
    "--bucket": re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"),
    "--service-account": re.compile(r"[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com"),
    "--images": re.compile(r"[a-z][a-z0-9-]{0,62}"),
    "--specs": re.compile(r"[a-z][a-z0-9-]{0,62}"),
}
_SIGNS = {"ok": "✓", "missing": "✗", "unknown": "?"}


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(short_help="Say what a project lacks, and the commands that mend it.")
    def doctor(
        project: Annotated[
            str, typer.Option(help="The project to look at [GOOGLE_CLOUD_PROJECT].")
        ] = "",
        region: Annotated[str, typer.Option(help="Where pipelines run.")] = "us-central1",
        bucket: Annotated[str, typer.Option(help="The results bucket.")] = "",
        service_account: Annotated[
            str, typer.Option(help="E-mail of the account that the steps run as.")
        ] = "",
        images: Annotated[
            str, typer.Option(help="Repository of the worker image.")
        ] = "intent2batch-images",
        specs: Annotated[str, typer.Option(help="Repository of the specs.")] = "intent2batch-specs",
        json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ) -> None:
        """Say what a project lacks for the pipelines, and the command that mends each.

        Only looks. What may not be looked at is called unknown.
        """
        from components.gemini.endpoint import is_local
        from components.project import project_here
        from pipelines.doctor.checks import Wanted, examine
        from pipelines.doctor.google import asker

        if is_local():
            raise WrongUse(
                "The environment points at stand-ins, which have no project to look at",
                fix="Run it in a terminal without the variables that `emulate` printed.",
            )
        project = project or project_here()
        if not project:
            raise WrongUse("No project is named", fix="Give --project ID.")
        bucket = bucket.removeprefix("gs://").rstrip("/")
        given = {
            "--project": project,
            "--region": region,
            "--bucket": bucket,
            "--service-account": service_account,
            "--images": images,
            "--specs": specs,
        }
        for option, value in given.items():
            if value and not _FORMS[option].fullmatch(value):
                raise WrongUse(f"'{value[:80]}' cannot be right", where=option)
        wanted = Wanted(project, region, bucket, service_account, images, specs)
        found = list(examine(asker(region), wanted))
        _print(found, as_json=json)
        if any(finding.state == "missing" for finding in found):
            raise typer.Exit(1)


def _print(found: list[Any], *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from components.tables.text import visible

    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], indent=2))
        return
    for finding in found:
        typer.echo(visible(f"{_SIGNS[finding.state]} {finding.what}: {finding.said}"))
        if finding.mend and finding.state != "ok":
            typer.echo(visible(f"    {finding.mend}"))
