"""A later turn on the steps: which one is meant, taken out, moved, changed, or put where."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field

from components.parse_intent.draft import Asked, Draft, Step
from components.parse_intent.offline.edit_images import other_image
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.step_conditions import CONDITIONS
from components.parse_intent.offline.step_names import (
    ALL_STEPS,
    ONE,
    ORDER,
    STEP_NOUN,
    program_names,
    spoken,
)
from components.parse_intent.offline.vocabulary import ORDINALS

REF = Pattern(
    rf"(?P<art>\ban? (?:new )?)?\b(?:{STEP_NOUN}\s+(?:number |no\.? ?|#)?(?P<n>\d{{1,2}})\b"
    rf"(?! ?(?:of|more|times?|gpus?|v?cpus?|retries|tasks?|s|sec\w*|m|min\w*|h|hours?|hrs?|d|days?"
    rf"|[gmt]i?b|gigs?|%)\b)"
    rf"|(?P<o>{ORDER})\s+(?:{ONE})\b"
    rf"|(?<=\bthe )(?P<p>{ORDER})\b(?=\s*(?:[,.;:)]|$|and\b|with\b|before\b|after\b|out\b|away\b"
    rf"|may\b|can\b|should\b|must\b|needs?\b|gets?\b|has\b|is\b|fails?\b|to\b|first\b|last\b)))",
    re.IGNORECASE,
)
# "add a second step", "as the third step": a step that is still to be made.
TO_MAKE = Pattern(
    r"\b(?:add|insert|append|include|as|another|new|there's|need)\b(?: (?:a|an|the|also|new"
    r"|it))*\s*$",
    re.IGNORECASE,
)
SWAP = Pattern(
    r"\b(?:swap|switch|exchange|flip|reverse|invert|change|turn)\b[^.;\n`]{0,30}?\b(?:order"
    r"|sequence"
    r"|round|around|steps?|both|(?:the )?2\b|them)|\bother way (?:a)?round\b"
    r"|\bin reverse(?: order)?\b"
    r"|\b(?:opposite|reverse[d]?) order\b",
    re.IGNORECASE,
)
SWAP_VERB = Pattern(r"\b(?:swap|exchange|flip)\b", re.IGNORECASE)
OUT_BEFORE = Pattern(
    r"\b(?:drop|remove|delete|get rid of|lose|scrap|strip|cut|without|no longer (?:need|want|run)"
    r"|(?:don't|do not) (?:need|want|run)|no|no more|ditch|kick(?: out)?|kill|omit|skip"
    r"|take(?: out)?"
    r"|leave(?: out)?|throw(?: out)?|discard|forget(?: about)?)\b(?: (?:the|our|that|this|of|any))*"
    r"\s*$",
    re.IGNORECASE,
)
OUT_AFTER = Pattern(
    r"^(?: step| 1)?(?: (?:any ?more|again))?\s*(?:out\b|away\b|(?:can|may|should|must|has to) go"
    r"\b(?! (?:first|last|before|after|to|on|at|up|down))|(?:is|are) (?:not needed|no longer needed"
    r"|obsolete|unnecessary|superfluous|gone))",
    re.IGNORECASE,
)
NEEDS_OUT = Pattern(r"\b(?:take|leave|throw|kick)\s+(?:the |our |that )?$", re.IGNORECASE)
MOVE = Pattern(r"\b(?:move|put|run|do|bring|shift|pull|push)\s+(?:the |our )?$", re.IGNORECASE)
TO_FRONT = Pattern(
    r"^(?: step| 1)?\s*(?:should |must |has to |needs to )?(?:come |go |run |be |is )?(?:right )?"
    r"(?:first\b|to the (?:front|start|beginning|top)|at the (?:start|beginning|front)|up front)",
    re.IGNORECASE,
)
TO_END = Pattern(
    r"^(?: step| 1)?\s*(?:should |must |has to |needs to )?(?:come |go |run |be |is )?(?:right )?"
    r"(?:last\b|to the (?:end|bottom)|at the (?:very )?end)",
    re.IGNORECASE,
)
BESIDE = Pattern(
    r"^(?: step| 1)?\s*(?:should |must |has to |needs to )?(?:come |go |run |be |is )?"
    r"(?P<w>before|after|ahead of|behind)\s+(?:the )?$",
    re.IGNORECASE,
)
NO_LIMIT = Pattern(
    r"\b(?:no|without|drop|remove|lose|delete|take off)\b[^.;,\n]{0,20}\b(?:time ?-?limit"
    r"|timeout|limit)\b",
    re.IGNORECASE,
)
CALLED = Pattern(
    r"\b(?:call(?:ed)?|rename[d]?|name[d]?)\b[^.;\n]{0,30}?\b(?:to |as |it |step |1 )?"
    r"[\"']?(?P<n>[a-z][\w-]{2,40})[\"']?\s*$",
    re.IGNORECASE,
)
NOT_IGNORED = Pattern(
    r"\b(?:not|no longer|never|don't|doesn't|stop)\b[^.;,\n]{0,20}\b(?:ignor\w+|fail)\b"
    r"|\bmust (?:not fail|succeed)\b|\bfailures? (?:counts?|matters?)\b",
    re.IGNORECASE,
)


@dataclass
class Ref:
    """Words that name a step: their place in the page and the step's place in the draft."""

    start: int
    end: int
    index: int
    words: str = ""


