"""What the other files of a run tell: why rows were not sent, or why the run ended early.

Any of them may be missing or damaged; what cannot be read is not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from components.aggregate_results.run_folder import mapping_in_file, mappings_of, text_of
from components.gemini.endpoint import MADE_UP_BY, is_local
from components.reporting import FAILURE_FILE

_FAILED = ("FAILED", "CANCELLED")
_MADE_UP = "The models were stand-ins on this machine: the answers are made up."


@dataclass(frozen=True)
class Around:
    """What is known of a run besides its rows and answers.

    Attributes:
        unsent: why nothing was sent at all; empty if something was.
        dry_run: whether that was asked for.
        stopped: why the run ended before its end; empty if it did not.
        plan: what plan.json holds.
        jobs: the jobs of the ledger, as it holds them.
        notes: what the reader of the results has to know.
    """

    unsent: str = ""
    dry_run: bool = False
    stopped: str = ""
    plan: Mapping[str, Any] = field(default_factory=dict)
    jobs: Sequence[Mapping[str, Any]] = ()
    notes: tuple[str, ...] = ()

    def with_versions(self, versions: Iterable[str]) -> Around:
        """The same, with a note where a stand-in made the answers up, whoever collects them."""
        if _MADE_UP in self.notes or MADE_UP_BY not in versions:
            return self
        return replace(self, notes=(*self.notes, _MADE_UP))

    @property
    def estimate(self) -> Mapping[str, Any]:
        """Tokens and cost as they were estimated before."""
        told = self.plan.get("estimate")
        return told if isinstance(told, dict) else {}

    @property
    def table(self) -> str:
        """The BigQuery table that went to the service as it is; empty for rows of files."""
        shards = mappings_of(self.plan.get("shards"))
        name = text_of(shards[0].get("name")) if shards else ""
        return name if name.startswith("bq://") else ""


ALONE = Around()  # answers of jobs made elsewhere: nothing lies around them


def read_around(run_uri: str, *, state: str = "") -> Around:
    """Read what lies around the rows of a run.

    Args:
        run_uri: the run's folder.
        state: how the platform says that the steps before ended; empty if nobody says it.
    """
    notes: list[str] = []
    gate = mapping_in_file(run_uri, "gate.json", notes)
    plan = mapping_in_file(run_uri, "prepared/plan.json", notes)
    ledger = mapping_in_file(run_uri, "predictions.json", notes)
    failure = mapping_in_file(run_uri, FAILURE_FILE, notes) if state in _FAILED else {}
    failed = text_of(failure.get("message"))
    jobs = mappings_of(ledger.get("jobs"))
    unsent, stopped = "", text_of(ledger.get("stopped")) or failed
    if not jobs:
        unsent = text_of(gate.get("reason")) if gate and not gate.get("go") else ""
        unsent = unsent or failed or ("Not sent: the run ended before" if state in _FAILED else "")
        stopped = ""
    if is_local() and jobs:
        notes.append(_MADE_UP)
    return Around(
        unsent=unsent.rstrip("."),
        dry_run=not jobs and gate.get("dry_run") is True,
        stopped=stopped.rstrip("."),
        plan=plan,
        jobs=jobs,
        notes=tuple(notes),
    )
