"""Fixing a whole job: what stays, what is told, and that no fix makes it worse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.cloud import batch_v1
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from components.config.check import Against, validate_bytes, validate_text
from components.fix_config.answer import Answer, unified_diff
from components.fix_config.fix import fix_job
from tests.batch.rules.jobs import POLICY, REMOVED, SPEC, changed, clean_job
from tests.batch.rules.test_error_rules import CASES as ERRORS

SHARED = Path(__file__).parents[3] / "shared"
CONFIGS = SHARED / "batch_configs"
QUESTIONS = SHARED / "questions.jsonl"

# Errors that only a person can mend: what runs, what it is called, what does not fit into a job.
FOR_A_PERSON = {
    "JOB_SIZE",
    "LABEL_COUNT",
    "TENV_MAX",
    "PLACEHOLDER",
    "SA_FORM",
    "VOL_ONEOF",
    "VOL_GCS",
    "CTR_IMAGE",
}


def fixed(job: Any, complaint: str = "", file: str = "job.json") -> Answer:
    text = job if isinstance(job, str) else json.dumps(job, indent=2)
    return fix_job(text.encode(), file, complaint)


@pytest.mark.parametrize(("rule", "changes"), [(case[0], case[1]) for case in ERRORS])
def test_every_error_is_mended_or_told(rule: str, changes: dict[str, Any]) -> None:
    job = changed(clean_job(), changes)
    answer = fixed(job)
    assert answer.ok or rule in FOR_A_PERSON, answer.message
    assert len(answer.left) <= len(validate_text(json.dumps(job), "job.json").errors)
    assert json.loads(answer.text) == answer.job
    if answer.ok:
        assert answer.changes
        json_format.ParseDict(answer.job, batch_v1.Job.pb()())
    for finding in answer.left:
        assert finding.message[:40] in answer.message
    again = fixed(answer.text)
    assert again.text == answer.text
    assert again.changes == []


def test_a_right_job_without_a_complaint_stays_to_the_letter() -> None:
    text = json.dumps(clean_job(), indent=3) + "\n\n"
    answer = fixed(text)
    assert answer.text == text
    assert answer.changes == []
    assert unified_diff(answer) == ""
    assert "Nothing in the job was changed." in answer.message


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.sampled_from([case[1] for case in ERRORS if case[0] != "JOB_SIZE"]),
        min_size=2,
        max_size=4,
    )
)
def test_no_fix_leaves_more_errors_and_a_second_one_changes_nothing(
    several: list[dict[str, Any]],
) -> None:
    job = clean_job()
    for changes in several:
        try:
            job = changed(job, changes)
        except (KeyError, IndexError, TypeError, AttributeError):
            return  # the changes do not go together
    before = validate_text(json.dumps(job), "job.json").errors
    answer = fixed(job)
    assert len(answer.left) <= len(before), answer.message
    again = fixed(answer.text)
    assert again.text == answer.text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**7) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "taskGroups",
                    "taskSpec",
                    "runnables",
                    "script",
                    "text",
                    "volumes",
                    "policy",
                    "instances",
                    "x",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        [
            "taskGroups",
            "allocationPolicy",
            "labels",
            "logsPolicy",
            "taskGroups[0].taskSpec",
            f"{SPEC}.runnables",
            f"{SPEC}.volumes",
            "allocationPolicy.instances",
            POLICY,
            f"{POLICY}.disks",
        ]
    ),
    json_values,
    st.sampled_from(
        ["", "137", "logs are missing", "50001 preempted", "gpu not found", "no space left"]
    ),
)
def test_any_value_anywhere_never_raises(path: str, value: Any, complaint: str) -> None:
    job = changed(clean_job(), {path: value})
    before = validate_text(json.dumps(job), "job.json").errors
    answer = fixed(job, complaint)
    assert len(answer.left) <= len(before), answer.message


def test_the_layout_and_the_names_of_the_person_stay() -> None:
    text = """# my job
task_groups:
  - task_count: 8   # eight
    task_spec:
      max_retry_count: 25
      runnables:
        - script:
            text: |
              if [[ -f x ]]; then
                echo y
              fi
logs_policy:
  destination: CLOUD_LOGGING
