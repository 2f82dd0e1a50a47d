"""Where a pasted script ends and the person's own words go on."""

from __future__ import annotations

import re
from itertools import islice

from components.parse_intent.offline.commands import LINE_CUT, PROSE_AFTER, STOP
from components.parse_intent.offline.pasted.shell_words import Word, shell_words
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import ENGLISH_PROGRAMS, KEYWORDS, PROGRAMS, words

SHELL_WORDS = frozenset(
    words(
        """
        if then else elif fi for while until do done case esac function cd export source set unset
        echo module srun mpirun mpiexec conda micromamba spack singularity apptainer ulimit read
        eval exec trap wait exit return local declare date hostname time nproc printf true pwd env
        let shift alias umask sleep ml stdbuf numactl
        """
    )
)
# A line that only a shell would say.
SHELL_SIGN = Pattern(
    r"\$[\w({]|^\s*[\w.-]+=\S|\s--?[A-Za-z][\w-]*|\s[|>&]{1,2}\s|&&|;\s*(?:then|do)\b|\\\s*$"
    r"|^\s*(?:\.{1,2}|~)?/[\w./-]+(?:\s|$)|^\s*[)}\]]|[({]\s*$|^\s*@|\*\.|;\s*$|\w\(|\s[-+*/]?=\s"
)
HEREDOC = Pattern(r"<<-?\s?[\"']?(\w+)[\"']?")
LETTER = Pattern(
    r"\s*(?:dear|hi|hello|thanks|thank you|cheers|best|kind|regards|please|can|could|would|we|i"
    r"|i'm|it|that|this|the|and|but|also|note|ps|p\.s\.|any|so|as|on|in|needs?|should|must|turn"
    r"|port|convert|use|give|run|put|make it|\^)\b",
    re.IGNORECASE,
)
WORD = Pattern(r"[A-Za-z][A-Za-z']*")
MAX_LINES = 3_000


def is_prose(line: str, after_blank: bool = False) -> bool:
    """Whether a line reads as a person's words, not as a shell's; likelier behind an empty line."""
    text = line.strip()
    if not text or text.startswith("#"):
        return False
    if text.startswith("^"):
        return True
    found = [w.lower() for w in WORD.findall(text[:400])]
    first = text.split(None, 1)[0]
    plain = sum(1 for word in found if word in STOP)
    letter = LETTER.match(text) is not None
    if first in SHELL_WORDS or (first in PROGRAMS and first not in ENGLISH_PROGRAMS):
        return False
    signs = len(SHELL_SIGN.findall(text[:400]))
    if re.match(r"(?:\.{1,2}|~)?/\S+|[\w.-]+=", text):
        # A path may begin a sentence: "/sw is an NFS share, ...".
        second = found[len(WORD.findall(first)) :][:1]
        return bool(second) and second[0] in STOP and plain >= 1 and " -" not in text
    if letter and signs == 0:
        return True
    if text[0].isupper() and plain >= 1 and signs <= 1:
        return True
    told = plain + sum(1 for word in found if word in KEYWORDS and word not in STOP)
    if signs == 0 and told >= (1 if after_blank and len(found) > 2 else 2):
        return True
    return plain >= 2 and plain > 2 * signs and plain * 7 >= len(found)


def script_end(text: str, start: int) -> int:
    """The end of a script that starts here: the last line before the person speaks again."""
    end = pos = start
    heredoc = ""
    blank = False
    for _ in range(MAX_LINES):
        stop = text.find("\n", pos)
        stop = len(text) if stop < 0 else stop
        line = text[pos:stop]
        if heredoc:
            heredoc = "" if line.strip() == heredoc else heredoc
        elif line.strip().startswith("```") or is_prose(line, blank):
            break
        else:
            opened = HEREDOC.search(line)
            heredoc = opened[1] if opened else ""
        blank = not line.strip()
        if not blank:
            end = stop
        if stop >= len(text):
            break
        pos = stop + 1
    return end


def cut_prose(text: str, line: list[Word], end: int) -> int:
    """The end of a command on a line that goes on with a person's words; `end` where none do.

    As in "docker run IMAGE cmd, 10 tasks on spot"; what stands in quotes is never cut.
    """
    for match in islice(_cuts(text, line[0].start if line else end, end), 20):
        at = match.start()
        if not any(word.start < at < word.end - 1 for word in line):
            return at
    return end


def _cuts(text: str, start: int, end: int) -> list[re.Match[str]]:
    found = [m for pattern in (LINE_CUT, PROSE_AFTER) for m in pattern.finditer(text, start, end)]
    return sorted(found, key=lambda match: match.start())


def command_end(text: str, start: int, ticked: bool) -> int:
    """The end of a command line whose options begin here; backticks around it bound it."""
    close = text.find("`", start) if ticked else -1
    limit = close if close >= 0 else len(text)
    line, end = shell_words(text[:limit], start)
    return end if ticked else cut_prose(text, line, end)
