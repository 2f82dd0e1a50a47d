"""What a command line holds jobs against: the region, and an organisation's policy file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from components.config.check import Against

PolicyFile = Annotated[
    str,
    typer.Option("--policy", metavar="FILE", help="The organisation's policy, YAML or JSON."),
]


def held_against(policy_file: str, region: str | None, prices: str) -> Against:
    """What jobs are held against beside the rules of Batch.

    Args:
        policy_file: local or gs://; empty: there is no policy.
        region: where the job is to be submitted; empty: where the job says. None: nothing is to
            be submitted.
        prices: a price file of VMs for the policy's cost; empty: the shipped one.

    Raises:
        WrongUse: the policy or the price file cannot be read, or is none.
    """
    from components.config.check import Against

    if not policy_file:
        return Against(region=region)
    from components.batch.worst_cost import worst_cost
    from components.config.policy_file import read_policy
    from components.errors import Intent2BatchError, WrongUse

    try:
        policy = read_policy(policy_file)
        limited = policy.max_cost_usd is not None
        cost_of = worst_cost(region or "", prices) if limited else None
    except Intent2BatchError as error:
        raise WrongUse(error.what, where=error.where, fix=error.fix) from error
    return Against(region=region, policy=policy, cost_of=cost_of)
