"""Where each field of a built job came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Notes:
    """Where each field came from: the person's words (evidence) or a default (assumptions)."""

    evidence: list[dict[str, Any]] = field(default_factory=list)
    assumptions: list[dict[str, Any]] = field(default_factory=list)

    def said(self, path: str, value: Any, quote: str) -> None:
        """Note that the person's words gave this field."""
        self.evidence.append({"path": path, "value": value, "quote": quote})

    def assumed(self, path: str, value: Any, why: str) -> None:
        """Note a field that nobody asked for, with the reason."""
        self.assumptions.append({"path": path, "value": value, "why": why})
