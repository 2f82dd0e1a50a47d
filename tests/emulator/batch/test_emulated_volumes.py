"""Volumes as folders at the paths that the job asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.batch import mounts
from emulator.batch.mounts import Links, Mount, MountError, host_path, namespace_options
from emulator.batch.volumes import Turns

NewJob = Callable[..., dict[str, Any]]
BUCKET = "local-project-bucket"

needs_namespaces = pytest.mark.skipif(
    namespace_options() is None, reason="this machine gives no mount namespaces"
)


def _content(store: Any, name: str) -> str:
    _, file = store.open(BUCKET, name)
    with file:
        text: str = file.read().decode()
        return text


def _volume(path: str | Path, remote: str = BUCKET, **more: Any) -> dict[str, Any]:
    return {"gcs": {"remotePath": remote}, "mountPath": str(path), **more}


@pytest.fixture(params=["namespaces", "links"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that gives namespaces, and one that does not."""
    if request.param == "links":
        monkeypatch.setattr("emulator.batch.volumes.namespace_options", lambda: None)
    elif namespace_options() is None:
        pytest.skip("this machine gives no mount namespaces")
    return


def test_a_bucket(jobs: Any, new_job: NewJob, machine: None, tmp_path: Path) -> None:
    store = jobs.emulator.store
    store.insert(BUCKET, "in/words.txt", b"three little words\n")
    store.insert(BUCKET, "in/gone.txt", b"")
    here = tmp_path / "mounted" / "share"
    text = f"cd {here}; wc -w < words.txt > out-$BATCH_TASK_INDEX; rm -f gone.txt"
    job = jobs.run(new_job(text, taskCount=3, spec={"volumes": [_volume(here, f"{BUCKET}/in")]}))
    assert job.status.state.name == "SUCCEEDED"
    assert [stored.name for stored in store.list(BUCKET)] == [
        "in/out-0",
        "in/out-1",
        "in/out-2",
        "in/words.txt",
    ]
    assert _content(store, "in/out-2").strip() == "3"
    assert not here.parent.exists()


def test_later_steps_and_jobs_see_what_others_wrote(
    jobs: Any, new_job: NewJob, machine: None, tmp_path: Path
) -> None:
    spec = {"volumes": [_volume(tmp_path / "share")]}
    jobs.run(new_job(f"echo one > {tmp_path}/share/file", spec=spec))
    jobs.emulator.store.insert(BUCKET, "other", b"two\n")
    job = jobs.run(new_job(f"cat {tmp_path}/share/file {tmp_path}/share/other", spec=spec))
    assert jobs.output(job) == ["one", "two"]


def test_a_script_in_a_bucket(jobs: Any, new_job: NewJob, machine: None, tmp_path: Path) -> None:
    jobs.emulator.store.insert(BUCKET, "run.sh", b"#!/bin/bash\necho ${BASH_VERSION:+bash}\n")
    step = {"script": {"path": f"{tmp_path}/share/run.sh"}}
    job = jobs.run(new_job(step, spec={"volumes": [_volume(tmp_path / "share")]}))
    assert jobs.output(job) == ["bash"]


def test_a_path_of_the_jobs_own(jobs: Any, new_job: NewJob, machine: None, tmp_path: Path) -> None:
    step = {"script": {"text": "echo $PATH"}, "environment": {"variables": {"PATH": "/none"}}}
    job = jobs.run(new_job(step, spec={"volumes": [_volume(tmp_path / "share")]}))
    assert jobs.output(job) == ["/none"]


def test_a_bucket_that_is_not_there(jobs: Any, new_job: NewJob, tmp_path: Path) -> None:
    job = jobs.run(new_job("true", spec={"volumes": [_volume(tmp_path / "share", "no-bucket")]}))
    [task] = jobs.tasks(job)
    assert "a bucket cannot be mounted" in task.status.status_events[-1].description


def test_disks_and_shares(jobs: Any, new_job: NewJob, machine: None, tmp_path: Path) -> None:
    disks = [
        {"deviceName": "scratch", "newDisk": {"sizeGb": 10}},
        {"deviceName": "old", "existingDisk": "projects/p/zones/z/disks/old"},
    ]
    volumes = [
        {"deviceName": "scratch", "mountPath": f"{tmp_path}/scratch"},
        {"deviceName": "old", "mountPath": f"{tmp_path}/old"},
        {"nfs": {"server": "10.0.0.1", "remotePath": "/s"}, "mountPath": f"{tmp_path}/nfs"},
    ]
    job = {"allocationPolicy": {"instances": [{"policy": {"disks": disks}}]}}
    text = f"cd {tmp_path}; ls scratch old nfs; touch scratch/a nfs/b"
    ran = [jobs.run(new_job(text, spec={"volumes": volumes}, job=job)) for _ in range(2)]
    assert [each.status.state.name for each in ran] == ["SUCCEEDED"] * 2
    outputs = [[line for line in jobs.output(each) if line in ("a", "b")] for each in ran]
    assert outputs == [[], ["b"]]  # a new disk is new for each job


