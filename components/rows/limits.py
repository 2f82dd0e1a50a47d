"""Limits that a person sets, by parameters or by environment variables.

The variables have the names of the batch-execution service that many spreadsheets of prompts come
from. Nothing is read from the environment unless the caller passes it in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from components.errors import WrongUse

VARIABLES = {
    "MAX_EXECUTIONS_PER_BATCH": "max_rows",
    "MAX_PROMPT_LENGTH": "max_prompt_chars",
    "DEFAULT_MAX_THREADS": "max_threads",
    "MAX_CONCURRENT_BATCHES": "max_jobs",
    "EXECUTION_TIMEOUT": "row_timeout_s",
}
DEFAULT_MODEL_VARIABLE = "ASSISTANTS_DEFAULT_MODEL_ID_OR_NAME"


@dataclass(frozen=True)
class Limits:
    """What a run may do at most.

    Attributes:
        max_rows: rows of all sources together; more is an error before anything is written.
        max_prompt_chars: characters of all texts of one request, references filled in.
        max_threads: requests under way at once where rows are answered online.
        max_jobs: batch jobs under way at once.
        row_timeout_s: seconds that one request may take online.
    """

    max_rows: int = 2_000_000
    max_prompt_chars: int = 4_000_000
    max_threads: int = 4
    max_jobs: int = 5
    row_timeout_s: int = 300

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise WrongUse(f"{name} must be a whole number of at least 1, not {value!r}")


def limits_from(environment: Mapping[str, str], base: Limits | None = None) -> Limits:
    """`base` with what the environment sets; a variable that is empty sets nothing.

    Raises:
        WrongUse: a variable holds no whole number of at least 1; the message names it.
    """
    found: dict[str, int] = {}
    for variable, name in VARIABLES.items():
        text = environment.get(variable, "").strip()
        if not text:
            continue
        if not (text.isascii() and text.isdigit() and int(text[:18]) > 0):
            raise WrongUse(
                f"{variable} must be a whole number of at least 1, not '{text[:40]}'",
                fix=f"Unset it or write, for example, export {variable}=100.",
            )
        found[name] = int(text[:18])
    return replace(base or Limits(), **found)


def default_model_from(environment: Mapping[str, str]) -> str:
    """The model for rows that name none, where the environment sets one; else empty."""
    return environment.get(DEFAULT_MODEL_VARIABLE, "").strip()
