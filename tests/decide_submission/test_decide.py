"""What stops a job, what lets it through, and what the person reads."""

from __future__ import annotations

import json
import re

import pytest

from components.decide_submission.decide import LONGEST_QUOTE, decide, decide_run
from components.errors import InputError, WrongUse
from components.storage.files import write_text

CONFIG = {"outcome": "config", "message": "A job of 5 tasks."}
ERROR = {
    "severity": "error",
    "path": "taskGroups[0].taskCount",
    "message": "There may be at most 10,000 tasks.",
    "fix": "Split the job.",
}
FORBIDDEN = {**ERROR, "rule": "POLICY_TASKS", "message": "9 tasks; the policy allows 3 a job"}
WARNING = {**ERROR, "severity": "warning"}


@pytest.mark.parametrize(
    ("answer", "findings", "dry_run", "verdict", "says"),
    [
        (CONFIG, [], False, "submit", "no errors"),
        (CONFIG, [WARNING], False, "submit", "no errors"),
        (CONFIG, [], True, "show", "dry run"),
        (CONFIG, [ERROR], False, "stop", "an error and was not submitted: taskGroups[0].taskCount"),
        (
            CONFIG,
            [FORBIDDEN],
            False,
            "stop",
            "policy does not allow the job, so it was not submitted",
        ),
        (CONFIG, [ERROR, FORBIDDEN], False, "stop", "2 errors, the first of them"),
        (CONFIG, [WARNING, ERROR, ERROR], True, "stop", "2 errors, the first of them"),
        (
            {"outcome": "clarify", "message": "m", "questions": ["What runs?", "Where?"]},
            [],
            False,
            "stop",
            "no job was submitted: What runs? Where?",
        ),
        ({"outcome": "clarify", "message": "Say more."}, [], False, "stop", "Say more"),
        ({"outcome": "reject", "message": "It is not a job."}, [], True, "stop", "It is not a job"),
        ({}, [], False, "stop", "No Batch job can be made"),
    ],
)
def test_the_verdict_and_its_reason(answer, findings, dry_run, verdict, says):
    decision = decide(answer, findings, dry_run=dry_run)
    assert decision.verdict == verdict
    assert says in decision.reason
    assert decision.go == (verdict == "submit")


def test_other_peoples_words_stay_one_short_line():
    decision = decide(
        {"outcome": "reject", "message": "no\n\x1b[2J" + "x" * 5000}, [], dry_run=False
    )
    assert "\n" not in decision.reason
    assert len(decision.reason) < LONGEST_QUOTE + 100


def folder(tmp_path, answer, findings):
    write_text(str(tmp_path / "intent.json"), json.dumps(answer))
    write_text(str(tmp_path / "findings.json"), json.dumps(findings))
    return str(tmp_path)


def test_a_decision_is_left_in_the_run_folder(tmp_path):
    assert decide_run(folder(tmp_path, CONFIG, []), dry_run=False).go
    assert json.loads((tmp_path / "gate.json").read_text())["go"] is True


def test_a_run_that_must_stop_fails_with_the_reason_and_leaves_it_too(tmp_path):
    with pytest.raises(InputError, match=r"at most 10,000 tasks. Split the job$"):
        decide_run(folder(tmp_path, CONFIG, [ERROR]), dry_run=False)
    gate = json.loads((tmp_path / "gate.json").read_text())
    assert gate["go"] is False
    assert gate["verdict"] == "stop"
    assert "at most 10,000 tasks" in gate["reason"]


def test_without_the_files_of_the_steps_before_it_says_which_is_missing(tmp_path):
    with pytest.raises(InputError, match=r"intent\.json"):
        decide_run(str(tmp_path), dry_run=False)


JOB = {
    "taskGroups": [
        {"taskCount": "4", "taskSpec": {"runnables": [], "maxRunDuration": "3600s"}},
    ],
    "allocationPolicy": {"instances": [{"policy": {"machineType": "e2-standard-2"}}]},
}
# 4 VMs of 0.067 + 0.0041 an hour, for an hour and three minutes
WORST = 4 * (0.0670114 + 30 * 0.1 / 730) * 1.05


def gate_of(tmp_path):
    return json.loads((tmp_path / "gate.json").read_text())


