"""Repositories of compiled pipelines with kfp's own client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from kfp.registry import RegistryClient

from emulator.clock import Clock
from emulator.faults import Faults
from emulator.http import serve
from emulator.registry import Registry

SPEC = "pipelineInfo:\n  name: some-pipeline\nroot: {}\nversion: %d\n"
BASE = "projects/some/locations/us-central1/repositories/pipes"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    running = serve(Registry(tmp_path / "state", Clock()).service(Faults()))
    yield running.url
    running.stop()


@pytest.fixture
def client(url: str) -> RegistryClient:
    return RegistryClient(host=f"{url}/some/pipes")


def upload(client: RegistryClient, folder: Path, number: int, *tags: str) -> str:
    path = folder / "spec.yaml"
    path.write_bytes((SPEC % number).replace("\n", "\r\n").encode())
    package, version = client.upload_pipeline(str(path), tags=list(tags))
    assert package == "some-pipeline"
    return version


def test_what_was_uploaded_comes_back_by_version_and_tag(
    client: RegistryClient, tmp_path: Path
) -> None:
    version = upload(client, tmp_path, 1, "v1", "latest")
    sent = (tmp_path / "spec.yaml").read_bytes()
    for wanted in ({"version": version}, {"tag": "v1"}, {"tag": "latest"}):
        path = tmp_path / "back.yaml"
        client.download_pipeline("some-pipeline", file_name=str(path), **wanted)
        assert path.read_bytes() == sent
    assert upload(client, tmp_path, 1) == version
    assert len(client.list_versions("some-pipeline")) == 1


def test_tags_move_and_go(client: RegistryClient, tmp_path: Path) -> None:
    first = upload(client, tmp_path, 1, "v1", "latest")
    second = upload(client, tmp_path, 2, "latest")
    assert client.get_tag("some-pipeline", "latest")["version"].endswith(second)
    client.update_tag("some-pipeline", first, "latest")
    assert client.get_tag("some-pipeline", "latest")["version"].endswith(first)
    client.create_tag("some-pipeline", second, "v2")
    assert [each["name"].rpartition("/")[2] for each in client.list_tags("some-pipeline")] == [
        "latest",
        "v1",
        "v2",
    ]
    with pytest.raises(requests.HTTPError, match="409"):
        client.create_tag("some-pipeline", first, "v2")
    with pytest.raises(requests.HTTPError, match="404"):
        client.update_tag("some-pipeline", first, "v3")
    client.delete_tag("some-pipeline", "v2")
    with pytest.raises(requests.HTTPError, match="404"):
        client.get_tag("some-pipeline", "v2")


def test_versions_and_packages_go(client: RegistryClient, tmp_path: Path) -> None:
    first = upload(client, tmp_path, 1, "v1")
    second = upload(client, tmp_path, 2)
    with pytest.raises(requests.HTTPError, match="400"):
        client.delete_version("some-pipeline", first)
    assert client.delete_version("some-pipeline", second)
    assert [each["relatedTags"][0]["name"] for each in client.list_versions("some-pipeline")] == [
        "packages/some-pipeline/tags/v1"
    ]
    assert client.get_package("some-pipeline")["displayName"] == "some-pipeline"
    assert client.delete_package("some-pipeline")
    assert not client.list_packages()
    assert not list((tmp_path / "state" / "registry").glob("*.yaml"))


def test_the_paths_of_artifact_registry_answer_too(
    url: str, client: RegistryClient, tmp_path: Path
) -> None:
    version = upload(client, tmp_path, 1, "v1")
    found = requests.get(f"{url}/v1/{BASE}/packages/some-pipeline/versions?view=FULL", timeout=60)
    name = f"{BASE}/packages/some-pipeline"
    (shown,) = found.json()["versions"]
    assert shown["name"] == f"{name}/versions/{version}"
    assert shown["relatedTags"] == [
        {"name": f"{name}/tags/v1", "version": f"{name}/versions/{version}"}
    ]
    made = requests.post(
        f"{url}/v1/{name}/tags?tagId=v2",
        json={"name": "", "version": f"{name}/versions/{version}"},
        timeout=60,
    )
    assert made.json()["name"] == f"{name}/tags/v2"


def test_what_was_uploaded_is_there_after_a_restart(tmp_path: Path) -> None:
    first = Registry(tmp_path, Clock())
    version = first.shelf.put("some/pipes", "some-pipeline", b"content", ["v1"])
    again = Registry(tmp_path, Clock())
    uri = "https://us-central1-kfp.pkg.dev/some/pipes/some-pipeline/v1"
    assert again.template(uri) == (b"content", version)
    assert again.template("gs://bucket/spec.yaml") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a: [",
        b"[]",
        b"pipelineInfo: {name: Bad Name}",
        b"a: 1\n---\nb: 2",
        b"[" * 9999,
        b"\0",
    ],
)
def test_what_is_no_pipeline_is_refused(url: str, content: bytes) -> None:
    answer = requests.post(f"{url}/some/pipes", files={"content": content}, timeout=60)
    assert answer.status_code == 400, answer.text


def test_what_is_no_form_and_no_tag_is_refused(url: str) -> None:
    assert requests.post(f"{url}/some/pipes", data=b"x", timeout=60).status_code == 400
    files = {"content": (SPEC % 1).encode()}
    for tags in ("sha256:x", "../x", "a b"):
        answer = requests.post(f"{url}/some/pipes", files=files, data={"tags": tags}, timeout=60)
        assert answer.status_code == 400
