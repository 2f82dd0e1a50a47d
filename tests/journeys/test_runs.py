"""Whole runs on this machine: strange folders and settings, failure, interruption."""

from __future__ import annotations

import json
import os
import select
import signal
from pathlib import Path

import pytest

from tests.journeys.conftest import running

LOCAL = ("run", "intent-to-batch", "--local")
# As on the machine of somebody who works with Google Cloud all day. Port 9 answers nobody.
REAL_SETTINGS = {
    "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json",
    "GOOGLE_CLOUD_PROJECT": "acme-production",
    "GOOGLE_CLOUD_QUOTA_PROJECT": "acme-billing",
    "GOOGLE_API_USE_CLIENT_CERTIFICATE": "true",
    "GOOGLE_API_USE_MTLS_ENDPOINT": "always",
    "CLOUDSDK_CORE_PROJECT": "acme-production",
    "CLOUDSDK_API_ENDPOINT_OVERRIDES_BATCH": "https://batch.googleapis.com/",
    "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING": "https://logging.googleapis.com/",
    "CLOUD_ML_PROJECT_ID": "123456789",
    "GEMINI_API_KEY": "not-a-key",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
}
LASTS_S = 600  # a task that nobody ends


def only_run(folder: Path) -> Path:
    (run,) = (folder / "runs").iterdir()
    return run


def test_two_runs_at_once_in_an_odd_folder_with_real_settings_around(terminal, tmp_path):
    terminal.folder = tmp_path / 'it\'s "my" féw $(things)'
    terminal.folder.mkdir()
    words = (*LOCAL, '2 tasks that run `echo "$GOOGLE_CLOUD_PROJECT"`')
    both = [terminal.start(*words, more=REAL_SETTINGS) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert "All 2 tasks succeeded" in out
        assert "Traceback" not in err
    runs = list((terminal.folder / "runs").iterdir())
    assert len(runs) == 2
    for run in runs:
        request = json.loads((run / "results" / "submission.json").read_text())["request"]
        assert request["url"].startswith("http://127.0.0.1:")
        assert request["parent"] == "projects/local-project/locations/us-central1"
        rows = (run / "results" / "tasks.jsonl").read_text().splitlines()
        assert [json.loads(row)["output_tail"] for row in rows] == ["local-project"] * 2
    assert not terminal.running


def test_a_run_whose_every_task_fails_says_why_and_where_to_look(terminal):
    ended = terminal(*LOCAL, "2 tasks that run /opt/absent/job.sh")
    assert ended.code == 1
    assert "2 of 2 tasks failed" in ended.out
    assert "exit code 127, 2 tasks (0-1): the command /opt/absent/job.sh was not found" in ended.out
    report = ended.out.partition("Report: ")[2].strip()
    assert Path(report).is_file()
    assert "intent2batch tasks" not in ended.err  # its stand-ins are gone
    assert "Traceback" not in ended.err
    assert not terminal.running


@pytest.mark.parametrize(
    ("number", "again"),
    [(signal.SIGHUP, False), (signal.SIGINT, True), (signal.SIGKILL, False)],
)
def test_nothing_runs_on_after_a_run_was_ended(terminal, number, again):
    outlived = terminal.folder / "outlived"
    task = f"2 tasks of `sleep {LASTS_S} && touch {outlived}`"
    with terminal.start(*LOCAL, task) as process:
        terminal.until(process, "SCHEDULED -> RUNNING")
        state = only_run(terminal.folder) / "services" / "credentials.json"
        tasks = f"GOOGLE_APPLICATION_CREDENTIALS={state}"
        process.send_signal(number)
        if again:
            terminal.until(process, "once more to kill it")
            process.send_signal(number)
        # The steps hold it open as well.
        rest = process.stderr.read()
    assert "Traceback" not in rest
    await_end(terminal.mark)
    await_end(tasks)
    assert not outlived.exists()
    if number == signal.SIGKILL:
        return
    assert process.returncode == 128 + number
    last = rest.splitlines()[-1]
    assert (
        "killed, and its job with the stand-ins" if again else "nothing of it is left running"
    ) in last
    assert not (only_run(terminal.folder) / "tmp").exists()


def await_end(mark: str) -> None:
    """Wait until no process has the words in its environment.

    It is told of each end, so that only a defect meets the limit: what is left running ends when
    its task does, and the task then leaves a trace.
    """
    while left := running(mark):
        for process in left:
            try:
                end = os.pidfd_open(process)
            except ProcessLookupError:
                continue
            # Readable once it has ended, also where nobody reaps it.
            ended, _, _ = select.select([end], [], [], LASTS_S)
            os.close(end)
            assert ended, left[process]
