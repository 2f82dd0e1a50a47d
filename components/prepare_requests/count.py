"""Tokens that the service counts for a sample of the requests, to measure the estimate by."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from components.errors import ServiceError
from components.gemini.vertex import NoAnswerError, checked_base, patiently, vertex
from components.prepare_requests.plan import Usage
from components.project import project_here

Counter = Callable[[str, Mapping[str, Any]], int]
"""Takes a model and a request; gives the tokens of the request."""

ATTEMPTS = 3  # the estimate does without
_COUNTED = ("contents", "systemInstruction", "tools")


def counter_for(project: str, location: str) -> Counter:
    """A counter for a project, by default the one that this process runs in.

    Raises:
        WrongUse: no project is known, or there can be no such location.
    """
    return service_counter(project or project_here(), location)


def service_counter(
    project: str, location: str, pause: Callable[[float], None] = time.sleep
) -> Counter:
    """A counter that asks `countTokens`, which costs nothing.

    Args:
        project: the project that asks.
        location: where the models are asked.
        pause: waits so many seconds.

    Raises:
        WrongUse: project or location cannot be one.
    """
    checked_base(project, location)
    connection = functools.cache(lambda: vertex(project, location))

    def counted(model: str, request: Mapping[str, Any]) -> int:
        service = connection()
        body = {name: request[name] for name in _COUNTED if name in request}
        call = f"{service.of_model(model)}:countTokens"
        try:
            told = patiently(
                lambda: service.call("POST", call, body, timeout_s=60), pause, ATTEMPTS
            )
        except NoAnswerError as error:
            where = f"{model} in {project}, {location}"
            raise ServiceError(f"Cannot count tokens: {error}", where=where) from error
        return int(told.get("totalTokens", 0))

    return counted


def measure(usage: Mapping[str, Usage], count: Counter) -> tuple[int, str]:
    """Count the sampled requests of each model and correct the estimate in proportion.

    Returns:
        How many requests were counted, and why no more; empty where all were.
    """
    done = 0
    for model, used in usage.items():
        counted, assumed = 0, 0.0
        for body, guess in used.sample:
            try:
                counted += count(model, orjson.loads(body))
            except (ServiceError, ValueError) as error:
                return done, str(error)
            assumed += guess
            done += 1
        if counted and assumed:
            used.factor = counted / assumed
    return done, ""
