"""Rounds with changes, against the emulator with the real client."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.batch.policy import Policy
from components.config.check import Against
from components.errors import InputError
from components.rounds.adapt import Adapt
from components.submit_batch_job import adapting
from components.submit_batch_job.adapting import Adapted, Bounds, submit_and_adapt
from components.submit_batch_job.batch_job import BatchJob
from components.submit_batch_job.submit import Waiting
from components.supervision.ledger import Ledger, to_text
from emulator.faults import Fault
from tests.submit_batch_job.conftest import PLACE, Step, job_of


def bounds(**adapt: Any) -> Bounds:
    return Bounds(Adapt(**{"rounds": 3, **adapt}), Against(region="us-central1"), lambda _: 1.0)


def run(
    step: Step, job: Mapping[str, Any], limits: Bounds | None = None, **waiting: Any
) -> Adapted:
    told: dict[str, Any] = {
        "clock": step.clock,
        "draw": lambda least, most: most,
        "say": step.lines.append,
        **waiting,
    }
    return submit_and_adapt(
        job,
        **PLACE,
        run="run/1",
        ledger_uri=step.ledger,
        waiting=Waiting(**told),
        bounds=limits or bounds(),
    )


def memory_job(step: Step, need: int, **more: Any) -> dict[str, Any]:
    """Task 1 of 3 is killed unless the job asks for so much memory. (Jobs see their own spec.)"""
    script = (
        f"echo $BATCH_TASK_INDEX of $BATCH_TASK_COUNT >> {Path(step.ledger).parent}/ran\n"
        f"[ $BATCH_TASK_INDEX != 1 ] || [ $MEMORY -ge {need} ] || exit 137"
    )
    spec = {"computeResource": {"memoryMib": "1000"}, "environment": {"variables": {}}}
    Path(step.ledger).parent.mkdir(parents=True, exist_ok=True)
    return job_of(script, taskCount=3, spec={**spec, **more})


@pytest.fixture(autouse=True)
def told_its_memory(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task's variable MEMORY is what its job asks for, as the stand-in limits no memory."""
    from emulator.batch.plan import Plan

    plain = Plan.variables_of

    def variables(plan: Plan, index: int) -> dict[str, str]:
        jobs = [job for job in step.made() if job.state == "RUNNING"]
        asked = [j.group["taskSpec"].get("computeResource", {}).get("memoryMib", 0) for j in jobs]
        return {**plain(plan, index), "MEMORY": str(asked[-1] if asked else 0)}

    monkeypatch.setattr(Plan, "variables_of", variables)


def ran(step: Step) -> list[str]:
    return sorted((Path(step.ledger).parent / "ran").read_text().splitlines())


def test_more_memory_until_the_task_fits(step: Step) -> None:
    got = run(step, memory_job(step, 4000))
    assert got.ledger.outcome == "succeeded"
    assert [each.indexes for each in got.rounds] == [[1], [1]]
    assert ran(step) == ["0 of 3", "1 of 3", "1 of 3", "1 of 3", "2 of 3"]
    assert [c["after"] for each in got.rounds for c in each.changes] == [2048, 4096]
    assert any("memoryMib" in line for line in step.lines)
    assert len(step.made()) == 3


def test_rounds_are_bounded(step: Step) -> None:
    got = run(step, memory_job(step, 10**9), bounds(rounds=2))
    assert (got.ledger.outcome, len(got.rounds), len(step.made())) == ("failed", 2, 3)


def test_without_rounds_nothing_changes(step: Step) -> None:
    got = run(step, memory_job(step, 4000), bounds(rounds=0))
    assert (got.ledger.outcome, len(step.made())) == ("failed", 1)
    assert not (Path(step.ledger).parent / "rounds.json").exists()


def test_a_second_process_goes_on_with_the_same_rounds(step: Step) -> None:
    first = run(step, memory_job(step, 4000))
    again = run(step, memory_job(step, 4000))
    assert (to_text(again.ledger), again.rounds) == (to_text(first.ledger), first.rounds)
    assert len(step.made()) == 3


class Killed(Exception):  # noqa: N818 - it is no error
    """Stands for the end of a process."""


