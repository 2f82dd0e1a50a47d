"""What survives the end of the emulator: a folder a job, with its form and a line a change.

Lines are appended without fsync: a crash of the machine may lose the last of them, a crash of the
emulator loses none. A torn last line is cut off.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


class Journal:
    """The file of one job; opened at the first line, closed when the job has ended."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "journal.jsonl"
        self._file = -1

    def add(self, *fields: object) -> None:
        """Append one change."""
        if self._file < 0:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o600)
        os.write(self._file, json.dumps(fields, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Release the file; a later line opens it again."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def lines(self) -> Iterator[list[Any]]:
        """The changes so far; cuts off a line that a crash has torn."""
        if not self._path.exists():
            return
        good = 0
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    log.warning("%s ends in a torn line, which is dropped", self._path)
                    break
                good += len(line)
                yield json.loads(line)
        if good < self._path.stat().st_size:
            os.truncate(self._path, good)


def write_once(path: Path, data: object) -> None:
    """Write a JSON file that is there whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    draft.replace(path)
