"""Pasted YAML as a tree, from the parser's events.

No tags are followed, so nothing is built but text; an alias leads to the node itself, so that
copies cost nothing; the stack is a list, so depth costs no recursion. Where the text stops being
YAML (cut off, or prose begins) the tree holds what stood before.
"""

from __future__ import annotations

import re

from components.parse_intent.offline.pasted.tree import MAX_LEVELS, MAX_NODES, NOTHING, Node
from components.parse_intent.offline.pattern import Pattern


def read_yaml(text: str) -> list[Node]:
    """The documents of a YAML text, as far as it can be read."""
    import yaml  # where needed: most intents hold no YAML

    builder = _Builder(text)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(text, Loader=loader):
            if not builder.take(event):
                break
    except (yaml.YAMLError, UnicodeError, ValueError):
        pass
    return [root for root in builder.roots if root]


class _Builder:
    def __init__(self, text: str) -> None:
        self.text = text
        self.roots: list[Node] = []
        self.stack: list[Node] = []
        self.keys: list[tuple[str, int] | None] = []
        self.anchors: dict[str, Node] = {}
        self.count = 0

    def take(self, event: object) -> bool:
        """Add an event; False where the text is too deep or too large."""
        kind = type(event).__name__
        start = getattr(event, "start_mark", None)
        end = getattr(event, "end_mark", None)
        first, last = (start.index if start else 0), (end.index if end else 0)
        if kind == "ScalarEvent":
            self._scalar(str(getattr(event, "value", "")), first, last, event)
        elif kind == "AliasEvent":
            target = self.anchors.get(str(getattr(event, "anchor", "")), NOTHING)
            self._place(target, first)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            node = Node("map" if kind[0] == "M" else "list", self.text, first, last)
            self._anchor(event, node)
            self._place(node, first)
            self.stack.append(node)
            self.keys.append(None)
        elif kind in ("MappingEndEvent", "SequenceEndEvent") and self.stack:
            self.keys.pop()
            self._close(self.stack.pop(), last)
        self.count += 1
        return self.count < MAX_NODES and len(self.stack) < MAX_LEVELS

    def _scalar(self, value: str, first: int, last: int, event: object) -> None:
        node = Node("text", self.text, first, last, text=value)
        top = self.stack[-1] if self.stack else None
        if top is not None and top.kind == "map" and self.keys[-1] is None:
            self.keys[-1] = (value, first)
            return
        self._anchor(event, node)
        self._place(node, first)
        self._extend(last)

    def _anchor(self, event: object, node: Node) -> None:
        anchor = getattr(event, "anchor", None)
        if anchor:
            self.anchors[str(anchor)] = node

    def _place(self, node: Node, first: int) -> None:
        if not self.stack:
            self.roots.append(node)
            return
        top = self.stack[-1]
        if top.kind == "list":
            top.items.append(node)
            return
        key = self.keys[-1]
        if key is None:  # a map as a key: nothing that anybody reads
            self.keys[-1] = ("", first)
            return
        if not node.start or node.start > key[1]:
            node.start = key[1] if node is not NOTHING else 0
        top.pairs.append((key[0], node))
        self.keys[-1] = None

    def _close(self, node: Node, last: int) -> None:
        node.end = max(node.end, min(last, len(self.text)))
        self._extend(node.end)

    def _extend(self, last: int) -> None:
        if self.stack:
            self.stack[-1].end = max(self.stack[-1].end, last)


KEY = Pattern(r"[ \t]*(?:-[ \t]+)*(?:[\w./-]+|\"[^\"\n]*\"|'[^'\n]*')[ \t]*:(?:[ \t]|$)")
ITEM = Pattern(r"[ \t]*-(?:[ \t]|$)")


def find_yaml(
    text: str, keys: frozenset[str], further: frozenset[str] = frozenset()
) -> list[tuple[int, int]]:
    """Blocks of lines that begin with one of these keys and go on as YAML does.

    A block ends before a line that stands no deeper than its first one and is neither an item
    nor one of the keys or of the further ones: that is prose.
    """
    found: list[tuple[int, int]] = []
    start = end = indent = -1
    scalar = -1
    at = 0
    for line in text.split("\n"):
        here, at = at, at + len(line) + 1
        body = line.strip()
        depth = len(line) - len(line.lstrip())
        if start < 0:
            if _top_key(line) in keys:
                start, end, indent = here, here + len(line), depth
            continue
        if not body:
            continue
        if scalar >= 0 and depth > scalar:
            end = here + len(line)
            continue
        scalar = depth if re.search(r":[ \t]*[|>][+-]?\d?[ \t]*$", line) else -1
        deeper = depth > indent or body[0] in "#}])" or body == "---"
        if deeper or ITEM.match(line) or _top_key(line) in keys | further:
            end = here + len(line)
        else:
            found.append((start, end))
            start = -1
    if start >= 0:
        found.append((start, end))
    return [span for span in found if "\n" in text[slice(*span)]]


def _top_key(line: str) -> str:
    """The key that a line begins with, else nothing."""
    match = KEY.match(line)
    if match is None:
        return ""
    return match.group().strip().lstrip("- ").rstrip(": \t").strip("\"'")
