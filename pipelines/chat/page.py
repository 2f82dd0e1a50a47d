"""What a dialogue shows of a job."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from components.batch.budget import over_budget
from components.batch.findings import Finding
from components.batch.forecast import Assumptions, Forecast, forecast
from components.batch.forecast_words import one_line
from components.batch.locations import job_region
from components.config.check import Against, validate_text
from components.config.text_diff import text_diff
from components.parse_intent.answer import told_changes
from components.tables.formats import plural
from components.tables.text import brief, json_text, visible
from pipelines.chat.state import Rules, State

HELP = """\
Say what should run, then what should be different. Text between ``` lines is taken as it is.
  show           the job, the reason for each field, what is wrong with it, what it costs
  job            the job as JSON
  diff           what the last change did
  edit           change the job in $VISUAL or $EDITOR; edit yaml: as YAML
  undo           take the last change back
  project ID     the project that the job runs in
  region NAME    the region that it is submitted to
  name NAME      the name of the run, which begins the job's id
  dry-run        check, forecast, and the exact request; nothing is sent
  submit         submit the job and wait for it; submit no-wait: do not wait
  save FILE      write the job to a file: JSON, or YAML where the name ends so
  exit           leave (as Ctrl-C and Ctrl-D do); nothing is submitted
With / before it a line is a command and never words about the job.
"""
_MOST_FINDINGS = 20


def text_of(job: Any) -> str:
    """A job as it is compared, saved and edited."""
    return json_text(job, indent=2) + "\n"


def whole(state: State, rules: Rules) -> str:
    """The job with the reason for each field, its findings and its cost."""
    from pipelines.cli.parse import explain

    made = state.made
    if made is None:
        return state.question or "There is no job yet: say what should run."
    page = io.StringIO()
    explain(replace(made.answer, changes=[]), page)
    return visible(f"{page.getvalue().rstrip()}\n\n{standing(state, rules, hints=True)}")


def changed(before: State, state: State, rules: Rules) -> str:
    """What the last message did: the difference, the words for it, findings and cost."""
    made = state.made
    if made is None:
        return ""
    lines = [made.answer.message, "", difference(before, state).rstrip(), ""]
    lines += [*_words_for(before, state), *_beside(state), standing(state, rules)]
    return visible("\n".join(lines))


def difference(before: State, state: State) -> str:
    """The two jobs compared, line by line; empty where nothing changed."""
    old, new = (text_of(job) if job else "" for job in (before.job, state.job))
    return visible(text_diff(old, new, "job", "changed"))


def _words_for(before: State, state: State) -> Iterator[str]:
    """The words behind each difference, where there are any."""
    answer = state.versions[-1].answer
    changes = told_changes(before.job or {}, state.job or {}, answer.evidence)
    for change in changes:
        if change["quote"]:
            yield f'{change["path"]}: "{brief(change["quote"], 96)}"'
    if any(change["quote"] for change in changes):
        yield ""


def _beside(state: State) -> Iterator[str]:
    answer = state.versions[-1].answer
    for title, said in (("Warnings", answer.warnings), ("Not read", answer.unread)):
        if said:
            yield from (f"{title}:", *(f"  {brief(line, 300)}" for line in said), "")


def standing(state: State, rules: Rules, *, hints: bool = False) -> str:
    """What is wrong with the job, what it costs, where it would go, what is open."""
    return visible("\n".join([*_found(state, rules, hints), *_standing(state, rules)]))


def _found(state: State, rules: Rules, hints: bool) -> Iterator[str]:
    every = findings(state, rules)
    found = [finding for finding in every if hints or finding.severity != "hint"]
    for finding in found[:_MOST_FINDINGS]:
        path = f" {finding.path}" if finding.path else ""
        fix = f" (fix: {finding.fix})" if finding.fix else ""
        yield brief(f"{finding.severity} {finding.rule}{path}: {finding.message}{fix}")
    if len(found) > _MOST_FINDINGS:
        yield f"and {len(found) - _MOST_FINDINGS} findings more"
    if not found:
        yield "Checked: no errors, no warnings."
    if len(found) < len(every):
        yield f"{plural(len(every) - len(found), 'hint')}: show"


def _standing(state: State, rules: Rules) -> Iterator[str]:
    told = cost(state, rules)
    yield f"Forecast: {one_line(told)}"
    if over := over_budget(told, rules.max_cost_usd):
        yield f"Over the budget: {over}."
    yield f"To submit: {place(state)}"
    if state.question:
        yield f"Open: {brief(state.question)}"


def place(state: State) -> str:
    """Where the job would go, under which name."""
    project = state.project or "none yet (project ID)"
    region = job_region(state.job or {}, state.region)
    return f"project {project}, region {region}, name {state.named}"


def findings(state: State, rules: Rules) -> list[Finding]:
    """What the rules of Batch and the policy have against the job where it would go."""

    def worst(_: object) -> float | None:
        return cost(state, rules).worst_usd

    against = Against(region=state.region, policy=rules.policy, cost_of=worst)
    return validate_text(text_of(state.job), "job", against=against).findings


def cost(state: State, rules: Rules) -> Forecast:
    """The job's forecast where it would go."""
    given = Assumptions(region=state.region, task_s=rules.task_s)
    return forecast(state.job or {}, rules.prices, given)


def faults(state: State, rules: Rules) -> str:
    """Why the job may not be sent; empty where it may."""
    if state.job is None:
        return "There is no job yet: say what should run."
    if state.question:
        return f"Something is open: {state.question} (undo drops it)"
    if not state.project:
        return "No project is chosen: project ID."
    errors = [finding for finding in findings(state, rules) if finding.severity == "error"]
    if errors:
        told = [f"  {e.rule} {e.path}: {e.message}" for e in errors[:_MOST_FINDINGS]]
        return "\n".join([f"The job has {plural(len(errors), 'error')}:", *told])
    if over := over_budget(cost(state, rules), rules.max_cost_usd):
        return f"{over}."
    return ""
