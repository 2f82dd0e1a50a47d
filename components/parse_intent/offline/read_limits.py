"""What a task gets and how long it may take: CPU, memory, time."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked
from components.parse_intent.offline.amounts import KEYED, Amount
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

CPU_NOUN = r"(?:v ?cpus?|cpus?|v?cores?|processors?)"
CPU = [
    Pattern(
        r"\b(?:cpu[ _]?milli|milli[ _-]?cpus?)\s*(?:is|=|:|to|of)?\s*(?P<milli>\d{2,6})\b",
        re.IGNORECASE,
    ),
    Pattern(
        r"(?<![\w.])(?P<milli>\d{2,6})\s?(?:m(?:illi)?[ -]?(?:v?cpus?|cores?)|m(?= cpu))\b",
        re.IGNORECASE,
    ),
    Pattern(
        rf"(?<![\w.:/-])(?P<n>\d{{1,4}}(?:\.\d{{1,3}})?"
        rf"|\.\d)(?P<half> and a half)?[ -]?(?:x )?(?:virtual "
        rf"|physical )?{CPU_NOUN}\b(?! platform)",
        re.IGNORECASE,
    ),
    Pattern(
        r"\b(?P<frac>half|quarter of|a quarter of) (?:an? |of an? )?(?:v|virtual )?(?:cpu|core)\b",
        re.IGNORECASE,
    ),
    Pattern(r"\b(?P<many>dual|quad|octa)[ -]core\b", re.IGNORECASE),
    Pattern(r"\b(?:an?|single) (?P<one>(?:v|virtual )?(?:cpu|core))\b", re.IGNORECASE),
    Pattern(
        rf"\b{CPU_NOUN}(?: count| per task| each)?\s*(?:is|=|:|to"
        rf"|of)\s*(?P<n>\d{{1,4}}(?:\.\d{{1,3}})?)(?P<half>)(?!\w|\.\d)",
        re.IGNORECASE,
    ),
    Pattern(
        rf"(?:^|[,;/|\n(.]\s*(?:[-*\u2022]\s+)?|\brequests? (?:of )?){CPU_NOUN} "
        r"(?P<n>\d{1,4}(?:\.\d{1,3})?)(?P<half>)(?=\s*(?:[,;/|\n)]|$|and\b|(?:mem\w*|ram)\b))",
        re.IGNORECASE,
    ),
    Pattern(
        r"(?<![\w.])(?P<n>\d{1,3})(?P<half>)c(?=[ /,+x]{1,3}\d{1,4} ?(?:g|m)\w{0,2}\b)",
        re.IGNORECASE,
    ),
    Pattern(r"\bcpus?[ -]per[ -]task[ =:]+(?P<n>\d{1,4})(?P<half>)\b", re.IGNORECASE),
]


CORES_OF = {"dual": 2, "quad": 4, "octa": 8}


def read_cpu(page: Page) -> Asked[int] | None:
    """A task's CPU in thousandths of a vCPU."""
    for pattern in CPU:
        for match in page.find(pattern):
            groups = match.groupdict()
            if groups.get("milli"):
                value = int(match["milli"])
            elif groups.get("n"):
                value = round((float(match["n"]) + (0.5 if match["half"] else 0)) * 1000)
            elif groups.get("many"):
                value = 1000 * CORES_OF[match["many"].lower()]
            elif groups.get("frac"):
                value = 500 if match["frac"].lower() == "half" else 250
            else:
                value = 1000
            if value <= 0 or page.negated(match.start()):
                continue
            return Asked(value=value, quote=page.take(*match.span()))
    return None


