"""Run folders that tests prepare and read back."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from components.prepare_requests.plan import Plan
from components.prepare_requests.prepare import prepare
from components.prepare_requests.settings import settings_from

SHARED = Path(__file__).parents[3] / "shared" / "gemini_jsonl"


TODAY = datetime.date(2026, 11, 21)


class Prepared:
    """A run folder, read back."""

    def __init__(self, folder: Path, source: bytes | str, name: str, given: dict[str, Any]) -> None:
        file = folder / name
        file.write_bytes(source.encode() if isinstance(source, str) else source)
        self.plan: Plan = prepare(
            [str(file)], str(folder / "run"), settings_from(given, {}), today=TODAY
        )
        base = folder / "run" / "prepared"
        self.manifest = read_lines(base / "manifest.jsonl")
        self.pending = read_lines(base / "pending.jsonl")
        self.requests = {
            shard.name: read_lines(base / "shards" / shard.name) for shard in self.plan.shards
        }
        self.saved = json.loads((base / "plan.json").read_text())

    def reasons(self) -> list[str]:
        return [line["reason"] for line in self.manifest]

    def texts(self) -> list[str]:
        return [
            line["request"]["contents"][-1]["parts"][-1]["text"]
            for lines in self.requests.values()
            for line in lines
        ]


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def csv(tmp_path: Path, source: bytes | str, **given: Any) -> Prepared:
    return Prepared(tmp_path, source, "rows.csv", given)


def jsonl(tmp_path: Path, *rows: dict[str, Any], **given: Any) -> Prepared:
    source = "".join(json.dumps(row) + "\n" for row in rows)
    return Prepared(tmp_path, source, "rows.jsonl", given)
