"""How services refuse what the command asks of them, whichever service it is."""

from __future__ import annotations

from components.errors import InputError, ServiceError

LOGIN = "gcloud auth application-default login"


class NotThereError(InputError):
    """What was asked for, or where it was asked for, is not there."""


class TakenError(InputError):
    """What was to be made is there already."""


class UnclearError(ServiceError):
    """No answer, or none that says whether it was done: the same call may be made again."""


def no_credentials() -> ServiceError:
    """There are none on this machine."""
    return ServiceError("There are no Google credentials on this machine", fix=f"Run: {LOGIN}.")


def expired() -> ServiceError:
    """There are some, and they are not taken any more."""
    return ServiceError(
        "Your Google credentials are not accepted; they have expired or were revoked",
        fix=f"Run: {LOGIN}.",
    )
