"""Batch predictions with what goes wrong on demand: calls, states, outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.genai import errors

from emulator.faults import Fault
from tests.emulator.vertex.test_batch_support import (
    Place,
    numbered,
    prompt_of,
    short,
    stand_in,
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with stand_in(tmp_path) as place:
        yield place


def test_a_create_whose_reply_is_lost_is_found_by_its_name(place: Place) -> None:
    place.faults.add(Fault("vertex.CreateBatchPredictionJob", kind="lose_reply"))
    source = place.put(numbered(3))
    with pytest.raises(Exception, match=r"(?i)disconnect|connection|closed"):
        place.create(source, "run-1-shard-0")
    (job,) = place.client.batches.list(config={"filter": 'displayName="run-1-shard-0"'})
    assert len(place.rows(place.ended(job))) == 3


@pytest.mark.parametrize("call", ["Create", "Get", "Cancel", "Delete", "List"])
def test_every_call_can_fail(place: Place, call: str) -> None:
    job = place.create(place.put(numbered(1)))
    name = str(job.name)
    method = "ListBatchPredictionJobs" if call == "List" else f"{call}BatchPredictionJob"
    place.faults.add(Fault(f"vertex.{method}", status=503))
    batches = place.client.batches
    calls: dict[str, Callable[[], object]] = {
        "Create": lambda: place.create("gs://rows/in/rows.jsonl"),
        "Get": lambda: batches.get(name=name),
        "List": lambda: batches.list(),
        "Cancel": lambda: batches.cancel(name=name),
        "Delete": lambda: batches.delete(name=name),
    }
    with pytest.raises(errors.ServerError):
        calls[call]()


def test_states_are_delayed_by_calls(place: Place) -> None:
    place.scenario(kind="delay_state", state="QUEUED", calls=1)
    place.scenario(kind="delay_state", state="RUNNING", calls=2)
    place.scenario(kind="delay_state", state="UPDATING", calls=1)
    job = place.create(place.put(numbered(1)))
    seen = [short(job)]
    while seen[-1] != "SUCCEEDED":
        seen.append(short(place.client.batches.get(name=str(job.name))))
    assert seen == ["QUEUED", "QUEUED", "RUNNING", "RUNNING", "UPDATING", "SUCCEEDED"]


@pytest.mark.parametrize("state", ["QUEUED", "PENDING", "RUNNING", "PAUSED", "UPDATING"])
def test_a_stuck_job_can_be_cancelled(place: Place, state: str) -> None:
    place.scenario(kind="stuck", state=state, share=0.3)
    job = place.create(place.put(numbered(10)))
    for _ in range(5):
        assert short(place.client.batches.get(name=str(job.name))) == state
    with pytest.raises(errors.ClientError, match="cancel it first"):
        place.client.batches.delete(name=str(job.name))
    place.client.batches.cancel(name=str(job.name))
    job = place.ended(job)
    assert short(job) == "CANCELLED"
    assert job.error is not None
    if state in ("QUEUED", "PENDING"):
        assert "outputInfo" not in place.raw(job)
    else:
        assert len(place.rows(job)) == 3
        stats = place.raw(job)["completionStats"]
        assert stats == {"successfulCount": "3", "incompleteCount": "7"}


def test_cancelling_takes_as_many_calls_as_it_is_told(place: Place) -> None:
    place.scenario(kind="stuck", state="RUNNING")
    place.scenario(kind="delay_state", state="CANCELLING", calls=2)
    job = place.create(place.put(numbered(2)))
    name = str(job.name)
    place.client.batches.get(name=name)
    place.client.batches.cancel(name=name)
    place.client.batches.cancel(name=name)
    seen = [short(place.client.batches.get(name=name)) for _ in range(3)]
    assert seen == ["CANCELLING", "CANCELLING", "CANCELLED"]
    with pytest.raises(errors.ClientError, match="has ended in state JOB_STATE_CANCELLED"):
        place.client.batches.cancel(name=name)


@pytest.mark.parametrize("state", ["EXPIRED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED"])
def test_a_job_may_end_with_half_its_rows(place: Place, state: str) -> None:
    place.scenario(kind="end", state=state, share=0.5, message="so it is")
    job = place.create(place.put(numbered(10)))
    job = place.ended(job)
    assert short(job) == state
    assert len(place.rows(job)) == 5
    raw = place.raw(job)
    assert raw["completionStats"] == {"successfulCount": "5", "incompleteCount": "5"}
    assert ("error" in raw) == (state in ("FAILED", "CANCELLED"))
    assert ("partialFailures" in raw) == (state == "PARTIALLY_SUCCEEDED")


def test_a_failed_job_writes_nothing_unless_told(place: Place) -> None:
    place.scenario(kind="end", state="FAILED", code=3, message="400 unknown model")
    job = place.run(numbered(4))
    assert job.error is not None
    assert (job.error.code, job.error.message) == (3, "400 unknown model")
    assert "outputInfo" not in place.raw(job)


def test_a_failed_output_may_lie_in_several_files(place: Place) -> None:
    place.scenario(kind="end", state="FAILED", share=0.6)
    place.scenario(kind="split", files=3, errors=True)
    place.scenario(kind="error", every=5, code=503)
    job = place.run(numbered(10))
    files = place.files(job)
    names = ["errors_0001.jsonl", *(f"predictions_{n:04}.jsonl" for n in (1, 2, 3))]
    assert set(files) <= set(names)
    assert set(names[1:]) <= set(files)
    rows = place.rows(job)
    assert len(rows) == len({prompt_of(row) for row in rows}) == 6
    for name, lines in files.items():
        assert all(("503" in line.decode()) == name.startswith("errors") for line in lines)


def test_scenarios_are_for_jobs_by_name_and_number(place: Place) -> None:
    place.scenario(kind="end", state="EXPIRED", display_name="run-*", jobs=1)
    source = place.put(numbered(2))
    states = [
        short(place.ended(place.create(source, name))) for name in ("other", "run-1", "run-2")
    ]
    assert states == ["SUCCEEDED", "EXPIRED", "SUCCEEDED"]
    place.scenario(kind="end", state="EXPIRED")
    place.send("DELETE", "/_emulator/prediction_scenarios")
    assert short(place.ended(place.create(source))) == "SUCCEEDED"


@pytest.mark.parametrize(
    "scenario",
    [
        {},
        {"kind": "vanish"},
        {"kind": "missing", "calls": 1},
        {"kind": "missing", "rows": [0]},
        {"kind": "missing", "rows": 1},
        {"kind": "stuck"},
        {"kind": "stuck", "state": "SUCCEEDED"},
        {"kind": "end", "state": "RUNNING"},
        {"kind": "end", "state": "FAILED", "share": 2},
        {"kind": "error", "code": "429"},
        {"kind": "echo", "order": "random"},
        {"kind": "echo", "keys": 1},
    ],
)
def test_a_wrong_scenario_is_refused(place: Place, scenario: dict[str, Any]) -> None:
    status, answer = place.send("POST", "/_emulator/prediction_scenarios", scenario)
    assert status == 400
    assert "Not a scenario" in answer["error"]["message"]


def test_a_job_may_be_gone(place: Place) -> None:
    place.scenario(kind="gone", calls=2)
    job = place.create(place.put(numbered(1)))
    place.client.batches.get(name=str(job.name))
    with pytest.raises(errors.ClientError) as caught:
        place.client.batches.get(name=str(job.name))
    assert caught.value.code == 404
