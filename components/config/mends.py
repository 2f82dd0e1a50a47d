"""Which findings can be mended safely, and how: one small function for each rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from components.batch.amounts import amount_named
from components.batch.durations import meant_seconds, written
from components.batch.findings import Finding, Path, path_parts
from components.batch.rules.accelerators import accelerator_named
from components.batch.rules.job import label_slug
from components.batch.rules.names import nearest_field, nearest_word
from components.batch.rules.placement import meant_place
from components.batch.rules.rule import shown
from components.batch.schema import Field, fields_by_any_name, schema
from components.config.edits import Edit, Mend, Place
from components.config.moves import home_of, moved
from components.config.source import Source, written_path

Mender = Callable[[Place, Finding], Mend | None]


# Mends that rest on what other fields say, so these must have been read as they were meant.
NEED_THE_WHOLE_JOB = frozenset({"PAR_GT_TC"})


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
    if near is None and message:
        home = home_of(name, place.path, message_at)
        return moved(place, *home) if home else None
    siblings = Place(place.text, place.read, parent).value
    if near is None or near.name in siblings or near.snake in siblings:
        return None
    fields = schema().messages[message]
    if any(n != name and n not in fields and nearest_field(n, message) == near for n in siblings):
        return None  # two names for one field
    new = near.snake if "_" in name else near.name
    counted = amount_named(name, near.name, place.value)
    if counted is None or counted == place.value:
        return Mend(f"{shown(name)} is now named {shown(new)}", (place.renamed(new),), name, new)
    what = f"`{name}: {place.written}` is now `{new}: {counted}`"
    return Mend(what, (place.renamed(new), place.replaced(counted)), name, new)


# Fields whose entries people write into one text, parted by commas or spaces.
_PARTED = frozenset({"tags", "allowedLocations", "scopes", "exitCodes"})


def _list_shape(place: Place, finding: Finding) -> Mend | None:
    """One value where a list is needed, and a list of one where a value is."""
    field = field_at(place.path)
    if "must be a list" in finding.message:
        parts = _parts(field, place.value)
        if len(parts) > 1:
            edits: tuple[Edit, ...] = (place.replaced(parts),)
            return Mend("put its parts into a list", edits, place.value, parts)
        edits = place.in_list()
        return Mend("put it into a list", edits, place.value, [place.value]) if edits else None
    one = isinstance(place.value, list) and len(place.value) == 1
    if one and field is not None and _fits(field, place.value[0]):
        edits = place.out_of_list()
        what = "took it out of its list"
        return Mend(what, edits, place.value, place.value[0]) if edits else None
    return None


def _parts(field: Field | None, value: object) -> list[str | int]:
    """The entries that a text holds, of a field that people write so; none where one is unclear."""
    if field is None or field.name not in _PARTED or not isinstance(value, str):
        return []
    words = [word for word in re.split(r"[\s,;|]+", value.strip("[] ")) if word]
    if field.kind == "string":
        return [word.strip("\"'") for word in words]
    return [int(word) for word in words] if all(map(str.isdecimal, words)) else []


def _fits(field: Field, value: object) -> bool:
    """Whether the one entry of a list can be what the field holds."""
    if field.many == "list":
        return False
    if field.many == "map":
        return isinstance(value, dict) and not {"name", "key"} & value.keys()
    if field.kind != "message":
        return not isinstance(value, dict | list)
    return isinstance(value, dict) and all(nearest_field(str(key), field.of) for key in value)


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
    """Remove the blank lines before the line #!."""
    edit = place.text_from(len(str(place.value)) - len(str(place.value).lstrip()))
    what, text = "made the line #! the first", str(place.value)
    return Mend(what, (edit,), text, text.lstrip()) if edit else None


def _bash(place: Place, finding: Finding) -> Mend | None:
    """Name the shell that the script is written for; its commands stay."""
    edit = place.text_after_line("#!/bin/bash")
    what, text = "put #!/bin/bash before the script", str(place.value)
    return Mend(what, (edit,), text, f"#!/bin/bash\n{text}") if edit else None


