"""The stand-ins of a local run, and files put into their buckets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.batch.client import BATCH_VARIABLE
from components.errors import InputError, WrongUse
from components.storage.files import read_text, write_text
from pipelines.local_services import (
    check_uploads,
    make_bucket,
    services,
    stand_in_project,
    upload,
)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows=1.csv"
    path.write_text("a,b\n1,2\n")
    return path


def test_files_go_into_buckets_of_the_stand_ins(emulator, rows):
    pairs = check_uploads([f"{rows}=gs://new-bucket/in/rows.csv", f"{rows}=gs://new-bucket/"])
    upload(pairs)
    assert read_text("gs://new-bucket/in/rows.csv") == "a,b\n1,2\n"
    assert read_text("gs://new-bucket/rows=1.csv") == "a,b\n1,2\n"


def test_a_bucket_that_is_there_stays(emulator):
    make_bucket("twice")
    write_text("gs://twice/kept", "x")
    make_bucket("twice")
    assert read_text("gs://twice/kept") == "x"


@pytest.mark.parametrize("word", ["", "a", "a=b", "=gs://b/c", "a=gs://"])
def test_other_words_are_refused(word):
    with pytest.raises(WrongUse, match="LOCAL=gs://"):
        check_uploads([word])


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        check_uploads([f"{tmp_path}/absent=gs://b/c"])


def test_stand_ins_are_started_and_the_environment_is_put_back(tmp_path, monkeypatch):
    monkeypatch.delenv(BATCH_VARIABLE, raising=False)
    before = dict(os.environ)
    with services(tmp_path / "state") as environment:
        assert environment[BATCH_VARIABLE].startswith("http://127.0.0.1:")
        assert os.environ[BATCH_VARIABLE] == environment[BATCH_VARIABLE]
    assert dict(os.environ) == before


def test_stand_ins_that_are_up_already_are_used(tmp_path, emulator):
    with services(tmp_path / "state") as environment:
        assert environment == {}
    assert not (tmp_path / "state").exists()
    assert stand_in_project() == emulator.project
