"""What a person asks to run on this machine: settled, or refused before anything starts."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest
import yaml

from components.errors import InputError, WrongUse
from pipelines.local_request import Settled, choose_folder, make_folder, settle
from pipelines.request import Request, spec_text

NOW = datetime.datetime(2026, 11, 21, 10, 30, tzinfo=datetime.UTC)
NAMES = ("intent", "intent_uri", "reader", "project", "region")
SPEC = {
    "pipelineInfo": {"name": "p"},
    "root": {
        "inputDefinitions": {
            "parameters": {
                **{n: {"parameterType": "STRING", "defaultValue": ""} for n in NAMES},
                "dry_run": {"parameterType": "BOOLEAN", "defaultValue": False},
            }
        }
    },
}


def settled(tmp_path: Path, **asked: object) -> Settled:
    return settle(Request("p", **asked), SPEC, tmp_path, "local-project")


@pytest.mark.parametrize("asked", [{"text": "run python3 {{$.x}}"}, {"words": ("intent=run it",)}])
def test_the_intent_travels_as_a_file(tmp_path, asked):
    got = settled(tmp_path, **asked)
    assert got.intent
    assert "intent" not in got.parameters
    assert got.parameters["intent_uri"] == str(tmp_path / "intent.txt")
    make_folder(tmp_path / "run", got)
    assert (tmp_path / "run" / "intent.txt").read_text() == got.intent


def test_this_machine_has_its_own_defaults(tmp_path):
    got = settled(tmp_path, text="x", dry_run=True).parameters
    assert (got["reader"], got["project"], got["dry_run"]) == ("offline", "local-project", True)


def test_what_the_person_says_wins(tmp_path):
    got = settled(tmp_path, text="x", words=("reader=gemini", "project=mine"))
    assert (got.parameters["reader"], got.parameters["project"]) == ("gemini", "mine")


def test_words_win_over_the_file(tmp_path):
    (tmp_path / "p.yaml").write_text("reader: gemini\nproject: a\n")
    got = settled(
        tmp_path, text="x", parameter_file=tmp_path / "p.yaml", words=("project=bbbbbb",)
    ).parameters
    assert (got["reader"], got["project"]) == ("gemini", "bbbbbb")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"text": " \n"}, "The intent is empty"),
        ({"text": "a", "words": ("intent=b",)}, "given twice"),
        ({"text": "a", "words": ("intent_uri=b",)}, "as text and as a file"),
        ({"text": "a", "words": ("project=python3",)}, "cannot hold 'python3'"),
        ({"words": ("reader",)}, "NAME=VALUE"),
        ({}, "The intent is empty"),
        ({"words": ("intent= ",)}, "The intent is empty"),
        ({"words": ("intent_uri=absent.txt",)}, "no such file"),
        ({"text": "a", "words": ("region=us-nowhere9",)}, "not a region of Batch"),
        ({"text": "a", "words": ("region=us-central",)}, "Did you mean us-central1"),
        ({"text": "a", "words": ("project=Not One",)}, "not the id of a project"),
    ],
)
def test_wrong_requests_are_refused(tmp_path, asked, says):
    with pytest.raises(WrongUse, match=says):
        settled(tmp_path, **asked)


@pytest.mark.parametrize("content", ["- a", "a: [", "3: x", "\xff\xfe"])
def test_a_parameter_file_that_is_none(tmp_path, content):
    (tmp_path / "p.yaml").write_bytes(content.encode("latin-1"))
    with pytest.raises(WrongUse, match=r"p\.yaml.* (YAML|UTF-8)"):
        settled(tmp_path, parameter_file=tmp_path / "p.yaml")


def test_an_absent_parameter_file(tmp_path):
    with pytest.raises(WrongUse, match=r"absent\.yaml"):
        settled(tmp_path, parameter_file=tmp_path / "absent.yaml")


def test_runs_do_not_share_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = choose_folder(Request("x/intent-to-batch.yaml"), NOW)
    assert first.parent == tmp_path / "runs"
    assert first.name.startswith("intent-to-batch-20261121-103000-")
    assert choose_folder(Request("intent-to-batch"), NOW) != first


def test_a_folder_that_another_run_has_taken_meanwhile(tmp_path):
    make_folder(tmp_path / "run", Settled({}, None))
    with pytest.raises(WrongUse, match="has just taken"):
        make_folder(tmp_path / "run", Settled({}, None))


def test_a_usual_folder_that_kfp_would_rewrite_moves(tmp_path, monkeypatch):
    (tmp_path / "python3-work").mkdir()
    monkeypatch.chdir(tmp_path / "python3-work")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first, second = choose_folder(Request("p"), NOW), choose_folder(Request("p"), NOW)
    for folder in (first, second):
        assert folder.is_relative_to(tmp_path)
        assert "python3" not in str(folder)
    # Nobody else who may write there can have made it before us.
    assert first.parents[1] != second.parents[1]


@pytest.mark.parametrize("pipeline", ["python3-p.yaml", "{{$.x}}.yaml", "a\nb.yaml", "x" * 300])
def test_the_name_of_a_spec_makes_a_plain_folder(tmp_path, monkeypatch, pipeline):
    monkeypatch.chdir(tmp_path)
    folder = choose_folder(Request(pipeline), NOW)
    assert folder.parent == tmp_path / "runs"
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,120}", folder.name)
    assert "python3" not in folder.name


@pytest.mark.parametrize(
    "text",
    [
        "reader: [" + "[" * 100_000,
        "intent:\n  a: &a [x, x]\n  b: [*a, *a]\n",
        "reader: !!python/object/apply:os.system [id]\n",
    ],
    ids=["deep", "aliases", "objects"],
)
def test_a_parameter_file_that_is_made_to_harm_is_refused(tmp_path, text):
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(WrongUse, match="cannot be read"):
        settled(tmp_path, text="x", parameter_file=tmp_path / "p.yaml")


@pytest.mark.parametrize("name", ["python3", "{{$x"])
def test_a_chosen_folder_that_kfp_would_rewrite_is_refused(tmp_path, name):
    with pytest.raises(WrongUse, match="cannot hold python3"):
        choose_folder(Request("p", out=tmp_path / name), NOW)


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "x").write_text("")
    for taken in (tmp_path, tmp_path / "x"):
        with pytest.raises(WrongUse, match="not new and not empty"):
            choose_folder(Request("p", out=taken), NOW)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        make_folder(tmp_path / "file" / "below", Settled({}, None))


def test_a_name_is_compiled_later_and_a_file_is_read(tmp_path):
    assert spec_text("intent-to-batch") == ""
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(SPEC))
    assert yaml.safe_load(spec_text(str(path))) == SPEC


@pytest.mark.parametrize("content", [b"", b"a: b", b"{", b"\x00\xff", b"a: 1\n---\nb: 2\n"])
def test_a_file_that_is_no_spec(tmp_path, content):
    path = tmp_path / "spec.yaml"
    path.write_bytes(content)
    with pytest.raises(WrongUse, match="not a compiled pipeline"):
        spec_text(str(path))


def test_an_unknown_pipeline_names_the_known_ones():
    with pytest.raises(WrongUse, match="intent-to-batch"):
        spec_text("intent2batch")
