"""Which answer goes to which row, and which to none."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.aggregate_results.predictions.aggregate import (
    Options,
    aggregate_outputs,
    aggregate_predictions,
)
from components.aggregate_results.predictions.summary import PredictionSummary
from components.errors import InputError, WrongUse
from components.rows.canonical import key_of

MODEL = "gemini-3.5-flash"
SHARED = Path(__file__).parents[4] / "shared" / "gemini_jsonl"
JSONL = Options(formats=("jsonl",))


def request(text: str) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


def echo(asked: dict[str, Any]) -> dict[str, Any]:
    """As the service gives it back: keys sorted, nulls for the fields of other rows."""
    parts = [{"fileData": None, "file_data": None, **p} for p in asked["contents"][0]["parts"]]
    return {"contents": [{"parts": parts, "role": "user"}], "systemInstruction": None}


def answer(text: str, finish: str = "STOP", **usage: int) -> dict[str, Any]:
    tokens = {"promptTokenCount": 10, "candidatesTokenCount": 5, **usage}
    return {
        "candidates": [
            {"content": {"parts": [{"text": text}]}, "finishReason": finish, "score": -1}
        ],
        "usageMetadata": {**tokens, "billablePromptUsage": {"textCount": 3}},
        "modelVersion": MODEL,
    }


def line(asked: dict[str, Any] | None, response: Any, **more: Any) -> dict[str, Any]:
    made = {"status": "", "processed_time": "2026-11-20T10:00:00+00:00", "response": response}
    return {**made, **({"request": asked} if asked is not None else {}), **more}


def write(path: Path, rows: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows)
    path.write_text(text, encoding="utf-8")


def manifest(folder: Path, asked: list[tuple[str, str]], **more: Any) -> list[str]:
    """A manifest of (text, model); gives the keys."""
    keys = [key_of(request(text), model) for text, model in asked]
    rows = [
        {"row": n + 1, "id": f"q{n}", "model": model, "wave": 0, "status": "ready", "reason": "",
         "key": key, "shard": "s0.jsonl", "source": "rows.csv", "line": n + 2, "prompt": text,
         **more}
        for n, ((text, model), key) in enumerate(zip(asked, keys, strict=True))
    ]  # fmt: skip
    write(folder / "prepared" / "manifest.jsonl", rows)
    return keys


def output(folder: Path, rows: list[Any], job: str = "job-1") -> None:
    place = folder / "predictions" / job / "prediction-model-2026-11-20T10:00:00.000000Z"
    write(place / "predictions.jsonl", rows)


def ledger(folder: Path, *jobs: dict[str, Any]) -> None:
    (folder / "predictions.json").write_text(json.dumps({"version": 1, "jobs": list(jobs)}))


def collect(folder: Path, **options: Any) -> tuple[PredictionSummary, list[dict[str, Any]]]:
    made = Options(**{"formats": ("jsonl",), **options})
    summary = aggregate_predictions(str(folder), options=made)
    return summary, results(folder)


def results(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "results.jsonl").read_text(encoding="utf-8")
    return [json.loads(row) for row in text.splitlines()]


def test_shuffled_answers_with_keys_come_back_in_order(tmp_path: Path) -> None:
    keys = manifest(tmp_path, [(f"question {n}", MODEL) for n in range(50)])
    rows = [line(None, answer(f"answer {n}"), key=key) for n, key in enumerate(keys)]
    random.Random(3).shuffle(rows)
    output(tmp_path, rows)
    summary, got = collect(tmp_path)
    assert [row["text"] for row in got] == [f"answer {n}" for n in range(50)]
    assert [row["row"] for row in got] == list(range(1, 51))
    assert summary.ok == summary.matched == 50
    assert summary.matched_by == {"key": 50}
    assert got[0] == {
        "row": 1, "id": "q0", "status": "ok", "prompt": "question 0", "text": "answer 0",
        "reason": "", "model": MODEL, "finish_reason": "STOP", "prompt_tokens": 10,
        "output_tokens": 5, "thinking_tokens": None, "cached_tokens": None, "cost_usd": None,
        "attempts": 1, "matched_by": "key",
        "model_version": MODEL, "source": "rows.csv", "line": 2,
    }  # fmt: skip


def test_without_keys_the_echo_proves_the_row(tmp_path: Path) -> None:
    manifest(tmp_path, [(f"question {n}", MODEL) for n in range(20)])
    rows = [line(echo(request(f"question {n}")), answer(f"answer {n}")) for n in range(20)]
    random.Random(4).shuffle(rows)
    output(tmp_path, rows)
    summary, got = collect(tmp_path)
    assert [row["text"] for row in got] == [f"answer {n}" for n in range(20)]
    assert summary.matched_by == {"request": 20}


def test_what_proves_nothing_is_nobodys(tmp_path: Path) -> None:
    keys = manifest(tmp_path, [("a", MODEL), ("b", MODEL)])
    output(
        tmp_path,
        [
            line(None, answer("x"), key="k" + "0" * 24),
            line(None, answer("y")),
            line(request("c"), answer("z")),
            line(None, answer("first"), key=keys[0]),
            line(None, answer("second"), key=keys[0]),
            '{"key": "' + keys[1] + '", "status": "", "respon',
            {"key": keys[1], "request": request("b")},
            "[1, 2]",
            "",
        ],
    )
    summary, got = collect(tmp_path)
    assert [(row["status"], row["text"]) for row in got] == [("ok", "first"), ("missing", "")]
    assert (summary.foreign, summary.duplicate, summary.unreadable) == (3, 1, 2)
    assert (summary.lines, summary.missing) == (8, 1)
    kinds = {finding["kind"] for finding in summary.findings}
    assert {"missing", "foreign", "duplicate", "unreadable"} <= kinds


def test_the_same_question_to_two_models_needs_a_proof_of_the_model(tmp_path: Path) -> None:
    manifest(tmp_path, [("a", "model-a"), ("a", "model-b")])
    rows = [line(echo(request("a")), {**answer("hm"), "modelVersion": "model-c"})]
    output(tmp_path, rows)
    summary, got = collect(tmp_path)
    assert summary.foreign == 1
    rows = [
        line(echo(request("a")), {**answer(name), "modelVersion": f"{name}@default"})
        for name in ("model-b", "model-a")
    ]
    output(tmp_path, rows)
    _, got = collect(tmp_path)
    assert [row["text"] for row in got] == ["model-a", "model-b"]
    ledger(tmp_path, {"display_name": "job-1", "model": "model-b", "shard": "s", "attempt": 1})
    output(tmp_path, [line(echo(request("a")), {**answer("told"), "modelVersion": "?"})])
    _, got = collect(tmp_path)
    assert [row["text"] for row in got] == ["", "told"]


def test_equal_rows_share_an_answer_and_pay_once(tmp_path: Path) -> None:
    keys = manifest(tmp_path, [("a", MODEL), ("b", MODEL), ("a", MODEL)])
    output(tmp_path, [line(None, answer(t), key=k) for t, k in zip("xy", keys[:2], strict=True)])
    summary, got = collect(tmp_path, price=lambda *_, batch: 0.25)
    assert [row["text"] for row in got] == ["x", "y", "x"]
    assert [row["cost_usd"] for row in got] == [0.25, 0.25, 0.0]
    assert (summary.shared, summary.spent_usd, summary.prompt_tokens) == (1, 0.5, 20)


def test_far_apart_rows_share_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.aggregate_results.predictions.spill.LEAST_ROWS", 4)
    monkeypatch.setattr("components.aggregate_results.predictions.spill._BUFFERED_BYTES", 1500)
    asked = [("same" if n % 7 == 0 else f"q {n}", MODEL) for n in range(60)]
    keys = manifest(tmp_path, asked)
    by_key = dict(zip(keys, (text for text, _ in asked), strict=True))
    output(tmp_path, [line(None, answer(text), key=key) for key, text in by_key.items()])
    summary, got = collect(tmp_path)
    assert [row["text"] for row in got] == [text for text, _ in asked]
    assert summary.shared == 8


def test_a_later_attempt_wins_only_if_it_is_better(tmp_path: Path) -> None:
    keys = manifest(tmp_path, [(text, MODEL) for text in "abc"])
    ledger(
        tmp_path,
        {"display_name": "one", "shard": "s0.jsonl", "attempt": 1, "model": MODEL},
        {"display_name": "two", "shard": "s0-2", "attempt": 2, "model": MODEL},
    )
    output(
        tmp_path,
        [
            line(None, answer("a1"), key=keys[0]),
            line(None, answer("b1", "MAX_TOKENS"), key=keys[1]),
            line(None, {}, key=keys[2], status="429 RESOURCE_EXHAUSTED"),
        ],
        "two-of-another-name/one",
    )
    output(
        tmp_path,
        [
            line(None, answer("a2"), key=keys[0]),
            line(None, answer("b2"), key=keys[1]),
            line(None, answer("c2", "MAX_TOKENS"), key=keys[2]),
        ],
        "two",
    )
    summary, got = collect(tmp_path)
    assert [row["text"] for row in got] == ["a1", "b2", "c2"]
    assert [row["attempts"] for row in got] == [2, 2, 2]
    assert (summary.duplicate, summary.retried) == (0, 3)


@pytest.mark.parametrize("place", ["prepared/shards/again.jsonl", "staged/shards/again.jsonl"])
def test_a_changed_request_of_a_repeat_is_found_in_its_shard(tmp_path: Path, place: str) -> None:
    """In the run's folder, or where the service read it if that is all that is left."""
    keys = manifest(tmp_path, [("a", MODEL)])
    changed = {**request("a"), "generationConfig": {"maxOutputTokens": 4096}}
    write(tmp_path / place, [{"key": keys[0], "request": changed}])
    ledger(
        tmp_path,
        {
            "display_name": "two",
            "attempt": 2,
            "model": MODEL,
            "input_uri": str(tmp_path / "staged" / "shards" / "again.jsonl"),
            "shard": "again.jsonl",
        },
    )
    output(tmp_path, [line(echo(changed) | {"generationConfig": {"maxOutputTokens": 4096.0}},
                           answer("whole"))], "two")  # fmt: skip
    _, got = collect(tmp_path)
    assert (got[0]["text"], got[0]["attempts"], got[0]["matched_by"]) == ("whole", 2, "request")


