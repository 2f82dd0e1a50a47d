"""Where the VMs may run: regions and zones, by name and by nickname."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import REGION_ADJECTIVES, REGION_NICKNAMES, REGIONS

LOCATION = Pattern(
    r"(?<![\w./-])(?:(?:regions|zones)/)?(?P<r>(?:us|europe|asia|northamerica|southamerica"
    r"|australia|me|africa)-"
    r"(?:central|east|west|north|south|northeast|southeast|southwest"
    r"|northwest)\d{1,2})(?P<z>-[a-z])?(?![\w-])",
    re.IGNORECASE,
)
SHORT_LOCATION = Pattern(
    r"(?<![\w./-])(?P<c>us|eu|europe|asia|as)[- ]?(?P<d>central|c|east|e|west|w|northeast|ne"
    r"|southeast|se|north|n|south|s)"
    r"[- ]?(?P<n>\d{1,2})(?P<z>-[a-f])?(?![\w-])",
    re.IGNORECASE,
)
# A name in the form of a region, of another cloud or made up, where a region is spoken of.
NO_REGION = Pattern(
    r"\b(?:in|to|from|at|use|the)? ?(?:region|zone|location)s?(?: (?:is|called|named|to"
    r"|of))*\s*[:=]?"
    r"\s*[\"'(]?(?P<r>[a-z]{2,12}(?:-[a-z]{2,12}){1,3}-?\d{1,2}|(?:north|south|east|west|central)"
    r"(?:us|europe|asia|uk|india)\d?|[a-z]{2,9}(?:us|europe|asia)\d)\b(?![\w-])"
    r"|\b(?:in|to) (?:the )?(?P<s>(?:east|west|central|north|south)(?:us|europe|india)\d?)\b",
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
NAMES = "|".join(map(re.escape, sorted(REGION_NICKNAMES, key=len, reverse=True)))
PLACE_NOUN = r"(?:gcp |google |cloud )?(?:regions?|zones?|data ?-?cent(?:er|re)s?|dc|location)"
NICKNAME = Pattern(
    rf"(?<![\w./-])(?P<n>{NAMES})(?:'s)?(?![\w/]|-\w)(?P<noun>[ -]{PLACE_NOUN}\b)?",
    re.IGNORECASE,
)
ADJECTIVE = Pattern(
    rf"(?<![\w-])(?P<n>{'|'.join(REGION_ADJECTIVES)})(?: \w+)?[ -]{PLACE_NOUN}\b", re.IGNORECASE
)
# Words that may stand beside a place that is a clause of its own ("London please", "only Iowa").
BESIDE = Pattern(
    r"(?:please|only|the|in|at|region|zone|location|google|gcp|place|where|ideally|preferably|just|"
    r"somewhere|one|of|zones?|should|be|is|it|to|use|us|usa|uk|eu|europe|asia|japan|germany|india|"
    r"canada|australia|spain|italy|france|poland|brazil|chile|israel|england|switzerland|"
    r"(?:us|europe|asia|me)-[a-z]+\d{1,2}(?:-[a-z])?|"
    r"today|again|prod|as|always|on|spot|and|or|if|possible|would|nice|best|prefer(?:red)?|can|you"
    r"|we|are|for|me|like|near(?:est)?|closest|our|data|cent(?:er|re)|fine|ok|good|great|will|do"
    r"|located|based|there|which|out|of|closer|close|then|my|we're|i'm|vms?|machines?)",
    re.IGNORECASE,
)
PLACE_CUE = Pattern(
    r"\b(?:in|to|region|zone|location|from|at|near|is|google's|use|out of|our|inside|within|place"
    r"|leave|leaves|leaving|outside)"
    r"\s*[:=]?\s*[\"'(]?(?:the )?$",
    re.IGNORECASE,
)


# "must not leave Switzerland": it is to be there
LEAVES = Pattern(r"\b(?:leav(?:e|es|ing)|outside(?: of)?|out of|exit)(?: the)? $", re.IGNORECASE)


class _Places:
    """Collects the places that a turn names."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: list[Asked[str]] = []
        self.unknown: list[str] = []

    def add(self, region: str, zone: str, start: int, end: int) -> None:
        """Note a region or zone, unless the words deny it."""
        denied = self.page.negated(start) and not LEAVES.search(self.page.left(start, 24))
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
        if region in REGIONS or PLACE_CUE.search(page.left(match.start(), 24)):
            places.add(region, (match["z"] or "").lower(), *match.span())
    for match in page.find(NO_REGION):
        if not page.negated(match.start()):
            places.unknown.append((match["r"] or match["s"]).lower())
            page.take(*match.span())
    _other_zones(page, places)
    _nicknames(page, places)
    return places.narrowed(), places.unknown


