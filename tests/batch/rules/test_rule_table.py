"""Every rule of the reference is a rule here, has a source and a test, and stands in the table."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.validate_config.registry import every_rule
from tests.batch.rules.rule_table import (
    BESIDE_THE_REFERENCE,
    DOCUMENT,
    ROOT,
    cases,
    reference_ids,
    table,
)

BESIDE = ROOT.parent / "shared" / "reference" / "batch_rules.md"
REFERENCE = Path(os.environ.get("BATCH_RULES", BESIDE))

# Section 6, the fixed limits: the rule that holds each of those which a job can break.
LIMITS = {
    "100,000 tasks per group": "TC_RANGE",
    "5,000 parallel tasks per job": "PAR_RANGE",
    "2,000 concurrent VMs": "VM_LIMIT",
    "job definition 1 MB": "JOB_SIZE",
    "RUNNING > 14 days": "TIMEOUT_MAX",
    "hosts file 1,000 VMs": "HOSTS_1000",
    "20 tasks per VM": "TCPN_RANGE",
    "taskEnvironments 200": "TENV_MAX",
}


def test_every_rule_has_an_id_a_source_a_severity_words_and_a_case() -> None:
    tested = cases()

    for rule_id, rule in every_rule().items():
        assert rule.id == rule_id
        assert rule.source
        assert rule.about.endswith(".")
        assert rule.severity in ("error", "warning", "hint")
        assert tested[rule_id], rule_id


def test_the_table_is_the_one_of_these_rules() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == table(), (
        "run python -m tests.batch.rules.rule_table"
    )


def test_the_limits_have_rules() -> None:
    assert set(LIMITS.values()) <= set(every_rule())


@pytest.mark.skipif(not REFERENCE.is_file(), reason=f"the reference is not at {REFERENCE}")
def test_every_rule_of_the_reference_is_one_of_ours() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    wanted = reference_ids(text)

    assert len(wanted) == 170
    assert set(wanted) - set(every_rule()) == set()
    assert set(every_rule()) - set(wanted) == BESIDE_THE_REFERENCE
    assert [limit for limit in LIMITS if limit not in text] == []
