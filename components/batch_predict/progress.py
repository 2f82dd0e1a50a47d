"""Lines for a person who waits: jobs by state and spending, each change once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from components.batch_predict.book import Doc


class Progress:
    """One line whenever jobs by state or the spending have changed."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._told = ""
        self._trouble = ""

    def change(self, doc: Doc) -> None:
        """Tell what has changed in the ledger."""
        states = Counter(e.ledger.state for e in doc.entries if e.counts is None)
        line = "jobs: " + ", ".join(f"{states[state]} {_words(state)}" for state in sorted(states))
        line += f"; ${doc.spent_usd:.4f} spent on earlier ones" if doc.spent_usd else ""
        if line != self._told:
            self._told = line
            self._say(line)

    def trouble(self, reason: str) -> None:
        """Tell that a call failed and is tried again; the same reason once in a row."""
        if reason != self._trouble:
            self._trouble = reason
            self._say(f"no answer, trying again: {reason}")


def _words(state: str) -> str:
    return state.removeprefix("JOB_STATE_").replace("_", " ").lower() or "to be made"
