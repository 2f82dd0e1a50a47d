"""Findings as text for people, JSON for programs, and SARIF 2.1.0 for code review tools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import quote

from components.batch.findings import Finding
from components.batch.rules.rule import Rule
from components.tables.formats import plural
from components.tables.text import json_text
from components.validate_config.registry import every_rule

_SARIF_LEVEL = {"error": "error", "warning": "warning", "hint": "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(findings: Sequence[Finding], files: Sequence[str]) -> str:
    """One line a finding (`file:line:column: severity RULE path: message (fix: …)`), a summary."""
    lines = [_line(finding) for finding in findings]
    return "\n".join([*lines, summary(findings, files)]) + "\n"


def _line(finding: Finding) -> str:
    place = f"{finding.file}:{finding.line}:{finding.column}: " if finding.line else ""
    path = f" {finding.path}" if finding.path else ""
    fix = f" (fix: {finding.fix})" if finding.fix else ""
    line = f"{place}{finding.severity} {finding.rule}{path}: {finding.message}{fix}"
    # Names and values of strangers stand in it: no control characters to the terminal.
    return "".join(c if c.isprintable() else " " for c in line)


def summary(findings: Sequence[Finding], files: Sequence[str]) -> str:
    """`2 files: 1 error, 3 warnings, 0 hints`."""
    by_severity = Counter(finding.severity for finding in findings)
    counts = ", ".join(plural(by_severity[s], s) for s in ("error", "warning", "hint"))
    return f"{plural(len(files), 'file')}: {counts}"


def as_json(findings: Sequence[Finding]) -> str:
    """A list of `{file, line, column, path, rule, severity, message, fix}`."""
    return json_text([finding.to_dict() for finding in findings], indent=2) + "\n"


def as_sarif(findings: Sequence[Finding]) -> str:
    """A SARIF 2.1.0 log with the rules that the findings name."""
    known = every_rule()
    ids = sorted({finding.rule for finding in findings})
    index = {rule_id: number for number, rule_id in enumerate(ids)}
    run = {
        "tool": {
            "driver": {
                "name": "intent2batch",
                "version": _version(),
                "rules": [_sarif_rule(rule_id, known) for rule_id in ids],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(finding, index) for finding in findings],
    }
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _sarif_rule(rule_id: str, known: Mapping[str, Rule]) -> dict[str, Any]:
    rule = known.get(rule_id)
    about = rule.about if rule else rule_id
    level = _SARIF_LEVEL[rule.severity] if rule else "error"
    return {
        "id": rule_id,
        "shortDescription": {"text": about},
        "defaultConfiguration": {"level": level},
        "properties": {"source": rule.source if rule else ""},
    }


def _sarif_result(finding: Finding, index: Mapping[str, int]) -> dict[str, Any]:
    text = f"{finding.message}. Fix: {finding.fix}" if finding.fix else finding.message
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(finding.file, safe="/:._-~")},
            "region": {"startLine": max(1, finding.line), "startColumn": max(1, finding.column)},
        }
    }
    if finding.path:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.path}]
    return {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": _SARIF_LEVEL[finding.severity],
        "message": {"text": text},
        "locations": [location],
    }


def _version() -> str:
    try:
        return version("intent2batch")
    except PackageNotFoundError:
        return "0"
