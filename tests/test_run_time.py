"""The date in the place of a file: one for all steps of a run."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from components.errors import InputError, WrongUse
from components.reporting import run_folder
from components.run_time import check_placeholders, filled
from emulator.launch import Emulator

NIGHT = datetime.datetime(2026, 1, 1, 0, 30, 15, tzinfo=datetime.UTC)


def at(text: str, folder: Path | str, now: datetime.datetime = NIGHT) -> str:
    return filled(text, f"{folder}/night-1/77", lambda: now)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("gs://b/{date}/x.csv", "gs://b/2026-01-01/x.csv"),
        ("gs://b/{date-1}", "gs://b/2025-12-31"),
        ("gs://b/{datetime}", "gs://b/20260101T003015Z"),
        ("gs://b/{run}/{date}", "gs://b/night-1/2026-01-01"),
        ("gs://b/{date@America/New_York}", "gs://b/2025-12-31"),
        ("gs://b/{date-1@Asia/Tokyo}", "gs://b/2025-12-31"),
        ("gs://b/{datetime@Asia/Tokyo}", "gs://b/20260101T093015"),
        ("gs://b/{other}/{}/{date+1}", "gs://b/{other}/{}/{date+1}"),
        ("gs://a/{date}\ngs://b/{date}", "gs://a/2026-01-01\ngs://b/2026-01-01"),
    ],
)
def test_what_stands_for_what(tmp_path: Path, text: str, wanted: str) -> None:
    assert at(text, tmp_path) == wanted


def test_a_run_that_goes_on_past_midnight_means_one_day(tmp_path: Path) -> None:
    assert at("{date}", tmp_path) == "2026-01-01"
    assert at("{date}", tmp_path, NIGHT + datetime.timedelta(days=3)) == "2026-01-01"
    assert at("{date}", tmp_path / "other", NIGHT + datetime.timedelta(days=3)) == "2026-01-04"


def test_the_steps_of_a_run_in_a_bucket_agree(emulator: Emulator) -> None:
    root = "gs://local-project-bucket/root"
    assert at("{date}", root) == "2026-01-01"
    folder = run_folder("gs://local-project-bucket/out/{date}/", f"{root}/night-1/77")
    assert folder == "gs://local-project-bucket/out/2026-01-01/night-1/77"


def test_without_a_placeholder_nothing_is_written(tmp_path: Path) -> None:
    assert at("gs://b/x", tmp_path) == "gs://b/x"
    assert run_folder("gs://b/x", f"{tmp_path}/night-1/77") == "gs://b/x/night-1/77"
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_time(tmp_path: Path) -> None:
    folder = tmp_path / "night-1" / "77"
    folder.mkdir(parents=True)
    (folder / "run_time.json").write_text('{"time": 3}')
    with pytest.raises(InputError, match="not the time of a run"):
        at("{date}", tmp_path)


@pytest.mark.parametrize("zone", ["Europe", "Nowhere/City", "/etc", "a" * 50])
def test_a_wrong_zone_is_told(tmp_path: Path, zone: str) -> None:
    with pytest.raises(WrongUse, match="not a time zone"):
        check_placeholders(f"gs://b/{{date@{zone}}}", "parameter source")


@pytest.mark.parametrize("text", ["gs://b/{Date}", "gs://b/{dat}", "gs://b/{date:%Y}"])
def test_what_is_nearly_a_placeholder_is_told(text: str) -> None:
    with pytest.raises(WrongUse, match=r"Did you mean \{date\}"):
        check_placeholders(text, "parameter source")


@pytest.mark.parametrize("text", ["write {dat} in a file", "gs://b/{name}", "gs://b/{date}"])
def test_what_is_none_is_left_alone(text: str) -> None:
    check_placeholders(text, "parameter intent")
