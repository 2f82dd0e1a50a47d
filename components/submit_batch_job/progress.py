"""Lines for a person who waits: the job's name, and each status event as it comes."""

from __future__ import annotations

import re
from collections.abc import Callable

from components.batch.events import diagnose, failure_reason, told
from components.supervision.ledger import Ledger
from components.supervision.life import Event

_TASK = re.compile(r"Task (\d+): ")
_TRANSITION = re.compile(r"Job state is set from (\w+) to (\w+)")


class Progress:
    """Tells what is new in a ledger, each thing once.

    Args:
        say: shows one line.
        on_event: is told of each new status event as well.
        link: whether the console shows the job.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        on_event: Callable[[Event], None] | None = None,
        *,
        link: bool = True,
    ) -> None:
        self._say = say
        self._link = link
        self._on_event = on_event
        self._told: set[Event] = set()
        self._name = ""
        self._asked = ""
        self._trouble = ""

    def __call__(self, ledger: Ledger) -> None:
        """Tell what is new."""
        life = ledger.life
        if life.job_name and life.state and life.job_name != self._name:
            self._name = life.job_name
            self._say(f"job {life.job_name} ({life.state})")
            if ledger.console_url and self._link:
                self._say(f"see {ledger.console_url}")
        for event in life.events:
            if event not in self._told:
                self._told.add(event)
                self._say(line_of(event))
                if self._on_event:
                    self._on_event(event)
        # Who asks for a job to be cancelled is not told so before it is known that there is one.
        known = bool(life.state) or life.phase != "watch"
        if life.asked and life.asked != self._asked and life.outcome is None and known:
            self._asked = life.asked
            self._say(f"cancelling: {life.why_asked}")

    def trouble(self, reason: str) -> None:
        """Tell that a call failed and is tried again; the same reason once in a row."""
        if reason != self._trouble:
            self._trouble = reason
            self._say(f"no answer, trying again: {reason}")


def line_of(event: Event) -> str:
    """An event as one line: when, what it means, and what to do where there is something to do."""
    moved = _TRANSITION.match(event.description)
    text = f"{moved[1]} -> {moved[2]}" if moved else ""
    task = _TASK.match(event.description)
    if task:
        text = f"task {task[1]}: {told(diagnose(event.description))}"
    elif not moved or moved[2] == "FAILED":
        # What to do about it is told at the end.
        meaning = (
            failure_reason([event], remedy=False) if moved else told(diagnose(event.description))
        )
        text = f"{text}: {meaning}" if moved else meaning
    clock = event.time[11:19]
    return f"{clock} {text}" if clock else text
