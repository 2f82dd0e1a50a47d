"""The `status` of an output row: whether it says that the row was answered."""

from __future__ import annotations

from typing import Any

_FINE = frozenset({"", "OK", "SUCCESS", "SUCCEEDED"})


def is_fine(status: Any) -> bool:
    """Whether the row was answered.

    The service writes an empty text (seen in 2024-11 and 2025-12); a word for success and a
    google.rpc.Status of code 0 can mean nothing else.
    """
    if isinstance(status, str):
        return status.upper() in _FINE
    return not status or (isinstance(status, dict) and status.get("code") == 0)
