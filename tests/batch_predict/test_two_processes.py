"""One process stands still while another goes on with its work, and then wakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.batch_predict.book import Doc, Entry, from_text
from components.batch_predict.files import StoredFiles
from components.batch_predict.online import answer_online
from components.batch_predict.places import Places
from components.batch_predict.predict import Settings
from components.storage.versioned import Version
from tests.batch_predict import simulation
from tests.batch_predict.conftest import StoryClock, read_lines, request_of, write_lines
from tests.batch_predict.simulated_jobs import Remote
from tests.batch_predict.simulated_rows import Row, prepared
from tests.batch_predict.simulation import PLACES, Crash, Universe
from tests.batch_predict.simulation_judge import judge

When = Callable[["Story"], bool]


class Story(Universe):
    """Nothing goes wrong but this: at a moment another process begins, and at one it dies."""

    def __init__(self, rows: list[Row], settings: Settings, begins: When, dies: When) -> None:
        super().__init__(0)
        self.plan = replace(
            self.plan, fault_rate=0.0, crash_rate=0.0, stop_at=None, refused="", second_rate=1.0,
            settings=replace(settings, policy=self.plan.settings.policy),
        )  # fmt: skip
        self.storage_failures = 0
        self.rows = rows
        self.files.content = prepared(self.rng, PLACES, rows)
        self.begins, self.dies = begins, dies
        self.happened = False

    @property
    def doc(self) -> Doc:
        text = self.files.content.get(PLACES.book)
        return from_text(text.decode()) if text else Doc()

    def story(self) -> list[tuple[float, str]]:
        return [(self.time, "RUNNING"), (self.time + 100.0, "")]

    def rest(self, remote: Remote) -> None:
        remote.end, remote.gone_at = "SUCCEEDED", 1e12
        super().rest(remote)

    def second(self) -> None:
        if self.quiet or self.happened or not self.begins(self):
            return
        self.happened, self.other_calls = True, 10**9
        try:
            self.predict()
        except Crash:
            pass
        finally:
            self.other_calls = None

    def touch(self, behind: str = "") -> None:
        super().touch(behind)
        if self.other_calls is not None and self.dies(self):
            raise Crash


def played(story: Story) -> list[Entry]:
    assert simulation.play(story) == "done"
    assert story.happened
    judge(story, "done")
    return list(story.doc.entries)


def test_a_wave_is_not_done_while_what_another_process_sent_again_is_under_way() -> None:
    rows = [Row(1, "gemini-a", "row 1 fine"), Row(2, "gemini-a", "row 2 long", wave=1, need=1)]
    entries = played(
        Story(
            rows,
            Settings(),
            begins=lambda story: story.doc.waves_done == 1,  # the first one is about to ask row 2
            dies=lambda story: len(story.remotes) == 3,  # once row 2 was sent again
        )
    )
    assert [(e.wave, e.attempt, e.counts) for e in entries] == [
        (0, 1, {"ok": 1}), (1, 1, {"resent": 1, "truncated": 1}), (1, 2, {"ok": 1}),
    ]  # fmt: skip


def test_what_was_decided_about_a_round_is_not_decided_again() -> None:
    """Not by what has been spent meanwhile, which would forbid what was done with it."""
    entries = played(
        Story(
            [Row(1, "gemini-a", "row 1 long")],
            Settings(max_cost_usd=0.5),  # each sending costs 0.2
            begins=lambda story: bool(story.requests.by_job),  # the first one settles
            dies=lambda _: False,
        )
    )
    assert [e.counts for e in entries] == [{"resent": 1, "truncated": 1}, {"ok": 1}]


def test_what_later_waves_made_of_rows_is_not_written_over() -> None:
    """By a process that stood still while it wrote down what an earlier wave had made of them."""
    rows = [Row(n, "gemini-a", f"row {n} fine", wave=n - 1, need=n - 1) for n in (1, 2, 3)]

    def writes(story: Story) -> bool:
        return story.doc.waves_done == 1 and "resolved" in story.files.writing

    played(Story(rows, Settings(), begins=writes, dies=lambda _: False))


@pytest.mark.parametrize("moment", ["asked", "written"])
def test_what_another_process_was_told_online_is_not_written_over(
    tmp_path: Path, moment: str
) -> None:
    """The other one answers everything while this one asks, or just before it writes."""
    places = Places(str(tmp_path / "run"), "pipeline/run-1")
    entry = Entry("s.jsonl", 0, 1, "gemini-a", "job", "", "", 3, how="online")
    lines = [{"key": f"k{n}", "request": request_of(f"row {n}")} for n in range(3)]
    write_lines(places.shard(entry.shard), lines)
    asked: list[str] = []

    def ask(model: str, request: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        asked.append(request["contents"][0]["parts"][0]["text"])
        mine = len(asked)
        if mine == 1 and moment == "asked":
            assert ended(StoredFiles()) == ("succeeded", "")
        return "", {"responseId": str(mine)}

    class Late(StoredFiles):
        def write(self, uri: str, text: str, version: Version | None) -> Version:
            if len(asked) == 1 and moment == "written":
                assert ended(StoredFiles()) == ("succeeded", "")
            return super().write(uri, text, version)

    def ended(files: StoredFiles) -> tuple[str, str]:
        return answer_online(files, places, entry, ask, StoryClock(), at_once=1, deadline_at=2e9)

    assert ended(Late()) == ("succeeded", "")
    assert asked == ["row 0", "row 0", "row 1", "row 2"]
    uris = StoredFiles().below(places.outputs("job"))
    rows = [row for uri in uris for row in read_lines(uri)]
    assert [(row["key"], row["response"]["responseId"]) for row in rows] == [
        ("k0", "2"), ("k1", "3"), ("k2", "4"),
    ]  # fmt: skip
