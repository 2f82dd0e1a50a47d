"""Limits from the environment."""

from __future__ import annotations

import pytest

from components.errors import WrongUse
from components.rows.limits import Limits, default_model_from, limits_from


def test_the_variables_of_the_seed_are_read() -> None:
    found = limits_from(
        {
            "MAX_EXECUTIONS_PER_BATCH": "100",
            "MAX_PROMPT_LENGTH": "1000",
            "DEFAULT_MAX_THREADS": "3",
            "MAX_CONCURRENT_BATCHES": "2",
            "EXECUTION_TIMEOUT": " 30 ",
        }
    )
    assert found == Limits(100, 1000, 3, 2, 30)
    assert default_model_from({"ASSISTANTS_DEFAULT_MODEL_ID_OR_NAME": "Llama3.1 70b"}) == (
        "Llama3.1 70b"
    )


def test_what_is_not_set_stays() -> None:
    assert limits_from({"MAX_PROMPT_LENGTH": ""}, Limits(max_rows=7)) == Limits(max_rows=7)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "٣"])
def test_a_bad_variable_is_named(text: str) -> None:
    with pytest.raises(WrongUse, match="MAX_PROMPT_LENGTH"):
        limits_from({"MAX_PROMPT_LENGTH": text})


def test_a_bad_limit_is_refused() -> None:
    with pytest.raises(WrongUse, match="max_rows"):
        Limits(max_rows=0)
