"""Whether a job may be sent under a budget: its worst case counts, and what is unknown is over."""

from __future__ import annotations

import math

from components.batch.forecast import Forecast
from components.errors import WrongUse
from components.tables.formats import dollars


def check_budget(max_cost_usd: float) -> None:
    """Refuse what is no amount.

    Raises:
        WrongUse: it is negative or no finite number.
    """
    if not (math.isfinite(max_cost_usd) and max_cost_usd >= 0):
        raise WrongUse(
            f"{max_cost_usd} is no budget", fix="Give an amount of dollars, or 0 for no limit."
        )


def over_budget(told: Forecast, max_cost_usd: float) -> str:
    """Why a job must not be sent, in a sentence without a final stop; empty where it may be.

    Args:
        told: the job's forecast.
        max_cost_usd: what it may cost at worst; 0 sets no limit.
    """
    if max_cost_usd == 0:
        return ""
    if told.worst_usd is None:
        why = told.unknown[0] if told.unknown else "A price is missing."
        return (
            f"What the job may cost is unknown, so it was not held to be within the "
            f"{dollars(max_cost_usd)} allowed: {why.rstrip('.')}"
        )
    if told.worst_usd <= max_cost_usd:
        return ""
    return (
        f"The job may cost {dollars(told.worst_usd)} at worst ({dollars(told.expected_usd)} "
        f"expected), more than the {dollars(max_cost_usd)} allowed"
    )


def within_budget(told: Forecast) -> str:
    """What brings a job that is over its budget back into it."""
    if told.worst_usd is None:
        if told.chosen_by_batch or not told.machine_type:
            return "Name a machine type in the job."
        return "Give a price file that has the price, or take another machine, disk or region."
    if told.limit_s_why.startswith("no maxRunDuration"):
        return "Set maxRunDuration: without it a task may run for days."
    return "Shorten maxRunDuration, allow fewer retries, take a smaller machine, or allow more."
