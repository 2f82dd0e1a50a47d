"""The questions of the offline reader: which there are, and what answers them."""

from __future__ import annotations

from components.parse_intent.draft import Draft
from components.parse_intent.offline.spoken_of import KINDS

# Questions about the words of one turn: the next turn answers them or says something else.
OF_EDITS = ("edit", "step")
QUESTIONS = {
    "image": (
        "Which container image should run? Give its registry path, e.g. "
        "us-docker.pkg.dev/PROJECT/REPO/IMAGE:TAG."
    ),
    "bucket": "Which bucket should be mounted? Give its name.",
    "topic": (
        "Which Pub/Sub topic should get the messages? Give it as projects/PROJECT/topics/TOPIC."
    ),
    "project": "In which project is the Pub/Sub topic? Give it as projects/PROJECT/topics/TOPIC.",
    "template": "What is the name of the instance template?",
    "gpu": "Which type of GPU is needed, e.g. T4, L4 or A100?",
    "earlier": (
        "I do not know the earlier job: which command, script or image did it run, and "
        "with which settings?"
    ),
    "run": "What should each task run? Give a command, a script or a container image.",
}


def count_question(thing: str) -> str:
    """The question for a number of tasks that hangs on a number of things."""
    things = thing if thing.endswith("s") else thing + "s"
    return f"How many {things} are there, so how many tasks? Batch needs the number of tasks."


def answered(want: str, new: Draft, now: Draft) -> bool:
    """Whether a turn brings what was asked for."""
    if want in KINDS:
        return KINDS[want].named(now)
    return {
        "image": any(s.image for s in new.steps),
        "bucket": not any(v.kind == "gcs" and not v.remote for v in now.volumes),
        "topic": bool(new.notifications),
        "project": bool(new.notifications),
        "template": now.instance_template is not None,
        "gpu": new.gpus is not None,
        "count": now.task_count is not None,
        "earlier": bool(new.steps),
    }.get(want.split()[0], bool(now.locations))


def known(want: str, have: Draft) -> bool:
    """Whether words without a name can mean what earlier turns named."""
    if want in KINDS:
        return KINDS[want].named(have)
    return {
        "image": any(s.kind == "container" for s in have.steps) or bool(have.steps),
        "bucket": False,  # in a later turn only another bucket is asked for
        "topic": bool(have.notifications),
        "project": False,
        "template": have.instance_template is not None,
        "gpu": have.gpus is not None,
    }.get(want.split()[0], False)
