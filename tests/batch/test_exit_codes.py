"""Every exit code has an answer, and the ones that people meet have the right one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.batch.exit_codes import explain, unknown


@pytest.mark.parametrize("code", [*range(256), *range(50000, 50007)])
def test_every_known_code_has_meaning_and_remedy(code: int) -> None:
    said = explain(code)
    assert said.code == code
    assert said.meaning
    assert not said.meaning.endswith(".")
    assert said.retry in ("yes", "no", "maybe")
    assert code == 0 or said.remedy.endswith(".")


@given(st.integers())
def test_no_integer_is_without_an_answer(code: int) -> None:
    assert explain(code).meaning


@pytest.mark.parametrize(
    ("code", "word", "retry"),
    [
        (1, "general error", "maybe"),
        (125, "docker run", "maybe"),
        (126, "not executable", "no"),
        (127, "not found", "no"),
        (130, "SIGINT", "yes"),
        (132, "SIGILL", "no"),
        (134, "SIGABRT", "maybe"),
        (137, "memory", "maybe"),
        (139, "SIGSEGV", "maybe"),
        (143, "SIGTERM", "yes"),
        (50000, "without a more specific reason", "maybe"),
        (50001, "preempted", "yes"),
        (50002, "stopped reporting", "yes"),
        (50003, "rebooted", "yes"),
        (50004, "could not be cancelled", "yes"),
        (50005, "longer than it was allowed", "no"),
        (50006, "recreated", "yes"),
        (50010, "newer than this program", "maybe"),
        (256, "not an exit code", "maybe"),
        (-9, "not an exit code", "maybe"),
    ],
)
def test_codes_that_people_meet(code: int, word: str, retry: str) -> None:
    said = explain(code)
    assert word in said.meaning
    assert said.retry == retry


@pytest.mark.parametrize(
    ("code", "field"),
    [(137, "memoryMib"), (50002, "taskCountPerNode"), (50005, "maxRunDuration"), (50001, "50001")],
)
def test_the_remedy_names_the_field_to_change(code: int, field: str) -> None:
    assert field in explain(code).remedy


def test_a_failure_without_a_code_is_told_apart() -> None:
    assert unknown().code == -1
    assert "no exit code" in unknown().meaning
