"""Names of rounds, made of the first job's uid and the number of the round.

So that a round is found by anybody, also where the reply to its create was lost or another machine
made it: get them in turn until there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.batch.names import JobNames, named_job
from components.batch.rerun_marks import RERUN_OF, RERUN_UID, ROUND, uid_hash

MOST_ROUNDS = 50
_ROOM = 63 - len("-") - 10 - len("-r99")


def round_id(first_id: str, uid: str, number: int) -> str:
    """The id of a round's job."""
    return f"{first_id[:_ROOM].rstrip('-')}-{uid_hash(uid)}-r{number}"


def round_names(first_name: str, uid: str, number: int, job: Mapping[str, Any]) -> JobNames:
    """What names a round's job and proves whose it is.

    Args:
        first_name: full name of the first job.
        uid: its uid.
        number: of the round, from 1.
        job: the round's job as it will be sent, without these labels.
    """
    parent, _, first_id = first_name.partition("/jobs/")
    marks = {RERUN_OF: first_id, RERUN_UID: uid_hash(uid), ROUND: str(number)}
    return named_job(
        job, parent=parent, job_id=round_id(first_id, uid, number), run=f"rerun {uid}", more=marks
    )
