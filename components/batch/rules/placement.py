"""Rules of where VMs run: regions, zones, compact placement."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.batch.findings import Path
from components.batch.locations import is_zone, nearest_region, region_of, regions
from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.rule import Problem, RuleSet, shown
from components.batch.rules.view import ALLOCATION, JobView

RULES = RuleSet()

ALLOWED: Path = (*ALLOCATION, "location", "allowedLocations")


def _places(view: JobView) -> list[str]:
    return list(view.allocation.get("location", {}).get("allowedLocations", []))


def meant_place(text: str) -> str | None:
    """What a place without the right form stands for: `us-central1` is `regions/us-central1`."""
    name = text.strip().strip("/").lower().replace("_", "-")
    name = re.sub(r"\A(?:projects/[^/]+/)?(?:locations?|regions?|zones?)[/:-]", "", name)
    if name in regions():
        return f"regions/{name}"
    return f"zones/{name}" if is_zone(name) else None


@RULES.rule("LOC_FORM", "error", "P, use")
def location_form(view: JobView) -> Iterator[Problem]:
    """An allowed location is regions/R or zones/R-x of a region that Batch serves."""
    for index, place in enumerate(_places(view)):
        kind, _, name = place.partition("/")
        right = (kind == "regions" and name in regions()) or (kind == "zones" and is_zone(name))
        if right:
            continue
        meant = meant_place(place)
        region = region_of(place)
        known_form = kind in ("regions", "zones") and re.fullmatch(r"[a-z0-9-]+", name)
        near = nearest_region(region or place)
        if meant:
            fix = f"write {meant}"
        elif near and not placeholder_in(place):
            fix = f"did you mean regions/{near}?"
        else:
            fix = "write regions/REGION or zones/ZONE, such as regions/us-central1"
        what = "is not a place that Batch serves" if known_form else "is no location"
        yield Problem((*ALLOWED, index), f"{shown(place)} {what}", fix)


@RULES.rule("LOC_ONE_REGION", "error", "P, use")
def one_region(view: JobView) -> Iterator[Problem]:
    """All allowed locations are in one region."""
    found = {region_of(place) for place in _places(view) if not placeholder_in(place)} - {None}
    if len(found) > 1:
        names = ", ".join(sorted(str(name) for name in found))
        yield Problem(
            ALLOWED,
            f"the locations are in {len(found)} regions ({names}); all must be in one",
            "keep one region, which is the job's own",
        )


@RULES.rule("LOC_ZONE_NARROW", "hint", "CJ")
def narrow_zone(view: JobView) -> Iterator[Problem]:
    """One zone alone runs out of GPUs and Spot VMs."""
    places = _places(view)
    if len(places) == 1 and places[0].startswith("zones/") and (view.has_gpu or view.is_spot):
        region = region_of(places[0])
        if region and not any("existingDisk" in disk for disk in view.disks):
            yield Problem(
                ALLOWED,
                f"only {places[0]} may be used; GPUs and Spot VMs are often short in one zone",
                f'use ["regions/{region}"] if any zone will do',
            )


@RULES.rule("PLACE", "warning", "P")
def compact_placement(view: JobView) -> Iterator[Problem]:
    """Placement is COLLOCATED or not given."""
    placement = view.allocation.get("placement", {})
    collocation = placement.get("collocation", "")
    if collocation not in ("", "COLLOCATED", "UNSPECIFIED", "COLLOCATION_UNSPECIFIED"):
        yield Problem(
            (*ALLOCATION, "placement", "collocation"),
            f"{shown(collocation)} is not known here",
            "use COLLOCATED, or remove it",
        )
    if "maxDistance" in placement:
        yield Problem(
            (*ALLOCATION, "placement", "maxDistance"),
            "maxDistance is not implemented by Batch yet",
            "remove it",
        )
