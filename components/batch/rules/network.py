"""Rules of networks, service accounts and network tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from components.batch.findings import Path
from components.batch.locations import region_of
from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.rule import Problem, RuleSet, shown
from components.batch.rules.view import ALLOCATION, JobView

RULES = RuleSet()

INTERFACES: Path = (*ALLOCATION, "network", "networkInterfaces")

_URL = r"(?:https://(?:www|compute)\.googleapis\.com/compute/(?:v1|beta)/)?(?:projects/[^/\s]+/)?"
_NETWORK = re.compile(_URL + r"global/networks/[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?\Z")
_SUBNETWORK = re.compile(
    _URL + r"regions/(?P<region>[a-z0-9-]+)/subnetworks/[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?\Z"
)
_ACCOUNT = re.compile(
    r"[a-z][a-z0-9-]{2,61}@[a-z0-9.-]+\.iam\.gserviceaccount\.com\Z"
    r"|[a-z0-9][a-z0-9.-]*@(?:developer|appspot)\.gserviceaccount\.com\Z"
    r"|[a-z0-9.-]+@[a-z0-9.-]+\.gserviceaccount\.com\Z"
)
_TAG = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?\Z")


def _interfaces(view: JobView) -> Iterator[tuple[Path, dict[str, Any]]]:
    interfaces = view.allocation.get("network", {}).get("networkInterfaces", [])
    for index, interface in enumerate(interfaces):
        yield (*INTERFACES, index), interface


@RULES.rule("NET_BOTH", "warning", "GC, P")
def network_and_subnetwork(view: JobView) -> Iterator[Problem]:
    """Network and subnetwork belong together, in the region of the VMs."""
    places = view.allocation.get("location", {}).get("allowedLocations", [])
    allowed = {region_of(place) for place in places} - {None}
    for path, interface in _interfaces(view):
        for name, other in (("network", "subnetwork"), ("subnetwork", "network")):
            if interface.get(name) and not interface.get(other):
                yield Problem(
                    (*path, other),
                    f"{name} is given without {other}",
                    f"add {other}, unless the network has a subnetwork of its own in every region",
                )
        found = _SUBNETWORK.match(interface.get("subnetwork", ""))
        if found and allowed and not placeholder_in(found[0]) and found["region"] not in allowed:
            where = ", ".join(sorted(str(a) for a in allowed))
            yield Problem(
                (*path, "subnetwork"),
                f"the subnetwork is in {found['region']}, the VMs in {where}",
                "use a subnetwork of the VMs' region",
                severity="error",
            )


@RULES.rule("NET_FORM", "error", "P")
def network_form(view: JobView) -> Iterator[Problem]:
    """Networks and subnetworks are named by their paths."""
    for path, interface in _interfaces(view):
        for name, form, example in (
            ("network", _NETWORK, "global/networks/NETWORK"),
            ("subnetwork", _SUBNETWORK, "regions/REGION/subnetworks/SUBNETWORK"),
        ):
            value = interface.get(name, "")
            if value and not form.match(value):
                yield Problem(
                    (*path, name),
                    f"{shown(value)} is no {name}; the form is projects/PROJECT/{example}",
                    f"write {example.split('/')[0]}/… with or without the project before it",
                )


@RULES.rule("NET_ONE", "error", "TS")
def distinct_networks(view: JobView) -> Iterator[Problem]:
    """Each interface has a network of its own."""
    seen: set[str] = set()
    for path, interface in _interfaces(view):
        network = interface.get("network", "").split("/")[-1]
        if network and network in seen:
            yield Problem(
                (*path, "network"),
                f"two interfaces are in network {shown(network)}; each needs a network of its own",
                "remove one of them",
            )
        seen.add(network)


@RULES.rule("NET_NOIP", "warning", "P, TS")
def no_external_address(view: JobView) -> Iterator[Problem]:
    """VMs without external address need another way to Google."""
    for path, interface in _interfaces(view):
        if interface.get("noExternalIpAddress"):
            yield Problem(
                (*path, "noExternalIpAddress"),
                "without external address VMs reach Batch only through Private Google Access",
                "switch it on for the subnetwork; for other addresses set up Cloud NAT",
            )


@RULES.rule("NET_VPCSC", "hint", "TS")
def address_in_perimeter(view: JobView) -> Iterator[Problem]:
    """Inside a VPC Service Controls perimeter the API refuses VMs with an external address."""
    for path, interface in _interfaces(view):
        named = interface.get("network") or interface.get("subnetwork")
        if named and not interface.get("noExternalIpAddress"):
            yield Problem(
                (*path, "noExternalIpAddress"),
                "VMs on this network get an external address; in a project inside VPC Service "
                "Controls such a job is refused",
                "set noExternalIpAddress to true there",
            )


@RULES.rule("SA_FORM", "error", "P, GS")
def service_account(view: JobView) -> Iterator[Problem]:
    """A service account is named by its e-mail address."""
    account = view.allocation.get("serviceAccount")
    where = (*ALLOCATION, "serviceAccount", "email")
    if account is None or not account.get("email"):
        if view.runnables and not view.template:
            yield Problem(
                where,
                "the VMs run as the Compute Engine default account, which may do too much",
                "name a service account with the roles that the job needs",
                severity="hint",
            )
        return
    email = account["email"]
    if not _ACCOUNT.match(email):
        yield Problem(
            where,
            f"{shown(email)} is no service account",
            "write NAME@PROJECT.iam.gserviceaccount.com",
        )


@RULES.rule("TAG_FORM", "error", "P")
def tags(view: JobView) -> Iterator[Problem]:
    """Network tags: a letter, then letters, digits and -, at most 63."""
    for index, tag in enumerate(view.allocation.get("tags", [])):
        if not _TAG.match(tag):
            yield Problem(
                (*ALLOCATION, "tags", index),
                f"{shown(tag)} is no network tag: a lower-case letter, then lower-case letters, "
                "digits and -, at most 63",
                "change the tag",
            )
