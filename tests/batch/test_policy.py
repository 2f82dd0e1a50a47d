# ruff: noqa: E501 - a table reads best with one case a line
"""An organisation's policy: each limit broken by one job, kept by another; defaults count too."""

from __future__ import annotations

from typing import Any

import pytest

from components.batch.policy import POLICY_RULES, Policy, begins_with, check_policy
from tests.batch.rules.jobs import POLICY, REMOVED, SPEC, changed, clean_job

GROUP = "taskGroups[0]"
INSTANCES = "allocationPolicy.instances"
LOCATIONS = "allocationPolicy.location.allowedLocations"
INTERFACES = "allocationPolicy.network.networkInterfaces"
EMAIL = "allocationPolicy.serviceAccount.email"
IMAGE = f"{SPEC}.runnables[1].container.imageUri"
BOOT = f"{POLICY}.bootDisk.image"
TEMPLATE = {INSTANCES: [{"instanceTemplate": "t"}]}
ACCOUNTS = Policy(service_accounts=("*@my-project.iam.gserviceaccount.com",))
GOOGLE = Policy(image_prefixes=("us-docker.pkg.dev/google-samples",))
DEBIAN = Policy(boot_image_prefixes=("batch-debian", "projects/p/global/images/"))

# the policy, what is changed in the clean job, the rules that speak and where
CASES: list[tuple[Policy, dict[str, Any], list[tuple[str, str]]]] = [
    (Policy(), TEMPLATE, []),
    (Policy(regions=("us-central1",)), {}, []),
    (Policy(regions=("us-central1",)), {LOCATIONS: REMOVED}, []),
    (Policy(regions=("us-central1",)), {LOCATIONS: ["zones/us-central1-a"]}, []),
    (Policy(regions=("europe-west4",)), {LOCATIONS: REMOVED}, [("POLICY_REGION", LOCATIONS)]),
    (Policy(regions=("europe-west4",)), {}, [("POLICY_REGION", f"{LOCATIONS}[0]")]),
    (Policy(regions=("us-central1",)), {f"{LOCATIONS}[1]": "zones/us-west1-b"}, [("POLICY_REGION", f"{LOCATIONS}[1]")]),
    (Policy(machine_families=("e2", "n2")), {}, []),
    (Policy(machine_families=("n1",)), {f"{POLICY}.machineType": "custom-2-4096"}, []),
    (Policy(machine_families=("n2",)), {}, [("POLICY_MACHINE", f"{POLICY}.machineType")]),
    (Policy(machine_families=("n2",)), {f"{POLICY}.machineType": "n2d-standard-4"}, [("POLICY_MACHINE", f"{POLICY}.machineType")]),
    (Policy(machine_families=("n2",)), {INSTANCES: REMOVED}, [("POLICY_MACHINE", f"{POLICY}.machineType")]),
    (GOOGLE, {}, []),
    (GOOGLE, {IMAGE: "us-docker.pkg.dev/google-samples-evil/x:1"}, [("POLICY_IMAGE", IMAGE)]),
    (GOOGLE, {IMAGE: "busybox:1"}, [("POLICY_IMAGE", IMAGE)]),
    (Policy(image_prefixes=("docker.io/library/",)), {IMAGE: "busybox:1"}, []),
    (Policy(image_prefixes=("busybox",)), {IMAGE: "docker.io/busybox@sha256:" + "a" * 64}, []),
    (Policy(image_prefixes=("docker.io/my-org",)), {IMAGE: "my-org/tool:2"}, []),
    (Policy(image_prefixes=("busybox",)), {IMAGE: "evil.example/busybox:1"}, [("POLICY_IMAGE", IMAGE)]),
    (Policy(image_prefixes=()), {}, [("POLICY_IMAGE", IMAGE)]),
    (DEBIAN, {}, []),
    (DEBIAN, {BOOT: "https://www.googleapis.com/compute/v1/projects/p/global/images/mine"}, []),
    (DEBIAN, {BOOT: "batch-debian-evil"}, [("POLICY_BOOT_IMAGE", BOOT)]),
    (DEBIAN, {f"{SPEC}.runnables[0]": REMOVED}, [("POLICY_BOOT_IMAGE", BOOT)]),  # boots batch-cos
    (DEBIAN, {f"{POLICY}.disks[0].newDisk.image": "projects/q/global/images/x"}, [("POLICY_BOOT_IMAGE", f"{POLICY}.disks[0].newDisk.image")]),
    (ACCOUNTS, {}, []),
    (ACCOUNTS, {EMAIL: "x@other.iam.gserviceaccount.com"}, [("POLICY_ACCOUNT", EMAIL)]),
    (ACCOUNTS, {"allocationPolicy.serviceAccount": REMOVED}, [("POLICY_ACCOUNT", EMAIL)]),
    (Policy(external_ips=True), {}, []),
    (Policy(external_ips=False), {}, [("POLICY_EXTERNAL_IP", "allocationPolicy.network")]),
    (Policy(external_ips=False), {f"{INTERFACES}[0].noExternalIpAddress": True}, []),
    (
        Policy(external_ips=False),
        {f"{INTERFACES}[0].noExternalIpAddress": True, f"{INTERFACES}[1].network": "global/networks/n"},
        [("POLICY_EXTERNAL_IP", f"{INTERFACES}[1].noExternalIpAddress")],
    ),
    (Policy(machine_families=("e2",)), TEMPLATE, [("POLICY_TEMPLATE", f"{INSTANCES}[0].instanceTemplate")]),
    (Policy(external_ips=False), TEMPLATE, [("POLICY_TEMPLATE", f"{INSTANCES}[0].instanceTemplate")]),
    (Policy(machine_families=("e2",), instance_templates=True), TEMPLATE, []),
    (Policy(instance_templates=False), TEMPLATE, [("POLICY_TEMPLATE", f"{INSTANCES}[0].instanceTemplate")]),
    (Policy(max_tasks=4), {}, []),
    (Policy(max_tasks=3), {}, [("POLICY_TASKS", f"{GROUP}.taskCount")]),
    (Policy(max_tasks=1), {f"{GROUP}.taskCount": REMOVED, f"{GROUP}.taskEnvironments": [{}, {}]}, [("POLICY_TASKS", f"{GROUP}.taskCount")]),
    (Policy(max_parallelism=2), {}, []),
    (Policy(max_parallelism=1), {}, [("POLICY_PARALLELISM", f"{GROUP}.parallelism")]),
    (Policy(max_parallelism=3), {f"{GROUP}.parallelism": REMOVED}, [("POLICY_PARALLELISM", f"{GROUP}.parallelism")]),
    (Policy(max_parallelism=1), {f"{GROUP}.parallelism": REMOVED, f"{GROUP}.schedulingPolicy": "IN_ORDER"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "changes", "told"), CASES)
def test_what_the_policy_does_not_allow_is_an_error(
    policy: Policy, changes: dict[str, Any], told: list[tuple[str, str]]
) -> None:
    findings = check_policy(changed(clean_job(), changes), policy)

    assert [(f.rule, f.path) for f in findings] == told
    assert all(f.severity == "error" and f.fix for f in findings)


def test_the_region_of_the_request_counts_where_the_job_names_none() -> None:
    job = changed(clean_job(), {LOCATIONS: REMOVED})
    policy = Policy(regions=("europe-west4",))

    assert check_policy(job, policy, region="europe-west4") == []
    assert [f.rule for f in check_policy(job, policy, region="us-east1")] == ["POLICY_REGION"]


@pytest.mark.parametrize(
    ("cost", "severity"), [(9.99, None), (10.0, None), (10.01, "error"), (None, "error")]
)
def test_the_cost_is_asked_of_who_knows_it(cost: float | None, severity: str | None) -> None:
    findings = check_policy(clean_job(), Policy(max_cost_usd=10), cost_of=lambda job: cost)

    assert [f.severity for f in findings] == ([severity] if severity else [])


def test_a_cost_that_nobody_estimates_is_told_and_stops_nothing() -> None:
    findings = check_policy(clean_job(), Policy(max_cost_usd=10))

    assert [(f.rule, f.severity) for f in findings] == [("POLICY_COST", "warning")]


def test_names_in_the_form_of_the_proto_are_held_to_the_policy_too() -> None:
    job = {"task_groups": [{"task_count": "9"}]}

    assert [f.rule for f in check_policy(job, Policy(max_tasks=8))] == ["POLICY_TASKS"]


@pytest.mark.parametrize("job", [{}, {"taskGroups": 3}, {"allocationPolicy": [None]}, {"x": [[]]}])
def test_what_is_no_job_gives_no_exception(job: dict[str, Any]) -> None:
    everything = Policy(("us-east1",), ("e2",), (), (), (), False, False, 1, 1, 1.0)

    assert check_policy(job, everything)


@pytest.mark.parametrize(
    ("name", "prefix", "within"),
    [
        ("a.dev/p/r/i:1", "a.dev/p", True),
        ("a.dev/p/r/i:1", "a.dev/p/", True),
        ("a.dev/pq/i:1", "a.dev/p", False),
        ("a.dev/p@sha256:0", "a.dev/p", True),
        ("a.dev/p/../q", "a.dev/p", False),
    ],
)
def test_prefixes_end_where_a_part_of_the_name_ends(name: str, prefix: str, within: bool) -> None:
    assert begins_with(name, prefix) is within


def test_every_rule_of_a_policy_has_a_case() -> None:
    told = {rule for _, _, found in CASES for rule, _ in found}

    assert told | {"POLICY_COST"} == set(POLICY_RULES)