@pytest.mark.parametrize(
    ("row", "jobs", "reason"),
    [
        ({"status": "invalid", "reason": "invalid_prompt: it is empty", "key": ""}, [],
         "invalid_prompt: it is empty"),
        ({"status": "waiting", "key": "", "shard": ""}, [], "waited for answers"),
        ({}, [], "no answer came back"),
        ({}, [{"shard": "s0.jsonl", "attempt": 3, "state": "JOB_STATE_EXPIRED"}], "EXPIRED"),
        ({}, [{"shard": "other", "attempt": 1}], "its job was not made"),
    ],
)  # fmt: skip
def test_rows_without_an_answer_say_why(
    tmp_path: Path, row: dict[str, Any], jobs: list[dict[str, Any]], reason: str
) -> None:
    manifest(tmp_path, [("a", MODEL)], **row)
    if jobs:
        ledger(tmp_path, *jobs)
    summary, got = collect(tmp_path)
    assert reason in got[0]["reason"]
    assert got[0]["status"] == ("invalid" if row.get("status") == "invalid" else "missing")
    assert summary.ok == 0


def test_rows_of_later_waves_stand_in_the_resolved_manifest(tmp_path: Path) -> None:
    manifest(tmp_path, [("a", MODEL), ("b", MODEL)], status="waiting", key="", shard="")
    told = (tmp_path / "prepared" / "manifest.jsonl").read_text().splitlines()
    rows = [json.loads(text) for text in told]
    rows[0] |= {"status": "ready", "key": key_of(request("a then"), MODEL), "prompt": "a then"}
    rows[1] |= {"status": "invalid", "reason": "bad: x"}
    write(tmp_path / "prepared" / "resolved" / "w002.jsonl", rows)
    output(tmp_path, [line(echo(request("a then")), answer("yes"))])
    summary, got = collect(tmp_path)
    assert [(row["status"], row["prompt"], row["text"], row["reason"]) for row in got] == [
        ("ok", "a then", "yes", ""),
        ("invalid", "b", "", "bad: x"),
    ]
    assert summary.lines == 1


