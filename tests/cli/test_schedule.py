"""`intent2batch schedule`, as a person types it, with the emulator behind it."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click import Command
from click.testing import CliRunner, Result
from typer.main import get_command

from components.errors import Intent2BatchError
from emulator.faults import Fault
from emulator.launch import Emulator, start
from pipelines.cli import load_commands
from tests.emulator.pipelines.place import until
from tests.emulator.pipelines.specs import compiled

VERTEX = ("--project", "local-project", "--region", "us-central1")
CRON = "TZ=Europe/London 0 3 * * *"
READS = {"vertex.ListSchedules", "storage.list", "registry.download"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with start(tmp_path_factory.mktemp("emulator")) as emulator:
        yield emulator


@pytest.fixture
def here(running: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Emulator]:
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("INTENT2BATCH_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.yaml").write_text(compiled("short"), encoding="utf-8")
    running.faults.clear()
    yield running
    running.faults.clear()
    for each in listed():
        command("schedule", "delete", each["name"], *VERTEX)


def command(*words: str) -> Result:
    return CliRunner().invoke(app(), words)


@functools.cache
def app() -> Command:
    """The command, put together once: that takes longer than most of its verbs."""
    return get_command(load_commands())


def done(*words: str) -> str:
    result = command("schedule", *words, *VERTEX)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*words: str) -> Intent2BatchError:
    result = command("schedule", *words, *VERTEX)
    assert isinstance(result.exception, Intent2BatchError), result.output
    assert "\n" not in str(result.exception)
    return result.exception


def listed() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done("list", "--json"))
    return found


def shown(name: str = "nightly") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done("show", name, "--json"))
    return found


def set_one(*more: str, cron: str = CRON) -> str:
    return done("set", "nightly", "short.yaml", "--cron", cron, *more)


def changes(emulator: Emulator) -> dict[str, int]:
    """The calls since the last look, without reads."""
    calls = emulator.faults.calls()
    emulator.faults.clear()
    return {name: count for name, count in calls.items() if name not in READS}


def test_set_makes_a_schedule_and_changes_what_differs(here: Emulator) -> None:
    assert set_one("-p", "word=a") == f"created  nightly  {CRON}\n"
    made = shown()
    assert made["resource"].startswith("projects/local-project/locations/us-central1/schedules/")
    assert (made["state"], made["cron"], made["runs_at_once"]) == ("ACTIVE", CRON, 1)
    assert made["parameters"] == {"word": "a"}
    assert len(made["next_runs"]) == 3
    changes(here)
    assert set_one("-p", "word=a") == "unchanged  nightly\n"
    assert not changes(here)
    said = set_one("-p", "word=b", "--at-once", "2", cron="0 4 * * *")
    assert "cron: TZ=Europe/London 0 3 * * * -> 0 4 * * *" in said
    assert "parameters: word a -> b" in said
    assert "vertex.UpdateSchedule" in changes(here)
    after = shown()
    assert after["resource"] == made["resource"]
    assert (after["parameters"], after["runs_at_once"]) == ({"word": "b"}, 2)


def test_what_cannot_be_unset_is_replaced_and_stays_paused(here: Emulator) -> None:
    set_one("--max-runs", "5", "--end", "2100-01-01T00:00:00Z")
    done("pause", "nightly")
    before = shown()
    assert (before["max_runs"], before["end"]) == (5, "2100-01-01T00:00:00Z")
    said = set_one("--dry-run")
    assert "would be replaced" in said
    assert "it stays paused" in said
    assert shown() == before
    assert set_one().startswith("replaced  nightly  (runs in all: 5 -> 0; end: 2100-")
    (after,) = listed()
    assert after["resource"] != before["resource"]
    assert (after["state"], after["max_runs"], after["end"]) == ("PAUSED", None, "")


def test_what_the_service_does_not_change_in_place_is_replaced(here: Emulator) -> None:
    set_one("-p", "word=a")
    here.faults.add(Fault("vertex.UpdateSchedule", status=400))
    result = command("schedule", "set", "nightly", "short.yaml", "--cron", CRON, *VERTEX)
    assert result.exit_code == 0, result.output
    assert "cannot be changed in place" in result.stderr
    (after,) = listed()
    assert (after["state"], after["parameters"]) == ("ACTIVE", {})


def test_a_replacement_that_was_cut_off_is_finished(here: Emulator) -> None:
    set_one("--max-runs", "5")
    here.faults.add(Fault("vertex.DeleteSchedule", status=500, count=9))
    assert "500" in str(refused("set", "nightly", "short.yaml", "--cron", CRON))
    here.faults.clear()
    assert sorted(each["state"] for each in listed()) == ["ACTIVE", "PAUSED"]
    assert "deleted  nightly  (there is another of this name)" in set_one()
    (after,) = listed()
    assert (after["state"], after["max_runs"]) == ("ACTIVE", None)


@pytest.mark.parametrize("status", [403, 400, 503])
def test_a_replacement_that_cannot_be_made_leaves_the_old_schedule_active(
    here: Emulator, status: int
) -> None:
    set_one("--max-runs", "5")
    here.faults.add(Fault("vertex.CreateSchedule", status=status, count=9))
    refused("set", "nightly", "short.yaml", "--cron", CRON)
    (after,) = listed()
    assert (after["state"], after["max_runs"]) == ("ACTIVE", 5)
    here.faults.clear()
    set_one()
    (after,) = listed()
    assert (after["state"], after["max_runs"]) == ("ACTIVE", None)


def test_a_replacement_that_cannot_be_undone_says_that_the_schedule_rests(here: Emulator) -> None:
    set_one("--max-runs", "5")
    rests = f"intent2batch schedule resume nightly {' '.join(VERTEX)}"
    for refused_calls, told in (
        (["PauseSchedule"], False),
        (["CreateSchedule", "ResumeSchedule"], True),
    ):
        for call in refused_calls:
            here.faults.add(Fault(f"vertex.{call}", status=403, count=9))
        result = command("schedule", "set", "nightly", "short.yaml", "--cron", CRON, *VERTEX)
        assert isinstance(result.exception, Intent2BatchError)
        assert (rests in result.stderr) is told
        here.faults.clear()


@pytest.mark.parametrize(
    "call", ["PauseSchedule", "CreateSchedule", "DeleteSchedule", "UpdateSchedule"]
)
def test_a_lost_answer_is_no_matter_where_the_call_may_be_repeated(
    here: Emulator, call: str
) -> None:
    set_one("--max-runs", "5")
    here.faults.add(Fault(f"vertex.{call}", kind="lose_reply"))
    more = ["--max-runs", "6"] if call == "UpdateSchedule" else []
    set_one(*more)
    (after,) = listed()
    assert (after["state"], after["max_runs"]) == ("ACTIVE", 6 if more else None)


def test_a_lost_answer_makes_no_second_schedule(here: Emulator) -> None:
    here.faults.add(Fault("vertex.CreateSchedule", kind="lose_reply"))
    assert "Vertex AI" in str(refused("set", "nightly", "short.yaml", "--cron", CRON))
    assert set_one() == "unchanged  nightly\n"
    assert len(listed()) == 1


@pytest.mark.parametrize(
    ("call", "before"),
    [
        ("vertex.CreateSchedule", []),
        ("vertex.PauseSchedule", ["--max-runs", "5"]),
        ("vertex.CreateSchedule", ["--max-runs", "5"]),
        ("vertex.DeleteSchedule", ["--max-runs", "5"]),
    ],
)
def test_two_that_apply_at_once_leave_one_schedule(
    here: Emulator, call: str, before: list[str]
) -> None:
    """Two active ones of a name would start every run twice; names are not unique there."""
    if before:
        set_one(*before)

    def meanwhile(method: str) -> None:
        if method == call:
            here.faults.on_call = lambda _: None
            set_one()

    here.faults.on_call = meanwhile
    set_one()
    (after,) = listed()
    assert (after["state"], after["max_runs"]) == ("ACTIVE", None)


def test_pause_resume_and_delete(here: Emulator) -> None:
    set_one()
    assert done("pause", "nightly") == "paused  nightly\n"
    assert done("pause", "nightly") == ""
    assert "paused" in done("list")
    assert done("resume", "nightly", "--catch-up") == "resumed  nightly\n"
    assert done("resume", "nightly") == ""
    assert done("delete", "nightly") == "deleted  nightly\n"
    for verb in ("show", "pause", "resume", "delete", "run-now"):
        assert "There is no schedule 'nightly'" in str(refused(verb, "nightly"))


def test_run_now_runs_what_the_schedule_runs(here: Emulator) -> None:
    set_one("-p", "word=a", "--label", "team=night")
    result = command("schedule", "run-now", "nightly", *VERTEX)
    assert "After: succeeded" in result.stderr or "after: succeeded" in result.stderr, result.output
    (run,) = json.loads(command("runs", *VERTEX, "--all", "--json").stdout)
    assert run["state"] == "succeeded"
    (found,) = here.pipelines.book.runs()
    assert found.parameters == {"word": "a"}
    labels = found.resource["labels"]
    assert (labels["team"], labels["intent2batch-schedule"]) == ("night", "nightly")


def test_a_schedule_that_has_ended_tells_of_its_last_run(here: Emulator) -> None:
    set_one("--max-runs", "1")
    due = shown()["next_runs"][0]
    here.clock.advance(86400)
    until(lambda: shown()["state"] == "COMPLETED")
    found = shown()
    assert (found["runs_so_far"], found["next_runs"]) == (1, [])
    assert (found["last_time"], found["last_response"]) == (due, "OK")
    assert "completed" in done("list")
    assert set_one("--max-runs", "1") == "unchanged  nightly  (it has ended)\n"
    assert done("pause", "nightly") == ""
    assert "has ended" in str(refused("resume", "nightly"))
    assert set_one("--max-runs", "2").startswith("replaced  nightly")
    assert shown()["state"] == "ACTIVE"


def test_an_end_that_has_passed_is_wrong_use(here: Emulator) -> None:
    found = refused("set", "n", "short.yaml", "--cron", CRON, "--end", "2020-01-01T00:00:00Z")
    assert (found.exit_code, listed()) == (2, [])


def test_a_file_without_end_is_not_read(here: Emulator, tmp_path: Path) -> None:
    (tmp_path / "huge.yaml").write_text("a" * 2_000_001, encoding="utf-8")
    assert "more than 2 million characters" in str(refused("apply", "huge.yaml"))


FILE: dict[str, Any] = {
    "project": "local-project",
    "group": "night-team",
    "defaults": {"labels": {"team": "night"}, "parameters": {"on": True}},
    "schedules": [
        {"name": "one", "pipeline": "short.yaml", "cron": CRON, "parameters": {"word": "1"}},
        {"name": "two", "pipeline": "short.yaml", "cron": "0 * * * *", "queue": True},
    ],
}


def write(content: dict[str, Any], path: str = "schedules.yaml") -> None:
    Path(path).write_text(json.dumps(content), encoding="utf-8")


def apply(*more: str, path: str = "schedules.yaml") -> str:
    return done("apply", path, *more)


def test_applied_twice_the_second_time_only_reads(here: Emulator) -> None:
    write(FILE)
    would = apply("--dry-run")
    assert would.count("would be created") == 2
    assert not changes(here)
    assert apply().splitlines() == [f"created  one  {CRON}", "created  two  0 * * * *"]
    assert changes(here) == {"vertex.CreateSchedule": 2}
    assert apply().splitlines() == ["unchanged  one", "unchanged  two"]
    calls = here.faults.calls()
    assert set(calls) == {"vertex.ListSchedules"}
    assert sum(calls.values()) == 1
    first = shown("one")
    assert first["parameters"] == {"word": "1", "on": True}
    assert (first["group"], first["queue"]) == ("night-team", False)


def test_prune_deletes_what_the_file_made_and_nothing_else(here: Emulator) -> None:
    write(FILE)
    apply()
    set_one()
    write(
        {**FILE, "group": "others", "schedules": [dict(FILE["schedules"][0], name="theirs")]}, "o"
    )
    apply(path="o")
    fewer = {**FILE, "schedules": FILE["schedules"][:1]}
    write(fewer)
    assert apply() == "unchanged  one\n"
    assert "would be deleted  two" in apply("--prune", "--dry-run")
    assert "deleted  two  (it is not in the file any more)" in apply("--prune")
    assert {each["name"] for each in listed()} == {"one", "nightly", "theirs"}
    assert "kept by the file of the group 'night-team'" in str(
        refused("set", "one", "short.yaml", "--cron", CRON)
    )


def test_a_schedule_of_somebody_else_is_not_touched(here: Emulator) -> None:
    from tests.emulator.pipelines.place import Place
    from tests.emulator.schedules.test_emulated_schedules import create

    place = Place(here)
    made = create(place)
    assert "that intent2batch did not make" in str(
        refused("set", "nightly", "short.yaml", "--cron", CRON)
    )
    write({**FILE, "schedules": []})
    assert apply("--prune") == ""
    assert [each["made_by_intent2batch"] for each in listed()] == [False]
    place.schedules.delete_schedule(name=made.name).result()


def test_a_build_names_the_tag_of_its_specs(here: Emulator) -> None:
    from pipelines.registry import Registry
    from pipelines.uploading import upload_specs

    registry = Registry(f"{here.urls['registry']}/local-project/pipes")
    spec = {"short": compiled("short")}
    upload_specs(spec, registry, ["v1"], move=False, say=lambda line: None)
    template = f"{registry.address}/short/{{tag}}"
    entry = {"name": "one", "pipeline": "short", "cron": CRON, "template": template}
    write({**FILE, "schedules": [entry, dict(entry, name="two")]})
    assert "Give --tag" in str(refused("apply", "schedules.yaml"))
    assert "no such template" in str(refused("apply", "schedules.yaml", "--tag", "v2"))
    assert "vertex.ListSchedules" not in here.faults.calls()
    here.faults.clear()
    assert apply("--tag", "v1") == f"created  one  {CRON}\ncreated  two  {CRON}\n"
    assert here.faults.calls()["registry.download"] == 1
    assert shown("one")["template"] == f"{registry.address}/short/v1"
    changes(here)
    assert apply("--tag", "v1") == "unchanged  one\nunchanged  two\n"
    assert not changes(here)


def test_a_file_can_pause_and_resume(here: Emulator) -> None:
    rests = [dict(FILE["schedules"][0], paused=True)]
    write({**FILE, "schedules": rests})
    apply()
    assert shown("one")["state"] == "PAUSED"
    assert apply() == "unchanged  one  (it is paused)\n"
    write({**FILE, "schedules": [dict(rests[0], paused=False)]})
    assert apply() == "resumed  one\n"
    assert apply() == "unchanged  one\n"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["Nightly", "short.yaml", "--cron", CRON], 2, "cannot name a schedule"),
        (["nightly", "absent.yaml", "--cron", CRON], 2, "no pipeline and no file"),
        (["nightly", "short.yaml", "--cron", "0 3 * *"], 2, "has 4 fields, not five"),
        (["nightly", "short.yaml", "--cron", "TZ=Mars 0 3 * * *"], 2, "not a time zone"),
        (["nightly", "short.yaml", "--cron", CRON, "-p", "big=x"], 2, "not a number"),
        (["nightly", "short.yaml", "--cron", CRON, "-p", "bgi=1"], 2, "Did you mean big?"),
        (["nightly", "short.yaml", "--cron", CRON, "--at-once", "0"], 2, "Say 1 to 1000"),
        (["nightly", "short.yaml", "--cron", CRON, "--end", "soon"], 2, "time with its zone"),
        (["nightly", "short.yaml", "--cron", CRON, "--label", "A=b"], 2, "not a label"),
        (
            ["nightly", "short.yaml", "--cron", CRON, "--label", "intent2batch-group=x"],
            2,
            "not yours to set",
        ),
        (["nightly", "batch-prediction", "--cron", CRON, "-p", "source=gs://b/{dat}"], 2, "{date}"),
        (
            ["nightly", "short.yaml", "--cron", CRON, "--root", "gs://no-such-b"],
            1,
            "no such bucket",
        ),
        (["nightly", "short.yaml", "--cron", CRON, "--template", "http://x"], 2, "not the address"),
    ],
)
def test_wrong_use_sends_nothing(here: Emulator, words: list[str], code: int, says: str) -> None:
    error = refused("set", *words)
    assert error.exit_code == code
    assert says in str(error)
    assert "vertex.CreateSchedule" not in here.faults.calls()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({}, "no list 'schedules'"),
        ({"schedule": []}, "Did you mean 'schedules'?"),
        ({"schedules": [3]}, "schedule 1: It must be names and values"),
        ({"schedules": [{"name": "a"}]}, "schedule 1 (a): It has no 'pipeline'"),
        ({"schedules": [{"name": "a", "crom": "x"}]}, "(a): 'crom' is not known here"),
        ({"schedules": [{"name": "a", "at_once": True}]}, "'at_once' must be a whole number"),
        ({"group": "Night Team", "schedules": []}, "group: 'Night Team' cannot name"),
    ],
)
def test_a_file_that_is_wrong_says_where(here: Emulator, content: Any, says: str) -> None:
    write(content)
    error = refused("apply", "schedules.yaml")
    assert says in str(error)
    assert error.exit_code == 2
    assert not here.faults.calls()


def test_a_wrong_entry_is_found_before_anything_is_sent(here: Emulator) -> None:
    entry = dict(FILE["schedules"][1], parameters={"word": ["a"]})
    write({**FILE, "schedules": [FILE["schedules"][0], entry]})
    error = refused("apply", "schedules.yaml")
    assert "schedules.yaml: schedule 2 (two): parameter word" in str(error)
    write(
        {**FILE, "schedules": [FILE["schedules"][0], dict(FILE["schedules"][0], cron="0 * * * *")]}
    )
    assert "Two schedules are named 'one'" in str(refused("apply", "schedules.yaml"))
    Path("schedules.yaml").write_text("a: &a [*a]", encoding="utf-8")
    assert "neither YAML nor JSON" in str(refused("apply", "schedules.yaml"))
    assert not here.faults.calls()


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "gcloud auth application-default login"), (403, "roles/aiplatform.user")],
)
def test_credentials_and_permissions(here: Emulator, status: int, says: str) -> None:
    here.faults.add(Fault("vertex.ListSchedules", status=status, count=9))
    assert says in str(refused("list"))
    here.faults.clear()
