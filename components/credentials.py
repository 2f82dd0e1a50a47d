"""What is told to a person whose Google credentials do not work."""

from __future__ import annotations

import os

from components.errors import ServiceError

LOGIN = "gcloud auth application-default login"


def no_credentials() -> ServiceError:
    """There are none on this machine, or not where the environment says."""
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
    if named:
        fix = f"Name a key file there, or unset it. Run: {LOGIN}."
        return ServiceError("GOOGLE_APPLICATION_CREDENTIALS is of no use", where=named, fix=fix)
    return ServiceError("There are no Google credentials on this machine", fix=f"Run: {LOGIN}.")


def only_away(error: Exception) -> bool:
    """Whether a token could only not be fetched, so that the same call may work in a while.

    On machines of Google, google-auth tells of a metadata server that does not answer as of
    credentials that are refused; only the cause says which (compute_engine.credentials 2.62).
    """
    from google.auth.exceptions import GoogleAuthError, TransportError

    return isinstance(error, GoogleAuthError) and (
        error.retryable
        or isinstance(error, TransportError)
        or isinstance(error.__cause__, TransportError)
    )


def expired() -> ServiceError:
    """There are some, and they are not taken any more."""
    return ServiceError(
        "Your Google credentials are not accepted; they have expired or were revoked",
        fix=f"Run: {LOGIN}.",
    )
