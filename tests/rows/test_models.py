"""The model that a row names."""

from __future__ import annotations

import datetime

import pytest

from components.rows.models import bare, choose

TODAY = datetime.date(2026, 11, 21)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("", "gemini-3.5-flash"),
        ("gemini-3.8-flash", "gemini-3.8-flash"),
        ("publishers/google/models/gemini-3.8-flash", "gemini-3.8-flash"),
        ("models/gemini-3.8-flash", "gemini-3.8-flash"),
        (
            "projects/p/locations/us-central1/models/12",
            "projects/p/locations/us-central1/models/12",
        ),
        ("gemini-4-new", "gemini-4-new"),
        ("Granite 13B V2.1", "gemini-3.5-flash-lite"),
    ],
)
def test_names_that_are_understood(name: str, model: str) -> None:
    choice = choose(name, {"Granite 13B V2.1": "gemini-3.5-flash-lite"}, "gemini-3.5-flash", TODAY)
    assert (choice.model, choice.error) == (model, "")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Granite 13B V2.1", "unknown_model: 'Granite 13B V2.1' is no Gemini model"),
        ("Gemini 3.5 Flash", "did you mean gemini-3.5-flash?"),
        ("gemni-3.8-flash", "did you mean gemini-3.8-flash?"),
        ("publishers/anthropic/models/claude", "takes other request lines"),
        ("gemini-3-pro-preview", "model_without_batch: gemini-3-pro-preview"),
        ("x" * 5_000_000, "unknown_model"),
        ("gemini-../../etc", "unknown_model"),
    ],
)
def test_names_that_are_refused(name: str, words: str) -> None:
    choice = choose(name, {}, "gemini-3.5-flash", TODAY)
    assert choice.model == ""
    assert words in choice.error
    assert len(choice.error) < 200


def test_a_star_stands_for_every_unknown_name() -> None:
    assert choose("Llama3 8B", {"*": "gemini-3.8-flash"}, "", TODAY).model == "gemini-3.8-flash"
    assert choose("gemini-3.5-flash", {"*": "gemini-3.8-flash"}, "", TODAY).model == (
        "gemini-3.5-flash"
    )


def test_retirement_and_unlisted_models_are_warnings() -> None:
    assert "retired on 2026-10-20" in choose("gemini-2.5-pro", {}, "", TODAY).warnings[0]
    [told] = choose("gemini-3.9-flash", {}, "", TODAY).warnings
    assert "not in our table" in told
    assert told.endswith("Whether it does batch prediction is not known here.")
    assert choose("projects/p/locations/l/models/5", {}, "", TODAY).warnings == []


def test_bare_keeps_other_names() -> None:
    assert bare(" publishers/x/models/y ") == "publishers/x/models/y"
