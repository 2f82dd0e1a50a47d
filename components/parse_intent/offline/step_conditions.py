"""What the words around a step say of it: failure, background, time limit, network."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from components.parse_intent.draft import Asked, Step
from components.parse_intent.offline.amounts import Amount
from components.parse_intent.offline.normal import FILL
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.payloads import Payload
from components.parse_intent.offline.read_images import Image
from components.parse_intent.offline.read_limits import of_whole_task, time_points
from components.parse_intent.offline.step_names import ALL_STEPS, STEP_NOUN, StepNames


@dataclass
class Item:
    """A part of a step, by its place in the turn."""

    start: int
    end: int
    payload: Payload | None = None
    image: Image | None = None
    barrier: str | None = None
    args_end: int = 0
    step: Step | None = field(default=None, repr=False)
    at: int = 0  # its start in the normal text


MAIN_NODE = Pattern(
    r"\b(?:on|from|by) (?:(?:node|task|rank|vm) (?:0|zero)|(?:the )?(?:first|main|head|master"
    r"|primary) (?:node|vm|task|rank)|only (?:the )?(?:first|main|head) (?:node|vm"
    r"|task))\b(?: only)?"
    r"|\bonly (?:on )?(?:node|task|rank) 0\b",
    re.IGNORECASE,
)


FAILS = r"(?:fails?|failed|breaks?|crashe?s|dies|errors? out|doesn't work|goes wrong|trips)"
CARRY_ON = (
    r"(?:ignore|carry on|continue|go on|don't care|keep going|move on|no big deal|no matter|fine"
    r"|that's fine|that's ok|ok\b|okay|doesn't matter|not a problem|so what|never ?mind|proceed"
    r"|skip|so be it"
    r"|no harm|not the end|who cares|the rest|everything else)"
)
ITS = r"(?:its|their|whose|that 1's)"
IGNORE = Pattern(
    rf"\b(?:ignore (?:its |the |any |that |it|if|exit|failure|error)[\w ]{{0,30}}"
    rf"|(?:if|when|should) (?!task)(?:[\w.-]+ ){{1,5}}?{FAILS}[\w ,]{{0,24}}?{CARRY_ON}\w*"
    rf"|let (?:[\w'-]+ ){{1,4}}fail\b|fails? (?:without harm|quietly|silently)"
    rf"|(?:may|can|is allowed to|allowed to|might) fail\b(?! the)|ignor(?:e|ing) (?:failures?"
    rf"|errors?)"
    rf"|(?:don't|do not|doesn't|does not|nobody|never|not|no need to|needn't) (?:care|mind"
    rf"|matter|bother|worry"
    rf"|look)s? (?:about |for |at )?(?:{ITS}|the|any) (?:exit|return|outcome|result|failure"
    rf"|error|status)(?:s|ures)?(?: (?:status|code|value)s?)?"
    rf"|(?:exit|return) ?(?:code|status|value)s? (?:does(?:n't| not) matter|don't matter"
    rf"|is not important"
    rf"|isn't important|is of no interest|plays no role|can be ignored|may be ignored)"
    rf"|(?:it|this 1|that 1|this|that|step \w+|failure|failures|errors?) (?:is"
    rf"|are) (?:only )?(?:optional"
    rf"|a nice[- ]to[- ]have|not (?:essential|important|vital|critical))|nice[- ]to[- ]have"
    rf"|tolerate (?:its |any )?"
    rf"(?:failures?|errors?)|(?:failures?|errors?)(?: \w+){{0,3}} (?:tolerated|may be ignored"
    rf"|can be ignored)"
    rf"|(?:must|should|may|does|do|can|shall|need)(?:n't|not| not) (?:stop|abort|fail|kill"
    rf"|break|block|take down|sink)"
    rf" (?:the )?(?:whole )?(?:task|job|run|rest|others?|pipeline)|without (?:failing"
    rf"|aborting|stopping|killing)"
    rf" (?:the )?(?:whole )?(?:task|job|run|rest)|even if it fails,? (?:just )?(?:go|carry"
    rf"|move|keep|continue)\w*"
    rf"|so be it|not the end of the world"
    rf"|ignore[_ ]?exit[_ ]?status|(?:failures?|failing|errors?)(?: \w+){{0,4}} (?:is|are) (?:ok"
    rf"|okay"
    rf"|fine|ignored|acceptable|not a problem|harmless)|best[- ]effort|(?:don't|do not|doesn't"
    rf"|nobody)"
    rf" (?:care|cares|mind|matter) (?:if|when|whether) (?:it|that|this|step \w+|the [\w.-]+)"
    rf"[\w ]{{0,12}} (?:fails?|works?)|{FAILS} harmlessly|exit (?:code|status) (?:of \w+ )?(?:is )?"
    rf"(?:ignored|irrelevant)|whatever (?:its )?exit (?:code|status)"
    r"|(?:may|can|might|could|will|sometimes) (?:well )?(?:return|exit|end|finish)s?"
    r"(?: with)?(?: an?| status| code)* (?:non-?zero|not zero|unequal 0|error\b|1\b)(?! task)"
    r"|(?:exit|return) (?:code|status|value) (?:does|do|is)(?:n't| not) (?:matter|important"
    r"|relevant|interesting)|(?:disregard|don't (?:look at|check|care about|mind)) (?:its|the|that"
    r"|any) (?:exit|return) (?:code|status)|(?:not|non)[ -](?:fatal"
    r"|critical|blocking))\b",
    re.IGNORECASE,
)
ALWAYS = Pattern(
    r"\balways(?:[ _-]?runs?)?\b|\beven (?:if|when|though)\b[^.;\n]{0,40}?\b(?:fail(?:s|ed)?"
    r"|crash(?:es|ed)?|died|dies|blew up|blows up|broke|breaks|error(?:s|ed)?|goes wrong"
    r"|went wrong)\b"
    r"|\bno matter (?:what|how|whether|if)\b|\bregardless\b|\bwhether or not\b|\bin any case\b"
    r"|\b(?:whatever|no matter what) (?:happens|happened|the (?:outcome|result)|comes)\b"
    r"|\bunder (?:all|any) circumstances\b|\bcome what may\b|\bunconditional(?:ly)?\b"
    r"|\bin (?:all|either) cases?\b"
    r"|\b(?:also|too|even|including|as well) (?:if|when|after|on"
    r"|in case)(?: [\w'./-]+){0,6}? (?:fail(?:s|ed|ure)?"
    r"|crash(?:es|ed)?|died|dies|broke|breaks|errors?|blew up|blows up|abort(?:s|ed)?)\b"
    r"|\b(?:success|pass|passed|succeeded|good|works?|successful) or (?:fail(?:ure|ed|s)?|not"
    r"|bad|failing)\b"
    r"|\bboth on (?:success|failure)\b",
    re.IGNORECASE,
)
BACKGROUND = Pattern(
    r"\b(?:in the|as a|in) background\b|\bbackground (?:process|step|task|runnable|job"
    r"|script)\b|(?:^|[\n(,;-])\s*background(?:ed)?\s*(?=[:=)])|\bdaemon\b|\bbackgrounded\b",
    re.IGNORECASE,
)
STREAMING = Pattern(
    r"\bimage streaming\b|\bstream(?:ed|ing)? (?:it|this|that)(?= (?:instead|rather|in|from|as"
    r"|when))|\bstream(?:ing)? (?:of )?(?:the |that |this "
    r"|it's )?(?:container )?image\b|\benableImageStreaming\b"
    r"|\bstream(?:ed|ing)? (?:for|of|on|to) (?:the |this |that |our |all )?(?:[\w-]+ )?images?\b"
    r"|(?<=image)s?\b[^.;\n]{0,60}?\bstream(?:ed|ing)?\b(?: (?:it|this|that|them))?(?! (?:of"
    r"|from|data"
    r"|video|audio)\b)",
    re.IGNORECASE,
)
NO_INTERNET = Pattern(
    r"\bblock(?:ing|ed)?[ _]?(?:all )?(?:the )?external[ _]?network\b"
    r"|\b(?:no|without|not|never|can't|cannot|cut off|isolated|den(?:y|ied)|block(?:ed|ing)?|off"
    r"|disabled?|forbid|nothing)\b(?: [\w'-]+){0,5}? (?:internet|outside(?: world| network)?"
    r"|external network|outbound(?: traffic| network| connections?)?|egress|network access"
    r"|the network)\b(?: access| connection)?(?! tags?)"
    r"|\b(?:no|without)(?: any)? (?:network|networking|net|connectivity)\b(?! (?:tag|config|name))"
    r"|\b(?:block|deny|cut off|disable)(?:s|ed)? (?:all )?(?:the )?(?:external|outside|outgoing"
    r"|outbound)\b"
    r"|\b(?:internet|external network|outbound traffic|network access|egress)"
    r"(?: access| connections?)?(?: (?:is|are|must be|should be|has to be|to be))?"
    r" (?:blocked|off|disabled|denied|forbidden|cut off|not allowed)\b"
    r"|\bblockExternalNetwork\b|\bair-?gapped\b|\boffline container\b|\bnetwork: ?none\b",
    re.IGNORECASE,
)
STEP_COUNT = Pattern(
    rf"(?<![\w.=:-])(?P<n>\d{{1,2}})(?: [a-z]+)? {STEP_NOUN}\b(?: in (?:the|each|every) task)?",
    re.IGNORECASE,
)
STEP_HEAD = Pattern(r"\b(?:step|runnable|stage|part) (?P<n>\d{1,2})\b", re.IGNORECASE)
CONDITIONS = (
    ("ignore_exit_status", IGNORE),
    ("always_run", ALWAYS),
    ("background", BACKGROUND),
    ("main_node_only", MAIN_NODE),
)
OF_CONTAINERS = (("block_external_network", NO_INTERNET), ("image_streaming", STREAMING))


def add_conditions(page: Page, items: list[Item], steps: list[Step]) -> None:
    """Give each step the conditions that the words around it name."""
    work = [item for item in items if item.step is not None and item.barrier is None]
    if not work:
        return
    for item in work:
        item.at = page.at(item.start)
    names = StepNames(steps)
    for name, pattern in CONDITIONS:
        for match in page.find(pattern):
            if not page.negated(match.start()):
                _condition(page, match, name, work, names)
    for name, pattern in OF_CONTAINERS:
        for match in page.find(pattern):
            _of_containers(page, match, name, names)
    _heads(page, len(steps))
    if len(steps) > 1:
        _step_timeouts(page, work, names)


def _heads(page: Page, number: int) -> None:
    """Mark "3 steps" and "step 2:" as read where there are as many steps."""
    for match in page.find(STEP_COUNT):
        if int(match["n"]) == number:
            page.take(*match.span())
    for match in page.find(STEP_HEAD):
        if int(match["n"]) <= number:
            page.take(*match.span())


def _condition(
    page: Page, match: re.Match[str], name: str, work: list[Item], names: StepNames
) -> None:
    """Set one condition on the step that its words speak of."""
    others = OTHERS if name == "always_run" else None
    target = _target(page, match.start(), match.end(), work, names, others)
    # With one step only, "must always run" is a way of speaking.
    alone = name == "always_run" and len(names.steps) == 1 and page.before is None
    if target is not None and target.kind != "barrier" and not alone:
        setattr(target, name, Asked(value=True, quote=page.take(*match.span())))


def _of_containers(page: Page, match: re.Match[str], name: str, names: StepNames) -> None:
    """Set a container's switch on the one that the words name, else on all."""
    quote = page.take(*match.span())
    containers = [step for step in names.steps if step.kind == "container"]
    named = named_step(page, match.start(), match.end(), names)
    for step in containers:
        if named is None or named.kind != "container" or step is named:
            setattr(step, name, Asked(value=True, quote=quote))


