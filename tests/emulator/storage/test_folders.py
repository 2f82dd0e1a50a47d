"""Buckets as folders for tasks: only what changed travels, and nothing leaves the folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.storage.store import Store

BUCKET = "some-bucket"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "store")
    made.create_bucket(BUCKET)
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mount"


def _objects(store: Store, prefix: str = "") -> dict[str, bytes]:
    found = {}
    for stored in store.list(BUCKET, prefix):
        _, content = store.open(BUCKET, stored.name)
        with content:
            found[stored.name] = content.read()
    return found


def _files(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_objects_below_the_prefix_become_files(store: Store, folder: Path) -> None:
    for name in ("in/a", "in/sub/b", "in/empty/", "out/c"):
        store.insert(BUCKET, name, name.encode())
    assert store.materialise(BUCKET, "in/", folder) == []
    assert _files(folder) == {"a": b"in/a", "sub/b": b"in/sub/b"}
    assert (folder / "empty").is_dir()


def test_only_what_changed_is_published(store: Store, folder: Path) -> None:
    for name in ("same", "changed", "removed"):
        store.insert(BUCKET, name, b"old")
    same = store.get(BUCKET, "same").generation
    store.materialise(BUCKET, "", folder)
    (folder / "changed").write_bytes(b"new")
    (folder / "removed").unlink()
    (folder / "sub").mkdir()
    (folder / "sub" / "added.csv").write_bytes(b"1,2")
    assert store.absorb(BUCKET, "", folder) == ["changed", "sub/added.csv", "removed"]
    assert _objects(store) == {"same": b"old", "changed": b"new", "sub/added.csv": b"1,2"}
    assert store.get(BUCKET, "same").generation == same
    assert store.get(BUCKET, "sub/added.csv").settings["contentType"] == "text/csv"
    assert store.absorb(BUCKET, "", folder) == []


def test_a_change_of_the_same_length_is_seen(store: Store, folder: Path) -> None:
    store.insert(BUCKET, "x", b"old")
    store.materialise(BUCKET, "", folder)
    with (folder / "x").open("r+b") as file:
        file.write(b"NEW")
    assert store.absorb(BUCKET, "", folder) == ["x"]
    assert _objects(store) == {"x": b"NEW"}


def test_work_in_the_folder_never_touches_what_is_stored(store: Store, folder: Path) -> None:
    store.insert(BUCKET, "x", b"old")
    store.materialise(BUCKET, "", folder)
    with (folder / "x").open("r+b") as file:
        file.write(b"NEW")
    assert _objects(store) == {"x": b"old"}


def test_the_folder_follows_the_bucket(store: Store, folder: Path) -> None:
    for name in ("changed", "removed", "mine"):
        store.insert(BUCKET, name, b"old")
    store.materialise(BUCKET, "", folder)
    store.insert(BUCKET, "changed", b"new")
    store.delete(BUCKET, "removed")
    store.insert(BUCKET, "mine", b"theirs")
    (folder / "mine").write_bytes(b"mine!")
    store.materialise(BUCKET, "", folder)
    assert _files(folder) == {"changed": b"new", "mine": b"mine!"}
    store.absorb(BUCKET, "", folder)
    assert _objects(store) == {"changed": b"new", "mine": b"mine!"}


def test_what_another_deleted_and_wrote_again_is_not_deleted(store: Store, folder: Path) -> None:
    store.insert(BUCKET, "x", b"old")
    store.materialise(BUCKET, "", folder)
    (folder / "x").unlink()
    store.insert(BUCKET, "x", b"new")
    store.absorb(BUCKET, "", folder)
    assert _objects(store) == {"x": b"new"}


def test_many_tasks_publish_from_one_folder(store: Store, folder: Path) -> None:
    def task(number: int) -> None:
        store.materialise(BUCKET, "run/", folder)
        (folder / f"part-{number}").write_bytes(b"%d" % number)
        store.absorb(BUCKET, "run/", folder)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(task, range(60)))
    assert _objects(store, "run/") == {f"run/part-{n}": b"%d" % n for n in range(60)}


def test_many_tasks_publish_from_folders_of_their_own(store: Store, tmp_path: Path) -> None:
    store.insert(BUCKET, "in", b"in")
    generation = store.get(BUCKET, "in").generation

    def task(number: int) -> None:
        folder = tmp_path / f"task-{number}"
        store.materialise(BUCKET, "", folder)
        (folder / f"part-{number}").write_bytes(b"%d" % number)
        store.absorb(BUCKET, "", folder)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(task, range(30)))
    assert len(_objects(store)) == 31
    assert store.get(BUCKET, "in").generation == generation


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/x", "a//b", "./x", "a/./b", "x" * 300, "nul\0", "dir/"]
)
def test_names_that_cannot_be_files_are_told_and_left_out(
    store: Store, folder: Path, tmp_path: Path, name: str
) -> None:
    store.insert(BUCKET, name, b"")
    expected = [] if name == "dir/" else [name]
    before = set(tmp_path.rglob("*"))
    assert store.materialise(BUCKET, "", folder) == expected
    assert _files(folder) == {}
    new = {path for path in tmp_path.rglob("*") if path not in before}
    assert all(path == folder or folder in path.parents for path in new)


def test_an_object_and_a_folder_of_one_name(store: Store, folder: Path) -> None:
    store.insert(BUCKET, "x", b"file")
    store.insert(BUCKET, "x/y", b"below")
    assert store.materialise(BUCKET, "", folder) == ["x/y"]
    store.absorb(BUCKET, "", folder)
    assert _objects(store) == {"x": b"file", "x/y": b"below"}


def test_links_lead_nowhere(store: Store, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "outside"
    secret.mkdir()
    (secret / "key").write_bytes(b"secret")
    store.insert(BUCKET, "in/a", b"a")
    store.materialise(BUCKET, "", folder)
    (folder / "link").symlink_to(secret / "key")
    (folder / "in" / "a").unlink()
    (folder / "in").rmdir()
    (folder / "in").symlink_to(secret)
    os.mkfifo(folder / "pipe")
    store.insert(BUCKET, "in/a", b"again")
    assert store.materialise(BUCKET, "", folder) == ["in/a"]
    store.absorb(BUCKET, "", folder)
    assert [path.name for path in secret.iterdir()] == ["key"]
    assert _objects(store) == {"in/a": b"again"}


NAMES = ["a", "b", "d/a", "d/e/b"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["write", "unlink", "insert", "delete", "materialise", "absorb"]),
            st.sampled_from(NAMES),
            st.binary(max_size=3),
        ),
        max_size=15,
    )
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_folder_and_bucket_agree_in_the_end(
    store: Store, tmp_path: Path, steps: list[tuple[str, str, bytes]]
) -> None:
    folder = tmp_path / os.urandom(8).hex()
    for stored in list(store.list(BUCKET)):
        store.delete(BUCKET, stored.name)
    folder.mkdir()
    for step, name, data in steps:
        path = folder / name
        if step == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        elif step == "unlink":
            path.unlink(missing_ok=True)
        elif step == "insert":
            store.insert(BUCKET, name, data)
        elif step == "delete" and name in _objects(store):
            store.delete(BUCKET, name)
        elif step == "materialise":
            store.materialise(BUCKET, "", folder)
        else:
            store.absorb(BUCKET, "", folder)
    store.absorb(BUCKET, "", folder)
    store.materialise(BUCKET, "", folder)
    assert _files(folder) == _objects(store)


def test_a_file_whose_name_no_object_can_have_stays_out_and_stops_nothing(
    store: Store, folder: Path
) -> None:
    folder.mkdir()
    for name in ("new\nline", "\udcff", "good"):
        (folder / name).write_bytes(b"x")
    deep = folder / "/".join(["a" * 250] * 5)
    deep.mkdir(parents=True)
    (deep / "too long a name").write_bytes(b"x")
    assert store.absorb(BUCKET, "", folder) == ["good"]
    assert store.absorb(BUCKET, "", folder) == []
