"""Parameters are refused before anything starts, each with what the pipeline takes."""

from __future__ import annotations

import pytest

from components.errors import WrongUse
from pipelines import parameters

KNOWN = {
    "intent": {"parameterType": "STRING", "defaultValue": ""},
    "tasks": {"parameterType": "NUMBER_INTEGER", "defaultValue": 3.0},
    "share": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.5},
    "dry_run": {"parameterType": "BOOLEAN", "defaultValue": False},
    "zones": {"parameterType": "LIST", "defaultValue": []},
    "labels": {"parameterType": "STRUCT", "defaultValue": {}},
}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("intent=a = b", "a = b"),
        ("intent=", ""),
        ("tasks=12", 12),
        ("share=0.25", 0.25),
        ("dry_run=TRUE", True),
        ("dry_run=false", False),
        ('zones=["a"]', ["a"]),
        ('labels={"a": "b"}', {"a": "b"}),
    ],
)
def test_a_word_is_read_as_its_type(word, value):
    read = parameters.from_words([word], KNOWN)
    assert read == {word.split("=")[0]: value}
    parameters.check(read, KNOWN)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("intent", "not NAME=VALUE"),
        ("dryrun=true", "Did you mean dry_run?"),
        ("q=1", "It takes: dry_run"),
        ("tasks=many", "'many' is not a whole number"),
        ("tasks=1.5", "whole number"),
        ("dry_run=1", "Write true or false"),
        ("zones={}", "a JSON list"),
        ("labels=[", "a JSON object"),
        ("tasks=" + "9" * 500 + "x", "…"),
    ],
)
def test_a_wrong_word_is_told(word, says):
    with pytest.raises(WrongUse) as error:
        parameters.from_words([word], KNOWN)
    assert says in str(error.value)


@pytest.mark.parametrize(
    "given", [{"tasks": "3"}, {"tasks": True}, {"intent": 3}, {"dry_run": 1}, {"zones": "a"}]
)
def test_a_value_of_another_type_is_refused(given):
    with pytest.raises(WrongUse):
        parameters.check(given, KNOWN)


def test_a_number_may_be_whole():
    parameters.check({"share": 1}, KNOWN)


def test_a_missing_value_is_named():
    with pytest.raises(WrongUse, match="needs a value for rows"):
        parameters.check({}, {**KNOWN, "rows": {"parameterType": "STRING"}})


@pytest.mark.parametrize("value", ["use python3", "a {{$.x}} b", "x" * 100_001, ["python3"]])
def test_what_kfp_would_change_is_refused(value):
    with pytest.raises(WrongUse, match="parameter intent"):
        parameters.check_for_this_machine({"intent": value})


def test_other_values_pass():
    parameters.check_for_this_machine({"intent": "python 3 {$x} {{y}}", "n": 3, "b": True})