# "even if the first step fails" names the step that may fail, not the one that runs on.
OTHERS = Pattern(
    r"\b(?:if|when|though|whether|after|what(?:ever)?)\b[^,;.\n]{0,60}?"
    r"\b(?:fail|crash|die|blew|blow|broke|break|error|wrong|happen|succeed|went|goes|work|pass"
    r"|before it (?:does|did))\w*",
    re.IGNORECASE,
)


def _target(
    page: Page,
    start: int,
    end: int,
    work: list[Item],
    names: StepNames,
    others: Pattern | None = None,
) -> Step | None:
    """The step that words at a place speak of; `others` matches words about other steps."""
    alone = _alone_in_clause(page, start, work)
    named = named_step(page, start, end, names, others, clause_only=alone is not None)
    if named is not None or alone is not None:
        return named or alone
    first, last = page.sentence(start)
    inside = [item for item in work if first <= item.at < last]
    if len(inside) == 1:
        return inside[0].step
    before = [item for item in work if item.at < start]
    if inside:
        after = [item for item in inside if end <= item.at <= end + 60]
        if after and before and _leads_to(page, before[-1], after[0], start, end):
            return after[0].step
        if after and not (before and BREAK.search(page.norm, end, page.at(after[0].start))):
            return after[0].step
        return (before or inside)[-1].step if before else inside[0].step
    return before[-1].step if before else work[0].step


