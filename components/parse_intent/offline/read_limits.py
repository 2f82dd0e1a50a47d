"""What a task gets and how long and how often it may try: CPU, memory, time, retries."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked, RetryPolicy
from components.parse_intent.offline.amounts import Amount
from components.parse_intent.offline.page import Page

CPU_NOUN = r"(?:v ?cpus?|cpus?|v?cores?|processors?)"
CPU = [
    re.compile(
        r"\b(?:cpu[ _]?milli|milli[ _-]?cpus?)\s*(?:is|=|:|to|of)?\s*(?P<milli>\d{2,6})\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?<![\w.])(?P<milli>\d{2,6})\s?(?:m(?:illi)?[ -]?(?:v?cpus?|cores?)|m(?= cpu))\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?<![\w.:/-])(?P<n>\d{{1,4}}(?:\.\d{{1,3}})?"
        rf"|\.\d)(?P<half> and a half)?[ -]?(?:x )?(?:virtual "
        rf"|physical )?{CPU_NOUN}\b(?! platform)",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?P<frac>half|quarter of|a quarter of) (?:an? |of an? )?(?:v|virtual )?(?:cpu|core)\b",
        re.IGNORECASE,
    ),
    re.compile(r"\b(?:an?|single) (?P<one>(?:v|virtual )?(?:cpu|core))\b", re.IGNORECASE),
    re.compile(
        rf"\b{CPU_NOUN}(?: count| per task| each)?\s*(?:is|=|:|to"
        rf"|of)\s*(?P<n>\d{{1,4}}(?:\.\d{{1,3}})?)(?P<half>)(?![\w.])",
        re.IGNORECASE,
    ),
    re.compile(r"\bcpus?[ -]per[ -]task[ =:]+(?P<n>\d{1,4})(?P<half>)\b", re.IGNORECASE),
]


def read_cpu(page: Page) -> Asked[int] | None:
    """A task's CPU in thousandths of a vCPU."""
    for pattern in CPU:
        for match in page.find(pattern):
            groups = match.groupdict()
            if groups.get("milli"):
                value = int(match["milli"])
            elif groups.get("n"):
                value = round((float(match["n"]) + (0.5 if match["half"] else 0)) * 1000)
            elif groups.get("frac"):
                value = 500 if match["frac"].lower() == "half" else 250
            else:
                value = 1000
            if value <= 0 or page.negated(match.start()):
                continue
            return Asked(value=value, quote=page.take(*match.span()))
    return None


DISK_RIGHT = re.compile(
    r"^[ -]*(?:\([^)]*\) ?)?(?:(?:of|new|extra|additional|persistent|balanced|local|scratch"
    r"|boot|standard|root|zonal|big|the|a|an|fast|data|network|on)\s+){0,4}"
    r"(?:disk|ssd|hdd|pd-|pd\b|hyperdisk|storage|volume|nvme|drive|in all|in total|total"
    r"|local-ssd|boot)",
    re.I,
)
DISK_LEFT = re.compile(
    r"\b(?:disks?|ssds?|pd-\w+|hyperdisk\S*|drive|storage|boot|local-ssd|hdd)\b[^.;\n]{0,24}$", re.I
)
MEMORY_RIGHT = re.compile(r"^[ -]*(?:of )?(?:(?:main|system|each)\s+)?(?:ram|memory)\b", re.I)
MEMORY_LEFT = re.compile(
    r"\b(?:ram|memory(?:[ _]?mib)?)\b(?:\s+\w+){0,3}?\s*(?:[:=]|is|to|of|at|per task)?\s*$", re.I
)
AFTER_CPU = re.compile(
    rf"(?:{CPU_NOUN})(?: each)?\s*(?:[,/+&]|and|with|plus)?\s*(?:about |around )?$", re.I
)
EACH_RIGHT = re.compile(
    r"^\s*(?:each|apiece|per task|a task|a piece|per (?!vm|disk|node)\w+|for each)\b", re.I
)
NOT_SIZE = re.compile(
    r"\b(?:image|file|files|dataset|data|input|inputs|download|reads|writes|output|archive"
    r"|weighs|shm-?size[ =]?)(?:\s+\w+){0,2}\s+(?:is|are|has|of|about|around|weighs)?\s*$"
    r"|shm[ -]?size[= ]*$",
    re.I,
)
MEMORY_MIB = re.compile(r"\bmemory[ _]?mib\s*(?:is|=|:|to)?\s*(?P<n>\d{2,8})\b", re.IGNORECASE)


