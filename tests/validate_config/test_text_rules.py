# ruff: noqa: E501 - a table reads best with one case a line
"""Each rule of the text: one change of a clean text that breaks it, at its line, and nothing else."""

from __future__ import annotations

import json

import pytest
import yaml

from components.config.check import validate_bytes
from components.config.source import TEXT_RULES
from tests.batch.rules.jobs import clean_job

JOB = json.dumps(clean_job(), indent=2)
AS_YAML = yaml.safe_dump(clean_job(), sort_keys=False)


def swapped(text: str, old: str, new: str) -> bytes:
    assert old in text
    return text.replace(old, new, 1).encode()


# rule, severity, the file's name, its bytes, what stands in the line of the finding
CASES: list[tuple[str, str, str, bytes, str]] = [
    ("PARSE_SYNTAX", "error", "j.json", swapped(JOB, '"taskCount": 4,', '"taskCount": 4'), '"parallelism"'),
    ("PARSE_SYNTAX", "error", "j.json", swapped(JOB, '"SPOT"', "SPOT"), "SPOT"),
    ("PARSE_SYNTAX", "error", "j.json", swapped(JOB, '"taskCount": 4', '"taskCount": nb_tasks'), "nb_tasks"),
    ("PARSE_SYNTAX", "error", "j.json", swapped(JOB, "\\n", "\n"), "#!/bin/bash"),
    ("PARSE_SYNTAX", "error", "j.yaml", swapped(AS_YAML, "labels:\n", "labels: [\n"), "logsPolicy"),
    ("PARSE_SYNTAX", "error", "j.yaml", swapped(AS_YAML, "taskCount: 4", "taskCount: !!python/name:os.system 4"), "taskCount"),
    ("PARSE_ENCODING", "error", "j.json", swapped(JOB, "genomics", "gen").replace(b"gen", b"gen\xff"), '"team"'),
    ("PARSE_ENCODING", "error", "j.json", JOB.encode("utf-16"), ""),
    ("PARSE_DUP_KEY", "error", "j.json", swapped(JOB, '"taskCount": 4,', '"taskCount": 4,\n"taskCount": 4,'), '"taskCount"'),
    ("PARSE_DUP_KEY", "error", "j.yaml", swapped(AS_YAML, "labels:\n", "labels: {team: genomics}\nlabels:\n"), "labels"),
    ("PARSE_FENCE", "error", "j.json", f"Here it is:\n```json\n{JOB}\n```\n".encode(), "Here it is"),
    ("PARSE_COMMENT", "error", "j.json", swapped(JOB, '"taskCount": 4,', '"taskCount": 4, // four'), "// four"),
    ("PARSE_COMMENT", "error", "j.json", swapped(JOB, '"taskCount": 4,', '"taskCount": 4, # four'), "# four"),
    ("PARSE_COMMENT", "error", "j.json", swapped(JOB, '"CLOUD_LOGGING"', '"CLOUD_LOGGING",'), '"CLOUD_LOGGING",'),
    ("PARSE_YAML_TRAP", "error", "j.yaml", swapped(AS_YAML, "MODE: fast", "MODE: yes"), "MODE: yes"),
    ("PARSE_YAML_TRAP", "error", "j.yaml", swapped(AS_YAML, "MODE: fast", "MODE: 12:30:45"), "MODE"),
    ("PARSE_YAML_TRAP", "error", "j.yaml", swapped(AS_YAML, "MODE: fast", "MODE: 010"), "MODE: 010"),
    ("PARSE_YAML_TRAP", "warning", "j.yaml", swapped(AS_YAML, "parallelism: 2", "parallelism: 02"), "parallelism"),
]  # fmt: skip


def test_the_clean_texts_have_no_errors_and_no_warnings() -> None:
    for file, text in (("j.json", JOB), ("j.yaml", AS_YAML)):
        findings = validate_bytes(text.encode(), file).findings
        assert [f for f in findings if f.severity != "hint"] == []


@pytest.mark.parametrize(("rule", "severity", "file", "data", "line"), CASES)
def test_breaking_one_rule_gives_that_finding_alone(
    rule: str, severity: str, file: str, data: bytes, line: str
) -> None:
    findings = [f for f in validate_bytes(data, file).findings if f.severity != "hint"]

    assert [(f.rule, f.severity) for f in findings] == [(rule, severity)]
    assert findings[0].message
    assert findings[0].fix
    lines = data.decode("utf-8", "replace").splitlines()
    assert line in lines[findings[0].line - 1]


def test_every_rule_of_the_text_has_a_case() -> None:
    assert set(TEXT_RULES) == {rule for rule, *_ in CASES}
