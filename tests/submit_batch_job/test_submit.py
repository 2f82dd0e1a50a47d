"""Submitting against the emulator with the real client; no test sleeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from google.cloud import batch_v1

from components.batch.client import batch_client
from components.errors import InputError, ServiceError, WorkFailed, WrongUse
from components.submit_batch_job.outcome import check_outcome, failure
from components.submit_batch_job.submit import Waiting, cancel, watch
from components.supervision.ledger import Ledger, from_text, to_text
from components.supervision.life import Life
from emulator.faults import Fault
from tests.submit_batch_job.conftest import PARENT, Step, StoryClock, job_of

QUICK = job_of("true")
NEVER = job_of("sleep 1000")


def test_a_job_is_made_once_and_seen_to_its_end(step: Step) -> None:
    ledger = step.submit(QUICK)
    assert (ledger.outcome, ledger.state, step.calls("CreateJob")) == ("succeeded", "SUCCEEDED", 1)
    check_outcome(ledger)
    written = json.loads(Path(step.ledger).read_text())
    assert written["phase"] == "ended"
    assert written["job_name"].startswith(f"{PARENT}/jobs/run-1-")
    assert written["uid"]
    assert written["console_url"].startswith("https://console.cloud.google.com/batch/")
    assert written["submitted_at"] < written["ended_at"]
    assert written["request"]["job"]["labels"].keys() == {
        "intent2batch-run",
        "intent2batch-content",
    }
    (made,) = step.made()
    assert made.request_id == written["request"]["request_id"]


def test_a_job_that_failed_says_why_and_what_next(step: Step) -> None:
    ledger = step.submit(job_of("test $BATCH_TASK_INDEX -ne 1 || exit 137", taskCount=2))
    assert ledger.outcome == "failed"
    with pytest.raises(WorkFailed) as caught:
        check_outcome(ledger)
    assert "task 1 failed: exit code 137" in caught.value.what
    assert f"intent2batch tasks {ledger.job_name}" in caught.value.fix


def test_the_same_run_finds_its_job_again(step: Step) -> None:
    first = step.submit(QUICK)
    assert to_text(step.submit(QUICK)) == to_text(first)
    assert len(step.made()) == 1


def test_a_lost_ledger_is_found_again_by_name(step: Step) -> None:
    first = step.submit(QUICK)
    Path(step.ledger).unlink()
    again = step.submit(QUICK)
    assert (again.outcome, again.life.uid) == ("succeeded", first.life.uid)
    assert len(step.made()) == 1


def test_another_run_makes_another_job(step: Step, tmp_path: Path) -> None:
    step.submit(QUICK)
    step.submit(QUICK, run="run/2", ledger_uri=str(tmp_path / "2.json"))
    assert len(step.made()) == 2


def test_no_wait_returns_with_the_job_made_and_is_taken_up(step: Step) -> None:
    made = step.submit(QUICK, waiting={"until_ended": False})
    assert (made.outcome, made.life.phase) == (None, "watch")
    assert made.job_name
    assert step.submit(QUICK).outcome == "succeeded"
    assert len(step.made()) == 1


def test_a_ledger_in_a_bucket(step: Step) -> None:
    uri = "gs://local-project-bucket/runs/r/submission.json"
    assert step.submit(QUICK, ledger_uri=uri).outcome == "succeeded"
    assert step.submit(QUICK, ledger_uri=uri).outcome == "succeeded"
    assert step.calls("CreateJob") == 1


@pytest.mark.parametrize(
    "faults",
    [
        [Fault("batch.CreateJob", kind="lose_reply")],
        [Fault("batch.CreateJob", kind="drop", count=3)],
        [Fault("batch.CreateJob", status=503, count=4)],
        [Fault("batch.CreateJob", status=429, count=4)],
        [Fault("batch.CreateJob", status=500)],
        [Fault("batch.CreateJob", status=504)],
        [Fault("batch.GetJob", status=503, count=10)],
        [Fault("batch.GetJob", kind="drop", nth=2, count=5)],
        [Fault("batch.GetJob", kind="lose_reply", nth=2, count=2)],
        [Fault("batch.CreateJob", kind="lose_reply"), Fault("batch.GetJob", nth=2, count=9)],
        [Fault("*", status=503, nth=1, count=20)],
    ],
    ids=str,
)
def test_trouble_passes_and_one_job_is_made(step: Step, faults: list[Fault]) -> None:
    for fault in faults:
        step.emulator.faults.add(fault)
    assert step.submit(QUICK).outcome == "succeeded"
    assert len(step.made()) == 1
    assert any("trying again" in line for line in step.lines)


def test_a_ledger_in_a_bucket_that_loses_replies(step: Step) -> None:
    step.emulator.faults.add(Fault("storage.insert", kind="lose_reply", nth=2, count=1))
    ledger = step.submit(QUICK, ledger_uri="gs://local-project-bucket/r/submission.json")
    assert ledger.outcome == "succeeded"
    assert len(step.made()) == 1


def test_a_job_of_that_name_that_is_not_ours_is_left_alone(step: Step) -> None:
    shown = step.submit(NEVER, dry_run=True)
    job_id = shown.request["job_id"]
    theirs = batch_v1.Job.from_json(json.dumps(NEVER))
    batch_client().create_job(parent=PARENT, job_id=job_id, job=theirs)
    ledger = step.submit(NEVER)
    assert ledger.outcome == "refused"
    assert "not made by this run" in str(failure(ledger))
    (made,) = step.made()
    assert made.state not in ("CANCELLED", "CANCELLATION_IN_PROGRESS")
    assert step.calls("CancelJob") == 0


def test_a_job_deleted_by_someone_else_is_not_made_again(step: Step) -> None:
    step.scenario("delete_job", calls=2)
    step.scenario("stuck_queued")
    step.clock.jobs_may_end = False
    assert step.submit(NEVER).outcome == "deleted"
    assert step.submit(NEVER).outcome == "deleted"
    assert step.calls("CreateJob") == 1
    assert "deleted by someone else" in str(failure(step.submit(NEVER)))


def test_a_quota_of_nothing_ends_the_wait(step: Step) -> None:
    step.scenario("stuck_queued", events=1, quota="NVIDIA_T4_GPUS", limit="0.0")
    step.clock.jobs_may_end = False
    ledger = step.submit(NEVER)
    assert ledger.outcome == "hopeless"
    assert "NVIDIA_T4_GPUS" in str(failure(ledger))
    assert any("NVIDIA_T4_GPUS" in line for line in step.lines)
    assert [job.state for job in step.made()] == ["CANCELLED"]


def test_a_quota_in_use_is_waited_for_and_shown(step: Step) -> None:
    step.scenario("stuck_queued", events=3, quota="CPUS", limit="24.0")
    step.clock.jobs_may_end = False
    ledger = step.submit(NEVER, waiting={"max_wait_s": 30.0})
    assert ledger.outcome == "deadline"
    assert [job.state for job in step.made()] == ["CANCELLED"]
    assert any("waiting for quota CPUS" in line for line in step.lines)


def test_a_deadline_can_leave_the_job_running(step: Step) -> None:
    step.scenario("stuck_queued")
    step.clock.jobs_may_end = False
    ledger = step.submit(NEVER, waiting={"max_wait_s": 30.0, "leave_at_deadline": True})
    assert (ledger.outcome, step.calls("CancelJob")) == ("deadline", 0)
    assert f"intent2batch cancel {ledger.job_name}" in str(failure(ledger))
    assert [job.state for job in step.made()] == ["QUEUED"]


def test_a_quota_that_fails_the_job_is_the_reason(step: Step) -> None:
    step.scenario("quota_fail", quota="NVIDIA_T4_GPUS", limit="0.0")
    ledger = step.submit(QUICK)
    assert ledger.outcome == "failed"
    assert "the quota NVIDIA_T4_GPUS is 0" in ledger.reason


def test_a_preemption_is_shown(step: Step) -> None:
    step.scenario("preempt_task", task=0, when="start")
    step.submit(job_of("true", spec={"maxRetryCount": 0}))
    assert any("preempt" in line.lower() for line in step.lines)


def spot(job: dict[str, Any]) -> dict[str, Any]:
    instances = [{"policy": {"provisioningModel": "SPOT"}}]
    return {**job, "allocationPolicy": {"instances": instances}}


def test_a_preemption_that_was_made_good_is_shown_too(step: Step) -> None:
    step.scenario("preempt_task", task=1, when="start")
    ledger = step.submit(spot(job_of("true", taskCount=3, spec={"maxRetryCount": 2})))
    assert ledger.outcome == "succeeded"
    assert any("task 1: a Spot VM was preempted" in line for line in step.lines)
    assert step.calls("ListTasks") == 1


def test_tasks_are_not_asked_for_where_nothing_is_preempted(step: Step) -> None:
    step.submit(QUICK)
    assert step.calls("ListTasks") == 0


def test_the_job_goes_on_if_tasks_cannot_be_listed(step: Step) -> None:
    step.emulator.faults.add(Fault("batch.ListTasks", status=403))
    assert step.submit(spot(QUICK)).outcome == "succeeded"


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [Fault("batch.CancelJob", kind="lose_reply")],
        [Fault("batch.CancelJob", status=503, count=3)],
        [Fault("batch.CancelJob", kind="drop", count=2)],
        [Fault("batch.GetJob", nth=4, count=4)],
    ],
    ids=str,
)
def test_a_cancel_leaves_no_job_running(step: Step, faults: list[Fault]) -> None:
    for fault in faults:
        step.emulator.faults.add(fault)
    step.scenario("stuck_queued")
    step.clock.jobs_may_end = False
    step.clock.stop_at = 2
    ledger = step.submit(NEVER)
    assert ledger.outcome == "cancelled"
    assert [job.state for job in step.made()] == ["CANCELLED"]
    with pytest.raises(WorkFailed, match="cancelled"):
        check_outcome(ledger)


def test_a_cancel_after_a_lost_reply_cancels_what_was_made(step: Step) -> None:
    step.scenario("stuck_queued")
    step.clock.jobs_may_end = False
    step.emulator.faults.add(Fault("batch.CreateJob", kind="lose_reply"))
    step.clock.stop_at = 1
    assert step.submit(NEVER).outcome == "cancelled"
    assert [job.state for job in step.made()] == ["CANCELLED"]


def test_a_cancel_before_the_first_call_makes_nothing(step: Step) -> None:
    class Stopped(StoryClock):
        def stop_asked(self) -> str:
            return "SIGTERM"

    step.clock = Stopped(step.emulator)
    assert step.submit(NEVER).outcome == "cancelled"
    assert step.made() == []


def test_a_dry_run_calls_nothing_and_shows_the_very_request(step: Step) -> None:
    ledger = step.submit(QUICK, dry_run=True)
    assert ledger.outcome == "dry_run"
    check_outcome(ledger)
    assert not any(name.startswith("batch.") for name in step.emulator.faults.calls())
    request: dict[str, Any] = json.loads(Path(step.ledger).read_text())["request"]
    assert requests.post(request["url"], json=request["job"], timeout=30).status_code == 200
    # The request that was shown is the one that is sent: its job is found and taken for ours.
    assert step.submit(QUICK).outcome == "succeeded"
    assert len(step.made()) == 1


@pytest.mark.parametrize("more", [{"dry_run": True}, {"region": "us-east1"}])
def test_a_run_has_one_job(step: Step, more: dict[str, Any]) -> None:
    step.submit(QUICK)
    with pytest.raises(InputError, match="submitted a job already"):
        step.submit(QUICK, **more)
    with pytest.raises(InputError, match="submitted a job already"):
        step.submit(job_of("false"))
    assert from_text(Path(step.ledger).read_text()).outcome == "succeeded"


def test_two_that_submit_different_jobs_as_one_run_make_one_of_them(step: Step) -> None:
    other = job_of("exit 0")

    def at_first_look(method: str) -> None:
        if method == "batch.GetJob":
            step.emulator.faults.on_call = lambda _: None
            assert step.submit(other).outcome == "succeeded"

    step.emulator.faults.on_call = at_first_look
    with pytest.raises(InputError, match="another job"):
        step.submit(QUICK)
    assert len(step.made()) == 1
    assert step.submit(other).outcome == "succeeded"


@pytest.mark.parametrize(
    ("job", "more", "error"),
    [
        ({"taskGroup": []}, {}, InputError),
        (QUICK, {"region": "us-central1-a"}, WrongUse),
        (QUICK, {"project": ""}, WrongUse),
    ],
)
def test_what_cannot_be_sent_is_told_before_anything_is_written(
    step: Step, job: dict[str, Any], more: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        step.submit(job, **more)
    assert not Path(step.ledger).exists()
    assert not any(name.startswith("batch.") for name in step.emulator.faults.calls())


def test_a_ledger_that_cannot_be_written_stops_before_anything_is_made(
    step: Step, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceError, match="cannot be"):
        step.submit(QUICK, ledger_uri=str(tmp_path / "file" / "submission.json"))
    assert step.made() == []
    assert step.clock.slept == []


def test_a_request_that_the_service_refuses(step: Step) -> None:
    step.emulator.faults.add(Fault("batch.CreateJob", status=403))
    ledger = step.submit(QUICK)
    assert ledger.outcome == "refused"
    assert "roles/batch.jobsEditor" in str(failure(ledger))
    # Granted meanwhile: the same run goes on.
    assert step.submit(QUICK).outcome == "succeeded"


@pytest.mark.parametrize(
    ("reason", "job_name", "fixes"),
    [
        ("403 Permission denied", "", ["roles/batch.jobsEditor"]),
        ("no token for Google Cloud: invalid_grant", "", ["application-default login"]),
        (
            "no token for Google Cloud: invalid_grant; the job may still be running",
            "projects/p/locations/us-central1/jobs/j",
            ["application-default login", "intent2batch cancel projects/p/"],
        ),
        (
            "403 Permission denied; the job may still be running",
            "projects/p/locations/us-central1/jobs/j",
            ["roles/batch.jobsEditor", "intent2batch cancel projects/p/"],
        ),
    ],
)
def test_a_refusal_says_what_to_do_and_what_may_still_run(
    reason: str, job_name: str, fixes: list[str]
) -> None:
    life = Life(phase="ended", outcome="refused", reason=reason, job_name=job_name)
    error = failure(Ledger(life))
    assert error is not None
    assert all(fix in error.fix for fix in fixes)


def test_watch_follows_and_cancel_cancels(step: Step) -> None:
    step.scenario("stuck_queued")
    step.clock.jobs_may_end = False
    name = step.submit(NEVER, waiting={"until_ended": False}).job_name
    lines: list[str] = []
    waiting = Waiting(say=lines.append, clock=step.clock, max_wait_s=10.0)
    assert watch(name, waiting=waiting).outcome == "deadline"
    assert step.calls("CancelJob") == 0
    assert cancel(name, waiting=waiting).outcome == "cancelled"
    assert cancel(name, waiting=waiting).outcome == "cancelled"
    assert step.calls("CancelJob") == 1
    assert watch(name, waiting=waiting).outcome == "cancelled"
    assert watch(f"{PARENT}/jobs/none", waiting=waiting).outcome == "deleted"
