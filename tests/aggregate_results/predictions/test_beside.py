"""With the help of a second process the files are the same, or there are none and it is told."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from components.aggregate_results.predictions import beside, ordered_rows, reading, spill, stretches
from components.aggregate_results.predictions.aggregate import (
    Options,
    aggregate_outputs,
    aggregate_predictions,
)
from components.aggregate_results.predictions.beside import made_beside, tickets, worth_it
from components.aggregate_results.predictions.key_index import ident_of_key
from components.aggregate_results.predictions.manifest_keys import manifest_keys
from components.errors import InputError, ServiceError
from components.rows.canonical import key_of
from components.storage.client import _client, storage_client

MODELS = ("gemini-3.5-flash", "publishers/google/models/gemini-3.5-pro@default", "other")
WORDS = ("a", "b", "naïve", "=1+1", 'q"uote\n', "🙂", "long " * 90)
TEXTS: tuple[Any, ...] = (
    *WORDS, "", "I'm sorry, but I cannot", '{"n": 12345678901234567890123, "m": {"x": "=2"}}',
    '```json\n{"n": null, "t": [1]}\n```', "{broken", "half \ud83d", "nul \x00,", 7, None,
)  # fmt: skip
STATUSES = ("", "", "", "", "429 RESOURCE_EXHAUSTED: 12345678", '{"error": {"code": 500}}', "OK")
FINISHES = ("STOP", "STOP", "STOP", "MAX_TOKENS", "SAFETY", "", "STRANGE", None)


def test_the_files_are_the_same_with_a_second_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of the product, and answers of jobs made elsewhere."""
    _many_small_pieces(monkeypatch)
    for seed in range(4):
        draw = random.Random(seed)
        run = tmp_path / str(seed)
        asked = _rows(run, draw)
        _outputs(run, draw, asked)
        sent = [{"request": _request(t), **({"key": k} if k else {})} for _, t, k in asked]
        draw.shuffle(sent)
        _write(run / "sent.jsonl", sent)
        for collect in (_collect_run, _collect_rows):
            alone, helped = (_files(run, collect, way, seed) for way in (False, True))
            assert alone == helped, f"seed {seed}, {collect.__name__}"
            assert {"results.jsonl", "results.csv", "results_summary.json"} <= set(alone)


def _collect_run(run: Path, out: str, options: Options) -> None:
    aggregate_predictions(str(run), out_uri=out, options=options)


def _collect_rows(run: Path, out: str, options: Options) -> None:
    outputs = [str(run / "predictions")]
    aggregate_outputs(str(run / "sent.jsonl"), outputs, out, options=options)


def _files(
    run: Path, collect: Callable[[Path, str, Options], None], helped: bool, seed: int
) -> dict[str, bytes]:
    out = run / f"{collect.__name__}-{helped}"
    options = Options(
        formats=("jsonl", "csv", *(("html",) if seed % 2 else ())),
        price=_price if seed % 3 else Options.price,
        now=lambda: datetime(2026, 11, 29, tzinfo=UTC),
        beside=lambda _: helped,
    )
    collect(run, str(out), options)
    return {
        path.name: path.read_bytes().replace(str(out).encode(), b"OUT") for path in out.iterdir()
    }


def _price(model: str, given: int, got: int, cached: int, *, batch: bool) -> float | None:
    return None if model == "other" else (given + 3 * got + cached / 7) * (1 + batch) / 1e6


