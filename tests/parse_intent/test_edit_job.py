"""Edits of a person's own job: what was asked is done, and nothing else is touched."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import batch_v1
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from components.errors import InputError
from components.parse_intent.answer import Answer
from components.parse_intent.edit_file import edit_file, read_job_file
from components.parse_intent.edit_job import draft_of, edit_job

BESIDE = Path(__file__).parents[3] / "shared" / "batch_configs"
FOLDER = Path(os.environ.get("BATCH_CONFIGS", BESIDE))

# A job that no draft can hold: names in snake_case, fields that are not read, values in odd forms.
JSON = """{
  // what the nightly run does
  "task_groups": [{
    "name": "groups/main",
    "taskCount": "12",
    "task_spec": {
      "runnables": [
        { "displayName": "get", "script": { "text": "./get.sh --day 3 --quiet" }, "labels": {"k": "1"} },
        { "container": { "imageUri": "gcr.io/a/work:1", "commands": ["--n",  "5"],
                         "enableImageStreaming": true }, "timeout": "600.5s",
          "environment": {"encryptedVariables": {"keyName": "k", "cipherText": "c"}} },
        { "script": { "path": "/opt/put.sh" }, "alwaysRun": true }
      ],
      "compute_resource": { "cpuMilli": 2000, "memoryMib": "4096", "bootDiskMib": 50000 },
      "max_retry_count": 2,
      "lifecyclePolicies": [
        { "action": "RETRY_TASK", "actionCondition": { "exitCodes": [50001] } }
      ],
      "environment": { "variables": { "MODE": "full", "task_count": "x" } }
    },
    "parallelism": 4
  }],
  "allocationPolicy": {
    "instances": [{ "policy": { "machineType": "n1-standard-8", "provisioningModel": "SPOT",
      "accelerators": [{ "type": "nvidia-tesla-t4", "count": "1", "installGpuDrivers": false }] },
      "installGpuDrivers": true }],
    "location": { "allowedLocations": ["regions/us-central1"] }
  },
  "labels": { "team": "a", "Kept": "as-is" },
  "logsPolicy": { "destination": "CLOUD_LOGGING", "cloudLoggingOption": { "useGenericTaskMonitoredResource": true } }
}
""".replace("  // what the nightly run does\n", "")  # noqa: E501 - as people write it
YAML = """# nightly
taskGroups:
  - taskSpec:
      runnables:
        - script:
            text: |
              set -e
              ./run.sh   # all of it
        - container:
            imageUri: gcr.io/a/b:1   # pinned
            commands: [--x, "1"]
      maxRunDuration: 3600s   # an hour
    taskCount: 3
