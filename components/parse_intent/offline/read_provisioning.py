"""How the VMs are had: spot, on demand, flex-start or bound to a reservation."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked, Provisioning
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

SPOT = Pattern(
    r"\bspot(?:[- ](?:vms?|instances?|machines?|nodes?|capacity|pricing|provisioning))?\b"
    r"|\bpreemptible(?:s| vms?| instances?| machines?)?\b|\binterruptible\b"
    r"|\b(?:can|could|may|might|fine if|okay if|ok if|mind if|mind being|allowed to)(?: \w+){0,3} "
    r"(?:be |get |gets |are |is )?(?:killed|interrupted|preempted|reclaimed|evicted|taken away"
    r"|pulled"
    r"|yanked|taken back|shut down|stopped|taken|lost|vanish|disappear|go away"
    r"|come and go)(?: away)?(?: (?:at )?any ?(?:time|moment))?"
    r"|\b(?:don't|do not|doesn't|not) (?:care|mind|matter|worried"
    r"|bothered)(?: \w+){0,3} (?:get|gets|are|is|getting|being)?"
    r" ?(?:killed|interrupted|preempted|reclaimed|evicted|taken away|interrupt)\b"
    r"|\b(?:not|nothing|isn't|non)[- ](?:\w+ ){0,2}(?:mission[- ])?critical\b"
    r"|\bcheapest possible\b|\bgoogle can (?:take|pull|reclaim)\w*(?: \w+)? ?back\b"
    r"|\bcheapest (?:kind of )?(?:machines|vms|capacity|option|way)\b"
    r"|\b(?:as cheap(?:ly)? as possible|dirt cheap)\b|\b(?:interruptions?|preemptions?) (?:is"
    r"|are) (?:fine|ok|okay|no problem|acceptable)\b",
    re.IGNORECASE,
)
STANDARD = Pattern(
    r"\bon[- ]demand\b|\bprovisioning(?: ?model)?\s*[:=]?\s*standard\b|\bstandard (?:vms?"
    r"|provisioning|machines|instances|capacity|model)\b"
    r"|\bregular (?:vms?|machines|instances)\b|\bnon[- ]?(?:spot|preemptible)\b"
    r"|\b(?:not|never|nothing|anything|mustn't|must not|cannot|can't|no)\b"
    r"(?: (?!(?:so|but|and|because|then|critical|if|when|matter)\b)[\w-]+){0,6} "
    r"(?:be )?(?:spot|preempted|preemptible|preemptions?|interrupted|interruptible|evicted"
    r"|reclaimed|taken away|interruptions?)\b"
    r"|\b(?<!nothing )(?<!not )(?<!n't )(?:mission|business)[- ]critical\b|\bfull[- ]price\b"
    r"|\bprovisioning ?model:? standard\b",
    re.IGNORECASE,
)
FLEX = Pattern(
    r"\b(?:dws )?flex[-_ ]?start\b|\bdws\b|\bdynamic workload scheduler\b", re.IGNORECASE
)
BOUND = Pattern(r"\breservation[-_ ]bound\b", re.IGNORECASE)
STORY = Pattern(r"^\W*(?:killed|got|was|were|died|ate|has been|is what|used to|cost|bit)\b", re.I)
RULED_OUT = Pattern(
    r"\s*(?:vms?|machines?|instances?|capacity)?\s*(?:(?:is|are|would be|will be|were) (?:not|no"
    r"|out"
    r"|too|off|never|forbidden|ruled)\b|isn't|aren't|won't|wouldn't|can't|cannot|not (?:allowed|ok"
    r"|wanted|acceptable)|forbidden|ruled out|never|[:=] ?(?:no|false|off|never|n)\b)",
    re.IGNORECASE,
)
PRICED = Pattern(
    r"\s*(?:vms?|machines?|instances?|capacity)?\s*(?:is|are|would be|gets?|was|were|costs?)"
    r" (?:just |way |far |much |simply )?(?:too|more) (?:expensive|costly|pricey|dear|much)",
    re.IGNORECASE,
)
HAPPENED = Pattern(
    r"\b(?:last time|last week|yesterday|previously|too many|used to|we had)\b[^.;]{0,30}$", re.I
)
HABIT = Pattern(r"\b(?:normally|usually|typically|otherwise|mostly)\b[^.;,]{0,30}$", re.I)


def read_provisioning(page: Page) -> Asked[Provisioning] | None:
    """Spot, on demand, flex-start or bound to a reservation."""
    named: tuple[tuple[Pattern, Provisioning], ...] = (
        (FLEX, "FLEX_START"),
        (BOUND, "RESERVATION_BOUND"),
    )
    for pattern, model in named:
        for match in page.find(pattern):
            if not page.negated(match.start()):
                return Asked(value=model, quote=page.take(*match.span()))
    return _of_two(page)


def _of_two(page: Page) -> Asked[Provisioning] | None:
    votes: list[tuple[int, Provisioning, str]] = []
    for match in page.find(STANDARD):
        if re.match(r"on|standard|regular|full|prov", match.group(), re.I) and page.negated(
            match.start()
        ):
            page.take(*match.span())
            continue
        if _told(page, match):
            continue
        votes.append((match.start(), "STANDARD", page.take(*match.span())))
    for match in page.find(SPOT):
        if page.negated(match.start()) or RULED_OUT.match(page.right(match.end(), 40)):
            votes.append((match.start(), "STANDARD", page.take(*match.span())))
        elif not _told(page, match):
            votes.append((match.start(), "SPOT", page.take(*match.span())))
    if not votes:
        return _by_loss(page)
    plain = [v for v in votes if re.match(r"spot|preempt|on|standard|non", v[2], re.I)] or votes
    _, value, quote = plain[0]
    return Asked(value=value, quote=quote)


def _told(page: Page, match: re.Match[str]) -> bool:
    """Whether the words tell of other runs, or of a price, and ask for nothing."""
    right, left = page.right(match.end(), 40), page.left(match.start(), 40)
    habit = page.norm[max(page.clause(match.start())[0], match.start() - 40) : match.start()]
    story = match.re is SPOT.compiled and (STORY.match(right) or HAPPENED.search(left))
    return bool(story or PRICED.match(right) or HABIT.search(habit))


def affirmed(page: Page) -> list[tuple[Provisioning, int, int]]:
    """Every place that asks for Spot or for standard VMs, whatever has read it: value, span."""
    found: list[tuple[Provisioning, int, int]] = [
        ("STANDARD", *match.span())
        for match in page.find(STANDARD, free=False)
        if not page.negated(match.start()) and not _told(page, match)
    ]
    for match in page.find(SPOT, free=False):
        inside = any(start <= match.start() < end for _, start, end in found)
        denied = page.negated(match.start()) or RULED_OUT.match(page.right(match.end(), 40))
        if not inside and not denied and not _told(page, match):
            found.append(("SPOT", *match.span()))
    return found


# A VM that goes away, by words that are said of VMs only, and by words that need a VM beside them.
LOSS = Pattern(
    r"\b(?:(?P<vm>interrupt(?:ed|s|ions?)?|preempt(?:ed|s|ions?|ing)?|reclaim(?:ed|s|ing)?"
    r"|evict(?:ed|s|ions?)?|tak(?:e|es|en|ing) (?:[\w']+ ){0,3}?(?:away|back)|yank(?:s|ed)?"
    r"|come and go)"
    r"|(?:kill(?:s|ed)?|lost|los(?:e|es|ing)|vanish(?:es|ed)?|disappear(?:s|ed)?|go(?:es|ing)? away"
    r"|shut(?:s)? down|stop(?:s|ped)?|dies?|die|dying|pull(?:s|ed)?(?: out| away)?|taken"
    r"|snatch(?:es|ed)?|kicked (?:off|out)|bumped))\b",
    re.IGNORECASE,
)
OF_GOOGLE = Pattern(
    r"\b(?:vms?|machines?|nodes?|instances?|servers?|box(?:es)?|google|gcp|hardware|capacity)\b",
    re.IGNORECASE,
)
ACCEPTED = Pattern(
    r"\b(?:ok|okay|fine|no (?:problem|issue|worries|drama|big deal)|(?:not|isn't)(?: a| any)?"
    r" (?:problem|big deal)"
    r"|(?:don't|do not|doesn't|does not|wouldn't) (?:mind|matter|care|hurt|bother)|acceptable"
    r"|al?l ?right|tolera(?:te|nt|ble)\w*|surviv\w+|live with|not (?:worried|bothered)"
    r"|nobody minds|(?:picks?|carries|goes|carry) (?:it |right )?(?:up|on) (?:from|where|after)"
    r"|resum\w+|checkpoint\w*|cheap\w*|sav(?:e|es|ing) money|discount\w*)\b",
    re.IGNORECASE,
)
REFUSED = Pattern(
    r"\b(?:not (?:ok|okay|fine|acceptable|allowed|tolera\w+)|(?:must|may|can|should)(?: not|n't)"
    r"|cannot|can't|mustn't|never|disast\w+|catastroph\w+|unacceptable|no restarts?"
    r"|isn't (?:ok|okay|acceptable)|afford)\b",
    re.IGNORECASE,
)


def _by_loss(page: Page) -> Asked[Provisioning] | None:
    """Spot or standard, where the words only tell whether a VM may be taken away."""
    for match in page.find(LOSS, free=False):
        sentence = page.sentence_text(match.start())
        if not (match["vm"] or OF_GOOGLE.search(page.near(match.start(), 60))):
            continue
        if REFUSED.search(sentence):
            return Asked(value="STANDARD", quote=page.take(*match.span()))
        if ACCEPTED.search(sentence):
            return Asked(value="SPOT", quote=page.take(*match.span()))
    return None
