"""After a round: what came back, what it cost, and what is sent again.

A round is one sending of one wave. All of it is worked out from files that do not change any more,
so that a process that died on the way leaves nothing to mend: the next one does it again, and
writes the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace

from components.batch_predict.book import Entry
from components.batch_predict.files import Files
from components.batch_predict.outcomes import MISSING, Outcome, better, read_rows
from components.batch_predict.places import Places
from components.batch_predict.policy import (
    Decision,
    GiveUp,
    Resend,
    decide,
    job_verdict,
)
from components.batch_predict.shards import Line, Shard, ShardWriter, is_table, read_shard
from components.errors import InputError
from components.rows.canonical import key_of
from components.rows.json_answers import wants_json
from components.rows.prices import NO_TOKENS, Tokens

# (model, tokens of one answer, batch) -> US dollars; None where the price is not known.
Cost = Callable[[str, Tokens, bool], float | None]


@dataclass(frozen=True)
class Settled:
    """A round whose outputs were read.

    Attributes:
        entries: its entries with counts and cost.
        shards: what is sent again, in new shards.
    """

    entries: list[Entry]
    shards: list[Shard]


@dataclass(frozen=True)
class Settling:
    """How a round is settled.

    Attributes:
        attempts_max: how often a request may be sent.
        requests_max, bytes_max: limits of a shard.
        veto: why nothing at all is sent again; empty if it may be.
    """

    attempts_max: int = 3
    requests_max: int = 200_000
    bytes_max: int = 1_000_000_000
    veto: str = ""


def settle(
    files: Files, places: Places, entries: Sequence[Entry], cost: Cost, how: Settling
) -> Settled:
    """Read what came back for a round, write what is sent again.

    Besides the shards it writes `prepared/decisions/w000-a1.jsonl`: a line for each request that
    has no answer yet: key, status, reason, `resend` (bool), `fixes` (all changes so far),
    `sent_as` (the key of the changed request, by which its echo is known) and, where it is given
    up, `given_up` (why).

    Raises:
        InputError: a shard cannot be read.
        ServiceError: a file cannot be read or written.
    """
    wave, attempt = entries[0].wave, entries[0].attempt
    fixes = _fixes_so_far(files, places, wave, attempt)
    settled = []
    uri = places.prepared("decisions", f"w{wave:03d}-a{attempt}.jsonl")
    with (
        ShardWriter(files, places, wave, attempt + 1, how.requests_max, how.bytes_max) as writer,
        files.writer(uri) as told,
    ):
        for entry in entries:
            if is_table(entry.shard):
                settled.append(_counted_by_the_service(entry))
                continue
            round_ = _Round(files, places, entry, fixes, how, cost)
            for line in round_.settle(writer):
                told(line)
            settled.append(round_.with_counts())
    return Settled(settled, writer.made)


class _Round:
    """One entry that is being settled."""

    def __init__(
        self,
        files: Files,
        places: Places,
        entry: Entry,
        fixes: dict[str, frozenset[str]],
        how: Settling,
        cost: Cost,
    ) -> None:
        self._files = files
        self._places = places
        self._entry = entry
        self._fixes = fixes
        self._how = how
        self._counts: Counter[str] = Counter()
        self._tokens = NO_TOKENS
        self._cost = cost
        self._spent: float | None = 0.0

    def settle(self, writer: ShardWriter) -> Iterator[bytes]:
        """Decide about each request of the shard; the lines that tell of the decisions."""
        outcomes = outcomes_of(self._files, self._places, self._entry)
        for line in _lines(self._files, self._places, self._entry):
            outcome = outcomes.get(line.key, MISSING)
            self._counts[outcome.status] += 1
            self._spend(outcome.tokens)
            if outcome.status != "ok":
                yield self._decided(line, outcome, writer)

    def _spend(self, tokens: Tokens) -> None:
        """Each answer by itself: what a token costs depends on the length of its request."""
        cost = self._cost(self._entry.model, tokens, self._entry.how == "batch")
        self._tokens = self._tokens.plus(tokens)
        self._spent = None if cost is None or self._spent is None else self._spent + cost

    def _decided(self, line: Line, outcome: Outcome, writer: ShardWriter) -> bytes:
        entry = self._entry
        fixes = self._fixes.get(line.key, frozenset())
        decision = self._decide(line, outcome, fixes)
        told: dict[str, object] = {
            "key": line.key,
            "status": outcome.status,
            "reason": outcome.reason,
            "resend": isinstance(decision, Resend),
            "fixes": sorted(fixes),
        }
        if isinstance(decision, Resend):
            self._counts["resent"] += 1
            told["fixes"] = sorted(fixes | {decision.fix} - {""})
            told["shard"] = writer.write(entry.model, line.key, decision.request)
            if told["fixes"]:
                told["sent_as"] = key_of(decision.request, entry.model)
        else:
            self._counts["given_up"] += 1
            told["given_up"] = decision.reason
        return json.dumps(told, ensure_ascii=True).encode() + b"\n"

    def _decide(self, line: Line, outcome: Outcome, fixes: frozenset[str]) -> Decision:
        entry, life = self._entry, self._entry.ledger.life
        code = entry.stats.get("errorCode", 0)
        verdict = job_verdict(
            life.outcome, life.state, life.reason, code if isinstance(code, int) else 0
        )
        decision = decide(
            line.request,
            outcome,
            attempt=entry.attempt,
            attempts_max=self._how.attempts_max,
            fixes=fixes,
        )
        if isinstance(decision, Resend) and (verdict or self._how.veto):
            return GiveUp(f"{outcome.status}: {verdict or self._how.veto}")
        return decision

    def with_counts(self) -> Entry:
        """The entry with what was counted."""
        counts = dict(sorted(self._counts.items()))
        tokens = self._tokens._asdict()
        return replace(self._entry, counts=counts, tokens=tokens, cost_usd=self._spent)


def _counted_by_the_service(entry: Entry) -> Entry:
    """The entry of a table, whose rows nobody here reads; -1 stands for a number not known."""
    ok, failed, incomplete = (
        max(0, entry.stats.get(name, 0))
        for name in ("successfulCount", "failedCount", "incompleteCount")
    )
    return replace(entry, counts={"ok": ok, "given_up": failed + incomplete})


def outcomes_of(
    files: Files, places: Places, entry: Entry, *, keep: Container[str] = ()
) -> dict[str, Outcome]:
    """What came back for each request of a shard; texts of answers only for the keys to keep."""
    keys: dict[str, bool] = {}
    aliases: dict[str, str] = {}
    for line in _lines(files, places, entry):
        keys[line.key] = wants_json(line.request)
        if entry.attempt > 1:
            aliases[key_of(line.request, entry.model)] = line.key
    found: dict[str, Outcome] = {}
    for uri in files.below(places.outputs(entry.display_name)):
        if uri.endswith(".jsonl"):
            for key, outcome in read_rows(files.lines(uri), entry.model, keys, aliases):
                kept = outcome.status == "bad_json" or key in keep
                slim = outcome if kept else replace(outcome, text="")
                found[key] = better(found.get(key), slim)
    return found


def _lines(files: Files, places: Places, entry: Entry) -> Iterator[Line]:
    uri = places.shard(entry.shard)
    return read_shard(files.lines(uri), uri)


def _fixes_so_far(
    files: Files, places: Places, wave: int, attempt: int
) -> dict[str, frozenset[str]]:
    """The changes that were made to requests before this sending, by key."""
    if attempt == 1:
        return {}
    uri = places.prepared("decisions", f"w{wave:03d}-a{attempt - 1}.jsonl")
    found: dict[str, frozenset[str]] = {}
    for line in files.lines(uri):
        told = json.loads(line)
        if not isinstance(told, dict):
            raise InputError("This is no line of decisions", where=uri)
        if told["fixes"]:
            found[told["key"]] = frozenset(told["fixes"])
    return found
