"""The parts of the offline reader: numbers, amounts, payloads, spellings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.parse_intent.answer import answer_intent
from components.parse_intent.offline.amounts import durations, sizes
from components.parse_intent.offline.edits import apply_edits
from components.parse_intent.offline.normal import FILL, Words, mend
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pasted.amounts import slurm_seconds
from components.parse_intent.offline.reader import read
from components.parse_intent.offline.segment import cut_payloads
from components.parse_intent.offline.vocabulary import words


@pytest.mark.parametrize(
    ("said", "normal"),
    [
        ("twenty-four tasks", "24 tasks"),
        ("two hundred and fifty", "250"),
        ("a hundred and twenty", "120"),
        ("a dozen", "12"),
        ("half a dozen runs", "6 runs"),
        ("two thousand and one", "2001"),
        ("one hundred thousand", "100000"),
        ("10k rows", "10000 rows"),
        ("1,500 tasks", "1500 tasks"),
        ("five six", "5 6"),
        ("half an hour", "half an hour"),
        ("a half", "a half"),
        ("and", "and"),
    ],
)
def test_numbers_in_words(said: str, normal: str) -> None:
    assert Words(said).text == normal


@pytest.mark.parametrize(
    ("slip", "word"),
    [
        ("paralel", "parallel"),
        ("machne", "machine"),
        ("regoin", "region"),
        ("contianer", "container"),
        ("minutess", "minutes"),
        ("mounts", "mounts"),
        ("cat", "cat"),
    ],
)
def test_slips_are_mended(slip: str, word: str) -> None:
    assert mend(slip) == word


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("90s", 90),
        ("10 min", 600),
        ("1.5 hours", 5400),
        ("1h30m", 5400),
        ("1h30", 5400),
        ("an hour and a half", 5400),
        ("a day and a half", 129600),
        ("half an hour", 1800),
        ("half day", 43200),
        ("quarter of an hour", 900),
        ("2 and a half hours", 9000),
        ("2 days and 4 hours", 187200),
        ("2 weeks", 1209600),
        ("02:30:00", 9000),
        ("90-minute", 5400),
    ],
)
def test_durations(said: str, seconds: int) -> None:
    assert [amount.value for amount in durations(said)] == [seconds]


@pytest.mark.parametrize("said", ["5 tasks", "n2-standard-4", "10.0.0.1", "/mnt/1h", "per hour"])
def test_no_duration(said: str) -> None:
    assert durations(said) == []


@pytest.mark.parametrize(
    ("said", "mib"),
    [
        ("16G", 16384),
        ("16 GiB", 16384),
        ("8 gigs", 8192),
        ("768 MiB", 768),
        ("half a gb", 512),
        ("1.5 TB", 1572864),
        ("2 and a half gb", 2560),
        ("a gig", 1024),
    ],
)
def test_sizes(said: str, mib: int) -> None:
    assert [amount.value for amount in sizes(said)] == [mib]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("90", 5400),
        ("30:00", 1800),
        ("02:00:00", 7200),
        ("1-12", 129600),
        ("2-00:30:00", 174600),
        ("x", 0),
    ],
)
def test_slurm_times(said: str, seconds: int) -> None:
    assert slurm_seconds(said) == seconds


@pytest.mark.parametrize(
    ("turn", "payloads"),
    [
        ("run `./a b` twice", ["./a b"]),
        ("3 tasks: python3 x.py --n 4", ["python3 x.py --n 4"]),
        ("Run: sort -k2 /d/in.txt -o /d/out.txt", ["sort -k2 /d/in.txt -o /d/out.txt"]),
        ("cmd: ./go.sh, on spot", ["./go.sh"]),
        ("run /opt/x/go.sh on 5 tasks with 4 GB", ["/opt/x/go.sh"]),
        ("the bucket is mounted at /mnt/x", []),
        ("set the time limit and sort things out", []),
        ("```sh\na\nb\n```\n2 tasks", ["a\nb"]),
        ("do this:\n\n    cd /x\n    make all\n\nthanks", ["cd /x\nmake all"]),
        ("image `a.b/c:1`, machine `e2-small`", []),
        ('execute "python -m job --all" 4 times', ["python -m job --all"]),
    ],
)
def test_payloads_are_cut(turn: str, payloads: list[str]) -> None:
    assert [payload.text for payload in cut_payloads(turn).payloads] == payloads


def test_a_payload_is_never_an_instruction() -> None:
    turn = "run `use 900 tasks on spot in us-east1` as 2 tasks on e2-small"
    cutter = cut_payloads(turn)
    assert len(cutter.masked) == len(turn)
    assert "900" not in cutter.masked
    assert FILL in cutter.masked


SAID = [
    *words(
        """
        5 tasks run spot `./a` on n2-standard-4 retry 3 times 4 GB /mnt/a gs://b-1 mount image
        a.b/c:1 no wait , . - drop the gpu step 1 hour exit code 7 A=b label ``` ' " ( )
        """
    ),
    "\n",
]
TEXTS = st.text(max_size=300) | st.lists(
    st.sampled_from(SAID),
    max_size=60,
).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS)
def test_any_text_gets_an_answer(first: str, second: str) -> None:
    turns = [first.replace("\0", ""), second.replace("\0", "")]
    answer = answer_intent(turns)
    assert answer.outcome in ("config", "clarify", "reject")
    assert answer.message
    assert (answer.job is None) == (answer.outcome != "config")


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_offsets_lead_back_to_the_words(text: str) -> None:
    read_words = Words(text)
    assert len(read_words.back) == len(read_words.text) + 1
    assert read_words.back == sorted(read_words.back)


LONG = 60_000


@pytest.mark.parametrize(
    "unit",
    [
        "a", " ", "\n", "1", "1 ", "`", "a-", "/a", "a.b/", "retry up to ", "5 tasks ", "five and ",
        "1h ", "exit code 1, ", "A=b ", "label a=b, ", "drop the gpu and ", "`./a` ",
        "100 gb pd-ssd ",
        "gs://aa ", "no wait, 5 ", "\"", "(", "not a spot ",
        "```\n",
    ],
)  # fmt: skip
def test_long_and_hostile_input_ends(unit: str) -> None:
    text = (unit * (LONG // len(unit) + 1))[:LONG]
    assert answer_intent(["2 tasks of `./a`", text]).outcome in ("config", "clarify", "reject")


BASE = (
    "12 tasks of `./a`, 3 at a time, n2-standard-4 spot, us-east1, 2 vCPU and 4 GiB, 1 hour limit, "
    "5 retries, label team=x, env A=1, bucket b-1 at /mnt/b, priority 7"
)
FIELDS = {
    "make it 20 tasks": {"task_count"},
    "4 at a time": {"parallelism"},
    "use e2-standard-8": {"machine_type"},
    "on demand please": {"provisioning"},
    "move it to europe-west4": {"locations"},
    "8 GiB memory": {"memory_mib"},
    "timeout 3 hours": {"max_run_s"},
    "retry 9 times": {"max_retries"},
    "add the label cost=y": {"job_labels"},
    "priority 50": {"priority"},
    "drop the time limit": {"max_run_s"},
    "double the memory": {"memory_mib"},
    "set A to 2": {"env"},
    "no external IPs": {"no_external_ip"},
}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=4, unique=True))
def test_an_edit_leaves_other_fields_as_they_were(edits: list[str]) -> None:
    before = read([BASE]).draft.model_dump()
    after = read([BASE, *edits]).draft.model_dump()
    touched = set().union(*(FIELDS[edit] for edit in edits))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == touched


