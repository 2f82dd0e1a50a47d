"""Azure Batch tasks (learn.microsoft.com/rest/api/batchservice/task/add)."""

from __future__ import annotations

from components.parse_intent.draft import Asked, Pair, Step
from components.parse_intent.offline.pasted.amounts import iso_seconds
from components.parse_intent.offline.pasted.docker_run import SWITCHES, arguments, docker_option
from components.parse_intent.offline.pasted.part import Part
from components.parse_intent.offline.pasted.shell_words import options, shell_words
from components.parse_intent.offline.pasted.tree import Node


def claims(root: Node) -> bool:
    """Whether this is a task of Azure Batch."""
    return bool(root.get("commandLine"))


def read(root: Node) -> Part:
    """A task as a partial draft."""
    part = Part()
    image = root.get("containerSettings", "imageName")
    line = root.get("commandLine")
    if image:
        step = Step(kind="container", image=image.asked())
        words, _ = shell_words(line.said())
        arguments(words, line.text, step)
        if step.commands is not None:
            step.commands.quote = line.quote
        given = root.get("containerSettings", "containerRunOptions")
        words, _ = shell_words(given.said())
        kept = [
            k for o in options(words, given.text, SWITCHES)[0] for k in docker_option(o, step, part)
        ]
        if kept:
            step.options = Asked(value=" ".join(kept), quote=given.quote)
    else:
        step = Step(kind="script", text=line.asked())
    for variable in root.get("environmentSettings").items:
        name, value = variable.get("name").said(), variable.get("value").said()
        step.env.append(Pair(name=name, value=value, quote=variable.quote))
    limit = root.get("constraints", "maxWallClockTime")
    seconds = iso_seconds(limit.said()) if limit else None
    if seconds is not None:
        part.put("max_run_s", seconds, limit.quote)
    retries = root.get("constraints", "maxTaskRetryCount")
    if retries and retries.whole() is not None:
        part.put("max_retries", int(retries.text), retries.quote)
    for key in ("id", "displayName", "userIdentity"):
        root.get(key).take()
    part.draft.steps.append(step)
    return part
