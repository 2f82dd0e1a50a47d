"""What a person takes back in the same breath: "50 cities, no wait, 52"."""

from __future__ import annotations

import re

from components.parse_intent.offline.commands import STOP
from components.parse_intent.offline.normal import Words
from components.parse_intent.offline.pattern import Pattern

TAKEN_BACK = (
    r"(?:(?:oh|ah|hm+|uh+|err?),? )?(?:no,? wait|wait,? no|wait(?=\s*[,:-])|no,? no"
    r"|no(?=\s*[,:-]|\s+(?:sorry|wait|i mean|i meant|make|rather|actually|better|it's)\b)"
    r"|nope|scratch that|correction|sorry|pardon|i mean(?:t)?|make (?:that|it)|or rather|rather"
    r"|actually|better|let's say|or (?:let's say|better|rather)"
    r"|on (?:second|2nd|further) thoughts?|well(?: no)?|hm+|make it)"
    r"(?:[ ,:-]+(?:no|wait|sorry|i mean(?:t)?|make (?:that|it)|rather|actually|better|it's"
    r"|let's say"
    r"))*"
)
NUMBER = r"\d{1,9}(?:\.\d{1,3})?"
CORRECTED = Pattern(
    rf"(?<![\w.-])(?P<old>{NUMBER})(?P<mid>[a-z%]{{0,8}}(?:[ -][a-z%]{{1,20}}){{0,4}}?)"
    rf"\s*(?:[,;:(\u2026-]|\.{{2,3}}|\.(?= ))[\s,;:(.\u2026-]{{0,6}}{TAKEN_BACK}[\s,:;-]{{1,4}}"
    rf"(?P<new>{NUMBER})(?P<after>[a-z%]{{0,8}}(?: [a-z%]{{1,20}})?)",
    re.IGNORECASE,
)
# Names of one kind, of which the last holds: "n1-standard-8, no, rather c2-standard-8".
NAME = (
    r"(?:[a-z]\d[a-z]{0,2}-(?:[a-z]{3,10}-)?[a-z0-9]{1,6}"
    r"|pd-(?:ssd|balanced|standard|extreme)|hyperdisk-[a-z]{2,12}"
    r"|(?:us|europe|asia|australia|me|africa|northamerica|southamerica)-[a-z]+\d{1,2}(?:-[a-f])?)"
)
RENAMED = Pattern(
    rf"(?<![\w./-])(?P<old>{NAME})(?![\w/-])(?P<mid>(?: [a-z]{{1,20}}){{0,3}}?)"
    rf"\s*(?:[,;:(\u2026-]|\.{{2,3}}|\.(?= ))[\s,;:(.\u2026-]{{0,6}}{TAKEN_BACK}[\s,:;-]{{1,4}}"
    rf"(?:(?:on|in|a|an|the|use) )?(?P<new>{NAME})(?![\w/-])",
    re.IGNORECASE,
)
# "2, or 3 rather"
OR_RATHER = Pattern(
    rf"(?<![\w.-])(?P<old>{NUMBER})(?P<mid>(?: [a-z]{{1,8}}){{0,2}}?),? (?:or|so|make it)"
    rf" (?P<new>{NUMBER})(?= (?:rather|better|to be (?:safe|sure))\b)",
    re.IGNORECASE,
)
# "it grows to 7 GB, so reserve 8"
RESERVED = Pattern(
    rf"(?<![\w.-])(?P<old>{NUMBER})(?P<mid> ?(?:[mgt]i?b|gigs?))[\s,;:.-]{{1,4}}"
    r"(?:(?:so|please|better|therefore|and|we|i|you|should|to) ){0,4}"
    r"(?:reserve|allocate|request|provision|give|book|ask for|take)"
    rf" (?:(?:it|them|each|every task|task) )?(?P<new>{NUMBER})(?![\w.-]*\w| [a-z])",
    re.IGNORECASE,
)
CLOSED = Pattern(r" ?[),](?= (?!and\b|or\b|but\b|with\b|on\b)[a-z])", re.IGNORECASE)
MAX_CORRECTED = 20


def _first(words: str) -> str:
    found = re.match(r"[ -]?([a-z%]+)", words, re.IGNORECASE)
    return found[1].lower().removesuffix("s") if found else ""


