"""The payload of a task, changed so that it sees the index that its task had in the first job.

One line of POSIX shell does it: it exports BATCH_TASK_INDEX and BATCH_TASK_COUNT anew. The table of
kinds of payload, and how each gets that line:

    script.text for a shell                   behind the `#!` line, or as the first line
    script.text for another interpreter       a shell script that writes it to a file and runs it
    script.path                               a shell script that runs it as the agent would
    container that runs `sh -c LINE`          in front of LINE
    container with an entrypoint in the job   /bin/sh -c 'export ...; exec "$0" "$@"' in front of it
    container with the image's entrypoint     refused, unless a person says what the image starts
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.batch.rerun_marks import COUNT, INDEX
from components.errors import InputError

NO_ENTRYPOINT = "none"
MOUNT = "/mnt/disks/intent2batch-rerun"
MANIFEST_FILE = "indexes.txt"

_SET = f'export BATCH_TASK_INDEX="${INDEX}" BATCH_TASK_COUNT="${COUNT}"'
_READ = (
    f'{INDEX}=$(sed -n "$((BATCH_TASK_INDEX + 1))p" {MOUNT}/{MANIFEST_FILE}) && [ -n "${INDEX}" ]'
    f' || {{ echo "the index of this task cannot be read from {MOUNT}" >&2; exit 66; }}; '
)
_SHELLS = "sh|bash|dash|ash|ksh|mksh|zsh"
_FOR_SHELL = re.compile(rf"#!\s*(?:\S*/env\s+(?:-\S+\s+)*)?(?:\S*/)?(?:{_SHELLS})(?:[ \t]|$)")
_IS_SHELL = re.compile(rf"(?:\S*/)?(?:{_SHELLS})\Z")
_EXEC = 'exec "$0" "$@"'


@dataclass(frozen=True)
class Choices:
    """What a person says of payloads that the job itself does not tell.

    Attributes:
        entrypoint: the program that images without an entrypoint in the job start; `none`: they
            have none, and the first of the commands is the program; empty: not said.
        index_unused: the payload does not use BATCH_TASK_INDEX, so it may stay as it is.
    """

    entrypoint: str = ""
    index_unused: bool = False


def export_line(*, from_manifest: bool) -> str:
    """The line of shell that puts the first job's index in place."""
    return f"{_READ if from_manifest else ''}{_SET}"


def with_index(
    runnables: Sequence[Mapping[str, Any]], line: str, choices: Choices
) -> list[dict[str, Any]]:
    """The runnables, each with the index of the first job.

    Args:
        runnables: JSON data in camelCase.
        line: see `export_line`.
        choices: what a person says of images.

    Raises:
        InputError: one cannot be given the index; the text says why and what to do.
    """
    done = []
    for number, runnable in enumerate(runnables):
        changed = dict(runnable)
        if "barrier" in changed:
            raise InputError(
                f"Step {number} is a barrier: tasks that wait for each other cannot run without "
                "those that succeeded",
                fix="Run the whole job again.",
            )
        if choices.index_unused:
            pass
        elif "script" in changed:
            changed["script"] = _script(changed["script"], line)
        elif "container" in changed:
            changed["container"] = _container(changed["container"], line, choices, number)
        done.append(changed)
    return done


# --- scripts --------------------------------------------------------------------------------------


def _script(script: Mapping[str, Any], line: str) -> dict[str, Any]:
    if "path" in script:
        return {"text": _run_file(str(script["path"]), line)}
    text = str(script.get("text", ""))
    first, newline, rest = text.partition("\n")
    if not first.startswith("#!"):
        return {"text": f"{line}\n{text}"}
    if _FOR_SHELL.match(first):
        return {"text": f"{first}\n{line}\n{rest if newline else ''}"}
    return {"text": _run_text(text, line)}


def _run_text(text: str, line: str) -> str:
    """A script for another interpreter, started as by the kernel: program, one argument, file."""
    words = text.partition("\n")[0][2:].strip().split(None, 1)
    if not words:
        return f"{line}\n{text}"
    end = f"INTENT2BATCH_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    # Where a line begins as the mark does and goes on beyond ASCII, dash 0.5.12 loses a byte.
    body = "".join(f"|{one}\n" for one in text.removesuffix("\n").split("\n"))
    return (
        f"#!/bin/sh\n{line}\n"
        "file=$(mktemp) || exit 1\n"
        f"sed 's/^|//' > \"$file\" <<'{end}' || exit 1\n{body}{end}\n"
        f'exec {shlex.join(words)} "$file"\n'
    )


def _run_file(path: str, line: str) -> str:
    """A file on a volume, which may lack the right to run: its interpreter reads it."""
    return (
        f"#!/bin/sh\n{line}\n"
        f"file={shlex.quote(path)}\n"
        'IFS= read -r first < "$file" || [ -n "$first" ] || exit 127\n'
        "set -f\n"
        "case $first in\n"
        '"#!"*) set -- ${first#??}; exec "$@" "$file" ;;\n'
        "esac\n"
        'exec /bin/sh "$file"\n'
    )


# --- containers -----------------------------------------------------------------------------------


def _container(
    container: Mapping[str, Any], line: str, choices: Choices, number: int
) -> dict[str, Any]:
    entrypoint = str(container.get("entrypoint", ""))
    commands = [str(word) for word in container.get("commands", ())]
    words = [entrypoint, *commands] if entrypoint else commands
    place = _shell_line(words)
    if place is not None:
        words[place] = f"{line}\n{words[place]}"
        changed = {"entrypoint": words[0], "commands": words[1:]} if entrypoint else {
            "commands": words
        }  # fmt: skip
        return {**container, **changed}
    program = _program(container, entrypoint, commands, choices, number)
    return {
        **container,
        "entrypoint": "/bin/sh",
        "commands": ["-c", f"{line}\n{_EXEC}", *program],
    }


def _program(
    container: Mapping[str, Any],
    entrypoint: str,
    commands: list[str],
    choices: Choices,
    number: int,
) -> list[str]:
    """The whole command line that the container runs, as far as it is known."""
    if re.search(r"(?:^|\s)--entrypoint[= ]", str(container.get("options", ""))):
        raise _unknown(container, number, "its options set an entrypoint")
    if entrypoint:
        return [entrypoint, *commands]
    if choices.entrypoint == NO_ENTRYPOINT and commands:
        return commands
    if choices.entrypoint and choices.entrypoint != NO_ENTRYPOINT:
        return [choices.entrypoint, *commands]
    raise _unknown(container, number, "only its image says what it starts")


def _unknown(container: Mapping[str, Any], number: int, why: str) -> InputError:
    return InputError(
        f"Step {number} ({container.get('imageUri', 'a container')}) cannot be told which tasks it "
        f"is for: {why}",
        fix="Say what the image starts with --entrypoint PROGRAM (`docker image inspect` shows it; "
        "`none` where it has none), or --index-unused if it does not use BATCH_TASK_INDEX.",
    )


def _shell_line(words: Sequence[str]) -> int | None:
    """Where the command line of `sh -c LINE` stands among the words; None where it is no such."""
    if not words or not _IS_SHELL.match(words[0]):
        return None
    at, found = 1, False
    while at < len(words) and words[at][:1] in ("-", "+") and len(words[at]) > 1:
        word = words[at]
        at += 1
        if word == "--":
            break
        if word.startswith("--"):
            continue
        found = found or (word[0] == "-" and "c" in word)
        at += word[1:].lower().endswith("o")  # takes the name of an option behind it
    return at if found and at < len(words) else None
