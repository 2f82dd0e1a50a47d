"""Objects written, read, described, copied and joined with the real client."""

from __future__ import annotations

import gzip
import io

import pytest
import requests
from google.api_core import exceptions
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.launch import Emulator

KIB = 1024
BLOCK = bytes(range(256)) * 4 * 1000  # 1 MB


class _Unseekable(io.RawIOBase):
    """A stream whose size nobody knows."""

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        return self._inner.readinto(target)

    def tell(self) -> int:
        return self._inner.tell()


@pytest.mark.parametrize("size", [0, 1, 256 * KIB, 256 * KIB + 1, 1_000_000])
@pytest.mark.parametrize("way", ["multipart", "resumable", "chunked", "writer", "unknown size"])
def test_what_was_written_is_read(bucket: storage.Bucket, size: int, way: str) -> None:
    data = BLOCK[:size]
    blob = bucket.blob("x", chunk_size=None if way in ("multipart", "resumable") else 256 * KIB)
    if way == "multipart":
        blob.upload_from_string(data, content_type="text/csv")
    elif way == "writer":
        with blob.open("wb", content_type="text/csv") as out:
            out.write(data)
    elif way == "unknown size":
        blob.upload_from_file(_Unseekable(data), content_type="text/csv")
    else:
        blob.upload_from_file(io.BytesIO(data), content_type="text/csv", size=size)
    found = bucket.get_blob("x")
    assert (found.size, found.content_type) == (size, "text/csv")
    assert (found.metageneration, found.component_count) == (1, None)
    assert bucket.blob("x").download_as_bytes() == data


def test_a_large_file_goes_up_in_one_resumable_request(bucket: storage.Bucket) -> None:
    bucket.blob("x").upload_from_file(io.BytesIO(BLOCK * 9))  # over 8 MB: no multipart
    assert bucket.blob("x").download_as_bytes() == BLOCK * 9


def test_simple_uploads_take_the_name_from_the_query(emulator: Emulator) -> None:
    answer = requests.post(
        f"{emulator.urls['storage']}/upload/storage/v1/b/local-project-bucket/o",
        params={"uploadType": "media", "name": "a/b"},
        data=b"hello",
        headers={"Content-Type": "text/plain"},
        timeout=60,
    )
    assert answer.json()["contentType"] == "text/plain"
    assert answer.json()["md5Hash"] == "XUFAKrxLKna5cZ2REBfFkg=="
    assert answer.json()["crc32c"] == "mnG7TA=="


@pytest.mark.parametrize(
    "body",
    [
        b"--b\r\nContent-Type: application/json\r\n\r\n%b\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--",
        b"--b\nContent-Type: application/json\n\n%b\n"
        b"--b\nContent-Type: text/plain\n\nhello\n--b--\n",
    ],
    ids=["crlf", "lf"],
)
@pytest.mark.parametrize("boundary", ["b", '"b"', "'b'"])
def test_boundaries_and_line_ends_may_be_written_in_every_way(
    emulator: Emulator, boundary: str, body: bytes
) -> None:
    answer = requests.post(
        f"{emulator.urls['storage']}/upload/storage/v1/b/local-project-bucket/o",
        params={"uploadType": "multipart"},
        data=body % b'{"name": "x"}',
        headers={"Content-Type": f"multipart/related; boundary={boundary}"},
        timeout=60,
    )
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["size"]) == ("x", "5")


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", b"--b\r\n", b"--b\r\n\r\n{}\r\n--b\r\n\r\nhello", b"--b\r\n\r\n{]\r\n--b--"],
)
def test_a_broken_multipart_body_is_refused_and_leaves_nothing(
    emulator: Emulator, bucket: storage.Bucket, body: bytes
) -> None:
    answer = requests.post(
        f"{emulator.urls['storage']}/upload/storage/v1/b/local-project-bucket/o",
        params={"uploadType": "multipart", "name": "x"},
        data=body,
        headers={"Content-Type": "multipart/related; boundary=b"},
        timeout=60,
    )
    assert answer.status_code == 400
    assert list(bucket.list_blobs()) == []


NAMES = [
    "a b",
    "a/b",
    "a",
    "ü/ö",
    "#?&%2F+",
    "../x",
    "/x",
    "x//y",
    "%",
    "a" * 1024,
    "\U0001f600",
]


