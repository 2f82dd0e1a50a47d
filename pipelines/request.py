"""What a person asks to run, wherever it runs: the spec, and parameters that fit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from components.errors import WrongUse
from components.storage.settings_file import read_settings
from pipelines import parameters

FAST_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Request:
    """What a person asks to run.

    Args:
        pipeline: a pipeline's name, or the path of a compiled spec.
        text: the intent; it travels as a file, never as a parameter.
        sources: the same words one by one, for a pipeline that takes files of rows.
        words: `NAME=VALUE` parameters.
        given: parameters by name, from a file that holds more than them.
        parameter_file: YAML or JSON with parameters; `words` win over it.
        out: the folder of this run, new or empty; `runs/<pipeline>-<time>` if None.
        dry_run: sets the parameter `dry_run`.
        uploads: `LOCAL=gs://bucket/path` words, copied into the stand-ins' buckets.
    """

    pipeline: str
    text: str | None = None
    sources: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    parameter_file: Path | None = None
    out: Path | None = None
    dry_run: bool = False
    uploads: tuple[str, ...] = ()


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
    except (OSError, ValueError) as error:
        raise WrongUse("This is not a compiled pipeline", where=pipeline) from error
    parse_spec(text, pipeline)
    return text


def parse_spec(text: str, where: str) -> dict[str, Any]:
    """A compiled spec from its text.

    Args:
        text: one YAML or JSON document.
        where: the file or the address that it is from.

    Raises:
        WrongUse: it is no compiled pipeline.
    """
    try:
        spec = yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise WrongUse("This is not a compiled pipeline", where=where) from error
    shaped = isinstance(spec, dict) and all(
        isinstance(spec.get(key), dict) for key in ("pipelineInfo", "root")
    )
    if not shaped or not isinstance(spec["pipelineInfo"].get("name"), str):
        raise WrongUse(
            "This is not a compiled pipeline", where=where, fix="compile.py writes them."
        )
    return dict(spec)


def reread_spec(text: str) -> dict[str, Any]:
    """The spec in a text that `parse_spec` took before, or that was compiled here.

    The parser in C is ten times as quick, and deep nesting crashes it: no text of others comes
    here first.
    """
    return dict(yaml.load(text, Loader=FAST_LOADER))  # noqa: S506 - safe loaders, both


def given_parameters(request: Request, known: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that the person gave, each of the type that the spec declares.

    Args:
        request: what was asked.
        known: `parameters.declared` of the spec.

    Raises:
        WrongUse: names, types or combinations that the pipeline does not take.
    """
    given = dict(request.given)
    if request.parameter_file is not None:
        given = read_settings(str(request.parameter_file), "The parameter file")
    given.update(parameters.from_words(request.words, known))
    if request.dry_run:
        given["dry_run"] = True
    _take_words(request, given, known)
    parameters.check(given, known)
    return given


def _take_words(request: Request, given: dict[str, Any], known: Mapping[str, Any]) -> None:
    """The words of the command are the intent, or the files of rows."""
    if request.text is None:
        return
    rows = "source" in known and "intent" not in known
    name, what = ("source", "source") if rows else ("intent", "intent")
    if name in given:
        raise WrongUse(
            f"The {what} is given twice",
            fix=f"Give {'SOURCE' if rows else 'TEXT'} or -p {name}=…, not both.",
        )
    if not request.text.strip():
        raise WrongUse(f"The {what} is empty", fix="Say what should run.")
    given[name] = "\n".join(request.sources) if rows else request.text


def check_intent(given: Mapping[str, Any]) -> None:
    """Refuse a run that has nothing to read, or two intents.

    Raises:
        WrongUse: says which.
    """
    text = str(given.get("intent") or "").strip()
    uri = str(given.get("intent_uri") or "").strip()
    if not text and not uri:
        raise WrongUse(
            "The intent is empty", fix='Say what should run, for example "3 tasks of `date`".'
        )
    if text and uri:
        raise WrongUse("The intent is given as text and as a file", fix="Give one of them.")
