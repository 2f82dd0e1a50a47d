"""Regions that Batch serves, and the forms in which places are written (`data/sources.json`)."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

# Where jobs go that name no place; also the default of the console and of Google's samples.
DEFAULT_REGION = "us-central1"

DATA_FILE = Path(__file__).parent / "data" / "regions.csv"

_ZONE = re.compile(r"(?P<region>[a-z]+-[a-z]+[0-9]{1,2})-(?P<letter>[a-z])\Z")


@lru_cache(maxsize=1)
def regions() -> dict[str, str]:
    """The regions where Batch jobs can live, each with the place it is in."""
    return {row["region"]: row["place"] for row in _rows()}


@lru_cache(maxsize=1)
def _zone_letters() -> dict[str, frozenset[str]]:
    """The letters of each region's zones; a to f where the table knows of no gap."""
    return {row["region"]: frozenset(row["zones"].split()) for row in _rows()}


def _rows() -> list[dict[str, str]]:
    with DATA_FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def region_of(place: str) -> str | None:
    """The region of `regions/R`, `zones/R-x`, `R` or `R-x`; None where it has no such form.

    The region need not be one that Batch knows.
    """
    name = place.strip().removeprefix("regions/").removeprefix("zones/")
    zone = _ZONE.match(name)
    if zone is not None:
        return zone["region"]
    return name if re.fullmatch(r"[a-z]+-[a-z]+[0-9]{1,2}", name) else None


def is_zone(name: str) -> bool:
    """Whether the bare name is that of a zone of a region that Batch knows."""
    zone = _ZONE.match(name)
    return zone is not None and zone["letter"] in _zone_letters().get(zone["region"], ())


def nearest_region(name: str) -> str | None:
    """The region whose name is nearest; None where none is near."""
    asked = name.strip().lower().replace("_", "-").replace(" ", "-")
    close = get_close_matches(asked, list(regions()), n=1, cutoff=0.75)
    return close[0] if close else None


def job_region(job: Mapping[str, Any], asked: str = "") -> str:
    """The region that the job is submitted to: the one asked for, or the one that the job names.

    Args:
        job: the Batch job, any JSON object.
        asked: the region asked for; empty leaves it to the job's first allowed location.
    """
    if asked:
        return asked
    try:
        place = job["allocationPolicy"]["location"]["allowedLocations"][0]
    except (KeyError, IndexError, TypeError):
        return DEFAULT_REGION
    return (region_of(place) if isinstance(place, str) else None) or DEFAULT_REGION
