"""How many tasks: said outright, as an array, as copies, or as the things to work on."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked
from components.parse_intent.offline.normal import FILL
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.read_tasks import AT_ONCE
from components.parse_intent.offline.read_things import BECOMES, HANDS, read_things

BEFORE_COUNT = r"(?<![\w.:/$#-])"
NOT_COUNT_NOUN = (
    r"(?:v?cpus?|v?cores?|threads?|gpus?|gb|gib|mb|mib|tb|tib|gigs?|megs?|[gt]|m|s|h|d|hours?"
    r"|hrs?|minutes?|min|seconds?|sec|days?"
    r"|weeks?|months?|years?|retr(?:y|ies)|attempts?|times?|tries|disks?|ssds?|drives?|steps?"
    r"|zones?|regions?|buckets?|topics?|vms?|machines?"
    r"|nodes?|instances?|hosts?|dollars?|percent|%|cents|things?|people|labels?|tags?"
    r"|variables?|containers?|images?(?= is| for)|epochs?"
    r"|iterations?|barriers?|milli|bytes?|degrees?|points?|copies|jobs?|exit|or|and|to|of|in"
    r"|at|on|a|is|for|per|the|x|with|each|more|after|by"
    r"|weeks|accelerators?|cards?|t4s?|l4s?|local|preemptions?|failures?|restarts?|stages?"
    r"|parts of)"
)
COUNTS = [
    Pattern(
        r"\b(?:task[ _]?count|tasks? (?:number|quantity|total)|(?:number|quantity|amount"
        r"|total) of tasks?|ntasks|completions"
        r"|no\.? of tasks|#tasks|# tasks|num[ _]?tasks"
        r"|count of tasks|array (?:size|length)|array(?= of \d)"
        r"|(?:how many|quantity|qty|count)(?=\s*[:=])"
        r"|tasks(?=\s*[:=]|\s+(?:to|should be|are|will be)\s))"
        r"\s*(?:is|are|=|:|to|of|should be|will be)?\s*(?P<n>\d{1,9})\b"
        r"(?!\s?(?:minutes?|hours?|seconds?|days?|[smhdg]\b|gb|gib|mb|v?cpus?|cores?))",
        re.IGNORECASE,
    ),
    Pattern(
        rf"{BEFORE_COUNT}(?P<n>\d{{1,9}})(?:\s*|-(?=tasks?\b))(?:x\s+)?(?P<w>(?!(?:of|in|at|per|x"
        rf"|more)\b)(?:(?!(?:a|an|per|each|every|for|to)\b)[a-z'-]+\s+){{0,3}}?)tasks?\b"
        rf"(?!\s*(?:per|/\s?(?:vm|node|machine|host|instance)|on each|to a|at a time"
        rf"|at once|in parallel|in flight|concurrently))",
        re.IGNORECASE,
    ),
    Pattern(
        rf"{BEFORE_COUNT}(?P<n>\d{{1,9}})\s*(?:x|\u00d7)\s*(?:of\s+|times\s+"
        rf"|runs?\s+of\s+)?(?={FILL}|runs?\b|tasks?\b|copies\b|[\w./-]*{FILL})",
        re.IGNORECASE,
    ),
    Pattern(
        rf"{FILL}\s*,?\s*(?:x|\u00d7)\s?(?P<n>\d{{1,9}})\b(?!\s*(?:{NOT_COUNT_NOUN})\b)",
        re.IGNORECASE,
    ),
    Pattern(
        r"\b(?:array|indices|indexes|index(?: range)?|seeds?|shards?|tasks?|numbers?|numbered"
        r"|ids?|from)\s*(?:=|:|from|of|is|are|values)?\s*\(?(?P<a>\d{1,7})\s?(?:-|\.\.|to"
        r"|through|until)\s?(?P<b>\d{1,7})\b",
        re.IGNORECASE,
    ),
    Pattern(
        rf"{BEFORE_COUNT}(?P<n>\d{{1,9}})\s+(?:(?!(?:more|further|extra|parallel|concurrent|of|per"
        rf"|in|at|a|and|or|to|vcpus?|cores?)\b)[a-z-]+\s+){{0,3}}?(?:times|copies|instances of|runs"
        rf"|replicas|repetitions|reps)\b"
        r"(?!\s+(?:longer|for|past|over|out|more|into|beyond|on|under|as)\b)"
        rf"(?!\s+(?:{AT_ONCE})\b)",
        re.IGNORECASE,
    ),
    Pattern(rf"{BEFORE_COUNT}(?P<n>\d{{1,9}})\s+of (?:them|these|those|this|it)\b", re.IGNORECASE),
    Pattern(rf"{BEFORE_COUNT}(?P<n>\d{{1,6}})[x\u00d7](?=\s*(?:[/,;|\n]|$))", re.IGNORECASE),
    Pattern(rf"\b(?:x|\u00d7)(?P<n>\d{{1,9}}) ?[:,-]? ?(?={FILL})", re.IGNORECASE),
    # "scenarios x 48"
    Pattern(
        rf"\b(?!(?:{NOT_COUNT_NOUN}|tries|goes|chances|threads|ranks|volumes"
        rf"|lssds?)\b)[a-z]{{2,20}}[a-hj-rtv-z]s ?[x\u00d7*] ?"
        r"(?P<n>\d{1,6})(?=\s*(?:[,.:;)\n]|$))",
        re.IGNORECASE,
    ),
]
SINGLE = Pattern(
    r"\b(?:(?:a |just |only )?single task|(?:just |only |exactly )?1 task(?! (?:per|at|for|a"
    r"|after|to|each|maximum|on each|by))|just once|only once|a one-off|one-off|1-off"
    r"|task array of 1|run once|runs once|not an array|no array)\b",
    re.I,
)
ONCE = Pattern(rf"{FILL}\s*,? once\b", re.I)
TIGHT = Pattern(
    r"\bmpi\w*|\bhosts? ?file|\bbarriers?\b|tightly coupled|\bmulti-?node", re.IGNORECASE
)
NODES = Pattern(
    r"(?<![\w.])(?P<n>\d{1,4})[ -](?:x )?(?:(?!(?:tasks?|per|of|on|gpus?|v?cpus?)\b)"
    r"[\w-]{1,20} ){0,2}?(?:vms?|nodes?|machines?|hosts?|instances?"
    r"|[a-z]\d[a-z]?-[a-z]+-\d+s?)\b(?! (?:type|template|pool))",
    re.IGNORECASE,
)
PER_THING = Pattern(
    r"\b(?:1|a|own) task (?:per|for (?:each|every))\s+(?:single )?(?P<t>[\w.-]+)|\b(?:each"
    r"|every) (?P<u>[\w-]+)(?: [^\s,;]+){0,5} (?:as )?(?:its|his|their|a|an?|1) (?:own "
    r"|separate )?task\b"
    rf"|\bfor (?:each|every) (?:single )?(?:(?:1 )?of (?:the|our|my|these|all"
    rf"|your) )?(?P<y>[a-z][\w-]*)(?: (?:in|of|we|that"
    rf"|on)(?: [\w'-]+){{1,4}})?"
    rf",? (?:please )?(?:i want to |we |i )?(?:run|do|execute|start|call"
    rf"|launch)(?: the command)? {FILL}"
    r"|\b1 (?P<x>[a-z]+) (?:per|for (?:each|every)|in each|to a|a) task\b"
    r"|\b(?:task|run(?: it)?|job|once) (?:per|for (?:each|every)) (?P<v>(?!vm|node|machine"
    r"|hour|day|task|week|minute|host|instance)[\w.-]+)",
    re.I,
)
VAGUE = Pattern(
    r"\b(?:(?:a (?:whole )?)?(?:bunch|lots?|load|loads|ton|tons|couple|number|handful|pile"
    r"|heap) of|several|many|some|multiple|a few|various|dozens of|hundreds of|thousands of"
    r"|as many as needed|n|x) (?:\w+ )?tasks\b",
    re.I,
)


# "tasks per 4 nodes", "at most 3 machines": no number of VMs that there are.
A_VM = Pattern(r"\b(?:per|most|than|up to|maximum|on 1 of|each of)\s*$", re.IGNORECASE)
A_PIECE = Pattern(r"\s*(?:(?:each|apiece|for (?:each|every)|per|an?|every)\b|/|=)", re.IGNORECASE)
IS_ONE = Pattern(rf"(?:\b{BECOMES}|=|\u2192|->|=>)\s*(?:own )?$", re.IGNORECASE)


def read_task_count(page: Page) -> Asked[int] | None:
    """How many tasks: said outright, as an array, as copies, or as the things to be worked on."""
    return said_outright(page) or read_things(page) or _nodes(page) or _once(page)


def said_outright(page: Page) -> Asked[int] | None:
    """A number of tasks in so many words: "20 tasks", "array 0-9", "5 copies"."""
    for number, pattern in enumerate(COUNTS):
        gap = "(?P<w>" in pattern.pattern  # of "25 spot tasks" the middle may be read already
        for match in page.find(pattern, free=not gap):
            spans = (match.span("n"), (match.end() - 1, match.end())) if gap else ()
            if not all(page.is_free(*span) for span in spans):
                continue
            value = _value(page, match)
            if value and _is_count(page, match, number):
                return Asked(value=value, quote=page.take(*match.span()))
    return None


def _value(page: Page, match: re.Match[str]) -> int | None:
    """A number, or how many a range holds."""
    groups = match.groupdict()
    if groups.get("a") is None:
        return int(match["n"])
    low, high = int(match["a"]), int(match["b"])
    if high <= low or re.search(r"exit|code", page.left(match.start(), 20), re.I):
        return None
    return high - low + 1


def _nodes(page: Page) -> Asked[int] | None:
    """Where processes work together over several VMs, or so many tasks go on each, their number."""
    each = page.draft.tasks_per_node
    if each is None and not TIGHT.search(page.norm):
        return None
    for match in page.find(NODES, free=False):
        if page.is_free(*match.span("n")) and not A_VM.search(page.left(match.start(), 30)):
            value = int(match["n"]) * (each.value if each is not None else 1)
            return Asked(value=value, quote=page.take(*match.span()))
    return None


def _once(page: Page) -> Asked[int] | None:
    for match in list(page.find(SINGLE)) or list(page.find(ONCE)):
        return Asked(value=1, quote=page.take(*match.span()))
    return None


def _is_count(page: Page, match: re.Match[str], number: int) -> bool:
    """Whether a number counts tasks and not attempts, machines or rows."""
    left = page.left(match.start(), 45)
    right = page.right(match.end(), 40)
    if number == 0:
        return True
    if re.search(
        r"\b(?:at most|no more than|not more than|up to|maximum|max|more than"
        r"|limit(?:ed)?(?: to| of)?|than)\s*$",
        left,
        re.I,
    ) and (number != 1 or re.search(rf"^(?:[\w' ]{{0,20}}){AT_ONCE}", right, re.I)):
        return False
    if (
        re.search(
            r"\b(?:retr(?:y|ies|ied)|again|attempts?|tries|tried|try|rerun)\b[^,;.]*$", left, re.I
        )
        and number >= 5
    ):
        return False
    if number == 1 and match["n"] == "1" and (A_PIECE.match(right) or IS_ONE.search(left)):
        return False  # "25 clips, one task each", "each field = one task"
    if number == 6 and (HANDS.search(left) or match["n"] == "1"):
        return False  # "a task takes 200 of them"
    if number == 1:
        return not re.search(r"\b(?:failed?|first|last|next|other|failing)\b", match["w"], re.I)
    if number >= 5 and re.match(
        r"\s*(?:a |more )?(?:new |another )?(?:retr|tr(?:y|ies)|attempt)", right
    ):
        return False
    rate = re.search(r"\b(?:a|per) (?:day|week|hour)\b|faster", right, re.I)
    return not (number == 5 and rate)


def read_vague_count(page: Page) -> str | None:
    """What is to be counted, where tasks were asked for without a number that can be known."""
    for match in page.find(PER_THING, free=False):
        thing = match["t"] or match["u"] or match["v"] or match["x"] or match["y"]
        if thing.lower() in (
            "of",
            "vm",
            "node",
            "machine",
            "task",
            "time",
            "host",
            "instance",
            "container",
            "core",
            "gpu",
            "run",
            "step",
            "job",
            "zone",
            "hour",
            "day",
        ):
            continue
        return thing
    for match in page.find(VAGUE):
        page.take(*match.span())
        return "tasks"
    return None


PER_CORE = Pattern(r"\b1 task (?:per|for (?:each|every)|on each) core\b", re.IGNORECASE)


def count_by_cores(page: Page) -> None:
    """As in "14 cores, 1 task per core": the cores are of the job and tell how many tasks."""
    draft = page.draft
    if draft.task_count is not None or draft.cpu_milli is None:
        return
    for match in page.find(PER_CORE):
        if draft.cpu_milli.value % 1000 == 0:
            page.take(*match.span())
            draft.task_count = Asked(
                value=draft.cpu_milli.value // 1000, quote=draft.cpu_milli.quote
            )
            draft.cpu_milli = None
        return


AT_MOST = Pattern(
    r"\b(?:most|than|to|max\w*|only|limit\w*|let|parallelism|concurrency)\b", re.IGNORECASE
)


def count_in_limit(page: Page) -> None:
    """As in "3 tasks in parallel": without another number it is how many there are."""
    draft = page.draft
    limit = draft.parallelism
    if draft.task_count is not None or limit is None or page.before is not None:
        return
    at = page.turn.find(limit.quote)
    said = page.left(page.at(max(at, 0)), 20) + " " + limit.quote
    noun = re.compile(r"\b(?:tasks?|runs|copies|jobs)\b", re.IGNORECASE)
    after = page.turn[at + len(limit.quote) :].split()[:1] if at >= 0 else []
    if noun.search(" ".join([limit.quote, *after])) and not AT_MOST.search(said):
        draft.task_count = limit.model_copy()
