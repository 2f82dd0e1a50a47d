"""Preconditions on every verb, and under races: what the ledger of a job stands on."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from google.api_core import exceptions
from google.cloud import storage

from emulator.faults import Fault
from emulator.launch import Emulator

Call = Callable[..., object]


def _upload_in_pieces(bucket: storage.Bucket, **conditions: int) -> None:
    blob = bucket.blob("x", chunk_size=256 * 1024)
    blob.upload_from_file(io.BytesIO(b"y" * 300 * 1024), **conditions)


def _patch(bucket: storage.Bucket, **conditions: int) -> None:
    blob = bucket.blob("x")
    blob.metadata = {"k": "v"}
    blob.patch(**conditions)


def _copy_over(bucket: storage.Bucket, **conditions: int) -> None:
    other = bucket.blob("other")
    if not other.exists():
        other.upload_from_string("other")
    bucket.copy_blob(other, bucket, "x", **conditions)


def _rewrite_over(bucket: storage.Bucket, **conditions: int) -> None:
    other = bucket.blob("other")
    other.upload_from_string("other")
    bucket.blob("x").rewrite(other, **conditions)


def _compose_over(bucket: storage.Bucket, **conditions: int) -> None:
    other = bucket.blob("other")
    other.upload_from_string("other")
    bucket.blob("x").compose([other], **conditions)


WRITES: dict[str, Call] = {
    "upload": lambda bucket, **on: bucket.blob("x").upload_from_string("new", **on),
    "pieces": _upload_in_pieces,
    "copy": _copy_over,
    "rewrite": _rewrite_over,
}
CHANGES: dict[str, Call] = {
    "patch": _patch,
    "delete": lambda bucket, **on: bucket.blob("x").delete(**on),
}
READS: dict[str, Call] = {
    "get": lambda bucket, **on: bucket.blob("x").reload(**on),
    "media": lambda bucket, **on: bucket.blob("x").download_as_bytes(**on),
}


@pytest.fixture
def generation(bucket: storage.Bucket) -> int:
    """Of the object `x`, whose metageneration is 2."""
    blob = bucket.blob("x")
    blob.upload_from_string("old")
    blob.metadata = {"a": "1"}
    blob.patch()
    return int(blob.generation)


@pytest.mark.parametrize("verb", [*WRITES, *CHANGES, *READS])
def test_a_condition_that_holds_lets_the_call_pass(
    bucket: storage.Bucket, generation: int, verb: str
) -> None:
    call = {**WRITES, **CHANGES, **READS}[verb]
    call(bucket, if_generation_match=generation)


@pytest.mark.parametrize("verb", [*WRITES, *CHANGES, *READS])
def test_a_condition_on_the_settings_that_holds_lets_the_call_pass(
    bucket: storage.Bucket, generation: int, verb: str
) -> None:
    call = {**WRITES, **CHANGES, **READS}[verb]
    call(bucket, if_metageneration_match=2)


@pytest.mark.parametrize("verb", [*WRITES, *CHANGES, *READS])
@pytest.mark.parametrize(
    "on", [{"if_generation_match": 7}, {"if_generation_match": 0}, {"if_metageneration_match": 1}]
)
def test_a_condition_that_does_not_hold_stops_the_call(
    bucket: storage.Bucket, generation: int, verb: str, on: dict[str, int]
) -> None:
    call = {**WRITES, **CHANGES, **READS}[verb]
    with pytest.raises(exceptions.PreconditionFailed):
        call(bucket, **on)
    found = bucket.get_blob("x")
    assert (found.generation, found.metageneration) == (generation, 2)
    assert found.download_as_bytes() == b"old"


@pytest.mark.parametrize("verb", [*WRITES, *CHANGES])
@pytest.mark.parametrize("which", ["if_generation_not_match", "if_metageneration_not_match"])
def test_a_writer_that_wants_another_version_is_stopped(
    bucket: storage.Bucket, generation: int, verb: str, which: str
) -> None:
    value = generation if which == "if_generation_not_match" else 2
    with pytest.raises(exceptions.PreconditionFailed):
        {**WRITES, **CHANGES}[verb](bucket, **{which: value})
    assert bucket.blob("x").download_as_bytes() == b"old"


@pytest.mark.parametrize("verb", READS)
@pytest.mark.parametrize("which", ["if_generation_not_match", "if_metageneration_not_match"])
def test_a_reader_that_has_this_version_is_told_so(
    bucket: storage.Bucket, generation: int, verb: str, which: str
) -> None:
    value = generation if which == "if_generation_not_match" else 2
    with pytest.raises(exceptions.NotModified):
        READS[verb](bucket, **{which: value})
    READS[verb](bucket, **{which: value + 1})


@pytest.mark.parametrize("verb", WRITES)
def test_a_write_that_must_not_find_an_object(bucket: storage.Bucket, verb: str) -> None:
    WRITES[verb](bucket, if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        WRITES[verb](bucket, if_generation_match=0)


@pytest.mark.parametrize("verb", WRITES)
def test_a_write_that_must_find_an_object(bucket: storage.Bucket, verb: str) -> None:
    with pytest.raises(exceptions.PreconditionFailed):
        WRITES[verb](bucket, if_generation_not_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        WRITES[verb](bucket, if_generation_match=7)
    assert not bucket.blob("x").exists()


@pytest.mark.parametrize("verb", [*CHANGES, *READS])
def test_what_is_not_there_is_not_found_whatever_the_condition(
    bucket: storage.Bucket, verb: str
) -> None:
    with pytest.raises(exceptions.NotFound):
        {**CHANGES, **READS}[verb](bucket, if_generation_match=7)


def test_compose_checks_its_target_and_its_sources(bucket: storage.Bucket, generation: int) -> None:
    with pytest.raises(exceptions.PreconditionFailed):
        _compose_over(bucket, if_generation_match=0)
    _compose_over(bucket, if_generation_match=generation)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("y").compose([bucket.blob("x")], if_source_generation_match=[7])
    assert not bucket.blob("y").exists()


@pytest.mark.parametrize(
    ("on", "error"),
    [
        ({"if_source_generation_match": 7}, exceptions.PreconditionFailed),
        ({"if_source_metageneration_match": 1}, exceptions.PreconditionFailed),
        ({"source_generation": 7}, exceptions.NotFound),
    ],
)
def test_copies_check_their_source(
    bucket: storage.Bucket, generation: int, on: dict[str, int], error: type[Exception]
) -> None:
    with pytest.raises(error):
        bucket.copy_blob(bucket.blob("x"), bucket, "y", **on)
    assert not bucket.blob("y").exists()
    good = {"if_source_generation_match": generation, "if_source_metageneration_match": 2}
    bucket.copy_blob(bucket.blob("x"), bucket, "y", **good)


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "9" * 30])
def test_a_condition_that_is_no_number_is_refused(emulator: Emulator, value: str) -> None:
    answer = requests.delete(
        f"{emulator.urls['storage']}/storage/v1/b/local-project-bucket/o/x",
        params={"ifGenerationMatch": value},
        timeout=60,
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("size", [10, 600 * 1024])
def test_of_sixteen_who_create_one_wins(bucket: storage.Bucket, size: int) -> None:
    together = threading.Barrier(16)

    def create(number: int) -> int | None:
        blob = bucket.blob("lock", chunk_size=256 * 1024 if size > 1000 else None)
        data = bytes([number]) * size
        together.wait()
        try:
            blob.upload_from_file(io.BytesIO(data), size=size, if_generation_match=0)
        except exceptions.PreconditionFailed:
            return None
        return number

    with ThreadPoolExecutor(16) as pool:
        for _ in range(3):
            winners = [n for n in pool.map(create, range(16)) if n is not None]
            assert len(winners) == 1
            assert bucket.blob("lock").download_as_bytes() == bytes(winners) * size
            bucket.blob("lock").delete()


def test_no_increment_is_lost_when_many_swap(bucket: storage.Bucket) -> None:
    bucket.blob("count").upload_from_string("0")

    def increment(_: int) -> None:
        while True:
            blob = bucket.get_blob("count")
            value = int(blob.download_as_bytes(if_generation_match=blob.generation))
            try:
                blob.upload_from_string(str(value + 1), if_generation_match=blob.generation)
            except exceptions.PreconditionFailed:
                continue
            return

    def persistent(number: int) -> None:
        while True:
            try:
                return increment(number)
            except (exceptions.PreconditionFailed, exceptions.NotFound):
                continue

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(persistent, range(24)))
    assert bucket.blob("count").download_as_bytes() == b"24"


def test_a_write_whose_reply_was_lost_is_there(emulator: Emulator, bucket: storage.Bucket) -> None:
    emulator.faults.add(Fault("storage.insert", kind="lose_reply"))
    with pytest.raises(requests.ConnectionError):
        bucket.blob("x").upload_from_string("new", if_generation_match=0, retry=None)
    assert bucket.blob("x").download_as_bytes() == b"new"


@pytest.mark.parametrize("kind", ["drop", "status"])
def test_a_write_that_was_not_taken_is_not_there(
    emulator: Emulator, bucket: storage.Bucket, kind: str
) -> None:
    emulator.faults.add(Fault("storage.insert", kind=kind))  # type: ignore[arg-type]
    with pytest.raises((requests.ConnectionError, exceptions.ServiceUnavailable)):
        bucket.blob("x").upload_from_string("new", if_generation_match=0, retry=None)
    assert not bucket.blob("x").exists()
