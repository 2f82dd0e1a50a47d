"""The errors that a person may meet: what happened, where, what to do next; the class: whose fault.

Intent2BatchError
 +- WrongUse       the command or a parameter is wrong; nothing was started      (exit code 2)
 +- InputError     what was given (intent, config, rows) cannot be used          (exit code 1)
 +- WorkFailed     the remote work ran and failed, or was cancelled              (exit code 1)
 +- ServiceError   a Google service refused or did not answer                    (exit code 1)

Anything else that escapes is a defect of ours and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Intent2BatchError(Exception):
    """An error told in one message.

    Args:
        what: what happened, one sentence without a final stop.
        where: file:line, path, row, job or URI; empty where there is no place.
        fix: what the person can do next; empty only where nothing can be done.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}. {self.fix}".strip() if self.fix else f"{place}{self.what}"


class WrongUse(Intent2BatchError):  # noqa: N818 - reads as what it is
    """The command line or a parameter is wrong; nothing was started."""

    exit_code = 2


class InputError(Intent2BatchError):
    """What was given (an intent, a config, rows) cannot be used as it is."""


class WorkFailed(Intent2BatchError):  # noqa: N818 - reads as what it is
    """The remote work ran and failed, or was cancelled."""


class ServiceError(Intent2BatchError):
    """A Google service refused a call or did not answer in time."""


@contextmanager
def named_by_a_parameter() -> Iterator[None]:
    """A file that cannot be used, and that a parameter names, is wrong use of the parameter.

    Raises:
        WrongUse: in place of an InputError inside.
    """
    try:
        yield
    except InputError as error:
        raise WrongUse(error.what, where=error.where, fix=error.fix) from error
