"""How services refuse what the command asks of them, whichever service it is."""

from __future__ import annotations

from components.errors import InputError, ServiceError


class NotThereError(InputError):
    """What was asked for, or where it was asked for, is not there."""


class TakenError(InputError):
    """What was to be made is there already."""


class UnclearError(ServiceError):
    """No answer, or none that says whether it was done: the same call may be made again."""
