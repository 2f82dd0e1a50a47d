"""Which findings can be mended safely, and how: one small function for each rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from components.batch.durations import meant_seconds, written
from components.batch.findings import Finding, Path, path_parts
from components.batch.rules.accelerators import accelerator_named
from components.batch.rules.job import label_slug
from components.batch.rules.names import nearest_field, nearest_word
from components.batch.rules.placement import meant_place
from components.batch.rules.rule import shown
from components.batch.schema import Field, fields_by_any_name, schema
from components.config.edits import Mend, Place
from components.config.source import Source, written_path

Mender = Callable[[Place, Finding], Mend | None]


def mend_for(finding: Finding, source: Source, names: Mapping[Path, str]) -> Mend | None:
    """The mend for a finding; None where there is no safe one."""
    mender = _MENDERS.get(finding.rule)
    if mender is None or source.read is None:
        return None
    path = written_path(source.read, path_parts(finding.path), names)
    if path is None:
        return None
    place = Place(source.text, source.read, path)
    if place.is_alias:
        return None
    return mender(place, finding)


def _new_value(place: Place, value: object) -> Mend | None:
    if value == place.value or place.is_block_text:
        return None
    edit = place.replaced(value)
    what = f"{shown(place.written)} is now {shown(edit.text)}"
    return Mend(what, (edit,), place.value, value)


def field_at(path: Path) -> Field | None:
    """The field of the tree that stands at a path of the job, names as written."""
    message, field = "Job", None
    for part in path:
        if isinstance(part, int) or (field is not None and field.many == "map"):
            continue
        if not message:
            return None
        field = fields_by_any_name(message).get(part) or nearest_field(part, message)
        if field is None:
            return None
        message = field.of if field.kind == "message" else ""
    return field


def message_at(path: Path) -> str:
    """The message that stands at a path; empty where there is none."""
    if not path:
        return "Job"
    field = field_at(path)
    return field.of if field is not None and field.kind == "message" else ""


def _unknown_name(place: Place, finding: Finding) -> Mend | None:
    name, parent = str(place.path[-1]), place.path[:-1]
    message = message_at(parent)
    near = nearest_field(name, message) if message else None
    siblings = Place(place.text, place.read, parent).value
    if near is None or near.name in siblings or near.snake in siblings:
        return None
    new = near.snake if "_" in name else near.name
    return Mend(f"{shown(name)} is now named {shown(new)}", (place.renamed(new),), name, new)


def _list_shape(place: Place, finding: Finding) -> Mend | None:
    if "must be a list" not in finding.message:
        return None
    edits = place.in_list()
    return Mend("put it into a list", edits, place.value, [place.value]) if edits else None


def _text_type(place: Place, finding: Finding) -> Mend | None:
    """Numbers and words where a text is needed, and the other way round."""
    value = place.value
    if "must be a text" in finding.message and isinstance(value, int | float):
        plain = place.read.plain.get(place.path)
        if plain is None:
            plain = place.written
        return _new_value(place, plain)
    if "must be true or false" in finding.message and isinstance(value, str):
        meant = {"true": True, "false": False}.get(value.lower())
        return None if meant is None else _new_value(place, meant)
    return None


def _yaml_word(place: Place, finding: Finding) -> Mend | None:
    word = place.read.plain.get(place.path)
    if word is None or finding.severity != "error":
        return None
    return _new_value(place, word)


def _enum_word(place: Place, finding: Finding) -> Mend | None:
    field = field_at(place.path)
    if field is None or field.kind != "enum" or not isinstance(place.value, str):
        return None
    near = nearest_word(place.value, [w for w, n in schema().enums[field.of].items() if n])
    return _new_value(place, near) if near else None


def _duration(place: Place, finding: Finding) -> Mend | None:
    meant = meant_seconds(place.value)
    return None if meant is None else _new_value(place, written(meant))


def _label(place: Place, finding: Finding) -> Mend | None:
    """Upper case to lower case; other letters are the owner's to change."""
    key = str(place.path[-1])
    labels = Place(place.text, place.read, place.path[:-1]).value
    if finding.message.startswith("label key"):
        if label_slug(key, "") != key.lower() or key.lower() in labels:
            return None
        lower = key.lower()
        return Mend(f"{shown(key)} is now {shown(lower)}", (place.renamed(lower),), key, lower)
    value = str(place.value)
    return _new_value(place, value.lower()) if label_slug(value, "") == value.lower() else None


def _mount_path(place: Place, finding: Finding) -> Mend | None:
    if "ends with /" not in finding.message:
        return None
    return _new_value(place, str(place.value).rstrip("/"))


def _bucket(place: Place, finding: Finding) -> Mend | None:
    value = str(place.value)
    bare = value.removeprefix("gs://").lstrip("/")
    return _new_value(place, bare) if bare and bare != value else None


def _gpu(place: Place, finding: Finding) -> Mend | None:
    meant = accelerator_named(str(place.value))
    return _new_value(place, meant) if meant and "k80" not in meant else None


def _location(place: Place, finding: Finding) -> Mend | None:
    meant = meant_place(str(place.value))
    return _new_value(place, meant) if meant else None


def _image(place: Place, finding: Finding) -> Mend | None:
    bare = re.sub(r"\A(?:https?|docker|oci)://", "", str(place.value))
    return _new_value(place, bare) if bare != place.value else None


def _interface(place: Place, finding: Finding) -> Mend | None:
    meant = {"nvme": "NVMe", "scsi": "SCSI"}.get(str(place.value).lower())
    return _new_value(place, meant) if meant else None


def _disk_type(place: Place, finding: Finding) -> Mend | None:
    folded = str(place.value).strip().lower().replace("_", "-")
    return _new_value(place, folded) if folded.startswith(("pd-", "hyperdisk-")) else None


def _shebang(place: Place, finding: Finding) -> Mend | None:
    return _new_value(place, str(place.value).lstrip())


def _line_breaks(place: Place, finding: Finding) -> Mend | None:
    if place.read.form != "json" or not isinstance(place.value, str):
        return None
    edit = place.replaced(place.value)
    return Mend("wrote line breaks and tabs as \\n and \\t", (edit,), place.written, edit.text)


def _output_only(place: Place, finding: Finding) -> Mend | None:
    edit = place.removed()
    return Mend(f"removed {shown(place.path[-1])}", (edit,), place.value) if edit else None


_MENDERS: dict[str, Mender] = {
    "ACC_TYPE": _gpu,
    "BD_TYPE": _disk_type,
    "CTR_IMAGE": _image,
    "DISK_IFACE": _interface,
    "LABEL_KEY": _label,
    "LOC_FORM": _location,
    "OUTPUT_ONLY": _output_only,
    "PARSE_ENUM": _enum_word,
    "PARSE_SHAPE": _list_shape,
    "PARSE_SYNTAX": _line_breaks,
    "PARSE_TYPE": _text_type,
    "PARSE_UNKNOWN": _unknown_name,
    "PARSE_YAML_TRAP": _yaml_word,
    "PM_ENUM": _enum_word,
    "LP_ACTION": _enum_word,
    "SCRIPT_SHEBANG_POS": _shebang,
    "TIMEOUT_FMT": _duration,
    "VOL_GCS": _bucket,
    "VOL_PATH": _mount_path,
}
