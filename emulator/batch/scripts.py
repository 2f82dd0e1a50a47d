"""Which program runs a script: the one that its first line names, otherwise /bin/sh.

The interpreter is started with the script as its argument, as the kernel would do it: a script in
a bucket is not executable, and a file that was just written cannot always be executed (ETXTBSY,
when another thread starts a program meanwhile).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_LONGEST_FIRST_LINE = 4096


def interpreter(start: bytes) -> list[str]:
    """The program and, at most, one argument, from the first bytes of a script."""
    first, _, _ = start.partition(b"\n")
    if not first.startswith(b"#!"):
        return ["/bin/sh"]
    parts = [os.fsdecode(part) for part in first[2:].strip(b" \t").split(None, 1)]
    if parts and "/" not in parts[0]:
        parts[0] = f"./{parts[0]}"  # the kernel does not search for it
    return parts or ["/bin/sh"]


def interpreter_of(path: Path) -> list[str] | None:
    """The same for a file; None where there is none that can be read."""
    try:
        # A pipe must not make us wait for a writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return interpreter(file.read(_LONGEST_FIRST_LINE))
    except OSError:
        return None


def write_scripts(folder: Path, texts: Sequence[str | None]) -> list[Path | None]:
    """Write the texts of a job's scripts, once for all its tasks."""
    folder.mkdir(exist_ok=True)
    paths: list[Path | None] = []
    for index, text in enumerate(texts):
        path = folder / f"runnable-{index}" if text is not None else None
        if path and text is not None:
            path.write_text(text, encoding="utf-8", newline="")
            path.chmod(0o700)
        paths.append(path)
    return paths
