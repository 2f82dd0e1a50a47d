"""Work of a second process beside this one, its products taken up here in order.

The second process is a fork: it knows all that was read so far, and gives its products through a
pipe. A fork is safe where this process has one thread, as nobody else can then hold a lock in the
middle of it; `worth_it` sees to that. What it shares and may not use is made anew in it (the client
of Cloud Storage), and it ends without doing what this process has still to do.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import struct
import sys
import traceback
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from typing import NoReturn

from components.errors import ServiceError

MOST_TICKETS = 10_000
"""What a pipe of 64 KiB holds with room to spare."""

_MANY = 5_000  # rows that take some tenths of a second
_PIPE_BYTES = 1024 * 1024  # the most that Linux gives to anybody
_BUFFER_BYTES = 256 * 1024
_HEAD = struct.Struct("=cQ")
_PRODUCT, _ERROR, _END = b"p", b"e", b"."


def worth_it(rows: int) -> bool:
    """Whether a second process is safe here, and of use for so many rows.

    It needs a core of its own, and this process no second thread. Only on Linux: elsewhere
    libraries of the system start threads that nobody knows of.
    """
    if rows < _MANY or sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        return False
    with suppress(OSError):  # a container may be without /proc
        return len(os.listdir("/proc/self/task")) == 1
    return False


Bytes = bytes | memoryview
Make = Callable[[], Iterable[Sequence[Bytes]]]
"""Gives products, each as pieces that follow each other in it."""


@contextmanager
def made_beside(make: Make, doing: str) -> Iterator[Products]:
    """What `make` gives, made by a second process; with the block it ends, done or not.

    Args:
        make: called in the second process. It may read what this process has and files, and
            change nothing outside of itself.
        doing: what the process does, in words: "reads the answers".

    Raises:
        ServiceError: on the way: the process ended early.
        Exception: on the way: what `make` raised.
    """
    mine, other = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(mine)
        os.close(other)
        raise ServiceError(
            f"The process that {doing} cannot be started: {error.strerror}",
            fix="See whether memory or processes have run out; then aggregate again.",
        ) from error
    if not pid:
        os.close(mine)
        _give(make, other)
    os.close(other)
    with open(mine, "rb", buffering=0) as pipe:
        _widen(pipe)
        products = Products(pid, pipe, doing)
        try:
            yield products
        finally:
            products.end()


class Products:
    """What the second process makes, to iterate over; an error of the process is raised here.

    Each is good until the next one is asked for.
    """

    def __init__(self, pid: int, pipe: FileIO, doing: str) -> None:
        self._pid = pid
        self._pipe = pipe
        self._doing = doing
        self._running = True
        self._over = False
        self._held = memoryview(bytearray(_BUFFER_BYTES))

    def __iter__(self) -> Products:
        return self

    def __next__(self) -> memoryview:
        if self._over:
            raise StopIteration
        kind, length = _HEAD.unpack(self._read(_HEAD.size))
        if kind == _END:
            self._over = True
            raise StopIteration
        data = self._read(length)
        if kind == _ERROR:
            raise pickle.loads(data)  # noqa: S301 - of our own fork
        return data

    def waiting(self) -> bool:
        """Whether one is there, or the beginning of it, or news of the end."""
        return not self._over and bool(select.select([self._pipe], [], [], 0)[0])

    def end(self) -> None:
        """Nothing of the process stays."""
        if self._running:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)

    def _read(self, length: int) -> memoryview:
        if len(self._held) < length:
            self._held = memoryview(bytearray(length))
        at = 0
        while at < length:
            got = self._pipe.readinto(self._held[at:length])
            if not got:
                raise self._ended_early()
            at += got
        return self._held[:length]

    def _ended_early(self) -> ServiceError:
        self._running = False
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        how = f"was killed by signal {-code}" if code < 0 else "ended early"
        return ServiceError(
            f"The process that {self._doing} {how}",
            fix="Memory may have run out: give more of it, and aggregate again.",
        )


@contextmanager
def tickets(count: int) -> Iterator[Iterator[int]]:
    """The numbers from 0 on, each for the process that asks first; up to `MOST_TICKETS`."""
    taking, giving = os.pipe()
    os.write(giving, array("I", range(count)).tobytes())
    os.close(giving)
    with open(taking, "rb", buffering=0) as pipe:
        yield (int.from_bytes(four, sys.byteorder) for four in iter(lambda: pipe.read(4), b""))


def _give(make: Make, pipe: int) -> NoReturn:
    """The second process: Ctrl-C is for the first one, which then ends this one, too."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for kind, pieces in _told(make):
            _write(pipe, _HEAD.pack(kind, sum(map(len, pieces))))
            for piece in pieces:
                _write(pipe, piece)
        code = 0
    finally:  # also where nobody reads any more: no exception gets out of a fork
        os._exit(code)


def _write(pipe: int, data: Bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


def _told(make: Make) -> Iterator[tuple[bytes, Sequence[Bytes]]]:
    """The products, then the end or the error."""
    try:
        for product in make():
            yield _PRODUCT, product
    except Exception as error:  # it is raised in the first process
        error.add_note(f"In the second process:\n{traceback.format_exc()}")
        yield _ERROR, [pickle.dumps(error)]
    else:
        yield _END, []


def _widen(pipe: FileIO) -> None:
    """Let the two processes drift apart by some hundred rows; a narrow pipe is only slower."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
