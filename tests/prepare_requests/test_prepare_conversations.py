"""Rows that go on from each other or from a stored conversation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.errors import InputError
from components.rows.references import fill
from tests.prepare_requests.prepared import csv, jsonl


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


def test_texts_may_come_in_the_form_of_a_turn(tmp_path: Path) -> None:
    turn = {"parts": [{"text": "be "}, {"text": "kind"}]}
    run = jsonl(tmp_path, {"prompt": {"parts": {"text": "x"}}, "systemInstruction": turn})
    [line] = run.requests["w000-gemini-3-5-flash-00000.jsonl"]
    assert line["request"]["contents"][0]["parts"] == [{"text": "x"}]
    assert line["request"]["systemInstruction"] == {"parts": [{"text": "be kind"}]}


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
