"""Findings with their places: line and column of the field, or of what lacks it."""

from __future__ import annotations

import pytest

from components.config.check import validate_text

JOB_JSON = """{
  "task_groups": [
    {
      "taskCount": 2,
      "taskSpec": {
        "maxRetryCount": 12,
        "runnables": [
          {"container": {"image": "Bad Image", "commands": "ls"}}
        ],
        "volumes": {"gcs": {"remotePath": "gs://b"}, "mountPath": "/mnt/disks/x"}
      }
    }
  ]
}
"""

JOB_YAML = """\
taskGroups:
- taskCount: 2
  taskSpec:
    runnables:
    - script:
        text: |
          echo hi
    environment:
      variables:
        DEBUG: yes
        PORT: 0123
        AT: 12:30:45
        FREE: "yes"
  parallelism: 010
labels: {Team: x}
"""


def places(text: str, file: str) -> dict[tuple[str, str], tuple[int, int]]:
    """Rule and path of each error -> its line and column."""
    errors = validate_text(text, file).errors
    return {(f.rule, f.path): (f.line, f.column) for f in errors}


def test_json_findings_stand_at_the_field_or_what_lacks_it() -> None:
    spec = "taskGroups[0].taskSpec"
    container = f"{spec}.runnables[0].container"

    assert places(JOB_JSON, "job.json") == {
        ("RETRY_RANGE", f"{spec}.maxRetryCount"): (6, 9),
        ("PARSE_UNKNOWN", f"{container}.image"): (8, 26),
        ("CTR_IMAGE", f"{container}.imageUri"): (8, 26),  # read as what was meant
        ("PARSE_SHAPE", f"{container}.commands"): (8, 48),
        ("PARSE_SHAPE", f"{spec}.volumes"): (10, 9),
        ("VOL_GCS", f"{spec}.volumes[0].gcs.remotePath"): (10, 29),
    }


def test_a_missing_field_is_told_where_it_belongs() -> None:
    text = '{"taskGroups": [{"taskSpec":\n   {"runnables": [\n {"container": {}}]}}]}'

    assert places(text, "job.json")[
        ("CTR_IMAGE", "taskGroups[0].taskSpec.runnables[0].container.imageUri")
    ] == (3, 3)


def test_yaml_findings_and_traps_stand_at_their_lines() -> None:
    variables = "taskGroups[0].taskSpec.environment.variables"

    assert places(JOB_YAML, "job.yaml") == {
        ("PARSE_YAML_TRAP", f"{variables}.DEBUG"): (10, 9),
        ("PARSE_YAML_TRAP", f"{variables}.PORT"): (11, 9),
        ("PARSE_YAML_TRAP", f"{variables}.AT"): (12, 9),
        ("PAR_GT_TC", "taskGroups[0].parallelism"): (14, 3),
        ("LABEL_KEY", "labels.Team"): (15, 10),
    }


def test_a_number_that_yaml_changed_silently_is_a_warning() -> None:
    findings = validate_text(JOB_YAML, "job.yaml").findings

    trap = next(f for f in findings if f.rule == "PARSE_YAML_TRAP" and f.severity == "warning")
    assert (trap.path, trap.line) == ("taskGroups[0].parallelism", 14)
    assert trap.message == "YAML reads `010` as 8"


def test_yaml_tells_what_was_written() -> None:
    errors = validate_text(JOB_YAML, "job.yaml").errors

    assert "`12:30:45` without quotes" in next(f.message for f in errors if f.line == 12)


def test_the_job_comes_back_as_it_was_written() -> None:
    assert validate_text('{"task_groups": []}', "x").job == {"task_groups": []}
    assert validate_text("[1]", "x").job is None


def test_findings_are_sorted_with_errors_first() -> None:
    severities = [f.severity for f in validate_text(JOB_JSON, "job.json").findings]

    assert severities == sorted(severities, key=["error", "warning", "hint"].index)


@pytest.mark.parametrize(
    ("text", "file"), [("[{}, {}]", "jobs.json"), ("a: 1\n---\na: 2\n", "jobs.yaml")]
)
def test_several_jobs_in_a_file_are_told_as_such(text: str, file: str) -> None:
    (error,) = validate_text(text, file).errors
    assert error.fix == "keep one job in a file"
