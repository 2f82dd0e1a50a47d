# ruff: noqa: E501 - a table reads best with one case a line
"""Texts that are no JSON and no YAML as they stand: what is read in them, and what is said."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.fix_config.fix import fix_job
from components.fix_config.loose_json import repaired_json
from components.fix_config.loose_yaml import repaired_yaml
from tests.batch.rules.jobs import clean_job

# the text, what it means, and words of what is said of it
JSON: list[tuple[str, Any, str]] = [
    ("{'a': 'b', 'c': True, 'd': None,}", {"a": "b", "c": True, "d": None}, "wrote true for `True`"),
    ("{a: 1, b: [1,2,3,], }", {"a": 1, "b": [1, 2, 3]}, "put quotes around a name"),
    ('{"a": 1 "b": 2}', {"a": 1, "b": 2}, "a comma was missing"),
    ('{"a": 1\n "b": 2\n', {"a": 1, "b": 2}, "a closing } was missing"),
    ('{"a": {"b": [1,2}, "c": 3}', {"a": {"b": [1, 2]}, "c": 3}, "a closing ] was missing"),
    ('{"a": [{"b": 1}, "c": 3}', {"a": [{"b": 1}], "c": 3}, "a closing ] was missing"),
    ('{"r": [{"s": {"text": "a"}, {"s": {"text": "b"}}], "x": 1}', {"r": [{"s": {"text": "a"}}, {"s": {"text": "b"}}], "x": 1}, "a closing } was missing"),
    ("{\u201ca\u201d: \u201cb c\u201d, \u2018d\u2019: 1}", {"a": "b c", "d": 1}, "mended the quotes"),
    ('{"a": "echo "hi" there", "b": 1}', {"a": 'echo "hi" there', "b": 1}, "mended the quotes"),
    ('{"t": "one\nline "two"\n", "b": 1}', {"t": 'one\nline "two"\n', "b": 1}, "line breaks"),
    ('{"a": "unclosed,\n "b": 2}', {"a": "unclosed", "b": 2}, "a closing quote was missing"),
    ('{"taskGroups": [{"a": {}}}], "x": 1}, "y": 2}}', {"taskGroups": [{"a": {}}], "x": 1, "y": 2}, "ended the job early"),
    ('{"a": ${X}, "b": {{ y }}, "c": <Z>}', {"a": "${X}", "b": "{{ y }}", "c": "<Z>"}, "put quotes around a text"),
    ('job = {"a" = 1; "b" => 2}', {"a": 1, "b": 2}, "wrote : between name and value"),
    ('{"a": ["x" "y"], "b": 10_000, // c\n "d": 4 GB # mem\n}', {"a": ["x", "y"], "b": 10000, "d": "4 GB"}, "removed a comment"),
    ('{"taskGroups": [{"taskSpec": {"runnables": [{"script": {"text": "echo hi', {"taskGroups": [{"taskSpec": {"runnables": [{"script": {"text": "echo hi"}}]}}]}, "a closing quote was missing"),
    ('{"r": ["s": {"text": "x"}, "b": {}], "c": 2}', {"r": [{"s": {"text": "x"}, "b": {}}], "c": 2}, "an opening { was missing"),
    ("Here you go:\n{\"a\": 1,,}\nhope it helps", {"a": 1}, "took away what stood before the job"),
    ('{"a": """multi\nline""", "b": 1}', {"a": "multi\nline", "b": 1}, "line breaks"),
    ('{"t": "echo \\$X \\d"}', {"t": "echo $X \\d"}, "mended the quotes"),
    ('{"t": "#!/bin/bash\nfor i in "a" "b"; do\n  echo "$i"\ndone\n", "n": 1}', {"t": '#!/bin/bash\nfor i in "a" "b"; do\n  echo "$i"\ndone\n', "n": 1}, "line breaks"),
    ('{"a": {"b": 1]}', {"a": {"b": 1}}, "wrote } for ]"),
    ('{"a": ("x", "y",), "b": 1}', {"a": ["x", "y"], "b": 1}, "a list of Python"),
    ('{"a":}', {"a": None}, "no value stands here"),
    ("{", {}, "a closing } was missing"),
]  # fmt: skip

YAML: list[tuple[str, Any]] = [
    ("taskGroups:\n\t- taskCount: 2\n", {"taskGroups": [{"taskCount": 2}]}),
    ("taskGroups:\n- taskCount:2\n  parallelism: 1\n", {"taskGroups": [{"taskCount": 2, "parallelism": 1}]}),
    ('a:\n  text: echo "x: y"\n', {"a": {"text": 'echo "x: y"'}}),
    ("labels:\n  a: b\n   c: d\n", {"labels": {"a": "b", "c": "d"}}),
    ("labels:\n  a: *b\n", {"labels": {"a": "*b"}}),
    ("taskGroups\n- taskCount: 2\n", {"taskGroups": [{"taskCount": 2}]}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "meant", "said"), JSON, ids=[c[0][:50] for c in JSON])
def test_what_was_meant_as_json(text: str, meant: Any, said: str) -> None:
    repaired = repaired_json(text)
    assert repaired is not None
    assert json.loads(repaired.text) == meant
    assert any(said in repair.what for repair in repaired.repairs), repaired.repairs


@pytest.mark.parametrize(("text", "meant"), YAML, ids=[c[0][:50] for c in YAML])
def test_what_was_meant_as_yaml(text: str, meant: Any) -> None:
    repaired = repaired_yaml(text)
    assert repaired is not None
    assert yaml.safe_load(repaired.text) == meant


def test_the_line_of_a_repair_is_told_and_the_rest_of_the_text_stays() -> None:
    text = json.dumps(clean_job(), indent=2)
    broken = text.replace('"taskCount": 4,', '"taskCount": 4')
    answer = fix_job(broken.encode(), "job.json")
    assert answer.ok
    assert answer.job == clean_job()
    assert answer.text == text
    line = broken[: broken.index('"taskCount"')].count("\n") + 1
    assert [c.reason for c in answer.changes] == [f"line {line}: a comma was missing"]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda job: f"Sure! Here is the job:\n```json\n{json.dumps(job)[:-1]}\n```\nAnything else?",
        lambda job: repr(job),
        lambda job: "job = " + json.dumps(job).replace('"', "'"),
        lambda job: json.dumps({"job": job, "jobId": "x"}),
        lambda job: json.dumps([job]),
        lambda job: json.dumps({"call": "create", "args": {"body": job}}),
        lambda job: "\ufeff" + json.dumps(job),
        lambda job: json.dumps(job, indent=1).replace("\n", "\r\n")[:-3],
        lambda job: yaml.safe_dump(job).replace("taskCount: 4", "taskCount:4"),
        lambda job: "```yaml\n" + yaml.safe_dump(job) + "\n",
    ],
)
def test_a_job_in_whatever_stands_around_it(wrap: Any) -> None:
    job = clean_job()
    job["taskGroups"][0]["taskSpec"]["runnables"][0]["script"]["text"] = "echo $BATCH_TASK_INDEX"
    answer = fix_job(wrap(job).encode(), "job.txt")
    assert answer.job == job
    assert answer.ok


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(clean_job()).encode("utf-16"),
        b"\x00" + json.dumps(clean_job()).encode(),
        json.dumps(clean_job()).encode() + b"\xff",
    ],
)
def test_other_encodings_and_control_characters(data: bytes) -> None:
    answer = fix_job(data, "job.json")
    assert answer.job == clean_job()
    assert answer.changes


@pytest.mark.parametrize(
    "text",
    ["", "   ", "no job at all", "[]", "{}", "5", '"x"', "---", "}", "{{{{", '{"openapi": "3.0"}'],
)
def test_what_is_no_job_gives_an_answer(text: str) -> None:
    answer = fix_job(text.encode(), "job.json")
    assert answer.message
    assert answer.ok or answer.left or answer.job is None


def test_a_name_given_twice_stands_once() -> None:
    text = json.dumps(clean_job()).replace('"taskCount": 4', '"taskCount": 9, "taskCount": 4')
    answer = fix_job(text.encode(), "job.json")
    assert answer.ok
    assert answer.job == clean_job()
    assert answer.text.count("taskCount") == 1
    assert "the last one is kept" in answer.message


HOSTILE = [
    '{"a": ' + '"b\n' * 300_000,
    '{"a":' * 100_000,
    "[" * 90 + "]" * 200_000,
    '{"a": "' + 'x" ' * 300_000,
    "{'" + "a':'" * 200_000,
    "{" + "# x\n" * 300_000,
    "{" + " " * 1_400_000,
    "{" + "," * 100_000,
    "{a:" + "${" * 500_000,
    '{"a": "' + "\\" * 1_000_000,
    '{"a": "' + ("\n" + " " * 190) * 7_000,
    "a: b\n\t" * 20_000,
    "- a:\n " * 20_000,
    "x" * 10_000_000,
    '{"taskGroups": [' + "{}," * 30_000 + "]}",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_text_made_to_be_slow_is_given_up(text: str) -> None:
    began = time.process_time()
    answer = fix_job(text.encode(), "job.json", "memory")
    assert answer.message
    assert time.process_time() - began < 20


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 3_000),
    st.integers(0, 40),
    st.sampled_from(['"', "'", ",", "}", "{", "]", "[", ":", "\\", "\n", "#", " "]),
)
def test_a_damaged_job_never_raises_and_is_read_again_the_same(
    at: int, length: int, put: str
) -> None:
    text = json.dumps(clean_job(), indent=1)
    damaged = text[:at] + put + text[at + length :]
    first = fix_job(damaged.encode(), "job.json")
    if first.job is not None:
        again = fix_job(first.text.encode(), "job.json")
        assert again.job == first.job
        assert again.text == first.text