def _many_small_pieces(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(stretches, "_ROWS", 3)
    patch.setattr(spill, "LEAST_ROWS", 8)
    patch.setattr(spill, "_BUFFERED_BYTES", 900)


def _request(text: str) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


def _write(path: Path, rows: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def _rows(run: Path, draw: random.Random) -> list[tuple[str, str, str]]:
    """A manifest of two waves with equal, invalid and waiting rows: (model, text, key) of each."""
    asked, rows = [], []
    for number in range(draw.randrange(20, 60)):
        model, text = draw.choice(MODELS), f"{draw.choice(WORDS)} {draw.randrange(12)}"
        status = draw.choice(["ready"] * 8 + ["invalid", "waiting"])
        key = key_of(_request(text), model) if status == "ready" else ""
        asked.append((model, text, key))
        rows.append(
            {"row": number + 1, "id": draw.choice((f"q{number}", number, 2**70, None)), "key": key,
             "model": model, "status": status, "reason": "bad: x" * (status == "invalid"),
             "shard": draw.choice(("s0.jsonl", "s1.jsonl", "")), "source": "rows.csv",
             "line": number + 2, "prompt": text}
        )  # fmt: skip
    _write(run / "prepared" / "manifest.jsonl", rows)
    if draw.random() < 0.5:
        _write(run / "prepared" / "resolved" / "w001.jsonl", rows)
    return asked


def _outputs(run: Path, draw: random.Random, asked: list[tuple[str, str, str]]) -> None:
    """Jobs of several attempts whose files hold answers, none, several, and what is no answer."""
    jobs = []
    for job in range(3):
        lines = [
            _line(draw, *draw.choice(asked), job) for _ in range(draw.randrange(0, 2 * len(asked)))
        ]
        _write(run / "predictions" / f"job-{job}" / "p" / "predictions.jsonl", lines)
        model = draw.choice((asked[0][0], ""))
        jobs.append({"display_name": f"job-{job}", "shard": f"s{job}.jsonl", "model": model,
                     "attempt": draw.randrange(1, 4), "counts": {}, "state": "\ud800"})  # fmt: skip
    (run / "predictions.json").write_text(json.dumps({"jobs": jobs[: draw.randrange(4)]}))
    faults = [{"key": key, "status": "bad_json", "reason": "no"} for _, _, key in asked[::5] if key]
    _write(run / "prepared" / "decisions" / "w000-a1.jsonl", faults)


def _line(draw: random.Random, model: str, text: str, key: str, job: int) -> Any:
    odd = draw.randrange(40)
    if odd == 0:
        return draw.choice((b"", b"  ", b"[1]", b'{"cut', b'{"key": "\xff", "response": 1}'))
    if odd == 1:
        return {"key": key, "request": _request(text)}
    said: Any = draw.choice(TEXTS)
    parts = [{"text": said}, {"text": "thoughts", "thought": True}][: draw.randrange(1, 3)]
    version = draw.choice((model.rpartition("/")[2], MODELS[0], "", f"v{draw.randrange(4)}"))
    tokens = {"promptTokenCount": draw.choice((7, None, 2**64)), "candidatesTokenCount": job}
    response = {
        "candidates": [{"content": {"parts": parts}, "finishReason": draw.choice(FINISHES)}],
        "usageMetadata": tokens,
        "modelVersion": version,
    }
    line = {"status": draw.choice(STATUSES), "response": response}
    if draw.random() < 0.7:
        line["key"] = key if draw.random() < 0.9 else "k" + "0" * 24
    if draw.random() < 0.7:
        line["request"] = _request(text)
    made = json.dumps(line, ensure_ascii=draw.random() < 0.5)
    return made.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("place", [(reading, "_keep"), (ordered_rows.OrderedRows, "_row")])
def test_a_process_that_is_killed_is_told_and_no_file_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str]
) -> None:
    here, made = os.getpid(), getattr(*place)

    def killed(*args: Any) -> Any:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return made(*args)

    _many_small_pieces(monkeypatch)
    monkeypatch.setattr(*place, killed)
    draw = random.Random(1)
    _outputs(tmp_path, draw, _rows(tmp_path, draw))
    options = Options(formats=("jsonl", "csv"), beside=lambda _: True)
    with pytest.raises(ServiceError, match="was killed by signal 9"):
        aggregate_predictions(str(tmp_path), out_uri=str(tmp_path / "out"), options=options)
    assert list((tmp_path / "out").glob("*")) == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [(b"{", "The line is damaged"), (b'{"row": 9}', "Row 9 stands where row 8 should")],
)
@pytest.mark.parametrize("helped", [False, True])
def test_a_fault_in_the_second_half_of_the_manifest_is_told_at_its_line(
    tmp_path: Path, line: bytes, fault: str, helped: bool
) -> None:
    rows: list[Any] = [{"row": n + 1, "key": f"k{n}", "model": f"m{n % 3}"} for n in range(9)]
    _write(tmp_path / "rows.jsonl", [*rows[:7], line, rows[8]])
    with pytest.raises(InputError, match=fault) as told:
        manifest_keys(str(tmp_path / "rows.jsonl"), beside=helped)
    assert told.value.where in (f"{tmp_path}/rows.jsonl:8", "manifest line 8")
    _write(tmp_path / "rows.jsonl", rows)
    index, models = manifest_keys(str(tmp_path / "rows.jsonl"), beside=helped)
    assert [index.find(ident_of_key(f"k{n}")) for n in range(10)] == [*range(9), -1]
    assert models == ["m0", "m1", "m2"]
    _write(tmp_path / "rows.jsonl", [])
    assert len(manifest_keys(str(tmp_path / "rows.jsonl"), beside=helped)[0]) == 0


