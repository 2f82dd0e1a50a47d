"""References to answers: found, escaped, and put in exactly once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.rows.references import (
    escaped,
    fill,
    may_refer,
    names_in,
    references_of,
    substituted,
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What is ${output.1}?", ["1"]),
        ("${output.1} ${output.2} ${output.1}", ["1", "2"]),
        ("${output.capital of France}", ["capital of France"]),
        ("${output. 3 }", ["3"]),
        ("$${output.1}", []),
        ("$$${output.1}", []),
        ("${output.}", []),
        ("$1 {} ${X} $(ls) `x` %s {{a}} ${outputs.1}", []),
        ("${output.a{b}", []),
    ],
)
def test_names(text: str, names: list[str]) -> None:
    assert names_in(text) == names


def test_an_answer_is_never_read_for_references() -> None:
    answers = {"1": "see ${output.2} and $${output.2}", "2": "no"}
    assert substituted("${output.1}|${output.2}", answers) == (
        "see ${output.2} and $${output.2}|no"
    )


def test_a_missing_answer_is_an_error() -> None:
    with pytest.raises(KeyError):
        substituted("${output.7}", {"1": "x"})


@given(st.text(alphabet="${}output.1 \nx", max_size=60))
def test_escaping_is_undone_by_substitution(text: str) -> None:
    assert names_in(escaped(text)) == []
    assert substituted(escaped(text), {}) == text


def test_fill_reaches_turns_and_system_text_and_leaves_the_template() -> None:
    template = {
        "contents": [
            {"role": "user", "parts": [{"text": "a ${output.1}"}, {"fileData": {"fileUri": "x"}}]}
        ],
        "systemInstruction": {"parts": [{"text": "s ${output.who}"}]},
        "labels": {"k": "${output.1}"},
    }
    assert references_of(template) == ["1", "who"]
    filled = fill(template, {"1": "A", "who": "W"})
    assert filled["contents"][0]["parts"][0]["text"] == "a A"
    assert filled["systemInstruction"]["parts"][0]["text"] == "s W"
    assert filled["labels"] == {"k": "${output.1}"}
    assert template["contents"][0]["parts"][0]["text"] == "a ${output.1}"


def test_may_refer_is_only_a_first_look() -> None:
    assert may_refer("$${output.1}")
    assert not may_refer("$ {output.1}")
