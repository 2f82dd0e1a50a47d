"""Turns a pipeline into its spec: the same bytes each time, on every machine."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import yaml

from components.errors import WrongUse
from components.worker_image import WORKER_IMAGE
from pipelines.light_kfp import import_light_kfp
from pipelines.notification import mailing
from pipelines.spec_linter import PINNED_IMAGE

# Each is a function of that name (with underscores) in the module of that name.
PIPELINES = ("intent-to-batch", "batch-prediction")


def compiled(name: str, *, image: str = "", notify: Sequence[str] = ()) -> str:
    """The spec of a pipeline as one YAML document.

    kfp's comment header is left out: it prints defaults in random order. So is a document for
    Kubernetes alone, which no pipeline of ours has.

    Args:
        name: one of `PIPELINES`.
        image: the worker image as NAME@sha256:<digest>; the symbolic name if empty.
        notify: mail addresses that learn the outcome; such a spec runs on Vertex alone.

    Raises:
        WrongUse: there is no such pipeline, or the image carries no digest.
    """
    if name not in PIPELINES:
        raise WrongUse(
            f"There is no pipeline '{name}'", fix=f"Known pipelines: {', '.join(PIPELINES)}."
        )
    import_light_kfp()
    from google.protobuf import json_format

    function = name.replace("-", "_")
    pipeline = getattr(importlib.import_module(f"pipelines.{function}"), function)
    if notify:
        display_name = pipeline.pipeline_spec.pipeline_info.display_name
        pipeline = mailing(pipeline, display_name, notify)
    # What kfp.compiler writes into its file, but for the comments.
    spec = json_format.MessageToDict(pipeline.pipeline_spec)
    if image:
        pin(spec, image)
    return dump(spec)


def pin(spec: dict[str, Any], image: str) -> None:
    """Put an image with its digest into every step of a spec.

    Vertex keys its cache by the image's text: behind a moving tag it would serve stale results.

    Raises:
        WrongUse: the image carries no digest.
    """
    if not PINNED_IMAGE.fullmatch(image):
        raise WrongUse(
            f"'{image}' is not pinned",
            fix="Give NAME@sha256:<64 hex digits>; `docker push` prints the digest.",
        )
    for executor in spec["deploymentSpec"]["executors"].values():
        if executor.get("container", {}).get("image") == WORKER_IMAGE:
            executor["container"]["image"] = image


def dump(spec: dict[str, Any]) -> str:
    """The spec as YAML with sorted keys, the source of each step as readable lines."""
    return yaml.dump(spec, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """Anchors would hide what a step runs."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
