"""Network, subnetwork, external addresses, network tags, service account."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import KEYWORDS, words

EMAIL = Pattern(r"(?<![\w.])[\w.-]+@[\w.-]+\.gserviceaccount\.com")


def read_account(page: Page) -> Asked[str] | None:
    """The service account of the VMs."""
    for match in page.find(EMAIL):
        if not page.negated(match.start()):
            return Asked(value=match.group(), quote=page.take(*match.span()))
        page.take(*match.span())
    return None


NETWORK = Pattern(r"(?:https://[\w.]+/compute/v1/)?(?:projects/[\w.:-]+/)?global/networks/[\w-]*\w")
SUBNET = Pattern(
    r"(?:https://[\w.]+/compute/v1/)?(?:projects/[\w.:-]+/)?regions/[\w-]+/subnetworks/[\w-]*\w"
)
NETWORK_NAMED = Pattern(
    r"(?<![\w-])(?:vpc|network)(?:\s+(?:network|called|named"
    r"|is))*\s*[:=]?\s*[\"']?(?P<n>[a-z][a-z0-9]*(?:-[a-z0-9]+)+|default)\b(?!\s+tag)"
    r"|(?<![\w-])(?:vpc|network)\s*(?:[:=]|(?:network )?(?:called"
    r"|named))\s*[\"']?(?P<m>[a-z][a-z0-9-]*)\b"
    r"|\bvpc (?:network )?(?P<o>(?!network|peering|service|access|is|on|in|and|of|the|with|for"
    r"|that|we)"
    r"[a-z][a-z0-9-]+)\b",
    re.IGNORECASE,
)
SUBNET_NAMED = Pattern(
    r"\bsub-?net(?:work)?(?:\s+(?:called|named"
    r"|is))*\s*[:=]?\s*[\"']?(?P<n>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)\b",
    re.IGNORECASE,
)
NO_EXTERNAL = Pattern(
    r"\b(?:no|without|not(?: \w+){0,3}|never|non|disable|drop|remove|block|\w+n't (?:have|get|need)"
    r"|don't (?:give|want|have)[\w ]{0,24}?)[ -]+(?:any\s+|an?\s+|the\s+)?(?:(?:external|public)"
    r"(?![ -]*(?:network|net|internet|registr\w+|image\w*|bucket\w*|traffic|access)\b)"
    r"(?:[ -]*(?:ipv4|ip))?(?:s|'s)?(?:[ -]?address(?:es)?)?"
    r"|outside[ -]*(?:ipv4|ip|address(?:es)?)(?:s|'s)?(?:[ -]?address(?:es)?)?)\b"
    r"|\bvms?(?: \w+){0,2} (?:no|without) (?:external|public|outside) access\b"
    r"|\b(?:external|public)[ -]?(?:ips?|address(?:es)?|ip address(?:es)?)(?: (?:is|are"
    r"|should be)|\s*[:=])?\s*"
    r"(?:none|no|off|false|never|disabled|not (?:needed|wanted|allowed))\b"
    r"|\b(?:private|internal)[ -]?(?:ips?|ip addresses|addresses)(?: only)?\b"
    r"|\binternal[ -]only\b|\bno[_ ]?external[_ ]?ip[\w_]*\b|\bprivate (?:vms?|nodes"
    r"|machines)\b",
    re.IGNORECASE,
)
KEEPS_EXTERNAL = Pattern(
    r"\b(?:keep|leave|need|want|give|with|have)\b(?: (?:them|the|their|its|an?))*"
    r" (?:external|public)(?: ip(?:v4)?)?(?: address(?:es)?|s)?\b",
    re.IGNORECASE,
)
TAG_NAME = r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
TAG = Pattern(
    r"\b(?:(?:network|firewall|vm|instance|target)[ -]?tags?|tags? for (?:the )?firewalls?"
    r"|tag(?:ged|s)?(?=\s*[:=]|\s+[a-z]+-[a-z])"
    r"|(?<=[,;:(] )tag(?= [a-z][a-z0-9-]*\s*(?:[,.;)\n]|$))"
    r"|tag(?:ged)?(?= (?:as |with |them |it |all |these )*[a-z]+-[a-z0-9-]+(?![\w=:-]))"
    r"|tag(?:ged)?(?: (?:the|all|every|each|our))* (?:vms?|machines?|nodes?|instances?)"
    r"|(?:vms?|machines?|nodes?|instances?) (?:are |should be |get )?tagged)"
    r"(?:\s*\((?:network|firewall) tags?\))?"
    r"(?:\s+(?:is|are|them|it|these|of|called|named|with|as|on|to|the|all|vms?|machines|nodes"
    r"|should be|both))*"
    rf"[\s:=\"']+(?P<t>{TAG_NAME}(?:(?:\s*,\s*(?:and\s+)?|\s+(?:and|plus)\s+|\s*[&+]\s*)"
    rf"(?!(?:\w+ ){{0,2}}(?:vms?|labels?)\b){TAG_NAME}(?=[\s,.;)\"']|$))*)(?![\w-]*=)",
    re.IGNORECASE,
)
TAG_BEFORE = Pattern(
    r"(?<![\w/-])(?P<t>[a-z][a-z0-9]*(?:-[a-z0-9]+)+) (?:as (?:a |the )?)?(?:network"
    r"|firewall) tag\b",
    re.IGNORECASE,
)
NOT_TAGS = frozenset(words("on for the is and with as to vm vms none no via in of a an must if"))


# What may follow a list of tags in one line and is a setting of its own.
FIELDS = KEYWORDS | frozenset(words("spot gpu gpus cpu cpus ram disk retry priority prio ssd arm"))
ENDED = Pattern(r"[\"')]{0,2}\s*(?:[.;\n)]|$|(?:on|to|for) (?:the|all|every|each|our) )")


def _tags(page: Page) -> None:
    for pattern in (TAG, TAG_BEFORE):
        for match in page.find(pattern):
            if re.search(
                r"\b(?:image|docker|container|git)\s*$", page.left(match.start(), 12), re.I
            ):
                continue
            names = re.split(
                r"\s*,\s*(?:and\s+)?|\s+(?:and|plus)\s+|\s*[&+]\s*", match["t"].lower()
            )
            # behind the first, only what looks like a name: "tags a-b, retries 2" has one tag
            whole = ENDED.match(page.norm, match.end()) is not None
            names = [
                n
                for i, n in enumerate(names)
                if n not in NOT_TAGS and (not i or "-" in n or (whole and n not in FIELDS))
            ]
            if names:
                quote = page.take(*match.span())
                page.draft.tags += [Asked(value=name, quote=quote) for name in names]


def read_network(page: Page) -> None:
    """Network, subnetwork, external addresses, network tags."""
    for match in page.find(SUBNET):
        page.draft.subnetwork = Asked(value=match.group(), quote=page.take(*match.span()))
    for match in page.find(NETWORK):
        page.draft.network = Asked(value=match.group(), quote=page.take(*match.span()))
    _tags(page)
    if page.draft.network is None:
        for match in page.find(NETWORK_NAMED):
            name = (match["n"] or match["m"] or match["o"]).lower()
            if not re.match(r"(?:on|to|is|none|no|global|projects)$", name):
                quote = page.take(*match.span())
                page.draft.network = Asked(value=f"global/networks/{name}", quote=quote)
                break
    kept = [m.start() for m in page.find(KEEPS_EXTERNAL) if not page.negated(m.start())]
    for match in page.find(NO_EXTERNAL):
        if kept and kept[-1] > match.end():
            page.take(*match.span())  # "no external IPs ... actually, keep them"
            continue
        page.draft.no_external_ip = Asked(value=True, quote=page.take(*match.span()))
    _short_subnet(page)


def _short_subnet(page: Page) -> None:
    if page.draft.subnetwork is not None:
        return
    regions = [p.value.split("/")[1] for p in page.draft.locations]
    for match in page.find(SUBNET_NAMED):
        name = match["n"]
        if regions and ("-" in name or re.search(r"called|named|[:=]", match.group(), re.I)):
            region = re.sub(r"(\d)-[a-z]$", r"\1", regions[0])
            value = f"regions/{region}/subnetworks/{name}"
            page.draft.subnetwork = Asked(value=value, quote=page.take(*match.span()))
            return
