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

import yaml

from components.errors import InputError, WrongUse
from pipelines import parameters


@dataclass(frozen=True)
class Request:
    """What a person asks to run.

    Args:
        pipeline: a pipeline's name, or the path of a compiled spec.
        text: the intent; it travels as a file, never as a parameter.
        words: `NAME=VALUE` parameters.
        parameter_file: YAML or JSON with parameters; `words` win over it.
        out: the folder of this run, new or empty; `runs/<pipeline>-<time>` if None.
        dry_run: sets the parameter `dry_run`.
        uploads: `LOCAL=gs://bucket/path` words, copied into the stand-ins' buckets.
    """

    pipeline: str
    text: str | None = None
    words: tuple[str, ...] = ()
    parameter_file: Path | None = None
    out: Path | None = None
    dry_run: bool = False
    uploads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settled:
    """The parameters of a run, and the intent, which goes to `intent.txt` in its folder."""

    parameters: dict[str, Any]
    intent: str | None


def spec_text(pipeline: str) -> str:
    """The text of a compiled spec; empty for the name of a pipeline, which is compiled later.

    Raises:
        WrongUse: it is neither a known name nor a compiled spec.
    """
    from pipelines.compiling import PIPELINES

    if pipeline in PIPELINES:
        return ""
    path = Path(pipeline)
    if not path.is_file():
        raise WrongUse(
            f"There is no pipeline and no file '{pipeline}'",
            fix=f"Give a compiled spec, or a name: {', '.join(PIPELINES)}.",
        )
    try:
        text = path.read_text(encoding="utf-8")
        spec = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise WrongUse("The file is not a compiled pipeline", where=pipeline) from error
    if not isinstance(spec, dict) or "pipelineInfo" not in spec or "root" not in spec:
        raise WrongUse(
            "The file is not a compiled pipeline", where=pipeline, fix="compile.py writes them."
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
    given = _from_file(request.parameter_file)
    given.update(parameters.from_words(request.words, known))
    if request.dry_run:
        given["dry_run"] = True
    if request.text is not None:
        if "intent" in given:
            raise WrongUse("The intent is given twice", fix="Give TEXT or -p intent=…, not both.")
        if not request.text.strip():
            raise WrongUse("The intent is empty", fix="Say what should run.")
        given["intent"] = request.text
    parameters.check(given, known)
    intent = None
    if "intent" in known and "intent_uri" in known:
        _check_intent(given)
    if given.get("intent") and "intent_uri" in known:
        if given.get("intent_uri"):
            raise WrongUse("The intent is given as text and as a file", fix="Give one of them.")
        intent = given.pop("intent")
        given["intent_uri"] = str(folder / "intent.txt")
    for name, value in (("reader", "offline"), ("project", project)):
        if name in known and value:
            given.setdefault(name, value)
    parameters.check_for_this_machine(given)
    _check_place(given)
    return Settled(given, intent)


def _check_intent(given: Mapping[str, Any]) -> None:
    """Refuse a run that has nothing to read."""
    uri = str(given.get("intent_uri") or "").strip()
    if not uri and not str(given.get("intent") or "").strip():
        raise WrongUse(
            "The intent is empty", fix='Say what should run, for example "3 tasks of `date`".'
        )
    if uri and "://" not in uri and not given.get("intent") and not Path(uri).is_file():
        raise WrongUse("There is no such file", where=f"parameter intent_uri: {uri}")


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


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        # The loader is SafeLoader without aliases.
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)  # noqa: S506
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise WrongUse(
            f"The parameter file cannot be read: {_why_unread(error)}", where=str(path)
        ) from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise WrongUse(
            "The parameter file must hold names and values, as YAML or JSON", where=str(path)
        )
    return content


class _PlainLoader(yaml.SafeLoader):
    """YAML in which nothing stands for something else: ten aliases can mean a billion values."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """As in SafeLoader, but for aliases, which it refuses."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not read here", mark)
        return super().compose_node(parent, index)


def _why_unread(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    mark = getattr(error, "problem_mark", None)
    place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return f"it is neither YAML nor JSON{place}"


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
