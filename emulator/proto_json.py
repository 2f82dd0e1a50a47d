"""Objects of a request as proto JSON has them: names in camelCase or snake_case, null for unset."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.messages import ApiError

_SNAKE = re.compile(r"_([a-z])")


def named(body: Mapping[str, Any], known: set[str], place: str) -> dict[str, Any]:
    """The object with camelCase names, all of them known, without nulls.

    Args:
        body: the object.
        known: the names that it may have, in camelCase.
        place: where it stands, for the error; "" for the request itself.

    Raises:
        ApiError: 400 for a name that is not known.
    """
    found: dict[str, Any] = {}
    for name, value in body.items():
        camel = _SNAKE.sub(lambda m: m[1].upper(), name)
        if camel not in known:
            at = f" at '{place}'" if place else ""
            said = f'Unknown name "{name[:200]}"{at}: Cannot find field.'
            raise ApiError(400, "INVALID_ARGUMENT", f"Invalid JSON payload received. {said}")
        if value is not None:  # proto JSON: null is a field that is not set
            found[camel] = value
    return found
