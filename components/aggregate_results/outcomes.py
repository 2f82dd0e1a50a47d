"""How a run can end, and how that is told: one entry each, for the page and the terminal."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.aggregate_results.run_folder import Run, text_of, texts_of
from components.aggregate_results.tally import Tally
from components.tables.charts import Tone
from components.tables.formats import count, plural


@dataclass(frozen=True)
class Outcome:
    """How an outcome looks: colour, a word or two, and what to do where nothing else says it."""

    tone: Tone
    status: str
    remedy: str = ""


OUTCOMES: dict[str, Outcome] = {
    "succeeded": Outcome("ok", "Succeeded"),
    "failed": Outcome("bad", "Failed"),
    "cancelled": Outcome(
        "warn", "Cancelled", "Start a new run to do what is left; finished tasks are listed below."
    ),
    "deleted": Outcome(
        "warn", "Deleted", "The job is gone and so are its tasks' details. Start a new run."
    ),
    "hopeless": Outcome("bad", "Could not start", "Change what the reason names, then run again."),
    "refused": Outcome("bad", "Refused", "Change what the reason names, then run again."),
    "deadline": Outcome(
        "bad",
        "Out of time",
        "Allow the run more time, or look at the job's events for what it was waiting for.",
    ),
    "dry_run": Outcome("run", "Dry run", "Run again without the dry run to submit this job."),
    "clarify": Outcome("warn", "Needs an answer", "Put the answer into the intent and run again."),
    "reject": Outcome("warn", "Not a Batch job"),
    "findings": Outcome(
        "bad", "Not submitted", "Mend what the errors name; each says how. Then run again."
    ),
    "stopped": Outcome("warn", "Stopped"),
    "unfinished": Outcome(
        "warn",
        "Not finished",
        "The step that watched the job ended before the job did. Retry the run: it finds the job "
        "again and never makes a second one.",
    ),
    "broken": Outcome(
        "bad", "Incomplete", "See what the first step that failed says, mend it and run again."
    ),
}


_NAMES_NO_STEP = re.compile(r"Task exit-handler-\d+ failed\.")


def headline(run: Run, tally: Tally, listed: bool) -> str:
    """What happened, in one line.

    Args:
        run: the run folder.
        tally: the sums over the tasks.
        listed: whether the tasks could be listed.
    """
    outcome = run.outcome
    if outcome == "failed" and not tally.states["FAILED"] and not tally.ran:
        return "The job failed before any task ran" if listed else "The job failed"
    if outcome in ("succeeded", "failed") and tally.tasks:
        return _of_tasks(tally)
    if outcome == "cancelled" and tally.tasks:
        done = f"{count(tally.states['SUCCEEDED'])} of {plural(tally.tasks, 'task')}"
        return f"The job was cancelled after {done} had succeeded"
    if outcome == "clarify":
        number = len(texts_of(run.intent.get("questions")))
        return f"{plural(number, 'question') if number else 'A question'} before this can run"
    if outcome == "findings":
        errors = sum(finding.get("severity") == "error" for finding in run.findings)
        return f"{plural(errors, 'error')} in the job; nothing was submitted"
    return _PLAIN[outcome]


_PLAIN = {
    "succeeded": "The job succeeded",
    "failed": "The job failed",
    "cancelled": "The job was cancelled",
    "deleted": "The job was deleted before it ended",
    "hopeless": "The job could not start",
    "refused": "Batch refused the job",
    "deadline": "The job did not end in the time it was given",
    "dry_run": "Dry run: this is what would be submitted",
    "reject": "This cannot be done as a Batch job",
    "stopped": "The run stopped before it submitted anything",
    "unfinished": "The job has not ended yet",
    "broken": "The run ended before there was a job",
}


def _of_tasks(tally: Tally) -> str:
    states, tasks = tally.states, tally.tasks
    if states["FAILED"] and tasks == 1:
        return "The task failed"
    if states["FAILED"]:
        return f"{count(states['FAILED'])} of {plural(tasks, 'task')} failed"
    if states["SUCCEEDED"] == tasks:
        return "The task succeeded" if tasks == 1 else f"All {count(tasks)} tasks succeeded"
    return f"{count(states['SUCCEEDED'])} of {plural(tasks, 'task')} succeeded"


def reason(run: Run) -> str:
    """Why it ended so, as whoever ended it said."""
    outcome = run.outcome
    if outcome in ("clarify", "reject"):
        return text_of(run.intent.get("message"))
    if outcome in ("findings", "stopped"):
        return text_of(run.gate.get("reason"))
    if outcome == "broken":
        # kfp.local only says "Task exit-handler-1 failed.", which is no step that a person knows.
        said = "" if _NAMES_NO_STEP.fullmatch(run.pipeline_error) else run.pipeline_error
        return said if run.job else said or text_of(run.intent.get("message"))
    if outcome == "dry_run" and not run.ledger:
        return text_of(run.gate.get("reason"))
    given_up = run.rounds[-1].get("given_up") if run.rounds else None
    if given_up and run.last_ledger.get("outcome") == "succeeded":
        return f"{plural(len(given_up), 'task')} failed for reasons that no change mends"
    said = text_of(run.last_ledger.get("reason"))
    return said[:1].upper() + said[1:]


def remedy(run: Run, tally: Tally) -> str:
    """What to do next, as far as the outcome itself says."""
    reasons = tally.failures.by_count()
    if run.outcome == "failed" and reasons:
        return reasons[0].remedy
    for source in (run.ledger, run.gate):
        said = text_of(source.get("fix") or source.get("remedy"))
        if said:
            return said
    if run.outcome in ("hopeless", "refused") and reason(run):
        return ""  # the supervision's reason ends with what to do
    return OUTCOMES[run.outcome].remedy
