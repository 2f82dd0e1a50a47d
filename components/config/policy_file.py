"""Reads an organisation's policy file; a limit that is misspelt is an error, never left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from components.batch.locations import regions
from components.batch.policy import POLICY_FIELDS, Policy
from components.batch.rules.rule import shown
from components.config.source import Source, decode, read_source
from components.config.spans import Lines
from components.errors import InputError
from components.storage.files import read_bytes

_LISTS = (
    "regions",
    "machine_families",
    "image_prefixes",
    "boot_image_prefixes",
    "service_accounts",
)
_SWITCHES = ("external_ips", "instance_templates")
_COUNTS = ("max_tasks", "max_parallelism")


def read_policy(uri: str) -> Policy:
    """Read a policy file, local or gs://.

    Raises:
        InputError: it cannot be read, or is no policy; the message says where.
        ServiceError: the service that keeps it refused.
    """
    text, slip = decode(read_bytes(uri))
    if slip is not None:
        raise InputError(f"The policy cannot be read: {slip.message}", where=uri, fix=slip.fix)
    return policy_from(text, uri)


def policy_from(text: str, file: str) -> Policy:
    """The policy in a YAML or JSON text.

    Raises:
        InputError: it is no policy; the message says where.
    """
    source = read_source(text, file)
    errors = [finding for finding in source.findings if finding.severity == "error"]
    if errors:
        first = errors[0]
        where = f"{file}:{first.line}:{first.column}"
        raise InputError(f"The policy cannot be read: {first.message}", where=where, fix=first.fix)
    if not isinstance(source.value, Mapping):
        raise InputError(
            "The policy holds no limits",
            where=file,
            fix=f"Write one or more of {', '.join(POLICY_FIELDS)}, such as max_tasks: 1000.",
        )
    return Policy(**{str(name): _value(source, str(name)) for name in source.value})


def _value(source: Source, name: str) -> Any:
    """The value of one limit, in the type that it has in a policy."""
    value = source.value[name]
    if name not in POLICY_FIELDS:
        near = get_close_matches(re.sub(r"[^a-z]", "_", name.lower()), POLICY_FIELDS, 1, 0.6)
        fix = f"did you mean {near[0]}?" if near else f"the limits are {', '.join(POLICY_FIELDS)}"
        raise _refusal(source, name, f"a policy has no limit {shown(name)}", fix)
    if value is None:
        raise _refusal(source, name, f"{name} is empty", "give a value, or remove the line")
    if name in _LISTS:
        return _texts(source, name, value)
    if name in _SWITCHES:
        if not isinstance(value, bool):
            raise _refusal(source, name, f"{name} must be true or false", "write true or false")
        return value
    number = not isinstance(value, bool) and isinstance(value, int | float) and value >= 0
    if name in _COUNTS and not (number and isinstance(value, int) and value >= 1):
        raise _refusal(source, name, f"{name} must be a whole number from 1", "write digits only")
    if not number:
        raise _refusal(source, name, f"{name} must be a number, 0 or more", "write for example 50")
    return value


def _texts(source: Source, name: str, value: object) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(v, str) and v.strip() for v in listed):
        raise _refusal(source, name, f"{name} must be a list of texts", "write [a, b]")
    if name == "regions":
        for region in listed:
            if region not in regions():
                message = f"{shown(region)} is not a region that Batch serves"
                raise _refusal(source, name, message, "write for example europe-west4")
    return tuple(text.strip() for text in listed)


def _refusal(source: Source, name: str, message: str, fix: str) -> InputError:
    span = source.read.spans.get((name,)) if source.read else None
    start = max(0, span.key_start) if span else 0
    line, column = Lines(source.text).place(start)
    where = f"{source.file}:{line}:{column}"
    return InputError(f"The policy cannot be used: {message}", where=where, fix=fix)
