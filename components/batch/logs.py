"""The last lines that tasks printed, from Cloud Logging.

Batch writes what tasks print to the log `batch_task_logs` when the job's logsPolicy is
CLOUD_LOGGING (Batch docs, "Analyze a job using logs": filter by `logName` and
`labels.job_uid`). Each entry names its task in `labels.task_id`, as
`task/<job uid>-<group>-<task index>/<n>/<n>` (batch-samples#85; torchx's gcp_batch_scheduler
filters by `labels.task_id:<uid>-group0-<index>`; files under logsPolicy PATH repeat the label as
`[task_id:task/<uid>-group0-0/0/0,runnable_index:0]`). The slash behind the index is part of the
filter here, or task 1 would also be tasks 10 to 19. What the last two numbers count is not
documented, so nothing depends on them.

Reading is limited to 60 requests a minute and project (Logging quotas, entries.list), which
everybody in the project shares; so a call makes a handful of requests with large pages, and
gives up with a note rather than an error: output is welcome in a report, not needed for it.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from components.agent import AGENT
from components.batch.client import logging_endpoint

log = logging.getLogger(__name__)

_SCOPES = ("https://www.googleapis.com/auth/logging.read",)
_PAGE = 1000  # the greatest pageSize of entries.list
_TASKS_A_QUERY = 100  # keeps a filter below its 20,000 characters
_MAX_CHARS = 16_000  # of one task's tail
_TIMEOUT_S = 30.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}\Z")


class Answer(Protocol):
    """What is used of a requests.Response."""

    status_code: int
    text: str

    def json(self) -> Any:
        """The decoded body."""


class Session(Protocol):
    """What is used of google.auth's AuthorizedSession."""

    def post(self, url: str, *, json: Any, timeout: float) -> Answer:
        """Send one request."""


@dataclass
class Tails:
    """Last lines by task index, and why some may be missing ("" if none is)."""

    text: dict[int, str] = field(default_factory=dict)
    note: str = ""


class _GaveUp(Exception):  # noqa: N818 - never leaves this module
    """Why no more is read; the message is for a person."""


def logging_session() -> tuple[Session, str]:
    """A session and the endpoint; a stand-in on this machine (http://) gets no credentials."""
    from google.auth.transport.requests import AuthorizedSession

    endpoint = logging_endpoint()
    if urlsplit(endpoint).scheme == "http":
        from google.auth.credentials import AnonymousCredentials

        session = AuthorizedSession(AnonymousCredentials())
    else:
        import google.auth

        credentials, _ = google.auth.default(scopes=_SCOPES)
        session = AuthorizedSession(credentials)
    session.headers["User-Agent"] = AGENT
    return cast(Session, session), endpoint


def tails(
    job_uid: str,
    task_indexes: Iterable[int],
    lines: int = 20,
    *,
    project: str,
    group: str = "group0",
    whole_job: bool = False,
    max_requests: int = 12,
    session: Session | None = None,
    endpoint: str = "",
) -> Tails:
    """The last lines of output of these tasks.

    Args:
        job_uid: uid of the job, not its id.
        task_indexes: which tasks; those named first are served first.
        lines: how many lines a task.
        project: id of the project that the job ran in.
        group: name of the task group.
        whole_job: the tasks are all that the job has, so the first request need not name them.
        max_requests: after so many requests the rest is left out.
        session: makes the requests; made from the environment if None.
        endpoint: base URL that goes with the session.

    Never raises for what the service does or refuses: the note says it.
    """
    wanted = list(dict.fromkeys(task_indexes))
    found = Tails()
    if not wanted:
        return found
    if not is_name(job_uid, group, project):
        found.note = "The output of tasks was not read: the job's uid is not known."
        return found
    import requests
    from google.auth.exceptions import GoogleAuthError

    try:
        if session is None:
            session, endpoint = logging_session()
        reader = _Reader(session, endpoint, project, max_requests)
        for first in range(0, len(wanted), _TASKS_A_QUERY):
            part = wanted[first : first + _TASKS_A_QUERY]
            asked = [] if whole_job and part == wanted else part
            reader.collect(job_uid, group, part, asked, lines, found.text)
    except _GaveUp as reason:
        found.note = f"The output of some tasks is missing here: {reason}"
    except (GoogleAuthError, requests.RequestException, ValueError) as error:
        # No credentials, no connection, no JSON: all mean "no output in this report".
        log.info("reading task output failed", exc_info=True)
        found.note = f"The output of some tasks is missing here: {type(error).__name__}: {error}"
    return found


