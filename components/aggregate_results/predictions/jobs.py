"""Which job wrote an output file: from the ledger predictions.json, which may be missing."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.errors import Intent2BatchError
from components.storage import files

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One job of the ledger, or what is known of an output file without it."""

    shard: str = ""
    attempt: int = 1
    display_name: str = ""
    model: str = ""
    output_uri: str = ""
    state: str = ""
    outcome: str = ""
    input_uri: str = ""
    batch: bool = True
    settled: bool = True  # the sending step has read and judged its answers


UNKNOWN = Job()


def read_jobs(uri: str) -> list[Job]:
    """The jobs of the ledger; none where there is no ledger or it is damaged."""
    try:
        if not files.exists(uri):
            return []
        ledger = json.loads(files.read_text(uri))
    except (ValueError, RecursionError, Intent2BatchError):
        log.info("%s could not be read", uri, exc_info=True)
        return []
    jobs = ledger.get("jobs") if isinstance(ledger, dict) else None
    return [_job(item) for item in jobs if isinstance(item, dict)] if isinstance(jobs, list) else []


def _job(item: dict[str, Any]) -> Job:
    attempt = item.get("attempt")
    return Job(
        shard=_text(item.get("shard")),
        attempt=attempt if isinstance(attempt, int) and attempt > 0 else 1,
        display_name=_text(item.get("display_name")),
        model=_text(item.get("model")),
        output_uri=_text(item.get("output_uri")).rstrip("/"),
        state=_text(item.get("state")),
        outcome=_text(item.get("outcome")),
        input_uri=_text(item.get("input_uri")),
        batch=item.get("how") != "online",
        settled=item.get("counts") is not None,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def job_of(file: str, jobs: Sequence[Job]) -> Job:
    """The job below whose output folder the file lies, else the one whose name is in its path."""
    folders = set(file.split("/"))
    best, length = UNKNOWN, 0
    for job in jobs:
        if job.output_uri and file.startswith(f"{job.output_uri}/"):
            weight = len(job.output_uri)
        elif job.display_name and job.display_name in folders:
            weight = len(job.display_name)
        else:
            continue
        if weight > length:
            best, length = job, weight
    return best


def model_name(model: str) -> str:
    """`publishers/google/models/gemini-x@default` as `gemini-x`."""
    return model.rsplit("/", 1)[-1].partition("@")[0]
