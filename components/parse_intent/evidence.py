"""Whether a draft stands on the person's words: quotes, payload, numbers, untouched fields.

A model may quote words that were never said, take a value out of a pasted script, or change what
nobody spoke of. All of that shows in the texts, without any judgement of meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.batch.findings import Finding, path_text
from components.parse_intent.draft import Draft
from components.tables.text import brief

Place = tuple[str | int, ...]

_FENCE = re.compile(r"^[ \t]*```[^\n]*\n(?P<inside>.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
# Lines that are addressed to a scheduler: they ask for things although they stand in a script.
_DIRECTIVE = re.compile(r"^\s*#(SBATCH|PBS|BSUB|OAR|MSUB|COBALT|\$)\s?", re.IGNORECASE)
_COMMENT = re.compile(r"^\s*(#(?!!)|//|--\s|;|%|REM\b)")
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:[.,_]\d+)*(?![\w]*/)")
# Where a model leaves something out of a long quote, in spite of its instructions.
_BREAKS = re.compile(r"\.\.\.|…|\n")
# Typographic quotes and the no-break space, as mail programs put them in.
_QUOTES = str.maketrans("\u201c\u201d\u201e\u2018\u2019\u00a0", '"""\'\' ')
# Fields of a step that are what a script or a command is made of.
_OF_PAYLOAD = frozenset(
    {"text", "path", "commands", "workdir", "image", "entrypoint", "options", "volumes", "env"}
)
_LISTED = 10  # entries of a list that is made for a person


@dataclass(frozen=True)
class Leaf:
    """A value of a draft with its quote; `place` leads to it in the draft's JSON form."""

    place: Place
    value: Any
    quote: str

    @property
    def kind(self) -> tuple[str, ...]:
        """The place without positions in lists."""
        return tuple(part for part in self.place if isinstance(part, str))


def leaves(draft: Mapping[str, Any]) -> Iterator[Leaf]:
    """Every part of the draft (in JSON form) that carries a quote."""
    yield from _leaves(draft, ())


