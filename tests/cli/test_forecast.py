"""`forecast`, and what `parse` and `submit` say of money."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from emulator.launch import Emulator
from pipelines.cli import forecast, parse, submit
from tests.cli.conftest import ended

JOB: dict[str, Any] = {
    "taskGroups": [
        {
            "taskCount": 4,
            "parallelism": 4,
            "taskSpec": {
                "maxRunDuration": "3600s",
                "runnables": [{"script": {"text": "#!/bin/sh\ntrue"}}],
            },
        }
    ],
    "allocationPolicy": {"instances": [{"policy": {"machineType": "e2-standard-2"}}]},
    "logsPolicy": {"destination": "CLOUD_LOGGING"},
}
PRICES = (
    "# 2031-01-01\nwhat,name,region,on_demand,spot\n"
    "vcpu,e2,us-central1,1,\ngib,e2,us-central1,1,\ndisk,pd-balanced,us-central1,73,\n"
)


class Command:
    """Runs verbs in a folder of their own."""

    def __init__(self) -> None:
        self.app = typer.Typer()
        for module in (forecast, submit, parse):
            module.register(self.app)

    def __call__(self, *words: str, given: str | None = None) -> tuple[int, str, str]:
        """Exit code, stdout and stderr, as `intent2batch` gives them."""
        return ended(self.app, words, given)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    Path("job.json").write_text(json.dumps(JOB))
    Path("mine.csv").write_text(PRICES)
    return Command()


def test_a_forecast_for_a_person(command: Command) -> None:
    code, out, told = command("forecast", "job.json", "--task-time", "27m", "--prices", "mine.csv")
    assert (code, told) == (0, "")
    # 4 VMs of 2 + 8 + 3 dollars an hour; half an hour, at worst an hour and three minutes
    assert "$26.00        $54.60" in out
    assert "30 min    1 h 03 min" in out
    assert "Prices of 2031-01-01 (mine.csv), for us-central1." in out


def test_a_forecast_for_a_program(command: Command) -> None:
    code, out, _ = command("forecast", "-", "--json", "--region", "us-east1", given=json.dumps(JOB))
    told = json.loads(out)
    assert code == 0
    assert (told["region"], told["vms"], told["task_s"]) == ("us-east1", 4, 1800)
    assert 0 < told["expected_usd"] < told["worst_usd"]


def test_an_unknown_cost_is_said(command: Command) -> None:
    code, out, _ = command("forecast", "job.json", "--prices", "mine.csv", "--region", "us-east1")
    assert code == 0
    assert "unknown       unknown" in out
    assert "no price for e2-standard-2 (on demand, us-east1)" in out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("none.json",), 2, "none.json"),
        (("mine.csv",), 1, "This is no job"),
        (("job.json", "--task-time", "soon"), 2, "'soon' is not a time"),
        (("job.json", "--prices", "job.json"), 2, "lacks the columns"),
        (("job.json", "--prices", "none.csv"), 2, "none.csv"),
    ],
)
def test_what_cannot_be_read(
    command: Command, words: tuple[str, ...], code: int, says: str
) -> None:
    ended, out, told = command("forecast", *words)
    assert (ended, out) == (code, "")
    assert says in told


def test_parse_ends_with_the_forecast(command: Command) -> None:
    code, out, told = command("parse", "8 vCPU, 30 GB, a T4, at most 2 hours: `./train`")
    assert code == 0
    policy = json.loads(out)["allocationPolicy"]["instances"][0]["policy"]
    assert policy["machineType"] == "n1-standard-8"
    assert "cheapest of 6 with 8 vCPU, 30 GiB and 1 x nvidia-tesla-t4" in told
    assert told.splitlines()[-1] == (
        "Forecast: about $0.7708 in 1 h 03 min on 1 VM of n1-standard-8; at most $1.50 in "
        "2 h 03 min; a task is taken to run 1 h 00 min (prices of 2026-11-29)"
    )


def test_parse_chooses_by_the_prices_that_are_given(command: Command) -> None:
    words = "parse", "--prices", "n2.csv", "8 vCPU, 30 GB: `./train`"
    Path("n2.csv").write_text(PRICES.replace("e2", "n2"))
    _, out, told = command(*words)
    policy = json.loads(out)["allocationPolicy"]["instances"][0]["policy"]
    assert policy["machineType"] == "n2-standard-8"
    assert "$43.00" not in told.splitlines()[0]


def test_a_question_has_no_forecast(command: Command) -> None:
    assert "Forecast" not in command("parse", "3 tasks on spot")[2]


def test_submit_says_the_forecast_first(emulator: Emulator, command: Command) -> None:
    code, _, told = command("submit", "job.json", "--max-cost", "55", "--prices", "mine.csv")
    assert code == 0
    assert "forecast: about $28.60 in 33 min on 4 VMs of e2-standard-2; at most $54.60" in told


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
def test_submit_sends_nothing_above_the_budget(
    emulator: Emulator, command: Command, dry_run: tuple[str, ...]
) -> None:
    words = "submit", "job.json", "--max-cost", "54", "--prices", "mine.csv", *dry_run
    code, out, told = command(*words)
    assert (code, out) == (1, "")
    assert "Nothing was submitted. The job may cost $54.60 at worst ($28.60 expected)" in told
    assert not emulator.batch.book.everything()
    assert not Path("runs").exists()


def test_submit_sends_nothing_of_unknown_cost_under_a_budget(
    emulator: Emulator, command: Command
) -> None:
    open_machine = {name: part for name, part in JOB.items() if name != "allocationPolicy"}
    Path("open.json").write_text(json.dumps(open_machine))
    code, out, told = command("submit", "open.json", "--max-cost", "1000000", "--force")
    assert (code, out) == (1, "")
    assert "What the job may cost is unknown" in told
    assert "Name a machine type" in told
    assert not emulator.batch.book.everything()
    assert command("submit", "open.json")[0] == 0


def test_a_budget_below_nothing_is_wrong_use(command: Command) -> None:
    assert command("submit", "job.json", "--max-cost", "-1", "--dry-run")[0] == 2
    assert command("submit", "job.json", "--max-cost", "nan", "--dry-run")[0] == 2
