"""Tokens that the service counts for a sample of the requests, to measure the estimate by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from components.errors import ServiceError
from components.gemini.client import Retry, gemini_client, retried
from components.prepare_requests.plan import Usage
from components.project import project_here

Counter = Callable[[str, Mapping[str, Any]], int]
"""Takes a model and a request; gives the tokens of the request."""


def counter_for(project: str, location: str) -> Counter:
    """A counter for a project, by default the one that this process runs in.

    Raises:
        WrongUse: no project is known, or the location is empty.
    """
    return service_counter(project or project_here(), location)


def service_counter(project: str, location: str, retry: Retry | None = None) -> Counter:
    """A counter that asks `countTokens`, which costs nothing.

    Raises:
        WrongUse: project or location is empty.
    """
    client = gemini_client(project, location, timeout_s=60)
    patience = retry or Retry(attempts=3)

    def counted(model: str, request: Mapping[str, Any]) -> int:
        from google.genai import types

        config = types.CountTokensConfig(
            system_instruction=request.get("systemInstruction"), tools=request.get("tools")
        )
        reply = retried(
            lambda: client.models.count_tokens(
                model=model, contents=request["contents"], config=config
            ),
            patience,
            doing="count tokens",
            where=f"{model} in {project}, {location}",
        )
        return reply.total_tokens or 0

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