@pytest.mark.parametrize("settled", [True, False])
def test_what_the_sending_step_did_not_judge_is_judged_here(tmp_path: Path, settled: bool) -> None:
    """It was stopped behind the end of the job; or it has judged it, and its word counts."""
    keys = manifest(tmp_path, [("a", MODEL), ("b", MODEL), ("c", MODEL)])
    as_json = {"generationConfig": {"responseMimeType": "application/json"}}
    sent: list[dict[str, Any]] = [
        {"key": keys[0], "request": {**request("a"), **as_json}},
        {"key": keys[1], "request": request("b")},
        {"key": keys[2], "request": {**request("c"), **as_json}},
        {"damaged": 1},
        {"key": "of nobody", "request": as_json},
    ]
    write(tmp_path / "prepared" / "shards" / "s0.jsonl", sent)
    answers = (("a", "{broken"), ("b", "{fine"), ("c", '{"c": 1}'))
    output(tmp_path, [line(echo(request(t)), answer(text)) for t, text in answers], "one")
    job = {"display_name": "one", "attempt": 1, "model": MODEL, "shard": "s0.jsonl"}
    ledger(tmp_path, {**job, "counts": {"ok": 3} if settled else None})
    _, got = collect(tmp_path)
    assert [row["status"] for row in got] == ["ok" if settled else "failed", "ok", "ok"]
    assert got[0]["reason"].startswith("no JSON, which was asked for") is not settled
    assert got[0]["text"] == "{broken"


