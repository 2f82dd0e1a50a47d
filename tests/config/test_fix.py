# ruff: noqa: E501 - a table reads best with one case a line
"""Mending: only what is safe, told, keeping the layout; never more errors than before."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.batch.findings import path_parts
from components.config.check import validate_text
from components.config.fix import fix_text
from components.config.spans import value_at
from tests.batch.rules.jobs import POLICY, REMOVED, SPEC, changed, clean_job
from tests.batch.rules.test_error_rules import CASES

GPU = f"{POLICY}.accelerators[0]"
LOCATIONS = "allocationPolicy.location.allowedLocations"

SPEC_WITHOUT_ENVIRONMENT = {
    name: value
    for name, value in clean_job()["taskGroups"][0]["taskSpec"].items()
    if name != "environment"
}

# what is changed in the clean job, the rule that asks for the mend, the path and its new value
MENDS: list[tuple[dict[str, Any], str, str, Any]] = [
    ({f"{SPEC}.maxRunDuration": "1h"}, "TIMEOUT_FMT", f"{SPEC}.maxRunDuration", "3600s"),
    ({f"{SPEC}.maxRunDuration": 3600}, "TIMEOUT_FMT", f"{SPEC}.maxRunDuration", "3600s"),
    ({f"{SPEC}.volumes[0].gcs.remotePath": "gs://b-1/x"}, "VOL_GCS", f"{SPEC}.volumes[0].gcs.remotePath", "b-1/x"),
    ({f"{SPEC}.volumes[1].mountPath": "/mnt/disks/s/"}, "VOL_PATH", f"{SPEC}.volumes[1].mountPath", "/mnt/disks/s"),
    ({"labels": {"Team": "x"}}, "LABEL_KEY", "labels", {"team": "x"}),
    ({"labels": {"team": "RED"}}, "LABEL_KEY", "labels.team", "red"),
    ({f"{POLICY}.machineType": "n1-standard-8", f"{GPU}.type": "T4", f"{GPU}.count": 1}, "ACC_TYPE", f"{GPU}.type", "nvidia-tesla-t4"),
    ({LOCATIONS: ["us-central1"]}, "LOC_FORM", f"{LOCATIONS}[0]", "regions/us-central1"),
    ({LOCATIONS: ["us-central1-a"]}, "LOC_FORM", f"{LOCATIONS}[0]", "zones/us-central1-a"),
    ({LOCATIONS: "regions/us-central1"}, "PARSE_SHAPE", LOCATIONS, ["regions/us-central1"]),
    ({"labels": {"n": 5}}, "PARSE_TYPE", "labels.n", "5"),
    ({"labels": {"n": True}}, "PARSE_TYPE", "labels.n", "true"),
    ({"taskGroups[0].requireHostsFile": "true"}, "PARSE_TYPE", "taskGroups[0].requireHostsFile", True),
    ({f"{POLICY}.provisioningModel": "spot"}, "PM_ENUM", f"{POLICY}.provisioningModel", "SPOT"),
    ({"logsPolicy.destination": "cloud_logging"}, "PARSE_ENUM", "logsPolicy.destination", "CLOUD_LOGGING"),
    ({f"{SPEC}.runnables[0].script.text": "\n\n#!/bin/bash\nls"}, "SCRIPT_SHEBANG_POS", f"{SPEC}.runnables[0].script.text", "#!/bin/bash\nls"),
    ({f"{POLICY}.disks[0].newDisk.diskInterface": "nvme"}, "DISK_IFACE", f"{POLICY}.disks[0].newDisk.diskInterface", "NVMe"),
    ({f"{POLICY}.bootDisk.type": "PD_SSD"}, "BD_TYPE", f"{POLICY}.bootDisk.type", "pd-ssd"),
    ({f"{SPEC}.runnables[0].script.text": "[[ -f x ]] && ls"}, "SCRIPT_SHELL", f"{SPEC}.runnables[0].script.text", "#!/bin/bash\n[[ -f x ]] && ls"),
    ({f"{SPEC}.runnables[0].script.text": "set -o pipefail\nls | wc\n"}, "SCRIPT_SHELL", f"{SPEC}.runnables[0].script.text", "#!/bin/bash\nset -o pipefail\nls | wc\n"),
    ({"taskGroups[0].parallelism": 40}, "PAR_GT_TC", "taskGroups[0].parallelism", 4),
    ({f"{SPEC}.environment": REMOVED, f"{SPEC}.environments": {"A": "b", "C": "d"}}, "ENV_DEPRECATED", f"{SPEC}", {**SPEC_WITHOUT_ENVIRONMENT, "environment": {"variables": {"A": "b", "C": "d"}}}),
    ({"logsPolicy": {"destination": "DESTINATION_UNSPECIFIED", "logsPath": "/mnt/disks/in"}}, "PARSE_ENUM_NUM", "logsPolicy", {"logsPath": "/mnt/disks/in"}),
    ({f"{SPEC}.max_retry_count": 2}, "PARSE_CASE_DUP", f"{SPEC}", clean_job()["taskGroups"][0]["taskSpec"]),
    ({f"{SPEC}.volumes[0].gcs.remotePath": ["b-1"]}, "PARSE_SHAPE", f"{SPEC}.volumes[0].gcs.remotePath", "b-1"),
    ({f"{SPEC}.computeResource": [{"cpuMilli": 2000, "memoryMib": 4096}]}, "PARSE_SHAPE", f"{SPEC}.computeResource", {"cpuMilli": 2000, "memoryMib": 4096}),
    ({f"{SPEC}.runnables[1].container.commands": "{-c, ls}"}, "PARSE_SHAPE", f"{SPEC}.runnables[1].container.commands", ["{-c, ls}"]),
    ({f"{POLICY}.machineType": "n2-standard-4", f"{POLICY}.disks[0].newDisk": {"type": "local-ssd", "sizeGb": 300}}, "LSSD_SIZE", f"{POLICY}.disks[0].newDisk.sizeGb", 375),
    ({f"{POLICY}.machineType": "n1-standard-8", GPU: {"type": "nvidia-tesla-t4", "count": 1, "installGpuDrivers": True}}, "ACC_DRV_OLD", "allocationPolicy.instances[0]", {"policy": {**clean_job()["allocationPolicy"]["instances"][0]["policy"], "machineType": "n1-standard-8", "accelerators": [{"type": "nvidia-tesla-t4", "count": 1}]}, "installGpuDrivers": True}),
    ({f"{SPEC}.runnables[1].container.imageUri": "https://gcr.io/google-samples/x:1"}, "CTR_IMAGE", f"{SPEC}.runnables[1].container.imageUri", "gcr.io/google-samples/x:1"),
]  # fmt: skip


@pytest.mark.parametrize("form", ["json", "yaml"])
@pytest.mark.parametrize(("changes", "rule", "path", "value"), MENDS)
def test_what_is_safe_is_mended(
    changes: dict[str, Any], rule: str, path: str, value: Any, form: str
) -> None:
    job = changed(clean_job(), changes)
    text = json.dumps(job, indent=1) if form == "json" else yaml.safe_dump(job, sort_keys=False)

    fixed = fix_text(text, f"job.{form}")

    rules = {rule, "PARSE_YAML_TRAP"} if rule == "PARSE_TYPE" else {rule}
    assert rules & {change.rule for change in fixed.changes}
    after = validate_text(fixed.text, f"job.{form}")
    assert after.errors == []
    assert after.job == changed(job, {path: value})


@pytest.mark.parametrize(
    "changes",
    [
        {f"{SPEC}.maxRetryCount": 50},
        {"taskGroups[0].taskCount": REMOVED},  # parallelism is 2: the count may be forgotten
        {"taskGroups[0].taskCount": 0},
        {f"{POLICY}.machineType": "g4-standard-48"},
        {"labels": {"my team": "x"}},
        {f"{SPEC}.maxRunDuration": "soon"},
        {f"{SPEC}.volumes[0].gcs.remotePath": "BUCKET_NAME"},
    ],
)
def test_what_changes_the_meaning_is_left_to_people(changes: dict[str, Any]) -> None:
    text = json.dumps(changed(clean_job(), changes), indent=2)

    assert fix_text(text, "job.json").text == text
    assert fix_text(text, "job.json").changes == []


def test_misspelt_names_are_mended_and_the_layout_stays() -> None:
    text = (
        '{ "taskGroups": [{"task_spec": {"runnables": [\n'
        '   {"container": {"image":"busybox:1",  "command": "ls"}} ]\n'
        " }}]   }\n"
    )

    fixed = fix_text(text, "job.json")

    assert fixed.text == (
        '{ "taskGroups": [{"task_spec": {"runnables": [\n'
        '   {"container": {"imageUri":"busybox:1",  "commands": ["ls"]}} ]\n'
        " }}]   }\n"
    )


# a field of the clean job, and the object in which it was put by mistake
DISPLACED = [
    (f"{POLICY}.machineType", "allocationPolicy.instances[0]"),
    (f"{POLICY}.machineType", "allocationPolicy"),
    (f"{POLICY}.provisioningModel", ""),
    (f"{POLICY}.disks", "allocationPolicy.instances[0]"),
    ("allocationPolicy.instances", ""),
    ("allocationPolicy.location", ""),
    ("allocationPolicy.location.allowedLocations", "allocationPolicy"),
    ("logsPolicy.destination", ""),
    ("taskGroups[0].taskCount", f"{SPEC}"),
    ("taskGroups[0].parallelism", ""),
    (f"{SPEC}.maxRetryCount", "taskGroups[0]"),
    (f"{SPEC}.lifecyclePolicies", "taskGroups[0]"),
    (f"{SPEC}.runnables", "taskGroups[0]"),
    (f"{SPEC}.computeResource.memoryMib", f"{SPEC}"),
    (f"{SPEC}.maxRetryCount", f"{SPEC}.runnables[0]"),
]


@pytest.mark.parametrize("form", ["json", "yaml"])
@pytest.mark.parametrize(("field", "wrong_place"), DISPLACED)
def test_a_field_in_the_wrong_place_goes_where_it_belongs(
    field: str, wrong_place: str, form: str
) -> None:
    *_, name = path_parts(field)
    value = value_at(clean_job(), path_parts(field))
    job = changed(clean_job(), {field: REMOVED, f"{wrong_place}.{name}".lstrip("."): value})
    text = json.dumps(job, indent=2) if form == "json" else yaml.safe_dump(job, sort_keys=False)

    fixed = fix_text(text, f"job.{form}")

    assert validate_text(fixed.text, f"job.{form}").job == clean_job()
    assert [change.rule for change in fixed.changes] == ["PARSE_UNKNOWN"]
    assert fixed.changes[0].what.startswith(f"moved `{name}` to ")


def test_a_lost_indentation_is_found_again() -> None:
    text = (
        "allocationPolicy:\n"
        "instances:   # two VMs\n"
        "- policy:\n"
        "    machineType: e2-medium\n"
        "\n"
        "logsPolicy:\n"
        "destination: CLOUD_LOGGING\n"
    )

    assert fix_text(text, "job.yaml").text == (
        "allocationPolicy:\n"
        "  instances:   # two VMs\n"
        "  - policy:\n"
        "      machineType: e2-medium\n"
        "\n"
        "logsPolicy:\n"
        "  destination: CLOUD_LOGGING\n"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"maxRetryCount": 3},  # is there already, with another value
        {f"{SPEC}.environments": {"A": "b"}},  # beside environment
        {"volumes": []},  # belongs to containers and to the task
        {"colour": "red"},
    ],
)
def test_a_field_with_no_one_place_stays(changes: dict[str, Any]) -> None:
    text = json.dumps(changed(clean_job(), changes), indent=2)

    assert fix_text(text, "job.json").text == text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('{"requireHostsFile": True, "taskCount": 2}', {"requireHostsFile": True, "taskCount": 2}),
        ('{"schedulingPolicy": AS_SOON_AS_POSSIBLE}', {"schedulingPolicy": "AS_SOON_AS_POSSIBLE"}),
        ('{"name": "a\nb", "runAsNonRoot": False}', {"name": "a\nb", "runAsNonRoot": False}),
    ],
)
def test_words_that_json_does_not_know_are_written_as_it_does(written: str, read: Any) -> None:
    text = '{"taskGroups": [' + written + "]}"

    before, fixed = validate_text(text, "job.json"), fix_text(text, "job.json")

    assert {"PARSE_SYNTAX"} <= {f.rule for f in before.errors}
    assert "not JSON: " in before.errors[0].message + before.errors[1].message
    inner = json.loads(fixed.text)["taskGroups"][0]
    inner.pop("name", None), read.pop("name", None)  # output only, and removed
    assert inner == read


def test_yaml_keeps_its_comments_and_order() -> None:
    text = (
        "# nightly\n"
        "uid: abc\n"
        "taskGroups:\n"
        "  taskSpec:   # one\n"
        "    runnables:\n"
        "      script:\n"
        "        text: |\n"
        "          echo hi\n"
        "\n"
        "          echo bye\n"
        "    maxRunDuration: 90m  # long\n"
        "    environment:\n"
        "      variables: {A: yes, B: 012}\n"
        "  taskCount: 1\n"
    )

    fixed = fix_text(text, "job.yaml")

    assert fixed.text == (
        "# nightly\n"
        "taskGroups:\n"
        "  - taskSpec:   # one\n"
        "      runnables:\n"
        "        - script:\n"
        "            text: |\n"
        "              echo hi\n"
        "\n"
        "              echo bye\n"
        '      maxRunDuration: "5400s"  # long\n'
        "      environment:\n"
        '        variables: {A: "yes", B: "012"}\n'
        "    taskCount: 1\n"
    )
    assert validate_text(fixed.text, "job.yaml").errors == []


def test_an_answer_of_a_model_becomes_a_job() -> None:
    text = (
        "Here is the job:\n```json\n"
        '{"taskGroups": [{"taskSpec": {"runnables": [{"script": {"text": "ls"}}]}}], # one group\n'
        ' "logsPolicy": {"destination": "CLOUD_LOGGING"},\n}\n```\nEnjoy!\n'
    )

    fixed = fix_text(text, "answer.txt")

    assert json.loads(fixed.text)["taskGroups"]
    assert {change.rule for change in fixed.changes} == {"PARSE_FENCE", "PARSE_COMMENT"}


def test_line_breaks_inside_quotes_are_written_as_json_writes_them() -> None:
    text = '{"taskGroups": [{"taskSpec": {"runnables": [{"script": {"text": "a\n\tb"}}]}}]}'

    assert fix_text(text, "job.json").text == text.replace("a\n\tb", "a\\n\\tb")


def test_what_was_done_is_told() -> None:
    text = json.dumps(changed(clean_job(), {f"{SPEC}.maxRunDuration": "2h"}))

    change = fix_text(text, "job.json").changes[0]

    assert change.path == f"{SPEC}.maxRunDuration"
    assert change.what == '`"2h"` is now `"7200s"`'


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "just words", "a: [", "\x00"])
def test_what_cannot_be_read_stays_as_it_is(text: str) -> None:
    assert fix_text(text, "job.json").text == text


def mended_well(text: str, file: str) -> None:
    before, fixed = validate_text(text, file), fix_text(text, file)
    after = validate_text(fixed.text, file)

    assert len(after.errors) <= len(before.errors)
    assert fix_text(fixed.text, file).changes == []
    assert (fixed.text == text) == (not fixed.changes)
    if before.job is not None:
        assert after.job is not None


@pytest.mark.parametrize(("rule", "changes", "path"), CASES)
def test_mending_any_broken_job_makes_nothing_worse(
    rule: str, changes: dict[str, Any], path: str
) -> None:
    job = changed(clean_job(), changes)
    if rule == "JOB_SIZE":
        return  # a megabyte, mended nowhere
    mended_well(json.dumps(job), "job.json")
    mended_well(yaml.safe_dump(job), "job.yaml")


WORDS = st.sampled_from(
    ["1h", "gs://b/x", "T4", "us-central1", "spot", "/mnt/x/", "yes", "010", "", "a b", "batch-cos"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 9) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "taskGroups",
                    "task_spec",
                    "runnables",
                    "script",
                    "text",
                    "image",
                    "container",
                    "timeout",
                    "volumes",
                    "gcs",
                    "remotePath",
                    "mountPath",
                    "labels",
                    "Team",
                    "uid",
                    "name",
                    "instances",
                    "policy",
                    "accelerators",
                    "type",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.sampled_from([("labels",), ("taskGroups",), ("taskGroups", 0, "taskSpec"),
                        ("taskGroups", 0, "taskSpec", "runnables"), ("allocationPolicy",)]), VALUES)  # fmt: skip
@settings(max_examples=120)
def test_mending_makes_nothing_worse(path: tuple[Any, ...], value: Any) -> None:
    job: Any = clean_job()
    inner = job
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value

    mended_well(json.dumps(job, indent=1), "job.json")
    mended_well(yaml.safe_dump(job), "job.yaml")
