"""Running batch predictions: one thread, one job after the other, from input to output folder."""

from __future__ import annotations

import logging
import queue
import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from fnmatch import translate
from functools import partial
from itertools import chain
from typing import Any, BinaryIO

from emulator.messages import ApiError, EmulatorEndsError
from emulator.storage.blobs import Readable
from emulator.storage.store import Store
from emulator.vertex.batch_jobs_book import Book, Job
from emulator.vertex.batch_jobs_request import split_gcs
from emulator.vertex.rows_answer import Model
from emulator.vertex.rows_read import MAX_BYTES, UnreadableInputError, surveyed
from emulator.vertex.rows_tally import Tally
from emulator.vertex.rows_write import Lines, Stream, first_share, shuffled, torn

log = logging.getLogger(__name__)

_LAST_ROWS_S = 10.0  # that close() gives to the row that is being answered
_GRPC_CODES = {400: 3, 404: 5, 403: 7, 412: 9}
_MESSAGES = {
    "CANCELLED": "The job was cancelled.",
    "EXPIRED": "",
    "PARTIALLY_SUCCEEDED": "",
    "FAILED": "The job fails on request (_emulator).",
}


class Runner:
    """The thread that does the work, begun with the first job.

    Args:
        store: the buckets.
        model: what answers rows.
        clock: seconds since 1970.
        at_once: rows that the model is asked at the same time.
    """

    def __init__(
        self, store: Store, model: Model, clock: Callable[[], float], at_once: int
    ) -> None:
        self.tally = Tally()
        self.book: Book  # set once, before the first job comes
        self._store = store
        self._model = model
        self._clock = clock
        self._at_once = at_once
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.ends = threading.Event()

    def submit(self, job: Job) -> None:
        """Have a job done."""
        with self._lock:
            if self.ends.is_set():
                return
            self._waiting.put(job)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="emulator-predictions", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Stop between two rows; a second call does nothing."""
        with self._lock:
            self.ends.set()
            self._waiting.put(None)
        if self._thread:
            self._thread.join(timeout=_LAST_ROWS_S)

    def _work(self) -> None:
        while (job := self._waiting.get()) and not self.ends.is_set():
            try:
                self._run(job)
            except EmulatorEndsError:
                return  # the job begins again with the next one
            except (ApiError, UnreadableInputError) as error:
                self._fail(job, error)
            except RecursionError:
                text = "A line of the input is nested too deeply."
                self._fail(job, UnreadableInputError(text))
            except Exception as error:  # whoever waits for the job must learn of it
                if self.ends.is_set():
                    return  # the store may be closed already; the job begins again
                log.exception("%s", job.name)
                self._end(job, "FAILED", 13, f"A defect of the emulator: {error!r}")

    def _run(self, job: Job) -> None:
        begun = self.book.begin(job)
        end = next(iter(job.of_kind("end")), None)
        share = (end.share if end else 1.0) if begun else job.share
        if share > 0:
            self._write(job, share, self._stop(job) if begun else self._check_end)
        if job.cancelled:
            self._end(job, "CANCELLED", 1, _MESSAGES["CANCELLED"])
        elif end:
            self._end(job, end.state, end.code or 3, end.message or _MESSAGES[end.state])
        else:
            self._end(job, "SUCCEEDED")

    def _check_end(self) -> bool:
        """Nothing stops the job but the end of the emulator: half a file must not appear."""
        if self.ends.is_set():
            raise EmulatorEndsError
        return False

    def _stop(self, job: Job) -> Callable[[], bool]:
        return lambda: self._check_end() or job.cancelled

    def _write(self, job: Job, share: float, is_stopped: Callable[[], bool]) -> None:
        """Answer this share of the rows, fewer where it is stopped, and write them."""
        folder = f"{_prefix(job)}/prediction-model-{self.book.now()}"
        with ExitStack() as opened:
            survey = surveyed(self._open(job, opened), self._check_end)
            uris = job.spec["inputConfig"]["gcsSource"]["uris"]
            order = shuffled(len(survey), f"{job.spec['displayName']}\n{uris}")
            note = partial(self.tally.add, job.spec["model"])
            lines = Lines(
                survey, job.scenarios, self._model, self._clock, is_stopped, note, self._at_once
            )
            errors = opened.enter_context(tempfile.TemporaryFile())
            for name, text in _files(job, lines, first_share(order, share), errors):
                self._insert(folder, name, Stream(text))
            if errors.tell():
                errors.seek(0)
                self._insert(folder, "errors_0001.jsonl", errors)
        done = lines.counts
        left = len(survey) - done.succeeded - done.failed
        self.book.change(job, output=folder, counts=(done.succeeded, done.failed, left))

    def _insert(self, folder: str, name: str, content: Readable) -> None:
        bucket, place = split_gcs(f"{folder}/{name}")
        self._store.insert(bucket, place, content)

    def _open(self, job: Job, opened: ExitStack) -> list[BinaryIO]:
        files, size = [], 0
        for uri in job.spec["inputConfig"]["gcsSource"]["uris"]:
            bucket, pattern = split_gcs(uri)
            names = [pattern]
            if "*" in pattern:
                head = pattern.partition("*")[0]
                wanted = re.compile(translate(pattern.replace("[", "[[]").replace("?", "[?]")))
                names = [s.name for s in self._store.list(bucket, head) if wanted.match(s.name)]
                if not names:
                    raise ApiError(404, "", f"No files match {uri}.")
            for name in names:
                stored, file = self._store.open(bucket, name)
                files.append(opened.enter_context(file))
                size += stored.size
        if size > MAX_BYTES:
            raise UnreadableInputError(f"The input has {size} bytes, more than {MAX_BYTES}.")
        return files

    def _fail(self, job: Job, error: ApiError | UnreadableInputError) -> None:
        code = _GRPC_CODES.get(error.status_code, 13) if isinstance(error, ApiError) else 3
        state = "CANCELLED" if job.cancelled else "FAILED"
        self._end(job, state, code, error.message if isinstance(error, ApiError) else str(error))

    def _end(self, job: Job, state: str, code: int = 0, message: str = "") -> None:
        error: dict[str, Any] | None = None
        if state in ("FAILED", "CANCELLED"):  # only there, says the documentation of the resource
            error = {"code": code, "message": message}
        self.book.change(job, state=state, error=error, ended=self.book.now())


def _prefix(job: Job) -> str:
    prefix: str = job.spec["outputConfig"]["gcsDestination"]["outputUriPrefix"]
    return prefix.rstrip("/")


def _files(
    job: Job, lines: Lines, order: Sequence[int], errors: BinaryIO
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Names and lines of the output; each must be read to its end before the next."""
    split = next(iter(job.of_kind("split")), None)
    count = max(1, min(split.files, len(order))) if split else 1
    size = -(-len(order) // count)
    for number in range(1, count + 1):
        found = lines.of(order[(number - 1) * size : number * size])
        if number == count:
            found = chain(found, lines.of_nobody())
        text = _routed(found, errors if split and split.errors else None)
        if number == count and job.of_kind("torn"):
            text = torn(text)
        yield f"predictions_{number:04}.jsonl" if split else "predictions.jsonl", text


def _routed(lines: Iterator[tuple[bytes, bool]], errors: BinaryIO | None) -> Iterator[bytes]:
    for line, failed in lines:
        if failed and errors is not None:
            errors.write(line)
        else:
            yield line
