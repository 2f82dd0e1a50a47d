"""Mends what the validator finds: each finding by the function for its rule, if it helps.

A mend stays only if its finding is gone and no more errors stand in the job than before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from components.batch.findings import Finding
from components.batch.locations import job_region
from components.batch.rules.request import check_request
from components.config.bench import Bench
from components.fix_config import (
    mend_limits,
    mend_machines,
    mend_missing,
    mend_names,
    mend_places,
    mend_shape,
    mend_steps,
    mend_storage,
)
from components.fix_config.mend_shape import Mender
from components.tables.text import json_text

MENDERS: dict[str, Mender] = {
    **mend_names.MENDERS,
    **mend_shape.MENDERS,
    **mend_missing.MENDERS,
    **mend_limits.MENDERS,
    **mend_machines.MENDERS,
    **mend_places.MENDERS,
    **mend_storage.MENDERS,
    **mend_steps.MENDERS,
}
_MOST_ROUNDS = 30  # mends wait for those around them, and a job has about 10 levels
# Tries one by one, each of which copies and checks the job: real ones need two or three. Of a large
# job with many findings there would be thousands.
_LEAST_SINGLE = 20
_CHARACTERS_TRIED = 100_000


def findings_of(bench: Bench, region: str | None) -> list[Finding]:
    """What the validator says of the job, and of sending it to the region where one is given."""
    found = bench.findings()
    if region is None:
        return found
    return [*found, *check_request(bench.job, region=job_region(bench.job, region))]


def mend_findings(bench: Bench, *, asked: Iterable[str] = (), region: str | None = None) -> Bench:
    """The job without the errors that can be mended.

    Args:
        bench: the job; it is left as it is.
        asked: rules whose warnings and hints are to be mended, too, as the complaint speaks of
            them.
        region: where the job is to be submitted, to be checked too.
    """
    wanted = frozenset(asked)
    best, fewest = bench, _errors(findings_of(bench, region))
    size = len(json_text(bench.job))
    tries = iter(range(max(_LEAST_SINGLE, _CHARACTERS_TRIED // size)))
    for _ in range(_MOST_ROUNDS):
        before = findings_of(bench, region)
        if _errors(before) <= fewest:
            best, fewest = bench, _errors(before)
        todo = [f for f in before if _is_wanted(f, wanted)]
        # What is misplaced or misspelt comes first: it may be what another finding misses.
        first = [f for f in todo if f.rule.startswith("PARSE_")]
        rest = [f for f in todo if f not in first]
        after = _step(bench, first, before, region, tries) or _step(
            bench, rest, before, region, tries
        )
        if after is None:
            break
        bench = after
    return best if _errors(findings_of(bench, region)) > fewest else bench


def _is_wanted(finding: Finding, asked: frozenset[str]) -> bool:
    return finding.rule in MENDERS and (finding.severity == "error" or finding.rule in asked)


def _step(
    bench: Bench,
    todo: list[Finding],
    before: list[Finding],
    region: str | None,
    tries: Iterator[int],
) -> Bench | None:
    """The job with these mended together, or with the first that can be; None where none can."""
    return _all_at_once(bench, todo, before, region) or _one(bench, todo, before, region, tries)


def _all_at_once(
    bench: Bench, todo: list[Finding], before: list[Finding], region: str | None
) -> Bench | None:
    """All mends together, where each finding stands at a place of its own."""
    if len(todo) < 2:
        return None
    trial = bench.copy()
    done: list[str] = []
    # From the end: what goes from a list moves those behind it.
    for finding in sorted(todo, key=lambda f: f.path, reverse=True):
        if any(_touch(finding.path, path) for path in done):
            continue
        _mend(trial, finding)
        done.append(finding.path)
    return trial if _is_better(trial, bench, before, region, []) else None


def _touch(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _one(
    bench: Bench,
    todo: list[Finding],
    before: list[Finding],
    region: str | None,
    tries: Iterator[int],
) -> Bench | None:
    for finding, _ in zip(todo, tries, strict=False):
        trial = bench.copy()
        _mend(trial, finding)
        if _is_better(trial, bench, before, region, [finding]):
            return trial
    return None


def _mend(bench: Bench, finding: Finding) -> None:
    try:
        MENDERS[finding.rule](bench, finding)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        # The place holds something else than the rule saw: a misspelt field, a wrong shape.
        # Whatever was half done is judged by the validator like any other mend.
        return


def _is_better(
    trial: Bench, bench: Bench, before: list[Finding], region: str | None, gone: list[Finding]
) -> bool:
    if trial.job == bench.job:
        return False
    after = findings_of(trial, region)
    keys = {(f.rule, f.path, f.message) for f in after}
    errors_before, errors_after = _errors(before), _errors(after)
    if any((f.rule, f.path, f.message) in keys for f in gone):
        return False
    # A field that takes its place may show what was hidden while it could not be read.
    hidden = any(f.rule.startswith(("PARSE_", "TG_", "PLACE")) for f in gone)
    return errors_after <= errors_before + (1 if hidden and gone else 0) and (
        bool(gone) or errors_after < errors_before or len(after) < len(before)
    )


def _errors(findings: Iterable[Finding]) -> int:
    return sum(finding.severity == "error" for finding in findings)
