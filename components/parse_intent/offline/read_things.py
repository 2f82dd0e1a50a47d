"""How many tasks, where only the things to work on are counted: "96 samples", "frames 1 to 50".

Each number that stands with a noun is weighed by the words around it; the heaviest one is the
number of tasks. A command that uses the task's index makes an array of the job, so that the one
number of things in its words is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from components.parse_intent.draft import Asked
from components.parse_intent.offline.normal import FILL
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import words

BEFORE_COUNT = r"(?<![\w.:/$#%-])"
# Nouns that are counted for other reasons: resources, time, attempts, machines.
NOT_THINGS = frozenset(
    words("""
    vcpu vcpus cpu cpus core cores vcore vcores thread threads gpu gpus gb gib mb mib tb tib gig
    gigs meg megs gigabytes megabytes terabytes bytes g t m s h d hours hour hr hrs minutes minute
    min mins seconds second sec secs days day weeks week months month years year nights retry
    retries attempt attempts time times try tries goes chances disk disks ssd ssds drive drives
    step steps zone zones region regions bucket buckets topic topics vm vms machine machines node
    nodes instance instances host hosts server servers boxen dollar dollars percent cents
    label labels tag tags variable variables container containers epoch epochs iteration iterations
    barrier barriers degrees points copies job jobs exit accelerators accelerator card cards t4s
    l4s a100s h100s v100s p100s preemption preemptions failure failures restart restarts stage
    stages always across this his its as is was has does hours us less process class address access
    status runs args fails tokens params parameters arguments units ports digits lines terms needs
    errors codes processors volumes mounts concurrently fps dpi pixels pix kb users keys times
    tasks task ranks slots things ways
    """)
)
OTHER_PLURALS = frozenset(words("people children men women mice series species genera feet"))
NOUN = Pattern(r"[a-z][a-z'/-]*", re.IGNORECASE)
THINGS = Pattern(rf"{BEFORE_COUNT}(?P<n>\d{{1,9}})(?P<x>\s?[x\u00d7])?\s+(?=[a-z])", re.IGNORECASE)
PHRASE = Pattern(r"(?:[a-z][a-z'/-]*[ ]){0,3}[a-z][a-z'/-]*", re.IGNORECASE)
RANGE = Pattern(
    r"(?<![\w.:/$#%-])(?P<a>\d{1,7})(?:\s?(?:-|\.\.\.?|\u2026)\s?|\s+(?:to|through|thru|until|till"
    r"|up to)\s+)(?P<b>\d{1,7})(?![\w%:/-]|\.\d)",
    re.IGNORECASE,
)
KEYED = Pattern(
    r"(?:^|\n|[;,|])[ \t>*-]*(?:(?:number|no\.) of )?(?P<k>[a-z][a-z _/-]{1,30}?)[ \t]*"
    r"[:=][ \t]*(?P<n>\d{1,7})(?=[ \t]*(?:$|[\n;,|(]|\.(?:\s|$)))",
    re.IGNORECASE,
)
EACH = Pattern(
    r"\b(?:each|every|per|apiece|1 task (?:per|for)|its own task|own task|as a task|different"
    r"|a task|1 (?:[a-z]+ )?(?:a|per|for each)|individually|separately)\b",
    re.IGNORECASE,
)
VERB = Pattern(
    r"\b(?:run|process|encode|re-encode|transcode|render|convert|align|simulate|train"
    r"|analy[sz]e|resize|parse|score|compress|index|fit|call"
    r"|handle|crunch|scan|do|work|loop|sweep|generate|import|export|ocr|annotate|extract"
    r"|classify|download|check|validate|test|fold|dock|go(?:es)? (?:over|through))\w*\b",
    re.IGNORECASE,
)
SPLIT = Pattern(
    r"\b(?:split|cut|divided?|broken?|sliced?|chunked|partition(?:ed)?|shard(?:ed)?|in|into|as)"
    r"(?: (?:up|into|in|it|them))*\s*$",
    re.IGNORECASE,
)
OVER = Pattern(
    r"\b(?:all|the|these|those|over|for|on|across|each of|of|process|my|our|we have|there are"
    r"|i have|i've got|got|total of|array of|set of|with)\s+(?:(?:the|my|our|these|those|all"
    r"|about|some)\s+){0,2}$",
    re.IGNORECASE,
)
LIMIT = Pattern(
    r"\b(?:at most|no more than|not more than|up to|maximum|max|more than|limit(?:ed)?(?: to| of)?"
    r"|than|never over|only|cap(?:ped)?(?: at)?|every|each|per|last|past|first|top|next|within"
    r"|after|wait|older than|batch(?:es)? (?:size|of)(?: of)?|(?:group|chunk|set|pack)s? of"
    r"|size|version|v|seed|port|about|another|exit|codes?)\s*[=:]?\s*$",
    re.IGNORECASE,
)
OF = Pattern(r"(?<!all )(?<!array )(?<!total )(?<!set )(?<!each )\b(?:of|at)\s*$", re.IGNORECASE)
HANDS = Pattern(
    r"\b(?:each|every|a|1|per) task,? (?:does|do|handles?|takes?|processes|gets?|has|works? (?:on"
    r"|through)"
    r"|covers?|renders?|reads?|eats?|chews through|(?:should|must|can|will) (?:do|handle|take|get))"
    r"(?: (?:about|exactly|up to|at most))? $",
    re.IGNORECASE,
)
PER_TASK = [
    Pattern(
        r"(?<![\w.])(?P<n>\d{1,6}) (?:of (?:them|those|these) |(?P<w>[a-z-]+(?: [a-z-]+)?) )?"
        r"(?:per|a|each|for (?:each|every|1)|in (?:each|every|1|a)|to (?:each|every|a|1))"
        r"(?: single)? task\b",
        re.IGNORECASE,
    ),
    Pattern(
        rf"{HANDS.pattern[:-1]}(?P<n>\d{{1,6}}) (?:of (?:them|those|these)|(?P<w>[a-z-]+))",
        re.IGNORECASE,
    ),
]


# "cut into chunks of 20", where each task works on one chunk
CHUNKS = Pattern(
    r"\b(?P<g>chunks?|groups?|blocks?|packs?|bundles?|slices?|sets?|shards?|batch(?:es)?|parts?"
    r"|tiles?) (?:of|with|holding) (?P<n>\d{1,6})\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Thing:
    """A number of things, its place, and how much it looks like the number of tasks."""

    value: int
    start: int
    end: int
    points: int
    noun: str = ""


def uses_index(page: Page) -> bool:
    """Whether a command of the turn works by the task's index."""
    return any("BATCH_TASK_INDEX" in payload.text for payload in page.payloads)


