"""The rows of a simulated run: what is asked, what the model makes of it, how it comes back.

The words of a request tell what will become of it ("row 3 blocked"), and which row it was first
written for; rows that share a request have the same words. Nothing here is computed the way the
product does it: requests are told by their words, never by their keys.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from components.batch_predict.places import Places
from components.rows.canonical import key_of

MODELS = ("gemini-a", "gemini-b")
KINDS = (
    *("fine",) * 5, "flaky", "flaky", "wrong", "blocked", "withheld", "odd", "long", "endless",
    "json", "json-never", "mute",
)  # fmt: skip
_WANT_JSON = frozenset({"json", "json-never", "mute"})
# Asking again changes nothing.
FINAL = frozenset({"ok", "blocked", "refused", "odd"})
# What may be asked once more, in another way, and not a second time.
ONCE = frozenset({"truncated", "bad_json", "empty"})
_FAULT_OF = {
    "transient": "row failed with 429",
    "refused": "row failed with 400",
    "blocked": "row blocked",
    "odd": "row ended oddly",
    "truncated": "row cut at MAX_TOKENS",
    "bad_json": "row with broken JSON",
    "empty": "row without text",
}

Note = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """One row of the input.

    Attributes:
        number: its place, from 1.
        model: what is asked.
        words: of its request, without the answer that it needs.
        wave: from 0.
        need: the row whose answer it needs; 0: none.
        quotes: whether the words go on with that answer.
        valid: whether the preparing step let it through.
    """

    number: int
    model: str
    words: str
    wave: int = 0
    need: int = 0
    quotes: bool = True
    valid: bool = True

    @property
    def template(self) -> dict[str, Any]:
        """The request before any answer is put in."""
        told = f"{self.words}, given ${{output.{self.need}}} and $${{output.1}}"
        return request_of(told if self.need and self.quotes else self.words)


def draw_rows(rng: random.Random, count: int, chained: int, note: Note) -> list[Row]:
    """Rows of the first wave, then rows that need them, then rows that need those."""
    rows: list[Row] = []
    for number in range(1, count + 1):
        words, model = f"row {number} {rng.choice(KINDS)}", rng.choice(MODELS)
        valid = rng.random() > 0.05
        if rows and rng.random() < 0.15 and (like := rng.choice(rows)).valid:
            words, model, valid = like.words, like.model, True
            note("rows share a request")
        rows.append(Row(number, model, words, valid=valid))
    late: list[Row] = []
    for number in range(count + 1, count + 1 + chained):
        # Two of wave 1, then two of wave 2, which need any row before theirs.
        wave = 1 if len(late) < 2 else 2
        need = rng.choice(rows if wave == 1 else [row for row in late if row.wave == 1])
        row = Row(number, MODELS[0], f"row {number} {rng.choice(KINDS)}", wave, need.number)
        draw = rng.random()
        if draw < 0.2 and late and late[-1].wave == wave:
            row = Row(number, late[-1].model, late[-1].words, wave, late[-1].need, late[-1].quotes)
            note("rows of a later wave share a request")
        elif draw < 0.3 and rows[0].valid:
            row = Row(number, rows[0].model, rows[0].words, wave, need.number, quotes=False)
            note("row of a later wave shares a request of an earlier one")
        late.append(row)
        note("row needs an earlier answer")
    return rows + late


def prepared(rng: random.Random, places: Places, rows: Sequence[Row]) -> dict[str, bytes]:
    """What the preparing step leaves, by URI."""
    shards: dict[str, dict[str, dict[str, Any]]] = {}
    models: dict[str, str] = {}
    manifest, pending = [], []
    where: dict[str, tuple[str, str]] = {}
    for row in rows:
        told = {"row": row.number, "id": "", "model": row.model, "wave": row.wave,
                "status": "waiting", "reason": "", "key": "", "shard": ""}  # fmt: skip
        manifest.append(told)
        if not row.valid:
            told.update(status="invalid", reason="invalid_prompt: empty")
        elif row.need:
            pending.append({"row": row.number, "id": "", "model": row.model,
                            "template": row.template, "needs": [row.need],
                            "refs": {str(row.need): row.need}})  # fmt: skip
        else:
            if row.words not in where:
                name = f"w000-{row.model}-{rng.randint(0, 1)}.jsonl"
                where[row.words] = key_of(row.template, row.model), name
            key, name = where[row.words]
            shards.setdefault(name, {})[key] = row.template
            models[name] = row.model
            told.update(status="ready", key=key, shard=name)
    plan = {
        "version": 1,
        "waves": 1 + max(row.wave for row in rows),
        "shards": [{"name": name, "model": models[name], "wave": 0, "requests": len(lines),
                    "bytes": 1} for name, lines in shards.items()],
    }  # fmt: skip
    files = {
        places.shard(name): jsonl({"key": key, "request": asked} for key, asked in lines.items())
        for name, lines in shards.items()
    }
    files[places.prepared("manifest.jsonl")] = jsonl(manifest)
    files[places.prepared("pending.jsonl")] = jsonl(pending)
    files[places.prepared("plan.json")] = orjson.dumps(plan)
    return files


# --- what the model makes of a request ------------------------------------------------------------


def answer_of(words: str) -> str:
    """The good answer to words; it looks like a reference, which nobody must follow."""
    number = words.split(maxsplit=2)[1]
    return f'{{"row": {number}}}' if _kind(words) in _WANT_JSON else f"[row {number}] ${{output.1}}"


def answered(rng: random.Random, request: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """`status` and `response` of a row."""
    words = words_of(request)
    kind, room = _kind(words), request["generationConfig"]["maxOutputTokens"]
    if kind == "flaky" and rng.random() < 0.6:
        return 'RESOURCE_EXHAUSTED error occurred: {"error": {"code": 429}}', {}
    if kind == "wrong":
        return 'Bad Request: {"error": {"code": 400}}', {}
    if kind == "blocked":
        return "", {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "blocked"}
    if kind == "withheld":
        return "", said("blocked", "", "RECITATION")
    if kind == "odd":
        return "", said("odd", "", "OTHER")
    if kind == "endless" or (kind == "long" and room < 400):
        return "", said("truncated", "cut", "MAX_TOKENS")
    if kind == "json-never" or (kind == "json" and len(request["contents"]) == 1):
        return "", said("bad_json", '{"a": ')
    if kind == "mute" and rng.random() < 0.7:
        return "", said("empty", "")
    return "", said("ok", answer_of(words))


def status_of(row: Mapping[str, Any]) -> str:
    """What a row came to, as this stand-in meant it."""
    told = row["response"].get("modelVersion")
    return str(told) if told else "transient" if "429" in row["status"] else "refused"


def output_rows(
    rng: random.Random,
    lines: Iterable[Mapping[str, Any]],
    *,
    share: float,
    keys: bool,
    nulls: bool,
    note: Note,
) -> tuple[list[bytes], dict[str, str]]:
    """The rows that a job writes, and what each request came to, by its words.

    Args:
        rng: draws what goes wrong.
        lines: of the shard.
        share: how much of them the job has finished.
        keys: whether rows keep the key.
        nulls: whether echoes are sorted and have nulls for the fields of other rows.
        note: is told what went wrong.
    """
    rows: list[bytes] = []
    came: dict[str, str] = {}
    for line in lines:
        if share < 1.0 and rng.random() >= share:
            continue
        if rng.random() < 0.03:
            note("row missing")
            continue
        request = line["request"]
        status, response = answered(rng, request)
        row = {"request": _echo(request, nulls), "status": status, "response": response}
        if keys:
            row["key"] = line["key"]
        end = came[words_of(request)] = status_of(row)
        if end in _FAULT_OF:
            note(_FAULT_OF[end])
        rows += _copies(rng, row, end, note)
    if nulls:
        note("echo filled with nulls")
    if rng.random() < 0.2:
        note("row of nobody")
        rows.append(orjson.dumps({"request": request_of("row 0 fine"), "status": "",
                                  "response": said("ok", "[row 0]")}))  # fmt: skip
    if len(rows) > 1:
        note("rows shuffled")
        rng.shuffle(rows)
    return rows, came


def _copies(rng: random.Random, row: dict[str, Any], end: str, note: Note) -> list[bytes]:
    """The row, and what else the service writes for the same request."""
    text, draw = orjson.dumps(row), rng.random()
    if draw < 0.2:
        note("row written twice")
        return [text, text]
    if draw < 0.3 and end == "ok":
        note("row written twice, once failed")
        return [text, orjson.dumps({**row, "status": "503 UNAVAILABLE", "response": {}})]
    return [text]


def _echo(request: Mapping[str, Any], nulls: bool) -> Mapping[str, Any]:
    if not nulls:
        return request
    settings = {"responseMimeType": None, "temperature": None, **request["generationConfig"]}
    told = {**request, "labels": None, "systemInstruction": None, "generationConfig": settings}
    return {name: told[name] for name in sorted(told)}


def request_of(text: str) -> dict[str, Any]:
    """A request of one turn."""
    settings: dict[str, Any] = {"maxOutputTokens": 100}
    if _kind(text) in _WANT_JSON:
        settings["responseMimeType"] = "application/json"
    turn = {"role": "user", "parts": [{"text": text}]}
    return {"contents": [turn], "generationConfig": settings}


def words_of(request: Mapping[str, Any]) -> str:
    """The words of the first turn, which no resending changes."""
    return str(request["contents"][0]["parts"][0]["text"])


def said(status: str, text: str, finish: str = "STOP") -> dict[str, Any]:
    """A response of the model; its version says what it came to."""
    content = {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": text}]}
    return {
        "candidates": [{"content": content, "finishReason": finish}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1},
        "modelVersion": status,
    }


def jsonl(rows: Iterable[Any]) -> bytes:
    """JSON lines."""
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _kind(words: str) -> str:
    return words.split(maxsplit=3)[2].rstrip(",")
