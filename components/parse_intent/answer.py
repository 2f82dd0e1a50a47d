"""An intent's answer: read the turns, build the job, say it in a sentence.

`answer_intent` is the one door to both readers; what it returns is what intent.json holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from components.batch.findings import path_text
from components.config.job_patch import changes as changes_of
from components.errors import InputError
from components.parse_intent.build import build
from components.parse_intent.reading import ReaderName, Reading, reader_named

if TYPE_CHECKING:
    from components.batch.vm_prices import VmPrices
    from components.gemini.settings import GeminiSettings

Outcome = Literal["config", "clarify", "reject"]

# Far above what anybody types, far below the 1 MB that a job definition may hold.
MAX_INTENT_BYTES = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """What came of an intent; the fields of intent.json.

    Attributes:
        outcome: "config" (a job), "clarify" (questions), "reject" (a reason).
        message: one or two plain sentences for the person.
        reader: which reader read the words.
        turns: what the person said.
        job: the Batch v1 Job in JSON form; None unless outcome is "config".
        evidence: `{"path", "value", "quote"}` for each field that was asked.
        assumptions: `{"path", "value", "why"}` for each field that was not.
        warnings, questions, unread: sentences; what is missing; words that reached no field.
        changes: `{"path", "before", "after", "quote"}` for each difference to the job before the
            last turn, or to the job that was given; before or after is None where it is not there.
    """

    outcome: Outcome
    message: str
    reader: ReaderName
    turns: list[str]
    job: dict[str, Any] | None = None
    evidence: list[dict[str, Any]] = field(default_factory=list)
    assumptions: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON data, in the order of the fields."""
        return asdict(self)


def answer_intent(
    turns: Sequence[str],
    *,
    reader: ReaderName = "offline",
    settings: GeminiSettings | None = None,
    prices: VmPrices | None = None,
) -> Answer:
    """Answer what a person said, turn by turn; a later turn changes what was said before.

    Args:
        turns: the person's words, at least one turn. All turns blank gives a "clarify".
        reader: "offline" (rules, no network) or "gemini".
        settings: the Gemini reader's settings; not used offline.
        prices: what machines cost, where one is to be chosen; the shipped file if None.

    Raises:
        InputError: the turns are together over `MAX_INTENT_BYTES` long, or hold NUL bytes.
        WrongUse: the reader is unknown.
        ServiceError: the Gemini reader could not reach its model.
    """
    said = [turn.replace("\r\n", "\n") for turn in turns]
    check_size(said)
    if not any(turn.strip() for turn in said):
        question = "What should the job run? Give a command, a script or a container image."
        return Answer("clarify", question, reader, said, questions=[question])
    return answer_reading(_read(said, reader_named(reader), settings), said, prices)


def check_size(turns: Sequence[str]) -> None:
    """Refuse what is no intent: too long, or binary.

    Raises:
        InputError: over `MAX_INTENT_BYTES`, or a NUL byte.
    """
    size = sum(len(turn.encode("utf-8", "replace")) for turn in turns)
    if size > MAX_INTENT_BYTES:
        raise InputError(
            f"The intent is {size:,} bytes long; at most {MAX_INTENT_BYTES:,} are read",
            where="intent",
            fix="Put long scripts or data into a bucket or the image and name them in the intent.",
        )
    if any("\0" in turn for turn in turns):
        raise InputError(
            "The intent holds NUL bytes, so it is not text",
            where="intent",
            fix="Give the intent as plain UTF-8 text.",
        )


def _read(turns: list[str], reader: ReaderName, settings: GeminiSettings | None) -> Reading:
    if reader == "offline":
        from components.parse_intent.offline.reader import read

        return read(turns)
    from components.parse_intent import gemini_reader

    return gemini_reader.read(turns, settings)


