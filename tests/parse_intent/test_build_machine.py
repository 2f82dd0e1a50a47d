"""Which machine a draft gets that names amounts only, and when the choice is left to others."""

from __future__ import annotations

from typing import Any

import pytest

from components.batch.rules import check
from components.batch.vm_prices import VmPrices, parse_vm_prices
from components.parse_intent.build import Built, build
from components.parse_intent.draft import Asked, BootDisk, Disk, Draft, Gpus, Step

STEP = Step(kind="script", text=Asked(value="./a"))
T4 = Gpus(type="nvidia-tesla-t4", count=1)
L4 = Gpus(type="nvidia-l4", count=1)


def said(value: Any) -> Asked[Any]:
    return Asked(value=value, quote="so")


def built(prices: VmPrices | None = None, **fields: Any) -> Built:
    return build(Draft(steps=[STEP], **fields), prices)


def policy(made: Built) -> dict[str, Any]:
    instances = made.job.get("allocationPolicy", {}).get("instances", [{}])
    found: dict[str, Any] = instances[0].get("policy", {})
    return found


@pytest.mark.parametrize(
    ("fields", "machine"),
    [
        ({"cpu_milli": said(8000), "memory_mib": said(30720), "gpus": T4}, "n1-standard-8"),
        ({"cpu_milli": said(8000), "memory_mib": said(30720)}, "e2-standard-8"),
        ({"cpu_milli": said(4000)}, "e2-highcpu-4"),  # memory is 2000 MiB where none is asked
        ({"memory_mib": said(16384)}, "e2-highmem-2"),  # CPU is 2 vCPUs where none is asked
        ({"gpus": T4}, "n1-standard-2"),
        ({"gpus": L4, "cpu_milli": said(16000)}, "g2-standard-16"),
        ({"cpu_milli": said(4000), "provisioning": said("SPOT")}, "c3d-highcpu-4"),
        ({"cpu_milli": said(4000), "provisioning": said("STANDARD")}, "e2-highcpu-4"),
        ({"cpu_milli": said(2000), "tasks_per_node": said(4)}, "e2-highcpu-8"),
        # a named zone keeps to series that are nearly everywhere
        (
            {
                "cpu_milli": said(4000),
                "provisioning": said("SPOT"),
                "locations": [said("zones/us-central1-a")],
            },
            "n1-highcpu-4",
        ),
        ({"cpu_milli": said(200_000), "locations": [said("zones/us-central1-a")]}, "n2d"),
        # local SSDs and disks are seen
        ({"cpu_milli": said(8000), "disks": [Disk(type="local-ssd", size_gb=750)]}, "n2d-highcpu"),
        ({"cpu_milli": said(380_000), "disks": [Disk(type="pd-ssd")]}, "m2-megamem-416"),
        # left to others
        ({}, None),
        ({"gpus": T4, "machine_type": said("n1-standard-4")}, "n1-standard-4"),
        ({"cpu_milli": said(4000), "reservation": said("r")}, None),
        ({"cpu_milli": said(4000), "min_cpu_platform": said("Intel Ice Lake")}, None),
        ({"gpus": L4, "provisioning": said("FLEX_START")}, None),
        ({"cpu_milli": said(4000), "provisioning": said("RESERVATION_BOUND")}, None),
        ({"cpu_milli": said(4000), "instance_template": said("t")}, None),
        ({"cpu_milli": said(900_000)}, None),  # there is none: the rules say so
    ],
)
def test_the_machine_of_a_draft(fields: dict[str, Any], machine: str | None) -> None:
    made = built(**fields)
    found = policy(made).get("machineType")
    assert found is None if machine is None else str(found).startswith(machine)


def test_the_choice_is_an_assumption_with_its_reason() -> None:
    made = built(cpu_milli=said(8000), memory_mib=said(30720), gpus=T4)
    path = "allocationPolicy.instances[0].policy.machineType"
    assert [line for line in made.assumptions if line["path"] == path] == [
        {
            "path": path,
            "value": "n1-standard-8",
            "why": "cheapest of 6 with 8 vCPU, 30 GiB and 1 x nvidia-tesla-t4: n1-standard-8 with "
            "1 GPU (0.73 USD/h in us-central1, prices of 2026-11-29)",
        }
    ]
    assert not [line for line in made.evidence if line["path"] == path]


def test_tasks_do_not_share_memory_twice() -> None:
    made = built(cpu_milli=said(1000), memory_mib=said(5120), task_count=said(200))
    assert policy(made)["machineType"] == "e2-standard-4"
    assert made.job["taskGroups"][0]["taskCountPerNode"] == 3
    assert "memory" in next(
        line["why"] for line in made.assumptions if line["path"].endswith("taskCountPerNode")
    )
    assert not [finding for finding in check(made.job) if finding.rule == "PACK_MEM"]


def test_each_task_has_its_gpu() -> None:
    made = built(memory_mib=said(61440), gpus=T4, task_count=said(4))
    assert policy(made)["machineType"] == "n1-standard-16"
    assert made.job["taskGroups"][0]["taskCountPerNode"] == 1


def test_one_task_needs_no_packing() -> None:
    made = built(memory_mib=said(61440), gpus=T4)
    assert "taskCountPerNode" not in made.job["taskGroups"][0]


def test_a_machine_of_hyperdisk_gets_such_a_boot_disk() -> None:
    made = built(cpu_milli=said(380_000))
    assert policy(made)["machineType"] == "c4d-highcpu-384"
    assert policy(made)["bootDisk"] == {"type": "hyperdisk-balanced"}
    assert not [finding for finding in check(made.job) if finding.severity == "error"]
    asked = built(cpu_milli=said(380_000), boot_disk=BootDisk(type=said("pd-ssd")))
    assert policy(asked)["machineType"] == "m2-megamem-416"
    assert policy(asked)["bootDisk"] == {"type": "pd-ssd"}


def test_a_price_file_of_the_person_decides() -> None:
    text = (
        "what,name,region,on_demand,spot\n"
        "vcpu,n2,europe-west1,0.001,\ngib,n2,europe-west1,0.001,\n"
        "vcpu,e2,europe-west1,0.002,\ngib,e2,europe-west1,0.002,\n"
    )
    made = built(
        parse_vm_prices(text, "mine.csv"),
        cpu_milli=said(4000),
        locations=[said("regions/europe-west1")],
    )
    assert policy(made)["machineType"] == "n2-highcpu-4"
