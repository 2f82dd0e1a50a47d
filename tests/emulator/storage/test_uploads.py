"""Resumable uploads that are interrupted, and what survives a restart of the emulator."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import requests
from google.api_core import exceptions
from google.cloud import storage

from emulator.faults import Fault
from emulator.http import ApiError
from emulator.launch import Emulator, start
from emulator.storage.blobs import Blobs
from emulator.storage.store import Store

CHUNK = 256 * 1024
DATA = bytes(range(256)) * 4096  # four chunks
BUCKET = "local-project-bucket"


def _begin(emulator: Emulator, name: str = "x") -> str:
    url = f"{emulator.urls['storage']}/upload/storage/v1/b/{BUCKET}/o"
    query = {"uploadType": "resumable", "name": name}
    return requests.post(url, params=query, json={}, timeout=60).headers["Location"]


def _send(session: str, first: int, last: int, total: int | str) -> requests.Response:
    headers = {"Content-Range": f"bytes {first}-{last}/{total}"}
    return requests.put(session, data=DATA[first : last + 1], headers=headers, timeout=60)


def _ask(session: str) -> requests.Response:
    return requests.put(session, headers={"Content-Range": "bytes */*"}, timeout=60)


@pytest.mark.parametrize("kind", ["status", "drop", "lose_reply"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_the_client_gets_its_chunks_through(
    emulator: Emulator, bucket: storage.Bucket, kind: str, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)  # the client's pause before it tries again
    emulator.faults.add(Fault("storage.uploadChunk", nth=nth, kind=kind))  # type: ignore[arg-type]
    blob = bucket.blob("x", chunk_size=CHUNK)
    blob.upload_from_file(io.BytesIO(DATA), size=len(DATA), if_generation_match=0)
    assert bucket.blob("x").download_as_bytes() == DATA


def test_an_upload_tells_how_far_it_is_and_shows_nothing_before_its_end(
    emulator: Emulator, bucket: storage.Bucket
) -> None:
    session = _begin(emulator)
    assert "Range" not in _ask(session).headers
    answer = _send(session, 0, CHUNK - 1, "*")
    assert (answer.status_code, answer.headers["Range"]) == (308, f"bytes=0-{CHUNK - 1}")
    assert not bucket.blob("x").exists()
    assert _send(session, CHUNK, len(DATA) - 1, len(DATA)).status_code == 200
    assert bucket.blob("x").download_as_bytes() == DATA
    again = _ask(session)  # the reply to the last piece may have been lost
    assert (again.status_code, again.json()["size"]) == (200, str(len(DATA)))


def test_a_piece_that_came_before_is_not_written_twice(
    emulator: Emulator, bucket: storage.Bucket
) -> None:
    session = _begin(emulator)
    _send(session, 0, 2 * CHUNK - 1, "*")
    _send(session, CHUNK, 3 * CHUNK - 1, "*")
    assert _send(session, 0, len(DATA) - 1, len(DATA)).status_code == 200
    assert bucket.blob("x").download_as_bytes() == DATA


@pytest.mark.parametrize(
    "content_range", ["bytes 5-9/10", "bytes 0-9/5", "bytes", "bytes a-b/c", "items 0-9/10"]
)
def test_a_piece_that_does_not_fit_is_refused(emulator: Emulator, content_range: str) -> None:
    headers = {"Content-Range": content_range}
    answer = requests.put(_begin(emulator), data=b"0123456789", headers=headers, timeout=60)
    assert answer.status_code == 400


def test_an_upload_can_be_cancelled(emulator: Emulator) -> None:
    session = _begin(emulator)
    _send(session, 0, CHUNK - 1, "*")
    assert requests.delete(session, timeout=60).status_code == 499
    assert _ask(session).status_code == 404


def test_an_upload_that_the_caller_ends_leaves_no_object(bucket: storage.Bucket) -> None:
    writer = bucket.blob("x").open("wb", chunk_size=CHUNK)
    writer.write(DATA)
    writer.terminate()
    assert not bucket.blob("x").exists()


def test_all_is_there_after_a_restart(tmp_path: Path) -> None:
    with start(tmp_path) as first:
        stored = first.store.insert(BUCKET, "a/ü", b"hello", "text/plain")
        first.store.create_bucket("other-bucket", {"labels": {"a": "b"}})
        session = _begin(first)
        _send(session, 0, CHUNK - 1, "*")
    with start(tmp_path) as second:
        assert second.store.get(BUCKET, "a/ü") == stored
        _, content = second.store.open(BUCKET, "a/ü")
        with content:
            assert content.read() == b"hello"
        assert second.store.bucket("other-bucket")["labels"] == {"a": "b"}
        moved = session.replace(first.urls["storage"], second.urls["storage"])
        assert _send(moved, CHUNK, len(DATA) - 1, len(DATA)).status_code == 200
        newer = second.store.get(BUCKET, "x")
        assert newer.generation > stored.generation
        _, content = second.store.open(BUCKET, "x")
        with content:
            assert content.read() == DATA


def test_what_arrived_for_nobody_is_swept_after_a_crash(tmp_path: Path) -> None:
    Blobs(tmp_path).new_incoming().write_bytes(b"half of it")
    store = Store(tmp_path)
    store.close()
    assert list((tmp_path / "incoming").iterdir()) == []


def test_generations_grow_though_the_clock_stands(tmp_path: Path) -> None:
    store = Store(tmp_path, clock=lambda: 0.0)
    store.create_bucket("some-bucket")
    found = [store.insert("some-bucket", "x", b"").generation for _ in range(3)]
    assert found == [1, 2, 3]
    store.close()


def test_nothing_is_left_of_what_was_overwritten_refused_or_deleted(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create_bucket("some-bucket")
    store.insert("some-bucket", "x", b"1")
    stored = store.insert("some-bucket", "x", b"2")
    with pytest.raises(ApiError):
        store.insert("no-such-bucket", "x", b"3")
    files = [
        path.name for path in tmp_path.rglob("*") if path.is_file() and "index" not in path.name
    ]
    assert files == [stored.file]
    store.delete("some-bucket", "x")
    assert not any(p.is_file() for p in (tmp_path / "content").rglob("*"))
    store.close()


def test_a_failing_source_leaves_nothing(emulator: Emulator, tmp_path: Path) -> None:
    class Failing(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        emulator.store.insert(BUCKET, "x", Failing())
    assert list((tmp_path / "emulator" / "storage" / "incoming").iterdir()) == []


def test_the_name_of_an_object_may_be_missing(bucket: storage.Bucket) -> None:
    with pytest.raises((exceptions.BadRequest, ValueError)):
        bucket.blob("").upload_from_string(b"x")
