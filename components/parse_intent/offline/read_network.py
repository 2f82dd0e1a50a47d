"""Network, subnetwork, external addresses, network tags, service account."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked
from components.parse_intent.offline.page import Page

EMAIL = re.compile(r"(?<![\w.])[\w.-]+@[\w.-]+\.gserviceaccount\.com")


def read_account(page: Page) -> Asked[str] | None:
    """The service account of the VMs."""
    for match in page.find(EMAIL):
        if not page.negated(match.start()):
            return Asked(value=match.group(), quote=page.take(*match.span()))
        page.take(*match.span())
    return None


NETWORK = re.compile(
    r"(?:https://[\w.]+/compute/v1/)?(?:projects/[\w.:-]+/)?global/networks/[\w-]*\w"
)
SUBNET = re.compile(
    r"(?:https://[\w.]+/compute/v1/)?(?:projects/[\w.:-]+/)?regions/[\w-]+/subnetworks/[\w-]*\w"
)
NETWORK_NAMED = re.compile(
    r"\b(?:vpc|network)(?:\s+(?:network|called|named"
    r"|is))*\s*[:=]?\s*[\"']?(?P<n>[a-z][a-z0-9]*(?:-[a-z0-9]+)+|default)\b(?!\s+tag)",
    re.IGNORECASE,
)
SUBNET_NAMED = re.compile(
    r"\bsub-?net(?:work)?(?:\s+(?:called|named"
    r"|is))*\s*[:=]?\s*[\"']?(?P<n>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)\b",
    re.IGNORECASE,
)
NO_EXTERNAL = re.compile(
    r"\b(?:no|without|not(?: \w+){0,3}|never|non|disable|drop|remove|mustn't have"
    r"|don't (?:give|want|have)[\w ]{0,12})[ -]+(?:any\s+|an?\s+|the\s+)?(?:external|public"
    r"|outside)(?:[ -]*(?:ipv4|ip|internet|network))?(?:s|'s)?(?:[ -]?address(?:es)?)?\b"
    r"|\b(?:private|internal)[ -]?(?:ips?|ip addresses|addresses)(?: only)?\b"
    r"|\binternal[ -]only\b|\bno[_ ]?external[_ ]?ip[\w_]*\b|\bprivate (?:vms?|nodes"
    r"|machines)\b",
    re.IGNORECASE,
)
TAG = re.compile(
    r"\b(?:network|firewall|vm)[ -]?tags?(?:\s+(?:is|are|of|called"
    r"|named))?\s*[:=]?\s*[\"']?(?P<t>[a-z][a-z0-9-]*(?:(?:\s*,\s*"
    r"|\s+and\s+)(?![\w ]+\bvms?\b)[a-z][a-z0-9]*-[a-z0-9-]*)*)",
    re.IGNORECASE,
)


def read_network(page: Page) -> None:
    """Network, subnetwork, external addresses, network tags."""
    for match in page.find(SUBNET):
        page.draft.subnetwork = Asked(value=match.group(), quote=page.take(*match.span()))
    for match in page.find(NETWORK):
        page.draft.network = Asked(value=match.group(), quote=page.take(*match.span()))
    for match in page.find(TAG):
        quote = page.take(*match.span())
        for name in re.split(r"\s*,\s*|\s+and\s+", match["t"]):
            page.draft.tags.append(Asked(value=name.lower(), quote=quote))
    if page.draft.network is None:
        for match in page.find(NETWORK_NAMED):
            if not re.match(r"(?:on|to|is)$", match["n"]):
                page.draft.network = Asked(
                    value=f"global/networks/{match['n']}", quote=page.take(*match.span())
                )
                break
    for match in page.find(NO_EXTERNAL):
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