def _leaves(node: Any, place: Place) -> Iterator[Leaf]:
    if isinstance(node, Mapping):
        if "quote" in node:
            said = {key: value for key, value in node.items() if key != "quote"}
            yield Leaf(place, said["value"] if set(said) == {"value"} else said, node["quote"])
            return
        for key, value in node.items():
            yield from _leaves(value, (*place, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _leaves(value, (*place, index))


class Words:
    """What the person said in one turn, in a form in which quotes can be looked up."""

    def __init__(self, turn: str, draft: Mapping[str, Any]) -> None:
        payload = _payload(turn, draft)
        self.text, self.positions = _normal(turn)
        self._payload = [payload[at] for at in self.positions]
        self.turn = turn

    def hold(self, quote: str) -> bool:
        """Whether the quote stands in this turn."""
        return any(True for _ in self.spans(quote))

    def hold_outside_payload(self, quote: str) -> bool:
        """Whether the quote stands here and not only inside a pasted script or command."""
        return any(self._partly_outside(start, end) for start, end in self.spans(quote))

    def spans(self, quote: str) -> Iterator[tuple[int, int]]:
        """Where the quote stands in `text`, at word boundaries."""
        wanted, _ = _normal(quote.strip().strip("\"'`"))
        wanted = wanted.strip()
        if not wanted:
            return
        before = r"(?<!\w)" if wanted[0].isalnum() else ""
        after = r"(?!\w)" if wanted[-1].isalnum() else ""
        found = False
        for match in re.finditer(before + re.escape(wanted) + after, self.text):
            found = True
            yield match.span()
        if not found:
            pieces = (_normal(piece)[0].strip() for piece in _BREAKS.split(quote))
            yield from self._span_of_pieces([piece for piece in pieces if piece])

    def _span_of_pieces(self, pieces: Sequence[str]) -> Iterator[tuple[int, int]]:
        """The span of a quote with something left out between its lines or at its dots."""
        if len(pieces) < 2 or any(len(piece) < 3 for piece in pieces):
            return
        start = end = -1
        for piece in pieces:
            at = self.text.find(piece, max(end, 0))
            if at < 0:
                return
            start, end = (at if start < 0 else start), at + len(piece)
        yield start, end

    def _partly_outside(self, start: int, end: int) -> bool:
        return any(self.text[at].isalnum() and not self._payload[at] for at in range(start, end))

    def numbers(self) -> Iterator[tuple[str, int, int]]:
        """Each number outside payload, with its span in `text`."""
        for found in _NUMBER.finditer(self.text):
            if not self._payload[found.start()]:
                yield found.group(), found.start(), found.end()


def _normal(text: str) -> tuple[str, list[int]]:
    """Lower case, plain quotes, single spaces; and where each character stood before."""
    characters: list[str] = []
    positions: list[int] = []
    for at, character in enumerate(text.translate(_QUOTES)):
        plain = " " if character.isspace() else character.lower()[:1]
        if plain == " " and characters and characters[-1] == " ":
            continue
        characters.append(plain)
        positions.append(at)
    return "".join(characters), positions


def _payload(turn: str, draft: Mapping[str, Any]) -> list[bool]:
    """For each character of the turn, whether it belongs to a script or command that is run.

    The draft's own steps say what is run. A fence that is (for the most part) a step's script is
    payload with all its lines, comments first of all. Directives to a scheduler are not.
    """
    mask = [False] * len(turn)
    scripts = list(_scripts(draft))
    for script in scripts:
        words = [re.escape(word) for word in script.split()]
        # Shorter ones ("ls") would be found all over a sentence.
        if len("".join(script.split())) < 4:
            continue
        for found in re.finditer(r"\s+".join(words), turn):
            _mark(mask, turn, found.start(), found.end())
    lines_run = {line.strip() for script in scripts for line in script.splitlines()}
    for fence in _FENCE.finditer(turn):
        start, inside = fence.start("inside"), fence.group("inside")
        lines = [line for line in inside.splitlines() if line.strip()]
        work = [line for line in lines if not _COMMENT.match(line)]
        run = sum(line.strip() in lines_run for line in work)
        _mark(mask, turn, start, start + len(inside), comments_only=2 * run < len(work) or not work)
    return mask


def _scripts(draft: Mapping[str, Any]) -> Iterator[str]:
    for step in draft.get("steps", []):
        for name in ("text", "commands"):
            value = (step.get(name) or {}).get("value")
            if isinstance(value, str):
                yield value
            elif isinstance(value, list):
                yield " ".join(str(part) for part in value)


def _mark(
    mask: list[bool], turn: str, start: int, end: int, *, comments_only: bool = False
) -> None:
    at = start
    for line in turn[start:end].splitlines(keepends=True):
        payload = bool(_COMMENT.match(line)) if comments_only else True
        if payload and not _DIRECTIVE.match(line):
            mask[at : at + len(line)] = [True] * len(line)
        at += len(line)


def unproved(draft: Mapping[str, Any], turns: Sequence[Words]) -> list[Finding]:
    """Values whose quote is missing, was never said, or stands only in pasted payload."""
    found = []
    for leaf in leaves(draft):
        place = path_text(("draft", *leaf.place))
        if not leaf.quote.strip():
            message, fix = "the value has no quote", "Quote the words that ask for it, or drop it."
        elif not any(words.hold(leaf.quote) for words in turns):
            message = f"the person never said {_short(leaf.quote)}"
            fix = "Copy the quote letter by letter from the person's words, or drop the field."
        elif not _may_be_payload(leaf) and not any(
            words.hold_outside_payload(leaf.quote) for words in turns
        ):
            message = f"{_short(leaf.quote)} stands inside a pasted script, which is no request"
            fix = "Drop the field, unless the person asks for it in their own words."
        else:
            continue
        found.append(Finding("QUOTE", "error", place, message, fix))
    return found


# Fields whose value is a name that only the person can know.
_NAMES = frozenset(
    {
        ("steps", "image"),
        ("steps", "path"),
        ("steps", "username"),
        ("steps", "password"),
        ("volumes",),
        ("disks",),
        ("secret_env",),
        ("instance_template",),
        ("reservation",),
        ("network",),
        ("subnetwork",),
        ("service_account",),
        ("notifications",),
    }
)
_NAMED_KEYS = {
    "volumes": ("remote", "mount"),
    "disks": ("existing", "mount"),
    "secret_env": ("value",),
    "notifications": ("topic",),
}
# Words of resource names that are the same for everybody.
_COMMON = frozenset(
    {
        *("projects", "locations", "global", "regions", "zones", "compute", "v1", "gs", "https"),
        *("secrets", "versions", "latest", "networks", "subnetworks", "topics", "disks"),
        *("instancetemplates", "reservations", "docker.io", "library", "www.googleapis.com"),
    }
)


def unnamed(draft: Mapping[str, Any], turns: Sequence[Words]) -> list[Finding]:
    """Names (of images, buckets, accounts, ...) with a part that the person never said."""
    found = []
    for leaf in leaves(draft):
        if leaf.kind not in _NAMES:
            continue
        invented = unsaid(_name_of(leaf), turns)
        if invented:
            found.append(
                Finding(
                    "NAME",
                    "error",
                    path_text(("draft", *leaf.place)),
                    f"the person never said the name {_short(invented)}",
                    "Take the name from the person's words. Where they give none, drop the field "
                    "and ask for the name in questions.",
                )
            )
    return found


def _name_of(leaf: Leaf) -> str:
    if isinstance(leaf.value, dict):
        return " ".join(str(leaf.value.get(key, "")) for key in _NAMED_KEYS[leaf.kind[0]])
    return str(leaf.value)


def unsaid(name: str, turns: Sequence[Words]) -> str:
    """The first part of a resource name, path or image that the person never said; or ""."""
    for part in re.split(r"[/:@\s]+", name):
        known = not part or part.lower() in _COMMON
        if not known and not any(words.hold(part) for words in turns):
            return part
    return ""


def _may_be_payload(leaf: Leaf) -> bool:
    return leaf.kind[0] == "steps" and len(leaf.kind) > 1 and leaf.kind[1] in _OF_PAYLOAD


def _short(text: str) -> str:
    return f"'{brief(text, 81)}'"


def requoted(draft: Mapping[str, Any], turns: Sequence[Words]) -> dict[str, Any]:
    """The draft with quotes that were never said replaced by the value, where that was said.

    A model that copies a name exactly and garbles its quote has not invented anything.
    """
    result: dict[str, Any] = _copied(draft)
    for leaf in list(leaves(result)):
        value = leaf.value
        if not isinstance(value, str) or len(value.strip()) < 3:
            continue
        if not any(w.hold(leaf.quote) for w in turns) and any(w.hold(value) for w in turns):
            _at(result, leaf.place)["quote"] = value
    return result


def _copied(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _copied(value) for key, value in node.items()}
    return [_copied(value) for value in node] if isinstance(node, list) else node


def _at(node: Any, place: Place) -> Any:
    for part in place:
        node = node[part]
    return node


def without(draft: Mapping[str, Any], places: Sequence[Place]) -> dict[str, Any]:
    """The draft without the values at these places (of leaves): as if nobody had asked."""
    result: dict[str, Any] = _copied(draft)
    # Back to front, so that positions in lists stay right.
    for place in sorted(places, key=_order, reverse=True):
        parent = _at(result, place[:-1])
        if isinstance(parent, list) and isinstance(place[-1], int):
            del parent[place[-1]]
        else:
            parent.pop(place[-1], None)
    return result


def _order(place: Place) -> tuple[tuple[int, str], ...]:
    return tuple((part, "") if isinstance(part, int) else (0, part) for part in place)


def changed_unasked(
    former: Mapping[str, Any], draft: Mapping[str, Any], last: Words
) -> list[Finding]:
    """Values that differ from the former draft although the last turn does not ask for it.

    Where the former draft only asked questions, it need not have been complete: then a field that
    it lacked may still come out of the earlier words.
    """
    known = {(leaf.kind, repr(leaf.value)) for leaf in leaves(former)}
    set_before = {kind for kind, _ in known}
    return [
        Finding(
            "UNTOUCHED",
            "error",
            path_text(("draft", *leaf.place)),
            "this differs from the former draft, and the last turn does not ask for it",
            "Put back the former value, or quote the words of the last turn that change it.",
        )
        for leaf in leaves(draft)
        if (leaf.kind, repr(leaf.value)) not in known
        and not last.hold(leaf.quote)
        and (leaf.kind in set_before or not former.get("questions"))
    ]


def taken_away(former: Mapping[str, Any], draft: Mapping[str, Any]) -> list[str]:
    """Fields of the former draft that the new one has not got at all."""
    kept = {leaf.kind for leaf in leaves(draft)}
    gone = dict.fromkeys(".".join(leaf.kind) for leaf in leaves(former) if leaf.kind not in kept)
    return list(gone)[:_LISTED]


def unused_numbers(draft: Mapping[str, Any], turns: Sequence[Words]) -> list[str]:
    """The first numbers, outside payload, that reached no field: a few words round each."""
    quotes = [leaf.quote for leaf in leaves(draft)] + list(draft.get("unread", []))
    known = set(re.findall(r"\d+", " ".join(values(draft))))
    missed = []
    for words in turns:
        covered = [span for quote in quotes for span in words.spans(quote)]
        for number, start, end in words.numbers():
            if re.sub(r"\D", "", number) in known:
                continue
            if not any(first <= start and end <= last for first, last in covered):
                left, right = max(0, start - 25), min(len(words.text), end + 25)
                missed.append(f"…{words.text[left:right].strip()}…")
                if len(missed) == _LISTED:
                    return missed
    return missed


def values(node: Any) -> Iterator[str]:
    """Every value of a draft, or of a part of it, as text; quotes left out."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key != "quote":
                yield from values(value)
    elif isinstance(node, list):
        for value in node:
            yield from values(value)
    else:
        yield str(node)


def as_data(draft: Draft) -> dict[str, Any]:
    """The draft in JSON form, without the fields that nobody asked for."""
    return draft.model_dump(mode="json", exclude_none=True)
