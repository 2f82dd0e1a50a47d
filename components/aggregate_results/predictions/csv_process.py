"""results.csv made by a process of its own out of the lines of results.jsonl.

Making the cells takes as long as half of all the rest of a row, so on two cores a table of many
rows is done in two thirds of the time. The process reads line by line: what to write (`_Order`),
the rows, and an empty line as the end. Where the end does not come, no file appears.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any, BinaryIO, cast

import msgspec

from components.aggregate_results.predictions.results import Result, ResultsCsv
from components.errors import Intent2BatchError, ServiceError

WORTH_IT = 20_000
"""Rows from which on the start of a process, some 0.3 s of one core, is made good."""

_MODULE = "components.aggregate_results.predictions.csv_process"
_PIPE_BYTES = 1024 * 1024  # the most that Linux gives to anybody
_BUFFER_BYTES = 256 * 1024
_END = b"\n"
_decode_row = msgspec.json.Decoder(Result).decode
_decode_fields = msgspec.json.Decoder().decode


class _Order(msgspec.Struct):
    """The arguments of `ResultsCsv`."""

    uri: str
    fields: list[str]
    excel_mark: bool
    formula_guard: bool


class CsvProcess:
    """The process. Enter it before the rows are there: its start takes a while."""

    def __enter__(self) -> CsvProcess:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE],  # -P: no `components` of the current folder
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=_BUFFER_BYTES,
        )
        self._lines = cast(IO[bytes], self._process.stdin)
        _widen(self._lines)
        return self

    def __exit__(self, *args: Any) -> None:
        self._close()

    @contextmanager
    def table(
        self, uri: str, fields: Sequence[str], *, excel_mark: bool, formula_guard: bool
    ) -> Iterator[Callable[[bytes], None]]:
        """Takes the lines of results.jsonl; the file appears if the block ends without an error.

        The arguments are those of `ResultsCsv`. Once for each process.

        Raises:
            ServiceError: on the way or at the end: the file could not be written.
        """

        def write_line(line: bytes) -> None:
            try:
                write(line)
            except BrokenPipeError as error:
                raise _error(uri, self._close()) from error

        write = self._lines.write
        order = _Order(uri, list(fields), excel_mark, formula_guard)
        write_line(msgspec.json.encode(order) + b"\n")
        yield write_line
        write_line(_END)
        said = self._close()
        if self._process.returncode:
            raise _error(uri, said)

    def _close(self) -> str:
        """Wait until it has ended; what it says. Once more, it says nothing."""
        with suppress(BrokenPipeError):
            self._lines.close()
        out = cast(IO[bytes], self._process.stdout)
        said = "" if out.closed else out.read().decode("utf-8", "replace").strip()
        out.close()
        self._process.wait()
        return said


def _widen(pipe: IO[bytes]) -> None:
    """Let the two processes drift apart by some hundred rows; a narrow pipe is only slower."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _error(uri: str, said: str) -> ServiceError:
    return ServiceError(
        f"Cannot write it: {said or 'the process that does it ended early'}",
        where=uri,
        fix="See whether there is room and whether you may write there; then aggregate again.",
    )


class _NoEnd(Exception):  # noqa: N818 - reads as what it is
    """The lines ended before their end was told: who sent them failed or is gone."""


def write_csv(stream: BinaryIO) -> None:
    """Write the file that the stream asks for; nothing if it is empty.

    Raises:
        ServiceError: it cannot be written.
    """
    first = stream.readline()
    if not first:
        return
    order = msgspec.json.decode(first, type=_Order)
    table = ResultsCsv(
        order.uri, order.fields, excel_mark=order.excel_mark, formula_guard=order.formula_guard
    )
    with suppress(_NoEnd), table:
        for line in _to_the_end(stream):
            table.write(_decode_row(line), _decode_fields(line) if order.fields else None)


def _to_the_end(stream: BinaryIO) -> Iterator[bytes]:
    for line in stream:
        if line == _END:
            return
        yield line
    raise _NoEnd


def main() -> int:
    """The process. Ctrl-C is for the one that started it, which then sends no end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with open(sys.stdin.fileno(), "rb", _BUFFER_BYTES, closefd=False) as stream:
            write_csv(stream)
    except Intent2BatchError as error:
        print(error.what)
    except OSError as error:
        print(error.strerror or error)
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