INDEX_NOUN = Pattern(
    r"(?:--?|[\s/_=-])(?P<k>[A-Za-z]{2,20})(?:[-_](?:idx|index|id|nr|no|num|number))?[\s=_/.:-]{0,3}[\"']?(?:\$\(\()?\$?\{?BATCH_TASK_INDEX"
)
# As in "each month shall be one task".
BECOMES = (
    r"(?:is|as|=|gets|runs|becomes|be|being|to|shall|should|will|must|can|may|makes|made|into|goes"
    r"|means|equals|in|has|needs|wants|with|exactly|just)"
)
ONE_FOR = Pattern(
    r"\b(?:task|run|job) (?:per|for (?:each|every)|an?) (?:single )?(?P<t>[a-z]{2,20})\b"
    r"|(?:^|[,;:(]\s?|\b1 )(?P<w>[a-z]{2,20}) (?:per|for (?:each|every)|in each|to a|a) task\b"
    rf"|\b(?:each|every|1|an?) (?P<u>[a-z]{{2,20}})(?: {BECOMES})* (?:its own"
    r"|a|1|an own|a separate|own)(?: (?:separate|single))? (?:task|job)\b"
    # "each month after the one before"
    r"|\b(?:each|every) (?P<z>[a-z]{3,20}) (?:(?:comes|goes|runs|starts|only"
    r"|strictly) )?(?:after|needs|reads|depends"
    r"|builds|uses|waits)\b"
    # "week index = task index"
    r"|\b(?P<v>[a-z]{2,20}) (?:index |number |no\.? |id )?(?:=|is|equals"
    r"|==) (?:the )?(?:task )?index\b"
    r"|\b(?:task )?index (?:=|is|equals|==|gives|means) (?:the )?(?P<y>[a-z]{3,20})\b",
    re.IGNORECASE,
)


