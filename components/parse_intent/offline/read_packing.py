"""How many tasks share a VM."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.read_things import NOT_THINGS, unit_nouns
from components.parse_intent.offline.vocabulary import words

VM = (
    r"(?:(?:spot|single|big|small|same|own|1|whole|worker|compute|separate|given|"
    r"[a-z]\d[a-z]?-\w+(?:-\d+)?) )?(?:vms?|nodes?|machines?|hosts?|instances?|boxe?s?|servers?"
    r"|e2-(?:micro|small|medium)s?|[a-z]\d[a-z]?-[a-z]+-\d+s?)"
)
# What may be counted per VM and is no task, besides what NOT_THINGS holds.
PARTS = (NOT_THINGS - frozenset(words("job jobs tasks task copies slots ranks"))) | frozenset(
    words("t4 l4 a100 h100 v100 p100 p4 local nvme tesla nvidia external public ip address")
)
WHAT = r"(?:[ ](?P<w>(?:of (?:them|these|those|it)|[a-z][a-z'-]*)(?: [a-z][a-z'-]*)?))??"
JOINED = (
    r"(?: ?(?:per|a piece per)|/| / ?(?=vm|node|machine|host|instance)| an?| each| every"
    r"| share (?:a|1)|,? (?:per|to|on|onto|in|into|for"
    r"|on to|next to each other on)(?: (?:each|every|1|an?|the same|any|single))+) ?"
)
MODAL = r"(?: (?:should|may|can|must|will|never|only|to|ever|do|go|goes|fit|sit|run|running|runs))*"
HOLDS = (
    r"(?:runs?|gets?|takes?|handles?|has|holds?|hosts?|carr(?:y|ies)|does|do|works? on|serves?"
    r"|fits?|have|sees?)"
)
ATMOST = r"(?: (?:exactly|at most|up to|no more than|more than|only|just|maximum|never|about))*"
PER_VM = [
    Pattern(
        rf"(?<![\w.])(?P<n>\d{{1,4}}|an?(?: single)?(?= (?:task|job|run|[a-z]+ (?:per"
        rf"|for each|on each)))){WHAT}"
        rf"(?: at (?:a time|once)| at most| only| maximum)?{MODAL}{JOINED}{VM}\b"
        rf"(?! (?:type|label|template))",
        re.IGNORECASE,
    ),
    Pattern(
        rf"\b(?:tasks?|jobs?|slots?)?[ _]?(?:count)?[ _]?per[ _]?{VM}\s*"
        rf"(?:is|=|:|to|of|should be)?\s*(?:at most |maximum )?(?P<n>\d{{1,4}})\b(?P<w>)",
        re.IGNORECASE,
    ),
    Pattern(
        rf"\b(?:each|every|an?|any|1|no|the) {VM}"
        rf"(?:{MODAL} {HOLDS}|(?: (?:should|may|can|must|will|never"
        rf"|only))+ run){ATMOST} (?P<n>\d{{1,4}}|an? single(?= )){WHAT}"
        rf"(?![\w.-])",
        re.IGNORECASE,
    ),
]
# "3 machines with two tasks on each of them"
ON_EACH = Pattern(
    rf"\b{VM}\b[^.;\n]{{1,40}}?\b(?P<n>\d{{1,3}}|an? single) (?:tasks? |of them |jobs? )?"
    r"(?:(?:on|in|to|for) )?each\b(?! (?:task|of))",
    re.IGNORECASE,
)
# "8 nodes, 1 rank process manager per node so one task each", "5 VMs, on each one task"
EACH_VM = Pattern(
    rf"(?<![\w.])\d{{1,4}} {VM}\b[^.;\n]{{0,60}}?[ ,(](?:on each(?: of them)? )?"
    r"(?P<n>\d{1,3})(?: [a-z]+)? (?:tasks?|ranks?|process(?:es)?)"
    r"(?: each\b| apiece\b| on each\b| per (?:vm|node|machine|host)\b|(?=[,.;:)\n]|$))",
    re.IGNORECASE,
)
ALONE = Pattern(
    rf"\b(?:own|separate|dedicated|different|whole|entire|exclusive)(?: \w+)? {VM}\b"
    rf"|\b(?:a|an|1|the) (?:\w+ )?{VM} (?:(?:all )?to (?:itself|themselves)|of (?:its|their) own"
    rf"|(?:per|for each|for every) (?:task|job|run|\w+(?= |[.,;:)]|$)))"
    rf"|\b(?:alone|exclusively|nothing else|by itself) on (?:its|a|the|an|each|that) {VM}\b"
    rf"|\b(?:not|never|don't|mustn't|shouldn't|no|nothing|without)(?: \w+){{0,3}} "
    rf"(?:shar(?:e|ed|ing)|double up|packed)(?: (?:a|an|the|its|their|on|of|any|1)){{0,6}} {VM}\b"
    rf"|\b(?:1|a) (?:\w+ )?{VM} (?:each|apiece)\b"
    rf"|\b{VM} (?:must|should|may|can|are|is)(?: ?not|n't| never) (?:to )?(?:be )?shared\b"
    rf"|\bnot (?:to )?(?:pack|packed|packing)\b",
    re.IGNORECASE,
)


# "3 tasks on an n2-standard-8" tells how many there are, where nothing else does
ON_A = Pattern(rf"\btasks? on an? {VM}$", re.IGNORECASE)
TASKS = Pattern(r"(?<![\w.])\d{1,6} (?:[a-z]+ ){0,2}tasks?\b|\btasks?\s*[:=]", re.IGNORECASE)


def _other_count(page: Page, match: re.Match[str]) -> bool:
    """Whether something else than these words tells the number of tasks."""
    said = page.norm[: match.start()] + " " * len(match.group()) + page.norm[match.end() :]
    return TASKS.search(said) is not None or bool(unit_nouns(page))


NO_TWO = Pattern(
    r"(?:\b(?:no|never|not)|n't)(?: (?:to|be|put|run|place|have|pack|let)){0,3} $", re.I
)


def read_tasks_per_node(page: Page) -> Asked[int] | None:
    """How many tasks share a VM."""
    return _per_vm(page) or _on_each(page) or _alone(page)


def _per_vm(page: Page) -> Asked[int] | None:
    for pattern in PER_VM:
        # The machine of "four on one e2-medium" is read already; the number is not.
        for match in page.find(pattern, free=False):
            if _counts_parts(match["w"] or "") or not page.is_free(*match.span("n")):
                continue
            value = int(match["n"]) if match["n"].isdecimal() else 1
            if ON_A.search(match.group()) and not _other_count(page, match):
                continue
            if value == 2 and NO_TWO.search(page.left(match.start(), 30)):
                value = 1  # "no two on the same VM"
            return Asked(value=value, quote=page.take(*match.span()))
    return None


def _on_each(page: Page) -> Asked[int] | None:
    for pattern in (ON_EACH, EACH_VM):
        for match in page.find(pattern, free=False):
            if page.is_free(*match.span("n")):
                quote = page.take(match.start("n"), match.end())
                return Asked(value=int(match["n"]) if match["n"].isdecimal() else 1, quote=quote)
    return None


def _alone(page: Page) -> Asked[int] | None:
    for match in page.find(ALONE, free=False):
        if page.is_free(match.start(), match.start() + 3) and not page.negated(match.start()):
            return Asked(value=1, quote=page.take(*match.span()))
    return None


def _counts_parts(phrase: str) -> bool:
    """Whether the words between number and VM name a part of the VM."""
    return any(word in PARTS for word in re.findall(r"[a-z0-9]+", phrase.lower())[:3])
