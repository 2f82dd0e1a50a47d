"""The steps of a draft as Batch runnables: scripts, containers, barriers."""

from __future__ import annotations

import re
import shlex
from typing import Any

from components.batch.bash import bash_word
from components.batch.durations import written
from components.parse_intent.draft import Draft, Step
from components.parse_intent.notes import Notes

SHELL_SYNTAX = re.compile(r"[$|&;<>*`]|\|\|")


def runnables(draft: Draft, path: str, notes: Notes) -> list[dict[str, Any]]:
    """Each step as a runnable, in order."""
    return [_runnable(step, f"{path}[{i}]", notes) for i, step in enumerate(draft.steps)]


def _runnable(step: Step, path: str, notes: Notes) -> dict[str, Any]:
    runnable: dict[str, Any] = {}
    if step.name is not None and step.kind != "barrier":
        runnable["displayName"] = step.name.value
        notes.said(f"{path}.displayName", step.name.value, step.name.quote)
    if step.kind == "barrier":
        runnable["barrier"] = {"name": step.name.value} if step.name else {}
        if step.name:
            notes.said(f"{path}.barrier.name", step.name.value, step.name.quote)
    elif step.kind == "container":
        runnable["container"] = _container(step, f"{path}.container", notes)
    else:
        runnable["script"] = _script(step, f"{path}.script", notes)
    _modifiers(step, runnable, path, notes)
    return runnable


def _modifiers(step: Step, runnable: dict[str, Any], path: str, notes: Notes) -> None:
    if step.env:
        runnable["environment"] = {"variables": {pair.name: pair.value for pair in step.env}}
        for pair in step.env:
            notes.said(f"{path}.environment.variables.{pair.name}", pair.value, pair.quote)
    if step.timeout_s is not None:
        runnable["timeout"] = written(step.timeout_s.value)
        notes.said(f"{path}.timeout", runnable["timeout"], step.timeout_s.quote)
    for key, asked in (
        ("background", step.background),
        ("alwaysRun", step.always_run),
        ("ignoreExitStatus", step.ignore_exit_status),
    ):
        if asked is not None:
            runnable[key] = asked.value
            notes.said(f"{path}.{key}", asked.value, asked.quote)


def _script(step: Step, path: str, notes: Notes) -> dict[str, Any]:
    if step.path is not None and step.text is None:
        notes.said(f"{path}.path", step.path.value, step.path.quote)
        return {"path": step.path.value}
    text = step.text.value if step.text is not None else ""
    notes.said(f"{path}.text", text, step.text.quote if step.text is not None else "")
    if step.workdir is not None:
        text = _in_directory(text, step.workdir.value)
        notes.said(f"{path}.text", f"cd {step.workdir.value}", step.workdir.quote)
    if step.main_node_only is not None and step.main_node_only.value:
        text = _on_first_task(text)
        notes.said(f"{path}.text", "only on task 0", step.main_node_only.quote)
    if not text.startswith("#!") and bash_word(text):
        text = f"#!/bin/bash\n{text}"
        notes.assumed(f"{path}.text", "#!/bin/bash", "the script uses bash syntax, sh is default")
    return {"text": text}


def _split_shebang(text: str) -> tuple[str, str]:
    if text.startswith("#!"):
        first, _, rest = text.partition("\n")
        return first + "\n", rest
    return "", text


def _in_directory(text: str, directory: str) -> str:
    shebang, rest = _split_shebang(text)
    return f"{shebang}cd {shlex.quote(directory)} || exit 1\n{rest}"


def _on_first_task(text: str) -> str:
    """Only task 0 does it; with one task a VM that is the first node."""
    shebang, rest = _split_shebang(text)
    return f'{shebang}if [ "${{BATCH_TASK_INDEX}}" -eq 0 ]; then\n{rest.rstrip()}\nfi\n'


def _container(step: Step, path: str, notes: Notes) -> dict[str, Any]:
    container: dict[str, Any] = {"imageUri": step.image.value if step.image else ""}
    notes.said(f"{path}.imageUri", container["imageUri"], step.image.quote if step.image else "")
    _command(step, container, path, notes)
    if step.volumes:
        container["volumes"] = [bind.value for bind in step.volumes]
        for i, bind in enumerate(step.volumes):
            notes.said(f"{path}.volumes[{i}]", bind.value, bind.quote)
    for key, asked in (
        ("options", step.options),
        ("username", step.username),
        ("password", step.password),
        ("blockExternalNetwork", step.block_external_network),
        ("enableImageStreaming", step.image_streaming),
    ):
        if asked is not None:
            container[key] = asked.value
            notes.said(f"{path}.{key}", asked.value, asked.quote)
    if step.workdir is not None:
        given = container.get("options", "")
        container["options"] = f"{given} --workdir {shlex.quote(step.workdir.value)}".strip()
        notes.said(f"{path}.options", container["options"], step.workdir.quote)
    return container


def _command(step: Step, container: dict[str, Any], path: str, notes: Notes) -> None:
    if step.entrypoint is not None:
        container["entrypoint"] = step.entrypoint.value
        notes.said(f"{path}.entrypoint", step.entrypoint.value, step.entrypoint.quote)
    if step.commands is not None:
        container["commands"] = list(step.commands.value)
        notes.said(f"{path}.commands", container["commands"], step.commands.quote)
    elif step.text is not None:
        text = step.text.value
        words = split_words(text)
        if step.entrypoint is None and (SHELL_SYNTAX.search(text) or "\n" in text or not words):
            # docker passes arguments as they are: variables and pipes need a shell
            shell = "/bin/bash" if bash_word(text) else "/bin/sh"
            container["entrypoint"] = shell
            container["commands"] = ["-c", text]
            notes.assumed(f"{path}.entrypoint", shell, "the command needs a shell to expand it")
        else:
            container["commands"] = words or [text]
        notes.said(f"{path}.commands", container["commands"], step.text.quote)


def split_words(text: str) -> list[str]:
    """A command line as arguments, as a shell would split it; [] where quotes do not match."""
    try:
        return shlex.split(text)
    except ValueError:
        return []