# "52 weeks, one task for each", "30 days: a task each"
FOR_EACH = Pattern(
    r"\d (?P<n>[a-z]{3,20})\s?[,:;(-]{1,2} ?(?:so |that's |i\.e\. )?(?:1|an?"
    r"|its own) (?:own )?(?:task|job)"
    r" (?:for |per )?(?:each|every 1|apiece)\b(?! [a-z])",
    re.IGNORECASE,
)


def unit_nouns(page: Page) -> set[str]:
    """What each task works on, by the words and the commands ("beam": --beam $BATCH_TASK_INDEX)."""
    said = [
        m["t"] or m["u"] or m["w"] or m["v"] or m["y"] or m["z"]
        for m in page.find(ONE_FOR, free=False)
    ]
    used = [m["k"] for payload in page.payloads for m in INDEX_NOUN.finditer(payload.text[:4000])]
    said += [m["n"] for m in page.find(FOR_EACH, free=False)]
    return ({_singular(noun.lower()) for noun in said} - NOT_UNITS) | (
        {k.lower() for k in used} - OF_VM
    )


# What follows "a task per" for other reasons than the array.
NOT_UNITS = frozenset(
    words("vm node machine host instance task time core cpu gpu run step job index")
)
# What a command's option counts without being the array: "--cores $BATCH_TASK_INDEX" is none.
OF_VM = frozenset(words("vm time core cores cpu cpus gpu gpus step index task"))


def is_unit(said: str, units: set[str]) -> bool:
    """Whether "28 days" counts what each task works on, and is no time."""
    noun = re.fullmatch(r"\d+ ([a-z]+)", said, re.IGNORECASE)
    return noun is not None and _singular(noun[1].lower()) in units


def _singular(noun: str) -> str:
    return re.sub(r"(?<=[a-z])ies$", "y", noun) if noun.endswith("ies") else noun.removesuffix("s")


def read_things(page: Page) -> Asked[int] | None:
    """The number of tasks from the number of things, if some number looks like it."""
    # a limit of parallel tasks, too, is only said of many
    array = uses_index(page) or page.draft.parallelism is not None
    units = unit_nouns(page)
    base = (3 if array else 0) + (3 if EACH.search(page.norm) else 0)
    found = [
        *_counted(page, base, units),
        *_ranges(page, array, units),
        *_keyed(page, array, units),
        *_hyphened(page, base),
    ]
    shares = [match.span() for pattern in PER_TASK for match in page.find(pattern)]
    whole = [t for t in found if not any(a <= t.start < b for a, b in shares)]
    found = whole or found
    best = max(found, key=lambda thing: thing.points, default=None)
    if best is None or best.points < 3:
        return None
    value = _shared_out(page, best)
    return Asked(value=value, quote=page.take(best.start, best.end))


def only_things(page: Page) -> Asked[int] | None:
    """The number of the one kind of things that is counted, where no other is."""
    found = [
        thing
        for thing in _counted(page, 0, set())
        if thing.value > 9 and not page.negated(thing.start)
    ]
    if len(found) != 1:
        return None
    return Asked(value=found[0].value, quote=page.take(found[0].start, found[0].end))


def _is_unit_word(word: str, units: set[str]) -> bool:
    """Whether a plural names what each task works on, by its name or a short one ("--vol 3")."""
    one = _singular(word)
    short = any(one[:size] in units for size in range(3, len(one)))
    return word not in units and (one in units or short)


