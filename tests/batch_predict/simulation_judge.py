"""Whether a simulated run kept its promises: rows in are rows out, each with its own answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from components.batch_predict.book import Doc, Entry, from_text
from tests.batch_predict import simulated_rows as rows_of
from tests.batch_predict.simulated_jobs import AT_REST
from tests.batch_predict.simulated_plan import Violation
from tests.batch_predict.simulation import PLACES, Universe

Objects = list[dict[str, Any]]


def judge(universe: Universe, ended: str) -> None:
    """Hold the run to its promises.

    Raises:
        Violation: one was broken; the text says which.
    """
    if not ended:
        raise Violation("it never ended")
    universe.time += 4000.0
    while universe.landing:
        universe.make(universe.landing.pop()[1])
    universe.time += 100.0
    for remote in universe.remotes:
        going = not remote.gone and remote.at(universe.time) not in (*AT_REST, "")
        if going and remote.made_at < universe.time - 4000.0:
            raise Violation(f"{remote.name} was left {remote.at(universe.time)}")
    for words, count in universe.requests.sent.items():
        if count > universe.plan.settings.attempts:
            raise Violation(f"'{words}' was sent {count} times")
    if ended == "done":
        Judgement(universe).pronounce()


class Judgement:
    """A run that is done: what was asked, what came back, what the step says of it."""

    def __init__(self, universe: Universe) -> None:
        self.universe = universe
        self.content: Mapping[str, bytes] = universe.files.content
        self.doc: Doc = from_text(self.content[PLACES.book].decode())
        self.by_key: dict[str, str] = {}  # words
        self.came = {entry.display_name: self.came_back(entry) for entry in self.doc.entries}
        self.answered = {
            words for came in self.came.values() for words, status in came.items() if status == "ok"
        }

    def pronounce(self) -> None:
        """Every promise in turn."""
        for entry in self.doc.entries:
            self.counts_are_true(entry)
        self.budget_is_kept()
        given_up = self.given_up()
        folder = PLACES.prepared("resolved") + "/"
        resolved = sorted(name for name in self.content if name.startswith(folder))
        manifest = resolved[-1] if resolved else PLACES.prepared("manifest.jsonl")
        told = objects(self.content[manifest])
        if [row["row"] for row in told] != [row.number for row in self.universe.rows]:
            raise Violation("rows in are not rows out")
        for row, line in zip(self.universe.rows, told, strict=True):
            self.row_is_accounted_for(row, line, given_up)

    def came_back(self, entry: Entry) -> dict[str, str]:
        """What came back for an entry, by words."""
        for line in objects(self.content[PLACES.shard(entry.shard)]):
            words = rows_of.words_of(line["request"])
            if self.by_key.setdefault(line["key"], words) != words:
                raise Violation(f"two requests have the key {line['key']}")
        if entry.how == "batch":
            return self.universe.requests.by_job.get(entry.display_name, {})
        return {
            rows_of.words_of(row["request"]): rows_of.status_of(row)
            for uri in self.universe.files.below(PLACES.outputs(entry.display_name))
            for row in objects(self.content[uri])
        }

    def counts_are_true(self, entry: Entry) -> None:
        """Each answer was counted for its own request."""
        counts = dict(entry.counts or {})
        later = counts.pop("resent", 0) + counts.pop("given_up", 0)
        lines = objects(self.content[PLACES.shard(entry.shard)])
        came = self.came[entry.display_name]
        true = Counter(came.get(rows_of.words_of(line["request"]), "missing") for line in lines)
        if counts != true or later != len(lines) - true["ok"] or entry.requests != len(lines):
            raise Violation(f"{entry.display_name} counts {entry.counts}, it was {dict(true)}")

    def budget_is_kept(self) -> None:
        """Nothing is sent once the limit is reached."""
        limit, first = self.universe.plan.settings.max_cost_usd, (0, 1)
        for entry in self.doc.entries:
            now = entry.wave, entry.attempt
            earlier = [e.cost_usd or 0.0 for e in self.doc.entries if (e.wave, e.attempt) < now]
            if now != first and 0 < limit <= sum(earlier):
                raise Violation(f"{entry.display_name} was sent although {sum(earlier)} was spent")

    def given_up(self) -> set[str]:
        """The words of what the step has given up; what it says of each must be true."""
        found: set[str] = set()
        for uri, text in self.content.items():
            if "/decisions/" not in uri:
                continue
            wave, _, attempt = uri.rpartition("/w")[2].removesuffix(".jsonl").partition("-a")
            for told in objects(text):
                words = self.by_key.get(told["key"])
                if words is None:
                    raise Violation(f"{told['key']} was decided about, and is in no ledger")
                came = [self.came[entry.display_name].get(words, "")
                        for entry in self.doc.round(int(wave), int(attempt))]  # fmt: skip
                if told["status"] not in (*came, "missing") or "ok" in came:
                    raise Violation(f"'{words}' is told {told['status']}, it was {came}")
                if "given_up" in told:
                    found.add(words)
                    self.note_why(told["given_up"])
        if found & self.answered:
            raise Violation(f"given up although answered: {found & self.answered}")
        return found

    def note_why(self, reason: str) -> None:
        """Two faults show only in the reasons."""
        if "as deadline" in reason or "the time allowed is over" in reason:
            self.universe.note("deadline over")
        elif "are spent" in reason:
            self.universe.note("budget used up")

    def row_is_accounted_for(
        self, row: rows_of.Row, line: Mapping[str, Any], given_up: set[str]
    ) -> None:
        """A row has its own answer, or one reason why not."""
        asked = self.asked(row)
        if line["status"] == "invalid":
            if not line["reason"]:
                raise Violation(f"row {row.number} is invalid for no reason")
            spent = line["reason"].startswith("not_sent")
            if asked and not spent:
                raise Violation(f"row {row.number} could be asked: {line['reason']}")
            if row.valid and not spent:
                self.universe.note("needed answer missing")
        elif line["status"] != "ready" or not line["key"]:
            raise Violation(f"row {row.number} was forgotten: {line}")
        elif self.by_key.get(line["key"]) != asked:
            raise Violation(f"row {row.number} was asked {self.by_key.get(line['key'])!r}")
        elif (asked in self.answered) == (asked in given_up):
            raise Violation(f"row {row.number} was lost")

    def asked(self, row: rows_of.Row) -> str:
        """The words that a row has to be asked with; empty if it cannot be asked."""
        if not row.valid or not row.need:
            return row.words if row.valid else ""
        needed = self.asked(self.universe.rows[row.need - 1])
        if needed not in self.answered:
            return ""
        if not row.quotes:
            return row.words
        return f"{row.words}, given {rows_of.answer_of(needed)} and ${{output.1}}"


def objects(text: bytes) -> Objects:
    """JSON lines."""
    return [orjson.loads(line) for line in text.splitlines()]
