"""Lines for a person who waits: answers, jobs by state, tokens and spending, each change once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from components.batch_predict.book import Doc, Entry
from components.tables.formats import count, dollars, plural


class Progress:
    """One line whenever answers, jobs by state or the spending have changed."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._told = ""
        self._trouble = ""

    def change(self, doc: Doc) -> None:
        """Tell what has changed in the ledger."""
        line = "; ".join(_pieces(doc))
        if line != self._told:
            self._told = line
            self._say(line)

    def trouble(self, reason: str) -> None:
        """Tell that a call failed and is tried again; the same reason once in a row."""
        if reason != self._trouble:
            self._trouble = reason
            self._say(f"no answer, trying again: {reason}")


def _pieces(doc: Doc) -> Iterator[str]:
    states = Counter(e.ledger.state for e in doc.entries if e.counts is None)
    yield "jobs: " + ", ".join(f"{states[state]} {_words(state)}" for state in sorted(states))
    asked = sum(entry.requests for entry in doc.entries if entry.attempt == 1)
    answered = sum(_answered(entry) for entry in doc.entries)
    if answered:
        yield f"{count(answered)} of {count(asked)} requests answered"
    tokens: Counter[str] = Counter()
    for entry in doc.entries:
        tokens.update(entry.tokens)
    if tokens:
        told = f"{plural(tokens['input'], 'token')} in, {count(tokens['output'])} out"
        yield f"{told}, {dollars(doc.spent_usd)} so far"


def _answered(entry: Entry) -> int:
    """Requests with an answer: counted, or as the service tells it while the job runs."""
    if entry.counts is not None:
        return entry.counts.get("ok", 0)
    told = entry.stats.get("successfulCount", 0)
    return max(told, 0) if isinstance(told, int) else 0


def _words(state: str) -> str:
    return state.removeprefix("JOB_STATE_").replace("_", " ").lower() or "to be made"
