"""What the last lines of a failed task are taken for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.batch.last_lines import sign_in, sign_of
from components.tables.text import one_line

KNOWN = [
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "gpu_memory", ""),
    ("MemoryError", "memory", "out of memory"),
    ("numpy.core._exceptions._ArrayMemoryError: Unable to allocate 8 GiB", "program", ""),
    ("Exception in thread main java.lang.OutOfMemoryError: Java heap space", "memory", ""),
    ("/tmp/run.sh: line 3:    12 Killed                  ./solve", "memory", "killed"),
    ("Killed", "memory", "killed"),
    ("tar: out.tgz: Cannot write: No space left on device", "disk", "disk was full"),
    ("exec /usr/bin/tool: exec format error", "processor", ""),
    ("docker: Error response from daemon: manifest for x/y:v9 not found: manifest unknown", "image",
     "could not be pulled"),
    ("Error response from daemon: pull access denied for acme/tool, repository does not exist",
     "image", "image acme/tool could"),
    ("toomanyrequests: You have reached your pull rate limit.", "image", "Docker Hub"),
    ("RuntimeError: Found no NVIDIA driver on your system.", "gpu", "no GPU"),
    ("ModuleNotFoundError: No module named 'pandas'", "module", "the module pandas is"),
    ('exec: "python": executable file not found in $PATH: unknown', "command", "program python"),
    ("bash: line 1: samtools: command not found", "command", "the command samtools was"),
    ("/tmp/x: 2: foo: not found", "command", "the command foo was"),
    ("run.sh: 3: [[: not found", "script", "bash"),
    ('Syntax error: "(" unexpected', "script", "bash"),
    ("run.sh: line 4: INPUT: unbound variable", "script", "variable INPUT"),
    ("job@p.iam.gserviceaccount.com does not have storage.objects.get access to the object.",
     "permission", "permission storage.objects.get"),
    ("AccessDeniedException: 403 HttpError", "permission", ""),
    ("curl: (6) Could not resolve host: example.org", "network", "example.org"),
    ("mkdir: cannot create directory '/opt/x': Read-only file system", "file", "only be read"),
    ("/bin/sh: ./run.sh: Permission denied", "permission", "./run.sh"),
    ("cat: /mnt/disks/in/a.csv: No such file or directory", "file", "/mnt/disks/in/a.csv"),
    ("FileNotFoundError: [Errno 2] No such file or directory: 'a.csv'", "file", "no file a.csv"),
    ("google.api_core.exceptions.TooManyRequests: 429 Too Many Requests", "rate", ""),
    ("ValueError: bad shard", "program", ""),
    ("panic: runtime error: index out of range", "program", ""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "kind", "cause"), KNOWN, ids=[line[:30] for line, *_ in KNOWN])
def test_a_line_is_taken_for_what_it_is(line: str, kind: str, cause: str) -> None:
    sign = sign_of(line)
    assert sign is not None
    assert (sign.kind, cause in sign.cause) == (kind, True), sign
    assert sign.remedy.endswith(".")
    assert "\\" not in sign.cause


@pytest.mark.parametrize(
    "line",
    [
        "",
        "done",
        "shard 7 of 9",
        "INFO memory: 512 MiB in use",
        "Could not find cuda drivers on your machine, GPU will not be used.",
        "processed 127 errors",
        "no errors found",
    ],
)
def test_a_line_that_tells_nothing(line: str) -> None:
    assert sign_of(line) is None


def test_the_last_line_that_tells_counts_but_not_before_what_is_known() -> None:
    tail = "cat: in: No such file or directory\nretrying\nbash: x: command not found\nbye"
    assert sign_in(tail).cause == "the command x was not found"  # type: ignore[union-attr]
    tail = "OSError: [Errno 28] No space left on device\nERROR: the pipeline broke\n"
    assert sign_in(tail).kind == "disk"  # type: ignore[union-attr]
    assert sign_in("ValueError: a\nRuntimeError: b").line == "RuntimeError: b"  # type: ignore[union-attr]


def test_hostile_lines_stay_one_short_visible_line() -> None:
    sign = sign_of("ValueError: \x1b]0;owned\x07" + "a" * 5000)
    assert sign is not None
    assert sign.line.isprintable()
    assert len(sign.line) <= 200


@given(st.text(max_size=300), st.sampled_from([line for line, *_ in KNOWN]))
def test_any_text_around_is_no_crash(text: str, line: str) -> None:
    for tail in (text, text + line, line + text, f"{text}\n{line}"):
        sign = sign_in(tail)
        assert sign is None or sign.line == one_line(sign.line)
