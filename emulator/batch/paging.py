"""Pages of lists, by a token that names the last thing shown."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from emulator.http import ApiError


def page_size(query: Mapping[str, Any], default: int, most: int) -> int:
    """How many things the caller wants at most.

    Raises:
        ApiError: 400 for what is no such number.
    """
    try:
        size = int(query.get("pageSize", 0))
    except (TypeError, ValueError):
        size = -1
    if size < 0:
        raise ApiError(400, "INVALID_ARGUMENT", "page_size must be a number, and not negative.")
    return min(size or default, most)


def token(last: object) -> str:
    """The token of the page that begins after this."""
    return base64.urlsafe_b64encode(json.dumps(last).encode()).decode()


def after(query: Mapping[str, Any]) -> Any:
    """What the token names, or None for the first page.

    Raises:
        ApiError: 400 for a token that is none of ours.
    """
    text = query.get("pageToken", "")
    if not text:
        return None
    try:
        return json.loads(base64.urlsafe_b64decode(text))
    except (TypeError, ValueError, binascii.Error) as error:
        raise ApiError(400, "INVALID_ARGUMENT", "page_token is not valid.") from error
