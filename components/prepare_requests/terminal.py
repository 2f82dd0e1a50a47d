"""What was prepared, in a terminal: a line a finding, then counts, estimate and verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.prepare_requests.plan import Plan
from components.prepare_requests.step import Prepared
from components.tables.formats import count, dollars, plural
from components.tables.text import one_line

_SHOWN = 50


def prepared_lines(prepared: Prepared) -> Iterator[str]:
    """The first findings, what the rows came to, the estimate, and whether they may be sent."""
    plan = prepared.plan
    for finding in plan.findings[:_SHOWN]:
        yield finding_line(finding)
    every = sum(plan.finding_counts.values())
    if every > min(len(plan.findings), _SHOWN):
        told = ", ".join(f"{count(n)} {rule}" for rule, n in sorted(plan.finding_counts.items()))
        yield f"{count(every)} findings in all: {told}; the manifest has every row"
    yield from _counts(plan)
    yield from _estimate(plan)
    yield prepared.reason


def finding_line(finding: Mapping[str, Any]) -> str:
    """`file:line: severity rule path: message (fix: …)`."""
    line = f":{finding['line']}" if finding["line"] else ""
    place = f"{finding['file']}{line}: " if finding["file"] else ""
    path = f" {finding['path']}" if finding["path"] else ""
    fix = f" (fix: {finding['fix'].rstrip('.')})" if finding["fix"] else ""
    told = f"{finding['severity']} {finding['rule']}{path}: {finding['message']}{fix}"
    return one_line(f"{place}{told}")


def _counts(plan: Plan) -> Iterator[str]:
    if not plan.rows:
        return
    told = [f"{count(plan.ready)} ready"]
    if plan.waiting:
        told.append(f"{count(plan.waiting)} waiting for answers of others")
    if plan.invalid:
        told.append(f"{count(plan.invalid)} cannot be sent")
    jobs = plural(len(plan.shards), "job")
    waves = f" now, {plural(plan.waves, 'wave')} in all" if plan.waves > 1 else ""
    requests = plural(plan.unique_requests, "request that differs", "requests that differ")
    yield f"{plural(plan.rows, 'row')}: {', '.join(told)}; {requests}, {jobs}{waves}"


def _estimate(plan: Plan) -> Iterator[str]:
    if not plan.rows:
        return
    told = plan.estimate
    yield (
        f"Estimate: {plural(told.input_tokens, 'token')} in, {count(told.output_tokens)} out; "
        f"{dollars(told.cost_batch_usd)} in batches, {dollars(told.cost_online_usd)} online"
    )
    yield f"  ({told.how})"
