"""The step of a run: everything that was prepared, predicted."""

from __future__ import annotations

import contextlib
import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import sleep

from components.batch_predict.ask import OnlineModel
from components.batch_predict.book import Doc
from components.batch_predict.files import StoredFiles
from components.batch_predict.jobs_page import jobs_page
from components.batch_predict.places import Places
from components.batch_predict.plan import read_plan
from components.batch_predict.predict import Settings, World, predict
from components.batch_predict.prediction_job import JOB_NAME, PredictionJob
from components.batch_predict.verdict import check_gate, check_ratio, rows_without_answer
from components.errors import WrongUse
from components.gemini.endpoint import endpoint, is_local
from components.gemini.vertex import vertex
from components.project import project_here
from components.rows.prices import Tokens, load_prices
from components.storage.uris import is_gcs
from components.supervision.clock import Clock, stopping_clock
from components.supervision.life import Policy
from components.tables.text import one_line

# The stand-in carries out a create before it answers or not at all, and looks at it are free.
_LOCAL_POLICY = Policy(
    poll_first=0.05,
    poll_max=0.5,
    backoff_first=0.1,
    backoff_max=2.0,
    settle_s=1.0,
    dedupe_s=None,
)


@dataclass(frozen=True)
class Summary:
    """How a run went.

    Attributes:
        outcome: "succeeded" if every request has an answer, "partial" if some have, else "none".
        answered, given_up: requests with an answer, and without one for good.
        jobs: how many batch jobs there were.
        spent_usd: what the answers cost, as far as prices are known.
        rows, unanswered: rows of the input, and those of them without a whole answer.
    """

    outcome: str
    answered: int
    given_up: int
    jobs: int
    spent_usd: float
    rows: int
    unanswered: int


def predict_run(
    run_uri: str,
    *,
    project: str = "",
    location: str = "global",
    staging_uri: str = "",
    prices_uri: str = "",
    settings: Settings | None = None,
    max_failed_ratio: float = 1.0,
    gcp_resources_path: str = "",
    page_path: str = "",
    clock: Clock | None = None,
    say: Callable[[str], None] | None = None,
) -> Summary:
    """Send every prepared request of a run and see it through; see `predict`.

    Args:
        run_uri: the run folder; its last two parts tell the run from others.
        project: the id of the project; the one that this process runs in if empty.
        location: where the models are asked.
        staging_uri: a gs:// folder for shards and outputs; needed if the run folder is local.
        prices_uri: a price file; the one that the package ships if empty.
        settings: deadline, attempts, budget, online rounds.
        max_failed_ratio: the part of the rows that may be left without an answer.
        gcp_resources_path: where the platform looks for the jobs; empty: nowhere.
        page_path: where the page of the jobs goes; empty: nowhere.
        clock: the time; None: the machine's, with signal handlers.
        say: shows one line of progress; None: on stderr.

    Raises:
        WrongUse: a place is not one.
        WorkFailed: the run was cancelled, or too many rows have no answer.
        InputError: what was prepared cannot be read, or may not be sent.
        ServiceError: files or the ledger cannot be kept, or no job could be made.
    """
    # Signals are heard before the first call: an earlier attempt may have made jobs.
    with _clock(clock) as time:
        places = Places(
            run_uri.rstrip("/"), "/".join(run_uri.rstrip("/").split("/")[-2:]), staging_uri
        )
        files = StoredFiles()
        plan = read_plan(files, places)
        check_gate(files, places)
        if places.staged and not is_gcs(staging_uri):
            raise WrongUse(
                "Batch prediction reads and writes Cloud Storage, and the run folder is local",
                where=run_uri,
                fix="Give a gs:// folder for staging, or --local for stand-ins.",
            )
        service = vertex(project or project_here(), location)
        prices = load_prices(prices_uri)
        settings = settings or Settings()
        if is_local():
            settings = replace(settings, policy=_LOCAL_POLICY)

        def cost(model: str, tokens: Tokens, batch: bool) -> float | None:
            return prices.cost(model, *tokens, batch=batch) if any(tokens) else 0.0

        def told(doc: Doc) -> None:
            _write_resources(gcp_resources_path, doc, location)
            _write_page(page_path, doc)

        # Of threads only one could wait on the clock whose waits a signal ends.
        pause = sleep if clock is None else clock.sleep
        world = World(
            files=files,
            job=lambda body: PredictionJob(service, body),
            ask=OnlineModel(
                lambda: vertex(project or project_here(), location), pause, plan.online_timeout_s
            ),
            clock=time,
            draw=random.uniform,
            cost=cost,
            say=say or _to_stderr,
            on_change=told,
        )
        doc = predict(plan, places, world, settings)
    summary = summary_of(doc, *rows_without_answer(files, places, doc))
    check_ratio(summary.rows, summary.unanswered, max_failed_ratio)
    return summary


def summary_of(doc: Doc, rows: int, unanswered: int) -> Summary:
    """How the run went, by its ledger."""
    answered = sum((entry.counts or {}).get("ok", 0) for entry in doc.entries)
    given_up = sum((entry.counts or {}).get("given_up", 0) for entry in doc.entries)
    outcome = "succeeded" if not given_up else "partial" if answered else "none"
    jobs = sum(entry.how == "batch" for entry in doc.entries)
    return Summary(outcome, answered, given_up, jobs, doc.spent_usd, rows, unanswered)


@contextlib.contextmanager
def _clock(given: Clock | None) -> Iterator[Clock]:
    if given is not None:
        yield given
        return
    with stopping_clock() as clock:
        yield clock


def _write_resources(path: str, doc: Doc, location: str) -> None:
    """Write the output that consoles read (the GcpResources proto, as JSON)."""
    names = [e.ledger.job_name for e in doc.entries if JOB_NAME.fullmatch(e.ledger.job_name)]
    if not path or not names:
        return
    base = f"{endpoint(location)}/v1/"
    told = [{"resourceType": "BatchPredictionJob", "resourceUri": base + name} for name in names]
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"resources": told}), encoding="utf-8")


def _write_page(path: str, doc: Doc) -> None:
    """Write the page of the jobs, as they stand."""
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(jobs_page(doc, local=is_local()), encoding="utf-8")


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{one_line(line)}\n")  # it may hold words of the service
    sys.stderr.flush()
