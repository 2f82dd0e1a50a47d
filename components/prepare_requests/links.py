"""The rows that other rows refer to: names become rows, rows become waves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from components.rows.waves import in_waves


@dataclass(frozen=True)
class File:
    """Where the rows of a file stand among all rows, counted from 1."""

    name: str
    first: int
    rows: int


@dataclass
class Links:
    """References of rows, collected while rows are read.

    Memory grows with the rows that have references, not with the others.
    """

    names: dict[int, tuple[str, ...]] = field(default_factory=dict)
    file_of: dict[int, int] = field(default_factory=dict)
    line_of: dict[int, int] = field(default_factory=dict)

    def add(self, row: int, names: tuple[str, ...], file: int, line: int) -> None:
        """Note the references of a row in that line of the file with that number."""
        self.names[row] = names
        self.file_of[row] = file
        self.line_of[row] = line

    def wanted(self) -> set[tuple[int, str]]:
        """File and name for every reference; what looks like a place may be somebody's id."""
        return {(self.file_of[row], name) for row, names in self.names.items() for name in names}


@dataclass
class Settled:
    """What became of the waiting rows.

    Attributes:
        rows: wave of each, and the reason where it is never sent.
        refs: for each, which row each of its names means.
        waves: number of waves.
    """

    rows: dict[int, tuple[int, str]] = field(default_factory=dict)
    refs: dict[int, dict[str, int]] = field(default_factory=dict)
    waves: int = 1


def settled(
    links: Links,
    files: list[File],
    ids: Iterable[tuple[int, str]],
    invalid: bytearray,
    max_waves: int,
) -> Settled:
    """Resolve names and order the rows.

    Args:
        links: the references.
        files: by number; of each row's own file.
        ids: row and id of every row, read only where there are references.
        invalid: 1 at the place of each row that is known not to be sent.
        max_waves: see `in_waves`.
    """
    by_id = _rows_by_id(links.wanted(), files, ids)
    out = Settled()
    for row, names in links.names.items():
        file = links.file_of[row]
        refs, reason = _resolved(names, file, files[file], by_id)
        if reason:
            invalid[row] = 1
            out.rows[row] = (0, reason)
        else:
            out.refs[row] = refs
    needs = {row: sorted(set(refs.values())) for row, refs in out.refs.items()}
    waves = in_waves(needs, lambda row: bool(invalid[row]), max_waves=max_waves)
    out.rows |= {row: (wave, "") for row, wave in waves.wave.items()}
    out.rows |= {row: (0, reason) for row, reason in waves.reason.items()}
    out.waves = waves.count
    return out


def _rows_by_id(
    wanted: set[tuple[int, str]], files: list[File], ids: Iterable[tuple[int, str]]
) -> Mapping[tuple[int, str], list[int]]:
    found: dict[tuple[int, str], list[int]] = {}
    if not wanted:
        return found
    number = 0
    for row, name in ids:
        while number + 1 < len(files) and row >= files[number + 1].first:
            number += 1
        place = (number, name.strip())
        if place in wanted:
            rows = found.setdefault(place, [])
            if len(rows) < 3:
                rows.append(row)
    return found


def _resolved(
    names: tuple[str, ...],
    number: int,
    file: File,
    by_id: Mapping[tuple[int, str], list[int]],
) -> tuple[dict[str, int], str]:
    refs: dict[str, int] = {}
    for name in names:
        rows = by_id.get((number, name), [])
        if _is_number(name) and 1 <= int(name) <= file.rows:
            row = file.first + int(name) - 1
            if rows not in ([], [row]):
                other = next(found for found in rows if found != row)
                return {}, (
                    f"ambiguous_reference: ${{output.{name}}}: the row at place {name}, or row "
                    f"{other}, whose id is {name}?"
                )
            refs[name] = row
            continue
        if not rows:
            what = f"there is no such row; {file.name} has {file.rows:,}"
            what = what if _is_number(name) else "no row has this id"
            return {}, f"unknown_reference: ${{output.{name}}}: {what}"
        if len(rows) > 1:
            shown = ", ".join(str(row) for row in rows)
            return {}, f"ambiguous_reference: ${{output.{name}}}: rows {shown} have this id"
        refs[name] = rows[0]
    return refs, ""


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) <= 12
