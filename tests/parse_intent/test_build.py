"""The builder: every draft gives a job that parses strictly, and says where each field is from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.batch.bash import bash_word
from components.batch.rules import check
from components.parse_intent.build import build
from components.parse_intent.draft import (
    Asked,
    BootDisk,
    Disk,
    Draft,
    Gpus,
    Logs,
    Notification,
    Pair,
    RetryPolicy,
    Step,
    TaskEnvironment,
    Volume,
)

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=30)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
COUNTS = st.integers(0, 2**31 - 1)
FLAGS = st.booleans()


def asked(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.builds(Asked, value=values, quote=WORDS)


PAIRS = st.lists(st.builds(Pair, name=NAMES, value=WORDS, quote=WORDS), max_size=3)
STEPS = st.builds(
    Step,
    kind=st.sampled_from(["script", "container", "barrier"]),
    name=asked(NAMES),
    text=asked(WORDS),
    path=asked(WORDS),
    image=asked(WORDS),
    entrypoint=asked(WORDS),
    commands=asked(st.lists(WORDS, max_size=3)),
    options=asked(WORDS),
    volumes=st.lists(st.builds(Asked, value=WORDS, quote=WORDS), max_size=2),
    workdir=asked(WORDS),
    env=PAIRS,
    timeout_s=asked(st.integers(1, 10**7)),
    main_node_only=asked(FLAGS),
    background=asked(FLAGS),
    always_run=asked(FLAGS),
    ignore_exit_status=asked(FLAGS),
    block_external_network=asked(FLAGS),
    image_streaming=asked(FLAGS),
)
DRAFTS = st.builds(
    Draft,
    steps=st.lists(STEPS, max_size=4),
    task_count=asked(COUNTS),
    parallelism=asked(COUNTS),
    tasks_per_node=asked(COUNTS),
    in_order=asked(FLAGS),
    require_hosts_file=asked(FLAGS),
    cpu_milli=asked(COUNTS),
    memory_mib=asked(COUNTS),
    max_retries=asked(COUNTS),
    retry_policies=st.lists(
        st.builds(
            RetryPolicy,
            action=st.sampled_from(["RETRY_TASK", "FAIL_TASK"]),
            exit_codes=st.lists(st.integers(0, 60000), max_size=3),
        ),
        max_size=2,
    ),
    max_run_s=asked(st.integers(1, 10**8)),
    env=PAIRS,
    secret_env=PAIRS,
    task_envs=st.lists(
        st.builds(TaskEnvironment, index=st.integers(0, 20), variables=PAIRS), max_size=3
    ),
    volumes=st.lists(
        st.builds(
            Volume,
            kind=st.sampled_from(["gcs", "nfs", "device"]),
            remote=NAMES,
            mount=st.sampled_from(["", "/mnt/a", "/mnt/b/"]),
        ),
        max_size=3,
    ),
    machine_type=asked(NAMES),
    gpus=st.none() | st.builds(Gpus, type=NAMES, count=st.integers(1, 16)),
    install_gpu_drivers=asked(FLAGS),
    provisioning=asked(st.sampled_from(["STANDARD", "SPOT", "PREEMPTIBLE", "FLEX_START"])),
    boot_disk=st.none() | st.builds(BootDisk, image=asked(NAMES), size_gb=asked(COUNTS)),
    disks=st.lists(
        st.builds(Disk, type=NAMES, size_gb=st.none() | COUNTS, existing=NAMES | st.just("")),
        max_size=3,
    ),
    instance_template=asked(NAMES),
    reservation=asked(NAMES),
    locations=st.lists(st.builds(Asked, value=NAMES), max_size=2),
    no_external_ip=asked(FLAGS),
    tags=st.lists(st.builds(Asked, value=NAMES), max_size=2),
    service_account=asked(NAMES),
    job_labels=PAIRS,
    vm_labels=PAIRS,
    priority=asked(COUNTS),
    logs=st.none()
    | st.builds(Logs, destination=st.sampled_from(["cloud", "path", "none"]), path=WORDS),
    notifications=st.lists(
        st.builds(Notification, topic=NAMES, about=st.sampled_from(["job", "task"])), max_size=2
    ),
)


def strictly(job: dict[str, Any]) -> Any:
    from google.cloud import batch_v1
    from google.protobuf import json_format

    message = batch_v1.Job()._pb
    json_format.ParseDict(job, message)
    return message


def walk(value: Any, path: str) -> Any:
    for part in path.replace("[", ".[").split("."):
        value = value[int(part[1:-1])] if part.startswith("[") else value[part]
    return value


@settings(max_examples=150)
@given(DRAFTS)
def test_every_draft_gives_one_job_that_parses_strictly(draft: Draft) -> None:
    built = build(draft)
    strictly(built.job)
    assert build(draft.model_copy(deep=True)) == built


def test_asked_numbers_stand_in_the_job_as_asked() -> None:
    draft = Draft(
        steps=[Step(kind="script", text=Asked(value="date", quote="date"))],
        task_count=Asked(value=7, quote="7 tasks"),
        max_retries=Asked(value=2, quote="2 retries"),
        provisioning=Asked(value="SPOT", quote="spot"),
    )
    built = build(draft)
    assert walk(built.job, "taskGroups[0].taskCount") == 7
    assert walk(built.job, "taskGroups[0].taskSpec.maxRetryCount") == 2
    assert "lifecyclePolicies" not in walk(built.job, "taskGroups[0].taskSpec")
    assert {"path": "taskGroups[0].taskCount", "value": 7, "quote": "7 tasks"} in built.evidence
    assert "taskGroups[0].parallelism" in [a["path"] for a in built.assumptions]


def test_spot_without_a_word_on_retries_survives_a_lost_vm() -> None:
    draft = Draft(provisioning=Asked(value="SPOT", quote="spot"))
    built = build(draft)
    spec = walk(built.job, "taskGroups[0].taskSpec")
    assert spec["maxRetryCount"] == 3
    assert 50001 in spec["lifecyclePolicies"][0]["actionCondition"]["exitCodes"]
    assert all(line["why"] for line in built.assumptions)


@pytest.mark.parametrize(
    ("text", "entrypoint", "commands"),
    [
        ("python a.py --n 3", None, ["python", "a.py", "--n", "3"]),
        ("python a.py $BATCH_TASK_INDEX", "/bin/sh", ["-c", "python a.py $BATCH_TASK_INDEX"]),
        ("a | b", "/bin/sh", ["-c", "a | b"]),
        ("[[ -f x ]] && a", "/bin/bash", ["-c", "[[ -f x ]] && a"]),
        ("say 'unbalanced", "/bin/sh", ["-c", "say 'unbalanced"]),
    ],
)
def test_a_command_line_in_a_container(
    text: str, entrypoint: str | None, commands: list[str]
) -> None:
    step = Step(kind="container", image=Asked(value="a/b:1"), text=Asked(value=text))
    container = build(Draft(steps=[step])).job["taskGroups"][0]["taskSpec"]["runnables"][0]
    assert container["container"].get("entrypoint") == entrypoint
    assert container["container"]["commands"] == commands


def test_bash_syntax_gets_a_shebang_and_says_so() -> None:
    step = Step(kind="script", text=Asked(value="set -o pipefail\na | b"))
    built = build(Draft(steps=[step]))
    text = walk(built.job, "taskGroups[0].taskSpec.runnables[0].script.text")
    assert text.startswith("#!/bin/bash\n")
    assert any(line["value"] == "#!/bin/bash" for line in built.assumptions)


def test_a_template_takes_the_place_of_the_policy() -> None:
    draft = Draft(
        instance_template=Asked(value="t-1"),
        machine_type=Asked(value="e2-small"),
        install_gpu_drivers=Asked(value=True),
    )
    instance = build(draft).job["allocationPolicy"]["instances"][0]
    assert instance == {"instanceTemplate": "t-1", "installGpuDrivers": True}


def test_a_disk_is_mounted_under_its_device_name() -> None:
    draft = Draft(
        disks=[
            Disk(type="pd-ssd", size_gb=10, mount="/mnt/x/"),
            Disk(existing="zones/z/disks/refs"),
        ]
    )
    job = build(draft).job
    volumes = job["taskGroups"][0]["taskSpec"]["volumes"]
    disks = job["allocationPolicy"]["instances"][0]["policy"]["disks"]
    assert [v["deviceName"] for v in volumes] == [d["deviceName"] for d in disks]
    assert volumes[0]["mountPath"] == "/mnt/x"
    assert volumes[1]["mountOptions"] == ["ro"]


def test_in_order_means_one_at_a_time() -> None:
    draft = Draft(task_count=Asked(value=9), in_order=Asked(value=True), parallelism=Asked(value=4))
    group = build(draft).job["taskGroups"][0]
    assert (group["schedulingPolicy"], group["parallelism"]) == ("IN_ORDER", 1)


def test_task_environments_set_the_count() -> None:
    draft = Draft(
        task_envs=[TaskEnvironment(index=2, variables=[Pair(name="A", value="1")])],
    )
    group = build(draft).job["taskGroups"][0]
    assert group["taskCount"] == 3
    assert group["taskEnvironments"] == [{}, {}, {"variables": {"A": "1"}}]


@pytest.mark.parametrize(
    ("kinds", "mount", "image"),
    [
        (["container"], "/mnt/in", "batch-debian"),
        (["container"], "/mnt/disks/in", None),
        (["container"], "", None),
        (["container", "script"], "/mnt/in", None),
        (["script"], "/mnt/in", None),
    ],
)
def test_a_container_job_boots_an_image_that_can_mount(
    kinds: list[str], mount: str, image: str | None
) -> None:
    steps = [
        {"kind": kind, "image": {"value": "a/b:1"}}
        if kind == "container"
        else {"kind": kind, "text": {"value": "true"}}
        for kind in kinds
    ]
    volumes = [{"kind": "gcs", "remote": "inputs", "mount": mount}]
    built = build(Draft.model_validate({"steps": steps, "volumes": volumes}))
    instances = built.job.get("allocationPolicy", {}).get("instances", [{}])
    assert instances[0].get("policy", {}).get("bootDisk", {}).get("image") == image
    assert "VOL_COS" not in {finding.rule for finding in check(built.job)}


def test_a_script_of_empty_lines_is_looked_through_once() -> None:
    assert bash_word("\n" * 1_000_000) is None
    assert bash_word("echo\n\n  source ./env\n") == "source"
