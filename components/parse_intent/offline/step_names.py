"""Which step of several some words speak of: by number, by letter, by order, by what it runs."""

from __future__ import annotations

import re
from functools import lru_cache

from components.parse_intent.draft import Step
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import ORDINALS, PROGRAMS, words

STEP_NOUN = r"(?:steps?|runnables?|commands?|scripts?|parts?|containers?|stages?|phases?|images?)"
ONE = rf"(?:{STEP_NOUN}|1)"
ENDINGS = r"(?:es?|ed|s|ing|ions?|ers?|ations?|ment|load(?:ing|er)?)?"
ORDER = "|".join([*ORDINALS, "last", "final"])
NUMBERED = Pattern(
    rf"\b{STEP_NOUN}\s+(?:number\s+|no\.? ?|#)?(?P<n>\d{{1,2}}|[a-f])\b(?! (?:of|more))"
    rf"|\b(?P<o>{ORDER})\s+(?:\w+\s+)?(?:{STEP_NOUN}|1)\b"
    # "for the second half an hour", "the first: 5 minutes", "the last gets 2 h"
    rf"|\b(?:the|for|on|of) (?P<p>{ORDER})\b(?=\s*(?:[,.;:)(]|$|\d|an?\b|half|gets?|has|is|may|can"
    r"|should|must|takes?|needs?|only|within|at\b|up\b|to\b|if\b|fails|with|under|in\b|-))"
    # "(a) may take 6 hours", "#2: 1 hour", "the 2nd has no limit"
    rf"|(?<![\w)])\((?P<r>\d|[a-f])\)|(?<![\w#])#(?P<s>\d)\b(?!\d)"
    rf"|\b(?P<t>1st|2nd|3rd|[4-9]th)\b(?! (?:of|task|node|vm|attempt|try|day|hour|quarter))"
    # "first: 5 min, second: half an hour"
    rf"|(?:^\s*|[,;\n(]\s*)(?P<q>{ORDER})(?=\s*[:=])",
    re.IGNORECASE,
)
ALL_STEPS = Pattern(
    rf"\b(?:each|every|per|both|all)(?: of)?(?: the)?(?: \d+)? {STEP_NOUN}\b|\bboth\b",
    re.IGNORECASE,
)
KINDS = {
    "container": Pattern(
        r"\bthe (?:docker |second |first )?(?:container|docker)(?: step| part| run| itself)?\b"
        r"(?! (?:image|registry|path))",
        re.IGNORECASE,
    ),
    "script": Pattern(
        r"\bthe (?:host|script|shell|bash|vm)(?: step| part| command| script)\b", re.IGNORECASE
    ),
}
COMMON = frozenset(
    words("run script start test job task data bash step work python both this that then with")
)


class StepNames:
    """The steps of a turn by what people call them; made once, asked for many places."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        owners: dict[str, list[Step]] = {}
        for step in steps:
            for name in program_names(step):
                owners.setdefault(name, []).append(step)
        # only a name that is one step's alone tells steps apart
        self._owner = {name: found[0] for name, found in owners.items() if len(found) == 1}
        names = "|".join(map(re.escape, sorted(self._owner, key=len, reverse=True)))
        self._spoken = re.compile(
            rf"(?<![\w-])(?P<n>{names})(?!\w)(?P<noun> {STEP_NOUN}\b)?", re.IGNORECASE
        )

    def named(self, text: str, at: int, reach: int = 60) -> Step | None:
        """The step that a text names nearest to a place in it; None where it names none."""
        best: tuple[int, Step] | None = None
        for start, step in [
            *_numbered(text, self.steps),
            *self._by_program(text),
            *self._by_kind(text),
        ]:
            # a name mostly stands before what is said of it
            gap = at - start if start <= at else start - at + 15
            if gap <= reach and (best is None or gap < best[0]):
                best = (gap, step)
        return best[1] if best else None

    def _by_program(self, text: str) -> list[tuple[int, Step]]:
        """Steps by the name of their program, script or image; a short one needs "step" with it."""
        if not self._owner:
            return []
        return [
            (match.start(), self._owner[match["n"].lower()])
            for match in self._spoken.finditer(text)
            if len(match["n"]) > 3 or match["noun"]
        ]

    def _by_kind(self, text: str) -> list[tuple[int, Step]]:
        """The one container of a task, or its one script, by what it is."""
        found = []
        for kind, pattern in KINDS.items():
            of_kind = [step for step in self.steps if step.kind == kind]
            if len(of_kind) == 1 and len(self.steps) > 1:
                found += [(match.start(), of_kind[0]) for match in pattern.finditer(text)]
        return found


def _numbered(text: str, steps: list[Step]) -> list[tuple[int, Step]]:
    found = []
    for match in NUMBERED.finditer(text):
        word = next(group for group in match.groups() if group).lower()
        if word in ("last", "final"):
            index = len(steps)
        elif word[0].isdecimal():
            index = int(word[0]) if len(word) > 2 else int(word)
        else:
            index = ORDINALS.get(word) or "abcdef".index(word) + 1
        if 1 <= index <= len(steps):
            found.append((match.start(), steps[index - 1]))
    return found


def program_names(step: Step) -> set[str]:
    """What people call a step after what it runs: "prefetch" for /opt/cache/prefetch.sh."""
    said = step.text.value if step.text is not None else ""
    tokens = [token for token in said[:400].split()[:4] if not token.startswith("-")]
    if step.image is not None:
        tokens.append(re.split(r"[:@]", step.image.value.rsplit("/", 1)[-1])[0])
    names = set()
    for token in tokens:
        stem = re.sub(r"\.\w{1,4}$", "", token.rsplit("/", 1)[-1]).lower()
        if (
            (len(stem) > 2 or stem == "up")
            and re.fullmatch(r"[a-z][\w-]*", stem)
            and stem not in PROGRAMS
            and stem not in COMMON
        ):
            names |= {stem, *(part for part in re.split(r"[_-]", stem) if len(part) > 4)}
    return names - COMMON


@lru_cache(maxsize=256)
def spoken(name: str) -> Pattern:
    """Words for a step by the name of its program: "the scoring step", "after the detection"."""
    word = rf"{re.escape(name.removesuffix('e'))}{re.escape(name[-1])}?{ENDINGS}"
    return Pattern(
        rf"(?<![\w/.-]){word}(?:\.\w{{1,3}})? {ONE}\b"
        rf"|(?<![\w/.-]){word}(?:\.\w{{1,3}})?(?![\w/-])(?= (?:before|after|first|last|out"
        rf"|(?:at|to) the (?:end|start|beginning|front))\b)"
        rf"|(?:(?<=before )|(?<=after )|(?<=before the )|(?<=after the )){word}(?![\w/-])"
        rf"|(?<![\w/.-]){word}(?:\.\w{{1,3}})?(?= (?:has an?|fails?|crashes|crashed|breaks|dies"
        rf"|errors"
        rf"|should|must|has to|needs to|may|can|comes|goes|gets)\b)"
        rf"|(?<=\bthe ){word}(?:\.\w{{1,3}})?(?![\w/.-])(?=[,;:.!?]|\W*$| (?:a|an|and|or|may|can"
        rf"|should"
        r"|must|needs?|gets?|has|is|isn't|takes?|fails?|only|always|to|up|in|please|any|runs?"
        r"|times?|\d+)\b)",
        re.IGNORECASE,
    )
