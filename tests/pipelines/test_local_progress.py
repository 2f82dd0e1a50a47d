"""What steps print cannot break the display of a run, nor name its folder."""

from __future__ import annotations

import io
import json

import pytest

from pipelines.local_progress import Display

LOGGED = "    [KFP Executor 2026-01-01 00:00:00,000 INFO]: Got executor_input:\n"


@pytest.fixture
def display() -> Display:
    made = Display(
        "@token",
        say=lambda _: None,
        log=io.StringIO(),
        clock=lambda: 0.0,
        sentence_of=lambda _: "",
        cancelled=lambda: False,
    )
    made.feed("@token " + json.dumps({"event": "started", "step": "a-step"}) + "\n")
    return made


@pytest.mark.parametrize(
    "lines",
    [
        ["}"],
        ["{", "}"],
        ["[", "}"],
        ['{"inputs": 3', "}"],
        ['{"inputs": {"parameterValues": []}', "}"],
    ],
)
def test_what_only_looks_like_the_executor(display: Display, lines: list[str]) -> None:
    for line in [LOGGED, *(f"    {line}\n" for line in lines)]:
        display.feed(line)
    assert display.pipeline_folder == ""


def test_the_folder_of_the_run_is_the_first_that_is_named(display: Display) -> None:
    for folder in ("mine", "theirs"):
        told = {"inputs": {"parameterValues": {"pipeline_folder": folder}}}
        display.feed(LOGGED)
        for line in json.dumps(told, indent=4).splitlines():
            display.feed(f"    {line}\n")
    assert display.pipeline_folder == "mine"
