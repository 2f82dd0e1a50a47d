"""Uploads, with kfp's own client against the stand-in of Artifact Registry."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import google.auth
import google.auth.credentials
import google.auth.exceptions
import pytest
import requests

import compile as command
from components.errors import InputError, ServiceError, WrongUse
from emulator.clock import Clock
from emulator.faults import Fault, Faults
from emulator.http import serve
from emulator.registry import Registry as StandIn
from pipelines import registry as registry_module
from pipelines.access.tables import undocumented
from pipelines.registry import Registry, repository, template
from pipelines.service_errors import NotThereError, UnclearError
from pipelines.templates import fetch
from pipelines.uploading import check_tags, commit_tag, project_version, upload_specs

IMAGE = "europe-docker.pkg.dev/p/r/worker@sha256:" + "0a" * 32
SPEC = "pipelineInfo: {name: night}\nroot: {}\nnumber: %d\n"
ONE, TWO = SPEC % 1, SPEC % 2


class Place:
    def __init__(self, url: str, faults: Faults) -> None:
        self.address, self.faults = f"{url}/some/pipes", faults
        self.registry = Registry(self.address, sleep=lambda seconds: None)
        self.said: list[str] = []

    def upload(self, text: str, *tags: str, move: bool = False) -> str:
        (found,) = upload_specs(
            {"night": text}, self.registry, tags, move=move, say=self.said.append
        )
        return found.version


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    faults = Faults()
    running = serve(StandIn(tmp_path / "state", Clock()).service(faults))
    yield Place(running.url, faults)
    running.stop()
    assert undocumented(faults.callers()) == []


def test_the_version_is_told_and_holds_the_spec(place):
    version = place.upload(ONE, "v1", "abc")
    assert version == "sha256:" + hashlib.sha256(ONE.encode()).hexdigest()
    assert all("intent2batch" in names for names in place.faults.callers().values())
    for name in (version, "v1", "abc"):
        spec, address = fetch(f"{place.address}/night/{name}")
        assert spec["number"] == 1
        assert address == f"{place.address}/night/{name}"


def test_the_same_again_changes_nothing(place):
    place.upload(ONE, "v1")
    before = place.faults.calls()
    place.upload(ONE, "v1")
    again = {name for name, n in place.faults.calls().items() if n > before.get(name, 0)}
    assert not any("pload" in name for name in again), again
    assert place.said == ["night: uploaded", "night: was there already"]


def test_a_tag_does_not_move_unless_told(place):
    first = place.upload(ONE, "v1")
    before = place.faults.calls()
    with pytest.raises(InputError, match=r"'v1' of night names another spec.*--move-tags"):
        place.upload(TWO, "v1", "v2")
    after = place.faults.calls()
    assert not any("pload" in name and after[name] > before.get(name, 0) for name in after)
    assert place.registry.tagged("night", "v1") == first
    assert place.registry.tagged("night", "v2") == ""
    second = place.upload(TWO, "v1", "v2", move=True)
    assert place.registry.tagged("night", "v1") == place.registry.tagged("night", "v2") == second


def test_a_tag_that_somebody_else_makes_meanwhile_does_not_move(place, monkeypatch):
    first = place.upload(ONE)
    seen = place.registry.tagged
    monkeypatch.setattr(place.registry, "tagged", lambda package, tag: "")
    real = place.registry.upload

    def upload(file: str, description: str) -> tuple[str, str]:
        place.registry.make_tag("night", first, "v1")
        monkeypatch.setattr(place.registry, "tagged", seen)
        return real(file, description)

    monkeypatch.setattr(place.registry, "upload", upload)
    with pytest.raises(InputError, match="names another spec"):
        place.upload(TWO, "v1")
    assert seen("night", "v1") == first


def methods(faults: Faults, word: str) -> str:
    return next(name for name in faults.calls() if word in name)


@pytest.mark.parametrize("kind", ["status", "drop", "lose_reply"])
@pytest.mark.parametrize("call", ["pload", "reateTag"])
def test_a_lost_answer_is_asked_for_again(place, kind, call):
    place.upload(ONE, "v1")
    place.faults.add(Fault(methods(place.faults, call), kind=kind))
    version = place.upload(TWO, "v2")
    assert place.registry.tagged("night", "v2") == version


def test_a_service_that_stays_away_is_told_in_one_sentence(place):
    place.faults.add(Fault("*", count=100))
    with pytest.raises(UnclearError, match=r"answered 503.*again in a while"):
        place.upload(ONE, "v1")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "gcloud auth application-default login"),
        (403, r"roles/artifactregistry\.writer"),
        (418, "answered 418"),
    ],
)
def test_refusals_say_the_next_step(place, status, says):
    place.faults.add(Fault("*", status=status, count=100))
    with pytest.raises(ServiceError, match=says):
        place.upload(ONE, "v1")


def test_nothing_answers_there():
    registry = Registry("http://127.0.0.1:9/some/pipes", sleep=lambda seconds: None)
    with pytest.raises(UnclearError, match="did not answer"):
        registry.tagged("night", "v1")


def test_a_template_that_is_gone(place):
    with pytest.raises(InputError, match=r"no such template.*compile\.py --image"):
        fetch(f"{place.address}/night/v1")
    with pytest.raises(NotThereError):
        place.registry.move_tag("night", "sha256:" + "0" * 64, "v1")


def test_a_template_that_is_no_pipeline(place):
    place.upload("pipelineInfo: {name: night}\n", "v1")
    with pytest.raises(WrongUse, match="not a compiled pipeline"):
        fetch(f"{place.address}/night/v1")


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/p/r",
        "https://europe-west4-kfp.pkg.dev/p",
        "http://europe-west4-kfp.pkg.dev/p/r",
        "http://10.0.0.1/p/r",
        "https://europe-west4-kfp.pkg.dev@example.com/p/r",
        "https://europe-west4-kfp.pkg.dev/p/r/../../q",
        "",
    ],
)
def test_what_is_no_repository_gets_no_token(address):
    with pytest.raises(WrongUse, match="not a repository"):
        repository(address)
    with pytest.raises(WrongUse, match="not the address of a template"):
        template(f"{address}/night/v1")


def test_no_call_waits_for_ever_and_no_stand_in_gets_a_token(place, monkeypatch):
    sent = []

    def get(url, **given):
        sent.append(given)
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "get", get)
    with pytest.raises(UnclearError):
        place.registry.tagged("night", "v1")
    request = requests.Request("GET", "http://127.0.0.1/").prepare()
    assert all(given["timeout"] == registry_module.CALL_S for given in sent)
    assert "authorization" not in sent[0]["auth"](request).headers


@pytest.mark.parametrize("error", ["none", "expired"])
def test_credentials(error, monkeypatch):
    class Expired(google.auth.credentials.Credentials):
        def refresh(self, request):
            raise google.auth.exceptions.RefreshError("invalid_grant")

    def default(*given, **named):
        if error == "none":
            raise google.auth.exceptions.DefaultCredentialsError("x")
        return Expired(), "p"

    monkeypatch.setattr(google.auth, "default", default)
    with pytest.raises(ServiceError, match=r"gcloud auth application-default login\.$"):
        Registry("https://europe-west4-kfp.pkg.dev/p/r").tagged("night", "v1")


def test_tags():
    assert check_tags(["v1", "abc", "v1"]) == ["v1", "abc"]
    for tag in ("", "a b", "-x", "a/b", "x" * 200, "sha256:abc"):
        with pytest.raises(WrongUse, match="cannot be a tag"):
            check_tags([tag])


def test_the_commit_is_a_tag_where_it_is_what_was_compiled(tmp_path):
    said: list[str] = []

    def git(*words: str) -> None:
        who = ["-c", "user.name=n", "-c", "user.email=e@example.com"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    assert commit_tag(tmp_path / "absent", said.append) == []
    git("init")
    (tmp_path / "file").write_text("a")
    git("add", "file")
    git("commit", "-m", "m")
    (commit,) = commit_tag(tmp_path, said.append)
    assert len(commit) == 40
    (tmp_path / "file").write_text("b")
    assert commit_tag(tmp_path, said.append) == []
    assert "not committed" in said[-1]


def test_compile_uploads_what_it_pinned(place, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("pipelines.uploading.commit_tag", lambda root, say: ["0" * 40])
    line = ["--image", IMAGE, "--output", str(tmp_path / "dist"), "--upload", place.address]
    assert command.main(line) == 0
    said = capsys.readouterr()
    printed = [word for word in said.out.split() if word.startswith(place.address)]
    assert [template(url).package for url in printed] == list(command.PIPELINES)
    version = project_version(command.ROOT)
    assert f"tags: {version}, {'0' * 40}" in said.err
    for url in printed:
        spec, _ = fetch(url)
        name = spec["pipelineInfo"]["name"]
        assert spec == fetch(f"{place.address}/{name}/{version}")[0]
        assert IMAGE in (tmp_path / "dist" / f"{name}.yaml").read_text()
    assert command.main([*line, "--notify", "a@example.com"]) == 1
    assert "--move-tags" in capsys.readouterr().err
    assert command.main([*line, "--notify", "a@example.com", "--tag", "v9"]) == 1
    assert command.main([*line, "--notify", "a@example.com", "--tag", "v9", "--move-tags"]) == 0


@pytest.mark.parametrize(
    "line",
    [
        ["--upload", "https://europe-west4-kfp.pkg.dev/p/r"],
        ["--image", IMAGE, "--tag", "v1"],
        ["--image", IMAGE, "--move-tags"],
    ],
)
def test_only_pinned_specs_are_uploaded(line, capsys):
    with pytest.raises(SystemExit) as end:
        command.main(line)
    assert end.value.code == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["--image", "worker:latest", "--upload", "https://x-kfp.pkg.dev/p/r"], "not pinned"),
        (["--image", IMAGE, "--upload", "https://example.com/p/r"], "not a repository"),
        (["--image", IMAGE, "--upload", "https://x-kfp.pkg.dev/p/r", "--tag", "a b"], "a tag"),
    ],
)
def test_wrong_use_uploads_and_writes_nothing(line, says, tmp_path, capsys):
    assert command.main([*line, "--output", str(tmp_path / "out")]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