def read_memory(page: Page) -> Asked[int] | None:
    """A task's memory in MiB; sizes of disks are left to others."""
    for match in page.find(MEMORY_MIB):
        return Asked(value=int(match["n"]), quote=page.take(*match.span()))
    best: tuple[int, Amount] | None = None
    for size in page.sizes:
        if not page.is_free(size.start, size.end):
            continue
        points = _memory_points(page, size)
        if points > 0 and (best is None or points > best[0]):
            best = (points, size)
    if best is None:
        return None
    size = best[1]
    return Asked(value=max(1, round(size.value)), quote=page.take(size.start, size.end))


def _memory_points(page: Page, size: Amount) -> int:
    left = page.norm[max(0, size.start - 45) : size.start]
    right = page.norm[size.end : size.end + 40]
    points = 0
    if MEMORY_RIGHT.match(right) or MEMORY_LEFT.search(left):
        points += 8
    if AFTER_CPU.search(left):
        points += 5
    if re.match(rf"\s*(?:[,/+&]|and|with|ram)?\s*\d+ ?{CPU_NOUN}", right, re.I):
        points += 4
    if EACH_RIGHT.match(right):
        points += 2
    if DISK_RIGHT.match(right) or NOT_SIZE.search(left):
        points -= 9
    if DISK_LEFT.search(page.left(size.start, 40)) and points < 5:
        points -= 6
    if re.search(r"\ba100|h100|h200\b *$", left, re.I):
        points -= 9
    return points


LIMIT_LEFT = re.compile(
    r"\b(?:maximum|at most|up to|no more than|not more than|more than|longer than|over|under"
    r"|within|less than|timeout|time limit|limit|limited"
    r"|cap|capped|cap it|cap them|after|allowed|budget|run ?time|runtime|walltime|wall time"
    r"|deadline|max[ _]?run[ _]?duration|duration|give (?:it|them|each)[\w ]{0,12}"
    r"|kill(?:ed)?|stop(?:ped)?|abort(?:ed)?|terminate[ds]?|exceeds?|past|beyond|finished in"
    r"|done in|finish in|for|run|time)\b"
    r"(?:\s+(?:of|is|to|at|it|be|for|a|an|the|after|each|every|task|should|must|set|out|them"
    r"|run|about|by|with|in|than))*\s*[:=]?\s*$",
    re.I,
)
LIMIT_RIGHT = re.compile(
    r"^\s*(?:-?\s*)?(?:maximum|limit|timeout|time limit|tops|at most|cap|or less|hard limit"
    r"|(?:per task )?(?:maximum|timeout|limit)|each at most|deadline|walltime"
    r"|is the (?:maximum|limit)|and (?:then )?(?:kill|stop))\b",
    re.I,
)
KILL = re.compile(
    r"\b(?:kill(?:ed)?|stop(?:ped)?|abort(?:ed)?|terminated?|stuck|cut off|time (?:it "
    r"|them )?out|timeout|hung|hanging|give up|pull the plug|limit|maximum|without a break"
    r"|in 1 go)\b",
    re.I,
)
USUAL = re.compile(
    r"\b(?:takes?|took|lasts?|usually|normally|typically|on average|roughly|about|around"
    r"|expect(?:ed)?|approximately|~|should be (?:done|finished)|ran for)\b[^.;]{0,25}$",
    re.I,
)
EXCEEDS = re.compile(
    r"\b(?:more than|longer than|over|exceeds?|still (?:going|running)|at most|up to|maximum"
    r"|max|than)\b[^.;,]{0,20}$",
    re.I,
)
EVERY = re.compile(
    r"\b(?:every|each|per|ago|old|last|the past|next|sleeps?|wait(?:s|ing)?|keep (?:logs|them)"
    r"|poll\w*)\s*(?:for\s+|about\s+|the\s+)*$",
    re.I,
)


def time_points(page: Page, amount: Amount) -> int:
    """How much a duration looks like a limit on a task's time."""
    left = page.left(amount.start, 60)
    right = page.right(amount.end, 60)
    sentence = page.sentence_text(amount.start)
    points = 1
    if EVERY.search(left) or re.match(r"\s*(?:ago|old|later|apart|between)\b", right, re.I):
        points -= 8
    if LIMIT_LEFT.search(left):
        points += 5
    if LIMIT_RIGHT.match(right):
        points += 5
    if KILL.search(sentence):
        points += 2
    if re.search(r"\b(?:timeout|time limit|no longer than|longer)\b", sentence, re.I):
        points += 1
    if USUAL.search(left) and not EXCEEDS.search(left):
        points -= 6
    if re.search(r"(?:sleep)\w*\s*$", left, re.I):
        points -= 20
    clause = page.norm[slice(*page.clause(amount.start))].strip(" ,.;:-*\n")
    if clause == page.norm[amount.start : amount.end]:
        points += 1
    return points