def _alone_in_clause(page: Page, pos: int, work: list[Item]) -> Step | None:
    """The one step whose command stands in the same part of the sentence."""
    first, last = page.clause(pos)
    inside = [item.step for item in work if first <= item.at < last]
    return inside[0] if len(inside) == 1 else None


def _leads_to(page: Page, before: Item, after: Item, start: int, end: int) -> bool:
    """As in "`a`, and afterwards, whatever happens, `b`": the next step has begun already."""
    gap = page.norm[page.at(before.end) : start]
    begun = re.search(
        r"\b(?:then|next|afterwards|after that|finally|lastly|in the end)\b", gap, re.I
    )
    return begun is not None and not re.search(r"\w", page.norm[end : page.at(after.start)])


# What parts words about one step from the next step.
BREAK = Pattern(r"[,;.\n)]|\s-|\b(?:then|next|and|but|after|afterwards|finally|lastly)\b", re.I)


def named_step(
    page: Page,
    start: int,
    end: int,
    names: StepNames,
    others: Pattern | None = None,
    *,
    clause_only: bool = False,
) -> Step | None:
    """The step that the clause names, else the sentence."""
    for first, last in (page.clause(start), page.sentence(start))[: 1 if clause_only else 2]:
        text = page.norm[first : max(last, end)]
        if others is not None:
            text = others.sub(lambda match: " " * len(match[0]), text)
        named = names.named(text, start - first)
        if named is not None:
            return named
    return None


