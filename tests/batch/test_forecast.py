"""The forecast: arithmetic that can be done by hand, and bounds that hold for every job."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.batch.budget import check_budget, over_budget, within_budget
from components.batch.forecast import Assumptions, Forecast, forecast
from components.batch.forecast_words import one_line, page
from components.batch.vm_prices import VmPrices, load_vm_prices, parse_vm_prices
from components.errors import WrongUse

# Round numbers, so that every sum below can be done in the head. A month has 730 hours.
PRICES = parse_vm_prices(
    """# 2030-01-01
what,name,region,on_demand,spot
vcpu,e2,us-central1,0.10,0.01
gib,e2,us-central1,0.01,0.001
vcpu,n1,us-central1,0.10,0.01
gib,n1,us-central1,0.01,0.001
vcpu,c3,us-central1,0.10,0.01
gib,c3,us-central1,0.01,0.001
vcpu,g2,us-central1,0.10,0.01
gib,g2,us-central1,0.01,0.001
gpu,nvidia-tesla-t4,us-central1,0.50,0.20
gpu,nvidia-l4,us-central1,0.70,0.30
disk,pd-balanced,us-central1,0.73,
disk,pd-ssd,us-central1,1.46,
disk,local-ssd,us-central1,0.73,0.365
""",
    "round.csv",
)
BOOT = 0.03  # 30 GB of pd-balanced, an hour
START = 180 / 3600


def job(
    *,
    machine: str = "e2-standard-4",
    tasks: int = 1,
    spec: dict[str, Any] | None = None,
    group: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
    **allocation: Any,
) -> dict[str, Any]:
    named = {"machineType": machine} if machine else {}
    return {
        "taskGroups": [
            {
                "taskCount": str(tasks),
                "taskSpec": {"runnables": [{"script": {"text": "true"}}], **(spec or {})},
                **(group or {}),
            }
        ],
        "allocationPolicy": {"instances": [{"policy": {**named, **(policy or {})}}], **allocation},
    }


def told(given: dict[str, Any], task_s: float | None = 600) -> Forecast:
    return forecast(given, PRICES, Assumptions(task_s=task_s))


HOUR = {"maxRunDuration": "3600s"}
ONE_VCPU = {"computeResource": {"cpuMilli": "1000", "memoryMib": "1024"}}


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        # (at once, tasks on a VM, VMs, waves, attempts); e2-standard-4 has 4 vCPUs
        (job(), (1, 1, 1, 1, 1)),
        (job(tasks=10, group={"parallelism": "10"}), (10, 2, 5, 1, 1)),  # a task is 2 vCPUs
        (job(tasks=10, group={"parallelism": "4"}), (4, 2, 2, 3, 1)),
        (job(tasks=10, group={"parallelism": "5"}), (5, 2, 3, 2, 1)),
        (job(tasks=10, group={"parallelism": "99"}), (10, 2, 5, 1, 1)),
        (job(tasks=10), (10, 2, 5, 1, 1)),
        (job(tasks=8000, group={"taskCountPerNode": "1"}), (5000, 1, 5000, 2, 1)),
        (job(tasks=10, spec=ONE_VCPU), (10, 4, 3, 1, 1)),
        (job(tasks=3, spec=ONE_VCPU), (3, 3, 1, 1, 1)),
        (job(tasks=10, spec=ONE_VCPU, group={"taskCountPerNode": "2"}), (10, 2, 5, 1, 1)),
        (job(tasks=10, group={"schedulingPolicy": "IN_ORDER"}), (1, 1, 1, 10, 1)),
        (job(spec={"computeResource": {"cpuMilli": "8000"}}), (1, 1, 1, 1, 1)),
        (job(spec={"maxRetryCount": 3}), (1, 1, 1, 1, 4)),
        (job(machine="c3-standard-88", tasks=100, spec=ONE_VCPU), (100, 20, 5, 1, 1)),
        (job(machine="e2-none", tasks=4), (4, 1, 4, 1, 1)),
        (job(group={"taskEnvironments": [{}, {}, {}], "taskCount": None}), (3, 2, 2, 1, 1)),
    ],
)
def test_the_packing(given: dict[str, Any], shape: tuple[int, ...]) -> None:
    found = told(given)
    assert (
        found.at_once,
        found.tasks_per_vm,
        found.vms,
        found.waves,
        found.attempts,
    ) == shape


@pytest.mark.parametrize(
    ("given", "hourly"),
    [
        (job(), 0.56 + BOOT),  # 4 vCPUs 0.40, 16 GiB 0.16
        (job(policy={"provisioningModel": "SPOT"}), 0.056 + BOOT),
        (job(policy={"provisioningModel": "PREEMPTIBLE"}), 0.056 + BOOT),
        (job(policy={"provisioningModel": "FLEX_START"}), 0.56 + BOOT),
        (job(policy={"bootDisk": {"sizeGb": "100"}}), 0.56 + 0.1),
        (job(policy={"bootDisk": {"sizeGb": "10"}}), 0.56 + BOOT),  # images have 30 GB
        (job(policy={"bootDisk": {"sizeGb": "100", "type": "pd-ssd"}}), 0.56 + 0.2),
        (job(spec={"computeResource": {"bootDiskMib": "102400"}}), 0.56 + 0.1),
        (
            job(policy={"disks": [{"newDisk": {"type": "pd-ssd", "sizeGb": "50"}}]}),
            0.56 + BOOT + 0.1,
        ),
        (job(policy={"disks": [{"existingDisk": "projects/p/zones/z/disks/d"}]}), 0.56 + BOOT),
        (
            job(
                machine="n1-standard-8",
                policy={"accelerators": [{"type": "nvidia-tesla-t4", "count": "2"}]},
            ),
            0.80 + 0.30 + 2 * 0.50 + BOOT,
        ),
        (
            job(
                machine="n1-standard-8",
                policy={
                    "provisioningModel": "SPOT",
                    "accelerators": [{"type": "nvidia-tesla-t4", "count": "1"}],
                    "disks": [{"newDisk": {"type": "local-ssd", "sizeGb": "700"}}],
                },
            ),
            0.08 + 0.03 + 0.20 + BOOT + 750 * 0.365 / 730,
        ),
        (job(machine="g2-standard-4"), 0.40 + 0.16 + 0.70 + BOOT),  # brings its L4
        (
            job(
                machine="g2-standard-4",
                policy={"accelerators": [{"type": "nvidia-l4", "count": "1"}]},
            ),
            0.40 + 0.16 + 0.70 + BOOT,  # said once more, paid once
        ),
        (job(machine="c3-standard-4-lssd"), 0.56 + 0.375 + BOOT),
        (job(machine="e2-medium"), 0.10 + 0.04 + BOOT),
        (job(machine="n1-custom-2-4096"), 1.05 * 0.24 + BOOT),
        # unknown, and never less than it is
        (job(machine="n2-standard-4"), None),
        (job(machine="e2-none"), None),
        (job(policy={"bootDisk": {"type": "pd-extreme"}}), None),
        (job(policy={"disks": [{"newDisk": {"type": "pd-ssd"}}]}), None),
        (
            job(
                machine="n1-standard-8",
                policy={"accelerators": [{"type": "nvidia-tesla-p4", "count": "1"}]},
            ),
            None,
        ),
        (job(location={"allowedLocations": ["regions/europe-west1"]}), None),
    ],
)
def test_an_hour_of_a_vm(given: dict[str, Any], hourly: float | None) -> None:
    found = told(given)
    if hourly is None:
        assert found.vm_hour is None
        assert found.expected_usd is None
        assert found.worst_usd is None
        assert found.unknown
    else:
        assert found.vm_hour == pytest.approx(hourly)
        assert found.expected_usd == pytest.approx(hourly * found.vms * found.expected_s / 3600)
        assert not found.unknown


@pytest.mark.parametrize(
    ("given", "task_s", "expected_s", "worst_s"),
    [
        (job(spec=HOUR), 600, 180 + 600, 180 + 3600),
        (job(spec=HOUR), None, 180 + 1800, 180 + 3600),  # half the limit
        (job(spec={"maxRunDuration": "36000s"}), None, 180 + 3600, 180 + 36000),
        (job(spec=HOUR), 7200, 180 + 3600, 180 + 3600),  # the limit ends it
        (job(), 600, 180 + 600, 14 * 86400 + 180),  # Batch's own limit
        (job(), None, 180 + 3600, 14 * 86400 + 180),
        (job(policy={"provisioningModel": "FLEX_START"}), 60, 240, 7 * 86400 + 180),
        # 10 tasks, 4 at once: 3 waves
        (job(tasks=10, group={"parallelism": "4"}, spec=HOUR), 600, 180 + 1800, 180 + 10800),
        # 2 retries: 3 attempts an hour each, and a new VM for each retry
        (job(spec={**HOUR, "maxRetryCount": 2}), 600, 780, 3 * 180 + 3 * 3600),
        # 2 waves with a retry: 4 hours, and VM starts: the first, one in each wave
        (
            job(tasks=8, group={"parallelism": "4"}, spec={**HOUR, "maxRetryCount": 1}),
            600,
            180 + 1200,
            3 * 180 + 4 * 3600,
        ),
        # timeouts of all runnables in the foreground limit a task, too
        (
            job(
                spec={
                    "runnables": [
                        {"script": {"text": "a"}, "timeout": "100s"},
                        {"script": {"text": "b"}, "timeout": "200s"},
                        {"script": {"text": "c"}, "background": True},
                    ],
                    **HOUR,
                }
            ),
            60,
            240,
            480,
        ),
        # never beyond what Batch lets a job run
        (
            job(tasks=1000, group={"parallelism": "1"}, spec=HOUR),
            3600,
            14 * 86400,
            14 * 86400 + 180,
        ),
    ],
)
def test_the_time(
    given: dict[str, Any], task_s: float | None, expected_s: float, worst_s: float
) -> None:
    found = told(given, task_s)
    assert (found.expected_s, found.worst_s) == (expected_s, worst_s)


def test_a_whole_job_by_hand() -> None:
    """10 tasks, 5 at once, 2 on each VM of 0.59 an hour: 3 VMs, 2 waves of 10 minutes."""
    spec = {**HOUR, "maxRetryCount": 1}
    found = told(job(tasks=10, group={"parallelism": "5"}, spec=spec))
    assert found.expected_usd == pytest.approx(3 * 0.59 * (START + 2 / 6))
    # at worst each wave takes 2 hours, with 1 + 2 starts of VMs
    assert found.worst_usd == pytest.approx(3 * 0.59 * (3 * START + 4))
    assert one_line(found) == (
        "about $0.6785 in 23 min on 3 VMs of e2-standard-4; at most $7.35 in 4 h 09 min "
        "(prices of 2030-01-01)"
    )


def test_a_machine_that_batch_chooses_has_an_expected_cost_only() -> None:
    found = told(job(machine="", tasks=4, spec=HOUR))
    assert found.chosen_by_batch
    assert found.machine_type == "e2-highcpu-2"
    assert found.expected_usd == pytest.approx(4 * (0.22 + BOOT) * 780 / 3600)
    assert found.worst_usd is None
    assert "Batch chooses" in found.unknown[0]
    assert "at worst unknown, 1 h 03 min" in one_line(found)
    gpu = {"accelerators": [{"type": "nvidia-tesla-t4", "count": "1"}]}
    assert told(job(machine="", policy=gpu)).machine_type == "n1-standard-2"
    none = {"accelerators": [{"type": "nvidia-none", "count": "1"}]}
    assert told(job(machine="", policy=none)).expected_usd is None


def test_a_template_hides_the_machine() -> None:
    hidden = job()
    hidden["allocationPolicy"] = {"instances": [{"instanceTemplate": "t"}]}
    found = told(hidden)
    assert (found.expected_usd, found.worst_usd) == (None, None)
    assert "template" in found.unknown[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            job(policy={"provisioningModel": "SPOT"}, spec={"maxRetryCount": 2}),
            "e2-standard-4 is 90% below on demand by this file. The price moves each month, and a "
            "VM can be taken away at any time; the attempt is paid and made again, at most 2 times",
        ),
        (job(policy={"provisioningModel": "SPOT"}), "without maxRetryCount its tasks fail"),
        (job(policy={"provisioningModel": "FLEX_START"}), "Flex-start costs less"),
        (job(policy={"reservation": "r"}), "A reservation is paid"),
        (job(tasks=5), "parallelism is not set"),
        (job(policy={"disks": [{"existingDisk": "d"}]}), "paid already"),
        (job(), "Not in it: network traffic"),
        (job(policy={"bootDisk": {"type": "pd-extreme"}}), "no price for boot disk pd-extreme"),
        (job(location={"allowedLocations": ["zones/us-east1-b"]}), "(on demand, us-east1)"),
        (job(spec=HOUR), "at worst 1 h 00 min (maxRunDuration)"),
        (job(tasks=9, group={"parallelism": "3"}), "3 of 9 tasks at once, 3 times in turn"),
        (job(tasks=9), "5 VMs of e2-standard-4, 2 tasks on each: all 9 tasks at once"),
    ],
)
def test_what_a_person_reads(given: dict[str, Any], words: str) -> None:
    assert words in "\n".join(page(told(given)))


def test_an_assumed_time_is_said() -> None:
    assert "a task is taken to run 1 h 00 min" in one_line(told(job(), None))
    assert "taken to run" not in one_line(told(job()))


@pytest.mark.parametrize(
    ("given", "budget", "reason", "remedy"),
    [
        (job(spec=HOUR), 0, "", ""),
        (job(spec=HOUR), 0.62, "", ""),  # 0.59 x 1.05 = 0.6195
        (job(spec=HOUR), 0.61, "may cost $0.6195 at worst ($0.1278 expected)", "Shorten"),
        (job(), 100, "more than the $100.00 allowed", "Set maxRunDuration"),
        (job(machine=""), 1000, "unknown, so", "Name a machine type"),
        (job(machine="n2-standard-4"), 1000, "no price for n2-standard-4", "price file"),
    ],
)
def test_the_budget(given: dict[str, Any], budget: float, reason: str, remedy: str) -> None:
    found = told(given)
    why = over_budget(found, budget)
    assert (reason in why) if reason else not why
    assert remedy in within_budget(found) or not remedy


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf")])
def test_a_budget_is_an_amount(amount: float) -> None:
    with pytest.raises(WrongUse):
        check_budget(amount)


JOBS = st.fixed_dictionaries(
    {
        "tasks": st.integers(1, 3000),
        "machine": st.sampled_from(["e2-standard-4", "n1-standard-8", "g2-standard-4", ""]),
        "group": st.fixed_dictionaries(
            {}, optional={"parallelism": st.integers(1, 400), "taskCountPerNode": st.integers(1, 9)}
        ),
        "spec": st.fixed_dictionaries(
            {"maxRetryCount": st.integers(0, 10)},
            optional={
                "maxRunDuration": st.integers(1, 10**6).map(lambda s: f"{s}s"),
                "computeResource": st.fixed_dictionaries({"cpuMilli": st.integers(100, 20_000)}),
            },
        ),
        "policy": st.fixed_dictionaries(
            {"provisioningModel": st.sampled_from(["STANDARD", "SPOT"])}
        ),
    }
)


@settings(max_examples=200, deadline=None)
@given(JOBS, st.none() | st.floats(1, 10**6))
def test_the_worst_case_is_never_below_the_expected(
    parts: dict[str, Any], task_s: float | None
) -> None:
    found = told(job(**parts), task_s)
    assert 0 < found.expected_s <= found.worst_s
    assert found.vms * found.tasks_per_vm >= found.at_once
    assert found.at_once * found.waves >= found.tasks
    if found.worst_usd is not None:
        assert found.expected_usd is not None
        assert found.expected_usd <= found.worst_usd
    json.dumps(found.to_dict(), allow_nan=False)
    assert "\n" not in one_line(found)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
STRANGE = st.dictionaries(st.sampled_from(["taskGroups", "allocationPolicy", "x"]), VALUES)


@settings(max_examples=150, deadline=None)
@given(STRANGE)
def test_any_object_has_a_forecast(strange: dict[str, Any]) -> None:
    found = forecast(strange, load_vm_prices())
    assert found.vms >= 1
    assert list(page(found))


def test_the_shipped_prices_and_none_at_all() -> None:
    shipped = forecast(job(spec=HOUR), load_vm_prices(), Assumptions(task_s=3420))
    assert shipped.expected_usd == pytest.approx(0.134023 + 30 * 0.1 / 730, rel=1e-3)
    empty = forecast(job(spec=HOUR), VmPrices("no date", "none", {}))
    assert (empty.expected_usd, empty.worst_usd) == (None, None)
    assert empty.expected_s == 180 + 1800


def test_the_region_that_is_asked_for_counts() -> None:
    elsewhere = forecast(job(), PRICES, Assumptions(region="europe-west1"))
    assert elsewhere.region == "europe-west1"
    assert elsewhere.expected_usd is None
