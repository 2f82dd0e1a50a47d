"""The most that a job may cost, for whoever holds it to a limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.batch.forecast import Assumptions, forecast
from components.batch.policy import CostOf
from components.batch.vm_prices import load_vm_prices


def worst_cost(region: str = "", prices_uri: str = "") -> CostOf:
    """A function that tells what a job costs at worst: every attempt runs into its limit.

    Args:
        region: where the job goes; empty leaves it to the job.
        prices_uri: a price file of VMs, local or gs://; empty for the shipped one.

    Raises:
        InputError: the price file cannot be read.
    """
    prices = load_vm_prices(prices_uri)

    def cost(job: Mapping[str, Any]) -> float | None:
        return forecast(job, prices, Assumptions(region=region)).worst_usd

    return cost