def answer_reading(reading: Reading, turns: list[str], prices: VmPrices | None = None) -> Answer:
    """The answer to a reading: refusals first, then questions, else the job."""
    draft = reading.draft
    warnings, unread = list(reading.warnings), list(draft.unread)
    if draft.refusals:
        message = " ".join(draft.refusals)
        return Answer("reject", message, reading.reader, turns, warnings=warnings, unread=unread)
    if draft.questions:
        message = " ".join(draft.questions)
        return Answer(
            "clarify",
            message,
            reading.reader,
            turns,
            warnings=warnings,
            questions=list(draft.questions),
            unread=unread,
        )
    built = build(draft, prices)
    broken = _broken_limits(built.job)
    if broken:
        message = "This cannot run as asked: " + " ".join(broken)
        return Answer("reject", message, reading.reader, turns, warnings=warnings, unread=unread)
    before = build(reading.start, prices).job if reading.start is not None else None
    return Answer(
        "config",
        summary(built.job),
        reading.reader,
        turns,
        job=built.job,
        evidence=built.evidence,
        assumptions=built.assumptions,
        warnings=warnings,
        unread=unread,
        changes=told_changes(before, built.job, built.evidence) if before is not None else [],
    )


def told_changes(
    before: Mapping[str, Any], after: Mapping[str, Any], evidence: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What is different between two jobs, each difference with the words that asked for it."""
    quotes = {_alike(line["path"]): line["quote"] for line in evidence}
    found = []
    for parts, old, new in changes_of(before, after):
        path = path_text(parts)
        below = (q for p, q in quotes.items() if p.startswith(_alike(path)) and q)
        quote = quotes.get(_alike(path)) or next(below, "") if new is not None else ""
        found.append({"path": path, "before": old, "after": new, "quote": quote})
    return found


def _alike(path: str) -> str:
    """A path without the difference between taskCount and task_count."""
    return path.replace("_", "").lower()


# Rules whose breach is a fault of the ask itself, not of how it was read or built.
REFUSED_RULES = frozenset(
    {
        "TC_RANGE",
        "PAR_RANGE",
        "RETRY_RANGE",
        "PRIORITY",
        "TENV_MAX",
        "ACC_N1",
        "ACC_COUNT",
        "LOC_ONE_REGION",
    }
)


def _broken_limits(job: Mapping[str, Any]) -> list[str]:
    """The validator's messages about limits that the ask itself breaks."""
    from components.batch.rules import check

    found = [f for f in check(job) if f.severity == "error" and f.rule in REFUSED_RULES]
    return [f"{finding.message}." for finding in found]


def summary(job: Mapping[str, Any]) -> str:
    """A job in a sentence: how many tasks, of what, on which machines."""
    group = (job.get("taskGroups") or [{}])[0]
    count, parallel = group.get("taskCount", 1), group.get("parallelism")
    what = f"{count} task{'s' if count != 1 else ''}"
    if count != 1 and parallel is not None:
        what += f", at most {parallel} at once"
    steps = [_step_words(r) for r in group.get("taskSpec", {}).get("runnables", [])]
    runs = " then ".join(steps) if len(steps) <= 3 else f"{len(steps)} steps"
    return f"A job of {what}, each running {runs}{_machine_words(job)}."


def _step_words(runnable: Mapping[str, Any]) -> str:
    if "container" in runnable:
        return f"the container {runnable['container'].get('imageUri', '')}"
    if "barrier" in runnable:
        return "a barrier"
    script = runnable.get("script", {})
    lines = [ln for ln in str(script.get("text", "")).splitlines() if ln and ln[:2] != "#!"]
    if len(lines) == 1 and len(lines[0]) <= 60:
        return f"`{lines[0]}`"
    return f"the script {script['path']}" if script.get("path") else "a script"


def _machine_words(job: Mapping[str, Any]) -> str:
    allocation = job.get("allocationPolicy", {})
    instance = (allocation.get("instances") or [{}])[0]
    policy = instance.get("policy", {})
    words = ""
    if policy.get("machineType"):
        words += f" on {policy['machineType']}"
    if policy.get("provisioningModel") in ("SPOT", "PREEMPTIBLE"):
        words += " (Spot)"
    if instance.get("instanceTemplate"):
        words += f" on VMs of the template {instance['instanceTemplate']}"
    places = allocation.get("location", {}).get("allowedLocations", [])
    if places:
        words += " in " + ", ".join(place.rsplit("/", 1)[-1] for place in places)
    return words