@dataclass
class StepEdits:
    """What a turn does to the steps that are there; made to the draft by `apply`.

    questions: what the words leave open. steps: those of the draft after the edits, all copies.
    """

    steps: list[Step]
    questions: list[str] = field(default_factory=list)


def edit_steps(page: Page, before: Draft) -> StepEdits:
    """Take out, move, swap and change steps, and mark what was read of the turn."""
    edits = StepEdits([step.model_copy(deep=True) for step in before.steps])
    if not before.steps:
        return edits
    refs, missing = _refs(page, before.steps)
    handles = list(edits.steps)  # a step keeps its handle while others go or move
    _swap(page, edits, refs, handles)
    _move(page, edits, refs, handles)
    _several_out(page, edits, refs, handles)
    refs = [ref for ref in refs if not _taken_out(page, ref, edits, handles)]
    for ref, (start, end) in zip(refs, _reaches(page, refs), strict=True):
        if page.is_free(ref.start, ref.end):
            _change(page, handles[ref.index], start, end, ref)
    _all_timeouts(page, edits)
    if missing and not edits.questions:
        edits.questions.append(_which(missing[0], before))
    return edits


def _all_timeouts(page: Page, edits: StepEdits) -> None:
    """As in "give each step 10 minutes"."""
    for match in page.find(ALL_STEPS):
        start, end = page.clause(match.start())
        for step in edits.steps if match.group().lower() != "both" else []:
            if step.kind != "barrier":
                _timeout(page, step, start, end, keep=True)
        for amount in page.durations:
            if start <= amount.start < end:
                page.take(amount.start, amount.end)


def _which(words: str, before: Draft) -> str:
    number = len([step for step in before.steps if step.kind != "barrier"])
    have = f"{number} step{'s' if number != 1 else ''}"
    return f'The job has {have}, so "{words}" names none: which step is meant, or is it a new one?'


def _refs(page: Page, steps: list[Step]) -> tuple[list[Ref], list[str]]:
    """The steps that are named, and words that name a step which is not there."""
    work = [i for i, step in enumerate(steps) if step.kind != "barrier"]
    found, missing = [], []
    for match in page.find(REF):
        if match["art"] or TO_MAKE.search(page.left(match.start(), 30)):
            continue
        word = (match["n"] or match["o"] or match["p"] or "").lower()
        at = (
            len(work)
            if word in ("last", "final")
            else int(word)
            if word.isdecimal()
            else ORDINALS[word]
        )
        if 1 <= at <= len(work):
            found.append(Ref(match.start(), match.end(), work[at - 1], match.group().strip()))
        elif match["n"] or match["o"]:
            start, end = page.sentence(match.start())
            if not any(start <= page.at(p.start) < end for p in page.payloads):
                missing.append(match.group().strip())
    found += _by_name(page, steps, work)
    found.sort(key=lambda ref: ref.start)
    return found, missing


def refs_in(page: Page, steps: list[Step], start: int, end: int) -> list[Ref]:
    """The steps that some words name."""
    return [ref for ref in _refs(page, steps)[0] if start <= ref.start < end]


def _by_name(page: Page, steps: list[Step], work: list[int]) -> list[Ref]:
    """Steps called after their program or image, as in "the publish step"."""
    owners: dict[str, list[int]] = {}
    for i in work:
        called = steps[i].name
        for name in program_names(steps[i]) | ({called.value.lower()} if called else set()):
            owners.setdefault(name, []).append(i)
    alone = {name: found[0] for name, found in owners.items() if len(found) == 1}
    if not alone or len(work) < 2:
        return []
    found = []
    for name, index in alone.items():
        found += [Ref(m.start(), m.end(), index, m.group()) for m in page.find(spoken(name))]
    return found


