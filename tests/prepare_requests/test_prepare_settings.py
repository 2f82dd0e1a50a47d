"""Settings of a run and of single rows: where they stand, which win, what is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.errors import InputError, WrongUse
from components.prepare_requests.settings import settings_from
from tests.prepare_requests.prepared import csv, jsonl


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


def test_a_column_that_the_template_puts_in_is_no_setting(tmp_path: Path) -> None:
    table = "city,temperature,instruction\nOslo,1.5,Be brief\n"
    template = "{{instruction}}: {{city}} at {{temperature}}"
    run = csv(tmp_path, table, template=template)
    [line] = run.requests["w000-gemini-3-5-flash-00000.jsonl"]
    assert line["request"].keys() == {"contents"}
    assert [f["message"].partition(";")[0] for f in run.plan.findings] == [
        "the column 'instruction' is put into the prompt, and is not the setting system",
        "the column 'temperature' is put into the prompt, and is not the setting temperature",
    ]
    columns = {"system": "instruction", "temperature": "temperature"}
    run = csv(tmp_path, table, template=template, columns=columns)
    [line] = run.requests["w000-gemini-3-5-flash-00000.jsonl"]
    assert line["request"]["generationConfig"] == {"temperature": 1.5}
    assert not run.plan.findings


def test_a_column_may_be_told_to_be_no_model(tmp_path: Path) -> None:
    table = "make,model\nFiat,Uno\n"
    refused = csv(tmp_path, table, template="Price of a {{make}} {{model}}?")
    assert refused.reasons() == ["unknown_model: 'Uno' is no Gemini model"]
    assert '{"columns": {"model": ""}}' in refused.plan.findings[0]["fix"]
    given = {"template": "Price of a {{make}} {{model}}?", "columns": {"model": ""}}
    assert csv(tmp_path, table, **given).texts() == ["Price of a Fiat Uno?"]


def test_a_template_says_which_of_two_columns_it_means(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'text', which is there 2 times"):
        csv(tmp_path, "text,text\na,b\n", template="{{text}}")
    assert csv(tmp_path, "Text,text\na,b\n", template="{{text}}").texts() == ["b"]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{text}} to {lang}", "'{lang}' in the template stays as it is; write {{lang}}"),
        ("{{text}} to {{lang}", "'{{lang}' in the template stays as it is; write {{lang}}"),
        ("{{text}} to {{Lang", "'{{Lang' in the template stays as it is; write {{Lang}}"),
        ("Translate it", "the template puts in no column: every row asks the same"),
        ("{{text}} {} {x} ${HOME}", ""),
    ],
)
def test_what_is_nearly_a_placeholder_is_told(tmp_path: Path, template: str, words: str) -> None:
    run = csv(tmp_path, "text,lang\na,de\nb,fr\n", template=template)
    assert [f["message"] for f in run.plan.findings] == ([words] if words else [])


def test_what_is_nearly_a_reference_is_told(tmp_path: Path) -> None:
    run = csv(tmp_path, "prompt\na\nof ${output.1\nof $${output.1} ${output.2}\n")
    assert [f["message"] for f in run.plan.findings] == [
        "'${output.1' is no reference to an answer and stays as it is"
    ]
    assert run.texts() == ["a", "of ${output.1"]


def test_a_file_without_a_header_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="write `prompt` above it"):
        csv(tmp_path, "What is 2+2?\nWho wrote Faust?\n")
