"""Pasted JSON as a tree, however much is left of it: cut off, with comments, without braces.

The parser takes tokens as long as they fit and keeps what it has; it has no recursion.
"""

from __future__ import annotations

import json

from components.parse_intent.offline.pasted.tree import MAX_LEVELS, MAX_NODES, Node
from components.parse_intent.offline.pattern import Pattern

BLANK = Pattern(r"(?:\s+|//[^\n]*|#[^\n]*)+")
TOKEN = Pattern(
    r"\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'|[{}\[\],:]|(?:true|false|null|True|False|None)\b"
    r"|-?\d[\d.eE+-]*|[A-Za-z_][\w-]*(?=\s?:)|\.\.\.|…",
)
MOST_TRIED = 1_000  # openings; text with more braces that are no JSON is something else
OPENING = Pattern(r"\{|\[(?=\s*\{)|\"[A-Za-z_]\w*\"\s{0,8}:")


def find_json(text: str) -> list[tuple[int, int, Node]]:
    """Every object that stands in a text, or what is left of one, with its tree."""
    found: list[tuple[int, int, Node]] = []
    pos = tried = 0
    while tried < MOST_TRIED and (match := OPENING.search(text, pos)) is not None:
        node, end = read_json(text, match.start())
        tried += 1
        pos = max(end, match.end())
        if node.pairs or node.items:
            found.append((match.start(), end, node))
    return found


def read_json(text: str, start: int = 0) -> tuple[Node, int]:
    """The value that begins at a place, and where it ends.

    A text that begins with a key is read as the inside of an object.
    """
    return _Reader(text, start).read()


class _Reader:
    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.pos = start
        self.root = Node("map", text, start, start)
        self.bare = text[start : start + 1] not in ("{", "[")
        self.stack: list[Node] = [self.root] if self.bare else []
        self.key: tuple[str, int] | None = None
        self.keys: list[tuple[str, int] | None] = []
        self.good = start
        self.count = 0

    def read(self) -> tuple[Node, int]:
        """Take tokens as long as they fit."""
        while self.count < MAX_NODES and len(self.stack) < MAX_LEVELS:
            sign, start = self._next()
            if not sign or not self._take(sign, start):
                break
            self.good = self.pos
            self.count += 1
            if not self.stack:
                break
        for node in self.stack:
            node.end = max(node.end, self.good)
        return self.root, self.good

    def _next(self) -> tuple[str, int]:
        while True:
            blank = BLANK.match(self.text, self.pos)
            self.pos = blank.end() if blank else self.pos
            if not self.text.startswith("/*", self.pos):
                break
            end = self.text.find("*/", self.pos)
            if end < 0:
                return "", self.pos
            self.pos = end + 2
        match = TOKEN.match(self.text, self.pos)
        if match is None:
            return "", self.pos
        start, self.pos = self.pos, match.end()
        return match.group(), start

    def _take(self, sign: str, start: int) -> bool:
        top = self.stack[-1] if self.stack else None
        if sign in "{[":
            return self._open(sign, start)
        if sign in "}]":
            return self._close(sign)
        if sign in (",", "...", "…"):
            return True
        if sign == ":":
            return self.key is not None
        if top is None:
            return False
        value = _value(sign)
        if top.kind == "map" and self.key is None:
            self.key = (value, start)
            return self.text[self.pos : self.pos + 40].lstrip()[:1] in (":", "")
        node = Node("text", self.text, start, self.pos, text=value)
        self._place(node, start)
        return True

    def _open(self, sign: str, start: int) -> bool:
        node = Node("map" if sign == "{" else "list", self.text, start, start)
        if not self.stack:
            self.root = node
        elif self.stack[-1].kind == "map" and self.key is None:
            return False
        else:
            self._place(node, start)
        self.stack.append(node)
        self.keys.append(self.key)
        self.key = None
        return True

    def _close(self, sign: str) -> bool:
        if self.bare and len(self.stack) == 1:
            return True  # what it closes was cut off
        wanted = "map" if sign == "}" else "list"
        if self.stack[-1].kind != wanted:
            return False
        self.stack.pop().end = self.pos
        self.keys.pop()
        self.key = None
        return True

    def _place(self, node: Node, start: int) -> None:
        top = self.stack[-1]
        if top.kind == "list":
            top.items.append(node)
        elif self.key is not None:
            node.start = self.key[1]
            top.pairs.append((self.key[0], node))
            self.key = None


def _value(sign: str) -> str:
    if sign[0] == '"':
        whole = sign if len(sign) > 1 and sign.endswith('"') else f'{sign}"'
        try:
            return str(json.loads(whole))
        except ValueError:
            return sign.strip('"')
    if sign[0] == "'":
        return sign[1:-1]
    return {"True": "true", "False": "false", "None": "null"}.get(sign, sign)