def _swap(page: Page, edits: StepEdits, refs: list[Ref], handles: list[Step]) -> None:
    match = next(page.find(SWAP), None) or next(page.find(SWAP_VERB), None)
    if match is None:
        return
    refs = refs or _bare_names(page, edits.steps, match.end())
    start, end = page.sentence(match.start())
    inside = list(dict.fromkeys(ref.index for ref in refs if start <= ref.start < end))
    work = [step for step in edits.steps if step.kind != "barrier"]
    whole = re.search(r"\b(?:order|sequence|round|around|reverse\w*)\b", match.group(), re.I)
    if len(inside) == 2:
        pair = [handles[i] for i in inside]
    elif len(inside) == 0 and len(work) == 2 and (whole or SWAP_VERB.match(match.group())):
        pair = work
    elif whole and re.search(r"revers|invert|round", match.group(), re.I) and len(work) > 2:
        edits.steps.reverse()
        page.take(*match.span())
        return
    elif len(work) > 2 and SWAP_VERB.match(match.group()) and not inside:
        edits.questions.append(f"Which two of the {len(work)} steps should change places?")
        page.take(*match.span())
        return
    else:
        return
    a, b = (next(i for i, s in enumerate(edits.steps) if s is step) for step in pair)
    edits.steps[a], edits.steps[b] = edits.steps[b], edits.steps[a]
    page.take(match.start(), match.end())
    _take(page, [ref for ref in refs if start <= ref.start < end])


def _bare_names(page: Page, steps: list[Step], at: int) -> list[Ref]:
    """Steps whose names stand alone behind a verb: "swap get and put"."""
    said = page.right(at, 50)
    found = []
    for index, step in enumerate(steps):
        for name in program_names(step):
            match = re.search(rf"(?<![\w/.-]){re.escape(name)}(?![\w/-])", said, re.IGNORECASE)
            if match is not None:
                found.append(Ref(at + match.start(), at + match.end(), index, match.group()))
                break
    return found if len(found) == 2 else []


def _take(page: Page, refs: list[Ref]) -> None:
    for ref in refs:
        page.take(ref.start, ref.end)


def _move(page: Page, edits: StepEdits, refs: list[Ref], handles: list[Step]) -> None:
    """As in "run the second step first", "move step 3 before step 1", "fetch before check"."""
    for ref, following in itertools.zip_longest(refs, refs[1:]):
        if not page.is_free(ref.start, ref.end):
            continue
        step = handles[ref.index]
        right = page.right(ref.end, 60)
        asked = MOVE.search(page.left(ref.start, 30)) is not None
        told = re.match(r"(?: step| 1)?\s*(?:should|must|has to|needs to|comes?|goes)", right)
        if not asked and not told:
            continue
        if following is not None and following.index != ref.index:
            between = BESIDE.match(page.norm[ref.end : following.start])
            if between is not None:
                edits.steps = [s for s in edits.steps if s is not step]
                home = next(i for i, s in enumerate(edits.steps) if s is handles[following.index])
                edits.steps.insert(
                    home if between["w"] in ("before", "ahead of") else home + 1, step
                )
                page.take(ref.start, following.end)
                continue
        front, end = TO_FRONT.match(right), TO_END.match(right)
        if front or end:
            edits.steps = [s for s in edits.steps if s is not step]
            edits.steps.insert(0 if front else len(edits.steps), step)
            page.take(ref.start, ref.end)


SEVERAL = Pattern(
    rf"\b(?P<w>first|last) (?P<n>\d) {STEP_NOUN}\b|\b{STEP_NOUN} (?P<a>\d)(?: and |-"
    rf"| to )(?P<b>\d)\b",
    re.IGNORECASE,
)
KEEP_ONLY = Pattern(
    r"\b(?:only keep|keep only|keep just|just keep|only need|only run)\b", re.IGNORECASE
)


