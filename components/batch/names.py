"""Names of jobs, derived from the run and the content, so that an attempt finds the last one's job.

The same job submitted again inside one run has the same id, labels and request id; in another run,
or with other content, it has others.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from components.errors import WrongUse

RUN_LABEL = "intent2batch-run"
CONTENT_LABEL = "intent2batch-content"

# The pattern that the API documents for job ids (CreateJobRequest.job_id).
JOB_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
JOB_NAME = re.compile(
    r"projects/(?P<project>[^/]+)/locations/(?P<region>[^/]+)/jobs/(?P<job_id>[^/]+)"
)
_PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]{0,62}")
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]{1,2}")
_NAMESPACE = uuid.UUID("6f1c55c5-8f5d-5b0c-9a5e-0d3f6f2f9a41")
_HASH = 12
_LONGEST = 63


@dataclass(frozen=True)
class JobNames:
    """All that names one job of one run.

    Attributes:
        parent: `projects/P/locations/R`.
        job_id: the id within the parent.
        request_id: a UUID by which the service knows a repeated create.
        labels: the labels that prove whose job it is.
    """

    parent: str
    job_id: str
    request_id: str
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        """The full name of the job."""
        return f"{self.parent}/jobs/{self.job_id}"


def job_names(job: Mapping[str, Any], *, project: str, region: str, run: str) -> JobNames:
    """Derive the names of a job from the run and its content.

    Args:
        job: the job as it will be sent, without the two labels.
        project: the id of the project.
        region: the region of the job.
        run: what tells this run from others; its readable part begins the job's id.

    Raises:
        WrongUse: the project or the region cannot be one.
    """
    both = _hash(f"{run}\n{content_hash(job)}")
    parent = parent_name(project, region)
    return named_job(job, parent=parent, job_id=f"{_slug(run)}-{both}", run=run)


def named_job(
    job: Mapping[str, Any],
    *,
    parent: str,
    job_id: str,
    run: str,
    more: Mapping[str, str] | None = None,
) -> JobNames:
    """The names of a job whose id is known.

    Args:
        job: the job as it will be sent, without these labels.
        parent: `projects/P/locations/R`.
        job_id: the id within it.
        run: what tells this run from others.
        more: further labels that prove whose job it is.
    """
    return JobNames(
        parent=parent,
        job_id=job_id,
        request_id=str(uuid.uuid5(_NAMESPACE, f"{parent}/jobs/{job_id}")),
        labels={RUN_LABEL: _hash(run), CONTENT_LABEL: content_hash(job), **(more or {})},
    )


def content_hash(job: Mapping[str, Any]) -> str:
    """A hash of the job's content; key order and our own labels do not count."""
    labels = {k: v for k, v in (job.get("labels") or {}).items() if k not in _OURS}
    plain = {**job, "labels": labels} if labels else {k: v for k, v in job.items() if k != "labels"}
    return _hash(json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def parent_name(project: str, region: str) -> str:
    """`projects/P/locations/R`.

    Raises:
        WrongUse: the project or the region cannot be one.
    """
    if not _PROJECT.fullmatch(project):
        raise WrongUse(
            f"{project!r} is not the id of a project" if project else "No project is given",
            fix="Give --project, or set GOOGLE_CLOUD_PROJECT.",
        )
    if not _REGION.fullmatch(region):
        zone = re.fullmatch(rf"({_REGION.pattern})-[a-z]", region)
        fix = f"That is a zone: give its region, {zone[1]}." if zone else "For example us-central1."
        raise WrongUse(f"{region!r} is not a region", fix=fix)
    return f"projects/{project}/locations/{region}"


def job_name(job: str, *, project: str = "", region: str = "") -> str:
    """The full name of a job given by its full name, or by its id with project and region.

    Raises:
        WrongUse: it is neither.
    """
    full = JOB_NAME.fullmatch(job)
    if full:
        project, region, job = full.groups()
    job_id = _checked_id(job)
    return f"{parent_name(project, region)}/jobs/{job_id}"


def _checked_id(job_id: str) -> str:
    if not JOB_ID.fullmatch(job_id):
        raise WrongUse(
            f"{job_id!r} is not the name of a job",
            fix="Give projects/P/locations/R/jobs/ID, or the id with --project and --region.",
        )
    return job_id


def console_url(name: str) -> str:
    """Where the job is shown in the Google Cloud console; empty if `name` names no job."""
    full = JOB_NAME.fullmatch(name)
    if not full:
        return ""
    place = f"regions/{quote(full['region'])}/jobs/{quote(full['job_id'])}/details"
    query = urlencode({"project": full["project"]})
    return f"https://console.cloud.google.com/batch/jobsDetail/{place}?{query}"


_OURS = frozenset({RUN_LABEL, CONTENT_LABEL})


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH]


def _slug(run: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", run.lower()).strip("-")
    plain = plain if plain[:1].isalpha() else f"job-{plain}"
    return plain[: _LONGEST - _HASH - 1].strip("-")
