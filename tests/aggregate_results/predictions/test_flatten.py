"""Structured answers inside of a Markdown fence."""

from __future__ import annotations

from typing import Any

import pytest

from components.aggregate_results.predictions.flatten import object_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('```json\n{"a": "```"}\n```\n', {"a": "```"}),
        ('```\n\n {"a": 1} ```', {"a": 1}),
        ('```json {"a": 1}\n```', None),
        ('```json\n{"a": 1}', None),
        ("```", None),
        ("```json\n```", None),
        ("```json\n" + " \n" * 200_000 + "x", None),  # an end that never comes is looked for once
    ],
)
def test_the_object_that_an_answer_is(text: str, value: dict[str, Any] | None) -> None:
    assert object_of(text) == value