DISK_RIGHT = Pattern(
    r"^[ -]*(?:\([^)]*\) ?)?(?:(?:of|new|extra|additional|persistent|balanced|local|scratch"
    r"|boot|standard|root|zonal|big|the|a|an|fast|data|network|on)\s+){0,4}"
    r"(?:disk|ssd|hdd|pd-|pd\b|hyperdisk|storage|volume|nvme|drive|in all|in total|total"
    r"|local-ssd|boot)",
    re.I,
)
DISK_LEFT = Pattern(
    r"\b(?:disks?|ssds?|pd-\w+|hyperdisk\S*|drive|storage|boot|local-ssd|hdd)\b[^.;\n]{0,24}$", re.I
)
MEMORY_RIGHT = Pattern(r"^[ -]*(?:of )?(?:(?:main|system|each)\s+)?(?:ram|memory)\b", re.I)
MEMORY_LEFT = Pattern(
    r"\b(?:ram|memory(?:[ _]?mib)?)\b(?:\s+\w+){0,3}?\s*(?:[:=]|is|to|of|at|per task)?\s*$", re.I
)
AFTER_CPU = Pattern(
    rf"(?:{CPU_NOUN}|\b\d{{1,3}}c)(?: each)?\s*(?:[,/+&]|and|with|plus)?\s*(?:about |around )?$",
    re.I,
)
EACH_RIGHT = Pattern(
    r"^\s*(?:each|apiece|per task|a task|a piece|per (?!vm|disk|node)\w+|for each)\b", re.I
)
SUFFICES = Pattern(
    r"^,? ?(?:(?:of ram|should|would|will|is|are|be|more than|really|probably|that|it|which|to be"
    r"|of it) ){0,4}(?:ok|okay|enough|plenty|sufficient|fine|do|suffices?|needed|required|safe)\b",
    re.I,
)
NEEDS = Pattern(
    r"\b(?:needs?|requires?|uses?|eats?|wants?|takes?|peaks? at|consumes?)"
    r"(?: (?:about|around|roughly|up to|at least|at most|maximum|maybe|like|some|only|just))*\s*$",
    re.I,
)
TRAFFIC = Pattern(
    r"^ ?(?:of |worth of )?(?:the |its )?(?:input|output|results?|downloads?|data|files?|logs?)\b",
    re.I,
)
NOT_SIZE = Pattern(
    r"\b(?:image|file|files|dataset|data|input|inputs|download|reads|writes|output|archive"
    r"|weighs|shm-?size[ =]?)(?:\s+\w+){0,2}\s+(?:is|are|has|of|about|around|weighs)?\s*$"
    r"|shm[ -]?size[= ]*$",
    re.I,
)
# "us-docker.pkg.dev/p/r/i:1 (12 GB)", "the image X is huge (12 GB)"
OF_IMAGE = Pattern(
    r"[\w-]/[\w./-]+[:@][\w.:-]+ ?\((?:\w+ ){0,2}$"
    r"|\b(?:images?|datasets?|archives?|checkpoints?|weights|files?)\b[^;\n]{0,100}\b(?:is|are"
    r"|weighs?)\b"
    r"[^;,\n]{0,25}$",
    re.I,
)
# "6 gigs", "each needs 6 GB": a size that is a clause of its own
ALONE = Pattern(
    r"\W*(?:(?:each|it|they|tasks?|every|per|a|needs?|requires?|wants?|takes?|uses?|eats?|about"
    r"|around"
    r"|with|of|and|gets?|give|them|for|run|1|roughly|up|to|at|least|minimum|maximum|should|have"
    r"|has|so|then|therefore|hence|thus|say|let's|make|better|rather|please|we|you|i)"
    r"\W*)*",
    re.IGNORECASE,
)
SPOKEN_OF = Pattern(r"\b(?:memory|ram)\b[^;\n]*$", re.IGNORECASE)
OTHER_SIZE = Pattern(
    r"\b(?:disks?|ssds?|hdd|drives?|volumes?|images?|files?|data\w*|inputs?|outputs?|downloads?"
    r"|shm|gpus?|buckets?|storage|hyperdisk|pd)\b",
    re.IGNORECASE,
)
MEMORY_MIB = Pattern(r"\bmemory[ _]?mib\s*(?:is|=|:|to)?\s*(?P<n>\d{2,8})\b", re.IGNORECASE)


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


BEFORE_CPU = Pattern(rf"\s*(?:[,/+&]|and|with|ram)?\s*\d+ ?{CPU_NOUN}", re.I)
OF_GPU = Pattern(r"\b(?:a100|h100|h200)\b *$", re.I)
# What the words before a size, and those behind it, add to its weight as memory.
LEFT_SIGNS = ((AFTER_CPU, 5), (NEEDS, 3), (NOT_SIZE, -9), (OF_GPU, -9))
RIGHT_SIGNS = ((BEFORE_CPU, 4), (EACH_RIGHT, 2), (SUFFICES, 4), (DISK_RIGHT, -9), (TRAFFIC, -3))


def _memory_points(page: Page, size: Amount) -> int:
    left = page.left(size.start, 45)
    right = page.norm[size.end : size.end + 40]
    points = -9 if OF_IMAGE.search(page.left(size.start, 160)) else 0
    points += 8 if MEMORY_RIGHT.match(right) or MEMORY_LEFT.search(left) else 0
    points += sum(weight for sign, weight in LEFT_SIGNS if sign.search(left))
    points += sum(weight for sign, weight in RIGHT_SIGNS if sign.match(right))
    if SPOKEN_OF.search(page.left(size.start, 60)) and not OTHER_SIZE.search(page.near(size.start)):
        points += 3  # "with lots of memory, he said 256 GB"
    clause = page.norm[slice(*page.clause(size.start))]
    if ALONE.fullmatch(clause.replace(page.norm[size.start : size.end], "", 1)):
        points += 3
    if DISK_LEFT.search(page.left(size.start, 40)) and points < 5:
        points -= 6
    return points


