"""Who may call the Vertex stand-in: whoever brings a token, whatever it is."""

from __future__ import annotations

from emulator.http import ApiError, Request


def check_caller(request: Request) -> None:
    """Raise where there is no bearer token."""
    kind, _, credential = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not credential.strip():
        raise ApiError(
            401,
            "UNAUTHENTICATED",
            "Request is missing required authentication credential. Expected OAuth 2 access token.",
        )