def take_back(words: Words) -> None:
    """Put the last number in the place of the ones before it, in a turn's normal text.

    The words that stay lead back to the number that holds, or to the whole of "50 cities, no, 52".
    """
    for pattern in (RENAMED, OR_RATHER, RESERVED):
        for _ in range(MAX_CORRECTED):
            match = pattern.search(words.text)
            if match is None or not _alike(match["old"], match["new"]):
                break
            unit = "" if pattern is RENAMED else match["mid"]
            words.splice(match.start("old"), match.end("new"), match["new"] + unit)
    for _ in range(MAX_CORRECTED):
        match = CORRECTED.search(words.text)
        if match is None:
            return
        before, after = _first(match["mid"]), _first(match["after"])
        if after and after not in STOP and (after == before or not before):
            words.splice(match.start(), match.start("new"), "")
        elif not before and (closed := CLOSED.match(words.text, match.end("new"))):
            words.splice(match.start(), closed.end(), match["new"])  # "31 (sorry, 28) tasks"
        elif not after or after in STOP or after == before:
            words.splice(match.start(), match.end("new"), match["new"] + match["mid"])
        else:  # something else is counted: both numbers stay
            return


def _alike(old: str, new: str) -> bool:
    """Whether both are machine types, both places, or both numbers."""
    kinds = (r"[a-z]\d", r"pd-|hyperdisk-")
    return all(bool(re.match(kind, old, re.I)) == bool(re.match(kind, new, re.I)) for kind in kinds)


def takes_back(said: str) -> bool:
    """Whether some words hold a number that is taken back for another."""
    return CORRECTED.search(Words(said).text) is not None


MAX_CORRECTIONS = 8
# A turn that corrects the one before it: "no, 8".
TAKES_BACK = Pattern(
    r"\W*(?:no|nope|sorry|actually|rather|hm+|oops|i mean(?:t)?|make (?:it|that)|better)\b[\s,.:-]+"
    r"(?:(?:no|sorry|make (?:it|that)|i mean(?:t)?|rather|it's|better)[\s,.:-]+)*\w+\W*$",
    re.IGNORECASE,
)
CORRECTION = Pattern(
    r"(?:[.;,!?\n(]|\s-+|\s—|\.\.\.|…)\s*(?:(?:oh |ah |hmm,? |uh,? )?(?:no,? wait|wait,? no"
    r"|wait(?=,)|wait(?: (?=it's|that's|there are|actually|make|sorry|i ))|no no|scratch that"
    r"|correction|sorry,? (?:i mean|make that|no)|i mean(?:t)?"
    r"|make that(?! (?:visible|available|accessible|readable|writable|mounted|run|use|sure|work"
    r"|show|appear|happen|start|stop|fail)\w*)"
    r"|(?:hm+|uh+|err?|oh|ah|well|no|nah),? (?:actually|better|rather|on second thoughts?"
    r"|make|take|use|let's"
    r"|no,)|(?:actually|better|rather)(?:,| (?=make|take|use|go|do|let's|no\b|run|give|put))"
    r"|(?:actually|no),? (?:make (?:it|that|them)|no|let's)|on second thoughts?|thinking about it"
    r"|no,? (?:sorry|rather|i mean|i meant)|strike that|hang on|hold on|forget that"
    r"|my mistake|my bad)\b)[\s,:-]*"
    r"|\s\(?or (?:rather|better)\b[\s,:-]*|(?<=\w)\? ?(?:no|nope|nah), ?(?=[a-z\d])",
    re.IGNORECASE,
)


def corrections(turn: str) -> list[str]:
    """A turn cut where the person corrects themselves; what follows is an edit."""
    if "```" in turn:
        return [turn]
    parts: list[str] = []
    start = 0
    behind = 0
    for match in CORRECTION.finditer(turn):
        if len(parts) >= MAX_CORRECTIONS:
            break
        first = max(behind, match.start() - 60)
        numbers = takes_back(turn[first : match.end() + 30]) and not takes_back(
            turn[first : match.start()]
        )
        behind = match.end()
        if numbers:
            continue
        if turn.count("`", start, match.start()) % 2 == 0 and turn[start : match.start()].strip():
            parts.append(turn[start : match.start()])
            start = match.end()
    parts.append(turn[start:])
    return [p for p in parts if p.strip()]
