"""A later turn on numbers: swapped, doubled, raised by some, put back to what they were."""

from __future__ import annotations

import re
from collections.abc import Sequence

from components.parse_intent.draft import Asked, BootDisk, Draft
from components.parse_intent.offline.field_words import NEW_VERB, fields_in
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

SCALE = Pattern(
    r"\b(?P<w>double|doubling|twice|triple|thrice|quadruple|halve|half|2x|3x|4x|10x"
    r"|(?P<n>\d{1,3}) ?(?:times|x)(?= (?:as|the|that|its)\b))\b(?: (?:as (?:many|much|long)|of"
    r"|the|that|its|both|amount of"
    r"|number of))*",
    re.IGNORECASE,
)
FACTORS = {
    "double": 2.0,
    "doubling": 2.0,
    "twice": 2.0,
    "2x": 2.0,
    "triple": 3.0,
    "thrice": 3.0,
    "3x": 3.0,
    "quadruple": 4.0,
    "4x": 4.0,
    "10x": 10.0,
    "halve": 0.5,
    "half": 0.5,
}
NUMBER_SWAP = Pattern(
    r"\b(?:(?:make|change|turn|bump|raise|lower|switch|set|replace|swap)(?: (?:the|that|those))?"
    r"|the|that|those|from)\s+(?P<a>\d{1,7})(?!\d|[ ]?(?:gb|gib|h\b"
    r"|min))\s+(?:(?P<w>[a-z]+) )?(?:a|an|to"
    r"|into|with|for|->|by|should be|be|becomes)\s+(?P<b>\d{1,7})\b(?P<r>[^.;\n]{0,20})",
    re.IGNORECASE,
)
ORDERED = Pattern(r"(?:make|change|turn|bump|raise|lower|switch|set)\b", re.IGNORECASE)
NUMBER_FIELDS = {
    "task_count": "tasks",
    "parallelism": "parallel tasks",
    "tasks_per_node": "tasks per VM",
    "cpu_milli": "vCPUs",
    "memory_mib": "memory",
    "max_retries": "retries",
    "priority": "priority",
    "gpus": "GPUs",
    "boot_disk": "boot disk size",
    "disks": "disk size",
    "max_run_s": "time limit",
}


def number_of(draft: Draft, name: str) -> float | None:
    """A field's number in the unit that people use; None where it has none."""
    if name == "disks":
        return _disk_size(draft)
    value = getattr(draft, name)
    if value is None:
        return None
    if name == "gpus":
        return float(value.count)
    if name == "boot_disk":
        return float(value.size_gb.value) if value.size_gb else None
    scale = {"cpu_milli": 1000, "memory_mib": 1024, "max_run_s": 3600}.get(name, 1)
    return float(value.value) / scale


def set_number(draft: Draft, name: str, number: float, quote: str) -> None:
    """Set a field from a number in the unit that people use."""
    if name == "disks":
        set_disk_size(draft, max(1, round(number)), quote)
    elif name == "gpus":
        if draft.gpus is not None:  # of an unknown type there is no number
            draft.gpus.count = max(1, round(number))
    elif name == "boot_disk":
        have = draft.boot_disk or BootDisk()
        size: Asked[int] = Asked(value=max(1, round(number)), quote=quote)
        draft.boot_disk = have.model_copy(update={"size_gb": size})
    else:
        scale = {"cpu_milli": 1000, "memory_mib": 1024, "max_run_s": 3600}.get(name, 1)
        setattr(draft, name, Asked(value=max(0, round(number * scale)), quote=quote))


def _own_fields(draft: Draft) -> list[str]:
    """The fields with a number of their own."""
    return [name for name in NUMBER_FIELDS if name != "disks" or draft.disks]


def _disk_size(draft: Draft) -> float | None:
    """The size in GB of the one disk that "the disk" can mean."""
    if len(draft.disks) == 1 and draft.disks[0].size_gb:
        return float(draft.disks[0].size_gb)
    return None if draft.disks else number_of(draft, "boot_disk")


def set_disk_size(draft: Draft, gb: int, quote: str) -> bool:
    """Set the size of the one new disk, or of the boot disk where there is no other.

    Returns:
        Whether it is clear which disk is meant.
    """
    if not draft.disks:
        have = draft.boot_disk or BootDisk()
        draft.boot_disk = have.model_copy(update={"size_gb": Asked(value=gb, quote=quote)})
    elif len(draft.disks) == 1 and not draft.disks[0].existing:
        draft.disks[0].size_gb, draft.disks[0].quote = gb, quote
    else:
        return False
    return True


