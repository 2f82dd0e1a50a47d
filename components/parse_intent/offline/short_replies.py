"""A later turn that the turn before it explains: "two of them", "no, drop it", "skip the"
" bucket".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from components.parse_intent.draft import Draft
from components.parse_intent.offline.edit_numbers import NUMBER_FIELDS, number_of, set_number
from components.parse_intent.offline.field_words import fields_in
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

LONE_NUMBER = Pattern(
    r"\W*(?:(?:no|nope|nah|yes|yeah|ok|okay|better|on second thoughts?|thinking about it|make"
    r"|let's|say|do|rather|actually|hm+|sorry|then"
    r"|use|take|just|only|to|it|that|them|i'd|go|for|with|want)\b[\s,.:-]*){0,6}(?P<n>\d{1,6})"
    r"(?: (?:of (?:them|those|these)|please|then|is (?:enough|plenty|better|fine)|instead|rather"
    r"|better|thanks|each|per (?:vm|machine|node)|will do|it is)){0,3}\W*",
    re.IGNORECASE,
)
PRONOUN = Pattern(
    r"(?P<v>\W*(?:(?:no|nope|nah|yes|yeah|ok|okay|please|then|so|just|well|actually|hm+|can you"
    r"|could"
    r" you|let's)\b[\s,.!-]*){0,4}(?:drop|remove|delete|lose|scrap|kill|cut|skip|ditch|get rid of"
    r"|take(?= (?:it|that|this|them) out)|take out|leave out|turn off|throw out|we don't need"
    r"|i don't need|don't need|no need for) )"
    r"(?:it|that|this|them|those|that 1|that one)\b"
    r"(?P<r>(?: (?:again|too|altogether|then|please|completely|entirely|now|out|off|away|thanks"
    r"|after all|any ?more)){0,3}\W*)",
    re.IGNORECASE,
)
# What was asked for, by the words for it.
ASKED_NOUNS = {
    "bucket": r"buckets?|mounts?",
    "topic": r"topics?|notifications?|pub ?/?sub|messages?|alerts?",
    "project": r"topics?|notifications?|pub ?/?sub|messages?|alerts?",
    "template": r"templates?",
    "gpu": r"gpus?|accelerators?",
    "secret": r"secrets?",
    "nfs": r"nfs|filer|nas|shares?|filestore|drive",
    "disk": r"disks?",
    "account": r"(?:service )?accounts?",
    "reservation": r"reservations?",
    "network": r"networks?|vpc|subnets?",
    "code": r"(?:exit )?codes?",
    "region": r"regions?|zones?|locations?",
}
DECLINED = (
    r"\b(?:no|without|drop|remove|forget|skip|leave out|scrap|omit|ignore|don't (?:need|want|use"
    r"|mount)"
    r"|do not (?:need|want|use|mount)|not? need(?:ed)?(?: for)?|never ?mind)\b(?: (?:about|any|a"
    r"|an|the"
    r"|our|that|this|of|own|special)){0,3} (?:[\w-]+ ){0,2}?"
)


def lone_number(page: Page, draft: Draft, earlier: Sequence[Draft]) -> None:
    """Give a number that stands alone to the one number that the turn before changed, in place.

    Args:
        page: the turn.
        draft: what holds now.
        earlier: the drafts of the turns before, oldest first.
    """
    match = LONE_NUMBER.fullmatch(page.norm)
    if match is None or not earlier:
        return
    changed = [f for f in NUMBER_FIELDS if getattr(earlier[-1], f) != getattr(draft, f)]
    if len(changed) == 1:
        set_number(draft, changed[0], float(match["n"]), page.take(*match.span("n")))


SCALED = Pattern(
    r"\W*(?:(?:no|nope|nah|yes|ok|okay|better|rather|actually|hm+|sorry|then|just|please|let's"
    r"|you know what)\b[\s,.:-]*){0,5}(?P<w>double|triple|quadruple|halve) (?:it|that|them|this)"
    r"(?: (?:again|instead|rather|please|then|better)){0,3}\W*",
    re.IGNORECASE,
)
INSTEAD = Pattern(r"\b(?:no|nope|nah|rather|actually|sorry|instead|better)\b", re.IGNORECASE)
FACTORS = {"double": 2.0, "triple": 3.0, "quadruple": 4.0, "halve": 0.5}


def scaled_again(page: Page, draft: Draft, earlier: Sequence[Draft]) -> None:
    """As in "double the timeout", then "no, triple it": the one number that changed, in place.

    With "no" or "instead" it is reckoned from what it was before that change.
    """
    match = SCALED.fullmatch(page.norm)
    if match is None or not earlier:
        return
    changed = [f for f in NUMBER_FIELDS if getattr(earlier[-1], f) != getattr(draft, f)]
    if len(changed) != 1:
        return
    was = number_of(earlier[-1], changed[0])
    base = was if was is not None and INSTEAD.search(page.norm) else number_of(draft, changed[0])
    if base is not None:
        by = FACTORS[match["w"].lower()]
        set_number(draft, changed[0], base * by, page.take(0, len(page.norm)))


def with_noun(turn: str, said: str, wants: Sequence[str]) -> str:
    """A turn whose pronoun is put as the thing that was spoken of or asked about last.

    Args:
        turn: the person's words.
        said: their words of the turn before.
        wants: the kinds of what is asked for.
    """
    match = PRONOUN.fullmatch(turn)
    if match is None:
        return turn
    verb = match["v"] + "out " if match["v"].lower().endswith("take ") else match["v"]
    kinds = {want.split()[0] for want in wants} & ASKED_NOUNS.keys()
    if len(kinds) == 1:
        return f"{verb}the {kinds.pop().replace('account', 'service account')}{match['r']}"
    named = {name: said[start:end] for name, start, end in fields_in(said)}
    if len(named) == 1:
        return f"{verb}the {next(iter(named.values()))}{match['r']}"
    return turn


SECRET_ONLY = Pattern(
    r"\W*(?:(?:it's|it is|use|take|the secret is|called|named|from|sorry|oh)[\s:,]+){0,3}"
    r"(?P<s>projects/[\w.:-]+/secrets/[\w-]+(?:/versions/(?:\d+|latest))?)\W*",
    re.IGNORECASE,
)
VARIABLE = Pattern(
    r"(?<![\w/])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w/=])|(?<![\w/])[A-Z]{4,}[A-Z0-9]*(?![\w/=])"
)


def with_variable(turn: str, said: str, wants: Sequence[str]) -> str:
    """A turn that only names a secret, with the variable for which the turn before wanted one."""
    match = SECRET_ONLY.fullmatch(turn) if "secret" in wants else None
    names = list(dict.fromkeys(VARIABLE.findall(said))) if match is not None else []
    return f"{names[0]} from secret {match['s']}" if match and len(names) == 1 else turn


def in_own_words(draft: Draft, turn: str) -> None:
    """Give a secret whose variable `with_variable` added the words that were said, in place."""
    match = SECRET_ONLY.fullmatch(turn)
    for pair in draft.secret_env if match is not None else []:
        if match is not None and pair.value.startswith(match["s"]):
            pair.quote = match["s"]


def declined(page: Page, draft: Draft, wants: Sequence[str]) -> set[str]:
    """The open questions that a turn answers with "none": "skip the bucket".

    What stood for the thing in the draft is taken out, in place.
    """
    found = set()
    for want in wants:
        kind = want.split()[0]
        nouns = ASKED_NOUNS.get(kind)
        if nouns is None:
            continue
        match = re.search(rf"{DECLINED}(?:{nouns})\b", page.norm, re.IGNORECASE)
        if match is None:
            continue
        found.add(want)
        page.take(*match.span())
        if kind == "bucket":
            draft.volumes = [v for v in draft.volumes if v.kind != "gcs" or v.remote]
        if kind in ("topic", "project"):
            draft.notifications = [n for n in draft.notifications if n.topic]
    return found
