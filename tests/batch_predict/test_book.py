"""The ledger of many jobs: versions of single lives, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.batch_predict.book import Book, Doc, Entry, EntryStore, from_text, to_text
from components.batch_predict.files import StoredFiles
from components.errors import InputError
from components.supervision.driver import Loaded, Lost, Saved
from components.supervision.ledger import Ledger
from components.supervision.life import Failed, Life

RUNNING = Life(phase="watch", job_name="projects/1/locations/l/batchPredictionJobs/7",
               state="JOB_STATE_RUNNING", deadline_at=1_800_000_000.25)  # fmt: skip


def entry(name: str, **more: Any) -> Entry:
    return Entry("s.jsonl", 0, 1, "gemini-x", name, "gs://b/s", f"gs://b/p/{name}", 2, **more)


def test_text_and_back() -> None:
    doc = Doc(
        (
            entry("one", ledger=Ledger(RUNNING, {"body": {"displayName": "one"}})),
            entry("two", how="online", stats={"a": 1}, counts={"ok": 2}, cost_usd=0.25),
        ),
        deadline_at=1_800_000_000.5,
        waves_done=1,
        stopped="SIGTERM \ud800 \u202e",
    )
    text = to_text(doc)
    assert from_text(text) == doc
    told = json.loads(text.encode())
    assert (told["version"], told["spent_usd"]) == (1, 0.25)
    assert told["jobs"][0].items() >= {
        "shard": "s.jsonl", "wave": 0, "attempt": 1, "display_name": "one", "model": "gemini-x",
        "output_uri": "gs://b/p/one", "job_name": RUNNING.job_name, "state": "JOB_STATE_RUNNING",
        "outcome": None, "stats": {}, "how": "batch",
    }.items()  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version": 2, "jobs": []}', '{"version": 1, "jobs": [{}]}',
     '{"version": 1, "jobs": 3}', "[" * 100_000,
     to_text(Doc((entry("one"),))).replace('"wave": 0', '"wave": "0"')],
)  # fmt: skip
def test_what_is_no_ledger_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        from_text(text, "predictions.json")


def books(tmp_path: Path, count: int) -> list[Book]:
    """So many processes with the same ledger."""
    first, *others = [Book(StoredFiles(), str(tmp_path / "p.json")) for _ in range(count)]
    first.update(lambda doc: replace(doc, entries=(entry("one"), entry("two"))))
    for book in others:
        book.load()
    return [first, *others]


def test_jobs_do_not_get_in_each_others_way_but_processes_with_one_job_do(tmp_path: Path) -> None:
    mine, theirs = books(tmp_path, 2)
    one, two = (EntryStore(mine, "one", dict), EntryStore(theirs, "two", lambda: {"seen": 1}))
    loaded = one.load()
    assert isinstance(loaded, Loaded)
    assert loaded.ledger is not None
    saved = two.save(Ledger(RUNNING), EntryStore(theirs, "two", dict).load().version)  # type: ignore[union-attr]
    assert isinstance(saved, Saved)
    # The file has changed since "one" was loaded, its life has not.
    assert isinstance(one.save(Ledger(RUNNING), loaded.version), Saved)
    assert isinstance(one.save(Ledger(RUNNING), loaded.version), Lost)
    doc = mine.load()
    assert [e.ledger.state for e in doc.entries] == ["JOB_STATE_RUNNING"] * 2
    assert doc.entries[1].stats == {"seen": 1}


def test_two_processes_that_make_the_same_round_make_it_once(tmp_path: Path) -> None:
    mine, theirs = books(tmp_path, 2)

    def begin(doc: Doc) -> Doc:
        return doc if doc.round(0, 2) else replace(
            doc, entries=(*doc.entries, replace(entry("three"), attempt=2))
        )  # fmt: skip

    assert mine.update(begin) == theirs.update(begin)
    assert len(theirs.load().entries) == 3


def test_a_ledger_that_nobody_has_changed_is_not_parsed_again(tmp_path: Path) -> None:
    mine, theirs = books(tmp_path, 2)
    before = mine.doc
    assert mine.load() is before
    theirs.update(lambda doc: replace(doc, waves_done=1))
    assert mine.load() == theirs.doc != before


def test_a_job_that_is_not_in_the_ledger_is_no_job(tmp_path: Path) -> None:
    [book] = books(tmp_path, 1)
    assert isinstance(EntryStore(book, "four", dict).load(), Failed)