def swap_numbers(page: Page, draft: Draft) -> list[str]:
    """As in "make the 8 a 10": the one field that is 8; asked back where several are."""
    questions = []
    for match in page.find(NUMBER_SWAP, free=False):
        old, new = float(match["a"]), float(match["b"])
        named = [f for f, _, _ in fields_in(f"{match['w'] or ''} {match['r']}")]
        having = [f for f in _own_fields(draft) if number_of(draft, f) == old]
        named = named or [f for f, _, _ in fields_in(page.norm)]
        chosen = [f for f in having if f in named] or having
        if len(chosen) == 1:
            set_number(draft, chosen[0], new, page.take(*match.span()))
        elif len(chosen) > 1:
            names = [NUMBER_FIELDS[f] for f in chosen]
            listed = ", ".join(names[:-1]) + f" or {names[-1]}"
            page.take(*match.span())
            questions.append(
                f"Which {match['a']} should become {match['b']}: the number of {listed}?"
            )
        elif page.is_free(*match.span()) and not named and ORDERED.match(match.group()):
            quote = page.take(*match.span())
            questions.append(f'Nothing is {match["a"]} so far: what is meant by "{quote}"?')
    return questions


def scale_numbers(page: Page, draft: Draft) -> None:
    """As in "double the memory", "half as many tasks", "double both"."""
    for match in page.find(SCALE):
        word = match["w"].lower()
        factor = FACTORS.get(word) or float(match["n"] or 1)
        reach = page.right(match.end(), 60)
        stop = NEW_VERB.search(reach)
        reach = _up_to_next(reach[: stop.start()] if stop else reach)
        names = named = _first_fields(page, reach, match.end())
        both = re.search(r"\bboth\b|\b(?:them|those|everything|all)\b", match.group() + reach, re.I)
        if not names:
            before = [
                f
                for f, _, _ in fields_in(page.norm[max(0, match.start() - 300) : match.start()])
                if f in NUMBER_FIELDS
            ]
            if both and not before:  # "halve both numbers": the two that there are
                have = [f for f in _own_fields(draft) if number_of(draft, f) is not None]
                before = have if len(have) == 2 else []
            names = list(dict.fromkeys(before)) if both else before[-1:]
        if not names or any(getattr(page.draft, f) not in (None, []) for f in names):
            continue
        adverb = word in ("twice", "thrice", "half") and match.group().lower() == word
        if adverb and not both and not named:
            continue  # "tried at most twice"
        quote = page.take(*match.span())
        for name in dict.fromkeys(names):
            number = number_of(draft, name)
            if number is not None:
                set_number(draft, name, number * factor, quote)


def _up_to_next(reach: str) -> str:
    """Words up to the part of the next one: "twice the tasks, the time 3 times as long"."""
    following = SCALE.search(reach)
    if following is None:
        return reach
    cuts = list(re.finditer(r",|\band\b", reach[: following.start()], re.IGNORECASE))
    return reach[: cuts[-1].start() if cuts else following.start()]


def _first_fields(page: Page, reach: str, at: int) -> list[str]:
    """The fields that stand first in some words, joined by "and" where they are several."""
    names: list[str] = []
    end = 0
    for name, start, finish in fields_in(reach):
        gap = reach[end:start]
        near = (
            len(gap) <= 30
            if not names
            else re.fullmatch(
                r"\s*(?:,|and|&|plus|, and)\s*(?:the |its |their )?", gap, re.IGNORECASE
            )
        )
        if not near or ("," in gap and not names):
            break
        if name in NUMBER_FIELDS and page.is_free(at + start, at + finish):
            names.append(name)
        end = finish
    return names


LESS = r"less|fewer|shorter|lower"
MORE = r"more|longer|extra|additional|further|higher|on top"
STEP_AFTER = Pattern(
    rf"\s*(?:of )?(?:(?P<l>{LESS})|(?:{MORE}))\b(?! than (?:\d|\w+ )?\d)", re.IGNORECASE
)
STEP_BEFORE = Pattern(
    r"\b(?:another|an? (?:additional|extra|further)|additional|extra|further|add)\s+$"
    r"|\b(?P<v>increase|raise|bump|extend|lengthen|reduce|lower|decrease|shorten|cut|shrink"
    r"|up)\w*\b"
    r"[^.;\n]{0,40}\bby (?:about )?$",
    re.IGNORECASE,
)
DOWN = Pattern(r"(?:reduc|lower|decreas|short|cut|shrink)", re.IGNORECASE)
BOUND = Pattern(r"\b(?:no|not|never|at|any|much)\s+$", re.IGNORECASE)
COUNT_STEP = Pattern(
    rf"(?<![\w.-])(?P<n>\d{{1,6}})(?P<p> ?%| percent)? (?:(?P<l>{LESS})|(?:{MORE}))"
    r"(?! than)\s+(?P<f>[a-z][^.;,\n]{0,30})"
    r"|\b(?P<v>increase|raise|bump|reduce|lower|decrease"
    r"|cut) (?:the )?(?P<g>[a-z][^.;,\n\d]{0,30}?) by"
    r" (?P<m>\d{1,6})(?P<q> ?%| percent)?(?![\w.]| ?(?:gb|gib|mb|mib|tb|h|hours?|min\w*|s|sec\w*"
    r"|days?)\b)",
    re.IGNORECASE,
)
COUNTED = (
    "task_count",
    "parallelism",
    "max_retries",
    "cpu_milli",
    "gpus",
    "priority",
    "tasks_per_node",
)


