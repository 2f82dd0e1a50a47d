"""Reading JSON and YAML with places, and everything that strangers may hand in."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.config.check import validate_bytes, validate_text
from components.config.source import read_source
from components.config.spans import Lines, value_at

PLAIN_TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff\u2028\u2029\x85"),
    max_size=10,
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | PLAIN_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN_TEXT, inner, max_size=4),
    max_leaves=15,
)
OBJECTS = st.dictionaries(PLAIN_TEXT, JSON, max_size=5)


def slips(text: str, file: str = "job.json") -> list[tuple[str, int, int]]:
    """Rule, line and column of what is wrong with a text."""
    return [(f.rule, f.line, f.column) for f in read_source(text, file).findings]


@given(OBJECTS, st.sampled_from([None, 2]))
@settings(max_examples=150)
def test_json_is_read_as_the_standard_parser_does_and_every_place_is_right(
    value: Any, indent: int | None
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)

    source = read_source(text, "job.json")

    assert source.read is not None
    assert source.value == json.loads(text)
    for path, span in source.read.spans.items():
        assert json.loads(text[span.start : span.end]) == value_at(source.value, path)
        if span.key_start >= 0:
            assert json.loads(text[span.key_start : span.key_end]) == path[-1]


@given(st.dictionaries(st.sampled_from(["a", "b c", "üöä", "x-y"]), JSON, max_size=4))
@settings(max_examples=100)
def test_yaml_is_read_as_safe_load_does(value: Any) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, sort_keys=False)

    source = read_source(text, "job.yaml")

    assert source.read is not None, source.findings
    assert source.value == yaml.safe_load(text)


@given(st.text(max_size=60))
@settings(max_examples=200)
def test_any_text_is_taken(text: str) -> None:
    for file in ("job.json", "job.yaml", "-"):
        validated = validate_text(text, file)
        assert all(f.line >= 1 and f.column >= 1 and f.file == file for f in validated.findings)


@given(st.text(alphabet="{}[],:\"\\ \n#/-&*!|>'`~aé0", max_size=40))
@settings(max_examples=300)
def test_any_text_of_brackets_and_quotes_is_taken(text: str) -> None:
    for file in ("job.json", "job.yaml"):
        validate_text(text, file)


@given(st.binary(max_size=60))
@settings(max_examples=100)
def test_any_bytes_are_taken(data: bytes) -> None:
    validate_bytes(data, "job.json")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1,\n "b" 2}',
        '{"a": [1, 2}',
        "{'a': 1}",
        '{"a": tru}',
        '{"a": "x',
        '{"a": 1} x',
        '{"a": "\t"}',
    ],
)
def test_the_message_is_that_of_json_itself(text: str) -> None:
    with pytest.raises(json.JSONDecodeError) as raised:
        json.loads(text)
    error = raised.value

    source = read_source(text, "job.json")

    finding = source.findings[0]
    assert (finding.line, finding.column) == (
        error.lineno,
        error.colno,
    ) or finding.rule == "PARSE_FENCE"
    assert f"{error.msg}: line {error.lineno} column {error.colno}" in finding.message


def test_line_breaks_inside_quotes_are_read_and_told() -> None:
    source = read_source('{"a": "x\ny\tz",\n "b": 1, "c": "\n"}', "job.json")

    assert source.value == {"a": "x\ny\tz", "b": 1, "c": "\n"}
    assert [(f.rule, f.path, f.line, f.column) for f in source.findings] == [
        ("PARSE_SYNTAX", "a", 1, 9),
        ("PARSE_SYNTAX", "c", 3, 16),
    ]
    assert source.findings[0].message.endswith("line 1 column 9")


def test_yaml_mistakes_are_told_with_line_and_column() -> None:
    finding = read_source("taskGroups:\n- a: 1\n  b: [1, 2\nc: 3\n", "job.yaml").findings[0]

    assert finding.rule == "PARSE_SYNTAX"
    assert f"line {finding.line} column {finding.column}" in finding.message
    assert finding.line == 4


def test_tabs_in_yaml_are_named() -> None:
    finding = read_source("a:\n\tb: 1\n", "job.yaml").findings[0]

    assert finding.fix == "indent with spaces, not with tabs"


@pytest.mark.parametrize(
    ("text", "file", "place"),
    [
        ('{"a": 1,\n "a": 2}', "job.json", (2, 2)),
        ("a: 1\nb: 2\na: 3\n", "job.yaml", (3, 1)),
    ],
)
def test_names_given_twice_are_told(text: str, file: str, place: tuple[int, int]) -> None:
    source = read_source(text, file)

    assert [(f.rule, f.line, f.column) for f in source.findings] == [("PARSE_DUP_KEY", *place)]
    assert "`1`" in source.findings[0].message


def test_comments_and_trailing_commas_are_set_aside() -> None:
    text = '{"a": 1, # one\n "b": "http://x # y", // two\n /* three */ "c": [1, 2,],\n}'

    source = read_source(text, "job.json")

    assert source.value == {"a": 1, "b": "http://x # y", "c": [1, 2]}
    assert [f.rule for f in source.findings] == ["PARSE_COMMENT"] * 5
    assert source.findings[0].line == 1
    assert "Expecting property name" in source.findings[0].message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('Here is your job:\n```json\n{"a": 1}\n```\nEnjoy.', {"a": 1}),
        ('```\n{"a": 1, // no\n}\n```', {"a": 1}),
        ('Sure! {"taskGroups": [{}]} is the job', {"taskGroups": [{}]}),
        ("Here:\n~~~yaml\na: 1\nb: [x]\n~~~\n", {"a": 1, "b": ["x"]}),
    ],
)
def test_a_job_is_taken_out_of_markdown_and_prose(text: str, value: Any) -> None:
    source = read_source(text, "answer.txt")

    assert source.value == value
    assert source.findings[0].rule == "PARSE_FENCE"


def test_some_object_in_a_broken_text_is_not_taken_for_the_job() -> None:
    text = 'taskGroups:\n- env: {"A": "b"}\n  c: [1\nd: 2\n'

    assert [rule for rule, _, _ in slips(text, "job.yaml")] == ["PARSE_SYNTAX"]


def test_fences_inside_a_script_are_left_alone() -> None:
    text = json.dumps({"a": "```json\n{}\n```"})

    assert slips(text) == []
    assert slips("a: |\n  ```json\n  {}\n  ```\nb: 1\n", "job.yaml") == []


def test_an_unfilled_blank_is_named() -> None:
    finding = read_source('{"a": ${BOOT_SIZE}}', "job.json").findings[0]

    assert "`${BOOT_SIZE}`" in finding.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x00\x01\x02", "binary"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "binary"),
        (b"\xff\xfe{\x00}\x00", "UTF-16"),
        (b'{"a": "\xe9"}', "byte 8"),
        (b'{"a": "\x1b[31m"}', "U+001B"),
    ],
)
def test_what_is_no_text_is_one_finding(data: bytes, message: str) -> None:
    findings = validate_bytes(data, "job.json").findings

    assert [f.rule for f in findings] == ["PARSE_ENCODING"]
    assert message in findings[0].message


def test_a_byte_order_mark_is_dropped() -> None:
    assert read_source('\ufeff{"a": 1}', "job.json").value == {"a": 1}


@pytest.mark.parametrize("text", ["", "  \n", "---\n", "# only a comment\n"])
def test_no_text_is_told(text: str) -> None:
    validated = validate_text(text, "job.yaml")

    assert validated.job is None
    assert len(validated.errors) == 1


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 50_000, "- " * 50_000, "{a: " * 50_000, "[" * 500 + "]" * 500],
)
@pytest.mark.parametrize("file", ["job.json", "job.yaml"])
def test_deep_nesting_ends_in_a_finding(text: str, file: str) -> None:
    validated = validate_text(text, file)

    assert validated.job is None
    assert len(validated.errors) == 1


def test_an_alias_bomb_ends_early() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]")

    finding = read_source("\n".join(lines), "job.yaml").findings[0]

    assert "aliases counted in full" in finding.message


def test_aliases_and_merges_are_followed() -> None:
    text = "x: &x {a: 1, b: 2}\ny: *x\nz:\n  <<: *x\n  b: 3\n"

    value = read_source(text, "job.yaml").value

    assert value["y"] == {"a": 1, "b": 2}
    assert value["z"] == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system ['true']", "!!binary aGk=", "!env HOME", "!!set {a}"]
)
def test_tags_run_nothing(tag: str) -> None:
    findings = read_source(f"a: 1\nb: {tag}\n", "job.yaml").findings

    assert [(f.rule, f.line) for f in findings] == [("PARSE_SYNTAX", 2)]
    assert "no plain data" in findings[0].message


def test_several_documents_are_refused() -> None:
    assert slips("a: 1\n---\nb: 2\n", "job.yaml") == [("PARSE_SYNTAX", 2, 1)]


def test_numbers_of_thousands_of_digits_are_refused() -> None:
    assert slips('{"a": "12",\n "b": ' + "9" * 5000 + "}") == [("PARSE_SYNTAX", 2, 7)]


def test_not_a_number_is_refused_where_it_stands() -> None:
    assert slips('{"NaN": 1,\n "b": NaN}') == [("PARSE_SYNTAX", 2, 7)]


def test_a_text_that_is_too_long_is_refused() -> None:
    assert slips('"' + "x" * 4_000_001 + '"')[0][0] == "JOB_SIZE"


@pytest.mark.parametrize(
    "text", ['"' + '\\"' * 60_000, "/*" * 60_000, "," + " " * 60_000, "#" * 60_000]
)
def test_long_texts_of_one_kind_take_no_more_than_their_length(text: str) -> None:
    validate_text("{" + text, "job.json")
    validate_text(text, "job.yaml")


@pytest.mark.parametrize(("offset", "place"), [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (9, (3, 3))])
def test_lines_and_columns_count_from_one(offset: int, place: tuple[int, int]) -> None:
    assert Lines("ab\ncde\nfghi").place(offset) == place


@pytest.mark.parametrize(
    "text",
    ["`" * 500_000, "```" + " " * 500_000, "x\n" + "```\n" * 100_000, "\n" * 500_000],
    ids=["backticks", "a fence of blanks", "fences", "empty lines"],
)
def test_fences_without_end_are_looked_for_in_one_pass(text: str) -> None:
    # A pattern that goes back and tries again takes minutes to hours here.
    assert validate_text(text, "job.json").job is None
