"""What a person asks to run on this machine, checked before anything starts."""

from __future__ import annotations

import datetime
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import InputError, WrongUse
from components.storage.uris import join
from pipelines import parameters
from pipelines.notification import mails
from pipelines.request import Request, check_intent, given_parameters, reread_spec, spec_text

# Where the files of jobs lie that a run on this machine sends to the stand-ins.
STAGING = "staging"


@dataclass(frozen=True)
class Settled:
    """The parameters of a run, and the intent, which goes to `intent.txt` in its folder."""

    parameters: dict[str, Any]
    intent: str | None


def local_spec(pipeline: str) -> str:
    """The text of a compiled spec; empty for the name of a pipeline, which is compiled later.

    Raises:
        WrongUse: it is neither a known name nor a compiled spec, or runs on Vertex alone.
    """
    text = spec_text(pipeline)
    if text and mails(reread_spec(text)):
        raise WrongUse(
            "This spec mails its outcome, which only Vertex AI Pipelines can",
            where=pipeline,
            fix="Compile it without --notify to run it here.",
        )
    return text


def settle(request: Request, spec: Mapping[str, Any], folder: Path, project: str) -> Settled:
    """The run's parameters, checked, with what is usual on this machine where nothing was said.

    Args:
        request: what was asked.
        spec: the compiled pipeline.
        folder: the run's folder.
        project: the project of the stand-ins; empty if none is known.

    Raises:
        WrongUse: names, types or combinations that the pipeline does not take.
    """
    known = parameters.declared(spec)
    given = given_parameters(request, known)
    intent = _settle_intent(given, folder) if {"intent", "intent_uri"} <= set(known) else None
    if "source" in known:
        _check_source(str(given.get("source", "")))
    if given.get("policy_uri"):
        _check_policy(str(given["policy_uri"]))
    for name, value in _usual(project).items():
        if name in known and value:
            given.setdefault(name, value)
    parameters.check_for_this_machine(given)
    _check_place(given)
    return Settled(given, intent)


def _usual(project: str) -> dict[str, str]:
    """What is usual on this machine where nothing was said."""
    staging = join(f"gs://{project}-bucket", STAGING) if project else ""
    return {"reader": "offline", "project": project, "staging_uri": staging}


def _settle_intent(given: dict[str, Any], folder: Path) -> str | None:
    """Take the intent out of the parameters; its file stands in for it."""
    check_intent(given)
    uri = str(given.get("intent_uri") or "").strip()
    if uri and "://" not in uri and not Path(uri).is_file():
        raise WrongUse("There is no such file", where=f"parameter intent_uri: {uri}")
    if not given.get("intent"):
        return None
    given["intent_uri"] = str(folder / "intent.txt")
    return str(given.pop("intent"))


def _check_source(text: str) -> None:
    """Refuse a run whose files are not there; what lies elsewhere the step looks at."""
    from components.prepare_requests.step import sources_in

    sources = sources_in(text)
    if not sources:
        raise WrongUse("No source is named", fix="Name a CSV, XLSX or JSONL file.")
    for source in sources:
        if "://" not in source and "*" not in source and not Path(source).exists():
            raise WrongUse("There is no such file", where=f"parameter source: {source}")


def _check_policy(uri: str) -> None:
    """Refuse a run whose policy is not there or is none; what lies elsewhere the step looks at."""
    from components.config.policy_file import read_policy

    if "://" in uri:
        return
    try:
        read_policy(uri)
    except InputError as error:
        raise WrongUse(
            error.what, where=f"parameter policy_uri: {error.where or uri}", fix=error.fix
        ) from error


def _check_place(given: Mapping[str, Any]) -> None:
    """Refuse a region or a project that cannot be one; the stand-ins know the same regions."""
    from components.batch.locations import nearest_region, regions
    from components.batch.names import parent_name

    if given.get("project"):
        parent_name(given["project"], "us-central1")
    region = given.get("region")
    if region and region not in regions():
        near = nearest_region(region)
        raise WrongUse(
            f"'{parameters.short(region)}' is not a region of Batch",
            where="parameter region",
            fix=f"Did you mean {near}?" if near else "For example us-central1.",
        )


def choose_folder(request: Request, now: datetime.datetime) -> Path:
    """The folder of a run, not made yet; in the temporary folder if the usual path is a trap.

    Raises:
        WrongUse: the folder that the person chose holds something, or its path is a trap.
        InputError: it cannot be looked into.
    """
    stem = re.sub(r"python3|[^A-Za-z0-9._-]", "-", Path(request.pipeline).stem)[:80]
    # Two runs may begin in the same second.
    usual = Path("runs", f"{stem}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}")
    wanted = (request.out or usual).absolute()
    trapped = any(trap in str(wanted) for trap in parameters.KFP_TRAPS)
    if request.out is None:
        if not trapped:
            return wanted
        # Others may write to the temporary folder too: a name that nobody can take before us.
        return Path(tempfile.gettempdir(), f"intent2batch-{secrets.token_hex(8)}") / usual
    if trapped:
        raise WrongUse(
            f"The path of a local run cannot hold {' or '.join(parameters.KFP_TRAPS)}",
            where=str(wanted),
            fix="Choose another folder with --out.",
        )
    try:
        taken = wanted.exists() and not (wanted.is_dir() and not any(wanted.iterdir()))
    except OSError as error:
        raise _not_writable(wanted, error) from error
    if taken:
        raise WrongUse(
            "The folder of the run is not new and not empty",
            where=str(wanted),
            fix="Give another with --out.",
        )
    return wanted


def make_folder(folder: Path, settled: Settled) -> None:
    """Make the run's folder, with the intent in it.

    Raises:
        WrongUse: another run has taken it meanwhile.
        InputError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tmp").mkdir()
    except FileExistsError as error:
        raise WrongUse(
            "Another run has just taken this folder", where=str(folder), fix="Run it once more."
        ) from error
    except OSError as error:
        raise _not_writable(folder, error) from error
    try:
        if settled.intent is not None:
            (folder / "intent.txt").write_text(settled.intent, encoding="utf-8")
    except OSError as error:
        raise _not_writable(folder, error) from error


def _not_writable(folder: Path, error: OSError) -> InputError:
    return InputError(
        f"The folder of the run cannot be written ({os.strerror(error.errno or 0)})",
        where=str(folder),
        fix="Give another with --out.",
    )
