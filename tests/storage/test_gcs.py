"""The same functions over gs://, through the real client against the stand-in."""

from __future__ import annotations

import json
import urllib.request

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
