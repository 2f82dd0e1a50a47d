"""Findings as text, JSON and SARIF."""

from __future__ import annotations

import json

from components.batch.findings import Finding
from components.config.check import validate_text
from components.validate_config.formats import as_json, as_sarif, as_text

FOUND = [
    Finding(
        "RETRY_RANGE", "error", "a.b[0]", "12 is out of range", "use 10", "dir/my job.json", 3, 7
    ),
    Finding("LABELS_NONE", "hint", "labels", "no label", "", "dir/my job.json", 1, 1),
]


def test_text_is_one_line_a_finding_and_a_summary() -> None:
    assert as_text(FOUND, ["dir/my job.json"]).splitlines() == [
        "dir/my job.json:3:7: error RETRY_RANGE a.b[0]: 12 is out of range (fix: use 10)",
        "dir/my job.json:1:1: hint LABELS_NONE labels: no label",
        "1 file: 1 error, 0 warnings, 1 hint",
    ]


def test_text_keeps_control_characters_from_the_terminal() -> None:
    text = as_text([Finding("X", "error", "a", "b\x1b[2Jc\nd")], ["f"])

    assert "\x1b" not in text
    assert len(text.splitlines()) == 2


def test_json_has_the_fields_of_the_design() -> None:
    assert json.loads(as_json(FOUND))[0] == {
        "file": "dir/my job.json",
        "line": 3,
        "column": 7,
        "path": "a.b[0]",
        "rule": "RETRY_RANGE",
        "severity": "error",
        "message": "12 is out of range",
        "fix": "use 10",
    }
    assert json.loads(as_json([])) == []


def test_sarif_names_rules_levels_and_places() -> None:
    log = json.loads(as_sarif(FOUND))

    run = log["runs"][0]
    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["LABELS_NONE", "RETRY_RANGE"]
    result = run["results"][0]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("RETRY_RANGE", 1, "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "dir/my%20job.json"
    assert place["region"] == {"startLine": 3, "startColumn": 7}
    assert run["results"][1]["level"] == "note"


def test_sarif_describes_the_rules_of_reading_too() -> None:
    log = json.loads(as_sarif(validate_text("{", "x.json").findings))

    rule = log["runs"][0]["tool"]["driver"]["rules"][0]
    assert rule["id"] == "PARSE_SYNTAX"
    assert rule["shortDescription"]["text"] != "PARSE_SYNTAX"
