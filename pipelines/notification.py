"""The variant of a pipeline that mails its outcome, which Vertex AI Pipelines alone can do.

Google's step for that (VertexNotificationEmailOp) is no program that runs: Vertex reads its name
and sends the mail itself. Elsewhere it fails, so it is in no spec unless recipients are given. They
are part of the spec, because Vertex takes them from no parameter (kubeflow/pipelines issue 12204).
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from components.errors import WrongUse

# https://cloud.google.com/vertex-ai/docs/pipelines/email-notifications
MOST_RECIPIENTS = 3
LONGEST_ADDRESS = 254
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")
MAIL_TYPE = "VertexNotificationEmail"
MAIL_IMAGE = "gcr.io/ml-pipeline/google-cloud-pipeline-components:"


def recipients(words: Sequence[str]) -> tuple[str, ...]:
    """The addresses in the words, which may each hold several with commas between.

    Raises:
        WrongUse: there is none, one is no address or stands twice, or there are too many.
    """
    addresses = tuple(part.strip() for word in words for part in word.split(",") if part.strip())
    if not addresses:
        raise WrongUse("Nobody is named who gets the mail", where="--notify")
    for address in addresses:
        if len(address) > LONGEST_ADDRESS or not ADDRESS.fullmatch(address):
            raise WrongUse(
                f"'{address[:80]}' is not a mail address",
                where="--notify",
                fix="For example: --notify team@example.com,me@example.com.",
            )
    if len({address.casefold() for address in addresses}) < len(addresses):
        raise WrongUse("An address stands twice", where="--notify")
    if len(addresses) > MOST_RECIPIENTS:
        raise WrongUse(
            f"{len(addresses)} recipients; Vertex mails at most {MOST_RECIPIENTS}",
            where="--notify",
            fix="Give the address of a group.",
        )
    return addresses


def mailing(pipeline: Any, display_name: str, addresses: Sequence[str]) -> Any:
    """A pipeline that runs the given one and then mails how it ended.

    The given one keeps its own exit task inside: kfp refuses an exit handler within another in the
    same pipeline, and the mail should go out after the report is written.

    Args:
        pipeline: what `dsl.pipeline` makes.
        display_name: the name of the whole in the console.
        addresses: checked by `recipients`.
    """
    from google_cloud_pipeline_components.v1.vertex_notification_email import (
        VertexNotificationEmailOp,
    )
    from kfp import dsl

    inner: Callable[..., None] = pipeline.pipeline_func
    names = list(inspect.signature(inner).parameters)

    @functools.wraps(inner)
    def outer(*values: Any) -> None:
        mail = VertexNotificationEmailOp(recipients=list(addresses))
        mail.set_display_name("Mail the outcome").set_caching_options(False)
        with dsl.ExitHandler(mail, name="Run, then mail"):
            run = pipeline(**dict(zip(names, values, strict=True)))
            run.set_display_name(display_name).set_caching_options(False)

    return dsl.pipeline(name=pipeline.name, display_name=display_name)(outer)


def is_mail(container: Mapping[str, Any]) -> bool:
    """Whether a container of a spec stands for Vertex's mail."""
    return MAIL_TYPE in container.get("args", []) and str(container.get("image", "")).startswith(
        MAIL_IMAGE
    )


def mails(spec: Mapping[str, Any]) -> bool:
    """Whether a spec holds a step that mails."""
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    return any(is_mail(executor.get("container", {})) for executor in executors.values())


def without_mail(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The spec without the executors that stand for Vertex's mail: rules are for programs."""
    deployment = spec.get("deploymentSpec", {})
    kept = {
        label: executor
        for label, executor in deployment.get("executors", {}).items()
        if not is_mail(executor.get("container", {}))
    }
    gone = deployment.get("executors", {}).keys() - kept.keys()
    components = {
        name: {key: value for key, value in component.items() if key != "executorLabel"}
        if component.get("executorLabel") in gone
        else component
        for name, component in spec.get("components", {}).items()
    }
    return {**spec, "components": components, "deploymentSpec": {**deployment, "executors": kept}}