def test_every_name_is_kept_apart_and_as_it_is(bucket: storage.Bucket) -> None:
    for name in NAMES:
        bucket.blob(name).upload_from_string(name)
    assert [blob.name for blob in bucket.list_blobs()] == sorted(NAMES, key=str.encode)
    for name in NAMES:
        assert bucket.blob(name).download_as_bytes() == name.encode()


@pytest.mark.parametrize("name", [".", "..", "a\nb", "a" * 1025, "ü" * 513])
def test_names_that_the_service_refuses_are_refused(bucket: storage.Bucket, name: str) -> None:
    with pytest.raises(exceptions.BadRequest, match="Invalid object name"):
        bucket.blob(name).upload_from_string(b"")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, None, b"0123456789"),
        (3, None, b"3456789"),
        (3, 5, b"345"),
        (3, 3, b"3"),
        (8, 100, b"89"),
        (-3, None, b"789"),
        (-30, None, b"0123456789"),
        (None, 2, b"012"),
    ],
)
def test_ranges(
    bucket: storage.Bucket, start: int | None, end: int | None, expected: bytes
) -> None:
    bucket.blob("x").upload_from_string(b"0123456789")
    assert bucket.blob("x").download_as_bytes(start=start, end=end) == expected


@pytest.mark.parametrize("start", [10, 11])
def test_a_range_past_the_end_is_told(bucket: storage.Bucket, start: int) -> None:
    bucket.blob("x").upload_from_string(b"0123456789")
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        bucket.blob("x").download_as_bytes(start=start)


@given(st.binary(max_size=50), st.integers(-60, 60), st.none() | st.integers(0, 60))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ranges_are_slices(emulator: Emulator, data: bytes, start: int, end: int | None) -> None:
    emulator.store.insert("local-project-bucket", "x", data)
    header = f"bytes={start}-{'' if end is None else end}" if start >= 0 else f"bytes={start}"
    answer = requests.get(
        f"{emulator.urls['storage']}/download/storage/v1/b/local-project-bucket/o/x?alt=media",
        headers={"Range": header},
        timeout=60,
    )
    backwards = start >= 0 and end is not None and end < start  # such a header means nothing
    last = None if end is None or start < 0 else end + 1
    expected = data if backwards else data[start:last] if start >= 0 else data[start:]
    assert answer.content == expected
    assert answer.status_code == (200 if backwards else 206 if expected else 416)


def test_a_reader_seeks_and_reads_in_chunks(bucket: storage.Bucket) -> None:
    bucket.blob("x").upload_from_string(BLOCK)
    with bucket.blob("x").open("rb", chunk_size=256 * KIB) as stream:
        assert stream.read(10) == BLOCK[:10]
        stream.seek(900_000)
        assert stream.read() == BLOCK[900_000:]


@pytest.mark.parametrize("checksum", ["md5", "crc32c"])
@pytest.mark.parametrize("size", [5, 300 * KIB])
def test_a_checksum_that_is_right_is_taken(
    bucket: storage.Bucket, checksum: str, size: int
) -> None:
    blob = bucket.blob("x", chunk_size=256 * KIB)
    blob.upload_from_file(io.BytesIO(BLOCK[:size]), size=size, checksum=checksum)
    assert bucket.blob("x").download_as_bytes(checksum=checksum) == BLOCK[:size]


@pytest.mark.parametrize("said", [{"crc32c": "AAAAAA=="}, {"md5Hash": "XUFAKrxLKna5cZ2REBfFkQ=="}])
def test_a_wrong_checksum_is_refused_and_nothing_written(
    emulator: Emulator, bucket: storage.Bucket, said: dict[str, str]
) -> None:
    blob = bucket.blob("x")
    blob.upload_from_string(b"first")
    url = f"{emulator.urls['storage']}/upload/storage/v1/b/local-project-bucket/o"
    begun = requests.post(
        url, params={"uploadType": "resumable", "name": "x"}, json=said, timeout=5
    )
    answer = requests.put(begun.headers["Location"], data=b"second", timeout=60)
    assert answer.status_code == 400
    assert "doesn't match calculated" in answer.json()["error"]["message"]
    assert blob.download_as_bytes() == b"first"