LIMIT_LEFT = Pattern(
    r"\b(?:maximum|at most|up to|no more than|not more than|more than|longer than|over|above|under"
    r"|within|less than|timeout|time limits?|limits?|limited"
    r"|cap|capped|cap it|cap them|cut (?:it|them|each)? ?off at|ttl|after|allowed|budget"
    r"|run ?time|runtime|walltime|wall time"
    r"|deadline|has time|until"
    r"|max[ _]?run[ _]?duration|duration|(?:may|can|might) (?:take|run|last|use|need)"
    r"|gets?|has"
    r"|allow(?: (?:it|them|each))?|no later than|give (?:each|it|them|each)[\w ]{0,12}"
    r"|kill(?:ed)?|stop(?:ped)?|abort(?:ed)?|terminate[ds]?|exceeds?|past|beyond|finished in"
    r"|done in|finish in|for|run|time)\b"
    r"(?:\s+(?:of|is|to|at|it|be|for|a|an|the|after|each|every|task|should|must|set|out|them"
    r"|run|about|by|with|in|than))*\s*[:=]?\s*$|[<>\u2264]=? ?$",
    re.I,
)
LIMIT_RIGHT = Pattern(
    r"^\s*(?:-?\s*)?(?:(?:per|for each|for every|an?|each) [a-z]{2,20},? (?:at (?:the )?most|tops"
    r"|maximum|not more|no more|or less)|(?:each |per \w+ )?at the (?:very )?(?:most|outside)"
    r"|maximum|limit|timeout"
    r"|time limit|tops|at most|cap|or less|hard limit"
    r"|(?:per task )?(?:maximum|timeout|limit)|each at most|each\b|apiece"
    r"|(?:per|an?|for (?:each|every|a|1)) (?!(?:day|week|month|year|hour|minute|night|second|vm"
    r"|node|machine|gb|cpu"
    r"|core|core-hour|person)\b)[a-z]+"
    r"|a task|deadline|walltime"
    r"|is the (?:absolute |hard )?(?:maximum|limit|cut-?off|cap|ceiling|deadline|most)"
    r"|and (?:then )?(?:kill|stop)"
    r"|of (?:[\w-]+ ){0,2}?(?:run ?time|running|wall ?time|wall ?clock|compute time)"
    r"|without (?:a |any )?(?:break|interruption|stop|pause)s?|uninterrupted|non-?stop"
    r"|in (?:1|a single) (?:go|run|stretch)|at a stretch|straight)\b",
    re.I,
)
KILL = Pattern(
    r"\b(?:(?:is|means) (?:a bug|broken|dead|hung|wrong|an error)|kill(?:ed)?|stop(?:ped)?"
    r"|abort(?:ed)?|terminated?|stuck|cut off|time (?:it "
    r"|them )?out|timeout|hung|hanging|give up|pull the plug|limit|maximum|without a break"
    r"|in 1 go)\b",
    re.I,
)
USUAL = Pattern(
    r"\b(?:takes?|took|lasts|(?<!the )last|usually|normally|typically|on average|roughly|about"
    r"|around"
    r"|expect(?:ed)?|approximately|~|should be (?:done|finished)|ran for)\b[^.;]{0,25}$",
    re.I,
)
MAY = Pattern(r"\b(?:may|can|must|should|allowed to|might)(?: not)? \w+ (?:for )?$", re.IGNORECASE)
EXCEEDS = Pattern(
    r"\b(?:more than|longer than|over|exceeds?|still (?:going|running)|at most|up to|maximum"
    r"|max|than|above|beyond)\b[^.;,]{0,20}$|[<>\u2264]=? ?$",
    re.I,
)
EVERY = Pattern(
    r"\b(?:every|each|per|ago|old|last|the past|next|sleeps?|wait(?:s|ing)?|keep (?:logs|them)"
    r"|poll\w*)\s*(?:for\s+|about\s+|the\s+|of\s+|our\s+)*$",
    re.I,
)


