"""What one text asks for twice and differently, and which of the two an answer means."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from components.parse_intent.draft import Asked, Draft
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.read_count import said_outright
from components.parse_intent.offline.read_limits import (
    pick_time,
    read_cpu,
    read_memory,
    time_points,
)
from components.parse_intent.offline.read_machine import MACHINE, machine_denied, read_gpus
from components.parse_intent.offline.read_provisioning import affirmed
from components.parse_intent.offline.read_retries import read_retries
from components.parse_intent.offline.read_tasks import read_parallelism

# Each may be had, or the words only tell of one of them.
EITHER = Pattern(
    r"\b(?:or|either|whichever|whatever|if|unless|when|until|normally|usually|typically|before"
    r"|used to|last time|instead|cheaper|costs?|price|compared|versus|vs|depending|e\.g"
    r"|like (?:the|our|last|in)"
    r"|better|actually|rather|hm+|on second thoughts?|sorry|oops|for example|previous\w*)\b",
    re.IGNORECASE,
)
QUESTIONS = {
    "task_count": "how many tasks should the job have?",
    "parallelism": "how many tasks may run at the same time?",
    "max_retries": "how many retries should a failed task get?",
    "cpu_milli": "how many vCPUs (CPU cores) does a task need?",
    "memory_mib": "how much memory does a task need?",
    "gpus": "which GPUs, and how many, should a VM have?",
    "machine_type": "which machine type is meant?",
    "provisioning": "should the VMs be Spot (preemptible) or on demand (standard)?",
    "max_run_s": "what is the time limit of a task?",
}
# "each task handles 20 tasks of our queue", "the first 10 tasks are short".
OTHER_TASKS = Pattern(
    r"\b(?:handles?|takes?|process\w*|first|last|next|than|least|remaining|other|another|per"
    r"|every|each|these|those|of|in|batch\w*|groups?|after|only)(?: the| our| my| about)? *$",
    re.IGNORECASE,
)
ONE_MORE = Pattern(r"(?:another|again|one more|1 more|a second|once more)\b", re.IGNORECASE)
STRONG = 6  # points of a duration that is called a limit in so many words


@dataclass(frozen=True)
class Clash:
    """A field with two values: the one that the draft holds and the other one."""

    name: str
    values: tuple[Any, Any]

    @property
    def question(self) -> str:
        """What to ask, with the words that exclude each other."""
        first, second = map(_told, self.values)
        return f"Both {first} and {second} were asked: {QUESTIONS[self.name]}"


def _told(value: Any) -> str:
    """The words, and the number where they spell it."""
    plain = _plain(value)
    spelled = isinstance(plain, int) and plain < 100 and not any(map(str.isdecimal, value.quote))
    return f'"{value.quote}" ({plain})' if spelled else f'"{value.quote}"'


def clashes(page: Page) -> list[Clash]:
    """The fields that a first turn gives two values.

    What its reader reads again, in the words that no reader used, is a second value.
    """
    found = []
    for name, read in AGAIN.items():
        first = getattr(page.draft, name)
        second = read(page) if first is not None else None
        if second is None or _plain(first) == _plain(second):
            continue
        places = [page.at(max(page.turn.find(value.quote), 0)) for value in (first, second)]
        if name == "task_count" and (
            1 in (first.value, second.value)  # "18 tasks; one task needs 2 cores"
            or OTHER_TASKS.search(page.left(places[1], 30))
        ):
            continue
        if name == "max_retries" and any(ONE_MORE.match(v.quote) for v in (first, second)):
            continue  # "give it another go, 4 retries in all"
        if name == "max_run_s" and page.sentence(places[0]) == page.sentence(places[1]):
            continue  # "it finishes in 30 minutes, so stop it after an hour"
        said = (page.sentence_text(place) for place in places)
        if name == "max_retries" or not any(map(EITHER.search, said)):
            both = (first, second) if places[0] <= places[1] else (second, first)
            found.append(Clash(name, both))
    return found


def _plain(value: Any) -> Any:
    return (value.type, value.count) if hasattr(value, "count") else value.value


def _time(page: Page) -> Asked[int] | None:
    amount = pick_time(page, page.durations)
    if amount is None or time_points(page, amount) < STRONG:
        return None
    quote = page.take(amount.start, amount.end)
    return Asked(value=max(1, round(amount.value)), quote=quote)


def _machine(page: Page) -> Asked[str] | None:
    first = page.draft.machine_type
    for match in page.find(MACHINE, free=False):
        name = match["m"].lower()
        if first is not None and name != first.value and not machine_denied(page, match):
            return Asked(value=name, quote=page.quote(*match.span()))
    return None


def _provisioning(page: Page) -> Asked[str] | None:
    first = page.draft.provisioning
    for value, start, end in affirmed(page):
        if (
            first is not None
            and value != first.value
            and not EITHER.search(page.sentence_text(start))
        ):
            return Asked(value=value, quote=page.quote(start, end))
    return None


AGAIN: dict[str, Callable[[Page], Any]] = {
    "task_count": said_outright,
    "parallelism": lambda page: read_parallelism(page)[0],
    "max_retries": read_retries,
    "cpu_milli": read_cpu,
    "memory_mib": read_memory,
    "gpus": read_gpus,
    "machine_type": _machine,
    "provisioning": _provisioning,
    "max_run_s": _time,
}


FIRST = Pattern(r"\b(?:first|former|1st)\b", re.IGNORECASE)
SECOND = Pattern(r"\b(?:second|latter|2nd|last)\b", re.IGNORECASE)
MOST_WORDS = 7  # of an answer that names one of the two and says nothing else
MOST = Pattern(r"\b(?:larger|bigger|higher|greater|longer|more)\b", re.IGNORECASE)
LONE_NUMBER = Pattern(
    r"(?:\D{0,24}\s)?(\d+)(?:\s?[a-z]{1,12})?(?:[ ,]+(?:please|it is|then|thanks|in all|of them))*",
    re.IGNORECASE,
)
LEAST = Pattern(r"\b(?:smaller|lower|fewer|less|shorter)\b", re.IGNORECASE)


def settle_clash(page: Page, draft: Draft, clash: Clash) -> bool:
    """Give a field the value that an answer means: "the second", "the larger one", "20".

    Returns:
        Whether the turn answers the question.
    """
    said = page.norm.strip(" .!?\n")
    if len(said.split()) > MOST_WORDS or page.payloads:
        return False
    values = clash.values
    chosen = None
    by_number = {str(_unit(clash.name, value)): value for value in values}
    number = LONE_NUMBER.fullmatch(said)
    if number is not None and number[1] in by_number:
        chosen = by_number[number[1]]
    elif SECOND.search(said):
        chosen = values[1]
    elif FIRST.search(said):
        chosen = values[0]
    elif isinstance(_plain(values[0]), int) and (MOST.search(said) or LEAST.search(said)):
        ordered = sorted(values, key=_plain)
        chosen = ordered[-1 if MOST.search(said) else 0]
    elif number is not None and clash.name in ("task_count", "parallelism", "max_retries"):
        chosen = Asked(value=int(number[1]), quote="")
    if chosen is None:
        return False
    quote = page.take(0, len(page.norm))
    setattr(draft, clash.name, chosen.model_copy(update={"quote": quote}))
    return True


def _unit(name: str, value: Any) -> Any:
    scale = {"cpu_milli": 1000, "memory_mib": 1024, "max_run_s": 3600}.get(name, 1)
    plain = _plain(value)
    return plain // scale if isinstance(plain, int) else plain