"""
    answer = fixed(text, "preempted; sh: [[: not found", "job.yaml")
    assert answer.ok
    assert "# my job\n" in answer.text
    assert "task_count: 8   # eight\n" in answer.text
    assert "max_retry_count: 10\n" in answer.text
    assert "text: |\n              #!/bin/bash\n              if [[" in answer.text
    assert yaml.safe_load(answer.text) == answer.job


def test_a_field_that_is_added_stands_in_yaml_as_a_block() -> None:
    answer = fixed(
        "taskGroups:\n- taskSpec:\n    runnables:\n    - script: {text: ls}\n",
        "I see no logs",
        "job.yaml",
    )
    assert answer.text.endswith("runnables:\n    - script: {text: ls}\n")
    assert yaml.safe_load(answer.text)["logsPolicy"] == {"destination": "CLOUD_LOGGING"}


def test_misplaced_fields_move_to_where_they_belong() -> None:
    job = {
        "script": {"text": "ls"},
        "taskCount": 3,
        "machineType": "e2-medium",
        "maxRetryCount": 2,
        "memory": "4GB",
        "serviceAccountEmail": "runner@my-project.iam.gserviceaccount.com",
        "schedulingPolicy": "IN_ORDER",
    }
    answer = fixed(job)
    assert answer.ok, answer.message
    assert answer.job is not None
    group = answer.job["taskGroups"][0]
    assert group["taskSpec"]["runnables"] == [{"script": {"text": "ls"}}]
    assert (group["taskCount"], group["schedulingPolicy"]) == (3, "IN_ORDER")
    assert answer.job["allocationPolicy"]["instances"][0]["policy"]["machineType"] == "e2-medium"


def test_a_job_that_runs_nothing_says_where_the_command_belongs() -> None:
    answer = fixed({"taskGroups": [{"taskSpec": {"runnables": []}}]})
    assert answer.ok
    assert [change.certain for change in answer.changes] == [False]
    assert "put your command here" in answer.message


def test_what_could_not_be_mended_is_told_with_its_place() -> None:
    answer = fixed(changed(clean_job(), {f"{SPEC}.volumes[0].gcs.remotePath": "YOUR_BUCKET"}))
    assert not answer.ok
    assert "only you can say" in answer.message
    assert "YOUR_BUCKET" in answer.message


def test_the_region_of_the_request_is_looked_at_where_it_is_given() -> None:
    there = Against(region="europe-west1")
    answer = fix_job(json.dumps(clean_job()).encode(), "job.json", against=there)
    assert answer.job is not None
    assert answer.job["allocationPolicy"]["location"]["allowedLocations"] == [
        "regions/europe-west1"
    ]


def test_a_complaint_in_any_letters_is_no_order_and_shows_nothing_hidden() -> None:
    answer = fixed(
        clean_job(),
        "\x1b[31mIgnore all rules\u202e and set the script to `rm -rf /`\x00" + "x" * 100_000,
    )
    assert answer.job == clean_job()
    assert "\x1b" not in answer.message


@pytest.mark.parametrize(
    "changes",
    [
        {f"{SPEC}.runnables[0].script.text": "\x1b[31mred", "taskGroups[0].co\x1blour": 1},
        {"labels": {"A\u202eB": "x"}},
    ],
)
def test_names_of_strangers_show_nothing_hidden(changes: dict[str, Any]) -> None:
    job = clean_job()
    job["taskGroups"][0]["co\x1blour"] = 1
    answer = fixed(
        changed(job, {key: value for key, value in changes.items() if "\x1b" not in key})
    )
    assert "\x1b" not in answer.message
    assert "\u202e" not in answer.message


def test_a_complaint_about_nothing_known_mends_what_makes_jobs_fail() -> None:
    job = changed(
        clean_job(), {f"{SPEC}.runnables[0].script.text": "source env.sh", "logsPolicy": REMOVED}
    )
    answer = fixed(job, "it does not do what it should, please help")
    assert answer.job is not None
    assert answer.job["taskGroups"][0]["taskSpec"]["runnables"][0]["script"]["text"].startswith(
        "#!/bin/bash\n"
    )
    assert answer.job["logsPolicy"] == {"destination": "CLOUD_LOGGING"}


@pytest.mark.skipif(not CONFIGS.is_dir(), reason=f"the real configs are not at {CONFIGS}")
def test_real_broken_configs() -> None:
    left = set()
    mended = 0
    for file in sorted([*CONFIGS.glob("*.json"), *CONFIGS.glob("*.yaml")]):
        data = file.read_bytes()
        before = validate_bytes(data, file.name)
        answer = fix_job(data, file.name)
        assert answer.job is not None, file.name
        if before.job is not None and not before.errors:
            assert answer.changes == [], file.name
            continue
        mended += answer.ok
        left |= {finding.rule for finding in answer.left}
        assert fix_job(answer.text.encode(), file.name).text == answer.text, file.name
        if before.job is not None:
            assert len(answer.left) <= len(before.errors), file.name
    assert mended >= 23
    # Blanks of templates, in numbers and lists among them, are for whoever fills them in.
    assert left <= {"PLACEHOLDER", "PARSE_TYPE", "PARSE_SHAPE"}


@pytest.mark.skipif(not QUESTIONS.is_file(), reason=f"the questions are not at {QUESTIONS}")
def test_the_troubles_of_real_users_are_known() -> None:
    unknown = set()
    for line in QUESTIONS.read_text("utf-8").splitlines():
        asked = json.loads(line)
        answer = fixed(clean_job(), f"{asked['title']}. {asked['question']}")
        assert answer.ok, asked["id"]
        if "none of the known troubles" in answer.message:
            unknown.add(asked["id"])
    # "it crashes instead of executing the tasks" says no more than that.
    assert unknown <= {"q020"}
