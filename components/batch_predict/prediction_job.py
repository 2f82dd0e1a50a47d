"""The calls of one batch prediction job, answered in the words of the supervision."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.batch_predict.states import prediction_stage
from components.gemini.vertex import Vertex
from components.supervision.answers import to_cancel, to_create, to_find
from components.supervision.life import Accepted, Missing, Observation, Seen

JOB_NAME = re.compile(
    r"projects/(?P<project>[^/?#]+)/locations/(?P<location>[^/?#]+)"
    r"/batchPredictionJobs/(?P<id>[^/?#]+)"
)
_PAGES_MAX = 20
_COUNTS = ("successfulCount", "failedCount", "incompleteCount")
log = logging.getLogger(__name__)


class PredictionJob:
    """One job of the service, which makes its name; a `RemoteJobs` of the supervision.

    Args:
        vertex: where the job lives.
        body: the job as it is sent. Its display name, which holds a hash of run, content and
            attempt, finds it again; its labels and its input prove that it is ours.
    """

    def __init__(self, vertex: Vertex, body: Mapping[str, Any]) -> None:
        self._vertex = vertex
        self._body = body
        self._unknown_states: set[str] = set()
        self.stats: dict[str, Any] = {}

    def find(self) -> Observation:
        """Search the job by its display name."""
        return to_find(self._find)

    def create(self) -> Observation:
        """Create the job. There are no request ids: the machine looks before it repeats this."""
        path = f"{self._vertex.parent}/batchPredictionJobs"
        return to_create(lambda: self._seen(self._vertex.call("POST", path, self._body)))

    def look(self, name: str) -> Observation:
        """Get the job."""
        return to_find(lambda: self._seen(self._vertex.call("GET", checked_name(name))))

    def cancel(self, name: str) -> Observation:
        """Ask for the job to be cancelled; what it has finished is kept and billed."""

        def call() -> Observation:
            self._vertex.call("POST", f"{checked_name(name)}:cancel", {})
            return Accepted()

        return to_cancel(call)

    def _find(self) -> Observation:
        found = [job for job in self._listed() if job.get("displayName") == self._wanted]
        if not found:
            return Missing()
        # A double, should there ever be one: the older one, which others may know already.
        return self._seen(min(found, key=lambda job: str(job.get("createTime", ""))))

    @property
    def _wanted(self) -> str:
        return str(self._body["displayName"])

    def _listed(self) -> Iterator[Mapping[str, Any]]:
        query = {"filter": f'displayName="{self._wanted}"', "pageSize": "100"}
        for _ in range(_PAGES_MAX):
            page = self._vertex.call(
                "GET", f"{self._vertex.parent}/batchPredictionJobs", query=query
            )
            yield from page.get("batchPredictionJobs") or ()
            token = page.get("nextPageToken")
            if not token:
                return
            query = {**query, "pageToken": str(token)}
        log.warning("More than %d pages of jobs answer to one display name", _PAGES_MAX)

    def _seen(self, job: Mapping[str, Any]) -> Observation:
        from requests.exceptions import InvalidJSONError

        name = str(job.get("name", ""))
        if not JOB_NAME.fullmatch(name):
            raise InvalidJSONError("what answered is no prediction job")
        state = str(job.get("state") or "JOB_STATE_UNSPECIFIED")
        stage = prediction_stage(state)
        if stage == "unknown" and state not in self._unknown_states:
            self._unknown_states.add(state)
            log.warning("The state %s is not known here; the job counts as still going", state)
        self.stats = stats_of(job)
        return Seen(
            name=name,
            stage=stage,
            uid=name.rpartition("/")[2],
            state=state,
            ours=self._is_ours(job),
            why=_why(job, state) if stage == "failed" else "",
        )

    def _is_ours(self, job: Mapping[str, Any]) -> bool:
        labels = job.get("labels") or {}
        ours = self._body["labels"]
        wanted, told = self._body["inputConfig"], job.get("inputConfig") or {}
        same_input = all(
            told.get(source) == wanted.get(source) for source in ("gcsSource", "bigquerySource")
        )
        return same_input and all(labels.get(key) == value for key, value in ours.items())


def stats_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """What the service says of the job besides its state, in plain numbers and few words.

    `completionStats` are int64 as strings, and -1 where unknown. `partialFailures` holds up to 20
    statuses.
    """
    told = job.get("completionStats") or {}
    stats: dict[str, Any] = {}
    for name in _COUNTS:
        try:
            stats[name] = int(told[name])
        except (KeyError, TypeError, ValueError):
            continue
    failures = [f"{f.get('code', '')} {f.get('message', '')}"[:300].strip()
                for f in job.get("partialFailures") or () if isinstance(f, dict)]  # fmt: skip
    error = job.get("error") or {}
    folder = (job.get("outputInfo") or {}).get("gcsOutputDirectory")
    times = {name: job[name] for name in ("createTime", "startTime", "endTime") if job.get(name)}
    if failures:
        stats["partialFailures"] = failures[:20]
    if error:
        stats["errorCode"] = error.get("code", 0)
    if folder:
        stats["outputDirectory"] = folder
    return {**stats, **times}


def _why(job: Mapping[str, Any], state: str) -> str:
    error = job.get("error") or {}
    said = " ".join(str(error.get("message") or "").split()).rstrip(".")[:500]
    if state == "JOB_STATE_EXPIRED":
        return f"it expired in the queue or ran out of time{': ' + said if said else ''}"
    return said or "the service gave no reason"


def checked_name(name: str) -> str:
    """The name, if it is one of a prediction job: it becomes part of a URL.

    Raises:
        ValueError: it is not.
    """
    if not JOB_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a prediction job")
    return name
