"""Writes `data/job_fields.json`, the field tree of a Batch v1 Job, from the client's own types.

Checking a job must not import Google's client (its import alone takes longer than all the
checking), so the tree is kept as data. A test holds the data equal to what this module reads.
Run `python -m components.batch.schema_source` after a change of the google-cloud-batch version.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA_FILE = Path(__file__).parent / "data" / "job_fields.json"

_PREFIXES = ("google.cloud.batch.v1.", "google.cloud.batch.v1alpha.")
_KINDS = {1: "double", 3: "int64", 5: "int32", 8: "bool", 9: "string"}
_WELL_KNOWN = {"google.protobuf.Duration": "duration", "google.protobuf.Timestamp": "timestamp"}


def describe() -> dict[str, Any]:
    """The tree: messages with their fields, enums with their numbers, fields only in v1alpha."""
    from google.cloud import batch_v1, batch_v1alpha

    messages: dict[str, Any] = {}
    enums: dict[str, Any] = {}
    _collect(batch_v1.Job.pb(batch_v1.Job()).DESCRIPTOR, messages, enums)
    alpha: dict[str, Any] = {}
    _collect(batch_v1alpha.Job.pb(batch_v1alpha.Job()).DESCRIPTOR, alpha, {})
    known = {name: {f["name"] for f in fields} for name, fields in messages.items()}
    return {
        "source": "google-cloud-batch",
        "version": batch_v1.__version__,
        "messages": messages,
        "enums": enums,
        "alpha_only": {
            name: sorted({f["name"] for f in fields} - known[name])
            for name, fields in alpha.items()
            if name in known and {f["name"] for f in fields} - known[name]
        },
    }


def _collect(message: Any, messages: dict[str, Any], enums: dict[str, Any]) -> None:
    name = _short(message.full_name)
    if name in messages:
        return
    messages[name] = []
    messages[name] = [_field(field, messages, enums) for field in message.fields]


def _field(field: Any, messages: dict[str, Any], enums: dict[str, Any]) -> dict[str, str]:
    described = {"name": field.json_name, "snake": field.name}
    value = field
    if field.message_type and field.message_type.GetOptions().map_entry:
        described["many"] = "map"
        value = field.message_type.fields_by_name["value"]
    elif field.is_repeated:
        described["many"] = "list"
    described |= _kind(value, messages, enums)
    if field.containing_oneof and not field.containing_oneof.name.startswith("_"):
        described["oneof"] = field.containing_oneof.name
    return described


def _kind(value: Any, messages: dict[str, Any], enums: dict[str, Any]) -> dict[str, str]:
    if value.enum_type:
        of = _short(value.enum_type.full_name)
        enums[of] = {v.name: v.number for v in value.enum_type.values}
        return {"kind": "enum", "of": of}
    if value.message_type:
        if value.message_type.full_name in _WELL_KNOWN:
            return {"kind": _WELL_KNOWN[value.message_type.full_name]}
        _collect(value.message_type, messages, enums)
        return {"kind": "message", "of": _short(value.message_type.full_name)}
    return {"kind": _KINDS[value.type]}


def _short(full_name: str) -> str:
    for prefix in _PREFIXES:
        full_name = full_name.removeprefix(prefix)
    return full_name


def main() -> None:
    """Write the data file."""
    DATA_FILE.write_text(json.dumps(describe(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
