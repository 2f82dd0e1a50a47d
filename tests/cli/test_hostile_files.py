"""Files of strangers through the real command: no code runs, nothing explodes, each is told."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("intent2batch"))
MOST_MEMORY = 2 << 30

TEN = "[" + ",".join(["*{}"] * 10) + "]"


def laughs() -> str:
    """Ten values, ten times ten, and so on: a thousand million when written out."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} {TEN.replace('{}', f'a{n - 1}')}" for n in range(1, 10)]
    return "\n".join(lines)


def hostile(marker: Path) -> dict[str, bytes]:
    """Files by name; those that could run something would leave the marker."""
    run = f'!!python/object/apply:os.system ["touch {marker}"]'
    texts = {
        "brackets.json": "[" * 200_000,
        "objects.json": '{"a":' * 100_000,
        "closed.json": '{"a":' * 2_000 + "1" + "}" * 2_000,
        "brackets.yaml": "a: " + "[" * 200_000,
        "dashes.yaml": "- " * 50_000 + "a\n",
        "blocks.yaml": "".join(" " * n + "a:\n" for n in range(1_500)),
        "questions.yaml": "? " * 50_000 + "a\n",
        "laughs.yaml": laughs(),
        "itself.yaml": "a: &a [*a]\n",
        "merges.yaml": "a: &a {x: 1}\n" + "b: &b\n  <<: [*a, *a, *a]\n" * 3,
        "command.yaml": f"taskGroups: {run}\n",
        "command2.yaml": run,
        "command.json": '{"taskGroups": ' + run + "}",
        "binary.yaml": "a: !!binary aGVsbG8=\n",
        "digits.json": '{"priority": ' + "9" * 200_000 + "}",
        "digits.yaml": "priority: " + "9" * 200_000 + "\n",
        "base60.yaml": "priority: " + ":".join(["59"] * 20_000) + "\n",
        "hex.yaml": "priority: 0x" + "f" * 100_000 + "\n",
        "exponent.json": '{"priority": 1e999999}',
        "nan.json": '{"priority": NaN}',
        "twice.json": "{" + ", ".join(['"taskGroups": []'] * 20_000) + "}",
        "twice.yaml": "taskGroups: []\n" * 20_000,
        "nul.json": '{"labels": {"a": "\0"}}',
        "escaped.json": '{"labels": {"a": "\\u0000", "\\ud800": "x"}}',
        "large.json": '{"labels": {"a": "' + "x" * 10_000_000 + '"}}',
        "quotes.json": '{"a": ' + '"' * 100_000,
        "commas.json": "{" + "," * 300_000,
        "comments.json": "{" + "/*" * 100_000,
        "fences.md": "```\n" * 50_000,
        "words.json": '{"a": [' + "SPOT, " * 20_000 + "SPOT]}",
        "breaks.json": '{"a": ["' + '\n", "' * 10_000 + '"]}',
        "names.json": "{" + ", ".join(f'"u{n}": 1' for n in range(10_000)) + "}",
        "labels.yaml": "labels:\n" + "".join(f"  K{n}: v\n" for n in range(3_000)),
        "moves.json": json.dumps(
            {"taskGroups": [{"taskSpec": {"runnables": [{"maxRetryCount": 1}] * 500}}]}
        ),
        "blanks.json": " " * 1_000_000,
        "lines.yaml": "\n" * 1_000_000,
    }
    files = {name: text.encode("utf-8", "surrogatepass") for name, text in texts.items()}
    return files | {
        "random.json": bytes(range(256)) * 1_000,
        "latin1.json": b'{"a": "\xe9"}',
        "utf32.json": "{}".encode("utf-32"),
    }


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


@pytest.mark.parametrize("words", [("--format", "json"), ("--format", "json", "--fix")])
def test_every_hostile_file_is_told_and_none_does_anything(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    marker = tmp_path / "ran"
    for name, data in hostile(marker).items():
        (tmp_path / name).write_bytes(data)
    files = sorted(str(file) for file in tmp_path.iterdir())

    ended = subprocess.run(
        [COMMAND, "validate", *files, *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=limited,
    )

    assert "Traceback" not in ended.stderr
    assert ended.returncode == 1
    errors = [f for f in json.loads(ended.stdout) if f["severity"] == "error"]
    assert {f["file"] for f in errors} == set(files)
    assert all(f["message"] and f["line"] >= 1 and f["column"] >= 1 for f in errors)
    assert not marker.exists()