def _several_out(page: Page, edits: StepEdits, refs: list[Ref], handles: list[Step]) -> None:
    """As in "drop the first two steps", "keep only the fit step"."""
    for match in page.find(KEEP_ONLY):
        kept = [ref for ref in refs if 0 <= ref.start - match.end() < 12]
        if kept:
            edits.steps = [handles[kept[0].index]]
            page.take(match.start(), kept[0].end)
            return
    for match in page.find(SEVERAL):
        left, right = page.left(match.start(), 40), page.right(match.end(), 40)
        if not (OUT_BEFORE.search(left) or OUT_AFTER.match(right)):
            continue
        number = int(match["n"] or 0)
        gone = (
            handles[:number] if match["w"] and match["w"].lower() == "first" else handles[-number:]
        )
        if match["a"]:
            ends = sorted((int(match["a"]), int(match["b"])))
            between = range(ends[0], ends[1] + 1) if " and " not in match.group() else ends
            gone = [step for i, step in enumerate(handles, start=1) if i in between]
        if len(gone) < len(handles):
            edits.steps = [step for step in edits.steps if not any(step is one for one in gone)]
            page.take(*match.span())


def _taken_out(page: Page, ref: Ref, edits: StepEdits, handles: list[Step]) -> bool:
    """Whether the words take a step out; if so it goes."""
    if not page.is_free(ref.start, ref.end):
        return False
    left, right = page.left(ref.start, 40), page.right(ref.end, 40)
    verb = OUT_BEFORE.search(left)
    gone = OUT_AFTER.match(right)
    needs_out = NEEDS_OUT.search(left) is not None
    if not (gone or (verb and not needs_out)):
        return False
    if re.match(
        r"(?:'s)?\s*(?:time|limit|timeout|label|env|arg|flag|image|gpu)", right.strip(), re.I
    ):
        return False  # something of the step goes, not the step
    edits.steps = [step for step in edits.steps if step is not handles[ref.index]]
    start = ref.start - (len(left) - verb.start()) if verb else ref.start
    page.take(start, ref.end + (gone.end() if gone else 0))
    return True


SPLIT = Pattern(r"[,;]\s|\band\b|\bbut\b|\bwhile\b", re.IGNORECASE)


def _reaches(page: Page, refs: list[Ref]) -> list[tuple[int, int]]:
    """The words that speak of each step: its sentence, or its share where others stand in it."""
    found = []
    for i, ref in enumerate(refs):
        start, end = page.sentence(ref.start)
        before = [r for r in refs[:i] if r.start >= start]
        after = [r for r in refs[i + 1 :] if r.start < end]
        if before:
            cuts = list(SPLIT.finditer(page.norm, before[-1].end, ref.start))
            start = cuts[-1].end() if cuts else before[-1].end
        if after:
            cuts = list(SPLIT.finditer(page.norm, ref.end, after[0].start))
            end = cuts[-1].start() if cuts else after[0].start
        found.append((start, end))
    return found


def _change(page: Page, step: Step, start: int, end: int, ref: Ref) -> None:
    """Set on one step what the words about it say."""
    done = _timeout(page, step, start, end)
    said = page.norm[start:end]
    for name, pattern in CONDITIONS:
        match = pattern.search(page.norm, start, end)
        if name == "ignore_exit_status" and NOT_IGNORED.search(said):
            step.ignore_exit_status, done = None, True
            continue
        if match is None:
            continue
        off = page.negated(match.start()) or re.search(r"\b(?:not|no longer|don't)\b", said)
        off = off if name in ("background", "always_run") else None
        quote = page.take(max(match.start(), start), match.end())
        setattr(step, name, None if off else Asked(value=True, quote=quote))
        done = True
    done = other_image(page, step, start, end) or done
    called = CALLED.search(page.norm[start:end].rstrip(" .!\n"))
    if called is not None and step.kind != "barrier":
        at = start + called.start("n")
        step.name = Asked(value=called["n"], quote=page.take(at, at + len(called["n"])))
        done = True
    if done:
        page.take(ref.start, ref.end)


def _timeout(page: Page, step: Step, start: int, end: int, *, keep: bool = False) -> bool:
    """Set or drop a step's time limit; `keep` leaves the words to be read for the next step too."""
    limit = NO_LIMIT.search(page.norm, start, end)
    if limit is not None:
        step.timeout_s = None
        if not keep:
            page.take(*limit.span())
        return True
    for amount in page.durations:
        if start <= amount.start < end and page.is_free(amount.start, amount.end):
            quote = page.quote(amount.start, amount.end)
            step.timeout_s = Asked(value=max(1, round(amount.value)), quote=quote)
            if not keep:
                page.take(amount.start, amount.end)
            return True
    return False
