"""Many runs of both pipelines, each with the faults that its seed draws."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from emulator.launch import start
from tests.chaos import rows, words
from tests.chaos.playing import Happened, Platform

PIPELINES = {story.PIPELINE: story.play for story in (words, rows)}
REPEAT = ".venv/bin/python bench/chaos.py --only {pipeline} --first {seed} --runs 1"


def campaign(platform: Platform, pipeline: str, seeds: Iterable[int]) -> Happened:
    """Play the runs of these seeds; what really happened, and every broken promise."""
    platform.happened = happened = Happened()
    for seed in seeds:
        happened.counts["runs"] += 1
        try:
            PIPELINES[pipeline](platform, seed)
        except Exception as broken:  # whatever a check cannot read is a broken promise, too
            repeat = REPEAT.format(pipeline=pipeline, seed=seed)
            told = f"{type(broken).__name__}: {broken}"
            happened.violations.append(f"{pipeline}, seed {seed}: {told}\n  repeat: {repeat}")
    return happened


@contextmanager
def stand_ins() -> Iterator[Platform]:
    """A platform with stand-ins of its own; the environment points at them."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        state = Path(folder) / "state"
        with (
            start(state) as emulator,
            pointed_at(emulator.environment),
            Platform(emulator, state, Path(folder) / "steps") as platform,
        ):
            yield platform


@contextmanager
def pointed_at(environment: Mapping[str, str]) -> Iterator[None]:
    """While it lasts, this process's own clients find the stand-ins."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
