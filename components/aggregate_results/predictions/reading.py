"""The lines of the output files: answers that can be kept at once, and those put aside."""

from __future__ import annotations

from collections.abc import Sequence

from components.aggregate_results.predictions.aside import Aside
from components.aggregate_results.predictions.decode import decode
from components.aggregate_results.predictions.jobs import Job, job_of
from components.aggregate_results.predictions.joining import FOREIGN, Joining
from components.aggregate_results.predictions.judge import judge
from components.aggregate_results.predictions.kept import Kept
from components.aggregate_results.predictions.lines import Span


def read(
    spans: Sequence[Span], jobs: Sequence[Job], joining: Joining, kept: Kept, aside: Aside
) -> dict[int, int]:
    """Keep the answers whose rows are sure, put all other lines aside.

    Args:
        spans: what to read.
        jobs: of the ledger.
        joining: knows the rows.
        kept: takes the answers.
        aside: takes the other lines, blank ones too; a line's number is that in its span.

    Returns:
        How many lines each file's span has, blank ones too.
    """
    lines = {}
    for span in spans:
        job = job_of(span.uri, jobs)
        number = 0
        for number, raw in enumerate(span.lines(), 1):
            if not (raw and _keep(raw, job, joining, kept)):
                aside.add(span.file, number, raw)
        lines[span.file] = number
    return lines


def _keep(raw: bytes, job: Job, joining: Joining, kept: Kept) -> bool:
    """Whether the line is an answer that could be kept."""
    line = decode(raw)
    if line is None or not line.is_answer:
        return False
    answer = judge(line)
    place, how = joining.sure(line, raw, job, answer.model_version)
    if place == FOREIGN:
        return False
    kept.keep(answer, place, how, job)
    return True