def step_numbers(page: Page, draft: Draft) -> list[str]:
    """As in "4 GB more", "an hour less", "2 more retries", "20 % more memory"; gives questions."""
    questions: list[str] = []
    for match in page.find(COUNT_STEP):
        named = [f for f, _, _ in fields_in(match["f"] or match["g"]) if f in NUMBER_FIELDS]
        percent = match["p"] or match["q"]
        name = named[0] if named else ""
        if BOUND.search(page.left(match.start(), 12)) or not (
            name in COUNTED or (name and percent)
        ):
            continue
        by = float(match["n"] or match["m"])
        by = -by if match["l"] or DOWN.match(match["v"] or "") else by
        end = match.end() if match["v"] else match.start("f") + len(match["f"].split(" ")[0])
        questions += _stepped(page, draft, name, by, bool(percent), (match.start(), end))
    for amounts, fields in (
        (page.durations, ("max_run_s",)),
        (page.sizes, ("memory_mib", "boot_disk")),
    ):
        for amount in amounts:
            left = STEP_BEFORE.search(page.left(amount.start, 70))
            right = STEP_AFTER.match(page.norm, amount.end)
            if not (left or right) or not page.is_free(amount.start, amount.end):
                continue
            if BOUND.search(page.left(amount.start, 12)):
                continue
            said = page.sentence_text(amount.start)
            named = [f for f, _, _ in fields_in(said)]
            if "disks" in named and "memory_mib" not in named:
                continue  # another disk, or a larger one: read as a disk
            name = next((f for f in fields if f in named), fields[0])
            unit = 3600 if name == "max_run_s" else 1024
            down = (right and right["l"]) or (left and DOWN.match(left["v"] or ""))
            by = amount.value / unit * (-1 if down else 1)
            span = (amount.start, right.end() if right else amount.end)
            questions += _stepped(page, draft, name, by, False, span)
    return questions


def _stepped(
    page: Page, draft: Draft, name: str, by: float, percent: bool, span: tuple[int, int]
) -> list[str]:
    number = number_of(draft, name)
    quote = page.take(*span)
    if number is None and name == "task_count":
        number = 1.0
    if number is None and name == "max_retries":
        number = 0.0
    if number is None:
        return [
            f'No {NUMBER_FIELDS[name]} was set so far: what should it be in all, with "{quote}"?'
        ]
    set_number(draft, name, number * (1 + by / 100) if percent else number + by, quote)
    return []


LONE = Pattern(
    r"(?<![\w.$/:-])(?P<n>\d{1,7})(?![\w.:/%-]*\w)"
    r"(?! ?(?:[gmtk]i?b|gigs?|s|sec\w*|m|min\w*|h|hours?|hrs?|d|days?|weeks?|months?|%|percent)\b)",
    re.IGNORECASE,
)
MOST = Pattern(
    r"\b(?:the |at |your |its )?(?:maximum|max|most|limit|upper limit|highest|as (?:many|much"
    r"|long) as"
    r" (?:possible|allowed|you can|it (?:takes|allows)))\b",
    re.IGNORECASE,
)
ALL_OF_THEM = Pattern(
    r"\b(?:it's|it is|there are|there's|we have|we've got|they are|make (?:it|that)"
    r"|say)\s+(?:now\s+)?$",
    re.IGNORECASE,
)
OF_THEM = Pattern(r"\s*(?:now|of them|in (?:all|total)|altogether|in the end|instead)\b", re.I)
SETS = Pattern(
    r"\b(?:actually|rather|make|say|should|now|instead|want|need|have|more|better|go|to)\b", re.I
)


