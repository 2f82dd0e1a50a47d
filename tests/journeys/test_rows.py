"""From rows to answers with the real command: step by step, whole, and as careless people do it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import openpyxl
import pytest

from tests.journeys.conftest import Terminal

ROWS = """id,prompt
a,Capital of France?
b,How many people live in ${output.a}?
c,Capital of France?
"""


@pytest.fixture
def rows(terminal: Terminal) -> Terminal:
    (terminal.folder / "rows.csv").write_text(ROWS)
    return terminal


def test_step_by_step(rows: Terminal) -> None:
    prepared = rows("prepare", "rows.csv", "--out", "runs/one")
    assert (prepared.code, prepared.out) == (0, "runs/one\n")
    assert (
        "3 rows: 2 ready, 1 waiting for answers of others; 1 request that differs" in prepared.err
    )
    assert "Estimate: " in prepared.err
    predicted = rows("predict", "runs/one", "--local")
    assert predicted.code == 0, predicted.err
    assert predicted.out.startswith("3 of 3 rows answered, 2 jobs, $0.000")
    again = rows("predict", "runs/one", "--local", "--json")
    assert json.loads(again.out)["jobs"] == 2  # the same ones
    collected = rows("aggregate", "runs/one", "--format", "jsonl,csv", "--excel")
    assert "3 rows, each with its answer" in collected.out
    assert "stand-ins on this machine: the answers are made up" in collected.out
    table = (rows.folder / "runs/one/results.csv").read_bytes()
    assert table.startswith(b"\xef\xbb\xbf")
    found = list(csv.DictReader(table.decode("utf-8-sig").splitlines()))
    assert [(row["row"], row["id"], row["status"]) for row in found] == [
        ("1", "a", "ok"), ("2", "b", "ok"), ("3", "c", "ok"),
    ]  # fmt: skip
    assert not (rows.folder / "runs/one/results.xlsx").exists()


def test_outputs_of_jobs_made_elsewhere(terminal: Terminal) -> None:
    def request(text: str) -> dict[str, object]:
        return {"contents": [{"role": "user", "parts": [{"text": text}]}]}

    def answer(text: str, words: str) -> str:
        said = {"content": {"role": "model", "parts": [{"text": words}]}, "finishReason": "STOP"}
        return json.dumps(
            {"status": "", "request": request(text), "response": {"candidates": [said]}}
        )

    asked = [json.dumps({"request": request(text)}) for text in ("one", "two", "three")]
    (terminal.folder / "sent.jsonl").write_text("\n".join(asked) + "\n")
    out = terminal.folder / "out" / "prediction-model-2026-11-20T10:00:00.000000Z"
    out.mkdir(parents=True)
    lines = [answer("three", "3"), answer("one", "1"), answer("nobody", "?")]
    (out / "predictions.jsonl").write_text("\n".join(lines) + "\n")
    file = str(out / "predictions.jsonl")
    how = ("aggregate", "--rows", "sent.jsonl", "--out", "here", "--json", "--outputs")
    ended = terminal(*how, file)
    assert json.loads(ended.out)["ok"] == 2
    ended = terminal(*how, "out")
    assert ended.code == 0, ended.err
    summary = json.loads(ended.out)
    assert (summary["ok"], summary["missing"], summary["foreign"]) == (2, 1, 1)
    lines = (terminal.folder / "here/results.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(row["status"], row["text"], row["matched_by"]) for row in rows] == [
        ("ok", "1", "request"), ("missing", "", ""), ("ok", "3", "request"),
    ]  # fmt: skip


def test_a_whole_run(rows: Terminal) -> None:
    ended = rows("run", "batch-prediction", "rows.csv", "--local", "--out", "run")
    assert ended.code == 0, ended.err
    assert "3 rows, each with its answer" in ended.out
    assert "stand-ins on this machine: the answers are made up" in ended.out
    assert (rows.folder / "run/results/report.html").exists()


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("prepare absent.csv", 2, "absent.csv: There is no such file"),
        ("prepare rows.csv --options {x", 2, "The options are no JSON"),
        ("prepare rows.csv --options absent.yaml", 2, "there is no such file"),
        ("prepare rows.csv --options [1]", 2, "The options are no JSON object"),
        ('prepare rows.csv --options {"modle":"x"}', 2, "Did you mean model?"),
        ("prepare rows.csv --template {{promt}}", 1, "did you mean prompt?"),
        ("prepare rows.csv --prices rows.csv", 2, "The price file lacks the columns"),
        ("prepare rows.csv --max-cost -1", 2, "--max-cost"),
        ("prepare rows.csv --max-failed-ratio 2", 2, "--max-failed-ratio"),
        ("prepare bq://a.b", 1, "It names no table"),
        ("predict nowhere", 2, "This is not the folder of a run"),
        ("predict nowhere --local", 2, "This is not the folder of a run"),
        ("predict nowhere --deadline soon", 2, "'soon' is not a time"),
        ("predict gs://b/run --local", 2, "one on this machine"),
        ("aggregate", 2, "Give RUN, or --rows FILE --outputs FOLDER --out FOLDER"),
        ("aggregate nowhere", 2, "This is not the folder of a run"),
        ("aggregate --rows rows.csv", 2, "Give RUN, or --rows"),
        ("aggregate nowhere --rows rows.csv", 2, "A run knows its own rows"),
        ("aggregate --rows absent --outputs x --out y", 2, "absent: There is no such file"),
        ("aggregate --rows rows.csv --outputs x --out y", 2, "x: There are no output files"),
        ("run batch-prediction --local", 2, "No source is named"),
        ("run batch-prediction absent.csv --local", 2, "There is no such file"),
        ("run batch-prediction rows.csv --local -p source=rows.csv", 2, "given twice"),
        ("run batch-prediction rows.csv --local -p template=python3", 2, "options=FILE"),
    ],
)
def test_what_a_careless_person_does_is_told_in_one_message(
    rows: Terminal, line: str, code: int, says: str
) -> None:
    ended = rows.within(*line.split(" "))
    assert ended.code == code, ended.err
    assert says in ended.err
    assert "Traceback" not in ended.err


def test_a_prepared_run_may_not_be_sent_if_most_rows_are_wrong(rows: Terminal) -> None:
    (rows.folder / "rows.csv").write_text('prompt\nfine\n" "\n')
    prepared = rows("prepare", "rows.csv", "--out", "run")
    assert prepared.code == 1
    assert "rows.csv:3: error empty_prompt: the prompt is empty" in prepared.err
    sent = rows("predict", "run", "--local")
    assert sent.code == 1
    assert "1 of 2 rows cannot be sent" in sent.message
    assert not Path(rows.folder, "run/predictions.json").exists()


def test_rows_that_were_sent_are_not_prepared_again(rows: Terminal) -> None:
    rows("prepare", "rows.csv", "--out", "run")
    rows("predict", "run", "--local")
    ended = rows("prepare", "rows.csv", "--out", "run")
    assert ended.code == 2
    assert "The rows of this run were sent already" in ended.message


def test_options_may_lie_in_a_file(rows: Terminal) -> None:
    (rows.folder / "rows.yaml").write_text(
        "template: |\n  Say in python3: {{prompt}}\ngeneration:\n  maxOutputTokens: 20\n"
    )
    ended = rows(
        "run",
        "batch-prediction",
        "rows.csv",
        "--local",
        "--out",
        "run",
        "-p",
        "options=rows.yaml",
        "-p",
        "count_tokens=false",
    )
    assert ended.code == 0, ended.err
    shards = rows.folder / "run/results/prepared/shards"
    told = "".join(path.read_text() for path in shards.iterdir())
    assert "Say in python3: Capital of France?" in told
    assert '"maxOutputTokens":20' in told


def test_the_empty_workbook_of_the_results(rows: Terminal) -> None:
    ended = rows("prepare", "rows.csv", "--template-only", "results.xlsx")
    assert (ended.code, ended.out) == (0, "results.xlsx\n")
    assert "3 rows; nothing was sent" in ended.err
    sheet = openpyxl.load_workbook(rows.folder / "results.xlsx")["Results"]
    assert [cell.value for cell in sheet["D"]] == ["Prompt", *(r["prompt"] for r in table())]
    assert [cell.value for cell in sheet["E"]] == ["Answer", None, None, None]
    assert not (rows.folder / "runs").exists()


def table() -> list[dict[str, str]]:
    return list(csv.DictReader(ROWS.splitlines()))
