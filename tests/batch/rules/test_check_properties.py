"""What holds for every job: check never raises, and agrees with the proto's strict parser."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.batch.findings import SEVERITY_ORDER, path_parts, path_text
from components.batch.rules import all_rules, check
from components.batch.rules.parsing import ONEOF_RULES
from components.batch.schema import schema
from tests.batch.rules.jobs import clean_job
from tests.batch.rules.test_error_rules import CASES

NAMES = sorted({name for fields in schema().messages.values() for name in fields})
WORDS = sorted({word for enum in schema().enums.values() for word in enum})

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(WORDS)
    | st.sampled_from(
        ["3600s", "-1s", "${X}", "regions/us-central1", "n1-standard-8", "/mnt", "1e3"]
    )
)
KEYS = st.sampled_from(NAMES) | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def parses_strictly(job: Any) -> bool:
    """Whether the proto's own parser takes the job."""
    from google.cloud import batch_v1

    try:
        json_format.ParseDict(copy.deepcopy(job), batch_v1.Job.pb(batch_v1.Job()))
    except (json_format.ParseError, ValueError, TypeError, AttributeError):
        return False
    return True


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of every value in a job."""
    found = [path] if path else []
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in entries:
            found += places(inner, (*path, key))
    return found


PLACES = places(clean_job())


def with_value(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The clean job with one value replaced."""
    job: Any = clean_job()
    inner = job
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return job


@given(JSON)
@settings(max_examples=150)
@example({"taskGroups": [[]], "labels": [None]})
@example({"taskGroups": {"taskSpec": {"runnables": [None, 3, {"script": [{}]}]}}})
@example({"priority": float("inf"), "taskGroups": [{"taskCount": 10**5000}]})
@example({"\ud800": "\ud800", "labels": {"\ud800": "\ud800"}})
def test_any_json_gives_findings_and_never_an_exception(job: Any) -> None:
    findings = check(job)

    known = all_rules()
    order = [SEVERITY_ORDER[f.severity] for f in findings]
    assert order == sorted(order)
    assert all(f.rule in known and f.message for f in findings)
    assert all(path_text(path_parts(f.path)) == f.path for f in findings)


@given(st.sampled_from(PLACES), JSON)
@settings(max_examples=250)
def test_a_job_without_errors_parses_strictly(path: tuple[Any, ...], value: Any) -> None:
    job = with_value(path, value)

    errors = [f for f in check(job) if f.severity == "error"]

    assert errors or parses_strictly(job)


@given(st.sampled_from(PLACES), SCALARS)
@settings(max_examples=150)
def test_what_the_parser_refuses_is_a_finding_of_reading(path: tuple[Any, ...], value: Any) -> None:
    job = with_value(path, value)

    assert parses_strictly(job) or check(job)[0].severity == "error"


@pytest.mark.parametrize(
    ("job", "accepted"),
    [
        ({"task_groups": [{"task_count": "5"}]}, True),
        ({"taskGroups": [{"taskCount": 5.0}]}, True),
        ({"taskGroups": [{"schedulingPolicy": 1}]}, True),
        ({"taskGroups": None, "labels": None}, True),
        ({"taskGroups": [{"taskSpec": {"maxRunDuration": "1.5s"}}]}, True),
        ({"taskGroups": [{"taskCount": True}]}, False),
        ({"taskGroups": [{"taskSpec": {"maxRetryCount": 2**31}}]}, False),
        ({"taskGroups": [{"schedulingPolicy": "in_order"}]}, False),
        ({"taskGroups": [{"taskSpec": {"maxRunDuration": "5S"}}]}, False),
        ({"labels": {"a": 1}}, False),
    ],
)
def test_forms_that_the_parser_takes_are_taken(job: dict[str, Any], accepted: bool) -> None:
    shape_errors = [
        f
        for f in check(job)
        if f.severity == "error"
        and (f.rule.startswith("PARSE_") or f.rule in ("TIMEOUT_FMT", "PM_ENUM"))
    ]

    assert parses_strictly(job) is accepted
    assert (not shape_errors) is accepted


def test_every_oneof_of_the_proto_has_a_rule() -> None:
    oneofs = {f.oneof for fields in schema().messages.values() for f in fields.values()} - {""}

    assert oneofs == set(ONEOF_RULES)


def test_the_cases_of_unknown_shapes_are_refused_by_the_parser_too() -> None:
    for rule, changes, _ in CASES:
        if rule in ("PARSE_UNKNOWN", "PARSE_ALPHA_FIELD", "PARSE_ENUM", "PM_ENUM"):
            job = clean_job()
            from tests.batch.rules.jobs import changed

            assert not parses_strictly(changed(job, changes)), rule


@given(st.lists(st.text(max_size=12) | st.integers(min_value=0, max_value=99), max_size=5))
@settings(max_examples=100)
def test_paths_are_read_as_they_were_written(parts: list[Any]) -> None:
    assert path_parts(path_text(parts)) == tuple(parts)
