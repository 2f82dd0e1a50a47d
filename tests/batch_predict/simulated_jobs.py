"""The jobs of the simulated service, and what a process sees and does of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.batch_predict.states import prediction_stage
from components.supervision.life import (
    Accepted,
    Failed,
    Missing,
    Observation,
    Refused,
    Seen,
    Unanswered,
)

if TYPE_CHECKING:
    from tests.batch_predict.simulation import Universe

AT_REST = {"SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED"}


@dataclass
class Remote:
    """A job of the service.

    Attributes:
        lines: of its shard.
        story: when it comes into which state.
        end: the state that it ends in.
        code: why, where that is FAILED.
        gone_at: when somebody deletes it.
        rested: the state that it has ended in.
    """

    name: str
    body: Mapping[str, Any]
    lines: list[dict[str, Any]]
    made_at: float
    story: list[tuple[float, str]]
    end: str
    code: int = 0
    gone_at: float = 1e12
    gone: bool = False
    rested: str = ""

    def at(self, now: float) -> str:
        """Its state by then."""
        if self.rested:
            return self.rested
        state = ""
        for since, name in self.story:
            if since > now:
                break
            state = name
        return state


class Job:
    """One process's hands on one job."""

    def __init__(self, universe: Universe, body: Mapping[str, Any]) -> None:
        self.universe = universe
        self.body = body
        self.stats: dict[str, Any] = {}

    def find(self) -> Observation:
        self.universe.second()
        fate = self._arrive()
        if fate != "done":
            return Failed(fate)
        name = self.body["displayName"]
        found = [r for r in self.universe.remotes if r.body["displayName"] == name and not r.gone]
        return self._seen(found[0]) if found else Missing()

    def create(self) -> Observation:
        universe = self.universe
        fate = self._arrive()
        if universe.plan.refused in ("all", self.body["model"].rpartition("/")[2]):
            universe.note("create refused")
            return Refused("403 no")
        if fate == "429":
            return Failed("429", retry_after=universe.rng.choice((0.0, 20.0)))
        if fate == "done":
            seen = self._seen(universe.make(self.body))
            universe.touch("killed behind a create")
            return seen
        if fate == "reply lost" and universe.rng.random() < 0.5:
            universe.note("create reply lost")
            universe.make(self.body)
        elif fate == "reply lost":
            universe.note("create reply lost, job made later")
            universe.landing.append((universe.time + universe.rng.uniform(0, 50), self.body))
        return Unanswered(fate)

    def look(self, name: str) -> Observation:
        self.universe.second()
        fate = self._arrive()
        if fate != "done":
            return Failed(fate)
        remote = next(r for r in self.universe.remotes if r.name == name)
        seen = Missing() if remote.gone else self._seen(remote)
        self.universe.second()  # what was seen may be old when it is believed
        return seen

    def cancel(self, name: str) -> Observation:
        universe, fate = self.universe, self._arrive()
        if fate == "done" and universe.rng.random() < 0.1:
            fate = "reply lost"
        if fate not in ("done", "reply lost"):
            return Failed(fate)
        universe.tell(f"cancel {name}")
        remote = next(r for r in universe.remotes if r.name == name)
        if not remote.rested and not remote.gone and universe.rng.random() < 0.9:
            at = universe.time + universe.rng.choice((0.0, 100.0))
            remote.story = [(remote.made_at, "CANCELLING"), (at, "")]
            remote.end, remote.code = "CANCELLED", 1
        if fate == "done":
            return Accepted()
        universe.note("cancel reply lost")
        return Failed(fate)

    def _arrive(self) -> str:
        self.universe.touch()
        self.universe.advance()
        return self.universe.fate()

    def _seen(self, remote: Remote) -> Seen:
        state = f"JOB_STATE_{remote.at(self.universe.time)}"
        self.universe.tell(f"{remote.body['displayName']} {state}")
        if remote.rested == "FAILED":
            self.stats = {"errorCode": remote.code}
        return Seen(remote.name, prediction_stage(state), "u", state, why="why")