def _noun(phrase: str, units: set[str]) -> tuple[str, int]:
    """The first plural of a phrase that can be counted, and where it ends; "" for none."""
    for match in NOUN.finditer(phrase):
        word = match.group().lower()
        if len(word) > 2 and word.endswith("s") and _is_unit_word(word, units):
            return word, match.end()
        if word in MODIFIERS:
            continue
        if word in NOT_THINGS or word in STOPS:
            return "", 0
        if word in OTHER_PLURALS or (len(word) > 2 and re.search(r"(?<![siu])s$", word)):
            return word, match.end()
    return "", 0


# As people write whose language has no plural: "15 simulation. Each one ...".
ENDS = Pattern(r"\s*(?:[.,;:)\n]|$|(?:and|but|from|in|with|for|to) )", re.IGNORECASE)


def _one_noun(phrase: str, said: str) -> tuple[str, int]:
    """A noun without a plural that ends its part of the sentence, and where it ends."""
    for match in NOUN.finditer(phrase):
        word = match.group().lower()
        if word in NOT_THINGS or word in STOPS or f"{word}s" in NOT_THINGS:
            return "", 0
        if len(word) > 3 and ENDS.match(said, match.end()):
            return word, match.end()
    return "", 0


def counted_noun(page: Page, end: int) -> str:
    """The plural noun that a number which ends here counts: "periods" in "26 pay periods"."""
    gap = re.match(r"[ \t]+(?=[a-z])", page.norm[end : end + 4])
    phrase = PHRASE.match(page.norm, end + gap.end()) if gap else None
    return _noun(phrase.group(), set())[0] if phrase else ""


# Words of NOT_THINGS that may stand before the thing itself: "80 address files".
MODIFIERS = frozenset(
    words(
        "address process access status class card year month week day night key user tag label "
        "container point iteration job"
    )
)
STOPS = frozenset(
    words("of in at per for and or to on a an the x with each more after by from is are was that")
)


# Of NOT_THINGS, those that are things where a command follows at once: "22 lines: ./a 1".
LOOSE = frozenset(
    words(
        "lines units ports terms keys users digits codes nights years months weeks days points"
        " levels stages slots runs tags labels regions zones servers steps nodes errors processes"
        " volumes"
    )
)


def array_of(page: Page, start: int, phrase: str) -> bool:
    """Whether a loose noun that starts here is what a command right behind it runs over."""
    noun = phrase.split()[0].lower()
    after = page.norm[start + len(noun) : start + len(noun) + 4]
    return noun in LOOSE and uses_index(page) and re.match(rf"\s?[:,]?\s?{FILL}", after) is not None


# "run it for 85 book": those who write so mean so many
FOR_THESE = Pattern(r"\b(?:for|over|on|process|have|all|the|these|with)\s+$", re.IGNORECASE)


def _singular_noun(phrase: str) -> str:
    """The first word of a phrase if it can be a thing that is counted without its plural."""
    word = phrase.split()[0].lower()
    plain = len(word) > 2 and word.isalpha() and word not in STOPS | MODIFIERS | NOT_UNITS
    return word if plain and f"{word}s" not in NOT_THINGS and word not in NOT_THINGS else ""


def _counted(page: Page, base: int, units: set[str]) -> Iterator[Thing]:
    for match in page.find(THINGS):
        phrase = PHRASE.match(page.norm, match.end())
        noun, size = _noun(phrase.group(), units) if phrase else ("", 0)
        if not noun and phrase and array_of(page, match.end(), phrase.group()):
            noun = phrase.group().split()[0].lower()
            size = len(noun)
        if not noun and phrase and base >= 3:
            noun, size = _one_noun(phrase.group(), page.norm[match.end() :][:60])
        if not noun and phrase and uses_index(page) and FOR_THESE.search(page.left(match.start())):
            noun = _singular_noun(phrase.group())
            size = len(noun)
        if not noun or int(match["n"]) < 2:
            continue
        end = match.end() + size
        if any(a.start <= match.start() < a.end for a in page.durations):
            continue
        points = base + _points(page, match.start(), end)
        points += 4 if _singular(noun) in units else 0
        yield Thing(int(match["n"]), match.start(), end, points, noun)


