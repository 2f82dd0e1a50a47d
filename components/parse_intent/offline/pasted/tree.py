"""Pasted YAML and JSON as a tree that remembers its places in the text and what was read of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from components.parse_intent.draft import Asked

MAX_NODES = 20_000
MAX_LEVELS = 60
MAX_LEFT = 40


@dataclass(eq=False)
class Node:
    """A map, a list, a scalar, or nothing (which is false and has no parts).

    source is the whole text; start and end are the node's place in it, its key included.
    read tells that a reader has put the node, or has looked for all of it, into a field.
    """

    kind: Literal["map", "list", "text", "none"]
    source: str = field(default="", repr=False)
    start: int = 0
    end: int = 0
    text: str = ""
    items: list[Node] = field(default_factory=list)
    pairs: list[tuple[str, Node]] = field(default_factory=list)
    read: bool = False

    def __bool__(self) -> bool:
        return self.kind != "none" and not (self.kind == "text" and self.text in NULLS)

    @property
    def quote(self) -> str:
        """The person's words for the node."""
        return self.source[self.start : self.end].strip().rstrip(",")

    def get(self, *path: str) -> Node:
        """What stands at a path of keys; any spelling of a key (camelCase, snake_case) will do."""
        node = self
        for key in path:
            wanted = _same(key)
            node = next((n for k, n in reversed(node.pairs) if _same(k) == wanted), NOTHING)
        return node

    def first(self) -> Node:
        """The first item of a list; of one thing, the thing itself."""
        return self.items[0] if self.items else NOTHING if self.kind == "list" else self

    def said(self) -> str:
        """A scalar's text, which counts as read; "" for what is no scalar."""
        self.read = self.read or self.kind == "text"
        return self.text

    def asked(self) -> Asked[str]:
        """A scalar's text with its words."""
        return Asked(value=self.said(), quote=self.quote)

    def texts(self) -> list[str]:
        """The texts of a list of scalars."""
        self.read = self.read or self.kind == "list"
        return [item.said() for item in self.items]

    def whole(self) -> int | None:
        """A scalar as a whole number; None where it is none."""
        text = self.said().strip()
        return int(text) if text.isdecimal() and len(text) < 10 else None

    def true(self) -> bool:
        """A scalar as yes or no."""
        return self.said().lower() in ("true", "yes", "on", "1")

    def take(self) -> None:
        """Count the node and all below it as read."""
        for node in _below(self):
            node.read = True


NULLS = ("null", "~")
NOTHING = Node("none", read=True)


def _same(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


def _below(root: Node) -> Iterator[Node]:
    """A node and all below it, each once: an alias may lead to the same node, or back."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            stack += [child for _, child in node.pairs] + node.items


def left_over(root: Node) -> list[str]:
    """The words of the topmost parts that no reader took, at most `MAX_LEFT` of them."""
    touched = _touched(root)
    found: list[tuple[int, str]] = []
    stack, seen = [root], set()
    while stack and len(found) < MAX_LEFT:
        node = stack.pop()
        if id(node) in seen or (node.read and not (node.items or node.pairs)):
            continue
        seen.add(id(node))
        if id(node) not in touched:
            if node and node.quote:
                found.append((node.start, node.quote))
            continue
        if not (node.read and node.kind == "text"):
            stack += [child for _, child in node.pairs] + node.items
    return [words for _, words in sorted(found)]


def _touched(root: Node) -> set[int]:
    """The nodes that were read or hold one that was."""
    order = list(_below(root))
    touched: set[int] = set()
    for node in reversed(order):
        children = [child for _, child in node.pairs] + node.items
        if node.read or any(id(child) in touched for child in children):
            touched.add(id(node))
    return touched
