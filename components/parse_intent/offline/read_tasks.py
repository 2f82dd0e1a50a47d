"""How many tasks at once, and in which order."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.read_things import unit_nouns

AT_ONCE = (
    r"(?:at (?:once|a time|1 time|the same (?:time|moment)|any (?:1|given|1 given)? ?(?:time"
    r"|moment|point)"
    r"|1 go|the very same (?:time|moment))|in parallel|concurrently|concurrent(?:ly)?"
    r"|simultaneously|simultaneous"
    r"|in flight|at a go|wide|at any moment|at any point|together|parallel|side by side"
    r"|in (?:the )?same (?:time|moment)|(?:in|at) 1 time|alongside (?:each other|1 another)"
    r"|in 1 go|-at-a-time|abreast"
    r"|running in parallel)"
)
GAP = r"(?:[ \t]+(?!\d)[\w'%-]+){0,7}?"
PARALLEL = [
    Pattern(rf"(?<![\w.:/-])(?P<n>\d{{1,7}})\)?(?P<w>{GAP})[ -]+{AT_ONCE}\b", re.IGNORECASE),
    Pattern(
        r"\b(?:parallelism|concurrency|par|conc|(?:maximum )?parallel(?: tasks?| limit)?"
        r"|parallel_?tasks?"
        r"|width|max(?:imum)? (?:running|concurrent|simultaneous|in flight)(?: tasks)?"
        r"|(?:concurrent|simultaneous) tasks)"
        r"(?:\s+(?:level|limit|cap|factor))?\s*(?:is|=|:|to|of|at|should be|must be)?\s*(?:to "
        r"|at most |maximum )?(?P<n>\d{1,7})\b",
        re.IGNORECASE,
    ),
    Pattern(
        rf"\b{AT_ONCE},?(?:\s+(?!\d)[\w'-]+){{0,3}}\s+(?:than|most|maximum|to|only|just"
        rf"|over)\s+(?P<n>\d{{1,7}})\b",
        re.IGNORECASE,
    ),
    Pattern(
        rf"\b(?:{AT_ONCE}|same time|parallel(?:ly)?|simultaneous(?:ly)?|concurrent(?:ly)?),?"
        r"(?: (?:running|run|runs|tasks?|jobs?|number|count|working|execution|going|active))*"
        r"(?: (?:is|are|be|should be|may be|must be|of|to))*\s*[=:]?"
        r"(?: (?:maximum|at most|only|up to|not more than|no more than|never more than|about))* "
        r"(?P<n>\d{1,6})\b(?! ?(?:minutes?|hours?|h|gb|gib|cpus?|vcpus?|cores?|times|retr\w+))",
        re.IGNORECASE,
    ),
    Pattern(r"\b(?P<n>\d{1,6})-way\b", re.IGNORECASE),
    Pattern(r"\bas (?:parallel|wide|concurrent) as (?P<n>\d{1,6})\b", re.IGNORECASE),
    Pattern(
        r"\b(?:at |by )?(?P<n>\d{1,6}) (?:a|per|each|every|to a) (?:time|go|round|wave)\b",
        re.IGNORECASE,
    ),
    Pattern(r"(?<![\w.:/-])(?P<n>\d{1,6}) ?(?:\|\||\u2225|//)(?=[\s,.;)]|$)"),
    Pattern(r"(?:\|\||\u2225) ?[=:]? ?(?P<n>\d{1,6})(?=[\s,.;)]|$)"),
    Pattern(
        r"\b(?:in )?(?:waves|batches|groups) of (?P<n>\d{1,6})\b(?! (?:mb|gb|rows|files"
        r"|images|records))",
        re.IGNORECASE,
    ),
    Pattern(
        r"\b(?:throttled?|capped|limited?) (?:it |them |things )?(?:to"
        r"|at) (?P<n>\d{1,6})(?= (?:running|concurrent|parallel|tasks)|[,.;]|\s*$|\n)",
        re.IGNORECASE,
    ),
    Pattern(
        r"\b(?:than|most|maximum|only|ever|up to|keep|max) (?P<n>\d{1,6}) (?:of them |tasks )?"
        r"(?:running|going|active|alive|in the air|busy|live)\b",
        re.IGNORECASE,
    ),
    Pattern(
        r"\b(?P<n>\d{1,6}) (?:of (?:them|those|these) )?(?:should |may |can "
        r"|must )?(?:be )?running\b",
        re.IGNORECASE,
    ),
]
ALL_AT_ONCE = Pattern(
    rf"\b(?:all|every(?:thing| 1| single 1)?)(?: \d+| of (?:them|it|these|those)"
    rf"| tasks)?(?: \w+){{0,3}} {AT_ONCE}\b",
    re.IGNORECASE,
)
ONE_BY_ONE = Pattern(
    r"\b(?:1 (?:task |job |step )?(?:at a time|at once|(?:in|at|per|each) (?:1|a|any|the same"
    r"|every) (?:single )?"
    r"(?:moment|time))|1 by 1|never (?:2"
    r"|more than 1)[\w ]{0,12} (?:at once|at a time|together)"
    r"|one by one|no (?:2|more than 1)(?: tasks?)? (?:at|in) \w+)\b",
    re.IGNORECASE,
)
IN_ORDER = Pattern(
    r"\b(?:in (?:(?:the|strict|strictly|index|task|numerical|ascending|sequential) ){0,4}"
    r"(?:order|sequence)(?! to\b| of (?:\d|size|magnitude))|in_order"
    r"|sequential(?:ly)?|serial(?:ly)?|1 (?:[a-z]+ )?after (?:another|the (?:other|next"
    r"|previous))|back to back|consecutively)\b"
    r"|\b(?P<again>day|week|month|year|hour|night|task|step|chapter|block|batch|shard|part"
    r"|quarter|run|leg)s? "
    r"(?:after|by) (?P=again)\b|\b(?:strict|index|numerical|ascending|chronological"
    r"|sequential) order\b"
    r"|\b(?:ordered|sorted) by (?:the )?(?:task )?index\b"
    r"|\b(?:after|needs?|follows?|waits? for|reads?) the 1 before\b"
    r"|\border matters\b|\bwaits? for the (?:previous|preceding|1 before|last)\b"
    r"|\bdepends on the (?:1|task|run|result|previous|preceding)\b"
    r"|\b(?:us(?:e|es|ing)|needs?|reads?|takes?|depends? on|builds? on|continues? from"
    r"|starts? from) (?:the )?"
    r"(?:results?|outputs?|states?|files?|data|numbers) (?:of|from) (?:the )?(?:last|previous"
    r"|preceding|former|prior"
    r"|1 before|task before)\b"
    r"|\bonly starts? (?:when|once|after) (?:task|the) ?\w*|\b(?:only )?(?:after|once"
    r"|when) the (?:previous|preceding|last)"
    r"(?: (?:1|task|run))?(?: (?:is|has|was))?(?: (?:done|finished|ended|over))?\b"
    r"|\bbefore (?:starting |beginning |it starts |going to )?the next(?: (?:1|task|run))?\b",
    re.IGNORECASE,
)
NO_ORDER = Pattern(
    r"\b(?:any order|no (?:particular|special|specific) order|order does(?:n't| not) matter)\b",
    re.I,
)


def read_in_order(page: Page) -> Asked[bool] | None:
    """Whether the tasks run one after another."""
    for match in page.find(NO_ORDER):
        page.take(*match.span())
    for pattern in (IN_ORDER, ONE_BY_ONE):
        for match in page.find(pattern):
            near = page.norm[match.start() : match.end() + 30]
            if page.negated(match.start()) and not near.lower().startswith(("never", "no ")):
                continue
            if pattern is IN_ORDER and _order_of_steps(page.sentence_text(match.start())):
                continue
            return Asked(value=True, quote=page.take(*match.span()))
    return None


def _order_of_steps(sentence: str) -> bool:
    """Whether steps, not tasks, follow one another: they always do."""
    steps = re.search(r"\bsteps?\b|\bboth\b|\brunnables\b|\bcontainers\b", sentence, re.I)
    return steps is not None and not re.search(r"\btasks\b", sentence, re.I)


def read_parallelism(page: Page) -> tuple[Asked[int] | None, bool]:
    """The most tasks at once, and whether all at once were asked."""
    found: Asked[int] | None = None
    for pattern in PARALLEL:
        for match in page.find(pattern):
            if _of_threads(page, match) or EVERY_ONE.search(page.left(match.start(), 20)):
                continue
            value = int(match["n"])
            if value == 2 and NEVER.search(page.left(match.start(), 12)):
                value = 1  # "never two together"
            asked: Asked[int] = Asked(value=value, quote=page.quote(*match.span()))
            # "200 tasks at once" may be count and limit: leave "200 tasks" to the count.
            page.take(match.start("n"), match.end())
            if found is not None and value < found.value and TIMES.search(found.quote):
                # "12 times in parallel, 4 at any moment": the larger one is the count
                page.draft.task_count, found = page.draft.task_count or found, asked
            found = found or asked
    if found is None:
        for match in page.find(ALL_AT_ONCE):
            if not page.negated(match.start()):
                page.take(*match.span())
                return None, True
    return found, False


TIMES = Pattern(r"\b(?:times|x|tasks?|runs|copies|jobs)\b", re.IGNORECASE)
EVERY_ONE = Pattern(r"\b(?:every|each|every single|any)\s+$", re.IGNORECASE)
NEVER = Pattern(r"\b(?:never|no|not|not any)\s+$", re.IGNORECASE)


OTHER_UNITS = Pattern(
    r"\b(?:threads?|cpus?|vcpus?|cores?|gpus?|gb|gib|ssds?|disks?|minutes|hours|days"
    r"|weeks|months|seconds|retries)\b",
    re.IGNORECASE,
)


def _of_threads(page: Page, match: re.Match[str]) -> bool:
    """Whether something else than tasks is counted, or a time that is no task's own."""
    found = OTHER_UNITS.search(match.group())
    return found is not None and found.group().lower().removesuffix("s") not in unit_nouns(page)


# "half of them at once"
SHARE = Pattern(
    r"\b(?P<s>half|a quarter|quarter|1 quarter|a third|1 third|3 quarters"
    r"|(?P<p>\d{1,2}) ?(?:%|percent))"
    rf"(?: of (?:them|it|these|those|all|the tasks|all tasks))?(?: \w+){{0,2}}? {AT_ONCE}\b",
    re.IGNORECASE,
)
SHARES = {"half": 0.5, "quarter": 0.25, "third": 1 / 3, "3 quarters": 0.75}


def read_share(page: Page, count: int) -> Asked[int] | None:
    """The most tasks at once where they are given as a share of all, at least 1."""
    for match in page.find(SHARE):
        word = re.sub(r"^(?:a|1) ", "", match["s"].lower())
        share = int(match["p"]) / 100 if match["p"] else SHARES[word]
        return Asked(value=max(1, round(count * share)), quote=page.take(*match.span()))
    return None