# "retry 3", and not "rerun the check for all 75 stations"
AGAIN = Pattern(
    r"\b(?:retr(?:y|ies|ied)|(?:tr(?:y|ied)|run|start\w*)(?: \w+){0,3} again|attempts?|tries"
    r"|re-?run)\b"
    rf"(?:(?!\b(?:for|over|on|of|across|all|our|my) )[^,;.:{FILL}])*$",
    re.IGNORECASE,
)


# "a 51-member ensemble", "10-fold cross validation"
HYPHENED = Pattern(
    r"(?<![\w.-])(?P<n>\d{1,6})-(?P<w>member|part|fold|frame|page|chunk|shard|tile|episode|case"
    r"|scenario|sample|file|task|element|item|image|piece|site|station|city)(?![\w-])",
    re.IGNORECASE,
)


def _hyphened(page: Page, base: int) -> Iterator[Thing]:
    for match in page.find(HYPHENED):
        yield Thing(int(match["n"]), *match.span(), base + 1, match["w"].lower())


def _points(page: Page, start: int, end: int) -> int:
    """What the words around a number of things add to their weight."""
    left = page.left(start, 60)
    if LIMIT.search(left) or AGAIN.search(left):
        return -20
    sentence = page.sentence_text(start)
    points = 3 if VERB.search(left) else 0
    points += 2 if SPLIT.search(left) else 0
    points += 1 if OVER.search(left) else 0
    points += 2 if OVER.search(left) and FILL in sentence else 0
    points += 1 if EACH.search(sentence) else 0
    points -= 1 if OF.search(left) else 0
    points -= 1 if page.norm[start:end].startswith(("2 ", "3 ")) else 0
    return points


def _ranges(page: Page, array: bool, units: set[str]) -> Iterator[Thing]:
    for match in page.find(RANGE):
        low, high = int(match["a"]), int(match["b"])
        left, right = page.left(match.start(), 30), page.right(match.end(), 30)
        unit = NOUN.match(right.lstrip())
        if high <= low or (unit and unit.group().lower() in NOT_THINGS - {"years", "days"}):
            continue
        if re.search(r"\b(?:exit|codes?|ports?|status|version|temperature)\b", left, re.I):
            continue
        head = re.search(
            r"\b(?P<k>[a-z]+)\s*(?:number|no\.?|nr\.?|#|=|:|from|of|are|is|,)*\s*\(?$", left, re.I
        )
        noun = head["k"].lower() if head else ""
        points = 3 if array else 0
        points += 2 if head and noun not in STOPS and noun not in NOT_THINGS else 0
        points += 2 if re.search(r"\b(?:from|for|over)\s*$|s\s*[:=]?\s*$", left, re.I) else 0
        points += 2 if EACH.search(page.sentence_text(match.start())) else 0
        points += 4 if _singular(noun) in units else 0
        yield Thing(high - low + 1, match.start(), match.end(), points, noun)


def _keyed(page: Page, array: bool, units: set[str]) -> Iterator[Thing]:
    for match in page.find(KEYED):
        noun = match["k"].lower().split()[-1]
        known = _singular(noun) in units
        if not known and (noun in NOT_THINGS or not re.search(r"(?<![siu])s$", noun)):
            continue
        yield Thing(int(match["n"]), match.start("n"), match.end("n"), 5 if array else 2, noun)


def _shared_out(page: Page, thing: Thing) -> int:
    """The number of tasks where each task works on several of the things."""
    for match in page.find(CHUNKS):
        if _singular(match["g"].lower()) in unit_nouns(page) and int(match["n"]) > 1:
            page.take(*match.span())
            return -(-thing.value // int(match["n"]))
    for pattern in PER_TASK:
        for match in page.find(pattern):
            noun = (match["w"] or "").split()[-1:] or [""]
            share = int(match["n"])
            if share > 1 and noun[0].lower() not in NOT_THINGS and match.start() != thing.start:
                page.take(*match.span())
                return -(-thing.value // share)
    return thing.value
