"""The estimate measured by the service, and what happens where it does not answer."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from components.errors import ServiceError, WrongUse
from components.prepare_requests.count import service_counter
from components.prepare_requests.prepare import prepare
from emulator.faults import Fault
from emulator.launch import Emulator

REQUEST = {"contents": [{"role": "user", "parts": [{"text": "12345678"}]}]}


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
    count = service_counter("local-project", "us-central1")
    plan = prepare([rows(tmp_path, 2)], str(tmp_path / "a"), count=count)
    assert plan.finding_counts == {}
    assert "2 sampled requests counted" in plan.estimate.how
    with urllib.request.urlopen(f"{emulator.urls['vertex']}/_emulator/calls") as reply:
        assert json.load(reply)["vertex.countTokens"] == 2


def test_what_passes_is_waited_for(emulator: Emulator) -> None:
    emulator.faults.add(Fault("vertex.countTokens", count=2, status=429))
    waited: list[float] = []
    count = service_counter("local-project", "us-central1", waited.append)
    assert count("gemini-3.5-flash", REQUEST) == 2
    assert waited == [1.0, 2.0]


@pytest.mark.parametrize(("status", "calls"), [(403, 1), (503, 3)])
def test_a_refusal_is_told_with_the_model(emulator: Emulator, status: int, calls: int) -> None:
    emulator.faults.add(Fault("vertex.countTokens", count=9, status=status))
    waited: list[float] = []
    count = service_counter("local-project", "us-central1", waited.append)
    with pytest.raises(ServiceError, match=f"gemini-3.5-flash.*Cannot count tokens: {status}"):
        count("gemini-3.5-flash", REQUEST)
    assert len(waited) == calls - 1


@pytest.mark.parametrize(("project", "location"), [("", "global"), ("p", ""), ("p", "a/b")])
def test_a_place_that_is_none_is_told_before_anything_is_read(project: str, location: str) -> None:
    with pytest.raises(WrongUse):
        service_counter(project, location)


def test_missing_credentials_leave_the_heuristic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_VERTEX_BASE_URL", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))
    count = service_counter("p", "global")
    plan = prepare([rows(tmp_path, 3)], str(tmp_path / "a"), count=count)
    assert plan.finding_counts == {"not_counted": 1}
