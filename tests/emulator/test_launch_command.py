"""`intent2batch emulate`: what it prints, where, and how it fails."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import typer

from components.errors import WrongUse
from pipelines.cli import emulate
from tests.emulator.vertex.upstream_server import chat_server

ROOT = Path(__file__).parents[2]
PROGRAM = """
import typer
from pipelines.cli import emulate
app = typer.Typer()
emulate.register(app)
app()
"""


def started(*arguments: str, scratch: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_lines_for_a_shell_and_a_word_of_warning_apart(tmp_path: Path) -> None:
    state = tmp_path / "it's here"
    with started("--state", str(state), scratch=tmp_path) as running:
        assert running.stderr is not None
        while "Ctrl-C ends" not in (line := running.stderr.readline()):
            assert line
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=120)
    assert running.returncode == 0
    said = dict(
        shlex.split(line)[1].split("=", 1)
        for line in output.splitlines()
        if line.startswith("export ")
    )
    assert len(said) == len(output.splitlines())
    assert said["GOOGLE_APPLICATION_CREDENTIALS"] == str(state / "credentials.json")
    assert said["STORAGE_EMULATOR_HOST"].startswith("http://127.0.0.1:")


def test_json_for_a_program_and_nothing_kept_without_a_folder(tmp_path: Path) -> None:
    with started("--json", "--project", "some-project", scratch=tmp_path) as running:
        assert running.stdout is not None
        environment = json.loads(running.stdout.readline())
        assert environment["GOOGLE_CLOUD_PROJECT"] == "some-project"
        url = environment["STORAGE_EMULATOR_HOST"]
        assert requests.get(f"{url}/storage/v1/b/some-project-bucket", timeout=60).ok
        running.send_signal(signal.SIGTERM)
        _, told = running.communicate(timeout=120)
    assert running.returncode == 0
    assert "stand-ins" in told
    assert "Not emulated" in told
    assert list(tmp_path.iterdir()) == []


def notice(told: subprocess.Popen[str]) -> str:
    """What it says until it is ready; then it is ended."""
    assert told.stderr is not None
    lines = [told.stderr.readline()]
    while "Ctrl-C ends" not in lines[-1]:
        assert lines[-1]
        lines.append(told.stderr.readline())
    told.send_signal(signal.SIGINT)
    told.communicate(timeout=120)
    return "".join(lines)


def test_who_answers_is_told(tmp_path: Path) -> None:
    with started("--state", str(tmp_path), scratch=tmp_path) as running:
        assert "Answers of models are made up" in notice(running)
    with chat_server() as server:
        upstream = ("--upstream", server.url, "--state", str(tmp_path))
        with started(*upstream, scratch=tmp_path) as running:
            assert f"are sent to {server.url}/v1, model tiny." in notice(running)
        upstream = (*upstream, "--upstream-model", "other")
        with started(*upstream, scratch=tmp_path) as running:
            assert f"are sent to {server.url}/v1, model other." in notice(running)
        server.models = {"no": "list"}
        with started(*upstream, scratch=tmp_path) as running:
            assert f"are sent to {server.url}/v1, model other." in notice(running)
    for given in (upstream[:4], upstream):  # which is gone by now
        with started(*given, scratch=tmp_path) as running:
            said = notice(running)
        assert f"are sent to {server.url}/v1.\nNow it does not answer" in said
        assert "made up" not in said


def test_prompts_are_answered_by_the_server_that_was_named(tmp_path: Path) -> None:
    with (
        chat_server() as server,
        started("--json", "--upstream", f"{server.url}/v1", scratch=tmp_path) as running,
    ):
        assert running.stdout is not None
        environment = json.loads(running.stdout.readline())
        answer = requests.post(
            f"{environment['GOOGLE_VERTEX_BASE_URL']}/v1/projects/p/locations/global"
            "/publishers/google/models/gemini-3.5-flash:generateContent",
            json={"contents": [{"parts": [{"text": "hi"}]}]},
            headers={"Authorization": "Bearer t"},
            timeout=120,
        ).json()
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=120)
    assert answer["candidates"][0]["content"]["parts"] == [{"text": "You said: hi"}]


@pytest.mark.parametrize(
    ("url", "model", "said"),
    [
        ("http://example.com/v1", "", "not on this machine"),
        ("https://localhost/v1", "", "plain HTTP"),
        ("", "tiny", "no upstream server"),
    ],
)
def test_an_upstream_that_cannot_be_is_wrong_use(
    tmp_path: Path, url: str, model: str, said: str
) -> None:
    with pytest.raises(WrongUse, match=said):
        emulate.emulate(state=tmp_path, project="p", upstream=url, upstream_model=model)


def test_a_taken_port_is_wrong_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(WrongUse, match=f"Port {port} .* cannot be used"):
            emulate.emulate(state=tmp_path, port=[f"batch={port}"], project="p")


@pytest.mark.parametrize("port", ["batch", "pubsub=1", "batch=x"])
def test_a_port_that_is_none_is_wrong_use(tmp_path: Path, port: str) -> None:
    with pytest.raises(WrongUse):
        emulate.emulate(state=tmp_path, port=[port], project="p")


def test_the_signals_are_as_before_after_a_failure(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(WrongUse):
        emulate.emulate(state=tmp_path, port=["pubsub=1"], project="p")
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_verb_is_there() -> None:
    app = typer.Typer()
    emulate.register(app)
    assert [command.name for command in app.registered_commands] == ["emulate"]