def _written_as_json(place: Place, finding: Finding) -> Mend | None:
    """Line breaks and tabs inside quotes; words that need quotes, or are spelt as in Python."""
    if place.read.form != "json" or isinstance(place.value, dict | list):
        return None
    edit = place.replaced(place.value)
    if place.written[:1] == '"':
        what = "wrote line breaks and tabs as \\n and \\t"
    else:
        what = f"{shown(place.written)} is now {shown(edit.text)}"
    return Mend(what, (edit,), place.written, edit.text)


def _number_told(place: Place, finding: Finding) -> Mend | None:
    """The number that the finding names."""
    told = re.match(r"use ([0-9]{1,9})\Z", finding.fix)
    return _new_value(place, int(told[1])) if told else None


def _parallelism(place: Place, finding: Finding) -> Mend | None:
    """No more tasks run at once than there are; where no count is given it may be the mistake."""
    siblings = Place(place.text, place.read, place.path[:-1]).value
    counted = "taskCount" in siblings or "task_count" in siblings
    return _number_told(place, finding) if counted else None


def _same_field_twice(place: Place, finding: Finding) -> Mend | None:
    """Remove one of two spellings of a field where both have one value."""
    parent, name = place.path[:-1], str(place.path[-1])
    siblings = Place(place.text, place.read, parent).value
    field = fields_by_any_name(message_at(parent)).get(name) if message_at(parent) else None
    if field is None or siblings.get(field.name) != siblings.get(field.snake):
        return None
    return _output_only(Place(place.text, place.read, (*parent, field.snake)), finding)


def _says_nothing(place: Place, finding: Finding) -> Mend | None:
    """Remove a word that is the same as leaving the field out."""
    return _output_only(place, finding) if finding.severity == "warning" else None


def _environments(place: Place, finding: Finding) -> Mend | None:
    """`environments` becomes `environment.variables`, which replaced it."""
    siblings = Place(place.text, place.read, place.path[:-1]).value
    edits = place.wrapped("variables") if "environment" not in siblings else ()
    if not edits:
        return None
    what = "`environments` is now `environment` with `variables`"
    new = {"variables": place.value}
    return Mend(what, (place.renamed("environment"), *edits), place.value, new)


def _drivers(place: Place, finding: Finding) -> Mend | None:
    """`installGpuDrivers` moves from the GPU to the instance, where it is read now."""
    instance = place.path[: place.path.index("policy")] if "policy" in place.path else None
    if instance is None:
        return None
    there = Place(place.text, place.read, instance).value
    given = there.get("installGpuDrivers", there.get("install_gpu_drivers"))
    if given is not None:
        return _output_only(place, finding) if given == place.value else None
    return moved(place, instance, ())


def _output_only(place: Place, finding: Finding) -> Mend | None:
    edit = place.removed()
    return Mend(f"removed {shown(place.path[-1])}", (edit,), place.value) if edit else None


_MENDERS: dict[str, Mender] = {
    "ACC_DRV_OLD": _drivers,
    "ACC_TYPE": _gpu,
    "BD_TYPE": _disk_type,
    "CTR_IMAGE": _image,
    "DISK_IFACE": _interface,
    "ENV_DEPRECATED": _environments,
    "LABEL_KEY": _label,
    "LOC_FORM": _location,
    "LSSD_SIZE": _number_told,
    "OUTPUT_ONLY": _output_only,
    "PARSE_CASE_DUP": _same_field_twice,
    "PARSE_ENUM": _enum_word,
    "PARSE_ENUM_NUM": _says_nothing,
    "PARSE_SHAPE": _list_shape,
    "PARSE_SYNTAX": _written_as_json,
    "PARSE_TYPE": _text_type,
    "PARSE_UNKNOWN": _unknown_name,
    "PARSE_YAML_TRAP": _yaml_word,
    "PM_ENUM": _enum_word,
    "LP_ACTION": _enum_word,
    "PAR_GT_TC": _parallelism,
    "SCRIPT_SHEBANG_POS": _shebang,
    "SCRIPT_SHELL": _bash,
    "TIMEOUT_FMT": _duration,
    "VOL_GCS": _bucket,
    "VOL_PATH": _mount_path,
}

# What --fix may mend; the text itself, comments and Markdown around it, is mended in fix.py.
MENDED_RULES = frozenset(_MENDERS) | {"PARSE_FENCE", "PARSE_COMMENT"}
