"""The step of a run: plan, gate and page; and the same on Cloud Storage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.errors import InputError, WrongUse
from components.prepare_requests.prepare import prepare
from components.prepare_requests.step import Prepared, as_markdown, prepare_step
from components.storage import files


def step(tmp_path: Path, text: str, options: str = "", **more: Any) -> Prepared:
    (tmp_path / "rows.csv").write_text(text, "utf-8")
    ratio = more.pop("max_failed_ratio", 1.0)
    return prepare_step(
        str(tmp_path / "rows.csv"),
        str(tmp_path / "run"),
        {"max_cost_usd": 0.0, "model": "", **more},
        options,
        {},
        max_failed_ratio=ratio,
    )


def gate(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tmp_path / "run/gate.json").read_text())
    return found


def test_good_rows_go(tmp_path: Path) -> None:
    prepared = step(tmp_path, "prompt\na\nb\n", '{"generation": {"temperature": 0}}')
    assert prepared.go
    assert gate(tmp_path) == {"go": True, "reason": "2 rows to send."}
    page = as_markdown(prepared)
    assert "| Rows | 2 |" in page
    assert "| Cost in batches | $0.00" in page
    assert prepared.plan.metrics()["rows_ready"] == 2


@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        ("prompt\n  \n", {}, "none of 1 row can be sent"),
        ("prompt\na\n \n", {"max_failed_ratio": 0.4}, "1 of 2 rows cannot be sent"),
        ("prompt\na\n", {"max_cost_usd": 0.0001}, "the estimate is $"),
        (
            "prompt,model\na,gemini-9-flash\n",
            {"max_cost_usd": 1.0},
            "the price of gemini-9-flash is unknown",
        ),
    ],
)
def test_what_stops_the_run(tmp_path: Path, text: str, more: dict[str, Any], reason: str) -> None:
    assert not step(tmp_path, text, **more).go
    assert reason in gate(tmp_path)["reason"]


def test_rows_that_are_prepared_anew_are_not_sent_before_they_are(tmp_path: Path) -> None:
    assert step(tmp_path, "prompt\na\n").go
    with pytest.raises(InputError, match="does not end"):
        step(tmp_path, 'prompt\na\n"b\n')
    assert gate(tmp_path) == {"go": False, "reason": "The rows were not prepared to the end"}
    assert step(tmp_path, "prompt\na\n").go
    assert gate(tmp_path)["go"]


def test_a_limit_on_cost_stops_a_table_whose_rows_nobody_counts(tmp_path: Path) -> None:
    prepared = prepare_step("bq://p.d.t", str(tmp_path), {"max_cost_usd": 5.0}, "", {})
    assert not prepared.go
    assert "will cost is unknown, and $5.00 is allowed" in prepared.reason
    assert prepare_step("bq://p.d.t", str(tmp_path), {}, "", {}).go


def test_a_limit_is_kept_in_a_plan_full_of_findings(tmp_path: Path) -> None:
    bad = "".join(f"x,{name}\n" for name in ["nope"] * 300)
    prepared = step(tmp_path, f"prompt,model\na,\n{bad}" + " ,\n" * 300, max_cost_usd=0.0001)
    assert not prepared.go


def test_hostile_names_do_nothing_on_the_page(tmp_path: Path) -> None:
    page = as_markdown(step(tmp_path, 'prompt,model\na,"<script>|[x](y)"\n'))
    assert "<script>" not in page
    assert "](y)" not in page


@pytest.mark.parametrize("options", ["{", "[1]", '{"templat": 1}'])
def test_bad_options_are_told(tmp_path: Path, options: str) -> None:
    with pytest.raises(WrongUse):
        step(tmp_path, "prompt\na\n", options)


@pytest.mark.usefixtures("emulator")
def test_a_run_on_cloud_storage(tmp_path: Path) -> None:
    from components.storage.client import storage_client

    storage_client().create_bucket("rows")
    files.write_text("gs://rows/in/a.csv", "prompt\none\nof ${output.1}\n")
    files.write_text("gs://rows/in/b.jsonl", '{"prompt": "two"}\n')
    plan = prepare(["gs://rows/in"], "gs://rows/run")
    assert (plan.rows, plan.ready, plan.waiting) == (3, 2, 1)
    names = [
        uri.removeprefix("gs://rows/run/prepared/") for uri in files.list_uris("gs://rows/run")
    ]
    assert names == [
        "manifest.jsonl", "pending.jsonl", "plan.json", f"shards/{plan.shards[0].name}",
    ]  # fmt: skip
    local = prepare(["gs://rows/in/a.csv", "gs://rows/in/b.jsonl"], str(tmp_path / "run"))
    name = f"shards/{local.shards[0].name}"
    assert (
        files.read_bytes(f"gs://rows/run/prepared/{name}")
        == (tmp_path / "run/prepared" / name).read_bytes()
    )
