"""A run that a person stopped, taken up again: what its jobs had not finished is sent once more."""

from __future__ import annotations

from dataclasses import replace

from components.batch_predict.book import Doc, Entry


def resumed(doc: Doc, deadline_at: float) -> Doc:
    """The ledger of a stopped run as it goes on.

    A job that was cancelled counts as one that failed for a reason that passed: what it finished is
    read, the rest is its next sending. A job that could not be brought to rest is followed again.

    Args:
        doc: the ledger.
        deadline_at: when what still goes on is cancelled, Unix seconds.
    """
    entries = tuple(_reopened(entry, deadline_at) for entry in doc.entries)
    return replace(doc, stopped="", deadline_at=deadline_at, entries=entries)


def _reopened(entry: Entry, deadline_at: float) -> Entry:
    life = entry.ledger.life
    if life.asked != "cancel" or entry.counts is not None:
        return entry
    open_again = replace(life, asked="", why_asked="", asked_at=None, deadline_at=deadline_at)
    if life.outcome == "refused":
        changed = replace(open_again, phase="watch", outcome=None, reason="", ended_at=None)
    else:
        changed = replace(open_again, outcome="failed")
    return replace(entry, ledger=replace(entry.ledger, life=changed))