def test_rows_that_change_in_between_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _many_small_pieces(monkeypatch)
    draw = random.Random(2)
    _outputs(tmp_path, draw, _rows(tmp_path, draw))
    manifest = next((tmp_path / "prepared").rglob("w001.jsonl"), None)
    manifest = manifest or tmp_path / "prepared" / "manifest.jsonl"
    settle = spill.Spill.settle

    def shorten(self: spill.Spill) -> None:
        manifest.write_bytes(b"".join(manifest.read_bytes().splitlines(keepends=True)[:5]))
        settle(self)

    monkeypatch.setattr(spill.Spill, "settle", shorten)
    options = Options(formats=("jsonl",), beside=lambda _: True)
    with pytest.raises(InputError, match="changed"):
        aggregate_predictions(str(tmp_path), options=options)
    assert not (tmp_path / "results.jsonl").exists()


def _large() -> Iterator[list[bytes]]:
    for number in range(4):
        yield [b"begins", bytes([number]) * 700_000]


def test_what_is_made_comes_in_order_whatever_its_size() -> None:
    with made_beside(_large, "counts") as products:
        assert [bytes(product) for product in products] == [b"".join(p) for p in _large()]
        assert not products.waiting()
        assert next(products, None) is None


def test_an_error_of_the_second_process_is_raised_here() -> None:
    def make() -> Iterator[list[bytes]]:
        yield [b"one"]
        raise InputError("It is damaged", where="rows.jsonl:3", fix="Mend it.")

    with made_beside(make, "reads") as products:
        assert next(products) == b"one"
        with pytest.raises(InputError) as told:
            next(products)
    assert str(told.value) == "rows.jsonl:3: It is damaged. Mend it."
    assert "In the second process" in told.value.__notes__[0]


def test_nothing_stays_of_a_process_whose_products_nobody_wants() -> None:
    def make() -> Iterator[list[bytes]]:
        while True:
            yield [bytes(100_000)]

    with made_beside(make, "goes on") as products:
        assert next(products)
    with pytest.raises(ChildProcessError):
        os.waitpid(products._pid, os.WNOHANG)


def test_a_second_process_makes_a_client_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    storage_client()
    assert _client.cache_info().currsize
    with made_beside(lambda: [[b"%d" % _client.cache_info().currsize]], "counts") as products:
        assert next(products) == b"0"


def test_each_ticket_is_for_one() -> None:
    with (
        tickets(beside.MOST_TICKETS) as wanted,
        made_beside(lambda: ([b"%d" % number] for number in wanted), "takes tickets") as products,
    ):
        mine = [next(wanted, -1) for _ in range(5)]
        theirs = [int(product) for product in products]
    taken = [*(number for number in mine if number >= 0), *theirs]
    assert sorted(taken) == list(range(beside.MOST_TICKETS))


def test_few_rows_and_a_process_with_threads_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    go = threading.Event()
    thread = threading.Thread(target=go.wait)
    thread.start()
    try:
        assert not worth_it(10**9)
    finally:
        go.set()
        thread.join()
    monkeypatch.setattr(os, "listdir", lambda _: ["1"])
    assert [worth_it(rows) for rows in (10, 10**6)] == [False, True]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert not worth_it(10**6)
