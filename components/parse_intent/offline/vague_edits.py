"""Edits that say which way and not how far: "more memory", "another region", "make it faster"."""

from __future__ import annotations

import re

from components.parse_intent.draft import Draft
from components.parse_intent.offline.field_words import fields_in
from components.parse_intent.offline.normal import FILL
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

DEGREE = (
    r"(?:a (?:bit|little|lot|tad|touch) |a whole lot |much |some(?:what)? |slightly |way |far )?"
)
COMPARED = (
    r"(?:bigger|larger|smaller|faster|quicker|slower|cheaper|beefier|stronger|more powerful"
    r"|speedier|less expensive|tougher|heavier|lighter|weaker)"
)
MORE = (
    rf"(?:{COMPARED}|more|less|fewer|higher|lower|longer|shorter|better|newer|additional|extra"
    r"|another|(?:a |some )?(?:different|other))"
)
# "more memory", "a beefier machine", "some other region"
OF_FIELD = Pattern(
    rf"\b{DEGREE}{MORE} (?:(?!than\b|of\b|and\b|or\b)[a-z-]+ ){{0,2}}?(?P<f>[a-z][^.;,\n]{{0,24}})",
    re.IGNORECASE,
)
# "increase the memory", "adjust the timeout"
VERB = Pattern(
    r"\b(?:increase|raise|bump(?: up)?|up|reduce|decrease|lower|cut(?: down)?|extend|shorten|adjust"
    r"|change|modify|tweak|alter|enlarge|shrink) (?:the |its |our |their |that |on )?"
    r"(?P<f>[a-z][^.;,\n]{0,24})",
    re.IGNORECASE,
)
# "make it bigger", "can this be cheaper?"
WHOLE = Pattern(
    rf"\b(?:make|get|have|want|need|run|go|be|scale)(?: (?:it|this|that|them|the (?:job|whole thing"
    rf"|tasks?)|things|everything|all))?(?: to (?:be|run|go))? {DEGREE}(?:{COMPARED}|up|down)"
    r"(?=\W*(?:please|somehow|for me|then|if possible|if you can|again|now|\W)*$)",
    re.IGNORECASE,
)
LONGER = Pattern(
    rf"\b(?:run|take|work|go on|last|live) (?:for )?{DEGREE}(?:longer|shorter)\b", re.I
)
# "it runs out of memory, give it more"
SOME_MORE = Pattern(
    r"\b(?:give|allow|grant|add|needs?|wants?|use|take)(?: (?:it|them|each|that|this))? "
    rf"{DEGREE}(?:more|less|fewer)(?: of (?:it|that|them))?(?=\W*(?:please|then|instead|\W)*$)",
    re.IGNORECASE,
)
# The words tell or ask something, and order nothing.
TOLD = Pattern(
    r"\b(?:was|were|is|are|isn't|aren't|that's|it's|there's|been|had|has|because|since|than|why|how"
    r"|would|did|does|if|when|what|which|no|not|any|once|seems?|looks?|without)\b",
    re.IGNORECASE,
)
QUESTIONS = {
    "task_count": "How many tasks should there be?",
    "parallelism": "How many tasks may run at the same time?",
    "tasks_per_node": "How many tasks should share a VM?",
    "max_retries": "How many retries should a failed task get?",
    "max_run_s": "What should the time limit of a task be?",
    "memory_mib": "How much memory should a task have?",
    "cpu_milli": "How many vCPUs (CPU cores) should a task have?",
    "boot_disk": "How large should the boot disk be?",
    "disks": "How large should the disk be, and of which type?",
    "priority": "What should the job's priority be, 0 to 99?",
    "machine_type": "Which machine type should the VMs have?",
    "gpus": "Which GPU should a VM have, and how many?",
    "locations": "Which region or zone should the job run in?",
    "instance_template": "What is the name of the instance template?",
    "service_account": "Which service account should the VMs use? Give its email address.",
    "network": "Which network and subnetwork should the VMs use?",
    "subnetwork": "Which subnetwork should the VMs use?",
    "volumes": "Which bucket or share should be mounted, and where?",
    "reservation": "Which reservation should be used?",
}
ANY = (
    "What should change for that, and to what: the machine type, the vCPUs and memory of a task, "
    "the number of tasks, or how many run at once?"
)
SIZES = (
    "machine_type",
    "cpu_milli",
    "memory_mib",
    "task_count",
    "parallelism",
    "gpus",
    "max_run_s",
    "provisioning",
    "max_retries",
)
OF_IT = Pattern(r"\b(?:number|amount|size|count|limit) (?:of|on)(?: the)? ?", re.IGNORECASE)
TOLD_AFTER = Pattern(
    r"[^.;,\n]{0,30}\b(?:would|won't|wouldn't|isn't|doesn't|is|are|was|were|did|does|than)\b",
    re.IGNORECASE,
)
IMAGE = Pattern(r"(?:container |docker )?image\b", re.IGNORECASE)


def vague_edits(page: Page, before: Draft, after: Draft) -> list[str]:
    """The questions for what a later turn wants changed without saying to what.

    Args:
        page: the turn.
        before: the draft before it.
        after: the draft with all that was read of the turn.
    """
    found: list[str] = []
    for pattern in (OF_FIELD, VERB, LONGER, SOME_MORE, WHOLE):
        for match in page.find(pattern, free=False):
            question = _question(page, match, before, after)
            if question and question not in found:
                found.append(question)
    return found[:2]


def _question(page: Page, match: re.Match[str], before: Draft, after: Draft) -> str:
    start, end = page.clause(match.start())
    said = page.norm[start:end]
    silent = FILL not in said and not any(c.isdecimal() for c in said)
    told = TOLD.search(page.norm[start : match.start()]) or TOLD_AFTER.match(
        page.norm, match.start(), end
    )
    if not silent or told or page.negated(match.start()):
        return ""
    if match.re is WHOLE.compiled:
        same = all(getattr(before, name) == getattr(after, name) for name in SIZES)
        return ANY if same else ""
    if match.re is SOME_MORE.compiled:
        said = page.sentence_text(match.start())
        names = {f for f, _, _ in fields_in(said) or fields_in(page.norm) if f in QUESTIONS}
        same = len(names) == 1 and all(getattr(before, f) == getattr(after, f) for f in names)
        return QUESTIONS[names.pop()] if same else ""
    if match.re is not LONGER.compiled and IMAGE.match(match["f"]):
        return "" if before.steps != after.steps else "Which container image should run?"
    name = "max_run_s" if match.re is LONGER.compiled else _field(match["f"])
    alike = ("disks", "boot_disk") if name in ("disks", "boot_disk") else (name,)
    if name not in QUESTIONS or any(getattr(before, f) != getattr(after, f) for f in alike):
        return ""
    return QUESTIONS[name]


def _field(words: str) -> str:
    """The field that stands first in some words."""
    named = fields_in(words)
    near = named and OF_IT.sub("", words[: named[0][1]]).count(" ") <= 1
    return named[0][0] if near else ""