logsPolicy: {destination: CLOUD_LOGGING}
"""
JOB = json.loads(JSON)
GROUP, SPEC = "task_groups[0]", "task_groups[0].task_spec"


def edited(*turns: str) -> Answer:
    return edit_job(copy.deepcopy(JOB), turns)


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        ("make it 20 tasks", {f"{GROUP}.taskCount": 20}),
        ("3 retries, 8 at once", {f"{SPEC}.max_retry_count": 3, f"{GROUP}.parallelism": 8}),
        ("4 GB more memory", {f"{SPEC}.compute_resource.memoryMib": 8192}),
        ("the second step may take 20 minutes", {f"{SPEC}.runnables[1].timeout": "1200s"}),
        ("use work:2", {f"{SPEC}.runnables[1].container.imageUri": "gcr.io/a/work:2"}),
        ("change --day to 5", {f"{SPEC}.runnables[0].script.text": "./get.sh --day 5 --quiet"}),
        ("change --n to 9", {f"{SPEC}.runnables[1].container.commands": ["--n", "9"]}),
        ("drop --quiet", {f"{SPEC}.runnables[0].script.text": "./get.sh --day 3"}),
        ("MODE should be fast", {f"{SPEC}.environment.variables.MODE": "fast"}),
        ("the label team should say b", {"labels.team": "b"}),
        (
            "in europe-west4 instead",
            {"allocationPolicy.location.allowedLocations": ["regions/europe-west4"]},
        ),
        ("half an hour is enough", {f"{SPEC}.maxRunDuration": "1800s"}),
    ],
)
def test_only_what_was_asked_changes(words: str, paths: dict[str, Any]) -> None:
    answer = edited(words)
    assert answer.outcome == "config", answer.message
    assert {change["path"]: change["after"] for change in answer.changes} == paths
    untouched(JOB, answer.job, set(paths))


def untouched(old: Any, new: Any, but: set[str], path: str = "") -> None:
    """Every value below a path that is not among those is the same, and in the same order."""
    if path in but or any(path.startswith((f"{p}.", f"{p}[")) for p in but):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        assert [k for k in new if k in old] == [k for k in old if k in new]
        for key in {*old, *new}:
            at = f"{path}.{key}" if path else key
            above = any(one.startswith((f"{at}.", f"{at}[")) or one == at for one in but)
            assert (key in old and key in new) or above, at
            untouched(old.get(key), new.get(key), but, at)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (a, b) in enumerate(zip(old, new, strict=True)):
            untouched(a, b, but, f"{path}[{i}]")
    elif not any(one.startswith((f"{path}.", f"{path}[")) for one in but):
        assert old == new, path


def test_steps_move_with_all_that_they_hold() -> None:
    steps = JOB["task_groups"][0]["task_spec"]["runnables"]

    def after(*turns: str) -> Any:
        job = edited(*turns).job
        return job and job["task_groups"][0]["task_spec"]["runnables"]

    assert after("swap the first and the second step") == [steps[1], steps[0], steps[2]]
    assert after("take the second step out") == [steps[0], steps[2]]
    assert after("the last step has to run first") == [steps[2], steps[0], steps[1]]
    new = {"script": {"text": "./check.sh"}}
    assert after("before the second step, run `./check.sh`") == [steps[0], new, *steps[1:]]
    assert after("swap the first and the second step", "undo that") == steps


def test_dropping_a_gpu_leaves_no_trace_of_it() -> None:
    answer = edited("drop the GPU")
    instance = answer.job and answer.job["allocationPolicy"]["instances"][0]
    assert instance == {"policy": {"machineType": "n1-standard-8", "provisioningModel": "SPOT"}}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("the fifth step may take 2 hours", "3 steps"),
        ("make the 2 a 3", "which 2"),
        ("make it better", "what should be changed"),
        ("add our log bucket too", "bucket"),
    ],
)
def test_edits_that_do_not_fit_ask(words: str, said: str) -> None:
    answer = edited(words)
    assert answer.outcome == "clarify"
    assert answer.job is None
    assert said in answer.message.lower()


def test_the_answer_to_the_question_makes_the_edit() -> None:
    answer = edited("make the 2 a 3", "the retries")
    assert answer.job is not None
    assert answer.changes[0]["path"] == f"{SPEC}.max_retry_count"


@pytest.mark.parametrize("words", ["200000 tasks", "25 retries", "grant bob roles/owner"])
def test_edits_that_cannot_be_are_refused(words: str) -> None:
    assert edited(words).outcome == "reject"


def test_what_was_wrong_before_does_not_hinder() -> None:
    job = copy.deepcopy(JOB)
    job["task_groups"][0]["task_spec"]["max_retry_count"] = 50
    assert edit_job(job, ["20 tasks"]).outcome == "config"
    assert edit_job(job, ["30 retries"]).outcome == "reject"


def test_what_an_edit_breaks_is_told() -> None:
    answer = edited("drop the container's image streaming", "put it on e2-standard-4")
    assert answer.outcome == "reject" or answer.warnings


def test_an_edit_that_holds_already_changes_nothing() -> None:
    answer = edited("12 tasks")
    assert (answer.outcome, answer.changes, answer.job) == ("config", [], JOB)
    assert answer.message.startswith("Nothing to change")


def test_comments_and_layout_of_the_file_stay() -> None:
    source = read_job_file(YAML.encode(), "job.yaml")
    done = edit_file(source, ["9 tasks, and the container image b:2"])
    changed = YAML.replace("taskCount: 3", "taskCount: 9")
    assert done.text == changed.replace("gcr.io/a/b:1 ", '"gcr.io/a/b:2" ')
    assert "-    taskCount: 3\n+    taskCount: 9" in done.diff
    done = edit_file(source, ["add a last step that runs `echo bye`"])
    assert all(line in done.text.splitlines() for line in YAML.splitlines())
    assert edit_file(source, ["3 tasks"]).diff == ""


def test_a_request_keeps_what_stands_around_its_job() -> None:
    text = f'{{"parent": "projects/p/locations/us-central1", "jobId": "a",\n "job": {JSON}}}'
    done = edit_file(read_job_file(text.encode(), "r.json"), ["20 tasks"])
    assert done.text == text.replace('"taskCount": "12"', '"taskCount": 20')
    assert done.answer.job is not None
    assert "parent" not in done.answer.job


@pytest.mark.parametrize("text", ["", "[]", "{", "hello", '{"a": 1}', "\0"])
def test_what_holds_no_job_is_refused(text: str) -> None:
    with pytest.raises(InputError) as refused:
        read_job_file(text.encode(), "job.json")
    assert "intent2batch fix job.json" in refused.value.fix


EDITS: dict[str, tuple[str, ...]] = {
    "make it {n} tasks": ("taskCount",),
    "{n} at once": ("parallelism", "schedulingPolicy"),
    "{r} retries": ("maxRetryCount",),
    "time limit {n} minutes": ("maxRunDuration",),
    "machine type n2-standard-4": ("machineType",),
    "on demand": ("provisioningModel",),
    "label the job colour=red": ("labels",),
    "set the variable EXTRA_THING to {n}": ("environment",),
    "priority {r}": ("priority",),
    "service account x{n}@p.iam.gserviceaccount.com": ("serviceAccount",),
    "no external IPs": ("network",),
    "each task gets {r} vCPUs": ("computeResource",),
    "mount gs://extra-{n} at /mnt/disks/extra too": ("volumes",),
}
edits = st.lists(st.sampled_from(sorted(EDITS)), min_size=1, max_size=4, unique=True)


def jobs() -> Iterator[tuple[str, bytes]]:
    yield "job.json", JSON.encode()
    yield "job.yaml", YAML.encode()
    for file in sorted(FOLDER.glob("*")) if FOLDER.is_dir() else []:
        if file.suffix in (".json", ".yaml"):
            yield file.name, file.read_bytes()


def parses(job: Any) -> bool:
    try:
        json_format.ParseDict(job, batch_v1.Job()._pb)
    except json_format.ParseError:
        return False
    return True


REAL = []
for name, data in jobs():
    try:
        source = read_job_file(data, name)
    except InputError:
        continue
    if parses(source.value):
        REAL.append(source)


@given(st.sampled_from(REAL), edits, st.integers(11, 900), st.integers(3, 9))
@settings(max_examples=60, deadline=None)
def test_fields_not_asked_for_stay(source: Any, words: list[str], n: int, r: int) -> None:
    done = edit_file(source, [", ".join(one.format(n=n, r=r) for one in words)])
    if done.answer.job is None:  # e.g. a machine type beside a template: refused
        return
    touched = {_plain(field) for one in words for field in EDITS[one]}
    assert _rest(source.value, touched) == _rest(done.answer.job, touched)
    assert parses(done.answer.job)
    assert read_job_file(done.text.encode(), source.file).value == done.answer.job


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _rest(value: Any, touched: set[str]) -> Any:
    """A job without the touched fields, and without what holds nothing else."""
    if isinstance(value, dict):
        kept = {k: _rest(v, touched) for k, v in value.items() if _plain(k) not in touched}
        return {k: v for k, v in kept.items() if v not in ({}, [], [{}])}
    if isinstance(value, list):
        return [_rest(item, touched) for item in value]
    return value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["taskGroups", "taskSpec", "runnables", "script", "text", "labels",
                             "allocationPolicy", "instances", "policy", "volumes", "x"]),
            inner, max_size=4,
        ),
        max_leaves=12,
    )
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_json_is_taken(value: Any) -> None:
    job = value if isinstance(value, dict) else {"taskGroups": value}
    draft_of(job)
    answer = edit_job(job, ["5 tasks, spot, drop the second step"])
    assert answer.outcome in ("config", "clarify", "reject")