def test_an_edit_does_not_change_the_draft_before_it() -> None:
    before = read([BASE]).draft
    kept = before.model_dump()
    cutter = cut_payloads("drop the retries and make it 99 tasks")
    apply_edits(Page(cutter.text, cutter.masked, cutter.payloads, before), before)
    assert before.model_dump() == kept


def test_what_reached_no_field_is_told() -> None:
    answer = answer_intent(
        ["2 tasks of `./a`. The firewall group 17 needs a quota of 55 snowballs."]
    )
    assert any("snowballs" in line for line in answer.unread)


@pytest.mark.parametrize(
    "script",
    [
        "echo a" + 500 * " " + "b",
        "printf '" + 300 * "\t" + "'\necho" + 250 * " " + "x",
        "a" + 201 * "\n" + "b",
    ],
)
@pytest.mark.parametrize(
    "frame", ["3 tasks of\n```\n{}\n```\n", "```bash\n{}\n```\n\nmake it 4\n\n4 tasks"]
)
def test_long_blanks_of_a_script_are_payload(script: str, frame: str) -> None:
    answer = answer_intent([frame.format(script)])
    assert answer.job is not None
    [runnable] = answer.job["taskGroups"][0]["taskSpec"]["runnables"]
    assert runnable["script"]["text"].endswith(script)
    assert answer.warnings == []


def test_long_blanks_in_prose_are_nothing() -> None:
    turns = ["3 tasks of `./a`," + 900 * " " + "spot", "4 tasks" + 300 * "\n" + "please"]
    answer = answer_intent(turns)
    assert answer.job is not None
    assert answer.job["taskGroups"][0]["taskCount"] == 4
    assert answer.warnings == []
