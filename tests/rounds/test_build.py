"""The job of a round, its names, and what all rounds may cost."""

from __future__ import annotations

from typing import Any

import pytest

from components.batch.rerun_marks import (
    COUNT,
    INDEX,
    MANIFEST,
    manifest_uri,
    marked_indexes,
    uid_hash,
)
from components.batch.rules import examine
from components.errors import InputError
from components.rounds.build import round_job
from components.rounds.following import next_round, over_all
from components.rounds.gather import Round, Series
from components.rounds.names import MOST_ROUNDS, round_id, round_names
from components.rounds.payload import Choices

NAME = "projects/p-12345/locations/us-central1/jobs/first"


def job(count: int = 10, **group: Any) -> dict[str, Any]:
    spec = {
        "runnables": [{"script": {"text": "x"}}],
        "maxRunDuration": "60s",
        **group.pop("spec", {}),
    }
    return {
        "taskGroups": [{"taskCount": str(count), "parallelism": "5", "taskSpec": spec, **group}],
        "logsPolicy": {"destination": "CLOUD_LOGGING"},
    }


def errors(made: dict[str, Any]) -> list[str]:
    return [f.message for f in examine(made).findings if f.severity == "error"]


def test_few_tasks_have_variables_of_their_own() -> None:
    made = round_job(job(), [3, 7], Choices())
    group = made["taskGroups"][0]
    assert (group["taskCount"], group["parallelism"]) == ("2", "2")
    assert [e["variables"] for e in group["taskEnvironments"]] == [
        {INDEX: "3", COUNT: "10"},
        {INDEX: "7", COUNT: "10"},
    ]
    assert marked_indexes(made) == [3, 7]
    assert not any(name.startswith("BATCH_") for e in group["taskEnvironments"] for name in e)
    assert errors(made) == []


def test_variables_that_tasks_had_stay_with_them() -> None:
    had = [{"variables": {"SHARD": f"s{index}"}} for index in range(10)]
    group = round_job(job(taskEnvironments=had), [9], Choices())["taskGroups"][0]
    assert group["taskEnvironments"][0]["variables"] == {"SHARD": "s9", INDEX: "9", COUNT: "10"}


def test_many_tasks_read_a_manifest() -> None:
    container = {"imageUri": "i", "entrypoint": "sh", "commands": ["-c", "x"], "volumes": ["/a:/a"]}
    spec = {"runnables": [{"script": {"text": "x"}}, {"container": container}]}
    made = round_job(job(900, spec=spec), range(201), Choices(), folder="gs://bucket/reruns/r1")
    group = made["taskGroups"][0]
    assert "taskEnvironments" not in group
    assert group["taskCount"] == "201"
    assert group["taskSpec"]["volumes"][-1]["gcs"] == {"remotePath": "bucket/reruns/r1/"}
    assert group["taskSpec"]["environment"]["variables"] == {
        COUNT: "900",
        MANIFEST: "gs://bucket/reruns/r1/indexes.txt",
    }
    assert manifest_uri(made) == "gs://bucket/reruns/r1/indexes.txt"
    assert marked_indexes(made) is None
    mounted = group["taskSpec"]["runnables"][1]["container"]["volumes"]
    assert mounted == ["/a:/a", "/mnt/disks/intent2batch-rerun:/mnt/disks/intent2batch-rerun:ro"]
    assert errors(made) == []
    with pytest.raises(InputError, match=r"201 tasks.*--manifest"):
        round_job(job(900), range(201), Choices())


def test_tasks_that_know_each_other_stay_together() -> None:
    with pytest.raises(InputError, match="requireHostsFile"):
        round_job(job(requireHostsFile=True), [1], Choices())


def test_the_first_job_stays_as_it_is() -> None:
    first = job()
    before = repr(first)
    round_job(first, [1, 2], Choices())
    assert repr(first) == before


def test_names_come_from_the_first_uid_and_the_round() -> None:
    names = round_names(NAME, "uid-1", 2, job())
    assert names.name == f"{NAME}-{uid_hash('uid-1')}-r2"
    assert names.labels["intent2batch-rerun-of"] == "first"
    assert names == round_names(NAME, "uid-1", 2, job())
    assert names.request_id != round_names(NAME, "uid-1", 3, job()).request_id
    assert names.job_id != round_names(NAME, "uid-2", 2, job()).job_id
    longest = round_id("a" + "-" * 30 + "b" * 32, "uid", MOST_ROUNDS)
    assert len(longest) <= 63


def series(*succeeded: set[int]) -> Series:
    left, rounds = list(range(10)), []
    for number, done in enumerate(succeeded):
        rounds.append(Round(number, NAME, "FAILED", job(), left, frozenset(done)))
        left = [index for index in left if index not in done]
    return Series("uid-1", rounds)


def test_the_next_round_runs_what_is_left() -> None:
    made = next_round(series({0, 1, 2, 5, 6, 8}, {3, 9}), Choices())
    assert (made.number, made.indexes, made.manifest) == (2, [4, 7], "")
    assert marked_indexes(made.job) == [4, 7]


def test_rounds_come_to_an_end() -> None:
    with pytest.raises(InputError, match="50 times"):
        next_round(series(*[{0}] * (MOST_ROUNDS + 1)), Choices())


@pytest.mark.parametrize(
    ("costs", "most", "told"),
    [
        ([1.0, 2.0], 3.0, ""),
        ([1.0, 2.0], 2.9, "$3.00 at worst ($2.00 this time), more than the $2.90"),
        ([1.0, None], 9.0, "unknown"),
        ([None, 1.0], 9.0, "unknown"),
        ([None, None], 0.0, ""),
    ],
)
def test_all_rounds_share_a_budget(costs: list[float | None], most: float, told: str) -> None:
    left = iter(costs)
    got = over_all([{}, {}], lambda _: next(left), most)
    assert told in got
    assert bool(got) == bool(told)
