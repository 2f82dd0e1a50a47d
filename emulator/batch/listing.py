"""Pages of jobs and of tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from emulator.batch import filters, paging
from emulator.batch.filters import Term
from emulator.batch.jobs import JOB_STATES, TASK_STATES, Job, job_json, task_json
from emulator.http import ApiError

_DEFAULT_PAGE, _LARGEST_PAGE = 1_000, 5_000  # ours; the service's are not documented
_STATE_FIELDS = ("state", "status.state")
_TIME_FIELDS = ("createTime", "create_time")
_ORDERS = ("", "name", "name desc", "create_time", "create_time desc", "createTime desc")


def jobs_page(
    jobs: Iterable[Job], query: Mapping[str, str], now_ns: int, numbers: bool
) -> dict[str, Any]:
    """A page of the jobs, the newest first unless asked otherwise.

    Raises:
        ApiError: 400 for a filter, an order, a size or a token that is not understood.
    """
    terms = filters.parse(query.get("filter", ""), _is_job_field)
    _check_states(terms, JOB_STATES)
    order = query.get("orderBy", "")
    if order not in _ORDERS:
        raise ApiError(400, "INVALID_ARGUMENT", f"order_by '{order[:100]}' is not supported.")
    by_name = order.startswith("name")
    backwards = not order or order.endswith(" desc")
    found: Sequence[tuple[list[Any], Job]] = sorted(
        (
            ([job.name] if by_name else [job.created_ns, job.name], job)
            for job in jobs
            if all(_job_passes(job, term) for term in terms)
        ),
        key=lambda each: each[0],
        reverse=backwards,
    )
    found = _behind(found, paging.after(query), backwards)
    size = paging.page_size(query, _DEFAULT_PAGE, _LARGEST_PAGE)
    page: dict[str, Any] = {"jobs": [job_json(job, now_ns, numbers) for _, job in found[:size]]}
    if len(found) > size:
        page["nextPageToken"] = paging.token(found[size - 1][0])
    return page


def tasks_page(job: Job, query: Mapping[str, str], numbers: bool) -> dict[str, Any]:
    """A page of the job's tasks in the order of their indices.

    Raises:
        ApiError: 400 for a filter, a size or a token that is not understood.
    """
    terms = filters.parse(query.get("filter", ""), lambda name: name.lower() in _STATE_FIELDS)
    _check_states(terms, TASK_STATES)
    last = paging.after(query)
    start = last + 1 if isinstance(last, int) else 0
    size = paging.page_size(query, _DEFAULT_PAGE, _LARGEST_PAGE)
    wanted = (
        index
        for index in range(start, job.task_count)
        if all(term.holds(job.task_state(index)) for term in terms)
    )
    page = list(islice(wanted, size + 1))
    answer: dict[str, Any] = {"tasks": [task_json(job, index, numbers) for index in page[:size]]}
    if len(page) > size:
        answer["nextPageToken"] = paging.token(page[size - 1])
    return answer


def _behind(
    found: Sequence[tuple[list[Any], Job]], last: Any, backwards: bool
) -> Sequence[tuple[list[Any], Job]]:
    """What comes after the last one shown."""
    if last is None:
        return found
    try:
        if backwards:
            return [each for each in found if each[0] < last]
        return [each for each in found if each[0] > last]
    except TypeError as error:
        raise ApiError(400, "INVALID_ARGUMENT", "page_token is not valid.") from error


def _is_job_field(name: str) -> bool:
    return name in ("name", "uid", *_STATE_FIELDS, *_TIME_FIELDS) or name.startswith("labels.")


def _check_states(terms: Iterable[Term], known: Sequence[str]) -> None:
    for term in terms:
        if term.field.lower() in _STATE_FIELDS:
            for value in term.values:
                if value not in known:
                    raise ApiError(
                        400, "INVALID_ARGUMENT", f"filter: there is no state '{value[:100]}'."
                    )


def _job_passes(job: Job, term: Term) -> bool:
    if term.field in _TIME_FIELDS:
        return term.holds_at(job.created_ns)
    if term.field in _STATE_FIELDS:
        return term.holds(job.state)
    if term.field == "uid":
        return term.holds(job.uid)
    if term.field == "name":
        return term.holds(job.name)
    value = job.spec.get("labels", {}).get(term.field.removeprefix("labels."))
    return value is not None and term.holds(value)
