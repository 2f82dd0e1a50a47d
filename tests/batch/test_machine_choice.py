"""The cheapest machine type that fits: a table of needs, and what must hold for every need."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from components.batch.machine_choice import Need, candidates, choose, fits, tasks_on
from components.batch.machines import gpu_limits, machine_types, supported
from components.batch.rules import check
from components.batch.vm_prices import VmPrices, load_vm_prices, parse_vm_prices

T4, L4, A100, H100 = "nvidia-tesla-t4", "nvidia-l4", "nvidia-tesla-a100", "nvidia-h100-80gb"
V100, P100 = "nvidia-tesla-v100", "nvidia-tesla-p100"
A100_80 = "nvidia-a100-80gb"
H200, B200 = "nvidia-h200-141gb", "nvidia-b200"
NO_PRICES = VmPrices("no date", "none", {})


@pytest.mark.parametrize(
    ("need", "chosen"),
    [
        # CPU and memory, on demand: E2 while it is large enough
        (Need(1, 1), "t2d-standard-1"),
        (Need(2, 2), "e2-highcpu-2"),
        (Need(2, 4), "e2-standard-2"),
        (Need(2, 8), "e2-standard-2"),
        (Need(2, 8.1), "e2-highmem-2"),
        (Need(4, 4), "e2-highcpu-4"),
        (Need(4, 16), "e2-standard-4"),
        (Need(4, 32), "e2-highmem-4"),
        (Need(8, 30), "e2-standard-8"),
        (Need(8, 64), "e2-highmem-8"),
        (Need(16, 16), "e2-highcpu-16"),
        (Need(16, 24), "e2-standard-16"),
        (Need(32, 128), "e2-standard-32"),
        (Need(32, 200), "n2d-highmem-32"),  # E2 has no highmem-32
        (Need(33, 33), "n2d-highcpu-48"),
        (Need(96, 300), "n2d-standard-96"),
        (Need(2, 500), "n2d-highmem-64"),
        (Need(200, 400), "n2d-standard-224"),
        (Need(380, 400), "c4d-highcpu-384"),
        (Need(40, 3000), "c4d-highmem-384"),
        (Need(), "t2d-standard-1"),
        (Need(500, 1), ""),
        (Need(1, 20_000), ""),
        # Spot: other series are the cheapest
        (Need(2, 4, spot=True), "t2d-standard-2"),
        (Need(4, 16, spot=True), "c3d-standard-4"),
        (Need(8, 30, spot=True), "c3d-standard-8"),
        (Need(4, 16, spot=True, region="us-west4"), "e2-standard-4"),
        # GPUs that go with N1
        (Need(8, 30, T4, 1), "n1-standard-8"),
        (Need(2, 2, T4, 1), "n1-standard-2"),
        (Need(48, 200, T4, 1), ""),  # n1 has 32 or 64 vCPUs, and one T4 goes with at most 48
        (Need(64, 200, T4, 4), "n1-standard-64"),
        (Need(8, 30, T4, 3), ""),
        (Need(12, 40, V100, 1), ""),  # with one V100 at most 12 vCPUs: no N1 has 9 to 12
        (Need(16, 60, V100, 2), "n1-standard-16"),
        (Need(8, 30, P100, 1), "n1-standard-8"),
        (Need(4, 10, T4, 1, spot=True), "n1-standard-4"),
        # GPUs that come with machines of their own
        (Need(4, 10, L4, 1), "g2-standard-4"),
        (Need(8, 60, L4, 1), "g2-standard-16"),
        (Need(4, 10, L4, 2), "g2-standard-24"),
        (Need(96, 300, L4, 8), "g2-standard-96"),
        (Need(4, 10, A100, 1), "a2-highgpu-1g"),
        (Need(12, 85, A100, 4), "a2-highgpu-4g"),
        (Need(0, 0, A100, 16), "a2-megagpu-16g"),
        (Need(4, 10, A100_80, 1), "a2-ultragpu-1g"),
        (Need(4, 10, H100, 8), "a3-highgpu-8g"),
        (Need(4, 10, H100, 1), ""),  # one H100 is not sold on demand
        (Need(4, 10, H100, 1, spot=True), "a3-highgpu-1g"),
        (Need(0, 0, H200, 8), ""),
        (Need(0, 0, B200, 8, spot=True), "a4-highgpu-8g"),  # no price, but the only one
        (Need(4, 10, "nvidia-k999", 1), ""),
        # other wishes
        (Need(8, 8, arch="arm64"), "c4a-highcpu-8"),
        (Need(8, 30, families=frozenset({"n2", "c3"})), "n2-standard-8"),
        (Need(8, 30, families=frozenset({"h3"})), "h3-standard-88"),
        (Need(8, 8, local_ssds=2), "n2d-highcpu-8"),
        (Need(40, 8, local_ssds=1), "n1-highcpu-64"),  # N2D needs two from 32 vCPUs on
        (Need(380, 400, persistent_disks=True), "m2-megamem-416"),  # C4D boots from Hyperdisk
        (Need(8, 30, region="europe-west4"), "e2-standard-8"),
        # many tasks at once: what all the VMs cost counts
        (Need(1, 1, tasks=200), "e2-highcpu-2"),
        (Need(1, 4, tasks=7), "e2-standard-2"),
        (Need(1, 5, tasks=200), "e2-standard-4"),
        (Need(2, 4, tasks=10), "e2-standard-2"),
        (Need(1, 1, tasks=1), "t2d-standard-1"),
        (Need(4, 10, T4, 1, tasks=50), "n1-standard-4"),
    ],
)
def test_what_is_chosen(need: Need, chosen: str) -> None:
    assert choose(need, load_vm_prices()).machine_type == chosen


@pytest.mark.parametrize(
    ("need", "reason"),
    [
        (
            Need(8, 30, T4, 1),
            "cheapest of 6 with 8 vCPU, 30 GiB and 1 x nvidia-tesla-t4: n1-standard-8 with 1 GPU "
            "(0.73 USD/h in us-central1, prices of 2026-11-29)",
        ),
        (
            Need(1, 1, tasks=4, spot=True),
            "cheapest of 325 with 1 vCPU and 1 GiB: c3d-highcpu-4, 4 tasks on each "
            "(0.0227 USD/h as Spot VM in us-central1, prices of 2026-11-29)",
        ),
        (Need(4, 8, A100, 1), "the only one with 4 vCPU, 8 GiB and 1 x nvidia-tesla-a100: "),
        (
            Need(0, 0, B200, 8, spot=True),
            "the only one with 8 x nvidia-b200: a4-highgpu-8g with 8 GPUs "
            "(no price is known in us-central1)",
        ),
        (Need(500, 1), "Batch takes no machine type with 500 vCPU and 1 GiB"),
        (Need(2, 3, families=frozenset({"n9"})), "2 vCPU, 3 GiB and a CPU of N9"),
    ],
)
def test_the_reason_is_one_sentence(need: Need, reason: str) -> None:
    assert reason in choose(need, load_vm_prices()).reason


def test_without_prices_the_smallest_in_the_stated_order() -> None:
    assert choose(Need(8, 30), NO_PRICES).machine_type == "e2-standard-8"
    assert choose(Need(60, 200), NO_PRICES).machine_type == "t2d-standard-60"
    assert choose(Need(8, 30), NO_PRICES).reason == (
        "smallest of 252 with 8 vCPU and 30 GiB: e2-standard-8 (no price is known in us-central1)"
    )


def test_a_known_price_goes_before_an_unknown_one() -> None:
    text = "what,name,region,on_demand,spot\nvcpu,c2,us-central1,9,\ngib,c2,us-central1,9,\n"
    assert choose(Need(2, 4), parse_vm_prices(text, "p")).machine_type == "c2-standard-4"
    elsewhere = replace(Need(2, 4), region="europe-west1")
    assert choose(elsewhere, parse_vm_prices(text, "p")).machine_type == "e2-standard-2"


def test_virtual_workstations_have_a_machine_but_no_price() -> None:
    choice = choose(Need(8, 30, f"{T4}-vws", 1), load_vm_prices())
    assert (choice.machine_type, choice.hourly) == ("n1-standard-8", None)


GPUS = st.one_of(
    st.just(("", 0)),
    st.sampled_from(sorted(gpu_limits())),
    st.sampled_from([(L4, 1), (L4, 2), (A100, 1), (A100_80, 8), (H100, 8), (H200, 8)]),
)
NEEDS = st.builds(
    lambda gpu, **rest: Need(gpu_type=gpu[0], gpu_count=gpu[1], **rest),
    GPUS,
    vcpus=st.integers(0, 120) | st.floats(0, 420),
    memory_gib=st.integers(0, 600) | st.floats(0, 6000),
    families=st.sampled_from([frozenset(), frozenset({"n1", "n2"}), frozenset({"e2"})]),
    arch=st.sampled_from(["x86_64", "x86_64", "arm64"]),
    spot=st.booleans(),
    region=st.sampled_from(["us-central1", "europe-west4", "asia-south1", "me-central2"]),
    local_ssds=st.sampled_from([0, 0, 0, 1, 2, 8]),
    persistent_disks=st.booleans(),
    tasks=st.integers(1, 300),
)


@settings(max_examples=300, deadline=None)
@given(NEEDS)
def test_the_chosen_machine_fits_and_none_that_fits_is_cheaper(need: Need) -> None:
    prices = load_vm_prices()
    choice = choose(need, prices)
    if not choice.machine_type:
        assert choice.fitting == 0
        assert not any(fits(need, machine) for machine in machine_types().values())
        return
    machine = machine_types()[choice.machine_type]
    assert machine.vcpus >= need.vcpus
    assert machine.memory_gib >= need.memory_gib
    assert machine.arch == need.arch
    assert supported(machine)
    together = choice.tasks_per_vm
    assert together * need.vcpus <= machine.vcpus
    assert together * need.memory_gib <= machine.memory_gib
    assert together == tasks_on(need, machine)
    totals = [one.total for one in candidates(need, prices) if one.total is not None]
    vms = -(-need.tasks // together)
    if choice.hourly is None:
        assert not totals
    else:
        assert choice.hourly * vms <= min(totals) + 1e-5
    assert choice.fitting == len(candidates(need, prices))


# Many needs have no machine, or none with a price.
FEW = [HealthCheck.filter_too_much]


@settings(max_examples=100, deadline=None, suppress_health_check=FEW)
@given(NEEDS, st.floats(0, 64), st.floats(0, 256), st.integers(0, 50))
def test_needing_more_never_costs_less(need: Need, vcpus: float, memory: float, tasks: int) -> None:
    prices = load_vm_prices()
    more = replace(
        need,
        vcpus=need.vcpus + vcpus,
        memory_gib=need.memory_gib + memory,
        tasks=need.tasks + tasks,
    )
    costs = []
    for one in (need, more):
        choice = choose(one, prices)
        assume(choice.hourly is not None)
        costs.append((choice.hourly or 0) * -(-one.tasks // choice.tasks_per_vm))
    assert costs[0] <= costs[1] + 1e-5


@settings(max_examples=60, deadline=None, suppress_health_check=FEW)
@given(NEEDS)
def test_the_rules_accept_what_is_chosen(need: Need) -> None:
    """The validator has the same tables, but rules of its own."""
    choice = choose(need, load_vm_prices())
    assume(choice.machine_type)
    policy = {
        "machineType": choice.machine_type,
        "provisioningModel": "SPOT" if need.spot else "STANDARD",
    }
    if need.gpu_type:
        policy["accelerators"] = [{"type": need.gpu_type, "count": str(need.gpu_count)}]
    if need.local_ssds:
        new = {"type": "local-ssd", "sizeGb": str(375 * need.local_ssds)}
        policy["disks"] = [{"newDisk": new, "deviceName": "scratch"}]
    job = {
        "taskGroups": [{"taskSpec": {"runnables": [{"script": {"text": "true"}}]}}],
        "allocationPolicy": {"instances": [{"policy": policy}]},
    }
    wrong = [f for f in check(job) if f.severity == "error" and "k80" not in f.message]
    assert not wrong