# "an hour of audio" measures what is worked on
OF_DATA = Pattern(
    r"\s*(?:worth )?of (?!(?:[\w-]+ ){0,2}(?:run ?time|running|wall ?time|wall ?clock|compute|time"
    r"|computing|processing|cpu|the|each|every|it|them|work)\b)[a-z]",
    re.I,
)
# "allow every point ten hours", "a run gets 2 days", "each of them has an hour"
GIVEN = Pattern(
    r"\b(?:give|gives|gets?|allow|allows|grant|grants|has|have)\s+(?:to )?(?:each|every|any"
    r"|all|a|an"
    r"|1|the|those|them|your)(?: (?:1|of|the|them|those|these|single))*(?: \d+)?"
    r"(?: [a-z][a-z-]+){0,2}(?: (?:about|up to|at most|maximum|only|no more than))*\s*$"
    r"|\b(?:each|every|any|all)(?: of (?:them|those|these|the))?(?: [a-z][a-z-]+){0,2} (?:gets?|has"
    r"|have|is allowed|are allowed|is given|are given)(?: (?:about|up to|at most|maximum"
    r"|only))*\s*$",
    re.I,
)


ENDS = Pattern(
    r"\b(?:kill|stop|abort|terminat|cancel|cut|end|give up|time out)(?:p?ed|s"
    r"|e[ds]?)?(?: [a-z']+){0,3}"
    r" (?:after|at|past|beyond|over)\s*$",
    re.I,
)
OTHER_TIME = Pattern(r"\s*(?:ago|old|later|apart|between)\b", re.I)
SLEEPS = Pattern(r"sleep\w*\s*$", re.I)
LONGER = Pattern(r"\b(?:timeout|time limit|no longer than|longer)\b", re.I)


def time_points(page: Page, amount: Amount) -> int:
    """How much a duration looks like a limit on a task's time."""
    left = page.left(amount.start, 60)
    points = 1 + _limit_points(left, page.right(amount.end, 60), page.sentence_text(amount.start))
    own = page.norm[max(page.clause(amount.start)[0], amount.start - 60) : amount.start]
    usual = USUAL.search(own if LIMIT_LEFT.search(own) else left)
    if usual and not EXCEEDS.search(left) and not MAY.search(left):
        points -= 6
    if "month" in page.norm[amount.start : amount.end].lower() and points < 6:
        points -= 4  # "12 months of data" is no limit
    points += 5 if of_whole_task(page, amount) else 0
    points += 3 if amount.unit == KEYED else 0
    clause = page.norm[slice(*page.clause(amount.start))].strip(" ,.;:-*/|\n")
    return points + (clause == page.norm[amount.start : amount.end])


def _limit_points(left: str, right: str, sentence: str) -> int:
    """What the words around a duration say for a limit, and against it."""
    given = GIVEN.search(left)
    other = (EVERY.search(left) and not given) or OTHER_TIME.match(right)
    weights = (
        (-8, other),
        (5, LIMIT_LEFT.search(left) or given),
        (5, LIMIT_RIGHT.match(right)),
        (3, ENDS.search(left)),
        (2, KILL.search(sentence)),
        (1, LONGER.search(sentence)),
        (-20, SLEEPS.search(left)),
        (-12, OF_DATA.match(right)),
    )
    return sum(weight for weight, found in weights if found)


WHOLE = Pattern(
    r"\b(?:(?:whole|entire|complete) (?:task|thing|job|run)|overall|in all|altogether|in total"
    r"|all in all|as a whole|everything together|together)\b",
    re.IGNORECASE,
)
WHOLE_LEFT = Pattern(r"\b(?:as a whole|overall|in total|total|altogether): (?:[a-z]+ ){0,3}$", re.I)


def of_whole_task(page: Page, amount: Amount) -> bool:
    """Whether a time is said of the task as a whole, and of none of its steps."""
    clause = page.norm[slice(*page.clause(amount.start))]
    return bool(WHOLE.search(clause) or WHOLE_LEFT.search(page.left(amount.start, 60)))


# "the model for 52 weeks", and not "it must run for 3 weeks"
OF_WORK = Pattern(
    r"^(?!.*\b(?:run|runs|running|last|lasts|take|takes|up to|allow(?:ed)?|need|needs|go"
    r"|continue|work|time|limit"
    r"|timeout|maximum|without|stay|keep)\b).*\b(?:for|over|across|of) (?:all |the |these "
    r"|about )*$",
    re.I | re.S,
)
LONGEST = 14 * 86400  # seconds that a task may run; more must be asked for in so many words


def pick_time(page: Page, amounts: list[Amount]) -> Amount | None:
    """The duration that is the task's time limit, if any is."""
    best: tuple[int, Amount] | None = None
    for amount in amounts:
        if page.is_free(amount.start, amount.end):
            points = time_points(page, amount)
            if amount.value > LONGEST and (points < 5 or OF_WORK.search(page.left(amount.start))):
                continue  # "52 weeks of data": no task may run as long
            if points > 1 and (best is None or points > best[0]):
                best = (points, amount)
    return best[1] if best else None
