"""Files and compare-and-swap at local paths; the same through gs:// stands in test_gcs.py."""

from __future__ import annotations

import itertools
import os
import stat
from pathlib import Path

import pytest

from components.errors import InputError, ServiceError
from components.storage import files, uris, versioned


@pytest.mark.parametrize(
    ("base", "parts", "joined"),
    [
        ("gs://b", ["x"], "gs://b/x"),
        ("gs://b/", ["/x/", "y"], "gs://b/x/y"),
        ("/tmp/a", ["b"], "/tmp/a/b"),
        ("/", ["b"], "/b"),
        ("run", ["", "a"], "run/a"),
    ],
)
def test_join(base: str, parts: list[str], joined: str) -> None:
    assert uris.join(base, *parts) == joined


@pytest.mark.parametrize("uri", ["", "http://x/y", "bq://p.d.t", "s3://b/o"])
def test_other_places_are_refused(uri: str) -> None:
    with pytest.raises(InputError, match="not a place"):
        files.read_bytes(uri)


def test_text_round_trip_makes_folders_and_plain_permissions(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b.txt"
    files.write_text(str(target), "grüße\n")
    assert files.read_text(str(target)) == "grüße\n"
    plain = tmp_path / "plain"
    plain.write_text("")
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize("told", [True, False])
def test_a_long_file_is_whole_though_it_leaves_the_page_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """Not every system can be told what not to keep."""
    monkeypatch.setattr(files, "_STAYING_BYTES", 10_000)
    spans = []
    if told:
        spy = lambda _, start, length, __: spans.append((start, start + length))  # noqa: E731
        monkeypatch.setattr(os, "posix_fadvise", spy, raising=False)
        monkeypatch.setattr(os, "POSIX_FADV_DONTNEED", 4, raising=False)
    else:
        monkeypatch.delattr(os, "posix_fadvise", raising=False)
    data = [bytes([n]) * 7_000 for n in range(20)]
    with files.open_write(str(tmp_path / "long")) as out:
        for piece in data:
            out.write(piece)
    assert (tmp_path / "long").read_bytes() == b"".join(data)
    assert files.size(str(tmp_path / "long")) == 140_000
    assert not told or (spans[0][0], spans[-1][1]) == (0, 140_000)
    for (_, end), (start, _) in itertools.pairwise(spans):
        assert start < end  # what was not on the disk yet is told once more


def test_the_size_of_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        files.size(str(tmp_path / "none"))


def test_byte_order_mark_is_dropped_and_other_encodings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbfx")
    assert files.read_text(str(tmp_path / "bom")) == "x"
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match="not UTF-8"):
        files.read_text(str(tmp_path / "latin"))


def test_an_unfinished_write_leaves_the_old_file_and_no_scratch(tmp_path: Path) -> None:
    target = tmp_path / "x"
    files.write_text(str(target), "old")

    def fail_half_way() -> None:
        with files.open_write(str(target)) as out:
            out.write(b"new")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail_half_way()
    assert files.read_text(str(target)) == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_missing_and_misplaced_files_are_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        files.read_bytes(str(tmp_path / "none"))
    with pytest.raises(InputError, match="folder"):
        files.read_bytes(str(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceError, match="part of the path is a file"):
        files.write_text(str(tmp_path / "file" / "below"), "x")


def test_list_is_in_name_order_and_empty_for_no_folder(tmp_path: Path) -> None:
    for name in ("b", "a/c"):
        files.write_text(str(tmp_path / name), "")
    assert list(files.list_uris(str(tmp_path))) == [str(tmp_path / "a" / "c"), str(tmp_path / "b")]
    assert list(files.list_uris(str(tmp_path / "none"))) == []


def test_what_is_no_text_has_a_version_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_bytes(b"\xff\xfe{")
    found = versioned.read(str(tmp_path / "ledger"))
    assert found is not None
    assert "\ufffd" in found.text
