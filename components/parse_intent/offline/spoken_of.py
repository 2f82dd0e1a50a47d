"""Things that a turn speaks of and does not name: each is asked for, none is made up."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from components.parse_intent.draft import Draft
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

# Words that mark one certain thing which the person knows: "our Filestore", "the disk that ...".
OURS = r"\b(?:our|my|the|that|this|an? existing|an? special|their|existing|1 of our)"
WE_HAVE = (
    r"(?:,? (?:that|which|where)\b|,? (?:we|i|infra|it|security|ops|they|the \w+ team)\b"
    r"(?: (?:already|have|has|had|made|bought|set|use|keep|got|keeps|gave|created|prepared))"
    r"|,? (?:from|made by|set up by|bought|created|prepared|maintained) (?:by )?(?:our |the )?\w+)"
)


@dataclass(frozen=True)
class Kind:
    """One kind of thing that must have a name.

    Attributes:
        spoken: words for one certain thing of the kind.
        named: whether a draft holds it.
        question: what to ask.
        template: an instance template may bring it.
    """

    spoken: Pattern
    named: Callable[[Draft], bool]
    question: str
    template: bool = False


def _has_secret(draft: Draft) -> bool:
    return bool(draft.secret_env) or any(step.password for step in draft.steps)


KINDS = {
    "secret": Kind(
        Pattern(
            r"\bsecret[- ]?manager\b|\b(?:from|in|out of|as|with) (?:a|the|our|my|that|1 of our)"
            r"(?: \w+)? secrets?\b",
            re.IGNORECASE,
        ),
        _has_secret,
        "Which secret is meant? Give it as projects/PROJECT/secrets/SECRET/versions/VERSION.",
    ),
    "nfs": Kind(
        Pattern(
            rf"{OURS}(?: [\w'-]+){{0,2}} (?:(?:filestore|nfs|nas|filer|file ?server|network drive"
            r"|shared drive|file share)\b(?: (?:share|server|export|mount|instance))?"
            r"|(?:share|drive)\b(?=[^.;\n]{0,30} (?:/|nfs\b)))"
            r"|\bmount\w*\b(?: (?!gs\b)[\w'-]+){0,5} (?:via|over|with|by|using) nfs\b"
            r"|\bnfs(?: share| mount| volume| export)? (?:mounted )?(?:on|at|to|under) /",
            re.IGNORECASE,
        ),
        lambda draft: any(volume.kind != "gcs" for volume in draft.volumes),
        "Which NFS server or Filestore share should be mounted? Give its address and path, e.g. "
        "10.0.0.2:/share.",
    ),
    "disk": Kind(
        Pattern(
            r"\b(?:the|an?|our|my) (?:existing |zonal |data )*persistent disk"
            rf"(?={WE_HAVE}| (?:with|holding|containing|full of) (?:the|our|all|my|its"
            rf"|everything)\b"
            r"|[^.;\n]{0,30}\b(?:already|existing)\b)"
            r"|\b(?:our|my|the|an?) existing (?:persistent |data |zonal )*disk\b"
            r"|\b(?:our|my) (?:persistent|data|reference) disk\b"
            rf"|\bdisk(?= (?:that|which) (?:we|i) (?:already|have))",
            re.IGNORECASE,
        ),
        lambda draft: any(disk.existing for disk in draft.disks),
        "Which persistent disk should be attached? Give its name, as "
        "projects/PROJECT/zones/ZONE/disks/DISK.",
        template=True,
    ),
    "account": Kind(
        Pattern(
            r"\b(?:our|my|that|special|dedicated|separate|own|team's|locked[- ]down|restricted)"
            r"(?: [\w'-]+){0,3} service account\b"
            rf"|\bservice account(?={WE_HAVE})"
            r"|\b(?:as|with|under|use|using|by) the (?!default\b|compute\b|same\b|right\b"
            r"|following\b)"
            r"[a-z][\w-]* service account\b(?! [\w.-]+@)"
            r"|(?:not|n't|never)(?: \w+){0,3} default service account\b",
            re.IGNORECASE,
        ),
        lambda draft: draft.service_account is not None,
        "Which service account should the VMs use? Give its email address.",
        template=True,
    ),
    "reservation": Kind(
        Pattern(
            rf"{OURS}(?: [\w'-]+){{0,3}} (?:reservation\b(?! bound)|reserved (?:capacity|machines"
            r"|vms)\b)",
            re.IGNORECASE,
        ),
        lambda draft: draft.reservation is not None,
        "Which reservation should be used? Give its name, and its project if it is shared.",
        template=True,
    ),
    "network": Kind(
        Pattern(
            r"\b(?:our|my|the|that)(?: [\w'-]+){0,2} (?:vpc|sub-?net(?:work)?)\b(?! tag)"
            r"|\b(?:our|my)(?: (?!the\b)[\w-]+){0,2} network\b(?! (?:tag|drive|share|storage))",
            re.IGNORECASE,
        ),
        lambda draft: draft.network is not None or draft.subnetwork is not None,
        "Which network and subnetwork should the VMs use? Give them as "
        "projects/PROJECT/global/networks/NETWORK and "
        "projects/PROJECT/regions/REGION/subnetworks/SUBNET.",
        template=True,
    ),
    "place": Kind(
        Pattern(
            r"\b(?:in|to|into|inside) (?:the|our|my) (?:[a-z-]+ ){0,2}?(?:region|zone|location"
            r"|data ?cent(?:er|re))\b"
            r"(?= (?:where|that|which|our|we|i|with|of (?:the|our|my))\b|\W*$|[.,;])",
            re.IGNORECASE,
        ),
        lambda draft: bool(draft.locations),
        "Which region or zone should the job run in? Give its name, e.g. europe-west4.",
        template=True,
    ),
    "code": Kind(
        Pattern(
            r"\b(?:that|the|a|1|our|some|certain|specific|particular)(?: [\w'-]+){0,2}"
            r" (?:exit|return) (?:code|status)\b(?!s?\s*(?:is|=|:|of)?\s*\d)"
            r"|\b(?:exits?|ends?|returns?|fails?|quits?|stops?)(?: with)? (?:that|the|a|our|some|1)"
            r"(?: [a-z-]+){0,2} code\b(?!s?\s*(?:is|=|:|of)?\s*\d)",
            re.IGNORECASE,
        ),
        lambda draft: bool(draft.retry_policies) or draft.max_retries is None,
        "Which exit code is meant? Give its number.",
    ),
}


def unnamed(page: Page, draft: Draft) -> dict[str, str]:
    """The questions for what a turn speaks of and neither it nor the draft names, by kind."""
    found = {}
    for name, kind in KINDS.items():
        if kind.named(draft) or (kind.template and draft.instance_template is not None):
            continue
        for match in page.find(kind.spoken, free=False):
            denied = page.negated(match.start()) and "default" not in match.group().lower()
            if not denied and _speaks_of_use(page, match):
                page.take(*match.span())
                found[name] = kind.question
                break
    return found


ASIDE = Pattern(
    r"\b(?:no|without|instead of|rather than|replac\w+|was|used to|costs?|except)\b[^,;.\n]{0,20}$"
    r"|\b(?:if|once) (?:the )?$",
    re.IGNORECASE,
)


TOLD = Pattern(
    r"\s*(?:is|was|are|were|costs|gets|has|can't|won't)\b"
    r"(?! (?:at|on|mounted|needed|to|required|under|where|called|named))",
    re.IGNORECASE,
)


def _speaks_of_use(page: Page, match: re.Match[str]) -> bool:
    """Whether the words ask to use the thing and do not only tell of it."""
    told = TOLD.match(page.right(match.end(), 20))
    aside = ASIDE.search(page.left(match.start(), 40))
    excepted = aside is not None and aside.group().lower().startswith("except")
    return told is None and (aside is None or (excepted and match.group().endswith("code")))