# "us-east4-a or -c", "us-east4-a/b/c", "zones a and c of us-east4"
MORE_ZONES = Pattern(
    r"(?<![\w./-])(?P<r>[a-z]+-[a-z]+\d{1,2})-[a-f](?P<m>(?:(?:\s?(?:,|/|\||&|\+)\s?|,? (?:or"
    r"|and|plus|und) )"
    r"(?:zone )?-?[a-f](?![\w-]))+)",
    re.IGNORECASE,
)
ZONES_OF = Pattern(
    r"\b(?P<q>[a-z]+-[a-z]+\d{1,2})[ ,:(]{1,3}(?:only )?zones? (?P<l>[a-f](?:(?:,| or| and|/"
    r"|,? and) ?[a-f])*)\b|"
    r"\bzones? (?P<m>[a-f](?:(?:,| or| and|/) ?[a-f])*) (?:of"
    r"|in) (?:the )?(?:region )?(?P<r>[a-z]+-[a-z]+\d{1,2})\b",
    re.IGNORECASE,
)


def _other_zones(page: Page, places: _Places) -> None:
    """Zones of which only the letter is named."""
    for pattern in (MORE_ZONES, ZONES_OF):
        for match in page.find(pattern, free=False):
            first = match["r"] is None
            region = match["q" if first else "r"].lower()
            letters = "l" if first else "m"
            for letter in re.findall(r"\b[a-f]\b", match[letters].lower()):
                if region in REGIONS:
                    places.add(region, f"-{letter}", *match.span(letters))


def _nicknames(page: Page, places: _Places) -> None:
    """Places by what people call them; those in a question count only where no others stand."""
    found = [*page.find(NICKNAME), *page.find(ADJECTIVE)]
    asked = [match for match in found if page.sentence_text(match.start()).rstrip().endswith("?")]
    told = [match for match in found if match not in asked]
    for match in [*told, *asked]:
        name = match["n"].lower()
        region = REGION_NICKNAMES.get(name) or REGION_ADJECTIVES[name]
        if any(region in place.value for place in places.found):
            page.take(*match.span())
        elif not places.found and _is_place(page, match):
            places.add(region, "", *match.span())


def _is_place(page: Page, match: re.Match[str]) -> bool:
    """Whether a town says where to run and is not part of what the job is about."""
    if match.re is ADJECTIVE.compiled or match["noun"]:
        return True
    start, end = page.clause(match.start())
    alone = page.norm[start : match.start()] + " " + page.norm[match.end() : end]
    if all(BESIDE.fullmatch(word) for word in re.findall(r"\w[\w-]*", alone)):
        return True
    cued = PLACE_CUE.search(page.left(match.start(), 24))
    return cued is not None and NICKNAME_CUE.search(page.near(match.start(), 40)) is not None


NICKNAME_CUE = Pattern(
    r"\b(?:regions?|near|run|zones?|vms?|in|to|located|stay|leave|inside|outside|move"
    r"|data ?cent(?:er|re))\b",
    re.IGNORECASE,
)
