"""The v1 protos as the judge of what a job may hold, and as its printer.

google-cloud-batch takes a quarter of a second to import, so it is imported at the first need.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.http import ApiError


def parse_job(body: Mapping[str, Any]) -> dict[str, Any]:
    """The job in the one form in which the protos print it: camelCase, names of enums.

    Raises:
        ApiError: an unknown field, a wrong type or two members of a oneof; worded as the service
            words it where that is known.
    """
    from google.protobuf import json_format

    try:
        message = json_format.ParseDict(dict(body), _new_job())
    except json_format.ParseError as error:
        raise ApiError(400, "INVALID_ARGUMENT", _reworded(str(error))) from error
    job: dict[str, Any] = json_format.MessageToDict(message)
    return job


def with_numbers(job: Mapping[str, Any]) -> dict[str, Any]:
    """The same job, with enums as numbers."""
    from google.protobuf import json_format

    message = json_format.ParseDict(dict(job), _new_job())
    numbers: dict[str, Any] = json_format.MessageToDict(message, use_integers_for_enums=True)
    return numbers


def warm_up() -> None:
    """Import what the first create call needs."""
    _new_job()


def _new_job() -> Any:
    from google.cloud.batch_v1.types import Job

    return Job.pb()()


def _reworded(text: str) -> str:
    """The complaint of protobuf, as the service would say it (nextflow #3051)."""
    found = re.search(r'has no field named "([^"]*)" at "([^"]*)"', text)
    if not found:
        return f"Invalid JSON payload received. {text}"
    place = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", found[2]).lower()
    return (
        f"Invalid JSON payload received. Unknown name \"{found[1]}\" at '{place}': "
        "Cannot find field."
    )
