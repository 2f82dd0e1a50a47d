"""Copies between a local run folder and the bucket that the service works in."""

from __future__ import annotations

from components.batch_predict.book import Entry
from components.batch_predict.files import Files
from components.batch_predict.places import Places


def copy(files: Files, source: str, target: str) -> None:
    """Copy a file."""
    with files.writer(target) as write:
        for line in files.lines(source):
            write(line)


def copy_outputs(files: Files, places: Places, entry: Entry) -> None:
    """Copy what a job wrote into the run folder; files that are there already are the same."""
    source, target = entry.output_uri.rstrip("/"), places.outputs(entry.display_name)
    known = set(files.below(target))
    for uri in files.below(source):
        place = target + uri.removeprefix(source)
        if place not in known:
            copy(files, uri, place)
