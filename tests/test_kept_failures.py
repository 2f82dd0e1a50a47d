"""What fuzzing found (bench/fuzz.py), each kept in its shortest form: none may take ages again."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from components.fix_config.fix import fix_job
from components.parse_intent.answer import answer_intent

SECONDS = 20  # of processor time; each takes well below one, and took minutes or more
LONG = 60_000
JOB = {"taskGroups": [{"taskSpec": {"runnables": [{"script": {"text": "date"}}]}}]}


def stop(number: int, frame: FrameType | None) -> None:
    raise AssertionError(f"not done after {SECONDS} s of processor time")


@pytest.fixture(autouse=True)
def guard() -> Iterator[None]:
    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize(
    "text",
    [
        "get flag" + "\n" * LONG + "x",
        "|" + "\t" * LONG + "x",
        "|" + "-" * LONG + "x",
        "gcloud batch jobs submit a --location=us-south1" + " " * 10_000 + "x",
        "in " + "index " * 40 + "x",
        "mustn't share" + " 1" * 40 + "x",
    ],
    ids=["line breaks", "tabs in a table", "a rule", "blanks behind a command", "order", "shared"],
)
def test_intents(text: str) -> None:
    assert answer_intent([f"5 tasks of `date`, {text}"]).outcome in ("config", "clarify")


def test_an_option_of_docker_by_its_short_name_is_kept_by_its_long_one() -> None:
    answer = answer_intent(["docker run -h box -e A=1 us-docker.pkg.dev/p/r/tiles:9 --all"])
    (runnable,) = answer.job["taskGroups"][0]["taskSpec"]["runnables"]
    assert runnable["container"]["options"] == "--hostname=box"


def test_a_number_of_gpus_without_a_type_is_an_answer() -> None:
    assert answer_intent(["0", "GPU 0"]).outcome in ("config", "clarify", "reject")


def test_blanks_outside_a_script_are_shortened_and_those_inside_stay() -> None:
    answer = answer_intent([f"5 tasks of `date`{' ' * 5_000}on spot"])
    assert (answer.outcome, answer.warnings) == ("config", [])
    script = f"echo 'a{' ' * 5_000}b'"
    answer = answer_intent([f"5 tasks of `{script}`"])
    (runnable,) = answer.job["taskGroups"][0]["taskSpec"]["runnables"]
    assert runnable["script"]["text"] == script


@pytest.mark.parametrize("complaint", ["1" * 20_000, "failureignored" * 1_500, "_cancel" * 3_000])
def test_complaints(complaint: str) -> None:
    assert fix_job(json.dumps(JOB).encode(), "job.json", complaint).ok


def test_a_job_with_a_long_tail_of_other_words() -> None:
    text = json.dumps(JOB, indent=2)[:-6] + "ac \n" * 2_500
    assert fix_job(text.encode(), "job.json").job is not None
