"""What the service's status events mean: the cause, what to do, and whether waiting can help.

Sources: "Troubleshooting" of the Batch documentation (2026-04-08), and events that users published
(dsub#303, nextflow#3061).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from components.batch.exit_codes import explain
from components.supervision.life import Event
from components.tables.formats import stamp

Kind = Literal["wait", "stop", "alter", "config", "iam", "net", "info"]

# While a job still waits for its first VM, these never mend by themselves.
_HOPELESS: frozenset[Kind] = frozenset({"stop", "config", "iam", "net"})
_LONGEST = 600


@dataclass(frozen=True)
class Diagnosis:
    """What an event means.

    Attributes:
        kind: `wait`: it may pass. `stop`: it cannot pass. `alter`: another zone, machine or
            provisioning model may help. `config`, `iam`, `net`: the job, a permission or the
            network has to be mended. `info`: nothing is wrong, or a task failed.
        cause: what it is, one phrase.
        remedy: what to do, whole sentences; empty where there is nothing to do.
    """

    kind: Kind
    cause: str
    remedy: str = ""

    @property
    def hopeless(self) -> bool:
        """Whether a job that has not started will never start."""
        return self.kind in _HOPELESS


_MACHINES = "Try another zone, region, machine type or provisioning model."

# Pattern, kind, cause, remedy. \1, \2 ... stand for what the pattern found; the first match counts.
_TABLE: tuple[tuple[str, Kind, str, str], ...] = (
    (
        r"\[Quota: (\w+), limit: 0(?:\.0+)?,",
        "stop",
        r"the quota \1 is 0 in this region, so the job can never start",
        r"Ask for quota \1, or use another region or machine type.",
    ),
    (
        r"Quota checking process decides to delay scheduling.*\[Quota: (\w+), limit: ([\d.]+),"
        r" usage: ([\d.]+), wanted: ([\d.]*\d)",
        "wait",
        r"waiting for quota \1 (limit \2, in use \3, wanted \4)",
        "It starts when quota is free; lower parallelism needs less at a time.",
    ),
    (
        r"Quota checking process decides to delay scheduling",
        "wait",
        "waiting for quota",
        "It starts when quota is free; lower parallelism needs less at a time.",
    ),
    (
        r"Quota '?(\w+)'? exceeded\.?\s+Limit: 0(?:\.0+)? in (?:region|zone) ([\w-]+)",
        "stop",
        r"the quota \1 is 0 in \2, so the job can never start",
        r"Ask for quota \1 in \2, or use another region or machine type.",
    ),
    (
        r"Quota '?(\w+)'? exceeded\.?\s+Limit: ([\d.]+) in (?:region|zone) ([\w-]+)",
        "wait",
        r"quota \1 is used up in \3 (limit \2)",
        "It goes on when quota is free; lower parallelism needs less at a time.",
    ),
    (
        r"CODE_GCE_QUOTA_EXCEEDED",
        "wait",
        "a Compute Engine quota is used up",
        "It goes on when quota is free; lower parallelism needs less at a time.",
    ),
    (
        r"CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED|does not have enough resources available",
        "alter",
        "no such machines are free there now",
        _MACHINES,
    ),
    (
        r"caller does not have access to act as the specified service account: (\S+)",
        "iam",
        r"whoever submits may not act as the job's service account \1",
        r"Grant roles/iam.serviceAccountUser on \1 to the submitting account.",
    ),
    (
        r"CODE_SERVICE_ACCOUNT_MISMATCH",
        "config",
        "the instance template names another service account than the job",
        "Give the same service account in both, or leave it out of the job.",
    ),
    (
        r"no VM has agent reporting correctly within (?:the )?time window (\d+) seconds",
        "net",
        r"no VM reported to Batch within \1 s",
        "The job's service account needs roles/batch.agentReporter; VMs without an external IP "
        "address need Private Google Access; a custom image must be recent.",
    ),
    (
        r"outdated Batch (?:agent version|image version)",
        "config",
        "the VM image holds an outdated Batch agent",
        "Rebuild the image from a current Batch image.",
    ),
    (
        r"constraints/compute\.vmExternalIpAccess",
        "net",
        "a policy of the organisation forbids external IP addresses",
        "Set noExternalIpAddress, with Private Google Access and Cloud NAT in the subnetwork.",
    ),
    (
        r"constraints/compute\.trustedImageProjects",
        "config",
        "a policy of the organisation does not trust the VM image's project",
        "Use another boot image, or have the policy changed.",
    ),
    (
        r"Networks must be distinct for NICs",
        "config",
        "the network is given twice",
        "Give it in the instance template or in the job, not in both.",
    ),
    (
        r"no_external_ip_address field is invalid\. VPC Service Controls",
        "net",
        "VPC Service Controls forbid external IP addresses",
        "Set noExternalIpAddress to true.",
    ),
    (
        r"CODE_GCE_BAD_REQUEST|INVALID_FIELD_VALUE,\s*BACKEND_ERROR",
        "config",
        "Compute Engine refuses the VM's properties",
        "Check machine type, disks, GPUs and network; `intent2batch validate` knows most of "
        "the combinations that are refused.",
    ),
    (
        r"CODE_GCE_PERMISSION_DENIED|PERMISSION_DENIED",
        "iam",
        "a permission is missing",
        "Submitting needs roles/batch.jobsEditor, and roles/iam.serviceAccountUser on the "
        "job's service account.",
    ),
    (
        r"manifest unknown|pull access denied|denied: .*artifactregistry",
        "config",
        "the container image cannot be pulled",
        "Check its name and tag; the job's service account needs roles/artifactregistry.reader.",
    ),
    (
        r"due to Spot Preemption|with exit code 50001",
        "alter",
        "a Spot VM was preempted",
        "Batch repeats the task if maxRetryCount allows it; STANDARD VMs are not preempted.",
    ),
    (
        r"no longer receives VM updates|with exit code 50002",
        "alter",
        "a VM stopped reporting",
        "Often a lack of memory: raise computeResource.memoryMib or lower taskCountPerNode.",
    ),
)
_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), kind, cause, remedy)
    for pattern, kind, cause, remedy in _TABLE
)
_STOCK_OUT = re.compile(r"CODE_GCE_ZONE_RESOURCE_POOL_EXHAUSTED|does not have enough resources")
_TASK = re.compile(r"task with index (\d+) failed", re.IGNORECASE)
_CODE = re.compile(r"with exit code (\d+)")


def diagnose(description: str) -> Diagnosis:
    """What the description of a status event means; kind `info` where it tells of no trouble."""
    for pattern, kind, cause, remedy in _PATTERNS:
        found = pattern.search(description)
        if found:
            return Diagnosis(kind, _filled(cause, found), _filled(remedy, found))
    code = _CODE.search(description)
    if code and int(code[1]):
        known = explain(int(code[1]))
        return Diagnosis("info", f"exit code {known.code}: {known.meaning}", known.remedy)
    return Diagnosis("info", _shortened(description))


def told(found: Diagnosis) -> str:
    """The cause, and what to do where there is something to do."""
    return f"{found.cause}. {found.remedy}" if found.remedy else found.cause


def hopeless_reason(events: Sequence[Event]) -> str:
    """Why a job that still waits will never start; empty if it may.

    Args:
        events: the job's events, oldest first.
    """
    for event in reversed(events):
        found = diagnose(event.description)
        if found.hopeless:
            return told(found)
    return ""


def first_stock_out(events: Sequence[Event]) -> float | None:
    """When the service first said that there were no such machines, Unix seconds; None: never."""
    return next(
        (stamp(event.time) for event in events if _STOCK_OUT.search(event.description)), None
    )


def failure_reason(events: Sequence[Event], *, remedy: bool = True) -> str:
    """Why a failed job failed, from its newest event that tells.

    Args:
        events: the job's events, oldest first.
        remedy: whether to add what to do.
    """
    for event in reversed(events):
        found = diagnose(event.description)
        task = _TASK.search(event.description)
        if task and _CODE.search(event.description):
            return f"task {task[1]} failed: {told(found) if remedy else found.cause}"
        if found.kind != "info":
            return told(found) if remedy else found.cause
    for event in reversed(events):
        if "FAILED" in event.description:
            return _shortened(event.description)
    return _shortened(events[-1].description) if events else "the service gives no reason"


def _filled(text: str, found: re.Match[str]) -> str:
    for number, value in enumerate(found.groups(), start=1):
        text = text.replace(f"\\{number}", (value or "").rstrip(".,;"))
    return text


def _shortened(text: str) -> str:
    """One line without control characters: events may quote what a task printed."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split()).rstrip(".")
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}..."
