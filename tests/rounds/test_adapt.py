"""What is changed after which failure, and what is never run again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.batch.diagnosis import Cause
from components.batch.rules import examine
from components.rounds.adapt import Adapt, Decision, Ended, decide


def job(policy: Any = None, allocation: Any = None, **spec: Any) -> dict[str, Any]:
    return {
        "taskGroups": [
            {
                "taskCount": "10",
                "taskSpec": {
                    "runnables": [{"script": {"text": "x"}}],
                    "computeResource": {"memoryMib": "4000"},
                    **spec,
                },
            }
        ],
        "allocationPolicy": {"instances": [{"policy": policy or {}}], **(allocation or {})},
    }


def after(causes: list[Cause], given_job: Any = None, **more: Any) -> Decision:
    adapt = Adapt(rounds=3, **more.pop("adapt", {}))
    return decide(given_job or job(), Ended(causes, **more), adapt, count=10)


def changed(decision: Decision) -> dict[str, Any]:
    return {change.path.rpartition(".")[2]: change.after for change in decision.changes}


MEMORY = Cause("memory", "killed", code=137, tasks=[1, 3])
LOST = Cause("lost_vm", "stopped reporting", code=50002, tasks=[2])
REBOOTED = Cause("lost_vm", "rebooted", code=50003, tasks=[2])
PREEMPTED = Cause("preempted", "preempted", code=50001, tasks=[4])
TIME = Cause("time", "too long", code=50005, tasks=[5])
STOCK = Cause("stock", "no such machines are free there now")
OWN = Cause("program", "its own error", code=1, tasks=[6])


@pytest.mark.parametrize("cause", [MEMORY, LOST])
def test_more_memory(cause: Cause) -> None:
    decision = after([cause])
    assert decision.indexes == list(cause.tasks)
    assert changed(decision) == {"memoryMib": 8000}
    assert any("4000" in line and "8000" in line for line in decision.why)


def test_memory_is_doubled_once_a_round_and_brings_its_machine() -> None:
    decision = after([MEMORY, LOST], job({"machineType": "e2-standard-2"}))
    assert changed(decision)["memoryMib"] == 16384
    assert changed(decision)["machineType"] == "e2-highmem-2"
    assert decision.indexes == [1, 2, 3]


def test_a_vm_that_was_rebooted_runs_again_as_it_is() -> None:
    decision = after([REBOOTED])
    assert (decision.indexes, changed(decision)) == ([2], {})
    assert decision.why[-1] == "the job stays as it is"


@pytest.mark.parametrize(
    ("times", "model", "now"), [(1, "SPOT", None), (2, "SPOT", "STANDARD"), (5, "STANDARD", None)]
)
def test_standard_after_so_many_preemptions(times: int, model: str, now: str | None) -> None:
    decision = after([PREEMPTED], job({"provisioningModel": model}), preempted=times)
    assert decision.indexes == [4]
    assert changed(decision).get("provisioningModel") == now


def test_more_time_only_where_that_is_asked_for() -> None:
    given_job = job(maxRunDuration="3600s")
    refused = after([TIME], given_job)
    assert refused.job is None
    assert "only where that is asked for" in refused.why[0]
    decision = after([TIME], given_job, adapt={"longer": True})
    assert changed(decision) == {"maxRunDuration": "7200s"}
    longest = after([TIME], job(maxRunDuration="1209600s"), adapt={"longer": True})
    assert longest.job is None


def test_after_a_stock_out_the_region_then_another_machine() -> None:
    place = {"location": {"allowedLocations": ["zones/us-central1-a"]}}
    first = after([STOCK], job({"machineType": "c3-standard-4"}, place))
    assert first.job is not None
    assert changed(first) == {"allowedLocations": ["regions/us-central1"]}
    assert first.indexes == list(range(10))
    second = after([STOCK], first.job, tried=["c3-standard-4"])
    assert changed(second) == {"machineType": "e2-standard-4"}
    third = after([STOCK], second.job, tried=["c3-standard-4", "e2-standard-4"])
    assert changed(third) == {"machineType": "n2-standard-4"}


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"machineType": "a2-highgpu-1g"},
        {"machineType": "c4a-standard-4"},
        {"machineType": "n1-standard-4", "accelerators": [{"type": "nvidia-tesla-t4", "count": 1}]},
    ],
)
def test_no_other_machine_is_made_up(policy: Any) -> None:
    decision = after([STOCK], job(policy))
    assert decision.job is None
    assert "no other machine is like it" in decision.why[0]


def test_what_another_run_does_not_mend_is_not_run_again() -> None:
    decision = after([OWN])
    assert decision.job is None
    assert decision.why == [
        "task 6: its own error; not run again: another run would end the same way",
        "nothing is left that another run may mend",
    ]
    assert after([]).job is None


def test_what_may_be_mended_runs_again_beside_what_may_not_and_what_never_ran() -> None:
    decision = after([OWN, MEMORY], never_ran=[8, 9])
    assert decision.indexes == [1, 3, 8, 9]


def test_a_template_hides_what_would_have_to_change() -> None:
    given_job = job()
    given_job["allocationPolicy"]["instances"] = [{"instanceTemplate": "t"}]
    assert after([MEMORY], given_job).job is None
    assert after([LOST], given_job).indexes == [2]


KINDS = ["memory", "lost_vm", "preempted", "time", "stock", "program", "disk", "unknown", "config"]
causes = st.lists(
    st.builds(
        Cause,
        st.sampled_from(KINDS),
        st.just("x"),
        code=st.sampled_from([None, 1, 137, 50001, 50002, 50005]),
        tasks=st.lists(st.integers(0, 9), max_size=4, unique=True),
    ),
    max_size=5,
)
policies = st.fixed_dictionaries(
    {},
    optional={
        "machineType": st.sampled_from(["e2-standard-2", "c3-standard-4", "n2d-highmem-8", "zz"]),
        "provisioningModel": st.sampled_from(["SPOT", "STANDARD"]),
        "bootDisk": st.just({"type": "pd-standard", "sizeGb": "50"}),
    },
)


@given(causes, policies, st.booleans(), st.integers(0, 4))
def test_no_decision_breaks_a_rule_or_touches_what_runs(
    found: list[Cause], policy: Any, longer: bool, preempted: int
) -> None:
    given_job = job(policy, maxRunDuration="600s")
    before = repr(given_job)
    errors = {f.message for f in examine(given_job).findings if f.severity == "error"}
    decision = decide(given_job, Ended(found, preempted=preempted), Adapt(3, 2, longer), count=10)
    assert repr(given_job) == before
    assert decision.why
    if decision.job is None:
        assert not decision.changes
        return
    assert set(decision.indexes) <= set(range(10))
    now = {f.message for f in examine(decision.job).findings if f.severity == "error"}
    assert len(now) <= len(errors)
    assert (
        decision.job["taskGroups"][0]["taskSpec"]["runnables"]
        == given_job["taskGroups"][0]["taskSpec"]["runnables"]
    )
