"""Rows into a run folder: every row has its line in the manifest, whatever is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import InputError, WrongUse
from components.prepare_requests.prepare import prepare
from components.rows.canonical import key_of
from components.rows.references import fill
from tests.prepare_requests.prepared import SHARED, TODAY, csv, jsonl, read_lines


def test_a_csv_becomes_requests_and_a_manifest(tmp_path: Path) -> None:
    run = csv(tmp_path, 'id,prompt\na,one\nb,"two\nlines"\nc,one\n')
    assert run.saved == json.loads(json.dumps(run.plan.to_dict()))
    assert (run.plan.rows, run.plan.ready, run.plan.unique_requests) == (3, 3, 2)
    assert (run.plan.waves, run.plan.waiting, run.plan.invalid) == (1, 0, 0)
    shard = "w000-gemini-3-5-flash-00000.jsonl"
    assert [s.name for s in run.plan.shards] == [shard]
    sent = run.requests[shard]
    assert sent[0]["request"] == {"contents": [{"role": "user", "parts": [{"text": "one"}]}]}
    assert sent[0]["key"] == key_of(sent[0]["request"], "gemini-3.5-flash")
    assert run.manifest[0] == {
        "row": 1,
        "id": "a",
        "model": "gemini-3.5-flash",
        "wave": 0,
        "status": "ready",
        "reason": "",
        "key": sent[0]["key"],
        "shard": shard,
        "source": "rows.csv",
        "line": 2,
        "prompt": "one",
    }
    assert [line["line"] for line in run.manifest] == [2, 3, 5]
    assert run.manifest[2]["key"] == run.manifest[0]["key"]
    written = tmp_path / "run/prepared/shards" / shard
    assert run.plan.shards[0].bytes == written.stat().st_size


@given(text=st.text(min_size=1).filter(lambda t: t.strip() and "\0" not in t))
def test_the_quick_way_makes_the_keys_of_the_slow_way(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    given = {"system": "s", "generation": {"temperature": 0.0, "responseJsonSchema": {"b": 1}}}
    row = {"prompt": text}
    run = jsonl(tmp_path_factory.mktemp("k"), row, row | {"media": None}, **given)
    assert run.plan.unique_requests == 1
    [line] = run.requests["w000-gemini-3-5-flash-00000.jsonl"]
    assert line["key"] == key_of(line["request"], "gemini-3.5-flash")


def test_templates_put_values_in_once_and_leave_everything_else(tmp_path: Path) -> None:
    template = "$1 {} ${HOME} $(ls) %s {a} {{a}} | {{ First Name }} {{A}}"
    run = csv(tmp_path, "a,First Name\n{{a}} ${output.1},`x` $2\n", template=template)
    assert run.texts() == [
        "$1 {} ${HOME} $(ls) %s {a} {{a}} ${output.1} | `x` $2 {{a}} ${output.1}"
    ]


def test_every_missing_column_of_a_template_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        csv(tmp_path, "city,text\nx,y\n", template="{{cty}} {{text}} {{other}}")
    assert "{{cty}} (did you mean city?), {{other}}" in str(told.value)


def test_a_missing_field_of_a_json_row_stops_only_that_row(tmp_path: Path) -> None:
    run = jsonl(tmp_path, {"a": 1}, {"b": 2.5}, {"a": None}, template="{{a}}!")
    assert run.texts() == ["1!", "!"]
    assert run.reasons()[1] == "missing_variable: {{a}}"


def test_references_make_waves(tmp_path: Path) -> None:
    run = csv(
        tmp_path,
        "id,prompt\n"
        "capital,What is the capital of France?\n"
        ",What is the population of ${output.1}?\n"
        "x,Compare ${output.2} and ${output.capital} with ${output.6}\n"
        ",None of ${output.99}\n"
        ",After ${output.4}\n"
        ",$${output.1} stays\n"
        ",me ${output.7}\n",
    )
    assert [line["wave"] for line in run.manifest] == [0, 1, 2, 0, 0, 0, 0]
    assert [line["status"] for line in run.manifest] == [
        "ready", "waiting", "waiting", "invalid", "invalid", "ready", "invalid",
    ]  # fmt: skip
    reasons = run.reasons()
    assert reasons[3] == "unknown_reference: ${output.99}: there is no such row; rows.csv has 7"
    assert reasons[4] == "failed_reference: row 4, which it needs, is not sent"
    assert reasons[6] == "reference_cycle: row 7 needs its own answer"
    assert run.plan.waves == 3
    assert run.pending[1]["needs"] == [1, 2, 6]
    assert run.pending[1]["refs"] == {"2": 2, "capital": 1, "6": 6}
    assert "${output.1} stays" in run.texts()
    filled = fill(run.pending[0]["template"], {"1": "Paris ${output.2}"})
    assert filled["contents"][0]["parts"][0]["text"] == (
        "What is the population of Paris ${output.2}?"
    )
    places = {(f["rule"], f["line"]) for f in run.plan.findings}
    assert ("unknown_reference", 5) in places


def test_a_number_that_is_a_place_and_the_id_of_another_row_is_refused(tmp_path: Path) -> None:
    rows = "id,prompt\n2,two\n3,three\n101,of ${output.2}\n102,of ${output.101}\n"
    reasons = csv(tmp_path, rows).reasons()
    assert reasons[2] == (
        "ambiguous_reference: ${output.2}: the row at place 2, or row 1, whose id is 2?"
    )
    assert reasons[3] == "failed_reference: row 3, which it needs, is not sent"
    run = csv(tmp_path, rows.replace("output.101", "output.1"), columns={"id": ""})
    assert [line["refs"] for line in run.pending] == [{"2": 2}, {"1": 1}]
    run = csv(tmp_path, "id,prompt\n1,one\n101,two\n103,of ${output.101} ${output.1}\n")
    assert [line["refs"] for line in run.pending] == [{"101": 2, "1": 1}]


def test_references_count_rows_of_their_own_file(tmp_path: Path) -> None:
    for name, text in (
        ("a", "prompt\none\ntwo\n"),
        ("b", "id,prompt\nq,x\n,of ${output.1} ${output.q}\n"),
    ):
        (tmp_path / f"{name}.csv").write_text(text)
    plan = prepare([str(tmp_path / "*.csv")], str(tmp_path / "run"), today=TODAY)
    assert (plan.rows, plan.waves) == (4, 2)
    [line] = read_lines(tmp_path / "run/prepared/pending.jsonl")
    assert (line["row"], line["refs"]) == (4, {"1": 3, "q": 3})


def test_the_example_of_the_seed_runs_with_names_mapped(tmp_path: Path) -> None:
    source = "prompt,model\nWhat is the capital of France?,Granite 13B V2.1\nWhat is 2+2?,Llama3\n"
    run = csv(tmp_path, source)
    assert [r.partition(":")[0] for r in run.reasons()] == ["unknown_model", "unknown_model"]
    run = csv(tmp_path, source, models={"*": "gemini-3.8-flash"})
    assert run.plan.ready == 2


def test_a_line_that_is_an_output_is_told(tmp_path: Path) -> None:
    request = {"contents": [{"parts": [{"text": "x"}]}]}
    run = jsonl(tmp_path, {"request": request, "status": "", "response": {"candidates": []}})
    assert (run.plan.ready, run.plan.finding_counts) == (1, {"answered": 1})
    assert "intent2batch aggregate" in run.plan.findings[0]["fix"]


def test_a_text_called_request_is_a_column_of_the_template(tmp_path: Path) -> None:
    run = jsonl(tmp_path, {"request": "a refund"}, {"request": '{"a": 1}'}, template="{{request}}!")
    assert run.texts() == ["a refund!"]
    assert run.reasons()[1].startswith("unknown_field: a: ")


def test_ready_requests_pass_in_any_spelling(tmp_path: Path) -> None:
    run = jsonl(
        tmp_path,
        {"request": {"contents": [{"parts": {"text": "x"}}]}, "custom_id": "c1"},
        {"request": {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}, "key": 5},
        {"contents": [{"parts": [{"text": "y"}]}], "generation_config": {"top_k": 3.0}},
        {"request": json.dumps({"contents": [{"parts": {"text": "z"}}]})},
        {"request": {"contents": [{"parts": [{"txt": "x"}]}]}},
        {"request": {"contents": [{"parts": {"text": "m"}}], "model": "models/gemini-3.8-flash"}},
        {"content": "an embedding"},
        {"request": 5},
    )
    assert [line["id"] for line in run.manifest[:2]] == ["c1", "5"]
    assert run.manifest[0]["key"] == run.manifest[1]["key"]
    assert run.manifest[2]["status"] == run.manifest[3]["status"] == "ready"
    assert run.reasons()[4].startswith("unknown_field: contents[0].parts[0].txt: ")
    assert run.manifest[5]["model"] == "gemini-3.8-flash"
    assert run.reasons()[6].startswith("no_prompt: No column holds the prompt; the columns are")
    assert run.reasons()[7] == "bad_request: request: must be an object"
    [finding] = [f for f in run.plan.findings if f["line"] == 5 and "txt" in f["path"]]
    assert finding["fix"] == "Did you mean text?"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder with real rows is not here")
def test_the_files_of_the_seed_are_clean(tmp_path: Path) -> None:
    sources = [
        str(SHARED / f"meteatamel_batch_request_{kind}_input.jsonl")
        for kind in ("text", "multimodal")
    ]
    plan = prepare(sources, str(tmp_path), today=TODAY)
    assert (plan.rows, plan.ready, plan.findings) == (13, 13, [])


def test_shards_split_below_their_limits(tmp_path: Path) -> None:
    source = "prompt\n" + "".join(f"p{n}\n" for n in range(7)) + "p0\n"
    run = csv(tmp_path, source, max_shard_requests=3)
    assert [(s.name[-12:], s.requests) for s in run.plan.shards] == [
        ("-00000.jsonl", 3), ("-00001.jsonl", 3), ("-00002.jsonl", 1),
    ]  # fmt: skip
    assert run.manifest[-1]["shard"] == run.plan.shards[0].name
    size = run.plan.shards[0].bytes // 3
    run = csv(tmp_path, source, max_shard_bytes=2 * size)
    assert [s.requests for s in run.plan.shards] == [2, 2, 2, 1]
    assert all(s.bytes <= 2 * size for s in run.plan.shards)


def test_limits_and_cost(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"rows.csv:4: There are more than 2 rows \(max_rows\)"):
        csv(tmp_path, "prompt\na\nb\nc\n", max_rows=2)
    assert not (tmp_path / "run/prepared/plan.json").exists()
    assert not list((tmp_path / "run").rglob("*.jsonl"))
    run = csv(tmp_path, "prompt\nabcd\nabcde\n", max_prompt_chars=4, max_cost_usd=0.000001)
    assert run.reasons()[1] == (
        "prompt_too_long: 5 characters, and 4 are allowed (max_prompt_chars)"
    )
    assert run.plan.finding_counts["cost_above_limit"] == 1
    assert run.plan.estimate.cost_batch_usd == pytest.approx(500 * 4.5e-6, rel=0.01)
    assert run.plan.estimate.cost_online_usd == pytest.approx(500 * 9e-6, rel=0.01)
    assert "prices of 2026-11-20" in run.plan.estimate.how


def test_long_requests_are_estimated_at_their_own_price(tmp_path: Path) -> None:
    short, long = "a" * 400_000, "b" * 1_200_000  # 100,000 and 300,000 tokens
    given = {"model": "gemini-3.1-pro-preview", "generation": {"maxOutputTokens": 1}}
    estimate = csv(tmp_path, f"prompt\n{short}\n{long}\n", **given).plan.estimate
    assert estimate.cost_batch_usd == pytest.approx(0.1 * 1 + 0.3 * 2, abs=1e-4)
    rows = f"prompt\n{long}\n{long} ${{output.1}}\n"
    assert csv(tmp_path, rows, **given).plan.estimate.cost_batch_usd == pytest.approx(1.2, abs=0.01)


def test_an_unknown_price_is_unknown(tmp_path: Path) -> None:
    run = csv(tmp_path, "prompt,model\na,gemini-3.99-flash\nb,\n")
    assert run.plan.estimate.cost_batch_usd is None
    assert run.plan.estimate.unknown_prices == ["gemini-3.99-flash"]
    assert run.plan.finding_counts == {"cost_unknown": 1, "model": 1}


def test_duplicates_are_paid_once(tmp_path: Path) -> None:
    once = csv(tmp_path, "prompt\na\n").plan.estimate
    assert csv(tmp_path, "prompt\na\na\na\n").plan.estimate == once


def test_findings_are_bounded_and_counted(tmp_path: Path) -> None:
    source = "prompt,model\n" + " ,\n" * 900 + "x,nope\n" * 900
    run = csv(tmp_path, source)
    assert run.plan.finding_counts == {"empty_prompt": 900, "unknown_model": 900}
    assert len(run.plan.findings) == 500
    assert run.plan.invalid == 1800


def test_a_table_goes_to_the_service_as_it_is(tmp_path: Path) -> None:
    plan = prepare(["bq://p.d.t"], str(tmp_path), today=TODAY)
    assert [s.name for s in plan.shards] == ["bq://p.d.t"]
    assert plan.estimate.cost_batch_usd is None
    assert "not_checked" in plan.finding_counts
    with pytest.raises(InputError, match="names no table"):
        prepare(["bq://p.d"], str(tmp_path))
    with pytest.raises(WrongUse, match="together"):
        prepare(["bq://p.d.t", "a.csv"], str(tmp_path))


_CELL = st.text(alphabet='ab,;"\n\r ${}output.1é中😀', max_size=12)


@given(rows=st.lists(st.tuples(_CELL, _CELL), min_size=1, max_size=8))
def test_rows_in_are_rows_out(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("r")
    run = jsonl(folder, *({"id": a, "prompt": b} for a, b in rows))
    assert [line["row"] for line in run.manifest] == list(range(1, len(rows) + 1))
    assert [line["id"] for line in run.manifest] == [a for a, _ in rows]
    keys = [line["key"] for lines in run.requests.values() for line in lines]
    assert len(keys) == len(set(keys)) == run.plan.unique_requests
    assert {line["key"] for line in run.manifest if line["status"] == "ready"} == set(keys)
    assert [line["row"] for line in run.pending] == [
        line["row"] for line in run.manifest if line["status"] == "waiting"
    ]
    assert all(bool(line["reason"]) == (line["status"] == "invalid") for line in run.manifest)


def test_a_model_about_to_go_is_told_for_rows_that_wait_too(tmp_path: Path) -> None:
    run = csv(tmp_path, "prompt,model\na,\nof ${output.1},gemini-2.5-pro\n")
    [finding] = [f for f in run.plan.findings if f["rule"] == "model"]
    assert (finding["line"], finding["message"][:23]) == (3, "Model gemini-2.5-pro re")


def test_fields_beside_a_request_are_not_lost_silently(tmp_path: Path) -> None:
    request = {"contents": [{"parts": [{"text": "x"}]}]}
    run = jsonl(
        tmp_path,
        {"request": request, "generation_config": {"temperature": 0}, "note": "mine"},
        {"request": request, "note": "mine", "labels": "mine", "status": ""},
        {"request": {"contents": [{"parts": 5}]}},
        {"request": {"contents": 5, "systemInstruction": 5}},
    )
    assert run.reasons()[0] == (
        "unknown_field: generation_config: it stands beside the request, and the service looks "
        "only into it"
    )
    assert run.reasons()[1] == ""
    assert run.reasons()[2].startswith("wrong_type: contents[0].parts: ")
    assert run.reasons()[3].startswith("wrong_type: contents: ")


def test_a_name_of_any_length_makes_no_long_finding(tmp_path: Path) -> None:
    run = jsonl(tmp_path, {"prompt": "x", "response_schema": {"properties": {"p" * 99_999: 5}}})
    assert len(run.reasons()[0]) < 300
    assert len(run.plan.findings[0]["path"]) < 300


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder with real rows is not here")
def test_every_real_file_is_read_to_its_end(tmp_path: Path) -> None:
    for file in sorted(SHARED.glob("*.jsonl")):
        plan = prepare([str(file)], str(tmp_path / file.stem), today=TODAY)
        lines = [line for line in file.read_bytes().splitlines() if line.strip()]
        assert plan.rows == len(lines), file.name
        assert plan.ready + plan.waiting + plan.invalid == plan.rows
        assert not plan.invalid or plan.findings
