"""Every kind of payload sees the index of the first job: the changed ones are really run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.batch.rerun_marks import COUNT, INDEX
from components.errors import InputError
from components.rounds.payload import MOUNT, Choices, export_line, with_index

LINE = export_line(from_manifest=False)
SAY = 'echo "$BATCH_TASK_INDEX of $BATCH_TASK_COUNT"'
PYTHON = "import os; print(os.environ['BATCH_TASK_INDEX'], 'of', os.environ['BATCH_TASK_COUNT'])"
ENVIRONMENT = {"BATCH_TASK_INDEX": "0", "BATCH_TASK_COUNT": "3", INDEX: "41", COUNT: "90"}


def changed(runnable: dict[str, Any], choices: Choices | None = None) -> dict[str, Any]:
    return with_index([runnable], LINE, choices or Choices())[0]


def run(words: list[str], folder: Path) -> str:
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(folder), **ENVIRONMENT}
    return subprocess.run(
        words, env=environment, cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def run_script(text: str, folder: Path) -> str:
    """Run a script as the kernel would."""
    file = folder / "script"
    file.write_bytes(text.encode())
    first = text.partition("\n")[0]
    words = first[2:].strip().split(None, 1) if first.startswith("#!") else ["/bin/sh"]
    return run([*words, str(file)], folder)


@pytest.mark.parametrize(
    "text",
    [
        SAY,
        f"#!/bin/sh\n{SAY}",
        f"#!/bin/bash -eu\n{SAY}\n[[ $BATCH_TASK_INDEX == 41 ]]",
        f"#!/usr/bin/env bash\nset -euo pipefail\n{SAY}",
        f"#! /usr/bin/env -S bash -e\n{SAY}",
        f"\n#!/bin/bash\n{SAY}",
        f"#!{sys.executable}\n{PYTHON}",
        f"#!{sys.executable} -B\n{PYTHON}\n",
        f"#!{sys.executable}\nit = '''$HOME `x` \\n'''\n{PYTHON}\nassert it[0] == '$'",
        f"#!/usr/bin/env -S {sys.executable} -B\n{PYTHON}",
    ],
)
def test_scripts(text: str, tmp_path: Path) -> None:
    assert run_script(changed({"script": {"text": text}})["script"]["text"], tmp_path) == (
        "41 of 90\n"
    )


@pytest.mark.parametrize(
    "text", [SAY, f"#!/bin/bash\n{SAY}", f"#!{sys.executable} -B\n{PYTHON}", f"#!/bin/sh -e\n{SAY}"]
)
def test_a_file_on_a_volume_needs_no_right_to_run(text: str, tmp_path: Path) -> None:
    file = tmp_path / "it's here; $(touch owned)"
    file.write_text(text)
    file.chmod(0o400)
    script = changed({"script": {"path": str(file)}})["script"]
    assert set(script) == {"text"}
    assert run_script(script["text"], tmp_path) == "41 of 90\n"
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["/bin/sh", "-c", SAY],
        ["sh", "-ec", SAY],
        ["/bin/bash", "-euo", "pipefail", "-c", SAY],
        ["bash", "-c", "--", SAY],
        ["bash", "--norc", "-c", f'{SAY}; [ "$1" = x ]', "name", "x"],
        ["/bin/sh", "-c", f"# a remark\n{SAY}"],
        [sys.executable, "-c", PYTHON],
        [sys.executable, "-c", f"import sys; assert sys.argv[1:] == ['a b', '$x']; {PYTHON}",
         "a b", "$x"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("told", [True, False])
def test_containers(words: list[str], told: bool, tmp_path: Path) -> None:
    container = {"imageUri": "i", "commands": words[1:], "entrypoint": words[0]}
    if not told:  # the image has no entrypoint: the first of the commands is the program
        container = {"imageUri": "i", "commands": words}
    made = changed({"container": container}, Choices("none"))["container"]
    program = [made["entrypoint"]] if "entrypoint" in made else []
    assert run([*program, *made["commands"]], tmp_path) == "41 of 90\n"


def test_the_images_own_program_is_told_by_a_person() -> None:
    container = {"imageUri": "acme/tool:3", "commands": ["--fast"]}
    with pytest.raises(InputError, match=r"Step 0 \(acme/tool:3\).*--entrypoint"):
        changed({"container": container})
    with pytest.raises(InputError, match="only its image"):
        changed({"container": {"imageUri": "i"}}, Choices("none"))
    with pytest.raises(InputError, match="options set an entrypoint"):
        changed({"container": {**container, "options": "--rm --entrypoint x"}}, Choices("y"))
    made = changed({"container": container}, Choices("/app/tool"))["container"]
    assert made["commands"][2:] == ["/app/tool", "--fast"]
    kept = changed({"container": container}, Choices(index_unused=True))
    assert kept == {"container": container}


@pytest.mark.parametrize("choices", [Choices(), Choices(index_unused=True)])
def test_a_barrier_cannot_run_without_the_others(choices: Choices) -> None:
    with pytest.raises(InputError, match="barrier"):
        changed({"barrier": {}}, choices)


def test_what_else_a_step_says_stays() -> None:
    runnable = {"script": {"text": "x"}, "timeout": "5s", "alwaysRun": True}
    assert {**changed(runnable), "script": None} == {**runnable, "script": None}
    container = {"imageUri": "i", "entrypoint": "sh", "commands": ["-c", "x"], "options": "--rm"}
    assert changed({"container": container})["container"]["options"] == "--rm"


def test_the_manifest_is_read_by_the_tasks_place(tmp_path: Path) -> None:
    (tmp_path / "indexes.txt").write_text("7\n9\n41\n")
    line = export_line(from_manifest=True).replace(MOUNT, str(tmp_path))
    made = with_index([{"script": {"text": SAY}}], line, Choices())[0]["script"]["text"]
    environment = {"PATH": os.environ["PATH"], COUNT: "90"}
    for place, told in (("2", "41 of 90\n"), ("0", "7 of 90\n"), ("3", "")):
        ran = subprocess.run(
            ["/bin/sh", "-c", made], env={**environment, "BATCH_TASK_INDEX": place},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (ran.stdout, ran.returncode) == (told, 0 if told else 66)


@settings(max_examples=15)
@example("I\x80")  # of which a here-document of dash makes I\x80 without its first byte
@example("|a\n||\n\n")
@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"), max_size=200))
def test_any_text_reaches_its_interpreter_whole(text: str) -> None:
    script = f"#!/bin/cat\n{text}"
    made = changed({"script": {"text": script}})["script"]["text"]
    ran = subprocess.run(["/bin/sh", "-c", made], capture_output=True, check=True)
    whole = script if script.endswith("\n") else f"{script}\n"
    assert ran.stdout == whole.encode()
