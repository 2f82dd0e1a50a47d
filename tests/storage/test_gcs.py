"""The same functions over gs://, through the real client against the stand-in."""

from __future__ import annotations

import json
import os
import random
import urllib.request
from pathlib import Path

import pytest
from google.auth.exceptions import DefaultCredentialsError, RefreshError

from components.errors import InputError, ServiceError
from components.storage import files, versioned
from emulator.launch import Emulator

BUCKET = "gs://local-project-bucket"


def fault(emulator: Emulator, **what: object) -> None:
    request = urllib.request.Request(
        f"{emulator.urls['storage']}/_emulator/faults",
        data=json.dumps(what).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


@pytest.mark.usefixtures("emulator")
def test_text_stream_and_list() -> None:
    files.write_text(f"{BUCKET}/run 1/a.txt", "grüße")
    with files.open_write(f"{BUCKET}/run 1/b/c.bin") as out:
        out.write(b"x" * 60)
        out.flush()
        out.write(b"x" * 40)
    assert files.read_text(f"{BUCKET}/run 1/a.txt") == "grüße"
    with files.open_read(f"{BUCKET}/run 1/b/c.bin") as stream:
        assert stream.read() == b"x" * 100
    listed = [f"{BUCKET}/run 1/a.txt", f"{BUCKET}/run 1/b/c.bin"]
    assert list(files.list_uris(f"{BUCKET}/run 1")) == listed
    assert [files.size(uri) for uri in listed] == [7, 100]
    assert files.exists(listed[0])
    assert not files.exists(f"{BUCKET}/run 1")


@pytest.mark.usefixtures("emulator")
def test_an_object_is_read_as_a_file_is(tmp_path: Path) -> None:
    rng = random.Random(1)
    content = rng.randbytes(9_000_000)  # more than is fetched at once
    here, there = str(tmp_path / "a.bin"), f"{BUCKET}/a.bin"
    for uri in (here, there):
        files.write_bytes(uri, content)
    with files.open_read(here) as ours, files.open_read(there) as theirs:
        for _ in range(200):
            ask, number = rng.choice(("read", "readline", "seek")), rng.randrange(200_000)
            place = rng.randrange(len(content) + 1)
            for stream in (ours, theirs):
                stream.seek(place) if ask == "seek" else None
            got = [s.tell() if ask == "seek" else getattr(s, ask)(number) for s in (ours, theirs)]
            assert got[0] == got[1]
            assert ours.tell() == theirs.tell()
        assert ours.read() == theirs.read()
        assert theirs.read(1) == theirs.readline() == b""
        assert theirs.seek(-5, os.SEEK_END) == len(content) - 5
        assert theirs.read() == content[-5:]


def test_lines_cost_a_call_for_each_chunk_and_two_for_the_end(emulator: Emulator) -> None:
    files.write_text(f"{BUCKET}/a.txt", "a\n" * 100_000 + "b")
    with files.open_read(f"{BUCKET}/a.txt") as stream:
        assert sum(1 for _ in stream) == 100_001
        assert stream.readline() == b""
    assert emulator.faults.calls()["storage.get"] == 3


@pytest.mark.usefixtures("emulator")
def test_an_unfinished_write_publishes_nothing() -> None:
    uri = f"{BUCKET}/big.bin"

    def fail_half_way() -> None:
        with files.open_write(uri) as out:
            out.write(b"x" * (9 * 1024 * 1024))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail_half_way()
    assert not files.exists(uri)


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("uri", [f"{BUCKET}/none", "gs://no-such-bucket/x"])
def test_what_is_not_there_is_told_plainly(uri: str) -> None:
    with pytest.raises(InputError, match="no such object or bucket"):
        files.read_bytes(uri)


def test_a_write_whose_reply_was_lost_does_not_lose_against_itself(emulator: Emulator) -> None:
    uri = f"{BUCKET}/ledger.json"
    fault(emulator, method="storage.insert", nth=1, count=1, kind="lose_reply")
    version = versioned.write(uri, "mine", None)
    assert versioned.read(uri) == versioned.Versioned("mine", version)


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("error", [RefreshError("invalid_grant"), DefaultCredentialsError("none")])
def test_credentials_that_do_not_work_say_the_next_step(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def request(*given: object, **named: object) -> None:
        raise error

    monkeypatch.setattr("google.cloud.storage._http.Connection.api_request", request)
    with pytest.raises(ServiceError, match="Run: gcloud auth application-default login"):
        list(files.list_uris(f"{BUCKET}/any"))


@pytest.mark.usefixtures("emulator")
def test_the_folders_right_below_a_folder() -> None:
    for name in ("run/b/x.txt", "run/a/y/z.txt", "run/file.txt", "runs/c/x.txt"):
        files.write_text(f"{BUCKET}/{name}", "x")
    assert list(files.folders(f"{BUCKET}/run")) == [f"{BUCKET}/run/a", f"{BUCKET}/run/b"]
    assert list(files.folders(f"{BUCKET}/absent")) == []
