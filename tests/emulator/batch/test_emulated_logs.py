"""What tasks print, as Cloud Logging and as files on a volume."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.batch import filters
from emulator.http import ApiError

NewJob = Callable[..., dict[str, Any]]


def test_entries(jobs: Any, new_job: NewJob) -> None:
    text = "echo out $BATCH_TASK_INDEX; echo err >&2; exit 1"
    job = jobs.run(new_job(text, spec={"maxRetryCount": 1}, job={"labels": {"team": "blue"}}))
    log_name = "projects/local-project/logs/batch_task_logs"
    found = jobs.entries(f'logName="{log_name}" AND labels.job_uid="{job.uid}"')["entries"]
    assert [(entry["severity"], entry["textPayload"]) for entry in found] == [
        ("INFO", "out 0"),
        ("ERROR", "err"),
    ] * 2
    assert found[2]["labels"] == {
        "team": "blue",
        "job_uid": job.uid,
        "task_group_name": "group0",
        "task_id": f"task/{job.uid}-group0-0/1/0",
        "runnable_index": "0",
    }
    assert {entry["logName"] for entry in found} == {log_name}
    assert [entry["timestamp"] for entry in found] == sorted(entry["timestamp"] for entry in found)


def test_entries_of_some_tasks(jobs: Any, new_job: NewJob) -> None:
    job = jobs.run(new_job("echo $BATCH_TASK_INDEX", taskCount=12))

    def label(index: int) -> str:
        return f'"task/{job.uid}-group0-{index}/0/0"'

    def texts(terms: str) -> list[str]:
        return [entry["textPayload"] for entry in jobs.entries(terms)["entries"]]

    uid = f'labels.job_uid="{job.uid}"'
    assert texts(f"{uid} labels.task_id={label(11)}") == ["11"]
    assert texts(f"{uid} AND labels.task_id=({label(11)} OR {label(2)})") == ["2", "11"]
    assert texts(f"{uid} AND labels.task_id=({label(12)} OR junk)") == []
    assert texts(f"{uid} AND labels.runnable_index=1") == []
    assert texts(f'{uid} AND timestamp<="2020-01-01T00:00:00Z"') == []
    assert len(texts(f'{uid} AND timestamp>="2020-01-01T00:00:00+02:00"')) == 12
    assert texts('labels.job_uid="other"') == []
    assert texts('logName="projects/local-project/logs/batch_agent_logs"') == []


def test_pages_and_order(jobs: Any, new_job: NewJob) -> None:
    job = jobs.run(new_job("seq 25", taskCount=2, parallelism=1))
    terms = f'labels.job_uid="{job.uid}"'
    seen: list[str] = []
    page: dict[str, Any] = {"nextPageToken": ""}
    while "nextPageToken" in page:
        page = jobs.entries(terms, pageSize=7, pageToken=page["nextPageToken"])
        assert len(page["entries"]) <= 7
        seen += [entry["textPayload"] for entry in page["entries"]]
    assert seen == [str(number) for number in range(1, 26)] * 2
    back = jobs.entries(terms, orderBy="timestamp desc", pageSize=3)
    assert [entry["textPayload"] for entry in back["entries"]] == ["25", "24", "23"]
    more = jobs.entries(
        terms, orderBy="timestamp desc", pageSize=3, pageToken=back["nextPageToken"]
    )
    assert [entry["textPayload"] for entry in more["entries"]] == ["22", "21", "20"]


def test_logs_outlive_the_job(jobs: Any, new_job: NewJob) -> None:
    job = jobs.run(new_job("echo kept"))
    jobs.client.delete_job(name=job.name).result()
    assert jobs.output(job) == ["kept"]


def test_odd_output(jobs: Any, new_job: NewJob) -> None:
    text = r"printf '\377\n<script>\n\nno end'; head -c 300000 /dev/zero | tr '\0' x >&2"
    job = jobs.run(new_job(text))
    assert jobs.output(job) == ["\ufffd", "<script>", "", "no end"]
    assert [len(text) for text in jobs.output(job, "ERROR")] == [262_144, 37_856]


@pytest.mark.parametrize("policy", [{}, {"destination": "DESTINATION_UNSPECIFIED"}])
def test_without_a_destination_nothing_is_kept(
    jobs: Any, new_job: NewJob, policy: dict[str, Any]
) -> None:
    job = jobs.run(new_job("echo secret", job={"logsPolicy": policy}))
    assert jobs.output(job) == []
    folder = jobs.emulator.batch.book.folder / job.uid / "logs"
    assert list(folder.iterdir()) == []


def test_logs_on_a_volume(jobs: Any, new_job: NewJob) -> None:
    volume = {"gcs": {"remotePath": "local-project-bucket"}, "mountPath": "/mnt/disks/logs"}
    text = "echo out; echo err >&2; exit $((BATCH_TASK_RETRY_ATTEMPT < 1))"
    job = jobs.run(
        new_job(
            text,
            spec={"volumes": [volume], "maxRetryCount": 1},
            job={"logsPolicy": {"destination": "PATH", "logsPath": "/mnt/disks/logs/here"}},
        )
    )
    store = jobs.emulator.store
    names = [stored.name for stored in store.list("local-project-bucket", "here/")]
    end = f"{job.uid}-group0-0.log"
    assert names == [f"here/output-{end}", f"here/stderr-{end}", f"here/stdout-{end}"]
    _, file = store.open("local-project-bucket", f"here/stdout-{end}")
    with file:
        lines = file.read().decode().splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == [
        f"[task_id:task/{job.uid}-group0-0/{attempt}/0,runnable_index:0] out" for attempt in (0, 1)
    ]
    assert jobs.output(job) == []


@pytest.mark.parametrize(
    "path", ["{tmp}/outside", "{tmp}/share/../outside", "{tmp}/share/link/outside", "/dev/null/x"]
)
def test_logs_are_written_nowhere_else(
    jobs: Any, new_job: NewJob, tmp_path: Path, path: str
) -> None:
    volume = {"gcs": {"remotePath": "local-project-bucket"}, "mountPath": f"{tmp_path}/share"}
    policy = {"destination": "PATH", "logsPath": path.format(tmp=tmp_path)}
    text = f"ln -sf {tmp_path} {tmp_path}/share/link; echo out"
    before = sorted(tmp_path.iterdir())
    job = jobs.run(new_job(text, spec={"volumes": [volume]}, job={"logsPolicy": policy}))
    assert job.status.state.name == "SUCCEEDED"
    assert sorted(tmp_path.iterdir()) == before
    assert list((jobs.emulator.batch.book.folder / job.uid / "logs").iterdir()) == []


@pytest.mark.parametrize(
    "body",
    [
        {"resourceNames": []},
        {"orderBy": "severity"},
        {"filter": 'textPayload:"x"'},
        {"filter": "labels.job_uid>5"},
        {"filter": 'timestamp>"soon"'},
        {"pageSize": "many"},
        {"pageToken": "?"},
    ],
)
def test_entries_that_are_not_understood(jobs: Any, new_job: NewJob, body: dict[str, Any]) -> None:
    jobs.run(new_job("echo a"))
    url = f"{jobs.emulator.urls['logging']}/v2/entries:list"
    data = json.dumps({"resourceNames": ["projects/local-project"], **body}).encode()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, data))
    with caught.value as answer:
        assert answer.code == 400


@given(st.text(alphabet='ab.=:"()<>! \\ANDOR\n', max_size=40))
def test_a_filter_is_read_or_refused(text: str) -> None:
    try:
        terms = filters.parse(text, lambda _: True)
    except ApiError:
        return
    assert all(term.values for term in terms)


def test_a_filter_without_end_is_refused() -> None:
    with pytest.raises(ApiError, match="longer than 20000"):
        filters.parse("a=b " * 1_000_000, lambda _: True)


@pytest.mark.parametrize(
    ("text", "label", "holds"),
    [
        ('labels.task_id:"U-group0-7/"', "task/U-group0-7/0/0", True),
        ('labels.task_id:"U-group0-7/"', "task/U-group0-77/0/0", False),
        ('labels.task_id:("U-group0-1/" OR "U-group0-2/")', "task/U-group0-2/1/0", True),
        ('labels.task_id="U-group0-7/"', "task/U-group0-7/0/0", False),
    ],
)
def test_a_label_that_holds_a_text(text: str, label: str, holds: bool) -> None:
    [term] = filters.parse(text, lambda _: True)
    assert (term.field, term.holds(label)) == ("labels.task_id", holds)


@given(st.text(max_size=30))
def test_any_value_can_be_quoted(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    [term] = filters.parse(f'name="{quoted}"', lambda _: True)
    assert term.values == [value]
