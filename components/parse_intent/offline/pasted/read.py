"""Everything that is pasted in a turn: found, read by the reader of its format, and joined.

The spans are what the reader of prose must not look into.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from components.parse_intent.draft import Draft
from components.parse_intent.offline.pasted import (
    aws_batch,
    azure_batch,
    batch_job,
    compose,
    docker_run,
    dsub,
    gcloud,
    headers,
    kubernetes,
    nextflow,
    shell_script,
    snakemake,
)
from components.parse_intent.offline.pasted.board import Board
from components.parse_intent.offline.pasted.json_tree import find_json
from components.parse_intent.offline.pasted.part import Part, Pending, join
from components.parse_intent.offline.pasted.tree import Node, left_over
from components.parse_intent.offline.pasted.yaml_tree import find_yaml, read_yaml
from components.parse_intent.offline.pattern import Pattern


@dataclass
class Pasted:
    """What was read of pasted text, what is open, what has no field, and where it stands."""

    draft: Draft = field(default_factory=Draft)
    spans: list[tuple[int, int]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.spans)


# Nothing is pasted without one of these; the rest costs time.
SIGNS = Pattern(
    r"docker|podman|gcloud|dsub|sbatch|qsub|bsub|^[ \t>|]*#(?:!|PBS|\$[ \t])|[{}]|\w:[ \t]*\n"
    r"|^[ \t>|]*[\"']?\w+[\"']?:[ \t]",
    re.IGNORECASE | re.MULTILINE,
)
MAX_PIECES = 40
YAML_KEYS = kubernetes.KEYS | batch_job.YAML_KEYS | {"services", "version", "x-common"}
Found = list[tuple[int, int, Part]]
TREES: tuple[tuple[Callable[[Node], bool], Callable[[Node], Part]], ...] = (
    (kubernetes.claims, kubernetes.read),
    (batch_job.claims, batch_job.read),
    (compose.claims, compose.read),
    (aws_batch.claims, aws_batch.read),
    (azure_batch.claims, azure_batch.read),
)
LINES: tuple[tuple[Callable[[str], list[tuple[int, int]]], Callable[[str], Part | None]], ...] = (
    (nextflow.find, nextflow.read),
    (snakemake.find, snakemake.read),
    (dsub.find, dsub.read),
    (gcloud.find, gcloud.read),
    (docker_run.find, docker_run.read),
    (shell_script.find, shell_script.read),
)


def read_pasted(turn: str) -> Pasted:
    """Read what is pasted in a turn."""
    if not SIGNS.search(turn):
        return Pasted()
    board = Board(turn)
    found = _clusters(board)
    for region in board.regions:
        text = board.text[region.start : region.end]
        for start, end, part in [*_trees(text), *_commands(text)]:
            begin, stop = region.start + start, region.start + end
            if len(found) < MAX_PIECES and board.free(begin, stop):
                board.take(begin, stop)
                found.append((begin, stop, part))
    found.sort(key=lambda piece: piece[0])
    whole = join([part for _, _, part in found])
    _scripts_into_images(whole.draft, whole.pending)
    for step in whole.draft.steps:
        if step.text is not None and board.text != turn:
            step.text.quote = _as_written(step.text.quote, board)
    spans = _with_fences(board)
    known = len(whole.draft.env) + len(whole.draft.secret_env)
    pending = [replace(one, size=known) for one in whole.pending]
    return Pasted(whole.draft, spans, whole.unread, pending)


def _clusters(board: Board) -> Found:
    """Scripts with headers and the lines that submit them, which are read together."""
    scripts: list[tuple[int, int]] = []
    submits: list[tuple[int, int]] = []
    for region in board.regions:
        text = board.text[region.start : region.end]
        for start, end in headers.find_scripts(text, region.fenced):
            scripts.append((region.start + start, region.start + end))
    for region in board.regions:
        text = board.text[region.start : region.end]
        for start, end in headers.find_submits(text):
            begin, stop = region.start + start, region.start + end
            if not any(a <= begin < b for a, b in scripts):
                submits.append((begin, stop))
    scripts, submits = scripts[:MAX_PIECES], submits[:MAX_PIECES]
    if not scripts and not submits:
        return []
    for start, end in scripts + submits:
        board.take(start, end)
    part = headers.read(
        [board.text[a:b] for a, b in scripts], [board.text[a:b] for a, b in submits]
    )
    start, end = (scripts or submits)[0]
    return [(start, end, part)]


def _trees(text: str) -> Found:
    """JSON and YAML that one of the readers knows.

    Where both begin, it is JSON; braces further down in YAML are YAML's own.
    """
    blocks = find_yaml(text, YAML_KEYS, frozenset(batch_job.OF_SERVICE))
    found: Found = []
    for start, end, node in find_json(text):
        if any(a + _indent(text, a) < start < b for a, b in blocks):
            continue
        part = _tree(node)
        if part is not None:
            found.append((start, end, part))
    for start, end in blocks:
        if any(a < end and start < b for a, b, _ in found):
            continue
        parts = [part for node in read_yaml(text[start:end]) if (part := _tree(node)) is not None]
        if parts:
            found.append((start, end, join(parts) if len(parts) > 1 else parts[0]))
    return found


def _indent(text: str, start: int) -> int:
    return len(text[start : start + 200]) - len(text[start : start + 200].lstrip())


def _tree(node: Node) -> Part | None:
    """What the first reader that knows this kind of tree makes of it."""
    for claims, read in TREES:
        if claims(node):
            part = read(node)
            for words in left_over(node):
                part.leave(words, "this has no field in a Batch job, or is not read")
            return part
    if node.kind == "list" and node.items:
        return _tree(node.items[0])
    return None


def _commands(text: str) -> Found:
    """Command lines and rules."""
    found: Found = []
    for find, read in LINES:
        for start, end in find(text)[:MAX_PIECES]:
            part = read(text[start:end])
            if part is not None:
                found.append((*_with_loop(text, start, end, part), part))
    return found


AFTER = Pattern(r"[ \t]*(?:;|\n)[ \t]*done\b|[ \t]*(?:\||>|<|&(?!&))[^\n]*")


def _with_loop(text: str, start: int, end: int, part: Part) -> tuple[int, int]:
    """A command's span with the loop around it and what follows it on its line."""
    after = AFTER.match(text, end)
    loop = shell_script.loop_before(text, start)
    if loop is not None:
        shell_script.unroll(loop, part)
        start = loop.start()
    elif after is not None and part.draft.steps:
        part.leave(after[0], "outside the command; the output goes to Cloud Logging")
    return start, after.end() if after is not None else end