@needs_namespaces
def test_what_stands_beside_and_below_a_mount_is_safe(
    jobs: Any, new_job: NewJob, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    (place / "share").mkdir(parents=True)
    (place / "share" / "mine").write_text("mine")
    (place / "beside").write_text("beside")
    (place / "link").symlink_to("beside")
    volumes = [_volume(place / "share"), _volume(place / "new" / "deep", f"{BUCKET}/x")]
    text = f"cd {place}; ls share; cat beside; cat link; echo; touch share/a new/deep/b; ls new"
    job = jobs.run(new_job(text, spec={"volumes": volumes}))
    assert jobs.output(job) == ["besidebeside", "deep"]
    assert sorted(path.name for path in place.rglob("*")) == ["beside", "link", "mine", "share"]
    assert [stored.name for stored in jobs.emulator.store.list(BUCKET)] == ["a", "x/b"]


@needs_namespaces
def test_a_mount_below_the_root(jobs: Any, new_job: NewJob) -> None:
    text = (
        "cd /i2b-test-volume && echo a > file && pwd && test -x /bin/sh -a -d $HOME -a -r /proc/1"
    )
    job = jobs.run(new_job(text, spec={"volumes": [_volume("/i2b-test-volume")]}))
    assert jobs.output(job) == ["/i2b-test-volume"]
    assert job.status.state.name == "SUCCEEDED"
    assert _content(jobs.emulator.store, "file") == "a\n"
    assert not Path("/i2b-test-volume").exists()


@needs_namespaces
def test_a_read_only_volume(jobs: Any, new_job: NewJob, tmp_path: Path) -> None:
    volume = _volume(tmp_path / "share", mountOptions=["-o ro", "--implicit-dirs"])
    job = jobs.run(new_job(f"touch {tmp_path}/share/file", spec={"volumes": [volume]}))
    assert job.status.state.name == "FAILED"
    assert list(jobs.emulator.store.list(BUCKET)) == []


def test_without_namespaces_nothing_is_covered(
    jobs: Any, new_job: NewJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.batch.volumes.namespace_options", lambda: None)
    (tmp_path / "share").mkdir()
    job = jobs.run(new_job("true", spec={"volumes": [_volume(tmp_path / "share")]}))
    [task] = jobs.tasks(job)
    assert "exists on this machine" in task.status.status_events[-1].description
    assert (tmp_path / "share").is_dir()


def test_links_are_counted(tmp_path: Path) -> None:
    links = Links()
    mount = Mount(tmp_path / "source", str(tmp_path / "a" / "b" / "link"))
    mount.source.mkdir()
    links.add(mount)
    links.add(mount)
    links.remove(mount)
    assert Path(mount.target).resolve() == mount.source
    (tmp_path / "a" / "other").write_text("")
    links.remove(mount)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["other"]
    with pytest.raises(MountError, match="cannot be made"):
        links.add(Mount(mount.source, str(tmp_path / "a" / "other" / "link")))


def test_host_paths(tmp_path: Path) -> None:
    shown = [Mount(tmp_path, "/mnt/a")]
    assert host_path("/mnt/a/b/c", shown) == tmp_path / "b" / "c"
    assert host_path("/mnt/ab", shown) == Path("/mnt/ab")


def test_a_crowded_folder_is_not_covered(tmp_path: Path) -> None:
    for number in range(mounts._MOST_ENTRIES + 1):
        (tmp_path / str(number)).touch()
    scratch = tmp_path.parent / "scratch"
    with pytest.raises(MountError, match="too much"):
        mounts.Namespace([Mount(tmp_path, f"{tmp_path}/new")], scratch, {})


def test_turns_serve_all_who_came_before() -> None:
    """Three callers come while a run is under way: one more run serves them all."""
    begun, go, runs = threading.Event(), threading.Event(), []

    def work() -> None:
        runs.append(len(runs))
        begun.set()
        assert go.wait(60)

    turns = Turns(work)
    first = threading.Thread(target=turns)
    first.start()
    assert begun.wait(60)
    others = [threading.Thread(target=turns) for _ in range(3)]
    for thread in others:
        thread.start()
    go.set()
    for thread in [first, *others]:
        thread.join(60)
    assert 2 <= len(runs) <= 4
