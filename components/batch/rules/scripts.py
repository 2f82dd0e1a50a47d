"""Rules of script runnables: what is run, and by which shell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.batch.bash import bash_word
from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.rule import Problem, RuleSet, shown
from components.batch.rules.view import JobView

RULES = RuleSet()

_MOST_LOOKED_AT = 100_000


@RULES.rule("SCRIPT_ONEOF", "error", "P")
def script_given(view: JobView) -> Iterator[Problem]:
    """A script has a text or a path."""
    for path, script in view.scripts_at():
        if not script.get("text", "").strip() and not script.get("path"):
            yield Problem(path, "the script is empty", "give its text, or the path of a file")


@RULES.rule("SCRIPT_SHELL", "warning", "P")
def bash_under_sh(view: JobView) -> Iterator[Problem]:
    """Bash words in a script that /bin/sh runs."""
    for path, script in view.scripts_at():
        text = script.get("text", "")[:_MOST_LOOKED_AT]
        if text.startswith("#!"):
            continue
        found = bash_word(text)
        if found:
            yield Problem(
                (*path, "text"),
                f"{found} is bash, but without a first line #! the script is run by /bin/sh",
                "put #!/bin/bash on the first line",
            )


@RULES.rule("SCRIPT_SHEBANG_POS", "warning", "P")
def shebang_place(view: JobView) -> Iterator[Problem]:
    """#! counts only at the very start."""
    for path, script in view.scripts_at():
        text = script.get("text", "")[:_MOST_LOOKED_AT]
        if not text.startswith("#!") and re.match(r"(?:[ \t]*\r?\n)*[ \t]*#![ \t]*/", text):
            yield Problem(
                (*path, "text"),
                "the #! line is not the very first line, so /bin/sh runs the script",
                "remove what stands before it",
            )


@RULES.rule("SCRIPT_ERREXIT", "hint", "use")
def last_command_counts(view: JobView) -> Iterator[Problem]:
    """Without set -e only the last command decides."""
    for path, script in view.scripts_at():
        text = script.get("text", "")[:_MOST_LOOKED_AT]
        lines = [line.strip() for line in text.splitlines()]
        commands = [line for line in lines if line and not line.startswith("#")]
        if len(commands) > 2 and not re.search(r"\bset\s+-[a-zA-Z]*e|-o\s+errexit", text):
            if text.startswith("#!") and "sh" not in text.split("\n", 1)[0]:
                continue
            yield Problem(
                (*path, "text"),
                "only the last command decides whether the script failed",
                "put set -e before the first command",
            )


@RULES.rule("SCRIPT_PATH", "warning", "P")
def script_path(view: JobView) -> Iterator[Problem]:
    """A script file must be on the VM."""
    for path, script in view.scripts_at():
        file = script.get("path", "")
        if not file or placeholder_in(file):
            continue
        if not file.startswith("/"):
            yield Problem((*path, "path"), f"{shown(file)} is no absolute path", "start it with /")
        elif not _has_own_image(view) and not view.is_mounted(file):
            yield Problem(
                (*path, "path"),
                f"{shown(file)} is under no mounted volume, and Batch's own images do not have it",
                "mount the bucket or disk that holds it, or write the script as text",
            )


def _has_own_image(view: JobView) -> bool:
    return bool(view.template) or "/" in view.boot_disk.get("image", "")
