"""The estimate measured by the service, and what happens where it does not answer."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from components.errors import ServiceError
from components.gemini.client import Retry
from components.prepare_requests.count import service_counter
from components.prepare_requests.prepare import prepare
from emulator.launch import Emulator


def rows(tmp_path: Path, count: int) -> str:
    file = tmp_path / "rows.csv"
    file.write_text("prompt,system\n" + "".join(f"{n:08d},{'s' * 8}\n" for n in range(count)))
    return str(file)


def test_the_sample_is_small_and_spread(tmp_path: Path) -> None:
    seen: list[str] = []

    def count(model: str, request: object) -> int:
        seen.append(json.dumps(request))
        return 40

    plain = prepare([rows(tmp_path, 1000)], str(tmp_path / "a")).estimate
    plan = prepare([rows(tmp_path, 1000)], str(tmp_path / "b"), count=count)
    assert 8 <= len(seen) <= 16
    assert "00000000" in seen[0]
    assert any(f'"{n:08d}"' in seen[-1] for n in range(800, 1000))
    assert plan.estimate.input_tokens == pytest.approx(40 * 1000, rel=0.01)
    assert plain.input_tokens < 10_000
    assert f"{len(seen)} sampled requests counted by the service" in plan.estimate.how


def test_a_service_that_does_not_count_leaves_the_heuristic(tmp_path: Path) -> None:
    def refuse(model: str, request: object) -> int:
        raise ServiceError("no answer")

    plan = prepare([rows(tmp_path, 3)], str(tmp_path / "a"), count=refuse)
    assert plan.finding_counts == {"not_counted": 1}
    assert plan.estimate.how.startswith("1 token for 4 bytes of text")


def test_the_service_counts(tmp_path: Path, emulator: Emulator) -> None:
    count = service_counter("local-project", "us-central1", Retry(attempts=1))
    plan = prepare([rows(tmp_path, 2)], str(tmp_path / "a"), count=count)
    assert plan.finding_counts == {}
    assert "2 sampled requests counted" in plan.estimate.how
    with urllib.request.urlopen(f"{emulator.urls['vertex']}/_emulator/calls") as reply:
        assert json.load(reply)["vertex.countTokens"] == 2
