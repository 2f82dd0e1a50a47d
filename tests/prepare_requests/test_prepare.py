"""Rows into a run folder: every row has its line in the manifest, whatever is wrong with it."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import InputError, WrongUse
from components.prepare_requests.plan import Plan
from components.prepare_requests.prepare import prepare
from components.prepare_requests.settings import settings_from
from components.rows.canonical import key_of
from components.rows.references import fill

SHARED = Path(__file__).parents[3] / "shared" / "gemini_jsonl"
TODAY = datetime.date(2026, 11, 21)


class Prepared:
    """A run folder, read back."""

    def __init__(self, folder: Path, source: bytes | str, name: str, given: dict[str, Any]) -> None:
        file = folder / name
        file.write_bytes(source.encode() if isinstance(source, str) else source)
        self.plan: Plan = prepare(
            [str(file)], str(folder / "run"), settings_from(given, {}), today=TODAY
        )
        base = folder / "run" / "prepared"
        self.manifest = _lines(base / "manifest.jsonl")
        self.pending = _lines(base / "pending.jsonl")
        self.requests = {
            shard.name: _lines(base / "shards" / shard.name) for shard in self.plan.shards
        }
        self.saved = json.loads((base / "plan.json").read_text())

    def reasons(self) -> list[str]:
        return [line["reason"] for line in self.manifest]

    def texts(self) -> list[str]:
        return [
            line["request"]["contents"][-1]["parts"][-1]["text"]
            for lines in self.requests.values()
            for line in lines
        ]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def csv(tmp_path: Path, source: bytes | str, **given: Any) -> Prepared:
    return Prepared(tmp_path, source, "rows.csv", given)


def jsonl(tmp_path: Path, *rows: dict[str, Any], **given: Any) -> Prepared:
    source = "".join(json.dumps(row) + "\n" for row in rows)
    return Prepared(tmp_path, source, "rows.jsonl", given)


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


def test_columns_of_settings_become_generation_config(tmp_path: Path) -> None:
    run = csv(
        tmp_path,
        "Prompt,System Instruction,model,temperature,maxOutputTokens,stop,response schema\n"
        'x,be brief,gemini-3.8-flash,0.5,100,END,"{""type"": ""STRING""}"\n'
        "x,,,,,,\n"
        "x,,,hot,,,\n"
        "x,,,9,,,\n",
        generation={"top_p": 0.9, "temperature": 1},
    )
    first = run.requests["w000-gemini-3-8-flash-00000.jsonl"][0]["request"]
    assert first["systemInstruction"] == {"parts": [{"text": "be brief"}]}
    assert first["generationConfig"] == {
        "topP": 0.9,
        "temperature": 0.5,
        "maxOutputTokens": 100,
        "stopSequences": ["END"],
        "responseSchema": {"type": "STRING"},
        "responseMimeType": "application/json",
    }
    second = run.requests["w000-gemini-3-5-flash-00000.jsonl"][0]["request"]
    assert second["generationConfig"] == {"topP": 0.9, "temperature": 1}
    assert run.reasons()[2] == "bad_setting: temperature: 'hot' is not a number"
    assert run.reasons()[3] == "out_of_range: generationConfig.temperature: 9 is outside of 0 to 2"


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


def test_references_count_rows_of_their_own_file(tmp_path: Path) -> None:
    for name, text in (
        ("a", "prompt\none\ntwo\n"),
        ("b", "id,prompt\nq,x\n,of ${output.1} ${output.q}\n"),
    ):
        (tmp_path / f"{name}.csv").write_text(text)
    plan = prepare([str(tmp_path / "*.csv")], str(tmp_path / "run"), today=TODAY)
    assert (plan.rows, plan.waves) == (4, 2)
    [line] = _lines(tmp_path / "run/prepared/pending.jsonl")
    assert (line["row"], line["refs"]) == (4, {"1": 3, "q": 3})


def test_the_example_of_the_seed_runs_with_names_mapped(tmp_path: Path) -> None:
    source = "prompt,model\nWhat is the capital of France?,Granite 13B V2.1\nWhat is 2+2?,Llama3\n"
    run = csv(tmp_path, source)
    assert [r.partition(":")[0] for r in run.reasons()] == ["unknown_model", "unknown_model"]
    run = csv(tmp_path, source, models={"*": "gemini-3.8-flash"})
    assert run.plan.ready == 2


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
    assert plan.estimate.cost_batch_usd == 0.0
    assert "not_checked" in plan.finding_counts
    with pytest.raises(InputError, match="names no table"):
        prepare(["bq://p.d"], str(tmp_path))
    with pytest.raises(WrongUse, match="together"):
        prepare(["bq://p.d.t", "a.csv"], str(tmp_path))


def test_a_setting_that_is_not_known_is_told() -> None:
    with pytest.raises(WrongUse, match="Did you mean template"):
        settings_from({"templat": "x"}, {})
    with pytest.raises(WrongUse, match="role of a column"):
        settings_from({"columns": {"promt": "x"}}, {})


@pytest.mark.parametrize(
    "given",
    [
        {"template": 5},
        {"columns": {"prompt": 1}},
        {"columns": "prompt"},
        {"generation": []},
        {"safety": ["x"]},
        {"safety": {"a": 1}},
        {"pinned": [1]},
        {"max_waves": True},
        {"max_waves": 0},
        {"max_cost_usd": -1},
        {"max_cost_usd": "x"},
        {"max_rows": "x"},
        {"max_shard_bytes": 2_000_000_000},
        {"delimiter": ";;"},
        {"limits": {}},
    ],
)
def test_a_setting_of_the_wrong_kind_is_told(given: dict[str, Any]) -> None:
    with pytest.raises(WrongUse):
        settings_from(given, {})


def test_the_environment_sets_limits_and_the_model_beneath_what_is_given() -> None:
    environment = {
        "MAX_EXECUTIONS_PER_BATCH": "9",
        "MAX_PROMPT_LENGTH": "8",
        "ASSISTANTS_DEFAULT_MODEL_ID_OR_NAME": "gemini-3.8-flash",
    }
    settings = settings_from({"max_rows": 5}, environment)
    assert (settings.limits.max_rows, settings.limits.max_prompt_chars) == (5, 8)
    assert settings.model == "gemini-3.8-flash"
    assert settings_from({"model": "m"}, environment).model == "m"


def test_media_of_a_row(tmp_path: Path) -> None:
    run = csv(
        tmp_path,
        "prompt,image,mime_type\n"
        "what?,gs://b/a.png gs://b/b c.jpg,\n"
        "what?,gs://b/nothing,image/png\n"
        "what?,gs://b/a.docx,\n"
        ",gs://b/a.pdf,\n"
        "what?,/etc/passwd,\n"
        'what?,"[""gs://b/a.mp4""]",\n',
    )
    parts = [
        line["request"]["contents"][0]["parts"] for lines in run.requests.values() for line in lines
    ]
    assert [p.get("fileData", {}).get("mimeType") for p in parts[0]] == [
        "image/png", "image/jpeg", None,
    ]  # fmt: skip
    assert parts[0][1]["fileData"]["fileUri"] == "gs://b/b c.jpg"
    assert parts[2] == [{"fileData": {"fileUri": "gs://b/a.pdf", "mimeType": "application/pdf"}}]
    assert "Word file" in run.reasons()[2]
    assert "neither a gs://" in run.reasons()[4]
    assert "a minute for each audio or video" in run.plan.estimate.how
    assert run.plan.estimate.input_tokens > 3 * 1120


def test_a_media_cell_made_to_be_slow_is_refused(tmp_path: Path) -> None:
    run = jsonl(tmp_path, {"prompt": "x", "media": "gs://b/a.png" + " " * 900_000 + "gs:"})
    assert run.reasons()[0].startswith("bad_media: the cell holds more than")


def test_conversations_keep_within_their_tokens(tmp_path: Path) -> None:
    turns = [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "old " * 50},
        {"role": "assistant", "content": "older answer " * 50},
        {"role": "user", "content": "newer"},
        {"role": "model", "text": "newer answer"},
    ]
    run = jsonl(
        tmp_path,
        {"prompt": "now?", "turns": turns},
        {"turns": turns[:4]},
        {"prompt": "x", "turns": [{"role": "tool", "text": "y"}]},
        {"prompt": "z" * 900, "turns": turns},
        history_tokens=100,
        pinned=["the sky is blue"],
    )
    [first] = run.requests["w000-gemini-3-5-flash-00000.jsonl"][:1]
    contents = first["request"]["contents"]
    assert [(t["role"], t["parts"][0]["text"]) for t in contents] == [
        ("user", "newer"), ("model", "newer answer"), ("user", "now?"),
    ]  # fmt: skip
    assert first["request"]["systemInstruction"]["parts"] == [
        {"text": "the sky is blue\n\nbe kind"}
    ]
    assert run.reasons()[2] == "bad_conversation: turn 1 has the unknown role 'tool'"
    assert run.reasons()[3].startswith("conversation_too_long: about 2")
    cut = [f["message"] for f in run.plan.findings if f["rule"] == "history_cut"]
    assert cut[0].startswith("contents: the 2 oldest turns are left out")


def test_every_row_goes_on_from_a_stored_conversation(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    history.write_text('{"role":"user","text":"hi"}\n{"role":"model","text":"hello"}\n')
    run = csv(tmp_path, "prompt\na\nb\n", history=str(history))
    for line in run.requests["w000-gemini-3-5-flash-00000.jsonl"]:
        assert [turn["role"] for turn in line["request"]["contents"]] == ["user", "model", "user"]
    history.write_text('{"role":"user"}\n')
    with pytest.raises(InputError, match=r"history.jsonl:1: A turn cannot be read"):
        csv(tmp_path, "prompt\na\n", history=str(history))


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


def test_settings_of_a_row_may_stand_in_one_object(tmp_path: Path) -> None:
    run = jsonl(
        tmp_path,
        {"prompt": "a", "generation_config": {"top_k": 3, "temperature": 1}, "temperature": 0.5},
        {"prompt": "b", "generationConfig": {"temperatur": 1}},
        {"prompt": "c", "generation_config": [1]},
        {"prompt": "d", "response_json_schema": {"type": "object"}},
        {"prompt": "e", "thinking_level": "low"},
        {"prompt": "f", "thinking_budget": 9},
        generation={"thinkingConfig": {"includeThoughts": True}},
    )
    sent = [
        line["request"]["generationConfig"] for lines in run.requests.values() for line in lines
    ]
    thinks = {"thinkingConfig": {"includeThoughts": True}}
    assert sent[0] == thinks | {"topK": 3, "temperature": 0.5}
    assert sent[1] == thinks | {
        "responseJsonSchema": {"type": "object"}, "responseMimeType": "application/json",
    }  # fmt: skip
    assert sent[2] == {"thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"}}
    assert sent[3] == {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 9}}
    assert run.reasons()[1].startswith("unknown_field: generationConfig.temperatur")
    assert run.reasons()[2] == (
        "bad_setting: generation_config: '[1]' is not a JSON object of settings"
    )


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("temprature", "did you mean temperature?"),
        ("Sytem", "did you mean system?"),
        ("candidateCount", "write it into generation_config, as JSON"),
        ("notes", ""),
        ("mode", ""),
        ("speed", ""),
    ],
)
def test_a_column_that_is_nearly_a_setting_is_told_once(
    tmp_path: Path, column: str, words: str
) -> None:
    for run in (
        csv(tmp_path, f"prompt,{column}\na,1\nb,2\n"),
        jsonl(tmp_path, {"prompt": "a", column: 1}, {"prompt": "b ${output.1}", column: 1}),
    ):
        assert [f["message"] for f in run.plan.findings] == (
            [f"the column '{column}' is not used; {words}"] if words else []
        )
    used = csv(tmp_path, f"prompt,{column}\na,1\n", template=f"{{{{{column}}}}}")
    assert not used.plan.findings


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


def test_texts_may_come_in_the_form_of_a_turn(tmp_path: Path) -> None:
    turn = {"parts": [{"text": "be "}, {"text": "kind"}]}
    run = jsonl(tmp_path, {"prompt": {"parts": {"text": "x"}}, "systemInstruction": turn})
    [line] = run.requests["w000-gemini-3-5-flash-00000.jsonl"]
    assert line["request"]["contents"][0]["parts"] == [{"text": "x"}]
    assert line["request"]["systemInstruction"] == {"parts": [{"text": "be kind"}]}


PNG = {"fileUri": "gs://b/a.png", "mimeType": "image/png"}
BARE = {"fileUri": "gs://b/a", "mimeType": "image/png"}
MEDIA = [
    ("gs://b/a.png", "", [PNG]),
    (" ;gs://b/a.png , ", "", [PNG]),
    ("gs://b/a.png;\n gs://b/a.png", "", [PNG, PNG]),
    ("gs://b/a gs://b/a.png", "image/png", [BARE, PNG]),
    ("gs://b/a,gs://b/a.png", ["image/png", "image/png"], [BARE, PNG]),
    (["gs://b/a.png"], "", [PNG]),
    ({"uri": "gs://b/a", "mime_type": "image/png"}, "", [BARE]),
    ([{"file_uri": "gs://b/a", "mimeType": "image/png"}, "gs://b/a.png"], "", [BARE, PNG]),
    ([{"fileData": BARE}, {"file_data": {"file_uri": "gs://b/a.png"}}], "", [BARE, PNG]),
    ([5], "", "bad_media: 5 names no file"),
    ({"uri": 5}, "", 'bad_media: {"uri":5} names no file'),
    ("[5", "", "bad_media: the list of files is no JSON list"),
    ("gs://b/a", "[5", "bad_media: the list of types is no JSON list"),
    ("gs://b/a", "image/png image/png", "bad_media: 1 files and 2 mime types"),
    (";;", "", "bad_media: contents[0].parts[0].fileData: ';;' is neither"),
]


@pytest.mark.parametrize(("media", "mime", "wanted"), MEDIA, ids=range(len(MEDIA)))
def test_files_in_every_form(tmp_path: Path, media: Any, mime: Any, wanted: Any) -> None:
    run = jsonl(tmp_path, {"prompt": "x", "media": media, "mime_type": mime})
    if isinstance(wanted, str):
        assert run.reasons()[0].startswith(wanted)
        return
    [[line]] = run.requests.values()
    parts = line["request"]["contents"][0]["parts"]
    assert parts == [*({"fileData": file} for file in wanted), {"text": "x"}]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("h.jsonl", '{"role":"user","text":"é"}\n{"role":"model","text":"ok"}\n'.encode("utf-16")),
        ("h.json", '[{"role":"user","text":"é"},{"role":"model","text":"ok"}]'.encode()),
        ("h.csv", "Role,Text\nuser,é\nassistant,ok\n".encode("utf-8-sig")),
    ],
)
def test_a_stored_conversation_may_be_stored_in_many_ways(
    tmp_path: Path, name: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    run = csv(tmp_path, "prompt\na\n", history=str(tmp_path / name))
    [[line]] = run.requests.values()
    assert [(t["role"], t["parts"][0]["text"]) for t in line["request"]["contents"]] == [
        ("user", "é"), ("model", "ok"), ("user", "a"),
    ]  # fmt: skip


def test_what_was_said_in_a_stored_conversation_refers_to_no_row(tmp_path: Path) -> None:
    said = "use ${output.2} and $${output.1}"
    (tmp_path / "h.jsonl").write_text(
        json.dumps({"role": "user", "text": "how?"})
        + "\n"
        + json.dumps({"role": "model", "text": said})
    )
    run = csv(tmp_path, "prompt\na\nof ${output.1}\n", history=str(tmp_path / "h.jsonl"))
    assert [line["status"] for line in run.manifest] == ["ready", "waiting"]
    [[line]] = run.requests.values()
    assert line["request"]["contents"][1]["parts"] == [{"text": said}]
    filled = fill(run.pending[0]["template"], {"1": "A ${output.1}"})
    assert [turn["parts"][0]["text"] for turn in filled["contents"]] == [
        "how?", said, "of A ${output.1}",
    ]  # fmt: skip


def test_a_prefix_stands_for_the_files_that_begin_so(tmp_path: Path) -> None:
    for name in ("part-1.csv", "part-2.jsonl", "part-3.txt", "other.csv"):
        text = '{"prompt": "x"}\n' if name.endswith("jsonl") else "prompt\nx\n"
        (tmp_path / name).write_text(text)
    plan = prepare([f"{tmp_path}/part-"], str(tmp_path / "run"), today=TODAY)
    assert [Path(source).name for source in plan.sources] == ["part-1.csv", "part-2.jsonl"]
    with pytest.raises(InputError, match="There is no such file"):
        prepare([f"{tmp_path}/nothing-"], str(tmp_path / "run"), today=TODAY)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder with real rows is not here")
def test_every_real_file_is_read_to_its_end(tmp_path: Path) -> None:
    for file in sorted(SHARED.glob("*.jsonl")):
        plan = prepare([str(file)], str(tmp_path / file.stem), today=TODAY)
        lines = [line for line in file.read_bytes().splitlines() if line.strip()]
        assert plan.rows == len(lines), file.name
        assert plan.ready + plan.waiting + plan.invalid == plan.rows
        assert not plan.invalid or plan.findings
