"""A changed job in the text that it came from: lists keep the text of what did not change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.config.job_patch import changes, patched
from components.config.source import read_source
from components.config.write_back import written_back

JSON = """{
  "taskGroups": [
    { "taskSpec": { "runnables": [
        { "script":   {"text": "one"} },
        { "script": {"text": "two"},
          "alwaysRun":   true },
        { "script": {"text": "three"} }
    ] } }
  ]
}
"""
YAML = """taskGroups:
- taskSpec:
    runnables:
    # the first
    - script: {text: one}
    - script:
        text: "two"   # quoted
      alwaysRun: true
    - script:
        text: three
"""
ONE, TWO = {"script": {"text": "one"}}, {"script": {"text": "two"}, "alwaysRun": True}
THREE, NEW = {"script": {"text": "three"}}, {"barrier": {}}


def with_steps(steps: list[Any]) -> dict[str, Any]:
    return {"taskGroups": [{"taskSpec": {"runnables": steps}}]}


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        ([ONE, TWO, NEW, THREE], ["one", "two", "alwaysRun", "three"]),
        ([NEW, ONE, TWO, THREE], ["one", "two", "alwaysRun", "three"]),
        ([ONE, TWO, THREE, NEW], ["one", "two", "alwaysRun", "three"]),
        ([TWO, THREE], ["two", "alwaysRun", "three"]),
        ([ONE, THREE], ["one", "three"]),
        ([ONE, TWO], ["one", "two", "alwaysRun"]),
        ([ONE], ["one"]),
        ([NEW, TWO, NEW], ["two", "alwaysRun"]),
        ([TWO | {"alwaysRun": False}, NEW], ["two"]),
    ],
)
@pytest.mark.parametrize(("text", "file"), [(JSON, "a.json"), (YAML, "a.yaml")])
def test_objects_come_and_go(text: str, file: str, steps: list[Any], lines: list[str]) -> None:
    job = with_steps(steps)
    written = written_back(read_source(text, file), job)
    assert read_source(written, file).value == job
    for word in lines:
        line = next(line for line in text.splitlines() if word in line)
        assert line.rstrip(", ") in written


@given(st.permutations([ONE, TWO, THREE, NEW, {"script": {"text": "five"}}]), st.integers(1, 5))
@settings(deadline=None)
def test_any_steps_can_be_written(steps: list[Any], number: int) -> None:
    for text, file in ((JSON, "a.json"), (YAML, "a.yaml")):
        job = with_steps(steps[:number])
        assert read_source(written_back(read_source(text, file), job), file).value == job


def test_what_only_the_own_job_knows_goes_with_its_step() -> None:
    own = [{"script": {"text": "a"}, "labels": {"x": "1"}}, {"script": {"text": "b"}}, {"odd": 1}]
    a, b, c = ({"script": {"text": text}} for text in "abc")
    assert patched(own, [a, b], [b, a]) == [own[1], own[0], {"odd": 1}]
    assert patched(own, [a, b], [a, c, b]) == [own[0], c, own[1], {"odd": 1}]
    assert patched(own, [a, b], [b]) == [own[1], {"odd": 1}]


def test_names_are_kept_as_they_are_written() -> None:
    own = {"task_count": "5", "labels": {"taskCount": "x"}}
    old, new = {"taskCount": 5}, {"taskCount": 7, "taskCountPerNode": 2}
    assert patched(own, old, new) == {
        "task_count": 7, "task_count_per_node": 2, "labels": {"taskCount": "x"},
    }  # fmt: skip


def test_differences_are_told_by_place() -> None:
    found = list(changes(with_steps([ONE, TWO]), with_steps([TWO, NEW])))
    path = ("taskGroups", 0, "taskSpec", "runnables")
    assert found == [((*path, 0), ONE, None), ((*path, 1), None, NEW)]
    swapped = list(changes(with_steps([ONE, TWO]), with_steps([TWO, ONE])))
    assert swapped == [(path, [ONE, TWO], [TWO, ONE])]
