"""From a run folder to tables, a report and a summary. Works for every way a run can end."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from components.aggregate_results import outcomes
from components.aggregate_results.hiding import (
    hidden_run,
    hidden_sample,
    hidden_summary,
    secrets_of,
)
from components.aggregate_results.report import report_page
from components.aggregate_results.run_folder import Run, mappings_of, read_run, text_of, texts_of
from components.aggregate_results.spool import Spool
from components.aggregate_results.summary import Summary
from components.aggregate_results.tally import Tally
from components.batch.diagnosis import task_causes
from components.batch.service import Service, live_service, told_by_service
from components.batch.task_facts import COLUMNS, row_of
from components.batch.task_rows import found_job, job_facts
from components.errors import Intent2BatchError
from components.storage import files
from components.storage.uris import join
from components.tables.columns import Row
from components.tables.data_table import Sample
from components.tables.formats import ranges
from components.tables.page import render
from components.tables.writers import write_rows, writers_for

log = logging.getLogger(__name__)

FORMATS = ("jsonl", "csv", "xlsx")
# Output is read of so many failed tasks, and of every task of a job as small as this.
TAILS = 200
SMALL_JOB = 50
_WHY = 20  # sentences that are kept of a round


@dataclass
class Collected:
    """What was learnt of the tasks."""

    tally: Tally = field(default_factory=Tally)
    causes: tuple[dict[str, Any], ...] = ()
    sample: Sample = field(default_factory=Sample)
    notes: list[str] = field(default_factory=list)
    listed: bool = False
    # Of each round: uid and group; of each task that ran again: its round and its place there.
    sources: dict[int, tuple[str, str]] = field(default_factory=dict)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)


def aggregate(
    run_uri: str,
    *,
    service: Service | Callable[[], Service] = live_service,
    pipeline_state: str = "",
    pipeline_error: str = "",
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Summary:
    """Read a run folder and the job's tasks; write tables, summary.json and report.html.

    The tables (tasks.jsonl, tasks.csv, tasks.xlsx) are written where there is a job. What cannot
    be read is left out and named in `Summary.notes`; only a failure to write is an error.

    Args:
        run_uri: the run folder, a path or a gs:// URI.
        service: the calls to Batch and Cloud Logging, or what makes them when they are needed.
        pipeline_state: how the platform says that the steps before ended.
        pipeline_error: the message that goes with it.
        now: the time of the report.

    Raises:
        ServiceError: the results could not be written.
    """
    run = read_run(run_uri, pipeline_state=pipeline_state, pipeline_error=pipeline_error)
    got = Collected(notes=list(run.notes))
    written: dict[str, str] = {}
    if run.job_name:
        with Spool() as spool:
            _list(run, service, spool, got)
            tails = _tails(run, service, spool, got)
            causes = task_causes(got.tally.failures, tails, run.job)
            got.causes = tuple(cause.to_dict() for cause in causes)
            if got.listed:
                written = _write_tables(run, spool, tails, got)
    summary = _summary(run, got, written)
    secrets = secrets_of(run)
    page = report_page(
        hidden_run(run, secrets),
        hidden_summary(summary, secrets),
        got.tally,
        hidden_sample(got.sample, secrets),
        now(),
    )
    files.write_text(summary.files["report"], render(page), "text/html; charset=utf-8")
    files.write_json(summary.files["summary"], summary.to_dict())
    return summary


def _list(run: Run, service: Service | Callable[[], Service], spool: Spool, got: Collected) -> None:
    """Set every task's row down and count it; of a task that ran again the last round's."""
    try:
        calls = _calls(service)
        for number in reversed(range(len(run.rounds) + 1)):
            _list_job(calls, run, number, spool, got)
        got.listed = True
    except Exception as error:
        if not told_by_service(error):
            raise
        log.info("listing tasks failed", exc_info=True)
        got.listed = len(spool) > 0
        got.notes.append(_not_listed(error, len(spool)))


def _list_job(calls: Service, run: Run, number: int, spool: Spool, got: Collected) -> None:
    """The tasks of one round; 0 is the first job."""
    name, indexes = run.job_of(number)
    group, machine = _group_name(run.job), _asked_machine(run.job)
    job = found_job(calls, name)
    uid = text_of(run.ledger_of(number).get("uid"))
    if job is not None:
        uid = job.uid
        group, machine = job_facts(job, group, machine)
    got.sources[number] = (uid, group)
    for position, task in enumerate(calls.tasks(name, group, "")):
        row = row_of(task, position=position, machine_type=machine)
        place = row["index"]
        if indexes is not None:
            if place >= len(indexes):
                continue
            row |= {"index": indexes[place], "round": number}
            got.places.setdefault(row["index"], (number, place))
        if spool.add(row):
            got.tally.add(row)


def _calls(service: Service | Callable[[], Service]) -> Service:
    return service if isinstance(service, Service) else service()


def _group_name(job: Mapping[str, Any]) -> str:
    groups = mappings_of(job.get("taskGroups"))
    name = text_of(groups[0].get("name")) if groups else ""
    return name.rsplit("/", 1)[-1] or "group0"


def _asked_machine(job: Mapping[str, Any]) -> str:
    policy = job.get("allocationPolicy")
    instances = mappings_of(policy.get("instances")) if isinstance(policy, Mapping) else []
    inner = instances[0].get("policy") if instances else None
    return text_of(inner.get("machineType")) if isinstance(inner, Mapping) else ""


def _not_listed(error: Exception, listed: int) -> str:
    from google.api_core import exceptions

    if isinstance(error, exceptions.NotFound):
        return "The job no longer exists, so its tasks could not be listed."
    said = (
        str(error) if isinstance(error, Intent2BatchError) else f"{type(error).__name__}: {error}"
    )
    so_far = f" after {listed:,} of them" if listed else ""
    return f"The tasks could not be listed{so_far}: {said[:500]}"


def _tails(
    run: Run, service: Service | Callable[[], Service], spool: Spool, got: Collected
) -> dict[int, str]:
    """The last lines of output: of failed tasks, and of all tasks of a small job."""
    wanted = got.tally.failures.worth_reading(TAILS)
    small = len(spool) <= SMALL_JOB
    if small:
        wanted += [index for index in got.tally.ran if index not in set(wanted)]
    policy = run.job.get("logsPolicy")
    place = text_of(policy.get("destination")) if isinstance(policy, Mapping) else ""
    if not wanted:
        return {}
    if run.job and place != "CLOUD_LOGGING":
        where = f" but to {text_of(policy.get('logsPath'))}" if place == "PATH" and policy else ""
        got.notes.append(
            f"The tasks' output is not shown: the job does not send it to Cloud Logging{where}."
        )
        return {}
    texts: dict[int, str] = {}
    for number, (uid, group) in sorted(got.sources.items()):
        here = {
            at: index
            for index in wanted
            for round_, at in [got.places.get(index, (0, index))]
            if round_ == number
        }
        if not here:
            continue
        found = _calls(service).tails(
            uid,
            list(here),
            project=run.job_name.split("/")[1],
            group=group,
            whole_job=small and not run.rounds,
        )
        if found.note and found.note not in got.notes:
            got.notes.append(found.note)
        texts |= {here[at]: text for at, text in found.text.items() if at in here}
    return texts


def _write_tables(
    run: Run, spool: Spool, tails: Mapping[int, str], got: Collected
) -> dict[str, str]:
    stem = join(run.uri, "tasks")
    writers = writers_for(
        FORMATS,
        COLUMNS,
        stem,
        sheet="Tasks",
        summary=lambda: _summary_sheet(_summary(run, got, {})),
    )

    def keep(row: Row) -> None:
        got.sample.add(row, row["state"] == "FAILED")

    write_rows(spool.in_order(tails), writers, also=keep)
    return {name: f"{stem}.{name}" for name in FORMATS}


def _summary_sheet(summary: Summary) -> Iterator[tuple[str, Any]]:
    told = summary.to_dict()
    for name in ("headline", "reason", "remedy", "job_name", "console_url"):
        yield name.replace("_", " ").capitalize(), told[name]
    for name in ("tasks", "succeeded", "failed", "unexecuted", "other", "retried", "preempted"):
        yield name.capitalize(), told[name]
    yield "Seconds, first start to last end", told["seconds"]
    yield "Seconds, sum over tasks", told["task_seconds"]
    for failure in summary.failures:
        code = failure["code"]
        yield (
            f"Exit code {'unknown' if code is None else code}",
            (
                f"{failure['count']:,} tasks ({failure['indexes']}): {failure['meaning']}. "
                f"{failure['remedy']}"
            ),
        )
    for note in summary.notes:
        yield "Note", note


def _summary(run: Run, got: Collected, written: dict[str, str]) -> Summary:
    tally = got.tally
    states = tally.states
    ended = states["SUCCEEDED"] + states["FAILED"] + states["UNEXECUTED"]
    expected = _expected(run.job)
    notes = list(got.notes)
    if got.listed and expected and tally.tasks != expected:
        notes.append(f"Batch listed {tally.tasks:,} of the {expected:,} tasks that the job has.")
    on_stand_in = _on_stand_in(run)
    if on_stand_in:
        notes.append("Batch was a stand-in on this machine, not Google Cloud.")
    return Summary(
        run_uri=run.uri,
        outcome=run.outcome,
        headline=outcomes.headline(run, tally, got.listed),
        reason=outcomes.reason(run),
        remedy=outcomes.remedy(run, tally),
        job_name=run.job_name,
        console_url="" if on_stand_in else text_of(run.ledger.get("console_url")),
        tasks=tally.tasks,
        expected=expected,
        succeeded=states["SUCCEEDED"],
        failed=states["FAILED"],
        unexecuted=states["UNEXECUTED"],
        other=tally.tasks - ended,
        retried=tally.retried,
        preempted=tally.preempted,
        seconds=round(tally.wall_seconds or 0.0, 3),
        task_seconds=round(tally.task_seconds, 3),
        durations=tally.spread(),
        failures=tuple(
            {
                "code": reason.code,
                "meaning": reason.meaning,
                "remedy": reason.remedy,
                "count": len(reason.indexes),
                "indexes": ranges(reason.indexes),
            }
            for reason in tally.failures.by_count()
        ),
        causes=got.causes,
        rounds=tuple(_round_told(each) for each in run.rounds),
        files={
            **written,
            "summary": join(run.uri, "summary.json"),
            "report": join(run.uri, "report.html"),
        },
        notes=tuple(notes),
    )


def _round_told(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "job_name": text_of(told["ledger"].get("job_name")),
        "outcome": text_of(told["ledger"].get("outcome")) or "unfinished",
        "tasks": ranges(told["indexes"]),
        "why": texts_of(told.get("why"))[:_WHY],
    }


def _on_stand_in(run: Run) -> bool:
    """Whether the request went to a plain http endpoint, which only a stand-in has."""
    request = run.ledger.get("request")
    return isinstance(request, Mapping) and text_of(request.get("url")).startswith("http://")


def _expected(job: Mapping[str, Any]) -> int:
    groups = mappings_of(job.get("taskGroups"))
    if not groups:
        return 0
    count = groups[0].get("taskCount", 1)  # int64 is text in the JSON of a proto
    try:
        return int(count)
    except (TypeError, ValueError):
        return 0


def read_rows(run_uri: str) -> Iterator[Row]:
    """The rows that `aggregate` wrote, one at a time; none where there was no job."""
    place = join(run_uri, "tasks.jsonl")
    if not files.exists(place):
        return
    with files.open_read(place) as lines:
        for line in lines:
            yield json.loads(line)
