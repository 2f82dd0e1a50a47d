"""Rules of the job as a whole: groups, priority, size, labels, logs, notifications."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from components.batch.findings import Path
from components.batch.rules.rule import Problem, RuleSet, shown
from components.batch.rules.view import ALLOCATION, JobView
from components.tables.formats import plural

RULES = RuleSet()

# Batch's quotas page: a job definition is at most 1 MB.
MOST_BYTES = 1_000_000
WARN_BYTES = 800_000
# 64 labels a resource, less those that Batch sets itself (guide for labels).
MOST_JOB_LABELS = 63
MOST_VM_LABELS = 61

_LABEL_KEY = re.compile(r"[a-z][-_a-z0-9]{0,62}\Z")
_LABEL_VALUE = re.compile(r"[-_a-z0-9]{0,63}\Z")
_BATCH_LABELS = frozenset({"batch-job-id", "batch-job-uid", "batch-node"})
_TOPIC = re.compile(r"projects/[^/\s]+/topics/[^/\s]+\Z")
_OUTPUT_ONLY = ("name", "uid", "status", "createTime", "updateTime")


@RULES.rule("OUTPUT_ONLY", "hint", "P")
def output_only(view: JobView) -> Iterator[Problem]:
    """Fields that only the service writes."""
    paths: list[Path] = [(name,) for name in _OUTPUT_ONLY if name in view.job]
    if "name" in view.group:
        paths.append(("taskGroups", 0, "name"))
    for path in paths:
        why = "; the job id is given when the job is created" if path == ("name",) else ""
        yield Problem(
            path, f"`{path[-1]}` is written by the service and ignored here{why}", "remove it"
        )


@RULES.rule("JOB_SIZE", "error", "Q")
def size(view: JobView) -> Iterator[Problem]:
    """A job definition of more than 1 MB."""
    if view.size_bytes > WARN_BYTES:
        over = view.size_bytes > MOST_BYTES
        yield Problem(
            (),
            f"the job is {view.size_bytes} bytes; the limit is {MOST_BYTES} (1 MB)",
            "split it into several jobs, or read scripts and per-task data from Cloud Storage",
            severity="error" if over else "warning",
        )


@RULES.rule("TG_ONE", "error", "P")
def one_task_group(view: JobView) -> Iterator[Problem]:
    """Exactly one task group."""
    groups = view.job.get("taskGroups", [])
    if not groups:
        yield Problem(
            ("taskGroups",),
            "the job has no task group; exactly 1 is needed",
            'add "taskGroups": [{"taskSpec": {"runnables": [ … ]}}]',
        )
    elif len(groups) > 1:
        yield Problem(
            ("taskGroups", 1),
            f"the job has {len(groups)} task groups; Batch runs exactly 1",
            "make one job for each group",
        )


@RULES.rule("PRIORITY", "error", "P")
def priority(view: JobView) -> Iterator[Problem]:
    """Priority from 0 to 99."""
    value = view.job.get("priority", 0)
    if not 0 <= value <= 99:
        yield Problem(
            ("priority",),
            f"priority {value} is out of range; 0 to 99 is allowed, 99 is the most urgent",
            f"use {min(99, max(0, value))}",
        )


def _label_maps(view: JobView) -> Iterator[tuple[Path, dict[str, str], int]]:
    """The label maps of a job: path, labels, how many there may be."""
    yield ("labels",), view.job.get("labels", {}), MOST_JOB_LABELS
    yield (*ALLOCATION, "labels"), view.allocation.get("labels", {}), MOST_VM_LABELS
    for path, runnable in view.runnables_at():
        yield (*path, "labels"), runnable.get("labels", {}), MOST_JOB_LABELS


@RULES.rule("LABEL_KEY", "error", "LB")
def label_form(view: JobView) -> Iterator[Problem]:
    """Label keys and values: lower-case letters, digits, - and _, at most 63 characters."""
    for path, labels, _ in _label_maps(view):
        for key, value in labels.items():
            if not _LABEL_KEY.match(key):
                yield Problem(
                    (*path, key),
                    f"label key {shown(key)} must start with a lower-case letter and hold only "
                    "lower-case letters, digits, - and _, at most 63 characters",
                    f"use {shown(label_slug(key, 'label'))}",
                )
            if not _LABEL_VALUE.match(value):
                yield Problem(
                    (*path, key),
                    f"label value {shown(value)} may hold only lower-case letters, digits, - and "
                    "_, at most 63 characters",
                    f"use {shown(label_slug(value, ''))}",
                )


def label_slug(text: str, start: str) -> str:
    """The text as a label: lower case, other characters as -, cut to 63."""
    slug = re.sub(r"[^-_a-z0-9]+", "-", text.lower()).strip("-")
    if start and not slug[:1].isalpha():
        slug = f"{start}-{slug}".strip("-")
    return slug[:63]


@RULES.rule("LABEL_COUNT", "error", "LB")
def label_count(view: JobView) -> Iterator[Problem]:
    """At most 63 labels on a job and its runnables, 61 on its VMs."""
    for path, labels, most in _label_maps(view):
        if len(labels) > most:
            yield Problem(
                path, f"{len(labels)} labels; the limit here is {most}", "drop some labels"
            )


@RULES.rule("LABEL_RESERVED", "error", "LB, P")
def label_reserved(view: JobView) -> Iterator[Problem]:
    """Labels that Batch sets itself."""
    for path, labels, _ in _label_maps(view):
        for key in labels:
            if key in _BATCH_LABELS:
                yield Problem((*path, key), f"label {shown(key)} is set by Batch", "remove it")
            elif key.startswith(("goog-", "google-")):
                yield Problem(
                    (*path, key),
                    f"label {shown(key)}: names that start with goog- or google- are reserved",
                    "choose another name",
                    severity="warning",
                )


@RULES.rule("LABEL_DUP", "warning", "LB")
def label_twice(view: JobView) -> Iterator[Problem]:
    """The same label on the job and on its VMs, with different values."""
    for key, value in view.allocation.get("labels", {}).items():
        other = view.job.get("labels", {}).get(key, value)
        if other != value:
            yield Problem(
                (*ALLOCATION, "labels", key),
                f"label {shown(key)} is {shown(value)} on the VMs and {shown(other)} on the job",
                "give it one value",
            )


@RULES.rule("LABELS_NONE", "hint", "LB")
def no_labels(view: JobView) -> Iterator[Problem]:
    """No label to find the cost by."""
    if not any(labels for _, labels, _ in _label_maps(view)):
        yield Problem(
            ("labels",),
            "the job has no label, so billing reports cannot tell its cost apart",
            'add for example "labels": {"pipeline": "nightly"}',
        )


@RULES.rule("LOGS_NONE", "warning", "P")
def logs_lost(view: JobView) -> Iterator[Problem]:
    """Logs that nobody keeps."""
    if "destination" not in view.job.get("logsPolicy", {}):
        yield Problem(
            ("logsPolicy",),
            "without a log destination the logs are not kept, so a failure cannot be explained",
            'add "logsPolicy": {"destination": "CLOUD_LOGGING"}',
        )


@RULES.rule("LOGS_PATH", "error", "P")
def logs_path(view: JobView) -> Iterator[Problem]:
    """Logs to PATH need a path, on a volume that outlives the VM."""
    policy = view.job.get("logsPolicy", {})
    if policy.get("destination") != "PATH":
        return
    path = policy.get("logsPath", "")
    where: Path = ("logsPolicy", "logsPath")
    if not path.startswith("/"):
        yield Problem(
            where,
            f"destination PATH needs an absolute logsPath, not {shown(path)}",
            "give the path of a mounted volume, such as /mnt/disks/logs",
        )
    elif not view.is_mounted(path):
        yield Problem(
            where,
            f"{shown(path)} is under no mounted volume; these logs are lost with the VM",
            "write under the mountPath of a bucket or NFS volume",
            severity="warning",
        )


@RULES.rule("LOGS_EXTRA", "warning", "P")
def logs_extra(view: JobView) -> Iterator[Problem]:
    """Log settings that the destination ignores."""
    policy = view.job.get("logsPolicy", {})
    destination = policy.get("destination", "none")
    for field, wanted in (("logsPath", "PATH"), ("cloudLoggingOption", "CLOUD_LOGGING")):
        if policy.get(field) and destination != wanted:
            yield Problem(
                ("logsPolicy", field),
                f"{field} is ignored while destination is {destination}",
                f"set destination to {wanted}, or remove {field}",
            )


def _notifications(view: JobView) -> Iterator[tuple[Path, dict[str, Any]]]:
    for index, notification in enumerate(view.job.get("notifications", [])):
        yield ("notifications", index), notification


@RULES.rule("NOTIF_TOPIC", "error", "P")
def notification_topic(view: JobView) -> Iterator[Problem]:
    """A topic is named projects/P/topics/T."""
    for path, notification in _notifications(view):
        topic = notification.get("pubsubTopic", "")
        if not _TOPIC.match(topic):
            yield Problem(
                (*path, "pubsubTopic"),
                f"{shown(topic)} is no topic name; the form is projects/PROJECT/topics/TOPIC",
                "write the topic's full name",
            )


@RULES.rule("NOTIF_MSG", "warning", "P")
def notification_silent(view: JobView) -> Iterator[Problem]:
    """A notification that never sends."""
    for path, notification in _notifications(view):
        if not notification.get("message"):
            yield Problem(
                (*path, "message"),
                "a notification without a message never sends anything",
                'add "message": {"type": "JOB_STATE_CHANGED"}',
            )


@RULES.rule("NOTIF_MIX", "error", "P")
def notification_mixed(view: JobView) -> Iterator[Problem]:
    """A message is about the job or about tasks, not both."""
    for path, notification in _notifications(view):
        message = notification.get("message", {})
        about = message.get("type", "")
        where = (*path, "message")
        if "newJobState" in message and "newTaskState" in message:
            yield Problem(
                where,
                "newJobState and newTaskState are both given; a message is about one of them",
                "make one notification for each",
            )
        elif "newTaskState" in message and about == "JOB_STATE_CHANGED":
            yield Problem(
                where, "newTaskState does not go with JOB_STATE_CHANGED", "use TASK_STATE_CHANGED"
            )
        elif "newJobState" in message and about == "TASK_STATE_CHANGED":
            yield Problem(
                where, "newJobState does not go with TASK_STATE_CHANGED", "use JOB_STATE_CHANGED"
            )


@RULES.rule("NOTIF_LOSSY", "hint", "KI")
def notification_lossy(view: JobView) -> Iterator[Problem]:
    """Pub/Sub can miss quick states."""
    if view.job.get("notifications"):
        yield Problem(
            ("notifications",),
            f"{plural(len(view.job['notifications']), 'notification')}: states that pass quickly "
            "may not be sent",
            "take notifications as a hint, and read the job's state to be sure",
        )
