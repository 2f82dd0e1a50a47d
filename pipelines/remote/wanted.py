"""What is asked of a platform: one run, checked before anything is sent."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.errors import WrongUse
from components.worker_image import WORKER_IMAGE
from pipelines import parameters
from pipelines.request import Request, check_intent, given_parameters

RUN_ID = re.compile(r"[a-z][a-z0-9-]{0,127}")  # of a PipelineJob, in its proto
LONGEST_STEM = 108  # leaves room for the time and some chance
# https://cloud.google.com/resource-manager/docs/labels-overview
LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
MOST_LABELS = 63  # of 64, one is ours
OUR_LABEL = "intent2batch-request"
ACCOUNT = re.compile(r"[a-z0-9-]{1,63}@[a-z0-9.-]+\.gserviceaccount\.com")
# Parameters whose value is a file or a folder, beside those that end in _uri.
FILES = ("source", "options")


@dataclass(frozen=True)
class Wanted:
    """One run.

    Args:
        run_id: names it; the same id never makes a second run.
        spec: the compiled pipeline.
        parameters: checked against the spec.
        root: the pipeline root, gs://bucket/folder; empty for the platform's own.
        template: the address in Artifact Registry that the spec is from, or empty.
        service_account: who runs the steps; the platform's default if empty.
        caching: False runs every step anew; True leaves it to the spec.
        labels: the person's own.
    """

    run_id: str
    spec: Mapping[str, Any]
    parameters: Mapping[str, Any]
    root: str = ""
    template: str = ""
    service_account: str = ""
    caching: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def pipeline(self) -> str:
        """The pipeline's name."""
        return str(self.spec["pipelineInfo"]["name"])

    @property
    def title(self) -> str:
        """The pipeline's name for people."""
        return str(self.spec["pipelineInfo"].get("displayName") or self.pipeline)

    @property
    def digest(self) -> str:
        """Tells apart what is asked for; it is how a run that is found proves to be this one."""
        asked = [self.spec, self.parameters, self.root, self.service_account, self.caching]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:40]

    @property
    def run_spec(self) -> dict[str, Any]:
        """The spec as it is sent."""
        spec: dict[str, Any] = json.loads(json.dumps(self.spec))
        if not self.caching:
            for component in (spec["root"], *spec.get("components", {}).values()):
                for task in component.get("dag", {}).get("tasks", {}).values():
                    task["cachingOptions"] = {"enableCache": False}
        return spec


def run_parameters(request: Request, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a run that is not on this machine.

    Raises:
        WrongUse: names, types or combinations that the pipeline does not take, or a file that the
            run could not read.
    """
    known = parameters.declared(spec)
    given = given_parameters(request, known)
    if {"intent", "intent_uri"} <= set(known):
        check_intent(given)
    if "source" in known and not str(given.get("source") or "").strip():
        raise WrongUse(
            "No source is named", fix="Name a CSV, XLSX or JSONL file, gs://bucket/file."
        )
    for name, value in given.items():
        if isinstance(value, str) and (name in FILES or name.endswith("_uri")):
            _check_reachable(name, value)
    return given


def _check_reachable(name: str, value: str) -> None:
    for line in value.splitlines():
        local = line.strip() and "://" not in line and not line.lstrip().startswith("{")
        if local and not (name == "options" and value.lstrip().startswith("{")):
            raise WrongUse(
                "The run cannot read files of this machine",
                where=f"parameter {name}: {parameters.short(line.strip())}",
                fix="Copy it to a bucket (gcloud storage cp FILE gs://BUCKET/FILE, or --upload "
                "FILE=gs://BUCKET/FILE) and name it as gs://BUCKET/FILE.",
            )


def check_images(spec: Mapping[str, Any], where: str) -> None:
    """Refuse a spec whose steps have no image that could be pulled.

    Raises:
        WrongUse: the spec holds the symbolic image.
    """
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    images = [executor.get("container", {}).get("image") for executor in executors.values()]
    if WORKER_IMAGE in images:
        raise WrongUse(
            "The steps have no image yet",
            where=where,
            fix="Pin and upload the specs: python compile.py --image NAME@sha256:… --upload "
            "https://REGION-kfp.pkg.dev/PROJECT/REPOSITORY, then give --template the address "
            "that it prints; or name dist/PIPELINE.yaml.",
        )


def run_id(text: str, pipeline: str, now: datetime.datetime, chance: str) -> str:
    """The id of a run: the one that the person gave, or a new one.

    Args:
        text: what the person gave, or empty.
        pipeline: the pipeline's name.
        now: becomes part of a new id.
        chance: four characters that no other run of this second has.

    Raises:
        WrongUse: the text cannot be an id.
    """
    if not text:
        return f"{pipeline[:LONGEST_STEM]}-{now:%Y%m%d%H%M%S}-{chance}"
    if not RUN_ID.fullmatch(text):
        raise WrongUse(
            f"'{text[:80]}' cannot be the id of a run",
            where="--run-id",
            fix="Use a-z, 0-9 and dashes, a letter first, at most 128.",
        )
    return text


def read_labels(words: Sequence[str]) -> dict[str, str]:
    """`KEY=VALUE` words as labels.

    Raises:
        WrongUse: one is not what Google Cloud takes as a label, or is ours.
    """
    labels: dict[str, str] = {}
    for word in words:
        key, separator, value = word.partition("=")
        fits = separator and LABEL_KEY.fullmatch(key) and LABEL_VALUE.fullmatch(value)
        if not fits or key == OUR_LABEL:
            raise WrongUse(
                f"'{word[:80]}' is not a label",
                where="--label",
                fix="Write KEY=VALUE in a-z, 0-9, _ and -, a letter first: --label team=night.",
            )
        labels[key] = value
    if len(labels) > MOST_LABELS:
        raise WrongUse(f"{len(labels)} labels; a run has at most {MOST_LABELS}", where="--label")
    return labels


def check_account(account: str) -> None:
    """Refuse what cannot be a service account.

    Raises:
        WrongUse: it is none.
    """
    if account and not ACCOUNT.fullmatch(account):
        raise WrongUse(
            f"'{account[:80]}' is not a service account",
            where="--service-account",
            fix="For example: runner@PROJECT.iam.gserviceaccount.com.",
        )
