"""Where the VMs may run: regions and zones, by name and by nickname."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.vocabulary import REGION_NICKNAMES, REGIONS

LOCATION = re.compile(
    r"(?<![\w./-])(?:(?:regions|zones)/)?(?P<r>(?:us|europe|asia|northamerica|southamerica"
    r"|australia|me|africa)-"
    r"(?:central|east|west|north|south|northeast|southeast|southwest"
    r"|northwest)\d{1,2})(?P<z>-[a-z])?(?![\w-])",
    re.IGNORECASE,
)
SHORT_LOCATION = re.compile(
    r"(?<![\w./-])(?P<c>us|eu|europe|asia|as)[- ]?(?P<d>central|c|east|e|west|w|northeast|ne"
    r"|southeast|se|north|n|south|s)"
    r"[- ]?(?P<n>\d{1,2})(?P<z>-[a-f])?(?![\w-])",
    re.IGNORECASE,
)
DIRECTIONS = {
    "c": "central",
    "e": "east",
    "w": "west",
    "n": "north",
    "s": "south",
    "ne": "northeast",
    "se": "southeast",
}
NICKNAME = re.compile(
    r"\b(?:in|to|region|from|at|near|is|the|google's|use|out of|our|\() ?(?P<n>"
    + "|".join(map(re.escape, REGION_NICKNAMES))
    + r")\b|\b(?P<m>"
    + "|".join(map(re.escape, REGION_NICKNAMES))
    + r")(?= (?:region|data ?cent(?:er|re)|zones?|dc|please)\b)",
    re.IGNORECASE,
)


class _Places:
    """Collects the places that a turn names."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: list[Asked[str]] = []
        self.unknown: list[str] = []

    def add(self, region: str, zone: str, start: int, end: int) -> None:
        """Note a region or zone, unless the words deny it."""
        denied = self.page.negated(start)
        quote = self.page.take(start, end)
        if denied:
            return
        if region not in REGIONS:
            self.unknown.append(region)
            return
        value = f"zones/{region}{zone}" if zone else f"regions/{region}"
        if value not in [place.value for place in self.found]:
            self.found.append(Asked(value=value, quote=quote))

    def narrowed(self) -> list[Asked[str]]:
        """Of a region and zones in it, only the zones: they are the narrower ask."""
        zones = [place for place in self.found if place.value.startswith("zones/")]
        regions = {p.value.split("/")[1] for p in self.found if p.value.startswith("regions/")}
        inside = all(zone.value.split("/")[1].rsplit("-", 1)[0] in regions for zone in zones)
        return zones if zones and inside and len(regions) == 1 else self.found


def read_locations(page: Page) -> tuple[list[Asked[str]], list[str]]:
    """Where the VMs may run, and names of regions that Batch does not have."""
    places = _Places(page)
    for match in page.find(LOCATION):
        places.add(match["r"].lower(), (match["z"] or "").lower(), *match.span())
    for match in page.find(SHORT_LOCATION):
        continent = match["c"].lower()
        continent = {"eu": "europe", "as": "asia"}.get(continent, continent)
        direction = DIRECTIONS.get(match["d"].lower(), match["d"].lower())
        region = f"{continent}-{direction}{match['n']}"
        if region in REGIONS:
            places.add(region, (match["z"] or "").lower(), *match.span())
    _nicknames(page, places)
    return places.narrowed(), places.unknown


def _nicknames(page: Page, places: _Places) -> None:
    for match in page.find(NICKNAME):
        group = "n" if match["n"] else "m"
        region = REGION_NICKNAMES[match[group].lower()]
        if any(region in place.value for place in places.found):
            page.take(*match.span(group))
        elif not places.found and NICKNAME_CUE.search(page.near(match.start(), 40)):
            places.add(region, "", *match.span(group))


NICKNAME_CUE = re.compile(
    r"\b(?:regions?|run|zones?|vms?|in|to|located|stay|move|data ?cent(?:er|re))\b", re.IGNORECASE
)
