"""Options that stand in a sentence without quotes: "args --page 7", "--seed 3 as arguments"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.parse_intent.offline.commands import STOP
from components.parse_intent.offline.normal import FILL
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import DOCKER_OPTIONS

FIRST = Pattern(r"(?<![^\s(:=])-{1,2}[A-Za-z][\w.-]*")
# One argument: a quoted text, or a word without the punctuation that ends a clause.
ARGUMENT = Pattern(
    r"[ \t]+(?P<t>(?:[\w.-]*=)?(?:\"[^\"\n]{0,400}\"|'[^'\n]{0,400}')|[^\s\ue000\"'(]+)"
)
CUE = Pattern(
    r"\b(?:arg(?:ument)?s?|param(?:eter)?s?|flags?|options?|pass(?:es|ing|ed)?|with|w/|called with"
    r"|gets?|takes?|given|giving|invoked with|cmd|command(?: line)?)"
    r"(?:[ ](?:are|is|the|it|them|these|its|of|to it|in|line|args?|arguments?|flags?|options?))*"
    r"\s*[:=]?\s*\(?$",
    re.IGNORECASE,
)
BEHIND = Pattern(
    r"[ \t]*,?[ ]?(?:as|for|being|are|is)(?: (?:the|its|container))* (?:arg(?:ument)?"
    r"|param(?:eter)?|flag|option|command)s?\b",
    re.IGNORECASE,
)
# Behind arguments that were cut before: "args --a 1, --b 2".
MORE = Pattern(rf"\b(?:arg|param|flag|option)\w*[ :=]+{FILL}+[ ,]*(?:and |plus )?$", re.IGNORECASE)
OF_DOCKER = Pattern(
    r"\b(?:docker|container|podman|run)(?: run)? (?:option|flag|arg)\w*|\boptions?\b"
    r"|\bdocker run\b",
    re.IGNORECASE,
)
DOCKER_BEHIND = Pattern(
    r"[ ,]*\(?(?:as |is |are |being |for )?(?:an? |the )?(?:docker|container"
    r"|podman)(?: run)? (?:option|flag|arg|setting)",
    re.IGNORECASE,
)
# Options of a mount by gcsfuse, which no container takes.
MOUNTING = Pattern(r"--?(?:implicit[-_]dirs|only[-_]dir|file[-_]mode|dir[-_]mode)\b")
PLAIN = Pattern(r"[A-Za-z]+")


def option_runs(masked: str, *, announced: bool = True) -> Iterator[tuple[int, int]]:
    """Spans of options that are given to a container, in order.

    Args:
        masked: the turn with earlier payloads hidden.
        announced: only those that words announce ("args --page 7"); else all.
    """
    pos = 0
    while match := FIRST.search(masked, pos):
        end = run_end(masked, match.start(), match.end())
        pos = max(end, match.end())
        before = masked[max(0, match.start() - 50) : match.start()].rsplit("\n", 1)[-1]
        cued = CUE.search(before) or MORE.search(before) or BEHIND.match(masked, end)
        if announced and not cued:
            continue
        flag = re.split(r"[= ]", match.group(), maxsplit=1)[0]
        if MOUNTING.match(flag):
            continue
        of_docker = OF_DOCKER.search(before) or DOCKER_BEHIND.match(masked, end)
        if flag in DOCKER_OPTIONS and (of_docker or not announced):
            continue
        yield match.start(), end


def run_end(masked: str, start: int, first: int) -> int:
    """Where the arguments end: at a comma, a sentence's end, or a word that is no value."""
    end, value_may_follow = first, "=" not in masked[start:first]
    if masked[first : first + 1] == "=":
        whole = re.compile(r"=(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\ue000]*)").match(masked, first)
        end, value_may_follow = (whole.end() if whole else first), False
    while (
        masked[end - 1] not in ",;"
        and not _ends(masked, end)
        and (match := ARGUMENT.match(masked, end))
    ):
        token = match["t"]
        if FILL in token:
            break
        option = token.startswith("-") and len(token) > 1
        if token.lower().rstrip(".,;:)") in STOP:
            break
        plain = PLAIN.fullmatch(token.rstrip(".,;:)")) is not None
        if not option and (not value_may_follow if plain else _is_remark(token)):
            break
        end = match.end()
        value_may_follow = option and "=" not in token
    return _trimmed(masked, start, end)


def _ends(masked: str, end: int) -> bool:
    """Whether a sentence ends here: "x.mp3. Then", and no path such as "/."."""
    return (
        masked[end - 1] == "." and masked[end - 2] not in " /." and masked[end : end + 1].isspace()
    )


def _is_remark(token: str) -> bool:
    """Punctuation of the sentence and not a value."""
    return re.fullmatch(r"[-\u2013\u2014/|,;.]+", token) is not None


def _trimmed(masked: str, start: int, end: int) -> int:
    while end > start and masked[end - 1] in ".,;:)":
        if masked[end - 1] == ")" and "(" in masked[start:end]:
            break
        end -= 1
    return end
