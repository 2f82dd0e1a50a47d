"""Templates over the columns of a row: `Translate {{text}} to {{language}}`.

Only `{{name}}` is read; `$1`, `{}`, `{x}`, `${HOME}` and `%s` stay as they are. Values are put in
once: what a cell holds is text, never a placeholder or a reference to an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from components.errors import InputError
from components.rows.references import escaped, may_refer

# A bound and one repetition keep this linear; blanks around the name are taken off afterwards.
_PLACEHOLDER = re.compile(r"\{\{([^{}\n]{1,200})\}\}")


# What people write who come from other templates, or forget a brace.
_NEARLY = re.compile(r"\{{1,3}([^{}\n]{1,200})\}{1,3}|\{\{([^{}\n]{1,200})")


class MissingColumns(ValueError):  # noqa: N818 - reads as what it is
    """The template names columns that the row does not have; `names` lists every one."""

    def __init__(self, names: list[str], columns: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names
        hints = [_hint(name, columns) for name in names]
        self.words = ", ".join(hints)


def _hint(name: str, columns: Sequence[str]) -> str:
    folded = {column.lower(): column for column in columns}
    close = get_close_matches(name.lower(), list(folded), n=1)
    return f"{{{{{name}}}}} (did you mean {folded[close[0]]}?)" if close else f"{{{{{name}}}}}"


@dataclass(frozen=True)
class Template:
    """A template whose columns are known by their place."""

    pieces: tuple[str | int, ...]
    refers: bool

    def fill(self, cells: Sequence[str]) -> str:
        """The template with the cells of one row put in."""
        if self.refers:
            cells = [escaped(cell) for cell in cells]
        return "".join([p if isinstance(p, str) else cells[p] for p in self.pieces])

    def columns(self) -> set[int]:
        """The places of the columns that are put in."""
        return {piece for piece in self.pieces if isinstance(piece, int)}


def doubts(template: Template, columns: Sequence[str]) -> Iterator[str]:
    """Warnings of what is nearly a placeholder, and of a template that asks every row the same."""
    names = {column.strip().lower() for column in columns}
    for piece in template.pieces:
        for match in _NEARLY.finditer(piece) if isinstance(piece, str) else ():
            name = (match[1] or match[2]).strip()
            if name.lower() in names:
                yield f"'{match[0]}' in the template stays as it is; write {{{{{name}}}}}"
    if not template.columns():
        yield "the template puts in no column: every row asks the same"


def compiled(text: str, columns: Sequence[str]) -> Template:
    """The template for rows with these columns; case and blanks around names do not count.

    Raises:
        MissingColumns: names that are no column, all of them at once.
        InputError: a name is that of several columns.
    """
    place = _places(columns)
    pieces: list[str | int] = []
    missing: dict[str, None] = {}
    at = 0
    for match in _PLACEHOLDER.finditer(text):
        name = match[1].strip(" \t")
        if not name:
            continue
        index = place(name)
        if index is None:
            missing[name] = None
        else:
            pieces += [text[at : match.start()], index]
        at = match.end()
    if missing:
        raise MissingColumns(list(missing), columns)
    pieces.append(text[at:])
    return Template(tuple(piece for piece in pieces if piece != ""), may_refer(text))


def _places(columns: Sequence[str]) -> Callable[[str], int | None]:
    exact: dict[str, list[int]] = {}
    loose: dict[str, list[int]] = {}
    for index, name in enumerate(columns):
        exact.setdefault(name, []).append(index)
        loose.setdefault(name.strip().lower(), []).append(index)

    def place(name: str) -> int | None:
        found = exact.get(name) or loose.get(name.strip().lower()) or []
        if len(found) > 1:
            raise InputError(
                f"The template names the column '{name[:60]}', which is there {len(found)} times",
                fix="Rename all but one.",
            )
        return found[0] if found else None

    return place
