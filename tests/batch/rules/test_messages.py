"""What people read: nearest names, blanks told once, one mistake one finding, request rules."""

from __future__ import annotations

from typing import Any

import pytest

from components.batch.rules import check
from components.batch.rules.names import known_elsewhere, nearest_field, nearest_word
from components.batch.rules.placeholders import placeholder_in, plain_placeholder_in
from components.batch.rules.request import check_request
from tests.batch.rules.jobs import POLICY, SPEC, changed, clean_job


def only_error(changes: dict[str, Any]) -> Any:
    """The one error of a clean job after changes."""
    errors = [f for f in check(changed(clean_job(), changes)) if f.severity == "error"]
    assert len(errors) == 1
    return errors[0]


@pytest.mark.parametrize(
    ("name", "message", "meant"),
    [
        ("image", "Runnable.Container", "imageUri"),
        ("command", "Runnable.Container", "commands"),
        ("mount_option", "Volume", "mountOptions"),
        ("taskcount", "TaskGroup", "taskCount"),
        ("max_retries", "TaskSpec", "maxRetryCount"),
        ("instance", "AllocationPolicy", "instances"),
        ("paralelism", "TaskGroup", "parallelism"),
    ],
)
def test_misspelt_names_are_understood(name: str, message: str, meant: str) -> None:
    field = nearest_field(name, message)

    assert field is not None
    assert field.name == meant


def test_a_name_near_to_nothing_is_not_guessed() -> None:
    assert nearest_field("colour", "TaskGroup") is None
    assert nearest_word("blue", ["SPOT", "STANDARD"]) is None


def test_a_field_in_the_wrong_place_is_told_where_it_belongs() -> None:
    assert known_elsewhere("bootDisk", "AllocationPolicy.InstancePolicyOrTemplate") == (
        "bootDisk",
        "`allocationPolicy.instances[0].policy`",
    )
    error = only_error({"instances": []})
    assert error.fix == "`instances` belongs in `allocationPolicy`"


def test_limits_stand_in_the_messages_with_what_to_do() -> None:
    error = only_error({"taskGroups[0].taskCount": 250_000})

    assert "100000" in error.message
    assert error.fix == "make 3 jobs, or let each task do several items"


def test_a_unit_is_turned_into_seconds() -> None:
    assert only_error({f"{SPEC}.maxRunDuration": "1h30m"}).fix == 'write "5400s" (90 min)'


def test_a_gpu_on_the_wrong_series_names_the_machine_to_take() -> None:
    error = only_error(
        {
            f"{POLICY}.machineType": "n2-standard-8",
            f"{POLICY}.accelerators": [{"type": "nvidia-tesla-t4", "count": 1}],
        }
    )

    assert error.fix == "use n1-standard-8"


def test_one_unreadable_value_gives_one_error() -> None:
    error = only_error({"taskGroups[0].taskCount": "many"})

    assert error.rule == "PARSE_TYPE"  # and no PAR_GT_TC for a count that nobody wrote


def test_a_blank_is_told_once_and_by_name() -> None:
    error = only_error({f"{SPEC}.volumes[0].gcs.remotePath": "${BUCKET}/x"})

    assert error.rule == "PLACEHOLDER"
    assert "`${BUCKET}`" in error.message


@pytest.mark.parametrize(
    "text", ["${X}", "<bucket, e.g. b>", "YOUR_BUCKET", "BUCKET_NAME", "{{ x }}"]
)
def test_blanks_are_seen_in_names_of_resources(text: str) -> None:
    assert placeholder_in(f"a/{text}") == text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{SPEC}.volumes[0].mountPath", "/mnt/disks/MY_DATA"),
        (f"{SPEC}.volumes[0].gcs.remotePath", "my-bucket/RUN_1/IN_DIR"),
        (f"{SPEC}.environment.secretVariables.DB", "projects/p/secrets/DB_PASSWORD/versions/3"),
        (f"{SPEC}.runnables[1].container.imageUri", "us-docker.pkg.dev/p/r/i:BUILD_12"),
    ],
)
def test_capitals_are_no_blanks_where_real_names_have_them(path: str, value: str) -> None:
    findings = check(changed(clean_job(), {path: value}))

    assert "PLACEHOLDER" not in {f.rule for f in findings}


@pytest.mark.parametrize(
    "text", ["echo ${HOME}", "echo $PROJECT_ID", "x=${BUCKET_NAME}", "a < b > c"]
)
def test_shell_variables_are_no_blanks_in_scripts(text: str) -> None:
    assert plain_placeholder_in(text) is None


def test_values_of_strangers_are_shown_short_and_on_one_line() -> None:
    error = only_error({"logsPolicy.destination": "a\n\x1b[31m" + "x" * 500})

    assert error.message.isprintable()
    assert len(error.message) < 200


@pytest.mark.parametrize(
    ("region", "rules"),
    [
        ("us-central1", []),
        ("us-central1-a", ["JOB_LOCATION"]),
        ("mars", ["JOB_LOCATION"]),
        ("us-west1", ["LOC_SAME"]),
    ],
)
def test_the_request_is_checked_too(region: str, rules: list[str]) -> None:
    assert [f.rule for f in check_request(clean_job(), region=region)] == rules


def test_a_rule_does_not_fill_pages() -> None:
    job = changed(clean_job(), {"labels": {f"K{i}": "v" for i in range(5000)}})

    assert len([f for f in check(job) if f.rule == "LABEL_KEY"]) == 100


def test_a_long_mount_path_is_read() -> None:
    assert check(changed(clean_job(), {f"{SPEC}.volumes[0].mountPath": "/a" * 40_000}))
