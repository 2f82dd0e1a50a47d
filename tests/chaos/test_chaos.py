"""A short fault campaign; `make chaos` plays the long one.

A run that fails alone: the message tells the command.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.launch import Emulator
from tests.chaos import rows, words
from tests.chaos.campaign import PIPELINES, campaign
from tests.chaos.playing import FAULTS, Platform, kind_of

# Such as wait for little; 65 makes good in a further round what failed.
SEEDS = {"intent-to-batch": (1, 2, 3, 6, 9, 65), "batch-prediction": (1, 2, 4, 6, 8, 10)}


def test_runs_keep_their_promises(emulator: Emulator, tmp_path: Path) -> None:
    with Platform(emulator, tmp_path / "emulator", tmp_path / "steps") as platform:
        for pipeline in PIPELINES:
            happened = campaign(platform, pipeline, SEEDS[pipeline])
            assert not happened.violations, "\n".join(happened.violations)
            assert happened.counts["runs"] == len(SEEDS[pipeline])
            assert happened.counts["killed steps"]
            assert happened.counts["cancelled runs"]
            assert happened.counts["jobs made"]
            assert happened.counts["further rounds"] or pipeline == rows.PIPELINE
            assert sum(happened.counts[kind] for kind in FAULTS)


@pytest.mark.parametrize("story", [words, rows])
def test_two_hundred_seeds_draw_everything(story: object) -> None:
    runs = [story.drawn(seed) for seed in range(200)]  # type: ignore[attr-defined]
    faults = {kind_of(fault) for run in runs for fault in run.trouble.faults}
    assert faults == FAULTS.keys()
    cancelled = sum(any(not s.kill for s in run.trouble.strikes) for run in runs)
    killed = sum(any(s.kill for s in run.trouble.strikes) for run in runs)
    assert 40 < cancelled < 120
    assert killed > 80


def test_a_seed_draws_the_same_again() -> None:
    assert words.drawn(7) == words.drawn(7)
    assert rows.drawn(7) == rows.drawn(7)