def test_the_gate_holds_the_forecast(tmp_path):
    run = folder(tmp_path, {**CONFIG, "job": JOB}, [])
    assert decide_run(run, dry_run=False).go
    gate = gate_of(tmp_path)
    assert gate["forecast"]["worst_usd"] == pytest.approx(WORST, rel=1e-3)
    assert gate["forecast"]["line"].startswith("about $0.1565 in 33 min on 4 VMs of e2-standard-2")
    assert gate["max_cost_usd"] == 0


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_job_over_its_budget_stops_the_run(tmp_path, dry_run):
    run = folder(tmp_path, {**CONFIG, "job": JOB}, [])
    with pytest.raises(InputError, match=r"was not submitted. The job may cost \$0.29.* at worst"):
        decide_run(run, dry_run=dry_run, max_cost_usd=0.29)
    gate = gate_of(tmp_path)
    assert (gate["go"], gate["verdict"], gate["max_cost_usd"]) == (False, "stop", 0.29)
    assert "more than the $0.2900 allowed" in gate["reason"]
    assert "Shorten maxRunDuration" in gate["fix"]


def test_a_job_within_its_budget_goes(tmp_path):
    assert decide_run(
        folder(tmp_path, {**CONFIG, "job": JOB}, []), dry_run=False, max_cost_usd=0.30
    ).go


def test_an_unknown_cost_is_over_every_budget(tmp_path):
    job = {"taskGroups": JOB["taskGroups"]}
    run = folder(tmp_path, {**CONFIG, "job": job}, [])
    assert decide_run(run, dry_run=False).go
    with pytest.raises(InputError, match=r"unknown.* Name a machine type"):
        decide_run(run, dry_run=False, max_cost_usd=1e9)


def test_the_mended_job_is_the_one_that_counts(tmp_path):
    run = folder(tmp_path, {**CONFIG, "job": {}}, [])
    write_text(str(tmp_path / "job.json"), json.dumps(JOB))
    decide_run(run, dry_run=False)
    assert gate_of(tmp_path)["forecast"]["machine_type"] == "e2-standard-2"


def test_errors_and_questions_are_told_before_money(tmp_path):
    run = folder(tmp_path, {**CONFIG, "job": JOB}, [ERROR])
    with pytest.raises(InputError, match="an error"):
        decide_run(run, dry_run=False, max_cost_usd=0.01)


def test_region_and_prices_of_the_run_count(tmp_path):
    run = folder(tmp_path, {**CONFIG, "job": JOB}, [])
    prices = tmp_path / "mine.csv"
    prices.write_text(
        "what,name,region,on_demand,spot\n"
        "vcpu,e2,us-east1,1,\ngib,e2,us-east1,1,\ndisk,pd-balanced,us-east1,73,\n"
    )
    decide_run(run, dry_run=False, region="us-east1", prices_uri=str(prices))
    # 4 VMs of 2 vCPUs, 8 GiB and 30 GB
    assert gate_of(tmp_path)["forecast"]["worst_usd"] == pytest.approx(4 * (2 + 8 + 3) * 1.05)


@pytest.mark.parametrize(
    ("asked", "error"),
    [({"max_cost_usd": -1.0}, WrongUse), ({"prices_uri": "/none/prices.csv"}, WrongUse)],
)
def test_a_bad_budget_or_price_file_stops_the_run(tmp_path, asked, error):
    with pytest.raises(error):
        decide_run(folder(tmp_path, {**CONFIG, "job": JOB}, []), dry_run=False, **asked)


def test_the_page_holds_the_decision_and_the_forecast(tmp_path):
    run, place = folder(tmp_path, {**CONFIG, "job": JOB}, []), tmp_path / "page.md"
    decide_run(run, dry_run=False, page_path=str(place))
    told = place.read_text()
    assert told.startswith("# The job is submitted\n")
    assert re.search(r"^    cost +\$0\.1565 +\$0\.2\d+$", told, re.MULTILINE)
    assert "\n* 4 VMs of e2" in told
    with pytest.raises(InputError):
        decide_run(run, dry_run=False, max_cost_usd=0.1, page_path=str(place))
    told = place.read_text()
    assert told.startswith("# Nothing was submitted\n")
    assert "Shorten maxRunDuration" in told


def test_nothing_in_the_page_is_read_as_markdown_or_html(tmp_path):
    said = "<script>alert(1)</script> [x](http://y) ![z](w)"
    run = folder(tmp_path, {"outcome": "reject", "message": said}, [])
    with pytest.raises(InputError):
        decide_run(run, dry_run=False, page_path=str(tmp_path / "page.md"))
    told = (tmp_path / "page.md").read_text()
    assert "<script>" not in told
    assert "](" not in told