def _step_timeouts(page: Page, work: list[Item], names: StepNames) -> None:
    """Time limits that are said of one step, or of each."""
    _in_turn(page, names)
    for amount in page.durations:
        if not page.is_free(amount.start, amount.end):
            continue
        least = 1 if _bracketed(page, amount, work) else 2
        if time_points(page, amount) < least and not _bare(page, amount, names):
            continue
        targets = _timed(page, amount, work, names)
        if targets:
            quote = page.take(amount.start, amount.end)
            for step in targets:
                step.timeout_s = Asked(value=max(1, round(amount.value)), quote=quote)


def _in_turn(page: Page, names: StepNames) -> None:
    """As in "copying 30 minutes, calibration 10 hours": as many times as steps, in their order."""
    steps = [step for step in names.steps if step.kind != "barrier"]
    free = [a for a in page.durations if page.is_free(a.start, a.end)]
    spans = [page.sentence(amount.start) for amount in free]
    if len(free) != len(steps) or len(set(spans)) != 1:
        return
    text = page.norm[slice(*spans[0])]
    if (
        FILL in text
        or WHOLE.search(text)
        or USUALLY.search(text)
        or names.named(text, 0, len(text))
    ):
        return
    if any(time_points(page, amount) > 1 for amount in free):
        for step, amount in zip(steps, free, strict=True):
            quote = page.take(amount.start, amount.end)
            step.timeout_s = Asked(value=max(1, round(amount.value)), quote=quote)


WHOLE = Pattern(
    r"\b(?:tasks?|whole|overall|job|in all|altogether|total|each|both|every|retr\w+|wait\w*)\b",
    re.IGNORECASE,
)
USUALLY = Pattern(
    r"\b(?:usually|normally|typically|about|around|roughly|on average|expected|approximately)\b|~",
    re.IGNORECASE,
)
AFTER_FOR = Pattern(r" (?:at most |maximum |each )?(?:for|in|on|to) ", re.IGNORECASE)


def _bare(page: Page, amount: Amount, names: StepNames) -> bool:
    """As in ", the second 1 hour": a clause that holds a step's name and a time, no more."""
    start, end = page.clause(amount.start)
    lettered = re.search(r"\(\w\)\s*$", page.norm[max(0, start - 4) : amount.start])
    start = start if lettered is None else max(0, start - 4) + lettered.start()
    left, right = page.norm[start : amount.start], page.norm[amount.end : end]
    if USUALLY.search(page.sentence_text(amount.start)):
        return False
    return (
        len(left.split()) <= 4
        and not re.search(r"\w", right)
        and names.named(left, len(left)) is not None
    )


def _bracketed(page: Page, amount: Amount, work: list[Item]) -> Step | None:
    """The step that a time stands right behind: "`x.sh` (10 min)"."""
    first, _ = page.sentence(amount.start)
    close = [
        item.step
        for item in work
        if first <= item.at < amount.start
        and re.fullmatch(
            rf"[{FILL}]*[ ]?[(-]+\s?(?:[a-z]+ ){{0,3}}",
            page.norm[page.at(item.end) - 1 : amount.start],
        )
    ]
    return close[-1] if close else None


def _timed(page: Page, amount: Amount, work: list[Item], names: StepNames) -> list[Step]:
    """The steps that a time limit is for; none where it is for the task as a whole."""
    sentence = page.sentence_text(amount.start)
    clause = page.norm[slice(*page.clause(amount.start))]
    if of_whole_task(page, amount):
        return []
    runs = [step for step in names.steps if step.kind != "barrier"]
    if ALL_STEPS.search(clause) and not re.search(r"\bboth\b.*\btogether\b", clause, re.I):
        return runs
    behind = AFTER_FOR.match(page.norm, amount.end)
    named = names.named(page.right(behind.end(), 30), 0, 25) if behind else None
    named = named or named_step(page, amount.start, amount.end, names)
    if named is not None:
        return [named] if named.kind != "barrier" else []
    close = _bracketed(page, amount, work)
    if close is not None:
        return [close]
    first, last = page.sentence(amount.start)
    if re.search(r"\b(?:tasks?|whole|overall|job|in all|altogether|total)\b", sentence, re.I):
        return []
    inside = [item.step for item in work if first <= item.at < last and item.step]
    alone = len(inside) == 1 and FILL in sentence and not re.search(r"\beach\b", sentence)
    return inside if alone and inside[0].kind != "barrier" else []
