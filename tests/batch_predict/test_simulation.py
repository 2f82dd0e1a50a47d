"""Two thousand runs of many jobs in virtual time, each repeatable from its seed.

More of them: PREDICT_SCHEDULES=10000; or all of them with their cost:

    .venv/bin/python bench/predict_schedules.py

A failing one alone, with everything that happens in it:

    PREDICT_SEED=1234 .venv/bin/pytest -n 0 -s tests/batch_predict/test_simulation.py
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable

import pytest

from tests.batch_predict import simulation
from tests.batch_predict.breakages import BREAKAGES
from tests.batch_predict.simulated_plan import Violation

CHUNK = 500
SCHEDULES = int(os.environ.get("PREDICT_SCHEDULES", "1000"))
ALONE = os.environ.get("PREDICT_SEED", "")


@pytest.mark.skipif(bool(ALONE), reason="one seed alone was asked for")
@pytest.mark.parametrize("first", range(0, SCHEDULES, CHUNK))
def test_runs_end_well(first: int) -> None:
    """It ends; no row is lost, mixed up or sent again without need; no job is made twice."""
    ends: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for seed in range(first, first + CHUNK):
        try:
            told = simulation.run(seed)
        except Violation as broken:
            pytest.fail(f"{broken}; repeat with PREDICT_SEED={seed}", pytrace=False)
        ends[told.ended] += 1
        faults += told.faults
    # The schedules are of use only if they lead everywhere, and everything goes wrong in some.
    assert ends.keys() == {"done", "cancelled", "refused"}
    assert ends["done"] > CHUNK / 3
    print(*(f"{number:7} {fault}" for fault, number in sorted(faults.items())), sep="\n")
    assert faults.keys() == simulation.FAULTS


@pytest.mark.skipif(not ALONE, reason="PREDICT_SEED is not set")
def test_one_seed_alone() -> None:
    """Print everything that happens in one schedule."""
    simulation.run(int(ALONE), lambda line: print(line, file=sys.stderr))


def test_same_seed_same_story() -> None:
    for seed in (1, 7, 23):
        stories = []
        for _ in range(2):
            universe = simulation.Universe(seed)
            simulation.play(universe)
            stories.append((universe.calls, universe.time, universe.files.content))
        assert stories[0] == stories[1]


# They catch the two mistakes that few schedules show; tried first, they save their search.
LIKELY = (320, 514)


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_broken_step_is_caught(
    breakage: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schedules can fail: each of these mistakes breaks a promise in some schedule."""
    breakage(monkeypatch)
    for seed in (*LIKELY, *range(2000)):
        try:
            simulation.run(seed)
        except Violation as broken:
            print(f"{breakage.__name__}: caught by seed {seed}: {broken}")
            return
    pytest.fail(f"{breakage.__name__} was not caught")