def lone_numbers(page: Page, draft: Draft, refused: Sequence[tuple[str, float]]) -> None:
    """Numbers that no reader placed: of what the sentence names, of what was refused, of them all.

    Args:
        page: the turn, read by all others before.
        draft: the draft after the turn so far, changed in place.
        refused: fields that broke a limit before the turn, each with the limit in people's unit.
    """
    numbers = [m for m in page.find(LONE) if not page.negated(m.start())]
    open_now = [(f, limit) for f, limit in refused if getattr(page.draft, f) is None]
    if len(open_now) == 1 and len(numbers) <= 1:
        name, limit = open_now[0]
        most = MOST.search(page.norm)
        if numbers and float(numbers[0]["n"]) <= limit:
            set_number(draft, name, float(numbers[0]["n"]), page.take(*numbers[0].span()))
            return
        if most is not None and not numbers:
            set_number(draft, name, limit, page.take(*most.span()))
            return
    for match in numbers:
        start = page.sentence(match.start())[0]
        left = page.norm[max(start, match.start() - 40) : match.start()]
        counted = (*COUNTED, "memory_mib") if draft.memory_mib is not None else COUNTED  # in GB
        named = [f for f, _, _ in fields_in(left) if f in counted]
        alone = re.fullmatch(r"\W*(?:and |also |the )*[a-z]+ ", left, re.I)  # "memory 16"
        if named and getattr(page.draft, named[-1]) is None and (alone or SETS.search(left)):
            set_number(draft, named[-1], float(match["n"]), page.take(*match.span()))
        elif (
            page.draft.task_count is None
            and ALL_OF_THEM.search(left)
            and (
                OF_THEM.match(page.norm, match.end()) or re.match(r"\W|$", page.norm[match.end() :])
            )
        ):
            set_number(draft, "task_count", float(match["n"]), page.take(*match.span()))


SAME = Pattern(
    r"(?:,|\band\b|&) *(?:the )?(?P<f>[a-z][a-z ]{2,24}?) (?:too|as well|likewise)\b", re.IGNORECASE
)
SOME_NUMBER = Pattern(r"(?<![\w.-])\d{1,6}(?![\w.])")


def same_numbers(page: Page, draft: Draft) -> None:
    """As in "32 shards, tasks too": the number said before is another field's as well."""
    for match in page.find(SAME):
        named = [f for f, _, _ in fields_in(match["f"])]
        said = SOME_NUMBER.findall(page.norm[page.sentence(match.start())[0] : match.start()])
        if len(named) == 1 and named[0] in COUNTED and said:
            set_number(draft, named[0], float(said[-1]), page.take(*match.span()))


PART = Pattern(r"[,;.!\n()]|\b(?:and|plus|with|then|but)\b|&")
FILLER = Pattern(
    r"\W*(?:(?:right|correct|back|again|after all|fine|ok|also|now|hm+|no|oops|sorry|actually"
    r"|well|uh|wait|make (?:it|that)|rather|to|a|for"
    r"|use|take|give (?:it|them|each)|better|go"
    r"|please|instead|each|it's|let's|say|ok|okay|is|are|will|do|enough|plenty|fine|should"
    r"|be)\W*)*",
    re.IGNORECASE,
)

ENOUGH = Pattern(
    r"\s*(?:is|are|will be|should be|would be) (?:enough|plenty)\b|\s*(?:will|would) do\b", re.I
)


def lone_amounts(page: Page, draft: Draft) -> None:
    """As in "16 GB and 24 hours": amounts alone, of what had such an amount before."""
    for amounts, name, unit in (
        (page.durations, "max_run_s", 3600),
        (page.sizes, "memory_mib", 1024),
    ):
        if getattr(page.draft, name) is not None:
            continue
        known = getattr(draft, name) is not None
        alone = [
            a
            for a in amounts
            if page.is_free(a.start, a.end)
            and (_alone(page, a.start, a.end) if known else ENOUGH.match(page.norm, a.end))
        ]
        if len(alone) == 1:
            quote = page.take(alone[0].start, alone[0].end)
            set_number(draft, name, alone[0].value / unit, quote)


INSTEAD_OF = Pattern(
    r"\binstead of (?:the )?[\w.]{1,12}(?: [a-z]{1,8})?\s*$|\binstead\b", re.IGNORECASE
)


def _alone(page: Page, start: int, end: int) -> bool:
    """Whether the part of a sentence around a place says nothing else."""
    first = max([m.end() for m in PART.finditer(page.norm, 0, start)], default=0)
    stop = PART.search(page.norm, end)
    right = page.norm[end : stop.start() if stop else len(page.norm)]
    said = f"{page.norm[first:start]} {INSTEAD_OF.sub('', right)}"
    return FILLER.fullmatch(said) is not None