def test_the_client_is_refused_when_its_own_checksum_is_wrong(bucket: storage.Bucket) -> None:
    blob = bucket.blob("x")
    blob.crc32c = "AAAAAA=="
    with pytest.raises(exceptions.BadRequest, match="CRC32C"):
        blob.upload_from_string(b"hello", checksum=None)


def test_a_download_that_is_damaged_on_the_way_is_noticed(
    emulator: Emulator, bucket: storage.Bucket
) -> None:
    stored = emulator.store.insert("local-project-bucket", "x", b"hello")
    path = next((emulator.store.blobs.folder / "content").rglob(stored.file))
    path.write_bytes(b"hellO")
    with pytest.raises(DataCorruption):
        bucket.blob("x").download_as_bytes()


def test_compressed_objects_come_compressed_or_expanded(
    emulator: Emulator, bucket: storage.Bucket
) -> None:
    blob = bucket.blob("x")
    blob.content_encoding = "gzip"
    packed = gzip.compress(BLOCK, mtime=0)
    blob.upload_from_string(packed, content_type="text/plain")
    assert bucket.blob("x").download_as_bytes() == BLOCK
    assert bucket.blob("x").download_as_bytes(raw_download=True) == packed
    url = f"{emulator.urls['storage']}/download/storage/v1/b/local-project-bucket/o/x?alt=media"
    answer = requests.get(url, headers={"Accept-Encoding": "identity"}, timeout=60)
    assert answer.content == BLOCK
    assert "Content-Encoding" not in answer.headers


def test_settings_are_kept_patched_and_removed(bucket: storage.Bucket) -> None:
    blob = bucket.blob("x")
    blob.cache_control, blob.metadata = "no-store", {"a": "1", "b": "2"}
    blob.upload_from_string(b"hello", content_type="text/plain")
    blob.metadata = {"a": None, "c": "3"}
    blob.content_language, blob.cache_control = "de", None
    blob.patch()
    found = bucket.get_blob("x")
    assert found.metadata == {"b": "2", "c": "3"}
    assert (found.content_language, found.cache_control) == ("de", None)
    assert (found.metageneration, found.generation) == (2, blob.generation)
    found.metadata = {"z": "9"}
    found.update()
    assert bucket.get_blob("x").metadata == {"z": "9"}


def test_settings_that_no_header_can_hold_do_not_spoil_the_download(bucket: storage.Bucket) -> None:
    blob = bucket.blob("x")
    blob.cache_control = "日本\r\nX: y"
    blob.upload_from_string(b"hello", content_type="text/plain")
    assert bucket.get_blob("x").cache_control == "日本\r\nX: y"
    assert bucket.blob("x").download_as_bytes() == b"hello"


def test_an_overwrite_is_a_new_generation(bucket: storage.Bucket) -> None:
    first, second = bucket.blob("x"), bucket.blob("x")
    first.upload_from_string(b"1")
    first.metadata = {"a": "1"}
    first.patch()
    second.upload_from_string(b"2")
    assert second.generation > first.generation
    assert (second.metageneration, second.metadata) == (1, None)
    with pytest.raises(exceptions.NotFound):
        bucket.blob("x", generation=first.generation).download_as_bytes()
    assert bucket.blob("x", generation=second.generation).download_as_bytes() == b"2"


def test_copies_keep_or_replace_the_settings(
    client: storage.Client, bucket: storage.Bucket
) -> None:
    other = client.create_bucket("other-bucket")
    blob = bucket.blob("a/x")
    blob.metadata = {"k": "v"}
    blob.upload_from_string(b"hello", content_type="text/plain")
    copied = bucket.copy_blob(blob, other, "y")
    assert (copied.metadata, copied.content_type, copied.md5_hash) == (
        {"k": "v"},
        "text/plain",
        blob.md5_hash,
    )
    rewritten = other.blob("z")
    rewritten.content_type = "text/csv"
    assert rewritten.rewrite(blob) == (None, 5, 5)
    assert (rewritten.content_type, rewritten.metadata) == ("text/csv", None)
    blob.delete()
    assert other.blob("y").download_as_bytes() == b"hello"
    assert other.blob("z").download_as_bytes() == b"hello"


def test_an_object_may_be_copied_onto_itself(bucket: storage.Bucket) -> None:
    blob = bucket.blob("x")
    blob.upload_from_string(b"hello")
    before = blob.generation
    blob.update_storage_class("NEARLINE")
    found = bucket.get_blob("x")
    assert (found.storage_class, found.download_as_bytes()) == ("NEARLINE", b"hello")
    assert found.generation > before


