"""The step of a run that prepares rows: the run folder, a page of findings, and go or no go."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.errors import WrongUse
from components.prepare_requests.count import Counter
from components.prepare_requests.plan import Plan
from components.prepare_requests.prepare import Progress, prepare
from components.prepare_requests.settings import Settings, settings_from
from components.storage import files
from components.storage.settings_file import read_settings
from components.storage.uris import join
from components.tables.formats import count, dollars, plural
from components.tables.markdown import plain

GATE_FILE = "gate.json"
_SENT_FILE = "predictions.json"  # the ledger of what was sent
_SHOWN = 100
_BETWEEN = re.compile(r"\n|,(?=\s*(?:gs://|bq://|/))")


@dataclass(frozen=True)
class Prepared:
    """What the step made.

    Attributes:
        plan: the plan, as in `prepared/plan.json`.
        go: whether the requests may be sent.
        reason: in one sentence, why or why not.
    """

    plan: Plan
    go: bool
    reason: str


def prepare_step(
    sources: str,
    run_uri: str,
    given: Mapping[str, Any],
    options: str,
    environment: Mapping[str, str] | None = None,
    *,
    max_failed_ratio: float = 1.0,
    dry_run: bool = False,
    count: Counter | None = None,
    progress: Progress = lambda rows: None,
) -> Prepared:
    """Prepare the rows and decide whether they may be sent; also writes gate.json.

    Args:
        sources: files or folders, one a line, or after commas where each begins with a scheme or /.
        run_uri: the run's folder, local or gs://.
        given: settings; empty texts and zeros count as not given.
        options: further settings as a JSON object, or a YAML or JSON file with them.
        environment: for limits, see `components.rows.limits`; the process's own if None.
        max_failed_ratio: greatest part of rows that may be invalid.
        dry_run: whether the rows are only looked at; nothing may be sent then.
        count: counts tokens of a sample for the estimate, see `prepare`.
        progress: see `prepare`.

    Raises:
        WrongUse: options are no settings, or a setting is not possible.
        InputError: the sources hold no rows.
    """
    settings = settings_of(given, options, environment)
    if files.exists(join(run_uri, _SENT_FILE)):
        raise WrongUse(
            "The rows of this run were sent already", where=run_uri, fix="Choose another folder."
        )
    gate_uri = join(run_uri, GATE_FILE)
    if files.exists(gate_uri):  # until all files of before are replaced, none of them may be sent
        files.write_json(gate_uri, {"go": False, "reason": "The rows were not prepared to the end"})
    plan = prepare(sources_in(sources), run_uri, settings, count=count, progress=progress)
    refused = refusal(plan, max_failed_ratio)
    reason = refused or f"{'Dry run: ' if dry_run else ''}{_sendable(plan)} to send."
    prepared = Prepared(plan, not (refused or dry_run), reason)
    gate = {"go": prepared.go, "reason": reason} | ({"dry_run": True} if dry_run else {})
    files.write_json(gate_uri, gate)
    return prepared


def settings_of(
    given: Mapping[str, Any], options: str, environment: Mapping[str, str] | None = None
) -> Settings:
    """What was given by name over what the options say, over the environment's limits.

    Raises:
        WrongUse: options are no settings, or a setting is not possible.
    """
    variables = os.environ if environment is None else environment
    return settings_from({**_options(options), **_given(given)}, variables)


def sources_in(text: str) -> list[str]:
    """The files or folders that a text names, one a line, or after commas before a scheme or /."""
    named = (source.strip() for source in _BETWEEN.split(text))
    return [source for source in named if source]


def refusal(plan: Plan, max_failed_ratio: float) -> str:
    """Why nothing of the plan should be sent; empty where it may be."""
    for finding in plan.findings:
        if finding["rule"] in ("cost_above_limit", "cost_unknown") and finding["severity"] == (
            "error"
        ):
            return f"Not sent: {finding['message']}."
    if plan.rows and plan.ready + plan.waiting == 0:
        return f"Not sent: none of {plural(plan.rows, 'row')} can be sent."
    if plan.invalid > plan.rows * max_failed_ratio:
        return (
            f"Not sent: {count(plan.invalid)} of {plural(plan.rows, 'row')} cannot be sent, more "
            f"than the ratio of {max_failed_ratio:g} that is allowed (max_failed_ratio)."
        )
    return ""


def as_markdown(prepared: Prepared) -> str:
    """The plan as a page: counts, estimate, the first findings."""
    plan, estimate = prepared.plan, prepared.plan.estimate
    lines = [
        "# Prepared requests",
        "",
        plain(prepared.reason),
        "",
        "| | |",
        "|-|-|",
        f"| Rows | {count(plan.rows)} |",
        f"| Ready | {count(plan.ready)} |",
        f"| Waiting for answers of others | {count(plan.waiting)} |",
        f"| Cannot be sent | {count(plan.invalid)} |",
        f"| Requests that differ | {count(plan.unique_requests)} |",
        f"| Waves | {count(plan.waves)} |",
        f"| Input tokens, estimated | {count(estimate.input_tokens)} |",
        f"| Output tokens, estimated | {count(estimate.output_tokens)} |",
        f"| Cost in batches | {dollars(estimate.cost_batch_usd)} |",
        f"| Cost online | {dollars(estimate.cost_online_usd)} |",
        "",
        f"How: {plain(estimate.how)}.",
    ]
    if plan.findings:
        lines += ["", "## Findings", "", "| Where | Severity | What | Fix |", "|-|-|-|-|"]
        lines += [_line(finding) for finding in plan.findings[:_SHOWN]]
        more = sum(plan.finding_counts.values()) - min(len(plan.findings), _SHOWN)
        if more > 0:
            lines += ["", f"And {count(more)} more; prepared/manifest.jsonl has every row."]
    return "\n".join(lines) + "\n"


def _line(finding: Mapping[str, Any]) -> str:
    where = f"{finding['file']}:{finding['line']}" if finding["line"] else finding["file"]
    what = f"{finding['path']}: {finding['message']}" if finding["path"] else finding["message"]
    cells = (where, finding["severity"], what, finding["fix"])
    return f"| {' | '.join(plain(str(cell), 300) for cell in cells)} |"


def _sendable(plan: Plan) -> str:
    if plan.shards and plan.shards[0].name.startswith("bq://"):
        return "A table as it is"
    return plural(plan.ready + plan.waiting, "row")


def _options(text: str) -> dict[str, Any]:
    text = text.strip()
    if not text:
        return {}
    if not text.startswith(("{", "[")):
        return read_settings(text, "The file of options")
    try:
        options = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongUse(
            "The options are no JSON", fix='For example {"generation": {"temperature": 0}}.'
        ) from error
    if not isinstance(options, dict):
        raise WrongUse("The options are no JSON object")
    return options


def _given(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value not in ("", 0, None)}
