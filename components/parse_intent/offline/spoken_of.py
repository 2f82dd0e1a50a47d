"""What a person speaks of as theirs and does not name: it is asked for, never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable

from components.parse_intent.draft import Draft
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.read_pairs import NAME, NOT_VARIABLE

OURS = (
    r"(?:our|my|own|the (?:special|right|dedicated|usual|same|existing|other|company|team)|company"
    r"|custom|dedicated|special)"
)
SECRET = re.compile(
    r"\b(?:from|out of|in|via|with|by|using|through)\s+(?:the |our |a |google'?s? )*secret\b"
    r"(?: manager| store)?|\bsecret manager\b",
    re.IGNORECASE,
)
SHARE = re.compile(
    rf"\b(?:{OURS}|the)\s+(?:[\w-]+ ){{0,2}}?(?:filestore|nfs)\b|\b(?:filestore|nfs) (?:share|server"
    r"|export|volume|instance)\b",
    re.IGNORECASE,
)
DISK = re.compile(
    r"\b(?:existing (?:persistent |data |zonal )*disk|(?:persistent |data |zonal )disk\b[^.;\n]{0,30}"
    r"\b(?:we|i|they) (?:already |do )?have\b"
    r"|(?:our|my) (?:[\w-]+ ){0,2}?(?:persistent|data|reference) disk)\b",
    re.IGNORECASE,
)
ACCOUNT = re.compile(r"\bservice[ -]?account\b", re.IGNORECASE)
SPECIAL = re.compile(
    r"\b(?:our|my|own|special|dedicated|custom|different|another|team'?s?|(?:made|created|set up)"
    r"(?: \w+){0,2} for (?:us|me|this))\b",
    re.IGNORECASE,
)
RESERVATION = re.compile(rf"\b(?:{OURS}|the|a) (?:[\w-]+ )?reservations?\b", re.IGNORECASE)
NETWORK = re.compile(
    r"\bshared[- ]vpc\b|\b(?:our|own|company|corporate|custom|team'?s?)(?: (?!external|public)[\w-]+)?"
    r" (?:vpc|network|sub-?net(?:work)?)\b",
    re.IGNORECASE,
)
CODE = re.compile(
    r"\b(?:that|1|special|certain|specific|particular|our|magic)(?: \w+){0,2} (?:exit|return|error)"
    r"[ -]?(?:code|status)\b(?!s?\s*(?:is|:|=|of)?\s*\d)",
    re.IGNORECASE,
)
RETRIED = re.compile(r"\b(?:retr\w+|again|attempts?)\b", re.IGNORECASE)

Have = Callable[[Draft], object]
THINGS: tuple[tuple[str, re.Pattern[str], Have, str], ...] = (
    (
        "share",
        SHARE,
        lambda d: [v for v in d.volumes if v.kind == "nfs"] or d.instance_template,
        "What is the address of the NFS or Filestore share? Give it as SERVER:/path.",
    ),
    (
        "disk",
        DISK,
        lambda d: [disk for disk in d.disks if disk.existing] or d.instance_template,
        "Which existing disk should be attached? Give it as projects/P/zones/Z/disks/NAME.",
    ),
    (
        "reservation",
        RESERVATION,
        lambda d: d.reservation or d.instance_template,
        "What is the name of the reservation?",
    ),
    (
        "network",
        NETWORK,
        lambda d: d.network or d.subnetwork or d.instance_template,
        "Which network and subnet? Give them as projects/P/global/networks/N and "
        "projects/P/regions/R/subnetworks/S.",
    ),
)


def spoken_of(page: Page) -> dict[str, str]:
    """Questions for what the turn speaks of without its name, by what is wanted."""
    drafts = [page.draft, *([page.before] if page.before is not None else [])]
    wants = {}
    for want, pattern, have, question in THINGS:
        if not any(have(draft) for draft in drafts) and _said(page, pattern):
            wants[want] = question
    wants |= _account(page, drafts) | _secret(page, drafts)
    if not any(draft.retry_policies for draft in drafts):
        for match in page.find(CODE):
            if RETRIED.search(page.sentence_text(match.start())):
                wants["exit"] = "Which exit code is meant? Give its number."
    return wants


def _said(page: Page, pattern: re.Pattern[str]) -> bool:
    for match in page.find(pattern, free=False):
        if not page.negated(match.start()) and not any(page.used[match.start() : match.end()]):
            page.take(*match.span())
            return True
    return False


def _account(page: Page, drafts: list[Draft]) -> dict[str, str]:
    if any(draft.service_account or draft.instance_template for draft in drafts):
        return {}
    for match in page.find(ACCOUNT):
        said = page.sentence_text(match.start())
        if SPECIAL.search(said):
            page.take(*match.span())
            return {"account": "Which service account should the VMs use? Give its e-mail address."}
    return {}


def _secret(page: Page, drafts: list[Draft]) -> dict[str, str]:
    """The variable that is to come from a secret that nobody named."""
    login = any(step.password for draft in drafts for step in draft.steps)
    if login or any(draft.secret_env for draft in drafts):
        return {}
    for match in page.find(SECRET):
        if page.negated(match.start()):
            continue
        start, end = page.sentence(match.start())
        names = [m.group() for m in NAME.finditer(page.norm, start, end)]
        names = [name for name in names if name not in NOT_VARIABLE]
        page.take(*match.span())
        name = names[0] if names else ""
        what = f" holds {name}" if name else ""
        question = (
            f"Which secret{what or ' is meant'}? Give it as "
            "projects/PROJECT/secrets/NAME/versions/latest."
        )
        return {f"secret {name}".strip(): question}
    return {}
