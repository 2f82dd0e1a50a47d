"""Rules of the runnables: the steps that each task takes, in order; barriers among them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.batch.durations import spoken
from components.batch.rules.rule import Problem, RuleSet, shown
from components.batch.rules.view import SPEC, JobView

RULES = RuleSet()

_KINDS = ("script", "container", "barrier")
_MOST_LOOKED_AT = 100_000
# `gsutil cp out gs://…`: what is copied to, not from, a bucket stands last.
_UPLOAD = re.compile(
    r"\b(?:gsutil(?:[ \t]+-\w+)*|gcloud[ \t]+storage)[ \t]+(?:cp|mv|rsync)\b[^\n;&|]{0,500}[ \t]"
    r"[\"']?gs://[^\s;&|]{1,500}[ \t]*(?:[;&|\n]|\Z)"
)


@RULES.rule("RUN_EMPTY", "error", "P")
def no_runnables(view: JobView) -> Iterator[Problem]:
    """At least one runnable."""
    if view.job.get("taskGroups") and not view.runnables:
        yield Problem(
            (*SPEC, "runnables"),
            "the task has no runnable, so there is nothing to run; at least 1 is needed",
            'add "runnables": [{"script": {"text": "echo hello"}}]',
        )


@RULES.rule("RUN_ONEOF", "error", "P, X")
def empty_runnable(view: JobView) -> Iterator[Problem]:
    """Every runnable is a script, a container or a barrier."""
    for path, runnable in view.runnables_at():
        if not any(kind in runnable for kind in _KINDS):
            yield Problem(
                path,
                f"runnables[{path[-1]}] is neither script, container nor barrier",
                "give it exactly one of them, or remove it",
            )


@RULES.rule("RUN_NO_WORK", "error", "P")
def nothing_in_front(view: JobView) -> Iterator[Problem]:
    """Something runs in the foreground."""
    filled = [r for r in view.runnables if any(kind in r for kind in _KINDS)]
    if filled and all("barrier" in r or r.get("background") for r in filled):
        yield Problem(
            (*SPEC, "runnables"),
            "every runnable is a barrier or runs in the background, so the task does no work",
            "add a script or container that runs in the foreground",
        )


@RULES.rule("RUN_ALL_IGNORE", "warning", "P")
def never_fails(view: JobView) -> Iterator[Problem]:
    """A task that cannot fail."""
    working = [
        r for r in view.runnables if ("script" in r or "container" in r) and not r.get("background")
    ]
    if working and all(r.get("ignoreExitStatus") for r in working):
        yield Problem(
            (*SPEC, "runnables"),
            "ignoreExitStatus stands on every step, so failures look like successes",
            "remove it from the step whose result counts",
        )


@RULES.rule("RUN_BG_TIMEOUT", "warning", "P")
def background_last(view: JobView) -> Iterator[Problem]:
    """A background step is killed when the steps in front have ended."""
    if view.runnables and view.runnables[-1].get("background") and len(view.runnables) > 1:
        yield Problem(
            (*SPEC, "runnables", len(view.runnables) - 1, "background"),
            "the last step runs in the background; it is killed as soon as the others have ended",
            "run it in the foreground, or put it before the steps that need it",
        )


@RULES.rule("RUN_ALWAYS", "hint", "P")
def always_run(view: JobView) -> Iterator[Problem]:
    """What alwaysRun does not outlive, and a copy of the results that a failure skips."""
    for path, runnable in view.runnables_at():
        if runnable.get("alwaysRun") and view.max_run_duration is not None:
            yield Problem(
                (*path, "alwaysRun"),
                "alwaysRun does not run any more once maxRunDuration "
                f"({spoken(view.max_run_duration)}) is over",
                "give the steps before it a timeout that leaves time for it",
            )
    last = view.runnables[-1] if len(view.runnables) > 1 else {}
    text = last.get("script", {}).get("text", "")[:_MOST_LOOKED_AT]
    if _UPLOAD.search(text) and not last.get("alwaysRun") and not last.get("background"):
        yield Problem(
            (*SPEC, "runnables", len(view.runnables) - 1),
            "the last step copies to Cloud Storage; when a step before it fails it does not run",
            "set alwaysRun to true if what a failed task leaves is wanted too",
        )


@RULES.rule("TIMEOUT_MAX", "warning", "Q")
def longest_run(view: JobView) -> Iterator[Problem]:
    """No job runs longer than 14 days; 7 with flexible start."""
    limit = view.max_run_duration
    flexible = view.provisioning == "FLEX_START" or (
        view.machine is not None
        and view.machine.family == "a3"
        and view.provisioning == "STANDARD"
        and view.policy.get("reservation") == "NO_RESERVATION"
    )
    days = 7 if flexible else 14
    if limit is not None and limit > days * 86400:
        yield Problem(
            (*SPEC, "maxRunDuration"),
            f"{spoken(limit)} is longer than the {days} days after which Batch fails the job",
            "make the tasks shorter, or save what is done so that another job can go on",
        )


@RULES.rule("TIMEOUT_NONE", "warning", "TO, P")
def no_time_limit(view: JobView) -> Iterator[Problem]:
    """A task without a time limit may run, and cost, for 14 days."""
    if view.runnables and view.max_run_duration is None:
        yield Problem(
            (*SPEC, "maxRunDuration"),
            "without maxRunDuration a task that hangs runs, and is paid for, up to 14 days",
            'set it to a little more than a task takes, such as "3600s"',
        )


@RULES.rule("TIMEOUT_SUM", "warning", "TO, KI")
def dead_timeouts(view: JobView) -> Iterator[Problem]:
    """A step's timeout that the task's own limit makes meaningless."""
    limit = view.max_run_duration
    if limit is None:
        return
    for path, runnable in view.runnables_at():
        timeout = runnable.get("timeout")
        if timeout is not None and timeout >= limit:
            yield Problem(
                (*path, "timeout"),
                f"the step may take {spoken(timeout)}, the whole task {spoken(limit)}; "
                "exit code 50005 will not tell which of them ended it",
                "make the step's timeout shorter than maxRunDuration",
            )


@RULES.rule("TIMEOUT_SHORT", "warning", "use")
def short_limit(view: JobView) -> Iterator[Problem]:
    """Mounting and pulling count too."""
    limit = view.max_run_duration
    if limit is not None and limit < 60:
        yield Problem(
            (*SPEC, "maxRunDuration"),
            f"{spoken(limit)} is short: mounting volumes and pulling the image count too",
            "use 60s or more",
        )


def _barriers(view: JobView) -> list[int]:
    return [index for index, runnable in enumerate(view.runnables) if "barrier" in runnable]


@RULES.rule("BAR_PAR", "error", "P, MPI")
def barrier_passable(view: JobView) -> Iterator[Problem]:
    """All tasks must run at once where one waits for the others."""
    barriers = _barriers(view)
    if not barriers or view.task_count <= 1:
        return
    parallel = view.group.get("parallelism")
    where = (*SPEC, "runnables", barriers[0], "barrier")
    if view.group.get("schedulingPolicy") == "IN_ORDER":
        yield Problem(
            where,
            "a barrier waits for all tasks, but schedulingPolicy IN_ORDER runs one at a time",
            "remove IN_ORDER or the barrier",
        )
    elif parallel is not None and parallel < view.task_count:
        yield Problem(
            where,
            f"a barrier waits for all {view.task_count} tasks, but only {parallel} run at once, "
            "so it can never be passed",
            f"set parallelism to {view.task_count}",
        )
    elif parallel is None:
        yield Problem(
            where,
            f"a barrier waits for all {view.task_count} tasks, and parallelism is not set",
            f"set parallelism to {view.task_count}",
            severity="warning",
        )


@RULES.rule("BAR_TIMEOUT", "warning", "TO")
def barrier_timeout(view: JobView) -> Iterator[Problem]:
    """A barrier that is never passed needs an end."""
    barriers = _barriers(view)
    if barriers and view.max_run_duration is None and view.task_count > 1:
        yield Problem(
            (*SPEC, "runnables", barriers[0], "barrier"),
            "tasks that wait at a barrier for one that died wait up to 14 days",
            "set maxRunDuration",
        )


@RULES.rule("BAR_RETRY", "warning", "use")
def barrier_retry(view: JobView) -> Iterator[Problem]:
    """A task that runs again finds nobody at the barrier."""
    barriers = _barriers(view)
    if barriers and view.task_count > 1 and (view.retries or view.is_spot):
        why = "Spot VMs" if view.is_spot else f"maxRetryCount {view.retries}"
        yield Problem(
            (*SPEC, "runnables", barriers[0], "barrier"),
            f"barrier with {why}: a task that runs again waits for tasks that have passed already",
            "use VMs that are not taken away and no retries, or tasks that stand alone",
        )


@RULES.rule("BAR_NAME", "warning", "P")
def barrier_name(view: JobView) -> Iterator[Problem]:
    """A barrier's name is an identifier."""
    for index in _barriers(view):
        name = view.runnables[index]["barrier"].get("name", "")
        if name and not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", name):
            yield Problem(
                (*SPEC, "runnables", index, "barrier", "name"),
                f"barrier name {shown(name)} is no identifier",
                "use letters, digits, - and _",
            )
