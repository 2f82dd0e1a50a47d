# ruff: noqa: E501 - a table reads best with one case a line
"""What people write who think of Kubernetes, of another unit or of a text where a list stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.batch.findings import path_parts
from components.config.check import validate_text
from components.config.fix import fix_text
from components.config.spans import value_at
from components.fix_config.fix import fix_job
from tests.batch.rules.jobs import POLICY, REMOVED, SPEC, changed, clean_job

STEP = f"{SPEC}.runnables[0]"
CONTAINER = f"{SPEC}.runnables[1].container"
COMPUTE = f"{SPEC}.computeResource"
TYPE = f"{POLICY}.machineType"
ALLOWED = "allocationPolicy.location.allowedLocations"
CODES = f"{SPEC}.lifecyclePolicies[0].actionCondition.exitCodes"
NFS = f"{SPEC}.volumes[0].nfs"
SHARE = {"server": "10.0.0.2", "remotePath": "/vol"}
PAGES = {"variables": {"PAGES": "5"}}
LINE = ["-c", "ls /mnt/disks/in"]


def _nfs(value: Any) -> dict[str, Any]:
    return {f"{SPEC}.volumes[0].gcs": REMOVED, NFS: value}


def _container(**fields: Any) -> dict[str, Any]:
    image = clean_job()["taskGroups"][0]["taskSpec"]["runnables"][1]["container"]["imageUri"]
    return {CONTAINER: {"imageUri": image, **fields}}


# what is changed in the clean job, and what the fixed job holds at which path
CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    # --- variables ---
    ({f"{STEP}.env": {"PAGES": "5"}}, {f"{STEP}.environment": PAGES}),
    ({f"{STEP}.env": [{"name": "PAGES", "value": "5"}]}, {f"{STEP}.environment": PAGES}),
    ({f"{STEP}.envVars": [{"name": "PAGES", "value": 5}]}, {f"{STEP}.environment": PAGES}),
    ({f"{STEP}.environmentVariables": {"PAGES": "5"}}, {f"{STEP}.environment": PAGES}),
    ({f"{STEP}.environment": ["PAGES=5"]}, {f"{STEP}.environment": PAGES}),
    ({f"{STEP}.environment": {"PAGES": "5"}}, {f"{STEP}.environment": PAGES}),
    ({f"{STEP}.environment": {"variables": [{"name": "PAGES", "value": "5"}]}}, {f"{STEP}.environment": PAGES}),
    ({f"{STEP}.environment": {"variables": "PAGES=5,LANG=de"}}, {f"{STEP}.environment": {"variables": {"PAGES": "5", "LANG": "de"}}}),
    ({f"{STEP}.script.env": {"PAGES": "5"}}, {f"{STEP}.environment": PAGES}),
    ({f"{CONTAINER}.env": [{"name": "PAGES", "value": "5"}], f"{SPEC}.runnables[1].environment": {"variables": {"A": "b"}}}, {f"{SPEC}.runnables[1].environment": {"variables": {"A": "b", "PAGES": "5"}}}),
    # --- words of a command ---
    (_container(command=["/bin/sh", "-c"], args=LINE[1:]), {f"{CONTAINER}.entrypoint": "/bin/sh", f"{CONTAINER}.commands": LINE}),
    (_container(command="python3 main.py", args=["--all"]), {f"{CONTAINER}.entrypoint": "python3", f"{CONTAINER}.commands": ["main.py", "--all"]}),
    (_container(entrypoint=["/bin/sh", "-c"], commands=LINE[1:]), {f"{CONTAINER}.entrypoint": "/bin/sh", f"{CONTAINER}.commands": LINE}),
    (_container(entrypoint=["/bin/sh", *LINE]), {f"{CONTAINER}.entrypoint": "/bin/sh", f"{CONTAINER}.commands": LINE}),
    # --- amounts ---
    ({COMPUTE: {"requests": {"cpu": "2", "memory": "4Gi"}}}, {COMPUTE: {"cpuMilli": 2000, "memoryMib": 4096}}),
    ({COMPUTE: {"limits": {"cpu": "500m"}, "memoryMib": 1024}}, {COMPUTE: {"cpuMilli": 500, "memoryMib": 1024}}),
    ({COMPUTE: {"vcpus": 2, "memoryGb": 4}}, {COMPUTE: {"cpuMilli": 2000, "memoryMib": 4096}}),
    ({"taskGroups[0].taskCount": "25,000"}, {"taskGroups[0].taskCount": 25_000}),
    ({"taskGroups[0].taskCount": "25 000 tasks"}, {"taskGroups[0].taskCount": 25_000}),
    ({"taskGroups[0].taskCount": "4k"}, {"taskGroups[0].taskCount": 4000}),
    ({f"{COMPUTE}.memoryMib": "4,5 GiB"}, {f"{COMPUTE}.memoryMib": 4608}),
    ({"taskGroups[0].tasksPerVm": 1}, {"taskGroups[0].taskCountPerNode": 1}),
    # --- shares and mounts ---
    (_nfs({"server": "10.0.0.2:/vol"}), {NFS: SHARE}),
    (_nfs({"server": "10.0.0.2/vol"}), {NFS: SHARE}),
    (_nfs({"server": "nfs://10.0.0.2", "remotePath": "/vol"}), {NFS: SHARE}),
    (_nfs({"server": "10.0.0.2:/", "remotePath": "/vol"}), {NFS: SHARE}),
    (_nfs({"remotePath": "10.0.0.2:/vol"}), {NFS: SHARE}),
    (_nfs("10.0.0.2:/vol"), {NFS: SHARE}),
    ({f"{SPEC}.volumes[1].mountPath": "/mnt/disks/in", f"{STEP}.script.text": "sort -T /mnt/disks/tmp /mnt/disks/in/a"}, {f"{SPEC}.volumes[1].mountPath": "/mnt/disks/tmp", f"{STEP}.script.text": "sort -T /mnt/disks/tmp /mnt/disks/in/a"}),
    ({f"{SPEC}.volumes[1].mountPath": "/mnt/disks/in"}, {f"{SPEC}.volumes[1].mountPath": "/mnt/disks/scratch", f"{CONTAINER}.commands": LINE}),
    ({f"{SPEC}.volumes[1].mountPath": "/mnt/disks/in/tmp"}, {f"{SPEC}.volumes[1].mountPath": "/mnt/disks/in-tmp"}),
    # --- machines ---
    ({TYPE: "n2-custom-4-16GB"}, {TYPE: "n2-custom-4-16384"}),
    ({TYPE: "n2-custom-4-16"}, {TYPE: "n2-custom-4-16384"}),
    ({TYPE: "n2-custom-4-16000"}, {TYPE: "n2-custom-4-16128"}),
    ({TYPE: "custom-n2-4-16384"}, {TYPE: "n2-custom-4-16384"}),
    ({TYPE: "zones/us-central1-a/machineTypes/n2-standard-4"}, {TYPE: "n2-standard-4"}),
    ({TYPE: "standard-n2-4"}, {TYPE: "n2-standard-4"}),
    ({TYPE: "n2standard4"}, {TYPE: "n2-standard-4"}),
    ({TYPE: "n2-standard"}, {TYPE: "n2-standard-2"}),
    ({f"{POLICY}.provisioningModel": REMOVED, f"{POLICY}.spot": True}, {f"{POLICY}.provisioningModel": "SPOT"}),
    ({f"{POLICY}.provisioningModel": REMOVED, "allocationPolicy.instances[0].preemptible": True}, {f"{POLICY}.provisioningModel": "SPOT"}),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), CASES)
def test_what_was_meant_is_kept_in_the_fields_of_batch(
    changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    answer = fix_job(json.dumps(changed(clean_job(), changes), indent=2).encode(), "job.json")
    assert answer.ok, answer.message
    for path, value in expected.items():
        assert value_at(answer.job, path_parts(path)) == value, answer.message


# what is changed, and what stands there after the mends that change no meaning
PARTED: list[tuple[dict[str, Any], str, Any]] = [
    ({"allocationPolicy.tags": "web, allow-iap"}, "allocationPolicy.tags", ["web", "allow-iap"]),
    ({ALLOWED: "us-central1-a,us-central1-b"}, ALLOWED, ["zones/us-central1-a", "zones/us-central1-b"]),
    ({ALLOWED: "zones/us-central1-a zones/us-central1-b"}, ALLOWED, ["zones/us-central1-a", "zones/us-central1-b"]),
    ({CODES: "50001, 50002"}, CODES, [50001, 50002]),
    ({COMPUTE: {"cpus": 2, "memoryGib": 4}}, COMPUTE, {"cpuMilli": 2000, "memoryMib": 4096}),
    ({COMPUTE: {"cpu": "1.5", "memoryMb": 4096}}, COMPUTE, {"cpuMilli": 1500, "memoryMib": 4096}),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "path", "value"), PARTED)
@pytest.mark.parametrize("form", ["json", "yaml"])
def test_one_text_for_several_and_other_units(
    changes: dict[str, Any], path: str, value: Any, form: str
) -> None:
    text = json.dumps(changed(clean_job(), changes), indent=1)
    fixed = fix_text(text, f"job.{form}")
    after = validate_text(fixed.text, f"job.{form}")
    assert after.errors == []
    assert value_at(after.job, path_parts(path)) == value


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({f"{STEP}.environment": [{"name": "PAGES", "value": "5"}]}, "PARSE_SHAPE"),
        ({f"{STEP}.environment": ["PAGES=5"]}, "PARSE_SHAPE"),
        (_container(command=["/bin/sh", "-c"], args=LINE[1:]), "PARSE_UNKNOWN"),
        ({CODES: "1-5"}, "PARSE_TYPE"),
    ],
)
def test_a_form_whose_mend_would_lose_something_is_left_to_people(
    changes: dict[str, Any], rule: str
) -> None:
    text = json.dumps(changed(clean_job(), changes), indent=1)
    fixed = fix_text(text, "job.json")
    assert rule in {finding.rule for finding in validate_text(fixed.text, "job.json").errors}
    assert json.dumps(LINE[1])[1:-1] in fixed.text
    assert ("PAGES" in fixed.text) == ("PAGES" in text)
    assert fixed.text.count('"commands"') <= 1
