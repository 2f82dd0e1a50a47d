"""Support for the tests of batch predictions: a stand-in with one bucket, and the real client."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

from emulator.faults import Faults
from emulator.http import serve
from emulator.storage.store import Store
from emulator.vertex import service
from emulator.vertex.upstream import Upstream

MODEL = "gemini-3.5-flash"
FINAL = ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED", "PARTIALLY_SUCCEEDED")


def text_row(text: str, **more: Any) -> dict[str, Any]:
    return {"request": {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}}


def numbered(count: int) -> list[dict[str, Any]]:
    return [text_row(f"prompt {n}") for n in range(1, count + 1)]


def prompt_of(row: dict[str, Any]) -> str:
    parts = row["request"]["contents"][0]["parts"]
    return str((parts if isinstance(parts, dict) else parts[0])["text"])


def answer_of(row: dict[str, Any]) -> str:
    return str(row["response"]["candidates"][0]["content"]["parts"][0]["text"])


@dataclass
class Place:
    """A stand-in, and ways to ask it."""

    url: str
    store: Store
    faults: Faults
    client: genai.Client

    def put(self, rows: list[dict[str, Any]] | bytes, name: str = "in/rows.jsonl") -> str:
        """Write an input; returns its uri."""
        lines = rows if isinstance(rows, bytes) else b"".join(json_line(row) for row in rows)
        self.store.insert("rows", name, lines)
        return f"gs://rows/{name}"

    def create(self, source: Any, display_name: str = "job", **config: Any) -> types.BatchJob:
        return self.client.batches.create(
            model=MODEL,
            src=source,
            config=types.CreateBatchJobConfig(
                display_name=display_name, dest="gs://rows/out", **config
            ),
        )

    def ended(self, job: types.BatchJob) -> types.BatchJob:
        """The job when it has ended; each call waits for the work by itself."""
        for _ in range(60):
            job = self.client.batches.get(name=str(job.name))
            if short(job) in FINAL:
                return job
        raise AssertionError(f"{job.name} is still {job.state}")

    def run(self, rows: list[dict[str, Any]] | bytes, **config: Any) -> types.BatchJob:
        return self.ended(self.create(self.put(rows), **config))

    def scenario(self, **fields: Any) -> None:
        status, body = self.send("POST", "/_emulator/prediction_scenarios", fields)
        assert status == 200, body

    def files(self, job: types.BatchJob) -> dict[str, list[bytes]]:
        """The lines of each file of the output folder."""
        raw = self.raw(job)
        folder = raw["outputInfo"]["gcsOutputDirectory"].removeprefix("gs://rows/") + "/"
        found = {}
        for stored in self.store.list("rows", folder):
            with self.store.open("rows", stored.name)[1] as file:
                found[stored.name.removeprefix(folder)] = file.readlines()
        return found

    def rows(self, job: types.BatchJob) -> list[dict[str, Any]]:
        """All rows of all files."""
        return [json.loads(line) for lines in self.files(job).values() for line in lines]

    def raw(self, job: types.BatchJob) -> dict[str, Any]:
        status, body = self.send("GET", f"/v1/{job.name}")
        assert status == 200
        return body

    def send(
        self, method: str, path: str, body: Any = None, token: str = "Bearer t"
    ) -> tuple[int, dict[str, Any]]:
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": token} if token else {}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


def json_line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def short(job: types.BatchJob) -> str:
    assert job.state is not None
    return job.state.value.removeprefix("JOB_STATE_")


@contextmanager
def stand_in(folder: Path, upstream: Upstream | None = None) -> Iterator[Place]:
    """The stand-in over a folder, which may have been used before."""
    store = Store(folder / "storage")
    if not any(bucket["name"] == "rows" for bucket in store.buckets()):
        store.create_bucket("rows")
    faults = Faults()
    running = serve(service(folder, "p", faults, store, upstream))
    try:
        with genai.Client(
            vertexai=True,
            project="p",
            location="us-central1",
            credentials=Credentials(token="t"),
            http_options=types.HttpOptions(base_url=running.url),
        ) as client:
            yield Place(running.url, store, faults, client)
    finally:
        running.stop()
        store.close()