@pytest.mark.parametrize("at", range(1, 12, 2))
def test_a_process_killed_anywhere_makes_no_second_job(
    step: Step, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Each write of rounds.json and each call of a later round is a place to die at."""
    calls = 0

    def dies(real: Any) -> Any:
        def call(*words: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at:
                raise Killed
            return real(*words, **named)

        return call

    job = memory_job(step, 4000)
    with monkeypatch.context() as patch:
        for name in ("_write", "_plan", "submit_named", "gather", "next_round"):
            patch.setattr(adapting, name, dies(getattr(adapting, name)))
        try:
            run(step, job)
        except Killed:
            assert len(step.made()) < 4
    got = run(step, job)
    assert got.ledger.outcome == "succeeded"
    assert len(step.made()) == 3
    assert ran(step) == ["0 of 3", "1 of 3", "1 of 3", "1 of 3", "2 of 3"]


@pytest.mark.parametrize("made", [True, False])
def test_a_process_killed_at_the_create_of_a_round_makes_one(
    step: Step, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    create, calls = BatchJob.create, 0

    def dies(job: BatchJob) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2 and made:
            create(job)
        if calls == 2:
            raise Killed
        return create(job)

    monkeypatch.setattr(BatchJob, "create", dies)
    with pytest.raises(Killed):
        run(step, memory_job(step, 2000))
    assert len(step.made()) == 1 + made
    assert run(step, memory_job(step, 2000)).ledger.outcome == "succeeded"
    assert len(step.made()) == 2
    assert len(ran(step)) == 4


def test_ctrl_c_as_a_job_fails_makes_no_further_round(step: Step) -> None:
    """Heard in the last moment of the first job, by the command's own handlers."""

    def interrupt(ledger: Ledger) -> None:
        if ledger.outcome == "failed":
            os.kill(os.getpid(), signal.SIGINT)

    got = run(step, memory_job(step, 2000), clock=None, on_change=interrupt)
    assert (got.ledger.outcome, len(step.made())) == ("cancelled", 1)


def test_a_lost_reply_makes_no_second_round(step: Step) -> None:
    step.emulator.faults.add(Fault("batch.CreateJob", nth=2, kind="lose_reply"))
    assert run(step, memory_job(step, 2000)).ledger.outcome == "succeeded"
    assert len(step.made()) == 2


def test_a_programs_own_error_is_not_run_again(step: Step) -> None:
    got = run(step, job_of("echo 'ValueError: bad' >&2; exit 1"))
    assert (got.ledger.outcome, got.rounds, len(step.made())) == ("failed", [], 1)
    assert any("another run would end the same way" in line for line in step.lines)
    told = json.loads((Path(step.ledger).parent / "rounds.json").read_text())
    assert "another run would end the same way" in told["end"]


def test_tasks_that_are_given_up_fail_the_whole(step: Step) -> None:
    job = memory_job(step, 2000)
    job["taskGroups"][0]["taskSpec"]["runnables"].append(
        {"script": {"text": "[ $BATCH_TASK_INDEX != 2 ] || exit 3"}}
    )
    got = run(step, job)
    assert got.ledger.outcome == "failed"
    assert got.rounds[0].given_up == [2]
    assert "1 task (2) failed for reasons" in got.ledger.reason


def test_preempted_tasks_go_on_standard_vms(step: Step) -> None:
    step.scenario("preempt_task", task=0, attempt=0)
    step.scenario("preempt_task", task=0, attempt=1)
    spot = {"instances": [{"policy": {"provisioningModel": "SPOT"}}]}
    job = job_of("sleep 0.2", taskCount=2, spec={"maxRetryCount": 1}) | {"allocationPolicy": spot}
    got = run(step, job, bounds(rounds=1))
    assert got.rounds[0].indexes == [0]
    policy = got.rounds[0].base["allocationPolicy"]["instances"][0]["policy"]
    assert policy["provisioningModel"] == "STANDARD"


def test_after_a_stock_out_the_region_and_then_another_machine(step: Step) -> None:
    step.scenario("stock_out", machine="c3-standard-4")
    step.scenario("stock_out", zone="us-central1-a")
    allocation = {
        "location": {"allowedLocations": ["zones/us-central1-a"]},
        "instances": [{"policy": {"machineType": "c3-standard-4"}}],
    }
    job = job_of("true", taskCount=300, parallelism=20) | {"allocationPolicy": allocation}
    got = run(step, job, bounds(stock_out_s=0.0), clock=None)
    assert got.ledger.outcome == "succeeded"
    assert [made.state for made in step.made()] == ["CANCELLED", "CANCELLED", "SUCCEEDED"]
    last = got.rounds[-1].base["allocationPolicy"]
    assert last["location"]["allowedLocations"] == ["regions/us-central1"]
    assert last["instances"][0]["policy"]["machineType"] == "e2-standard-4"


def test_all_rounds_share_a_budget(step: Step) -> None:
    got = run(step, memory_job(step, 10**9), replace(bounds(), max_cost_usd=2.5))
    assert (len(got.rounds), len(step.made())) == (1, 2)
    assert any("more than the $2.50 allowed" in line for line in step.lines)


def test_all_rounds_share_the_time_allowed(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapting, "_took_s", lambda _: 60.0)
    got = run(step, memory_job(step, 10**9), max_wait_s=100.0)
    assert (len(got.rounds), len(step.made())) == (1, 2)
    assert any("the time allowed is over" in line for line in step.lines)


def test_a_changed_job_is_held_to_the_policy(step: Step) -> None:
    policy = Policy(machine_families=("e2",))
    limits = replace(bounds(), against=Against(region="us-central1", policy=policy))
    job = memory_job(step, 10**9, computeResource={"cpuMilli": "16000"})
    job["allocationPolicy"] = {"instances": [{"policy": {"machineType": "e2-highmem-16"}}]}
    got = run(step, job, limits)
    assert (got.rounds, len(step.made())) == ([], 1)
    assert any("the changed job is not allowed" in line for line in step.lines)


def test_rounds_of_another_kind_are_refused(step: Step) -> None:
    Path(step.ledger).parent.mkdir(parents=True)
    (Path(step.ledger).parent / "rounds.json").write_text('{"version": 9, "rounds": []}')
    with pytest.raises(InputError, match=r"rounds\.json"):
        run(step, job_of("exit 137"))
