"""A forecast in words."""

from __future__ import annotations

from collections.abc import Iterator

from components.batch.forecast import Forecast
from components.tables.formats import dollars, duration, plural


def one_line(told: Forecast) -> str:
    """The forecast in one line: cost and time as expected, cost and time at worst."""
    machines = f" of {told.machine_type}" if told.machine_type else ""
    if told.chosen_by_batch and told.machine_type:
        machines = f", if of {told.machine_type}"
    usd, worst_usd = told.expected_usd, told.worst_usd
    expected = "cost unknown" if usd is None else f"about {dollars(usd)}"
    line = f"{expected} in {duration(told.expected_s)} on {plural(told.vms, 'VM')}{machines}"
    worst = "at worst unknown," if worst_usd is None else f"at most {dollars(worst_usd)} in"
    line += f"; {worst} {duration(told.worst_s)}"
    if told.task_s_why.startswith("assumed"):
        line += f"; a task is taken to run {duration(told.task_s)}"
    return f"{line} (prices of {told.prices_dated})"


def page(told: Forecast) -> Iterator[str]:
    """The forecast line by line, for a terminal."""
    yield f"{'':<10}{'expected':>14}{'at worst':>14}"
    yield f"{'cost':<10}{dollars(told.expected_usd):>14}{dollars(told.worst_usd):>14}"
    yield f"{'time':<10}{duration(told.expected_s):>14}{duration(told.worst_s):>14}"
    yield f"{'a task':<10}{duration(told.task_s):>14}{duration(told.limit_s):>14}"
    yield ""
    yield f"A task runs {duration(told.task_s)} ({told.task_s_why}); {_limit_words(told)}."
    yield _vm_words(told)
    if told.parts:
        parts = ", ".join(f"{part.name} {dollars(part.hourly)}" for part in told.parts)
        yield f"An hour of a VM costs {dollars(told.vm_hour)}: {parts}."
    yield from told.unknown
    yield from told.notes
    yield f"Prices of {told.prices_dated} ({told.prices_source}), for {told.region}."


def _limit_words(told: Forecast) -> str:
    attempts = f" in each of {told.attempts} attempts" if told.attempts > 1 else ""
    return f"at worst {duration(told.limit_s)}{attempts} ({told.limit_s_why})"


def _vm_words(told: Forecast) -> str:
    each = f", {told.tasks_per_vm} tasks on each" if told.tasks_per_vm > 1 else ""
    kind = f" of {told.machine_type}" if told.machine_type else ""
    words = f"{plural(told.vms, 'VM')}{kind}{each}: "
    if told.waves > 1:
        words += f"{told.at_once:,} of {told.tasks:,} tasks at once, {told.waves:,} times in turn"
    else:
        words += "1 task" if told.tasks == 1 else f"all {told.tasks:,} tasks at once"
    return f"{words}. Every VM is paid from its creation to the end of the job."