@pytest.mark.parametrize("mended", [True, False])
def test_an_answer_that_ought_to_have_been_json_is_not_ok(tmp_path: Path, mended: bool) -> None:
    keys = manifest(tmp_path, [("a", MODEL), ("b", MODEL)])
    fault = {"key": keys[0], "status": "bad_json", "reason": "Expecting value", "resend": True}
    write(tmp_path / "prepared" / "decisions" / "w000-a1.jsonl", [fault, {"damaged": 1}])
    output(tmp_path, [line(echo(request("a")), answer("{broken")),
                      line(echo(request("b")), answer("fine"))], "one")  # fmt: skip
    jobs = [{"display_name": "one", "attempt": 1, "model": MODEL, "shard": "s0.jsonl"}]
    if mended:
        output(tmp_path, [line(echo(request("a")), answer('{"a": 1}'))], "two")
        jobs.append({"display_name": "two", "attempt": 2, "model": MODEL, "shard": "s1.jsonl"})
    ledger(tmp_path, *jobs)
    _, got = collect(tmp_path)
    assert (got[1]["status"], got[1]["text"]) == ("ok", "fine")
    if mended:
        assert (got[0]["status"], got[0]["text"], got[0]["attempts"]) == ("ok", '{"a": 1}', 2)
    else:
        assert (got[0]["status"], got[0]["text"]) == ("failed", "{broken")
        assert got[0]["reason"] == "no JSON, which was asked for: Expecting value"


