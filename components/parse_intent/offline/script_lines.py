"""How far a script goes that stands among the words without a fence around it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from components.parse_intent.offline.commands import STOP, starts_command
from components.parse_intent.offline.normal import FILL
from components.parse_intent.offline.pattern import Pattern

SHELL_LINE = Pattern(
    r"[ \t]+\S|(?:#|set -|export |for |while |until |if |then\b|else\b|elif |fi\b|do\b|done\b"
    r"|case |esac\b|source |\. |exit\b|\}|\)|wait\b|[A-Za-z_]\w*=[^\s=]*(?:$|[\"'$]))",
)
# Lines that open a program in Python and no sentence.
PYTHON_FIRST = Pattern(
    r"(?:import [\w.]+(?: as \w+)?(?:, ?[\w.]+(?: as \w+)?){0,9}"
    r"|from [\w.]+ import [\w.*]+(?:(?:, ?| as )\w+){0,9})[ \t]*$",
    re.MULTILINE,
)
PYTHON_LINE = Pattern(
    r"\w[\w.]*(?:\[[^\]\n]*\])? ?[-+*/|]?= ?\S|[\w.]+\(|(?:def|class|for|while|if|elif|with"
    r"|try|else|except"
    r"|finally|return|assert|raise|print)\b[^\n]*[:)\w]$|@\w"
)
HEREDOC = Pattern(r"<<-?\s*[\"']?(?P<end>[A-Za-z_]\w*)[\"']?")
LISTED = Pattern(r"[ \t]*(?:[-*\u2022]|\(?\d{1,2}[.)])[ \t]")
SETTING = Pattern(r"[A-Za-z][\w -]{1,24}: ")


@dataclass(frozen=True)
class Block:
    """Lines that are one script: their span in the text, their indent and language."""

    start: int
    end: int
    indent: str
    lang: str = ""


def of_script(line: str) -> bool:
    """Whether a line goes on with the script of the lines before it."""
    return SHELL_LINE.match(line) is not None or starts_command(line, 0, strict=False)


def _talks(line: str) -> bool:
    """Whether a line is said to the reader and not to a shell."""
    words = re.findall(r"[^\s,;]+", line)
    if LISTED.match(line) or SETTING.match(line) or re.fullmatch(r"[A-Z][a-z]+,?", words[0]):
        return True
    stops = sum(word.lower() in STOP for word in words)
    return (len(words) > 3 and stops * 3 > len(words)) or line.rstrip().endswith(("!", "?"))


def script_block(
    masked: str, start: int, *, flush: bool = False, labelled: bool = False
) -> Block | None:
    """The script that begins on the line at a place; None where none does.

    Args:
        masked: the turn with earlier payloads hidden.
        start: the start of a line.
        flush: its lines need no indent.
        labelled: words announce it, so that lines of unknown programs belong to it.
    """
    lines: list[str] = []
    at = end = start
    heredoc, python = "", False
    for line in _lines_from(masked, start):
        blank = not line.strip()
        if FILL in line:
            break
        if not lines and blank:
            at = end = end + len(line) + 1
            continue
        if not lines:
            python = PYTHON_FIRST.match(line) is not None
        elif heredoc:
            heredoc = "" if line.strip() == heredoc else heredoc
        elif blank:
            if not _goes_on(masked, end + len(line) + 1, flush, python):
                break
        elif not _belongs(line, lines[-1], masked, end + len(line) + 1, flush, labelled, python):
            break
        opened = HEREDOC.search(line) if not heredoc and not python else None
        heredoc = opened["end"] if opened else heredoc
        lines.append(line)
        end += len(line) + 1
    if not lines or not (python or starts_command(masked, at + _indent(lines[0]), strict=False)):
        return None
    return Block(
        at, min(end, len(masked)), lines[0][: _indent(lines[0])], "python" if python else ""
    )


def _lines_from(text: str, start: int) -> Iterator[str]:
    while start <= len(text):
        stop = text.find("\n", start)
        stop = len(text) if stop < 0 else stop
        yield text[start:stop]
        start = stop + 1


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _belongs(
    line: str, last: str, masked: str, following: int, flush: bool, labelled: bool, python: bool
) -> bool:
    """Whether a line that is not blank is a further one of the script."""
    if line.startswith((" ", "\t")) or last.rstrip().endswith("\\"):
        return True
    if not flush or _talks(line):
        return flush and not LISTED.match(line) and of_script(line)
    if python:
        return PYTHON_LINE.match(line) is not None or PYTHON_FIRST.match(line) is not None
    if of_script(line):
        return True
    after = masked[following:].split("\n", 1)[0]
    return labelled or (bool(after.strip()) and FILL not in after and of_script(after))


def _goes_on(masked: str, following: int, flush: bool, python: bool) -> bool:
    """Whether the script goes on behind a blank line."""
    rest = masked[following : following + 2000].lstrip("\n")
    line = rest.split("\n", 1)[0]
    if not line.strip() or FILL in line:
        return False
    if line.startswith((" ", "\t")):
        return True
    if not flush or _talks(line):
        return False
    if python:
        return PYTHON_LINE.match(line) is not None or PYTHON_FIRST.match(line) is not None
    return of_script(line) and not LISTED.match(line)
