"""Follows a run to its end: a line where a step or the run changes, and nothing in between."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field

from components.supervision.clock import Clock
from pipelines.remote.run import Platform, Run
from pipelines.service_errors import UnclearError

SLOWER = 1.5  # each look without news waits so much longer, up to the platform's longest pause
PATIENCE_S = 900.0  # how long the platform may not answer before the watching ends

RUN = ""  # stands for the run itself among its steps


@dataclass
class Changes:
    """Tells what is new of a run.

    Args:
        say: shows one line.
        clock: tells the time of a line.
        known: what was told already, by step; the run itself under `RUN`.
    """

    say: Callable[[str], None]
    clock: Clock
    known: dict[str, str] = field(default_factory=dict)

    def tell(self, run: Run) -> bool:
        """Tell what has changed; returns whether anything has."""
        news = False
        titles = {step.key: f"{step.title}:" for step in run.steps} | {RUN: "run"}
        for key, state in _states(run).items():
            if self.known.get(key) != state:
                self.known[key] = state
                self._line(f"{titles[key]} {state}")
                news = True
        return news

    def _line(self, text: str) -> None:
        moment = datetime.datetime.fromtimestamp(self.clock.now()).astimezone()
        self.say(f"{moment:%H:%M:%S}  {text}")


def _states(run: Run) -> dict[str, str]:
    return {**{step.key: step.state for step in run.steps}, RUN: run.state}


def follow(
    platform: Platform,
    run: Run,
    *,
    say: Callable[[str], None],
    clock: Clock,
    told: Run | None = None,
) -> Run:
    """Wait until the run has ended, or until someone asks to stop; returns how it stands then.

    Args:
        platform: asked again and again.
        run: as it stands.
        say: shows one line.
        clock: what waits and is asked to stop.
        told: the run as it was told to the person before; only what is new since is told.

    Raises:
        InputError: the run is gone.
        ServiceError: the platform refuses, or has not answered for 15 minutes.
    """
    changes = Changes(say, clock, _states(told) if told else {})
    shortest, longest = platform.poll_s
    pause, answered, silent = shortest, clock.now(), False
    while True:
        pause = shortest if changes.tell(run) else min(pause * SLOWER, longest)
        if run.has_ended or clock.stop_asked():
            return run
        clock.sleep(pause)
        try:
            run = platform.get(run.id)
            answered, silent = clock.now(), False
        except UnclearError as error:
            if clock.now() - answered > PATIENCE_S:
                raise
            if not silent:
                say(f"{error.what}; the run goes on, and is looked at again")
            silent = True