def pick_time(page: Page, amounts: list[Amount]) -> Amount | None:
    """The duration that is the task's time limit, if any is."""
    best: tuple[int, Amount] | None = None
    for amount in amounts:
        if page.is_free(amount.start, amount.end):
            points = time_points(page, amount)
            if points > 1 and (best is None or points > best[0]):
                best = (points, amount)
    return best[1] if best else None


RETRY = (
    r"(?:re-?tr(?:y|ies|ied|ying)|retrys|rerun(?:s|ning)?|re-run|restart(?:s|ed)?"
    r"|try (?:it |them |that |each )?again|tried again)"
)
RETRY_COUNT = [
    re.compile(
        r"\bmax(?:imum)?[ _]?(?:retry|retries)(?:[ _]?count)?\s*(?:is|=|:|to|of"
        r"|should be)?\s*(?P<n>\d{1,4})\b",
        re.IGNORECASE,
    ),
    re.compile(r"\bmaxRetryCount\s*(?:is|=|:|to|of)?\s*(?P<n>\d{1,4})\b", re.IGNORECASE),
    re.compile(
        r"(?<![\w.])(?P<n>\d{1,4})\s*(?:x\s*)?(?:more\s+|further\s+|extra\s+"
        r"|automatic\s+)?(?:re-?tries|retry|retrys|reruns|restarts)\b(?!\s*(?:on|code))",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b{RETRY}\b(?P<w>(?:[\s,(]+(?!\d)[\w'-]+){{0,9}}?)[\s:=,(]*(?:x\s?)?"
        rf"(?P<n>\d{{1,4}})\b(?!\s*(?:s\b"
        rf"|sec|min|hour|hrs|h\b|d\b|day|gb|gib|tasks|vcpu|cpu))(?P<t>\s*(?:more )?(?:times|x"
        rf"|attempts|tries)?)",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:tr(?:y|ies)"
        r"|attempt)\b(?:\s+(?!\d)[\w'-]+){0,4}?\s+(?P<n>\d{1,3})\s+(?:more\s+)?(?:times"
        r"|attempts)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?P<n>\d{1,3})\s+(?:more\s+|extra\s+)?(?:attempts|tries|goes"
        r"|chances)\b(?P<total>\s+(?:in total|altogether|in all|total|overall))?",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?P<rest>\b)(?:up to|at most|maximum|no more than"
        r"|only)\s+(?P<n>\d{1,4})\s+(?:more\s+|further\s+)?times\b",
        re.IGNORECASE,
    ),
]
RETRY_WORD = re.compile(
    rf"\b(?:{RETRY})\b[^.;\n]{{0,40}}?\b(?P<w>once|twice|thrice)\b|\b(?P<v>once|twice"
    rf"|thrice) (?:more|again)\b",
    re.IGNORECASE,
)
NO_RETRY = re.compile(
    rf"\b(?:no|zero|0|without(?: any)?|never|don't|do not|not(?: want)?(?: any)?|shouldn't be"
    rf"|mustn't be)\s+(?:automatic\s+|any\s+|be\s+|ever\s+)?(?:{RETRY}|retry)\b"
    rf"|\bretries?\s*(?:off|disabled|[:=]\s*(?:none|no|0))\b",
    re.IGNORECASE,
)
CODES = re.compile(
    r"\b(?:exit(?:s|ed|ing)?(?: with)?(?: a)?(?: codes?| status)?|exit[- ]?codes?"
    r"|return codes?|error codes?|codes?|status|rc)\s*(?:is|of|=|:|with"
    r"|are)?\s*(?P<c>\d{1,5}(?:\s*(?:,|/|or|and|-|to)\s*(?:code )?\d{1,5}(?!\s*(?:times|tasks"
    r"|retries))){0,12})\b",
    re.IGNORECASE,
)
LOST = re.compile(
    r"\b(?:preempt(?:ed|ions?|ible)?|takes? (?:the |my |a )?(?:vm|machine|node|it)s? away"
    r"|taken away|spot (?:kill|reclaim|interruption)\w*|reclaim(?:ed|s)?|evict(?:ed|ion"
    r"|ions)?)\b",
    re.IGNORECASE,
)
FATAL = re.compile(
    r"\b(?:fail(?:ed|s)?(?: \w+){0,3} (?:right away|immediately|at once|fast|straight away"
    r"|for good)|give up|fatal|no (?:retry|retries)|(?:don't|do not|never|not|shouldn't"
    r"|without)(?: \w+){0,2} (?:retry|retries|retried|retrying)"
    r"|no point (?:in )?retrying|pointless|useless to retry|hopeless|fail the task"
    r"|straight to failed)\b",
    re.IGNORECASE,
)
OWN_FAULT = re.compile(
    r"\b(?:own|my|our) (?:code|program|script|bug)|\bapplication (?:error|failure)"
    r"|\bapp (?:error|crash)|\bcode crashes|\bbug\b|\banything else|\bother (?:failures?"
    r"|errors?|codes?|exit codes?)|\bonly (?:retry|on|when|if|for)\b|\bjust (?:for|on"
    r"|when) preempt|\bif it crashes",
    re.IGNORECASE,
)
WORD_COUNTS = {"once": 1, "twice": 2, "thrice": 3}


def read_policies(page: Page) -> list[RetryPolicy]:
    """What exit codes mean: a retry, or an end without one."""
    found: list[RetryPolicy] = []
    for match in page.find(CODES):
        codes = _codes(match["c"])
        sentence = page.sentence_text(match.start())
        clause_fatal = FATAL.search(sentence)
        retry = re.search(RETRY, sentence, re.I)
        if not codes or not (clause_fatal or retry):
            continue
        action = "FAIL_TASK" if clause_fatal and not _retry_is_nearer(page, match) else "RETRY_TASK"
        quote = page.take(*match.span())
        found.append(RetryPolicy(action=action, exit_codes=codes, quote=quote))
    if not found:
        found += _preemption_only(page)
    return found


def _codes(text: str) -> list[int]:
    ranged = re.fullmatch(r"(\d+)\s*(?:-|to)\s*(\d+)", text)
    if ranged and 0 < int(ranged[2]) - int(ranged[1]) <= 20:
        return list(range(int(ranged[1]), int(ranged[2]) + 1))
    return list(dict.fromkeys(int(n) for n in re.findall(r"\d+", text)))


def _retry_is_nearer(page: Page, match: re.Match[str]) -> bool:
    """In "retry on 50001, never on 42" each code goes with the words just before it."""
    before = page.left(match.start(), 80)
    after = page.right(match.end(), 140)
    fatal = [m.start() for m in FATAL.finditer(before)]
    retry = [m.start() for m in re.finditer(RETRY, before, re.I)]
    if fatal or retry:
        last_fatal = max(fatal, default=-1)
        inside = [r for r in retry if last_fatal >= 0 and last_fatal <= r <= last_fatal + 30]
        last_retry = max((r for r in retry if r not in inside), default=-1)
        return last_retry > last_fatal
    return FATAL.search(after) is None


def _preemption_only(page: Page) -> list[RetryPolicy]:
    """Retries asked for lost VMs only, with no code named."""
    for match in page.find(LOST):
        sentence = page.sentence_text(match.start())
        if not re.search(RETRY, sentence, re.I) or not OWN_FAULT.search(page.norm):
            continue
        if re.search(r"\bonly\b", sentence, re.I) or FATAL.search(page.norm):
            quote = page.take(*match.span())
            return [RetryPolicy(action="RETRY_TASK", exit_codes=[50001], quote=quote)]
    return []


def read_retries(page: Page) -> Asked[int] | None:
    """How often a failed task is tried again."""
    for pattern in RETRY_COUNT:
        for match in page.find(pattern):
            groups = match.groupdict()
            if (
                groups.get("w")
                and re.search(r"\b(?:after|code|codes|exit|wait|every)\b", match["w"], re.I)
                and not groups.get("t", "").strip()
            ):
                continue
            if page.negated(match.start()) and match["n"] != "0":
                continue
            if groups.get("rest") is not None and not re.search(
                RETRY, page.sentence_text(match.start()), re.I
            ):
                continue
            value = int(match["n"])
            if groups.get("total"):
                value = max(0, value - 1)
            return Asked(value=value, quote=page.take(*match.span()))
    for match in page.find(RETRY_WORD):
        word = (match["w"] or match["v"]).lower()
        return Asked(value=WORD_COUNTS[word], quote=page.take(*match.span()))
    for match in page.find(NO_RETRY):
        if not page.draft.retry_policies:
            return Asked(value=0, quote=page.take(*match.span()))
    return None
