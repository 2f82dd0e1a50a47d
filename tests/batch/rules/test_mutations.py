"""Each error rule x 20 valid jobs: one edit that breaks the rule is caught in every job it fits."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from components.batch.rules import all_rules, check
from tests.batch.rules.mutations import MUTATIONS, Edit
from tests.batch.rules.test_check_properties import parses_strictly
from tests.batch.rules.valid_jobs import valid_jobs

JOBS = valid_jobs()


def errors(job: Any) -> list[str]:
    return [f.rule for f in check(job) if f.severity == "error"]


def mutated(edit: Edit) -> Iterator[tuple[str, dict[str, Any]]]:
    """The jobs that the edit fits, after it."""
    for name, job in JOBS.items():
        changed = copy.deepcopy(job)
        if edit(changed) is not False:
            yield name, changed


@pytest.mark.parametrize("name", JOBS)
def test_the_jobs_have_no_error_and_parse_strictly(name: str) -> None:
    assert errors(JOBS[name]) == []
    assert parses_strictly(JOBS[name])


def test_there_are_twenty_jobs_and_they_differ() -> None:
    assert len(JOBS) == 20
    assert len({str(job) for job in JOBS.values()}) == 20


@pytest.mark.parametrize(
    ("rule", "edit"), MUTATIONS, ids=[f"{i}-{rule}" for i, (rule, _) in enumerate(MUTATIONS)]
)
def test_one_edit_that_breaks_a_rule_is_caught_in_every_job(rule: str, edit: Edit) -> None:
    missed = [name for name, job in mutated(edit) if rule not in errors(job)]

    assert missed == []


def test_every_error_rule_is_broken_and_most_in_many_jobs() -> None:
    fits: Counter[str] = Counter()
    for rule, edit in MUTATIONS:
        fits[rule] += sum(1 for _ in mutated(edit))

    wanted = {rule.id for rule in all_rules().values() if rule.severity == "error"}
    assert wanted - set(fits) == set()
    assert min(fits.values()) >= 1
    assert sum(fits.values()) >= 2000
