"""Rules to come."""

from __future__ import annotations

from components.batch.rules.rule import RuleSet

RULES = RuleSet()