@pytest.mark.parametrize("way", ["rename_blob", "move_blob"])
def test_moves(bucket: storage.Bucket, way: str) -> None:
    blob = bucket.blob("x")
    blob.upload_from_string(b"hello")
    getattr(bucket, way)(blob, "y")
    assert [found.name for found in bucket.list_blobs()] == ["y"]
    assert bucket.blob("y").download_as_bytes() == b"hello"


def test_objects_are_joined_and_the_components_counted(bucket: storage.Bucket) -> None:
    parts = [bucket.blob(name) for name in ("a", "b")]
    for part in parts:
        part.upload_from_string(part.name * 3, content_type="text/plain")
    joined = bucket.blob("ab")
    joined.compose(parts)
    twice = bucket.blob("twice")
    twice.content_type = "text/csv"
    twice.compose([joined, joined])
    found = bucket.get_blob("twice")
    assert (found.component_count, found.md5_hash, found.content_type) == (4, None, "text/csv")
    assert found.download_as_bytes() == b"aaabbbaaabbb"


def test_an_object_may_be_joined_to_itself(bucket: storage.Bucket) -> None:
    log, more = bucket.blob("log"), bucket.blob("more")
    log.upload_from_string(b"1\n")
    more.upload_from_string(b"2\n")
    log.compose([log, more], if_generation_match=log.generation)
    assert log.download_as_bytes() == b"1\n2\n"


@pytest.mark.parametrize("count", [0, 33])
def test_too_few_or_too_many_components_are_refused(bucket: storage.Bucket, count: int) -> None:
    bucket.blob("a").upload_from_string(b"a")
    with pytest.raises(exceptions.BadRequest, match="from 1 to 32"):
        bucket.blob("x").compose([bucket.blob("a")] * count)


def test_what_is_not_there_is_not_found(client: storage.Client, bucket: storage.Bucket) -> None:
    nothing = bucket.blob("nothing")
    assert not nothing.exists()
    assert bucket.get_blob("nothing") is None
    for call in (nothing.download_as_bytes, nothing.delete, nothing.reload, nothing.patch):
        with pytest.raises(exceptions.NotFound):
            call()
    with pytest.raises(exceptions.NotFound, match="bucket does not exist"):
        client.bucket("no-such-bucket").blob("x").upload_from_string(b"x")


def test_many_deletes_travel_in_one_request(
    client: storage.Client, bucket: storage.Bucket, emulator: Emulator
) -> None:
    for name in ("a/1", "b ü", "c"):
        bucket.blob(name).upload_from_string(name)
    with client.batch():
        bucket.blob("a/1").delete()
        bucket.blob("b ü").delete()
        changed = bucket.blob("c")
        changed.metadata = {"k": "v"}
        changed.patch()
    assert [(blob.name, blob.metadata) for blob in bucket.list_blobs()] == [("c", {"k": "v"})]
    assert emulator.faults.calls()["storage.batch"] == 1
    with pytest.raises(exceptions.NotFound), client.batch():
        bucket.blob("nothing").delete()


@pytest.mark.parametrize(
    "ask",
    [
        lambda bucket: bucket.blob("x").make_public(),
        lambda bucket: bucket.get_iam_policy(),
        lambda bucket: bucket.blob("x", kms_key_name="k").upload_from_string(b""),
        lambda bucket: bucket.blob("x", encryption_key=b"k" * 32).upload_from_string(b""),
        lambda bucket: bucket.blob("x").upload_from_string(b"", predefined_acl="publicRead"),
        lambda bucket: list(bucket.list_blobs(soft_deleted=True)),
        lambda bucket: bucket.blob("x").reload(if_etag_match="abc"),
        lambda bucket: bucket.reload(if_etag_not_match="abc"),
        lambda bucket: list(bucket.list_blobs(match_glob="*.csv")),
    ],
)
def test_what_is_not_emulated_is_refused_at_once(
    bucket: storage.Bucket, emulator: Emulator, ask: object
) -> None:
    with pytest.raises(exceptions.BadRequest, match="does not emulate"):
        ask(bucket)  # type: ignore[operator]
    assert max(emulator.faults.calls().values(), default=0) <= 1
