"""Rules of retries and lifecycle policies, and what Spot VMs ask of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from components.batch.durations import spoken
from components.batch.exit_codes import LOST_VM, PREEMPTED, TIMED_OUT
from components.batch.findings import Path
from components.batch.rules.rule import Problem, RuleSet
from components.batch.rules.view import POLICY, SPEC, JobView
from components.tables.formats import plural

RULES = RuleSet()

MOST_RETRIES = 10
_LONG_SPOT_S = 6 * 3600


def _policy(view: JobView) -> dict[str, Any]:
    policies = view.spec.get("lifecyclePolicies", [])
    return policies[0] if policies else {}


def _codes(policy: dict[str, Any]) -> list[int]:
    return list(policy.get("actionCondition", {}).get("exitCodes", []))


def retries_code(view: JobView, code: int) -> bool:
    """Whether a task that ends with this code is run again, retries being left."""
    policy = _policy(view)
    if not policy or "action" not in policy:
        return True
    return (code in _codes(policy)) is (policy["action"] == "RETRY_TASK")


@RULES.rule("RETRY_RANGE", "error", "P")
def retry_range(view: JobView) -> Iterator[Problem]:
    """0 to 10 retries."""
    if not 0 <= view.retries <= MOST_RETRIES:
        yield Problem(
            (*SPEC, "maxRetryCount"),
            f"maxRetryCount {view.retries} is out of range; 0 to {MOST_RETRIES} is allowed",
            f"use {min(MOST_RETRIES, max(0, view.retries))}",
        )


@RULES.rule("LP_ONE", "error", "P")
def one_policy(view: JobView) -> Iterator[Problem]:
    """At most one lifecycle policy."""
    count = len(view.spec.get("lifecyclePolicies", []))
    if count > 1:
        yield Problem(
            (*SPEC, "lifecyclePolicies", 1),
            f"{count} lifecycle policies; Batch takes 1",
            "put all exit codes in one policy",
        )


def _policies(view: JobView) -> Iterator[tuple[Path, dict[str, Any]]]:
    for index, policy in enumerate(view.spec.get("lifecyclePolicies", [])):
        yield (*SPEC, "lifecyclePolicies", index), policy


@RULES.rule("LP_ACTION", "error", "P")
def action_given(view: JobView) -> Iterator[Problem]:
    """A lifecycle policy has an action."""
    for path, policy in _policies(view):
        if "action" not in policy:
            yield Problem(
                (*path, "action"), "the policy has no action", "add RETRY_TASK or FAIL_TASK"
            )


@RULES.rule("LP_CODES", "error", "P, TS")
def exit_codes(view: JobView) -> Iterator[Problem]:
    """Exit codes of a lifecycle policy: 1 to 255, or 50000 to 50006."""
    for path, policy in _policies(view):
        where = (*path, "actionCondition", "exitCodes")
        if not _codes(policy):
            yield Problem(where, "the policy names no exit code", "list the codes that it is for")
        for index, code in enumerate(_codes(policy)):
            if code == 0:
                yield Problem(
                    (*where, index),
                    "exit code 0 is success and never looked at",
                    "remove it",
                    severity="warning",
                )
            elif not (1 <= code <= 255 or 50000 <= code <= 50006):
                yield Problem(
                    (*where, index),
                    f"{code} is no exit code of a task; they are 1 to 255 and 50000 to 50006",
                    "remove it",
                )


@RULES.rule("LP_NO_RETRY", "warning", "RT")
def policy_without_retries(view: JobView) -> Iterator[Problem]:
    """A lifecycle policy does nothing without retries."""
    if view.spec.get("lifecyclePolicies") and view.retries == 0:
        yield Problem(
            (*SPEC, "lifecyclePolicies"),
            "maxRetryCount is 0, so nothing is retried and the policy does nothing",
            "set maxRetryCount to 1 or more, or remove the policy",
        )


@RULES.rule("LP_OPPOSITE", "warning", "P, RT")
def other_codes(view: JobView) -> Iterator[Problem]:
    """Codes that are not listed get the opposite action."""
    policy = _policy(view)
    if not policy or view.retries < 1 or not _codes(policy):
        return
    where = (*SPEC, "lifecyclePolicies", 0, "actionCondition", "exitCodes")
    if policy.get("action") == "RETRY_TASK" and view.is_spot and PREEMPTED not in _codes(policy):
        yield Problem(
            where,
            "only the listed codes are retried; 50001 (Spot VM taken away) is not among them",
            "add 50001, 50002, 50003, 50004 and 50006",
        )
    elif policy.get("action") == "FAIL_TASK" and TIMED_OUT not in _codes(policy):
        yield Problem(
            where,
            "every code that is not listed is retried, 50005 (time is over) too",
            "add 50005, unless another try may be faster",
        )


@RULES.rule("LP_SHARED", "hint", "use")
def shared_budget(view: JobView) -> Iterator[Problem]:
    """All codes share one number of retries."""
    codes = _codes(_policy(view))
    if view.is_spot and PREEMPTED in codes and any(code < 256 for code in codes):
        yield Problem(
            (*SPEC, "maxRetryCount"),
            f"{plural(view.retries, 'retry', 'retries')} for preemptions and for failures of the "
            "program together",
            "count both, or retry only what the VM did",
        )


@RULES.rule("LP_TIMEOUT_RETRY", "warning", "TS")
def retry_of_timeouts(view: JobView) -> Iterator[Problem]:
    """A task that ran out of time will run out of time again."""
    policy = _policy(view)
    if view.retries > 0 and policy.get("action") == "RETRY_TASK" and TIMED_OUT in _codes(policy):
        index = _codes(policy).index(TIMED_OUT)
        yield Problem(
            (*SPEC, "lifecyclePolicies", 0, "actionCondition", "exitCodes", index),
            f"50005 (time is over) is retried: up to {view.retries + 1} times the cost",
            "raise maxRunDuration, or remove 50005",
        )


@RULES.rule("SPOT_RETRY", "warning", "TS, RT")
def spot_needs_retries(view: JobView) -> Iterator[Problem]:
    """Tasks on Spot VMs need retries."""
    if not view.is_spot:
        return
    if view.retries == 0:
        yield Problem(
            (*SPEC, "maxRetryCount"),
            f"{view.provisioning} VMs can be taken away at any time, and nothing is retried",
            "set maxRetryCount to 3 and retry " + ", ".join(str(code) for code in LOST_VM),
        )
    elif not retries_code(view, PREEMPTED) and _policy(view).get("action") == "FAIL_TASK":
        yield Problem(
            (*SPEC, "lifecyclePolicies", 0),
            "the policy fails tasks with 50001, which is what a taken Spot VM gives",
            "remove 50001 from FAIL_TASK",
        )


@RULES.rule("SPOT_LONG", "warning", "use")
def long_on_spot(view: JobView) -> Iterator[Problem]:
    """Long tasks on Spot VMs seldom end."""
    limit = view.max_run_duration
    if view.is_spot and limit is not None and limit > _LONG_SPOT_S:
        yield Problem(
            (*POLICY, "provisioningModel"),
            f"tasks of up to {spoken(limit)} lose all work when their {view.provisioning} VM is "
            "taken away",
            "make shorter tasks, save what is done, or use STANDARD",
        )


@RULES.rule("SPOT_IDEMPOTENT", "hint", "use")
def attempts_share_paths(view: JobView) -> Iterator[Problem]:
    """A retry finds what the attempt before left."""
    if view.retries > 0 and view.volumes:
        yield Problem(
            (*SPEC, "maxRetryCount"),
            "a retry meets the half-written output of the attempt before",
            "write to a name with ${BATCH_TASK_RETRY_ATTEMPT} and rename it at the end",
        )


@RULES.rule("PM_NEVER_ESCALATES", "hint", "use")
def spot_stays_spot(view: JobView) -> Iterator[Problem]:
    """Batch never falls back from Spot to STANDARD."""
    if view.is_spot and view.retries > 0:
        yield Problem(
            (*POLICY, "provisioningModel"),
            f"every retry asks for {view.provisioning} again; Batch never changes to STANDARD",
            "submit what failed again as STANDARD when it must be done",
        )
