"""Later turns of a dialogue: what they change, and that all else stays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.parse_intent.answer import answer_intent
from components.parse_intent.offline.vocabulary import words

BASE = (
    "3 steps: first `/opt/a/get.sh --day 3`, then `/opt/a/fit.py --n 5 -v`, then `/opt/a/put.sh`. "
    "12 tasks, 4 at once, n2-standard-4, spot, us-central1, 2 retries, 1 hour max, 2 vCPU, 8 GB, "
    "env MODE=a SIZE=5, labels team=x stage=dev, bucket my-data-1 at /mnt/disks/d, boot disk "
    "50 GB, notify projects/p/topics/t when the job fails, priority 10"
)
SPEC, GROUP = "taskGroups[0].taskSpec.", "taskGroups[0]."
POLICY = "allocationPolicy.instances[0].policy."
GET, FIT, PUT = (
    {"script": {"text": text}}
    for text in ("/opt/a/get.sh --day 3", "/opt/a/fit.py --n 5 -v", "/opt/a/put.sh")
)
TASKS, AT_ONCE, RETRIES = f"{GROUP}taskCount", f"{GROUP}parallelism", f"{SPEC}maxRetryCount"
TIME, STEPS, MACHINE = f"{SPEC}maxRunDuration", f"{SPEC}runnables", f"{POLICY}machineType"
MEMORY, CPU = f"{SPEC}computeResource.memoryMib", f"{SPEC}computeResource.cpuMilli"
PLACES = "allocationPolicy.location.allowedLocations"


def changed(*turns: str) -> dict[str, Any]:
    """What the last turn changed: path to the value after it."""
    answer = answer_intent([BASE, *turns])
    assert answer.outcome == "config", answer.message
    return {change["path"]: change["after"] for change in answer.changes}


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        # numbers
        ("make it 30 tasks, machine e2-medium, 3 retries",
         {TASKS: 30, MACHINE: "e2-medium", RETRIES: 3}),
        ("ten more tasks and one retry less", {TASKS: 22, RETRIES: 1}),
        ("go for 30 tasks but keep 4 at once", {TASKS: 30}),
        ("4 GB more please", {MEMORY: 12288}),
        ("half an hour longer", {TIME: "5400s"}),
        ("50 % more memory", {MEMORY: 12288}),
        ("lower the priority by 5", {"priority": 5}),
        ("half the memory but twice the cpus", {MEMORY: 4096, CPU: 4000}),
        ("double everything: tasks and concurrency", {TASKS: 24, AT_ONCE: 8}),
        ("twice as many tasks, and the timeout three times as long",
         {TASKS: 24, TIME: "10800s"}),
        ("every task should be tried at most twice", {}),
        ("change the 4 to a 6", {AT_ONCE: 6}),
        ("16 GB and 90 minutes", {MEMORY: 16384, TIME: "5400s"}),
        ("four hours instead of one", {TIME: "14400s"}),
        ("no time limit at all", {TIME: None}),
        ("all tasks at once please", {AT_ONCE: 12}),
        ("drop the retries", {RETRIES: 0}),
        ("use a bigger disk: 100 GB", {f"{POLICY}bootDisk.sizeGb": 100}),
        # places and machines
        ("move to europe-west4, spot is fine there too", {PLACES: ["regions/europe-west4"]}),
        ("switch from spot to on demand", {f"{POLICY}provisioningModel": "STANDARD"}),
        # one step of several
        ("the second step may take 20 minutes", {f"{STEPS}[1].timeout": "1200s"}),
        ("the get step can fail, that's ok", {f"{STEPS}[0].ignoreExitStatus": True}),
        ("let the last one run even if the others fail", {f"{STEPS}[2].alwaysRun": True}),
        ("give each step 10 minutes", {f"{STEPS}[{i}].timeout": "600s" for i in range(3)}),
        ("name the second step fitting", {f"{STEPS}[1].displayName": "fitting"}),
        ("the third step must be /opt/a/send.sh instead",
         {f"{STEPS}[2].script.text": "/opt/a/send.sh"}),
        # steps that come, move and go
        ("skip the put step", {f"{STEPS}[2]": None}),
        ("drop the first two steps", {f"{STEPS}[0]": None, f"{STEPS}[1]": None}),
        ("keep only the fit step", {f"{STEPS}[0]": None, f"{STEPS}[2]": None}),
        ("swap get and put", {STEPS: [PUT, FIT, GET]}),
        ("do the fitting step first", {STEPS: [FIT, GET, PUT]}),
        ("move step 3 before step 1", {STEPS: [PUT, GET, FIT]}),
        ("add a last step that runs `/opt/a/z.sh`",
         {f"{STEPS}[3]": {"script": {"text": "/opt/a/z.sh"}}}),
        ("run `/opt/a/z.sh` between the first and the second step",
         {f"{STEPS}[1]": {"script": {"text": "/opt/a/z.sh"}}}),
        ("insert `/opt/a/z.sh` as step 2",
         {f"{STEPS}[1]": {"script": {"text": "/opt/a/z.sh"}}}),
        ("put `/opt/a/z.sh` before the fit step",
         {f"{STEPS}[1]": {"script": {"text": "/opt/a/z.sh"}}}),
        # inside a command
        ("change --day to 5", {f"{STEPS}[0].script.text": "/opt/a/get.sh --day 5"}),
        ("the day should be 7", {f"{STEPS}[0].script.text": "/opt/a/get.sh --day 7"}),
        ("--n 8 --fast for the fit", {f"{STEPS}[1].script.text": "/opt/a/fit.py --n 8 -v --fast"}),
        ("change -v to -vv", {f"{STEPS}[1].script.text": "/opt/a/fit.py --n 5 -vv"}),
        ("without -v", {f"{STEPS}[1].script.text": "/opt/a/fit.py --n 5"}),
        ("replace /opt/a/get.sh by /opt/b/get.sh",
         {f"{STEPS}[0].script.text": "/opt/b/get.sh --day 3"}),
        # names
        ("MODE should be b and SIZE can go", {f"{SPEC}environment.variables.MODE": "b",
                                              f"{SPEC}environment.variables.SIZE": None}),
        ("set stage to prod, no label team", {"labels.stage": "prod", "labels.team": None}),
        ("send the messages to projects/p/topics/u",
         {"notifications[0].pubsubTopic": "projects/p/topics/u"}),
        ("the bucket moved to my-data-eu-1, and make it read only",
         {f"{SPEC}volumes[0].gcs.remotePath": "my-data-eu-1",
          f"{SPEC}volumes[0].mountOptions": ["ro"]}),
        # nothing to do
        ("thanks, looks good", {}),
        ("what does it cost?", {}),
    ],
)  # fmt: skip
def test_a_turn_changes_what_it_says(said: str, changes: dict[str, Any]) -> None:
    assert changed(said) == changes


@pytest.mark.parametrize(
    ("turns", "changes"),
    [
        (["40 tasks", "undo that"], {}),
        (["40 tasks", "e2-small", "undo both changes"], {}),
        (["40 tasks, e2-small", "undo the machine change"], {MACHINE: "n2-standard-4"}),
        (["5 retries", "put the retries back to what they were"], {RETRIES: 2}),
        (["40 tasks", "60 tasks", "back to the original number of tasks"], {TASKS: 12}),
        (["e2-standard-8", "c3-standard-8", "back to n2 like in the beginning"],
         {MACHINE: "n2-standard-4"}),
        (["40 tasks", "undo that, but with 3 retries"], {RETRIES: 3}),
        (["40 tasks", "no, 25"], {TASKS: 25}),
        (["make the 2 a 3", "the retries"], {}),
    ],
)  # fmt: skip
def test_turns_are_taken_back(turns: list[str], changes: dict[str, Any]) -> None:
    found = changed(*turns)
    assert {path: found.get(path) for path in changes} == changes
    if "undo that" in turns or "undo both changes" in turns:
        assert answer_intent([BASE, *turns]).job == answer_intent([BASE]).job


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        (["the fifth step may take 2 hours"], "3 steps"),
        (["make the 2 a 3"], "vcpus or retries"),
        (["swap two of the steps"], "which two"),
        (["bucket logs-2 at /mnt/disks/l too", "drop the bucket"], "my-data-1 or logs-2"),
        (["use the machine type that Jan had last month"], "machine type"),
        (["add our log bucket too"], "bucket"),
    ],
)
def test_what_cannot_be_placed_is_asked(turns: list[str], said: str) -> None:
    answer = answer_intent([BASE, *turns])
    assert answer.outcome == "clarify", answer.message
    assert said in answer.message.lower()


@pytest.mark.parametrize(
    ("refused", "then", "path", "value"),
    [
        ("200000 tasks", "ok, 500 then", TASKS, 500),
        ("30 retries", "fine, the maximum then", RETRIES, 10),
        ("20 days at most", "then 10 days", TIME, "864000s"),
        ("in us-east1 and europe-west1", "only us-east1 then", PLACES, ["regions/us-east1"]),
    ],
)
def test_a_refusal_is_turned_into_something_that_can_be(
    refused: str, then: str, path: str, value: Any
) -> None:
    assert answer_intent([BASE, refused]).outcome == "reject"
    answer = answer_intent([BASE, refused, then])
    assert answer.outcome == "config", answer.message
    assert next(line["value"] for line in answer.evidence if line["path"].startswith(path)) in (
        value,
        value[0] if isinstance(value, list) else value,
    )


WORDS = st.sampled_from(
    words("""
    the a second step third last first swap undo drop make it 3 5 to back and , . before after
    --n --day retries GB more less tasks MODE label team bucket read only double half no that
    `/opt/x.sh` instead of between put fit get
    """)
)


@given(st.lists(WORDS, min_size=1, max_size=14), st.lists(WORDS, max_size=6))
@settings(max_examples=80, deadline=None)
def test_any_words_are_taken_in_later_turns(first: list[str], second: list[str]) -> None:
    turns = [BASE, " ".join(first), " ".join(second)]
    answer = answer_intent(turns)
    assert answer.outcome in ("config", "clarify", "reject")
    assert (answer.job is not None) is (answer.outcome == "config")
    said = " ".join("\n".join(turns).split())
    assert all(" ".join(line["quote"].split()) in said for line in answer.evidence)
