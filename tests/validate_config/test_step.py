"""The step of a run: findings.json and a page, job.json where mended, also without a job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.validate_config.step import as_markdown, check_step
from tests.batch.rules.jobs import POLICY, REMOVED, SPEC, changed, clean_job


def checked(
    tmp_path: Path, text: str, *, region: str = "", strict: bool = False
) -> tuple[Any, list[Any], Path]:
    """The step's result, findings.json, and the run's folder."""
    job, run = tmp_path / "job", tmp_path / "run"
    job.write_text(text, encoding="utf-8")
    result = check_step(str(job), str(run), region=region, strict=strict)
    return result, json.loads((run / "findings.json").read_text(encoding="utf-8")), run


def test_a_good_job_passes_unchanged(tmp_path: Path) -> None:
    result, findings, run = checked(tmp_path, json.dumps(clean_job()))

    assert result.errors == 0
    assert json.loads(result.job_text) == clean_job()
    assert {f["severity"] for f in findings} <= {"hint"}
    assert not (run / "job.json").exists()


def test_what_is_mended_is_left_in_the_run_folder(tmp_path: Path) -> None:
    job = changed(clean_job(), {f"{SPEC}.maxRunDuration": "1h"})

    result, _, run = checked(tmp_path, json.dumps(job))

    mended = changed(clean_job(), {f"{SPEC}.maxRunDuration": "3600s"})
    assert result.errors == 0
    assert json.loads(result.job_text) == mended
    assert json.loads((run / "job.json").read_text(encoding="utf-8")) == mended
    assert "## Mended" in as_markdown(result)


def test_errors_are_counted(tmp_path: Path) -> None:
    job = changed(clean_job(), {"priority": 100, f"{SPEC}.maxRetryCount": 11})

    result, findings, _ = checked(tmp_path, json.dumps(job))

    assert result.errors == 2
    assert [f["rule"] for f in findings if f["severity"] == "error"] == ["PRIORITY", "RETRY_RANGE"]


def test_the_region_is_checked_with_the_job(tmp_path: Path) -> None:
    place = "allocationPolicy.location.allowedLocations"
    job = json.dumps(changed(clean_job(), {place: ["regions/europe-west4"]}))

    assert checked(tmp_path, job)[0].errors == 0
    assert checked(tmp_path, job, region="europe-west4")[0].errors == 0
    _, findings, _ = checked(tmp_path, job, region="us-east1")
    assert [f["rule"] for f in findings if f["severity"] == "error"] == ["LOC_SAME"]


def test_strict_counts_warnings_too(tmp_path: Path) -> None:
    job = changed(clean_job(), {"logsPolicy": {}})

    assert checked(tmp_path, json.dumps(job))[0].errors == 0
    assert checked(tmp_path, json.dumps(job), strict=True)[0].errors == 1


@pytest.mark.parametrize("text", ["", "null\n"])
def test_an_intent_without_a_job_leaves_the_rest_to_the_gate(tmp_path: Path, text: str) -> None:
    result, findings, _ = checked(tmp_path, text)

    assert (result.errors, findings, result.job_text) == (0, [], "null\n")
    assert as_markdown(result).startswith("# No job to check")


def test_a_file_that_is_no_job_is_an_error(tmp_path: Path) -> None:
    result, findings, _ = checked(tmp_path, "{")

    assert result.errors == 1
    assert findings[0]["rule"] == "PARSE_SYNTAX"


def test_the_page_reads_nothing_into_strangers_words(tmp_path: Path) -> None:
    job = changed(
        clean_job(),
        {"logsPolicy.destination": "<script>|[x](javascript:alert(1))`", "name": "a\nb"},
    )

    page = as_markdown(checked(tmp_path, json.dumps(job))[0])

    assert "<script>" not in page
    assert "](javascript" not in page
    row = next(line for line in page.splitlines() if line.startswith("| error"))
    assert row.replace("\\|", "").count("|") == 6


def test_the_component_is_documented_for_the_console() -> None:
    from components.validate_config.component import check_the_job

    spec = check_the_job.component_spec
    assert spec.name == "check-the-job"
    assert set(spec.outputs) == {"findings", "checked_job", "Output"}
    assert all(i.description for i in spec.inputs.values() if i.description is not None)


def test_what_the_policy_forbids_is_an_error_of_the_step(tmp_path: Path) -> None:
    policy, job = tmp_path / "policy.yaml", tmp_path / "job"
    job.write_text(json.dumps(changed(clean_job(), {f"{SPEC}.volumes[1]": REMOVED,
                                                    f"{POLICY}.disks": REMOVED})))  # fmt: skip

    def step(limits: str) -> list[str]:
        policy.write_text(limits)
        checked = check_step(
            str(job), str(tmp_path / "run"), region="", strict=False, policy_uri=str(policy)
        )
        return [f.rule for f in checked.findings if f.severity == "error"]

    assert step("max_tasks: 3\nmax_cost_usd: 100\n") == ["POLICY_TASKS"]
    assert step("max_cost_usd: 0.01\n") == ["POLICY_COST"]


def test_prices_of_the_run_count_for_the_policy(tmp_path: Path) -> None:
    policy, job, prices = tmp_path / "policy.yaml", tmp_path / "job", tmp_path / "prices.csv"
    job.write_text(json.dumps(clean_job()))
    policy.write_text("max_cost_usd: 100\n")
    prices.write_text("what,name,region,on_demand,spot\nvcpu,c3,us-central1,1,\n")  # not for e2

    checked = check_step(
        str(job),
        str(tmp_path / "run"),
        region="",
        strict=False,
        policy_uri=str(policy),
        prices_uri=str(prices),
    )

    errors = [f for f in checked.findings if f.severity == "error"]
    assert [f.rule for f in errors] == ["POLICY_COST"]
    assert "cannot be said" in errors[0].message


def test_a_policy_that_cannot_be_read_stops_the_step(tmp_path: Path) -> None:
    from components.errors import InputError

    job = tmp_path / "job"
    job.write_text("null")
    with pytest.raises(InputError):
        check_step(
            str(job), str(tmp_path), region="", strict=False, policy_uri=str(tmp_path / "absent")
        )
