"""The table of all rules, each with its tests: `python -m tests.batch.rules.rule_table` writes it.

The ids of the rules are those of the reference that they were collected in, so that one column
serves for both; what the reference does not have is marked.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from components.batch.policy import POLICY_RULES
from components.batch.rules import job_rules
from components.batch.rules.parsing import PARSING_RULES
from components.batch.rules.request import REQUEST_RULES
from components.batch.rules.rule import Rule
from components.config.mends import MENDED_RULES
from components.config.source import TEXT_RULES
from components.validate_config.registry import every_rule
from tests.batch import test_policy
from tests.batch.rules import (
    mutations,
    test_error_rules,
    test_request_rules,
    test_warning_rules,
)
from tests.validate_config import test_text_rules

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "rules.md"

# Rules beside those of the reference: what strict parsing refuses, and the organisation's own.
BESIDE_THE_REFERENCE = {
    *("PARSE_TYPE", "PARSE_ENUM", "PARSE_ONEOF", "PARSE_SYNTAX", "PARSE_ENCODING"),
    *POLICY_RULES,
}

HEAD = """\
# The rules of the validator

Written by `python -m tests.batch.rules.rule_table` from the rules themselves; a test holds it to
them. Sources: P comments of the proto, Q quotas, TS troubleshooting, CJ and CB guides for creating
jobs, RN release notes, GS get started, LOC locations, LB labels, ST storage, RT retries, TO
timeouts, KI known issues, RES reservations, VT templates, MPI MPI jobs, GPU and SSD Compute
Engine's guides, GC gcloud, CSV the dated tables in `components/batch/data`, X an experiment with
the client, use judgement and reported practice, policy the organisation's file.

Where several severities stand, the case decides. "Cases" counts the jobs in the tests that break
the rule; "edits" the edits of the mutation test, each made to up to 20 jobs.

| rule | severity | what | source | `--fix` | cases | edits |
| --- | --- | --- | --- | --- | --- | --- |
"""


def cases() -> dict[str, list[str]]:
    """The severities of the test cases of each rule; the cases are in tables of five tests."""
    found: dict[str, list[str]] = defaultdict(list)
    for rule, _, _ in test_error_rules.CASES:
        found[rule].append("error")
    for table in (test_warning_rules.CASES, test_request_rules.CASES, test_text_rules.CASES):
        for rule, severity, *_ in table:
            found[rule].append(severity)
    for _, _, told in test_policy.CASES:
        for rule, _ in told:
            found[rule].append("error")
    found["POLICY_COST"] += ["error", "warning"]  # a test of its own
    return found


def reference_ids(text: str) -> dict[str, str]:
    """The ids of the reference's rules, each with its section, 1 to 5; 6 has limits without ids."""
    found = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        number = section.split(".", 1)[0]
        if number in "12345":
            for rule in re.findall(r"^\| ([A-Z][A-Z0-9_]+) \|", section, re.MULTILINE):
                found[rule] = number
    return found


def table() -> str:
    """The document."""
    tested, edits = cases(), [rule for rule, _ in mutations.MUTATIONS]
    order = [*TEXT_RULES, *PARSING_RULES, *(rule.id for rule in job_rules())]
    order += [*REQUEST_RULES, *POLICY_RULES]
    rows = []
    for rule_id in dict.fromkeys(order):
        rule = every_rule()[rule_id]
        seen = [s for s in ("error", "warning", "hint") if s in (*tested[rule_id], rule.severity)]
        mended = "yes" if rule_id in MENDED_RULES else ""
        count, edited = len(tested[rule_id]), edits.count(rule_id)
        rows.append(
            f"| {rule_id} | {', '.join(seen)} | {_about(rule)} | {rule.source} | {mended} "
            f"| {count} | {edited or ''} |"
        )
    return HEAD + "\n".join(rows) + "\n"


def _about(rule: Rule) -> str:
    return rule.about.replace("|", "\\|")


if __name__ == "__main__":
    DOCUMENT.write_text(table(), encoding="utf-8")
