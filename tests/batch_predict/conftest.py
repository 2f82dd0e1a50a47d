"""Prepared runs in the emulator's bucket, and short ways to predict them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.batch_predict.predict import Settings
from components.batch_predict.run_step import Summary, predict_run
from components.rows.canonical import key_of
from components.storage import files
from emulator import vertex
from emulator.http import serve
from emulator.launch import Emulator

MODEL = "gemini-3.5-flash"
BUCKET = "gs://local-project-bucket"


class StoryClock:
    """Time that passes only in sleeps. It runs out: polling without end fails the test."""

    def __init__(self, naps: int = 3000) -> None:
        self.left = naps
        self.stop_at = 0
        self.slept = 0
        self._now = 1_800_000_000.0

    def now(self) -> float:
        self._now += 0.001
        return self._now

    def sleep(self, seconds: float) -> None:
        self.left -= 1
        assert self.left, "it polls without end"
        self.slept += 1
        self._now += seconds

    def stop_asked(self) -> str:
        return "SIGTERM" if 0 < self.stop_at <= self.slept else ""


def request_of(text: str, **settings: Any) -> dict[str, Any]:
    request: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    return {**request, "generationConfig": settings} if settings else request


def chained_to(needed: int, *, row: int, wave: int) -> dict[str, Any]:
    """A line of pending.jsonl: a row that needs the answer of another one."""
    template = request_of(f"about ${{output.{needed}}}")
    return {"row": row, "wave": wave, "template": template, "refs": {str(needed): needed},
            "needs": [needed]}  # fmt: skip


def prepare(
    run_uri: str,
    shards: Mapping[str, Sequence[dict[str, Any]]],
    *,
    model: str = MODEL,
    models: Mapping[str, str] | None = None,
    chained: Sequence[dict[str, Any]] = (),
) -> dict[str, str]:
    """Write what the preparing step leaves; the keys by the rows' texts.

    Args:
        run_uri: the run folder.
        shards: requests by the name of their shard.
        model: of all rows.
        models: of single shards.
        chained: lines of pending.jsonl without id and model, wave included.
    """
    keys: dict[str, str] = {}
    manifest, told = [], []
    for name, requests in shards.items():
        of = (models or {}).get(name, model)
        lines = []
        for request in requests:
            key = key_of(request, of)
            keys[request["contents"][0]["parts"][0]["text"]] = key
            lines.append({"key": key, "request": request})
            manifest.append(
                {"row": len(manifest) + 1, "id": "", "model": of, "wave": 0, "status": "ready",
                 "reason": "", "key": key, "shard": name}
            )  # fmt: skip
        write_lines(f"{run_uri}/prepared/shards/{name}", lines)
        told.append({"name": name, "model": of, "wave": 0, "requests": len(lines), "bytes": 1})
    pending = []
    for line in chained:
        wave = line["wave"]
        pending.append({"id": "", "model": model, **{k: v for k, v in line.items() if k != "wave"}})
        manifest.append(
            {"row": line["row"], "id": "", "model": model, "wave": wave, "status": "waiting",
             "reason": "", "key": "", "shard": ""}
        )  # fmt: skip
    waves = 1 + max((line["wave"] for line in manifest), default=0)
    write_lines(f"{run_uri}/prepared/manifest.jsonl", manifest)
    write_lines(f"{run_uri}/prepared/pending.jsonl", pending)
    plan = {"version": 1, "waves": waves, "shards": told, "settings": {}}
    files.write_text(f"{run_uri}/prepared/plan.json", json.dumps(plan))
    return keys


def write_lines(uri: str, lines: Sequence[Mapping[str, Any]]) -> None:
    files.write_text(uri, "".join(json.dumps(line) + "\n" for line in lines))


def read_lines(uri: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files.read_text(uri).splitlines()]


@dataclass
class Run:
    """One run in the emulator, predicted again and again."""

    emulator: Emulator
    vertex_url: str
    jobs_folder: Path
    uri: str
    clock: StoryClock = field(default_factory=StoryClock)
    lines: list[str] = field(default_factory=list)

    def prepare(self, *texts: str, **more: Any) -> dict[str, str]:
        return prepare(self.uri, {"w000-00000.jsonl": [request_of(t) for t in texts]}, **more)

    def predict(
        self,
        *,
        run_uri: str = "",
        staging: str = "",
        max_failed_ratio: float = 1.0,
        **settings: Any,
    ) -> Summary:
        return predict_run(
            run_uri or self.uri,
            project="local-project",
            location="us-central1",
            staging_uri=staging,
            settings=Settings(**settings),
            max_failed_ratio=max_failed_ratio,
            clock=self.clock,
            say=self.lines.append,
        )

    def ledger(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(files.read_text(f"{self.uri}/predictions.json"))
        return told

    def jobs(self) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = self.ledger()["jobs"]
        return jobs

    def decisions(self, wave: int = 0, attempt: int = 1) -> dict[str, dict[str, Any]]:
        uri = f"{self.uri}/prepared/decisions/w{wave:03d}-a{attempt}.jsonl"
        return {line["key"]: line for line in read_lines(uri)}

    def held(self) -> list[dict[str, Any]]:
        """All jobs that the stand-in holds, by its own files."""
        return [json.loads(path.read_text()) for path in self.jobs_folder.rglob("*.json")]

    def made(self) -> int:
        """Calls that create a job."""
        return self.emulator.faults.calls().get("vertex.CreateBatchPredictionJob", 0)

    def scenario(self, kind: str, **fields: Any) -> None:
        """Let something go wrong."""
        self._post("prediction_scenarios", {"kind": kind, **fields})

    def answer(self, match: str, **answer: Any) -> None:
        """Script the answer to prompts that hold these words."""
        self._post("model", {"rules": [{"match": match, "answer": answer}]})

    def _post(self, what: str, told: Mapping[str, Any]) -> None:
        url = f"{self.vertex_url}/_emulator/{what}"
        body = json.dumps(told).encode()
        with urllib.request.urlopen(urllib.request.Request(url, body)) as answer:
            assert answer.status == 200


@pytest.fixture
def vertex_url(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A stand-in of Vertex AI that has batch predictions over the emulator's buckets."""
    running = serve(vertex.service(tmp_path / "jobs", "p", emulator.faults, emulator.store))
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", running.url)
    yield running.url
    running.stop()


@pytest.fixture
def run(emulator: Emulator, vertex_url: str, tmp_path: Path) -> Run:
    return Run(emulator, vertex_url, tmp_path / "jobs", f"{BUCKET}/runs/pipeline/one")