def _scripts_into_images(draft: Draft, pending: list[Pending]) -> None:
    """A pasted script that a command line names runs in that command's image."""
    empty = [s for s in draft.steps if s.kind == "container" and not (s.text or s.commands)]
    scripts = [s for s in draft.steps if s.kind == "script" and s.text is not None]
    if any(one.kind == "script" for one in pending) and len(empty) == len(scripts) == 1:
        empty[0].text = scripts[0].text
        draft.steps.remove(scripts[0])


def _as_written(quote: str, board: Board) -> str:
    """A quote from quoted mail with the marks that stood in it."""
    at = board.text.find(quote)
    return board.turn[at : at + len(quote)] if at >= 0 else quote


def _with_fences(board: Board) -> list[tuple[int, int]]:
    """The spans, grown to the whole fence where nothing else stands in it."""
    spans = list(board.spans)
    for region in board.regions:
        inside = [(a, b) for a, b in board.spans if region.start <= a and b <= region.end]
        if not region.fenced or not inside:
            continue
        rest, pos = "", region.start
        for a, b in inside:
            rest += board.text[pos:a]
            pos = b
        rest += board.text[pos : region.end]
        if not re.sub(r"#[^\n]*|[\s;]", "", rest):
            spans.append((region.outer_start, region.outer_end))
    return sorted(_ticks(board.text, a, b) for a, b in spans)


def _ticks(text: str, start: int, end: int) -> tuple[int, int]:
    """A span with the backticks around it."""
    if start and text[start - 1] == "`" and text[end : end + 1] == "`":
        return start - 1, end + 1
    return start, end
