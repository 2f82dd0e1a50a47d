"""Starting, the environment that points clients at the stand-ins, and ending without a trace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import google.auth.transport.requests
import pytest
import requests
from google import genai
from google.cloud import storage
from google.oauth2 import service_account

from emulator.__main__ import main
from emulator.http import PortTakenError
from emulator.launch import Emulator, StateInUseError, awaited, for_tasks, start

ROOT = Path(__file__).parents[2]


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The emulator as a process of its own; ended however the test ends."""
    command = [sys.executable, "-m", "emulator", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def announced(running: subprocess.Popen[str]) -> dict[str, str]:
    assert running.stdout is not None
    environment: dict[str, str] = json.loads(running.stdout.readline())
    return environment


def test_the_environment_names_every_client(emulator: Emulator) -> None:
    environment = emulator.environment
    assert environment["STORAGE_EMULATOR_HOST"] == emulator.urls["storage"]
    assert environment["GOOGLE_VERTEX_BASE_URL"] == emulator.urls["vertex"]
    assert environment["GOOGLE_CLOUD_PROJECT"] == emulator.project == "local-project"
    assert all(url.startswith("http://127.0.0.1:") for url in emulator.urls.values())
    for service in ("STORAGE", "AIPLATFORM", "BATCH", "LOGGING"):
        assert environment[f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}"].endswith("/")


def test_a_bucket_is_there_from_the_start(emulator: Emulator) -> None:
    client = storage.Client(project=emulator.project)
    assert [bucket.name for bucket in client.list_buckets()] == ["local-project-bucket"]
    client.close()


def test_the_account_is_private_and_the_token_server_takes_it(emulator: Emulator) -> None:
    path = Path(emulator.environment["GOOGLE_APPLICATION_CREDENTIALS"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    credentials = service_account.Credentials.from_service_account_file(
        path, scopes=["https://www.googleapis.com/auth/cloud-platform"]
    )
    with requests.Session() as session:
        credentials.refresh(google.auth.transport.requests.Request(session))
    assert credentials.token


def test_proxies_are_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "intranet.example")
    with start(tmp_path) as emulator:
        assert emulator.environment["no_proxy"] == "intranet.example,127.0.0.1,localhost"


def test_a_folder_serves_one_emulator_at_a_time(tmp_path: Path) -> None:
    with start(tmp_path), pytest.raises(StateInUseError, match="Another emulator works in"):
        start(tmp_path)
    start(tmp_path).stop()


def test_a_taken_port_stops_the_start_and_leaves_nothing(tmp_path: Path) -> None:
    with start(tmp_path / "one") as first:
        before = our_threads()
        port = int(first.urls["storage"].rsplit(":", 1)[1])
        with pytest.raises(PortTakenError, match=str(port)):
            start(tmp_path / "two", ports={"vertex": port})
        assert our_threads() == before
    start(tmp_path / "two").stop()


def test_chosen_ports_are_taken_and_unknown_services_told(tmp_path: Path) -> None:
    with start(tmp_path / "one") as first:
        port = int(first.urls["storage"].rsplit(":", 1)[1])
    with start(tmp_path / "one", ports={"storage": port}) as again:
        assert again.urls["storage"] == first.urls["storage"]
    with pytest.raises(ValueError, match="no service 'pubsub'"):
        start(tmp_path / "one", ports={"pubsub": 1})


def our_threads() -> list[str]:
    """Without the one that only imports, which ends by itself."""
    return sorted(t.name for t in threading.enumerate() if t.name != "batch-warm-up")


def test_a_stop_leaves_no_thread(tmp_path: Path) -> None:
    before = our_threads()
    emulator = start(tmp_path)
    emulator.stop()
    emulator.stop()
    assert our_threads() == before


def test_tasks_get_the_stand_ins_and_no_secret(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    given = for_tasks(emulator.environment)
    assert given["STORAGE_EMULATOR_HOST"] == emulator.urls["storage"]
    assert given["PATH"] == os.environ["PATH"]
    assert "SECRET_TOKEN" not in given


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_serves_until_it_is_told_to_end(tmp_path: Path, number: int) -> None:
    with process("--state", str(tmp_path)) as running:
        environment = announced(running)
        url = environment["STORAGE_EMULATOR_HOST"]
        assert requests.get(f"{url}/storage/v1/b", timeout=60).status_code == 200
        running.send_signal(number)
        _, errors = running.communicate(timeout=120)
        assert (running.returncode, errors) == (0, "")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/storage/v1/b", timeout=60)


def runs(pid: int) -> bool:
    """Whether the process is there and more than an entry that nobody has collected yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see processes")
def test_tasks_that_run_end_with_the_emulator(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    script = f"sleep 1000 & echo $! > {pipe}; sleep 1000"
    task = {"runnables": [{"script": {"text": script}}]}
    job = {"taskGroups": [{"taskSpec": task, "taskCount": "1"}]}
    with process("--state", str(tmp_path / "state")) as running:
        url = announced(running)["CLOUDSDK_API_ENDPOINT_OVERRIDES_BATCH"]
        place = f"{url}v1/projects/p/locations/us-central1/jobs"
        made = requests.post(place, params={"job_id": "long"}, json=job, timeout=120)
        assert made.status_code == 200, made.text
        child = int(pipe.read_text())  # waits until the task runs
        running.terminate()
        _, errors = running.communicate(timeout=120)
        assert (running.returncode, errors) == (0, "")
    assert not runs(child)


def test_a_signal_that_another_thread_received_is_noticed() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with awaited(signal.SIGUSR1) as wait:
        other = threading.Thread(
            target=lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        )
        other.start()
        wait()
        other.join()
    assert signal.getsignal(signal.SIGUSR1) is before


def test_a_killed_emulator_starts_again_with_its_state(tmp_path: Path) -> None:
    with process("--state", str(tmp_path)) as running:
        url = announced(running)["STORAGE_EMULATOR_HOST"]
        query = {"uploadType": "media", "name": "x"}
        place = f"{url}/upload/storage/v1/b/local-project-bucket/o"
        assert requests.post(place, params=query, data=b"hi", timeout=60).status_code == 200
        running.kill()
        running.wait(timeout=120)
    with start(tmp_path) as again:
        assert again.store.get("local-project-bucket", "x").size == 2


@pytest.mark.parametrize(
    ("port", "told"),
    [
        ("storage", "SERVICE=N"),
        ("storage=x", "SERVICE=N"),
        ("storage=0", "SERVICE=N"),
        ("storage=65536", "SERVICE=N"),
        ("pubsub=1", "no service 'pubsub'"),
    ],
)
def test_a_wrong_port_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], port: str, told: str
) -> None:
    assert main(["--state", str(tmp_path), "--port", port]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert told in output.err
    assert output.err.count("\n") == 1


def test_a_folder_that_may_not_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--state", str(tmp_path / "file")]) == 2
    error = capsys.readouterr().err
    assert f"{tmp_path / 'file'} is a file, not a folder" in error
    assert error.count("\n") == 1


def test_a_batch_prediction_runs_from_bucket_to_bucket(emulator: Emulator) -> None:
    bucket = "gs://local-project-bucket"
    row = {"request": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}}
    emulator.store.insert("local-project-bucket", "in.jsonl", json.dumps(row).encode())
    with genai.Client(vertexai=True, project=emulator.project, location="global") as client:
        job = client.batches.create(
            model="gemini-3.5-flash", src=f"{bucket}/in.jsonl", config={"dest": f"{bucket}/out"}
        )
        while not job.done:
            job = client.batches.get(name=str(job.name))
    (output,) = emulator.store.list("local-project-bucket", "out/prediction-model-")
    assert output.name.endswith("/predictions.jsonl")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--upstream", "http://example.com/v1"], "is not on this machine"),
        (["--upstream", "ollama"], "a server of plain HTTP"),
        (["--upstream-model", "tiny"], "no upstream server"),
    ],
)
def test_prompts_go_to_no_other_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["--state", str(tmp_path / "state"), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_gcloud_storage_works_unchanged(emulator: Emulator, tmp_path: Path) -> None:
    variables = {
        **os.environ,
        **emulator.environment,
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
    }

    def gcloud(*arguments: str) -> str:
        done = subprocess.run(
            ["gcloud", "storage", *arguments],
            env=variables,
            text=True,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    folder = "gs://local-project-bucket/d"
    (tmp_path / "a b.txt").write_text("hello\n")
    (tmp_path / "big").write_bytes(os.urandom(9_000_000))  # resumable
    gcloud("cp", str(tmp_path / "a b.txt"), str(tmp_path / "big"), f"{folder}/")
    listed = gcloud("ls", folder).splitlines()
    assert listed == [f"{folder}/a b.txt", f"{folder}/big"]
    assert gcloud("cat", f"{folder}/a b.txt") == "hello\n"
    gcloud("cp", f"{folder}/big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == (tmp_path / "big").read_bytes()
    gcloud("rm", "-r", "gs://local-project-bucket")
    assert emulator.store.buckets() == []
