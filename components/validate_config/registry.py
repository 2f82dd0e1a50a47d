"""Every rule that a finding may name: of the text, of the job, of the request, of a policy."""

from __future__ import annotations

from functools import lru_cache

from components.batch.policy import POLICY_RULES
from components.batch.rules import all_rules
from components.batch.rules.request import REQUEST_RULES
from components.batch.rules.rule import Rule
from components.config.source import TEXT_RULES


@lru_cache(maxsize=1)
def every_rule() -> dict[str, Rule]:
    """All rules by id; where a rule of the text and of the job share an id, the job's."""
    return {**TEXT_RULES, **all_rules(), **REQUEST_RULES, **POLICY_RULES}
