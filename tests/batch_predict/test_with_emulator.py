"""The step with the stand-in of batch prediction: real HTTP, rows as the service writes them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.batch_predict.run_step import predict_run
from components.errors import InputError, ServiceError, WorkFailed, WrongUse
from components.prepare_requests.prepare import prepare as prepare_rows
from components.storage import files
from emulator.faults import Fault
from tests.batch_predict.conftest import BUCKET, MODEL, Run, prepare, read_lines, request_of
from tests.signals import cancelled_at_the_next_call

ROOT = Path(__file__).parents[2]
TEXTS = [f"prompt {n}" for n in range(1, 7)]


@pytest.mark.parametrize("keys", [False, True])
def test_every_request_gets_its_answer(run: Run, keys: bool) -> None:
    run.scenario("echo", keys=keys)
    run.prepare(*TEXTS)
    summary = run.predict()
    assert (summary.outcome, summary.answered, summary.jobs) == ("succeeded", 6, 1)
    assert summary.spent_usd > 0
    [job] = run.jobs()
    assert (job["state"], job["outcome"]) == ("JOB_STATE_SUCCEEDED", "succeeded")
    assert job["stats"]["successfulCount"] == 6
    assert job["stats"]["outputDirectory"].startswith(job["output_uri"])
    assert run.predict() == summary  # done is done
    assert run.made() == 1


def test_only_what_has_no_answer_is_sent_again(run: Run) -> None:
    keys = run.prepare(*TEXTS)
    run.scenario("error", rows=[1], code=429, jobs=1)
    run.scenario("missing", rows=[2], jobs=1)
    run.scenario("blocked", rows=[3], jobs=1)
    run.scenario("error", rows=[4], code=400, jobs=1)
    run.scenario("finish", rows=[5], reason="RECITATION", jobs=1)
    summary = run.predict()
    assert (summary.outcome, summary.answered, summary.given_up) == ("partial", 3, 3)
    again = run.jobs()[1]
    assert again["requests"] == 2
    sent = read_lines(f"{run.uri}/prepared/shards/{again['shard']}")
    assert {line["key"] for line in sent} == {keys["prompt 1"], keys["prompt 2"]}
    why = {line["key"]: line.get("given_up", "") for line in run.decisions().values()}
    assert why[keys["prompt 3"]].startswith("blocked: prompt")
    assert why[keys["prompt 4"]].startswith("refused")
    assert why[keys["prompt 5"]] == "blocked: answer: RECITATION"


def test_a_cut_answer_gets_more_room_once(run: Run) -> None:
    prepare(run.uri, {"w000-00000.jsonl": [request_of("long", maxOutputTokens=100)]})
    run.scenario("max_tokens", below=300)
    assert run.predict().outcome == "succeeded"
    sent = read_lines(f"{run.uri}/prepared/shards/{run.jobs()[1]['shard']}")
    assert sent[0]["request"]["generationConfig"]["maxOutputTokens"] == 400
    [told] = run.decisions().values()
    assert (told["fixes"], told["sent_as"] == told["key"]) == (["room"], False)


def test_a_cut_answer_that_stays_cut_is_given_up(run: Run) -> None:
    prepare(run.uri, {"w000-00000.jsonl": [request_of("long", maxOutputTokens=100)]})
    run.scenario("max_tokens")
    assert run.predict().outcome == "none"
    assert run.made() == 2
    [told] = run.decisions(attempt=2).values()
    assert told["given_up"] == "truncated again with more room"


def test_broken_json_is_repaired_by_a_turn(run: Run) -> None:
    request = request_of(
        "json", responseMimeType="application/json", responseSchema={"type": "OBJECT"}
    )
    keys = prepare(run.uri, {"w000-00000.jsonl": [request]})
    run.scenario("broken_json", jobs=1)
    run.answer("Give the whole answer again", json={"mended": True})
    assert run.predict().outcome == "succeeded"
    [line] = read_lines(f"{run.uri}/prepared/shards/{run.jobs()[1]['shard']}")
    assert line["key"] == keys["json"]
    assert [turn["role"] for turn in line["request"]["contents"]] == ["user", "model", "user"]


@pytest.mark.parametrize(
    ("end", "jobs", "outcome"),
    [
        ({"state": "EXPIRED", "share": 0.5}, 2, "succeeded"),
        ({"state": "PARTIALLY_SUCCEEDED", "share": 0.5}, 2, "succeeded"),
        ({"state": "FAILED", "share": 0.5, "code": 13}, 2, "succeeded"),
        ({"state": "FAILED", "share": 0.5, "code": 3, "message": "bad line"}, 1, "partial"),
        ({"state": "CANCELLED", "share": 0.5}, 1, "partial"),
    ],
)
def test_finished_rows_of_jobs_that_end_badly_are_kept(
    run: Run, end: dict[str, Any], jobs: int, outcome: str
) -> None:
    run.prepare(*TEXTS)
    run.scenario("end", jobs=1, **end)
    summary = run.predict()
    assert (summary.outcome, summary.jobs, run.made()) == (outcome, jobs, jobs)
    first = run.jobs()[0]
    assert first["state"] == f"JOB_STATE_{end['state']}"
    assert first["counts"]["ok"] == 3
    assert summary.answered == (6 if outcome == "succeeded" else 3)
    if jobs == 2:
        assert run.jobs()[1]["requests"] == 3


def test_many_jobs_pass_through_every_state_on_one_clock(run: Run) -> None:
    shards = {f"w000-{n:05d}.jsonl": [request_of(f"{n} {t}") for t in TEXTS] for n in range(5)}
    prepare(run.uri, shards, models={"w000-00003.jsonl": "gemini-3.8-flash"})
    for state in ("QUEUED", "PENDING", "PAUSED", "UPDATING", "RUNNING"):
        run.scenario("delay_state", state=state, calls=1)
    assert run.predict().answered == 30
    assert run.made() == 5
    assert {job["model"] for job in run.jobs()} == {MODEL, "gemini-3.8-flash"}
    assert any("5 " in line and "jobs" in line for line in run.lines)


def test_a_job_that_is_stuck_is_cancelled_at_the_deadline(run: Run) -> None:
    run.prepare(*TEXTS)
    run.scenario("stuck", state="PENDING")
    summary = run.predict(deadline_s=100.0)
    assert summary.outcome == "none"
    [job] = run.jobs()
    assert (job["outcome"], job["state"]) == ("deadline", "JOB_STATE_CANCELLED")


def test_cancelling_the_run_cancels_its_jobs_and_keeps_what_they_finished(run: Run) -> None:
    prepare(run.uri, {f"w000-{n:05d}.jsonl": [request_of(f"{n} {t}") for t in TEXTS]
                      for n in range(3)})  # fmt: skip
    run.scenario("stuck", state="RUNNING", share=0.5)
    run.clock.stop_at = 10
    with pytest.raises(WorkFailed, match="stopped: SIGTERM"):
        run.predict()
    assert {job["state"] for job in run.jobs()} == {"JOB_STATE_CANCELLED"}
    for job in run.jobs():
        [uri] = [u for u in files.list_uris(job["output_uri"]) if u.endswith("predictions.jsonl")]
        assert len(read_lines(uri)) == 3
    run.clock.stop_at = 0
    with pytest.raises(WorkFailed, match="stopped: SIGTERM"):
        run.predict()  # a retry of the step does not begin anew
    assert run.made() == 3


def test_a_stopped_run_goes_on_with_what_its_jobs_had_not_finished(
    run: Run, tmp_path: Path
) -> None:
    run.uri = str(tmp_path / "run" / "one")
    prepare(run.uri, {f"w000-{n:05d}.jsonl": [request_of(f"{n} {t}") for t in TEXTS]
                      for n in range(3)})  # fmt: skip
    staging = f"{BUCKET}/staging"
    run.scenario("stuck", state="RUNNING", share=0.5, jobs=2)
    run.clock.stop_at = 10
    with pytest.raises(WorkFailed, match="--resume` sends the rest"):
        run.predict(staging=staging, jobs_at_once=2)
    run.clock.stop_at = 0
    with pytest.raises(WorkFailed, match="--resume` sends the rest"):
        run.predict(staging=staging)
    summary = run.predict(staging=staging, resume=True)
    assert (summary.outcome, summary.answered, summary.given_up) == ("succeeded", 18, 0)
    again = [job["requests"] for job in run.jobs() if job["attempt"] == 2]
    assert (sum(again), run.made()) == (12, 3)  # the third job was never made
    assert run.predict(staging=staging, resume=True) == summary


@pytest.mark.parametrize("method", ["Create", "Get", "List"])
@pytest.mark.parametrize("kind", ["lose_reply", "drop", "status"])
def test_trouble_with_calls_makes_no_second_job(run: Run, method: str, kind: str) -> None:
    run.prepare(*TEXTS)
    name = f"vertex.{method}BatchPredictionJob{'s' if method == 'List' else ''}"
    run.emulator.faults.add(Fault(name, kind=kind, count=2 if kind == "status" else 1))
    assert run.predict().answered == 6
    made = {job["job_name"] for job in run.jobs()}
    assert len(made) == 1
    assert len(run.held()) == 1


def test_a_job_that_somebody_deleted_is_not_made_again(run: Run) -> None:
    run.prepare(*TEXTS)
    run.scenario("delay_state", state="RUNNING", calls=50)
    run.scenario("gone", calls=3)
    summary = run.predict()
    assert (summary.outcome, run.made()) == ("none", 1)
    assert run.jobs()[0]["outcome"] == "deleted"


def test_jobs_are_found_again_without_the_ledger(run: Run) -> None:
    run.prepare(*TEXTS)
    summary = run.predict()
    run.emulator.store.delete("local-project-bucket", "runs/pipeline/one/predictions.json")
    assert run.predict() == summary
    assert len(run.held()) == 1


def test_rows_of_the_preparing_step_come_through(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text(
        "prompt,model\n"
        "Capital of France?,gemini-3.5-flash\n"
        "Population of ${output.1}?,gemini-3.5-flash\n"
        "Both: ${output.1} ${output.2},gemini-3.8-flash\n"
        "Capital of France?,gemini-3.5-flash\n"
    )
    prepare_rows([str(source)], run.uri)
    summary = run.predict()
    assert (summary.outcome, summary.answered, summary.jobs) == ("succeeded", 3, 3)
    rows = read_lines(f"{run.uri}/prepared/resolved/w002.jsonl")
    assert [row["status"] for row in rows] == ["ready"] * 4
    assert rows[0]["key"] == rows[3]["key"]
    assert [row["line"] for row in rows] == [2, 3, 4, 5]


def test_a_signal_cancels_the_jobs(run: Run) -> None:
    run.prepare(*TEXTS)
    run.scenario("stuck", state="RUNNING", share=0.5)
    code = (
        "from components.batch_predict.run_step import predict_run\n"
        f"predict_run({run.uri!r}, project='local-project', location='us-central1')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as step:
        assert step.stderr is not None
        for line in step.stderr:
            if "1 running" in line:
                step.send_signal(signal.SIGTERM)
                break
        rest = step.stderr.read()
        assert step.wait(300) == 1
    assert "The predictions were stopped: the run was cancelled" in rest
    assert [job["state"] for job in run.jobs()] == ["JOB_STATE_CANCELLED"]


def test_a_signal_is_heard_from_the_first_call_on(run: Run) -> None:
    run.prepare(*TEXTS)
    with cancelled_at_the_next_call(run.emulator), pytest.raises(WorkFailed, match="cancelled"):
        predict_run(run.uri, project="local-project", location="us-central1")
    assert run.made() == 0


def test_a_model_that_cannot_do_batch_stops_only_its_own_rows(run: Run) -> None:
    shards = {"w000-a.jsonl": [request_of("a")], "w000-b.jsonl": [request_of("b")]}
    prepare(run.uri, shards, models={"w000-b.jsonl": "gemini-9"})
    run.scenario("refuse", model="gemini-9")
    summary = run.predict()
    assert (summary.outcome, summary.answered, summary.given_up) == ("partial", 1, 1)
    assert "Do not support publisher model" in next(iter(run.decisions().values()))["given_up"]


def test_where_no_job_can_be_made_the_step_fails_and_may_be_tried_again(run: Run) -> None:
    run.prepare(*TEXTS)
    run.scenario("refuse", code=403, message="Permission denied", jobs=1)
    with pytest.raises(ServiceError, match="Permission denied"):
        run.predict()
    assert run.predict().answered == 6


def test_a_job_that_may_not_be_looked_at_is_not_given_up(run: Run) -> None:
    run.prepare(*TEXTS)
    run.emulator.faults.add(Fault("vertex.GetBatchPredictionJob", count=5, status=403))
    with pytest.raises(ServiceError, match="can no longer be followed"):
        run.predict()
    assert run.predict().answered == 6
    assert run.made() == 1


@pytest.mark.parametrize(
    ("costs", "more", "says"),
    [
        ((2.0, 4.0), {}, r"The estimate is \$2\.00, and \$1\.50 is allowed"),
        ((1.0, 2.0), {"online_up_to": 9}, r"The estimate is \$2\.00"),
        ((None, None), {}, "is unknown, and"),
    ],
)
def test_a_limit_below_the_estimate_sends_nothing(
    run: Run, costs: tuple[float | None, ...], more: dict[str, Any], says: str
) -> None:
    run.prepare(*TEXTS)
    plan = json.loads(files.read_text(f"{run.uri}/prepared/plan.json"))
    plan["estimate"] = dict(zip(("cost_batch_usd", "cost_online_usd"), costs, strict=True))
    files.write_json(f"{run.uri}/prepared/plan.json", plan)
    with pytest.raises(InputError, match=says):
        run.predict(max_cost_usd=1.5, **more)
    assert (run.made(), files.exists(f"{run.uri}/predictions.json")) == (0, False)


def test_spending_is_capped(run: Run) -> None:
    run.prepare(*TEXTS)
    run.scenario("error", rows=[1], code=500)
    assert run.predict(max_cost_usd=1e-9).given_up == 1
    assert run.made() == 1
    [told] = run.decisions().values()
    assert "of $0.00 are spent" in told["given_up"]


def chained(row: int, wave: int, text: str, **refs: int) -> dict[str, Any]:
    names = {name.removeprefix("r"): number for name, number in refs.items()}
    return {"row": row, "wave": wave, "template": request_of(text), "refs": names,
            "needs": sorted(names.values())}  # fmt: skip


def test_a_later_wave_is_held_against_the_limit_with_all_its_requests(run: Run) -> None:
    shards = {"w000-00000.jsonl": [request_of("capital of France")]}
    prepare(run.uri, shards)
    one = run.predict().spent_usd
    run.uri += "-chained"
    texts = [chained(row, 1, f"About {row}: ${{output.1}}", r1=1) for row in range(2, 12)]
    prepare(run.uri, shards, chained=texts)
    summary = run.predict(max_cost_usd=3 * one)
    assert (summary.answered, summary.unanswered) == (1, 10)
    rows = read_lines(f"{run.uri}/prepared/resolved/w001.jsonl")
    assert "10 more would cost $" in rows[-1]["reason"]


def test_later_waves_are_asked_with_the_answers_of_earlier_ones(run: Run) -> None:
    prepare(
        run.uri,
        {"w000-00000.jsonl": [request_of("capital of France"), request_of("blocked one")]},
        chained=[
            chained(3, 1, "About: ${output.1} $${output.2}", r1=1),
            chained(4, 1, "About: ${output.2}", r2=2),
            chained(5, 2, "And: ${output.3}", r3=3),
            chained(6, 2, "And: ${output.4}", r4=4),
            chained(7, 1, "About: ${output.1} $${output.2}", r1=1),
        ],
    )
    run.scenario("blocked", match="blocked one")
    summary = run.predict()
    rows = {line["row"]: line for line in read_lines(f"{run.uri}/prepared/resolved/w002.jsonl")}
    assert [rows[n]["status"] for n in range(1, 8)] == [
        "ready", "ready", "ready", "invalid", "ready", "invalid", "ready",
    ]  # fmt: skip
    assert rows[4]["reason"].startswith("failed_reference: row 2")
    assert rows[6]["reason"].startswith("failed_reference: row 4")
    assert rows[3]["key"] == rows[7]["key"]  # asked once
    assert rows[3]["prompt"].startswith("About: ")
    assert (rows[3]["prompt"], rows[4].get("prompt", "")) == (rows[7]["prompt"], "")
    assert (summary.answered, summary.given_up, run.made()) == (3, 1, 3)
    [third] = read_lines(f"{run.uri}/prepared/shards/{rows[3]['shard']}")
    text = third["request"]["contents"][0]["parts"][0]["text"]
    assert text.startswith("About: ")
    assert text.endswith(" ${output.2}")
    assert "${output.1}" not in text


def test_an_answer_without_a_text_is_put_into_no_prompt(run: Run) -> None:
    shards = {"w000-00000.jsonl": [request_of("call something")]}
    prepare(run.uri, shards, chained=[chained(2, 1, "About: ${output.1}", r1=1)])
    run.answer("call something", parts=[{"functionCall": {"name": "f", "args": {}}}])
    assert (run.predict().answered, run.made()) == (1, 1)
    rows = read_lines(f"{run.uri}/prepared/resolved/w001.jsonl")
    assert rows[1]["reason"].endswith("the answer to row 1, which it needs, has no text")


def test_small_rounds_go_online(run: Run) -> None:
    keys = run.prepare(*TEXTS)
    run.emulator.faults.add(Fault("vertex.generateContent", nth=2, kind="status", status=429))
    summary = run.predict(online_up_to=6, online_at_once=4)
    assert (summary.outcome, summary.answered, summary.jobs, run.made()) == ("succeeded", 6, 0, 0)
    [job] = run.jobs()
    assert (job["how"], job["outcome"]) == ("online", "succeeded")
    uris = list(files.list_uris(job["output_uri"]))
    assert [uri.split("/")[-2] for uri in uris] == ["online-00001", "online-00002"]
    rows = [row for uri in uris for row in read_lines(uri)]
    assert {row["key"] for row in rows} == set(keys.values())
    assert all(row["response"]["candidates"] for row in rows)


def test_a_round_with_a_schema_goes_online_as_it_goes_in_a_job(run: Run) -> None:
    schema = {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}, "required": ["n"]}
    form = {"responseMimeType": "application/json", "responseSchema": schema}
    found = []
    for online in (0, 9):
        run.uri = f"{BUCKET}/runs/schema-{online}"
        requests = [request_of(text, **form) for text in TEXTS]
        prepare(run.uri, {"w000-00000.jsonl": requests})
        assert run.predict(online_up_to=online).answered == 6
        uris = [uri for job in run.jobs() for uri in files.list_uris(job["output_uri"])]
        rows = [row for uri in uris for row in read_lines(uri)]
        parts = [row["response"]["candidates"][0]["content"]["parts"] for row in rows]
        found.append(sorted(part["text"] for (part,) in parts))
        assert all(set(json.loads(text)) == {"n"} for text in found[-1])
    assert found[0] == found[1]


def test_a_local_run_folder_is_staged_in_a_bucket(run: Run, tmp_path: Path) -> None:
    run.uri = str(tmp_path / "run" / "one")
    run.prepare(*TEXTS)
    run.scenario("error", rows=[1], code=503, jobs=1)
    assert run.predict(staging=f"{BUCKET}/staging").answered == 6
    for job in run.jobs():
        folder = tmp_path / "run" / "one" / "predictions" / job["display_name"]
        assert len(list(folder.glob("prediction-model-*/predictions.jsonl"))) == 1


def test_outputs_of_a_job_that_may_still_write_are_not_copied(run: Run, tmp_path: Path) -> None:
    run.uri = str(tmp_path / "run" / "one")
    run.prepare(*TEXTS)
    for _ in range(2):  # at the second time something lies there already
        run.emulator.faults.add(Fault("vertex.GetBatchPredictionJob", count=5, status=403))
        with pytest.raises(ServiceError, match="can no longer be followed"):
            run.predict(staging=f"{BUCKET}/staging")
        [job] = run.jobs()
        files.write_text(f"{job['output_uri']}/part/predictions.jsonl", "{}\n")
    assert not list(files.list_uris(f"{run.uri}/predictions"))
    assert run.predict(staging=f"{BUCKET}/staging").answered == 6


def test_a_local_run_folder_needs_a_bucket(tmp_path: Path) -> None:
    prepare(str(tmp_path), {"w000-00000.jsonl": [request_of("one")]})
    with pytest.raises(WrongUse, match="run folder is local"):
        predict_run(str(tmp_path), project="p-roject", location="us-central1")


def test_a_person_who_waits_is_told_of_answers_tokens_and_money(run: Run) -> None:
    run.prepare(*TEXTS)
    run.scenario("error", rows=[1], code=503, jobs=1)
    run.predict()
    last = run.lines[-1]
    assert last.startswith("jobs: 1 succeeded; 6 of 6 requests answered; ")
    assert " tokens in, " in last
    assert last.endswith(" so far")
    told = run.jobs()[0]["tokens"]
    assert (set(told), told["cached"]) == ({"input", "output", "cached"}, 0)
    assert told["input"] > 0
