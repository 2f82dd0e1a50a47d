"""138 configs of public repositories: no false alarm, no broken one missed."""

from __future__ import annotations

import copy
import csv
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import pytest
from google.protobuf import json_format

from components.config.check import Validated, validate_bytes
from components.config.fix import fix_text

BESIDE = Path(__file__).parents[3] / "shared" / "batch_configs"
FOLDER = Path(os.environ.get("BATCH_CONFIGS", BESIDE))

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the real configs are not at {FOLDER}: nothing to check"
)

# What parses and holds no blank, and is an error all the same; each was read.
REALLY_WRONG = {
    # broken on purpose, as input of a tool that mends: disk interface `test`
    "diviner524__intent-2-batch__fix_my_batch_job_prompt.md.2.json": {"DISK_IFACE"},
    # broken on purpose: two regions; and mounts a disk that the job does not have
    "diviner524__intent-2-batch__fix_my_batch_job_prompt.md.4.json": {"LOC_ONE_REGION", "VOL_DEV"},
    # the mended side of it still mounts that disk
    "diviner524__intent-2-batch__fix_my_batch_job_prompt.md.5.json": {"VOL_DEV"},
    # broken on purpose: a region that does not exist; the same disk
    "diviner524__intent-2-batch__job_to_fix@6623f756.json": {"LOC_FORM", "VOL_DEV"},
    # a program adds the runnables before it submits
    "populationgenomics__cuKING__batch_job@c62b0162.json": {"RUN_EMPTY"},
    # mounts at /secrets, which the image of container-only jobs has read-only
    "phenrickson__bgg_models__gcp_setup.md@398c5054.json": {"VOL_COS"},
    # CentOS images ended in 2024
    "GoogleCloudPlatform__batch-samples__wrf__README.md.yaml": {"BD_EOL"},
}


@lru_cache(maxsize=1)
def index() -> list[dict[str, str]]:
    """The rows of the index; none where the folder is absent."""
    if not FOLDER.is_dir():
        return []
    with (FOLDER / "index.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@lru_cache(maxsize=256)
def checked(file: str) -> Validated:
    return validate_bytes((FOLDER / file).read_bytes(), file)


def parses_strictly(job: Mapping[str, object]) -> bool:
    from google.cloud import batch_v1

    try:
        json_format.ParseDict(copy.deepcopy(dict(job)), batch_v1.Job.pb(batch_v1.Job()))
    except (json_format.ParseError, ValueError, TypeError, AttributeError):
        return False
    return True


def files(strict_ok: str) -> list[str]:
    return [row["file"] for row in index() if row["strict_ok"] == strict_ok]


def test_the_configs_are_there() -> None:
    assert len(index()) == 138


@pytest.mark.parametrize("file", files("yes"))
def test_what_parses_strictly_has_no_error_but_blanks_and_what_is_really_wrong(file: str) -> None:
    rules = {f.rule for f in checked(file).errors}

    assert rules - {"PLACEHOLDER"} == REALLY_WRONG.get(file, set())


@pytest.mark.parametrize("file", files("no"))
def test_what_does_not_parse_strictly_has_an_error(file: str) -> None:
    assert checked(file).errors


@pytest.mark.parametrize("row", [r for r in index() if "does not parse" in r["strict_error"]])
def test_what_is_no_json_is_told_with_the_parsers_words(row: dict[str, str]) -> None:
    # Comments and commas are told where they stand, the parser's words after them.
    place = re.search(r"line (\d+) column (\d+)", row["strict_error"])
    said = row["strict_error"].removeprefix("does not parse: ").split(": line")[0]

    errors = checked(row["file"]).errors

    assert place is not None
    assert any(said in f.message and place[0] in f.message for f in errors)
    assert min(abs(f.line - int(place[1])) for f in errors) <= 1


@pytest.mark.parametrize("file", [row["file"] for row in index()])
def test_no_errors_means_that_it_parses_strictly(file: str) -> None:
    validated = checked(file)

    assert validated.errors or (validated.job is not None and parses_strictly(validated.job))


@pytest.mark.parametrize("file", files("no"))
def test_mending_makes_none_worse(file: str) -> None:
    text = (FOLDER / file).read_text(encoding="utf-8")

    fixed = fix_text(text, file)

    after = validate_bytes(fixed.text.encode(), file)
    assert len(after.errors) <= len(checked(file).errors)
    assert fix_text(fixed.text, file).changes == []


def named_field(strict_error: str) -> str:
    """The field that the strict parser complains of: the last that it names."""
    unknown = re.findall(r'has no field named "(\w+)"', strict_error)
    nested = re.findall(r"Failed to parse (\w+) field", strict_error)
    return (unknown or nested)[-1]


@pytest.mark.parametrize("row", [r for r in index() if r["strict_error"].startswith(("F", "M"))])
def test_the_field_that_the_parser_refuses_is_told_at_its_line(row: dict[str, str]) -> None:
    field = named_field(row["strict_error"])
    lines = (FOLDER / row["file"]).read_text(encoding="utf-8").splitlines()

    told = [f for f in checked(row["file"]).errors if last_name(f.path) == camel(field)]

    assert told
    assert any(re.search(rf"\b{field}\b", lines[f.line - 1]) for f in told)
    assert all(f.message and f.fix for f in told)


def last_name(path: str) -> str:
    """The last field of a path: `a.b[0]` is `b`."""
    return camel(re.sub(r"\[\d+\]", "", path).rsplit(".", 1)[-1])


def camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def mended(file: str) -> Validated:
    text = (FOLDER / file).read_text(encoding="utf-8")
    return validate_bytes(fix_text(text, file).text.encode(), file)


def test_what_is_broken_is_mended_to_what_parses_where_no_value_is_missing() -> None:
    parsed, blank = 0, 0
    for file in files("no"):
        after = mended(file)
        good = after.job is not None and parses_strictly(after.job)
        parsed += good
        blank += not good and any("blank" in f.message for f in after.errors)

    assert (len(files("no")), parsed) == (66, 24)
    assert blank == 40  # only their owner knows the numbers that belong there