@dataclass
class _Reader:
    session: Session
    endpoint: str
    project: str
    requests_left: int

    def collect(
        self,
        uid: str,
        group: str,
        indexes: Sequence[int],
        asked: Sequence[int],
        lines: int,
        into: dict[int, str],
    ) -> None:
        """Read newest first until each task has its lines, asking only for those that lack them.

        `asked` is what the first filter names; nothing where it is the whole job.
        """
        name = task_pattern(uid, group)
        open_, token = list(indexes), ""
        got: dict[int, list[str]] = {index: [] for index in open_}
        try:
            while open_:
                entries, token = self._page(log_filter(self.project, uid, group, asked), token)
                _sort_in(entries, name, got, lines)
                done = [index for index in open_ if _count(got[index]) >= lines]
                if not token:
                    break
                if done:
                    # Begin again without them: one chatty task must not fill every page.
                    open_ = asked = [index for index in open_ if index not in set(done)]
                    got.update({index: [] for index in open_})
                    token = ""
        finally:
            into.update({index: tail(texts, lines) for index, texts in got.items() if texts})

    def _page(self, query: str, token: str) -> tuple[list[Mapping[str, Any]], str]:
        if self.requests_left <= 0:
            raise _GaveUp("there is more of it than this report reads; see Cloud Logging.")
        self.requests_left -= 1
        body = {
            "resourceNames": [f"projects/{self.project}"],
            "filter": query,
            "orderBy": "timestamp desc",
            "pageSize": _PAGE,
        }
        if token:
            body["pageToken"] = token
        url = f"{self.endpoint.rstrip('/')}/v2/entries:list"
        answer = self.session.post(url, json=body, timeout=_TIMEOUT_S)
        if answer.status_code != 200:
            raise _GaveUp(refusal(answer))
        page = answer.json()
        return list(page.get("entries", [])), str(page.get("nextPageToken", ""))


def is_name(*texts: str) -> bool:
    """Whether these can stand in a filter: what is no name would change what it asks for."""
    return all(_NAME.match(text) for text in texts)


def log_filter(project: str, uid: str, group: str, indexes: Sequence[int]) -> str:
    """The filter of what tasks printed; of all tasks where no indexes are given."""
    parts = [
        f'logName="projects/{project}/logs/batch_task_logs"',
        f'labels.job_uid="{uid}"',
    ]
    if indexes:
        names = " OR ".join(f'"{uid}-{group}-{index}/"' for index in indexes)
        parts.append(f"labels.task_id:({names})")
    return " AND ".join(parts)


def task_pattern(uid: str, group: str) -> re.Pattern[str]:
    """Finds the index of the task in the label `task_id`."""
    return re.compile(rf"(?:^|/){re.escape(uid)}-{re.escape(group)}-(\d+)(?:/|$)")


def refusal(answer: Answer) -> str:
    """Why nothing was read, with what to do; whole sentences."""
    if answer.status_code in (401, 403):
        return (
            "reading Cloud Logging was not allowed; grant roles/logging.viewer to whoever runs "
            "this step."
        )
    if answer.status_code == 429:
        return "Cloud Logging's limit of 60 reads a minute and project was reached."
    return f"Cloud Logging answered {answer.status_code}."


def _sort_in(
    entries: Iterable[Mapping[str, Any]],
    name: re.Pattern[str],
    got: dict[int, list[str]],
    lines: int,
) -> None:
    """Put each entry's text with its task, newest first."""
    for entry in entries:
        found = name.search(task_id(entry))
        if not found:
            continue
        texts = got.get(int(found.group(1)))
        if texts is not None and _count(texts) < lines:
            texts.append(message(entry))


def task_id(entry: Mapping[str, Any]) -> str:
    """The label that names the task of an entry; empty where there is none."""
    labels = entry.get("labels")
    return str(labels.get("task_id", "")) if isinstance(labels, Mapping) else ""


def message(entry: Mapping[str, Any]) -> str:
    """What an entry says."""
    if "textPayload" in entry:
        return str(entry["textPayload"])
    payload = entry.get("jsonPayload") or entry.get("protoPayload") or {}
    if isinstance(payload, Mapping) and isinstance(payload.get("message"), str):
        return str(payload["message"])
    return json.dumps(payload, ensure_ascii=False)


def _count(texts: Sequence[str]) -> int:
    return sum(text.rstrip("\n").count("\n") + 1 for text in texts)


def tail(newest_first: Sequence[str], lines: int) -> str:
    """The last lines of entries that are given newest first, oldest line first."""
    text = "\n".join(text.rstrip("\n") for text in reversed(newest_first))
    kept = "\n".join(text.split("\n")[-lines:])
    return kept if len(kept) <= _MAX_CHARS else f"…{kept[-_MAX_CHARS:]}"