def test_real_outputs_of_2024_join_their_real_inputs(tmp_path: Path) -> None:
    """parts as objects, snake_case in two of three rows, an echo full of nulls, no keys."""
    if not SHARED.is_dir():
        pytest.skip("../shared/gemini_jsonl is not here")
    name = "meteatamel_batch_request_multimodal"
    folder = tmp_path / "outputs"
    folder.mkdir()
    told = (SHARED / f"{name}_output.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "predictions.jsonl").write_text("\n".join(reversed(told)), encoding="utf-8")
    rows = str(SHARED / f"{name}_input.jsonl")
    summary = aggregate_outputs(rows, [str(folder)], str(tmp_path), options=JSONL)
    got = results(tmp_path)
    assert summary.ok == 3
    for row, word in zip(got, ("Passport", "Watering can", "cricket match"), strict=True):
        assert word.lower() in row["text"].lower()
    assert {row["matched_by"] for row in got} == {"request"}
    assert got[0]["model"] == "gemini-1.5-flash-002"


def outputs_of(folder: Path, sent: list[Any], came: list[Any]) -> list[dict[str, Any]]:
    write(folder / "sent.jsonl", sent)
    write(folder / "out" / "predictions.jsonl", came)
    aggregate_outputs(str(folder / "sent.jsonl"), [str(folder / "out")], str(folder), options=JSONL)
    return results(folder)


def test_equal_requests_of_a_file_get_an_answer_each(tmp_path: Path) -> None:
    sent = [{"request": request(t)} for t in ("a", "b", "a", "a")]
    came = [line(echo(request(t)), answer(f"{t}{n}")) for n, t in enumerate("aba")]
    got = outputs_of(tmp_path, sent, came)
    assert [row["text"] for row in got] == ["a0", "b1", "a2", "a0"]


def test_a_key_that_two_requests_share_proves_nothing(tmp_path: Path) -> None:
    sent = [{"key": "x", "request": request(t)} for t in "ab"]
    came = [line(echo(request(t)), answer(t.upper()), key="x") for t in "ba"]
    came.append(line(None, answer("?"), key="x"))
    got = outputs_of(tmp_path, sent, came)
    assert [row["text"] for row in got] == ["A", "B"]
    assert [row["matched_by"] for row in got] == ["request", "request"]


def test_a_key_proves_nothing_where_another_request_came_back(tmp_path: Path) -> None:
    """Keys that count from 1 come again in an older job, whose outputs lie beside."""
    sent = [{"key": str(n), "request": request(t)} for n, t in enumerate("abcd")]
    came = [
        line(echo(request("old")), answer("of an older job"), key="0"),
        line(echo(request("c")), answer("C"), key="1"),  # the request tells whose it is
        line(None, answer("D"), key="3"),  # nothing speaks against the key
        line(json.dumps(request("b")), answer("B"), key="1"),
        line({"contents": request("a")["contents"][0]}, answer("A"), key="0"),
    ]
    got = outputs_of(tmp_path, sent, came)
    assert [row["text"] for row in got] == ["A", "B", "C", "D"]
    assert [row["matched_by"] for row in got] == ["key", "key", "request", "key"]
    summary = json.loads((tmp_path / "results_summary.json").read_text())
    assert summary["foreign"] == 1
    assert summary["notes"][0].endswith("predictions.jsonl:1: key of another request")


def test_answers_are_counted_whatever_their_order(tmp_path: Path) -> None:
    keys = manifest(tmp_path, [("a", MODEL), ("b", MODEL), ("c", MODEL)])
    jobs = [
        {"display_name": f"job-{n}", "attempt": n, "model": MODEL, "shard": "s"} for n in (1, 2)
    ]
    ledger(tmp_path, *jobs)
    came = [(1, 0), (2, 0), (1, 0), (2, 0), (2, 1), (1, 1), (2, 1)]
    for number in (1, 2):
        lines = [line(None, answer("x"), key=keys[row]) for job, row in came if job == number]
        lines += [line(echo(request("b")), answer("y"))] * (number == 1)
        output(tmp_path, lines, f"job-{number}")
    summary, got = collect(tmp_path)
    assert (summary.matched, summary.retried, summary.duplicate) == (2, 2, 4)
    assert summary.matched_by == {"key": 2}
    assert [row["attempts"] for row in got] == [2, 2, 0]


def test_ids_of_any_kind_and_damaged_rows(tmp_path: Path) -> None:
    sent = [
        {"custom_id": "é", "request": request("a")},
        {"id": 7, "request": request("b")},
        "",
        "no json",
        {"request": request("c")},
    ]
    came = [
        line(None, answer("A"), custom_id="é"),
        line(None, answer("B"), id=7),
        line(json.dumps(request("c")), json.dumps(answer("C"))),
    ]
    got = outputs_of(tmp_path, sent, came)
    assert [(r["row"], r["status"], r["text"]) for r in got] == [
        (1, "ok", "A"), (2, "ok", "B"), (3, "invalid", ""), (4, "ok", "C"),
    ]  # fmt: skip
    assert got[1]["line"] == 2
    assert got[3]["line"] == 5


def test_files_that_cannot_be_rows(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        aggregate_outputs(str(tmp_path / "none"), [], str(tmp_path), options=JSONL)
    (tmp_path / "wide").write_text("{}", encoding="utf-16")
    with pytest.raises(InputError, match="UTF-16"):
        aggregate_outputs(str(tmp_path / "wide"), [], str(tmp_path), options=JSONL)
    write(tmp_path / "prepared" / "manifest.jsonl", ["{"])
    with pytest.raises(InputError, match=r"manifest\.jsonl:1: The line is damaged"):
        aggregate_predictions(str(tmp_path), options=JSONL)
    with pytest.raises(WrongUse, match="no format"):
        Options(formats=("pdf",))


def test_an_empty_input_is_a_result_too(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"\xef\xbb\xbf\n")
    options = Options(formats=("jsonl", "csv", "xlsx", "html"))
    summary = aggregate_outputs(str(tmp_path / "empty.jsonl"), [], str(tmp_path), options=options)
    assert (summary.rows, summary.headline) == (0, "There are no rows")
    assert results(tmp_path) == []


def _key(text: str, echoed: bool) -> dict[str, str]:
    return {"key": key_of(request(text), MODEL)} if echoed else {}


WORDS = st.sampled_from("abcdefgh")


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(WORDS, max_size=8),
    came=st.lists(st.tuples(WORDS, st.booleans(), st.integers(1, 2)), max_size=14),
)
def test_no_row_is_lost_and_none_gets_what_another_asked(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[str],
    came: list[tuple[str, bool, int]],
) -> None:
    folder = tmp_path_factory.mktemp("any")
    manifest(folder, [(text, MODEL) for text in rows])
    for job in (1, 2):
        output(
            folder,
            [
                line(echo(request(t)), answer(f"{t}!"), **_key(t, k))
                for t, k, n in came
                if n == job
            ],
            f"job-{job}",
        )  # fmt: skip
    summary, got = collect(folder)
    assert len(got) == len(rows) == summary.rows
    asked = {t for t, _, _ in came}
    assert [row["text"] for row in got] == [f"{t}!" if t in asked else "" for t in rows]
    assert summary.lines == len(came)
    assert summary.matched + summary.duplicate + summary.retried + summary.foreign == len(came)
    assert summary.foreign == sum(t not in rows for t, _, _ in came)
