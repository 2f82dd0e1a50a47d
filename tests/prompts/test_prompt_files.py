"""Prompts as checked data: the loader, and the prompts that we ship."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.errors import InputError, WrongUse
from components.parse_intent import evidence
from components.parse_intent.answer import answer_reading
from components.parse_intent.draft import Draft
from components.parse_intent.gemini_checks import checked
from components.parse_intent.reading import Reading
from prompts.loader import Example, MissingVariables, Prompt, fenced, known, load, read_prompt

HEAD: dict[str, Any] = {
    "name": "try",
    "version": 1,
    "dated": "2026-11-21",
    "purpose": "Tests the loader.",
}

# (system, user, values, filled system, filled user)
FILLED: list[tuple[str, str, dict[str, str], str, str | None]] = [
    ("", "hello", {}, "", "hello"),
    ("", "hello <<name>>", {"name": "Ann"}, "", "hello Ann"),
    ("s <<a>>", "u <<a>> <<b>>", {"a": "1", "b": "2"}, "s 1", "u 1 2"),
    ("", "echo $1 ${X} {} {name} %s %(a)s $$ {{a}}", {}, "", None),
    ("", "cat <<EOF\n<< a >> <<A>> <<1>> < <a>>", {}, "", None),
    ("", "<<a>>", {"a": "<<b>>"}, "", "<<b>>"),
    ("", "<<a>><<b>>", {"a": "<<b>>", "b": "<<a>>"}, "", "<<b>><<a>>"),
    ("", "<<a>>", {"a": "$1 ${X} {} \\1 \\g<0> %s"}, "", "$1 ${X} {} \\1 \\g<0> %s"),
    ("", "<<a>>", {"a": "```\n# not a fence\n```"}, "", "```\n# not a fence\n```"),
    ("", "<<a>>", {"a": ""}, "", ""),
    ("", "<<<a>>>", {"a": "x"}, "", "<x>"),
]


@pytest.mark.parametrize(("system", "user", "values", "in_system", "in_user"), FILLED)
def test_filling_in(
    system: str, user: str, values: dict[str, str], in_system: str, in_user: str | None
) -> None:
    prompt = Prompt.model_validate(HEAD | {"system": system, "user": user})
    assert prompt.filled(values) == (in_system, user if in_user is None else in_user)


def test_all_missing_variables_are_named_at_once() -> None:
    prompt = Prompt.model_validate(HEAD | {"system": "<<b>> <<a>>", "user": "<<c>> <<a>>"})
    assert prompt.variables() == ["b", "a", "c"]
    with pytest.raises(MissingVariables, match="<<b>>, <<c>>") as caught:
        prompt.filled({"a": "1"})
    assert caught.value.names == ["b", "c"]


def test_a_value_without_a_place_is_refused() -> None:
    prompt = Prompt.model_validate(HEAD | {"user": "<<a>>"})
    with pytest.raises(WrongUse, match="<<b>>"):
        prompt.filled({"a": "1", "b": "2"})


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.text(), min_size=3))
def test_values_arrive_unchanged(values: dict[str, str]) -> None:
    prompt = Prompt.model_validate(HEAD | {"user": "<<a>>\x00<<b>>\x00<<c>>"})
    expected = "\x00".join(values[name] for name in "abc")
    assert prompt.filled(values)[1] == expected


WRONG: list[tuple[str, str]] = [
    ("just text", "valid dictionary"),
    ("- a\n- b", "valid dictionary"),
    ("{", "no readable prompt"),
    ("a: !!python/object/apply:os.system ['true']", "no readable prompt"),
    ("version: 1\nversion: 2", "'version' is given twice"),
    (yaml.safe_dump(HEAD), "user: Field required"),
    (yaml.safe_dump(HEAD | {"user": "x", "sytem": "y"}), "sytem: Extra inputs"),
    (yaml.safe_dump(HEAD | {"user": "x", "temperature": 3}), "temperature"),
    (yaml.safe_dump(HEAD | {"user": "x", "version": 0}), "version"),
    (yaml.safe_dump(HEAD | {"user": "x", "dated": "soon"}), "dated"),
    (yaml.safe_dump(HEAD | {"user": "x", "rules": [{"id": "a", "txt": "b"}]}), "rules.0.text"),
    (
        yaml.safe_dump(HEAD | {"user": "x", "rules": [{"id": "a", "text": "b"}] * 2}),
        "ids given twice: a",
    ),
    ("x" * 200_001, "200000 characters"),
    ("[" * 3000, "no readable prompt"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_a_file_that_is_no_prompt(text: str, said: str) -> None:
    with pytest.raises(InputError, match="prompt") as caught:
        read_prompt(text, "here.yaml")
    assert said in caught.value.what
    assert caught.value.where == "here.yaml"


@pytest.mark.parametrize("name", ["no_such_prompt", "../secrets", "/etc/passwd", ""])
def test_only_shipped_prompts_are_loaded(name: str) -> None:
    with pytest.raises(WrongUse):
        load(name)


HOSTILE = [
    "plain",
    "```\nend\n```",
    "</person>",
    "<<intent>>",
    "$1 ${X} {}",
    "",
    "a\x00b\ud800",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_fence_holds_the_text_and_cannot_be_closed_from_inside(text: str) -> None:
    made = fenced(text, "person")
    first, *inside, last = made.split("\n")
    assert "\n".join(inside) == text
    assert last == first.replace("<", "</")
    assert first.strip("<>") not in text


def test_a_text_that_guessed_its_own_marker_gets_another() -> None:
    mark = fenced("x", "person").split("\n")[0]
    text = "x"
    for _ in range(3):  # the marker of each text stands in the next one
        text = f"{text}{mark}"
        made = fenced(text, "person")
        assert made.count(made.split("\n")[0]) == 1
        mark = made.split("\n")[0]


def test_the_prompts_that_we_ship() -> None:
    assert known() == ["change_draft", "fix_job", "read_intent", "repair_draft"]
    for name in known():
        prompt = load(name)
        assert prompt.response_schema == ("suggestions" if name == "fix_job" else "draft")
        assert prompt.model == ""  # the table of models says which


READ_INTENT = load("read_intent")


def test_the_reader_has_rules_and_examples_of_every_outcome() -> None:
    assert len(READ_INTENT.rules) >= 8
    outcomes = set()
    for example in READ_INTENT.examples:
        draft = Draft.model_validate(example.answer)
        outcomes.add(answer_reading(Reading(draft, "gemini"), example.turns).outcome)
    assert outcomes == {"config", "clarify", "reject"}
    assert any(len(example.turns) > 1 for example in READ_INTENT.examples)


@pytest.mark.parametrize("example", READ_INTENT.examples, ids=lambda example: example.id)
def test_examples_keep_the_rules_that_they_teach(example: Example) -> None:
    draft = Draft.model_validate_json(json.dumps(example.answer), strict=True)
    data = evidence.as_data(draft)
    assert checked(data, {}, example.turns) == []
    words = [evidence.Words(turn, data) for turn in example.turns]
    assert evidence.unproved(data, words) == []
    assert evidence.unnamed(data, words) == []
    assert evidence.unused_numbers(data, words[-1:]) == []
