"""The grammar of the offline reader: what is counted, packed, taken back, said of a step."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.parse_intent.answer import answer_intent
from components.parse_intent.offline.layout import plain_layout
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.reader import read
from components.parse_intent.offline.segment import cut_payloads


def group(said: str) -> dict[str, Any]:
    job = answer_intent([said]).job
    assert job is not None, said
    found: dict[str, Any] = job["taskGroups"][0]
    return found


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("Scan 80 address files: `./a $BATCH_TASK_INDEX`", 80),
        ("60 crates of scans, one crate a task: `./a $BATCH_TASK_INDEX`", 60),
        ("12 plates of 384 wells, a task per plate, `./a --plate $BATCH_TASK_INDEX`", 12),
        ("frames: 1001 to 1148, `./a $BATCH_TASK_INDEX`", 148),
        ("years 1979-2023, `./a --year $((1979+BATCH_TASK_INDEX))`", 45),
        ("Parts: 200, concurrency 25, `./a $BATCH_TASK_INDEX`", 200),
        ("3500 games, fifty games per task, `./a $BATCH_TASK_INDEX`", 70),
        ("18 thousand photos, each task takes 200 of them, `./a $BATCH_TASK_INDEX`", 90),
        ("28 days, `./a --day $BATCH_TASK_INDEX`, 10 minutes at most", 28),
        ("two dozen members, `./a $BATCH_TASK_INDEX`, 5 retries, 3 at a time", 24),
        ("10 thousand photos in chunks: 400 tasks, each `./a $BATCH_TASK_INDEX`", 400),
        ("`./a`, 64 GB memory, 8 cores, 2 retries", 1),
    ],
)
def test_what_is_counted(said: str, count: int) -> None:
    assert group(said)["taskCount"] == count


@pytest.mark.parametrize(
    ("said", "packed"),
    [
        ("one shard per machine", 1),
        ("a VM never holds more than one member", 1),
        ("pack four of them onto one e2-medium", 4),
        ("no two tasks on the same VM", 1),
        ("each task alone on its machine", 1),
        ("every box runs at most 2 workers", 2),
        ("8 to a node", 8),
        ("4 local SSDs per node", None),
        ("two L4s per VM", None),
        ("on 5 machines", None),
    ],
)
def test_what_shares_a_vm(said: str, packed: int | None) -> None:
    asked = read([f"9 tasks of `./a`, {said}"]).draft.tasks_per_node
    assert (asked.value if asked else None) == packed


@pytest.mark.parametrize(
    ("said", "norm"),
    [
        ("50 cities, wait, no, 52", "52 cities"),
        ("20 GB boot... no, 40 GB boot disk", "40 GB boot disk"),
        ("30 tasks - make that 40 - on spot", "40 tasks - on spot"),
        ("16, sorry, 32 GB memory", "32 GB memory"),
        ("retry 3 times, wait 10 minutes", "retry 3 times, wait 10 minutes"),
        ("12 tasks, no more than 5 at once", "12 tasks, no more than 5 at once"),
        ("5 tasks, sorry, 4 cores", "5 tasks, sorry, 4 cores"),
    ],
)
def test_numbers_taken_back(said: str, norm: str) -> None:
    page = Page(said, said, [], None)
    assert page.norm == norm
    assert page.words.back == sorted(page.words.back)
    assert len(page.words.back) == len(page.norm) + 1


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("| tasks | 40 |", "  tasks : 40  "),
        ("|---|---|", "         "),
        ("> 5 tasks", "  5 tasks"),
        ("retry => 1", "retry :  1"),
        ("Spot? No.", "Spot: No."),
        ("Paris or Milan? Milan.", "Paris or Milan? Milan."),
        ("gs://a-b -> /mnt/x", "gs://a-b -> /mnt/x"),
    ],
)
def test_layouts_read_alike(said: str, plain: str) -> None:
    assert plain_layout(said) == plain


@given(st.text(alphabet="ab1|>-=?:. \n\u2192", max_size=80))
def test_a_layout_keeps_every_place(text: str) -> None:
    assert len(plain_layout(text)) == len(text)


@pytest.mark.parametrize(
    ("said", "payloads"),
    [
        ("a.b/c:1 w/ args --x 1 --y 2, two L4s", ["--x 1 --y 2"]),
        ("--lead 3 as args, 12 tasks", ["--lead 3"]),
        ("options --ipc=host, pass `--n 4`", ["--n 4"]),
        ('arguments: --say "use 90 tasks" --n 2', ['--say "use 90 tasks" --n 2']),
        ("Totals. /opt/c/rec --district $X for 299 districts", ["/opt/c/rec --district $X"]),
        ("task: /opt/t/go --set 19B. n2-standard-8, 1.5 TB", ["/opt/t/go --set 19B"]),
        ("pdal run t --n=$BATCH_TASK_INDEX / 4 cores", ["pdal run t --n=$BATCH_TASK_INDEX"]),
    ],
)
def test_commands_and_arguments_without_quotes(said: str, payloads: list[str]) -> None:
    assert [payload.text for payload in cut_payloads(said).payloads] == payloads


@pytest.mark.parametrize(
    ("said", "retries", "action", "codes"),
    [
        ("retry on 50001 and 50002 but never on exit code 42, 4 retries", 4, "FAIL_TASK", [42]),
        ("retry 3 times, unless it exits with 5", 3, "FAIL_TASK", [5]),
        ("exit code 7 is bad input: fail right away, otherwise retry twice", 2, "FAIL_TASK", [7]),
        ("only preemptions (50001) get another try, 5 times", 5, "RETRY_TASK", [50001]),
        ("retry only after a reboot or preemption", 3, "RETRY_TASK", [50001, 50003]),
        ("rc 17 means busy, retry these up to 8 times", 8, "RETRY_TASK", [17]),
        ("if it returns 75 give it another go, max 4 retries", 4, "RETRY_TASK", [75]),
    ],
)
def test_what_exit_codes_mean(said: str, retries: int, action: str, codes: list[int]) -> None:
    spec = group(f"9 tasks of `./a`. {said}")["taskSpec"]
    assert spec["maxRetryCount"] == retries
    assert spec["lifecyclePolicies"] == [
        {"action": action, "actionCondition": {"exitCodes": codes}}
    ]


THREE = "First `/opt/a/fetch.sh`, then `/opt/b/solve -n 3`, finally `/opt/c/wipe.sh`. "


@pytest.mark.parametrize(
    ("said", "place", "name", "value"),
    [
        ("fetch may take 10 minutes", 0, "timeout", "600s"),
        ("solve at most 3 hours", 1, "timeout", "10800s"),
        ("the last gets 5 min", 2, "timeout", "300s"),
        ("wipe runs even if solve fails", 2, "alwaysRun", True),
        ("if the first step fails, carry on", 0, "ignoreExitStatus", True),
        ("should fetch fail, never mind", 0, "ignoreExitStatus", True),
        ("the second step runs in the background", 1, "background", True),
        ("step 3 has a 2 minute timeout", 2, "timeout", "120s"),
    ],
)
def test_what_is_said_of_a_step(said: str, place: int, name: str, value: Any) -> None:
    runnables = group(f"4 tasks. {THREE}{said}.")["taskSpec"]["runnables"]
    assert [runnable.get(name) for runnable in runnables] == [
        value if i == place else None for i in range(3)
    ]


@pytest.mark.parametrize(
    ("said", "places"),
    [
        ("London. 4 cores", ["regions/europe-west2"]),
        ("region: São Paulo", ["regions/southamerica-east1"]),
        ("spot / Iowa / 2 retries", ["regions/us-central1"]),
        ("the Dutch region", ["regions/europe-west4"]),
        ("Melbourne or Sydney? -> Sydney", ["regions/australia-southeast1"]),
        ("it reads a Finnish corpus", None),
        ("a model of the London bus network", None),
    ],
)
def test_where_it_runs(said: str, places: list[str] | None) -> None:
    job = answer_intent([f"9 tasks of `./a`. {said}"]).job
    assert job is not None
    location = job.get("allocationPolicy", {}).get("location", {})
    assert location.get("allowedLocations") == places


UNITS = [
    "5 tasks, ", "1 hour ", "16 GB ", "retry 3 times, no, 5. ", "step 1 may fail; ", "`./a` ",
    "args --x 1, ", "gs://a-b at /mnt/x ", "A_B is c ", "label a=b ", "one VM each ", "| a | 1 |\n",
    "in London, ", "2 T4s ", "exit code 7 ", "run a $BATCH_TASK_INDEX / ", "tasks: 4\n",
    "Spot? No. ",
]  # fmt: skip


def work(text: str) -> int:
    """How many calls reading a text takes: a measure without a clock."""
    calls = 0

    def count(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        read([text])
    finally:
        sys.setprofile(before)
    return calls


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(UNITS), min_size=1, max_size=4))
def test_work_grows_no_faster_than_the_text(units: list[str]) -> None:
    text = "".join(units)
    times = 1500 // len(text) + 1
    assert work(text * times * 4) < 4 * 1.5 * work(text * times)
