"""GPUs of a draft against its machine, and of a later turn against those that were there."""

from __future__ import annotations

import re

from components.batch.machines import lookup
from components.parse_intent.draft import Draft
from components.parse_intent.offline.page import Page


def settle_gpus(page: Page, draft: Draft) -> None:
    """Fit GPUs to a machine that brings its own, in place.

    A new machine that has GPUs takes the place of those attached before; where no number of them
    was said it is the machine's own.
    """
    if draft.gpus is None or draft.machine_type is None:
        return
    machine = lookup(draft.machine_type.value)
    if machine is None or not machine.gpu_type:
        return
    if draft.gpus.type == machine.gpu_type:
        named = re.search(r"\d\s?(?:x|\u00d7)?\s|\s(?:x|\u00d7)?\d$", draft.gpus.quote)
        if named is None and not re.match(r"(?:an?|one|single)\b", draft.gpus.quote, re.I):
            draft.gpus.count = machine.gpu_count
    elif page.before is not None and page.draft.machine_type and page.draft.gpus is None:
        draft.gpus = None


def other_than_before(page: Page) -> None:
    """The number of GPUs stays where only their type changes: "replace the T4s with V100s"."""
    new, old = page.draft.gpus, page.before.gpus if page.before is not None else None
    if new is None or old is None or new.type == old.type:
        return
    if not re.match(r"\d", new.quote) and new.quote.lower().endswith("s"):
        new.count = old.count
