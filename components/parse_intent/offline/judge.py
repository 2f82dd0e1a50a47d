"""What must be asked before a job can be built, and what cannot be done at all."""

from __future__ import annotations

import re
from functools import cache

from components.batch.machines import machine_types, supported
from components.parse_intent.draft import Draft
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import (
    GPU_COUNTS,
    GPU_OF_SERIES,
    GPUS_OF_N1,
    REGIONS,
)

MAX_TASKS = 100_000
MAX_PARALLEL = 5_000
MAX_RETRIES = 10
MAX_RUN_S = 14 * 86_400
MAX_FLEX_S = 7 * 86_400
MAX_PRIORITY = 99
MAX_TASK_ENVIRONMENTS = 200


def broken_limits(draft: Draft) -> list[str]:
    """Why the draft can never run, each with the limit and its number."""
    found: list[str] = []
    count, parallel = draft.task_count, draft.parallelism
    if count is not None and count.value > MAX_TASKS:
        found.append(
            f"{count.value:,} tasks are too many: a Batch job holds at most {MAX_TASKS:,} tasks. "
            "Split the work into several jobs, or let each task do several items."
        )
    if count is not None and count.value < 1:
        found.append(f"A job needs at least 1 task; {count.value} were asked.")
    if parallel is not None and parallel.value > MAX_PARALLEL:
        found.append(
            f"{parallel.value:,} tasks at the same time are too many: the limit of parallel tasks "
            f"in one job is {MAX_PARALLEL:,}."
        )
    if draft.max_retries is not None and draft.max_retries.value > MAX_RETRIES:
        found.append(
            f"{draft.max_retries.value} retries are too many: maxRetryCount is at most "
            f"{MAX_RETRIES}."
        )
    if draft.priority is not None and not 0 <= draft.priority.value <= MAX_PRIORITY:
        found.append(
            f"Priority {draft.priority.value} is out of range: a job's priority is 0 to "
            f"{MAX_PRIORITY}."
        )
    if draft.task_envs and max(e.index for e in draft.task_envs) >= MAX_TASK_ENVIRONMENTS:
        found.append(f"Task environments are limited to {MAX_TASK_ENVIRONMENTS} tasks.")
    return found + _too_large(draft) + _run_time(draft) + _machines(draft) + _together(draft)


@cache
def _largest() -> tuple[float, float]:
    """The most vCPUs and the most memory in GiB that a machine of Batch has."""
    known = [machine for machine in machine_types().values() if supported(machine)]
    return max(m.vcpus for m in known), max(m.memory_gib for m in known)


def _too_large(draft: Draft) -> list[str]:
    """A task's CPU or memory beyond the largest machine that Batch takes."""
    vcpus, memory = _largest()
    found = []
    if draft.cpu_milli is not None and draft.cpu_milli.value > vcpus * 1000:
        found.append(
            f"{draft.cpu_milli.value / 1000:,g} vCPUs for one task are too many: the largest "
            f"machine of Batch has {vcpus:,g}."
        )
    if draft.memory_mib is not None and draft.memory_mib.value > memory * 1024:
        found.append(
            f"{draft.memory_mib.value / 1024:,g} GiB of memory for one task are too much: the "
            f"largest machine of Batch has {memory:,g} GiB."
        )
    return found


def broken_numbers(draft: Draft) -> list[tuple[str, float]]:
    """The fields whose number is beyond a limit, each with the limit in the unit people use."""
    limits = (
        ("task_count", MAX_TASKS, 1),
        ("parallelism", MAX_PARALLEL, 1),
        ("max_retries", MAX_RETRIES, 1),
        ("priority", MAX_PRIORITY, 1),
        ("max_run_s", MAX_RUN_S, 3600),
    )
    found = []
    for name, limit, unit in limits:
        asked = getattr(draft, name)
        if asked is not None and asked.value > limit:
            found.append((name, limit / unit))
    return found


def _run_time(draft: Draft) -> list[str]:
    found = []
    times = [draft.max_run_s] + [step.timeout_s for step in draft.steps]
    flex = draft.provisioning is not None and draft.provisioning.value == "FLEX_START"
    limit, days = (MAX_FLEX_S, 7) if flex else (MAX_RUN_S, 14)
    for time in times:
        if time is not None and time.value > limit:
            how = " with flex-start" if flex else ""
            found.append(
                f"{time.value / 86400:g} days in one run are too long: the maximum run time of a "
                f"task is {days} days{how}. Checkpoint the work and split it into shorter tasks."
            )
            break
    return found


def _machines(draft: Draft) -> list[str]:
    if draft.instance_template is not None and draft.machine_type is not None:
        return [
            "An instance template and a machine type exclude each other in one job: the instance "
            "policy takes either the template or its own machine settings. Choose one."
        ]
    if draft.gpus is None:
        return []
    gpu, count = draft.gpus.type, draft.gpus.count
    if gpu == "nvidia-tesla-k80":
        return ["The K80 GPU is no longer offered by Google Cloud; choose a T4 or an L4."]
    found = []
    if count not in GPU_COUNTS.get(gpu, (count,)):
        counts = ", ".join(str(n) for n in GPU_COUNTS[gpu])
        found.append(f"{count} GPUs of type {gpu} on a VM are not offered; possible are {counts}.")
    if draft.machine_type is None:
        return found
    machine = draft.machine_type.value
    series = machine.split("-", 1)[0]
    fits = (gpu in GPUS_OF_N1 and series in ("n1", "custom")) or gpu in GPU_OF_SERIES.get(
        series, ()
    )
    of_series = {kind for kinds in GPU_OF_SERIES.values() for kind in kinds}
    if not fits and gpu in of_series | set(GPUS_OF_N1):
        home = next((s for s, kinds in GPU_OF_SERIES.items() if gpu in kinds), "n1")
        found.append(
            f"A GPU of type {gpu} (the accelerator asked for) cannot be attached to {machine}: "
            f"the {series} series does not take it, use a machine of the {home} series."
        )
    return found


def _together(draft: Draft) -> list[str]:
    found = []
    regions = {region_of(place.value) for place in draft.locations}
    if len(regions) > 1:
        names = " and ".join(sorted(regions))
        found.append(
            f"A job's VMs must all be in one region, but {names} were asked: make one job for each."
        )
    if any(step.kind == "barrier" for step in draft.steps):
        if draft.in_order is not None and draft.in_order.value:
            found.append("Tasks that run one after another can never meet at a barrier.")
        elif (
            draft.parallelism
            and draft.task_count
            and 0 < draft.parallelism.value < draft.task_count.value
        ):
            found.append(
                f"A barrier needs all {draft.task_count.value} tasks at once, but the parallelism "
                f"is limited to {draft.parallelism.value}: the job would wait for ever."
            )
    return found


def region_of(place: str) -> str:
    """The region of "regions/R" or "zones/R-z"."""
    kind, _, name = place.partition("/")
    return name.rsplit("-", 1)[0] if kind == "zones" else name


LEAK = Pattern(
    r"\b(?:everything|what|all) (?:that )?you (?:were|have been|got) told\b"
    r"|\byour hidden \w+|\bhidden (?:instructions?|prompt|rules)\b"
    r"|\b(?:any|the|your|all) (?:credentials|secrets|api keys|tokens|passwords)(?: \w+){0,2}"
    r" (?:in your|you have|that you|you (?:can|hold))\b"
    r"|\b(?:ignore|disregard|forget|override|bypass)\b[^.\n]{0,40}\b(?:instructions?|rules?"
    r"|prompts?|guardrails?|guidelines|restrictions)\b"
    r"|\b(?:print|show|reveal|tell|output|repeat|display|give|dump|send|share|leak|what(?:'s"
    r"| is| are))\b[^.\n]{0,50}\b(?:system prompt|your (?:\w+ )?(?:prompt|instructions)"
    r"|your (?:own )?(?:api|secret|access)[ -]?(?:key|token)s?|initial prompt|hidden prompt)\b"
    r"|\b(?:print|show|reveal|tell|output|repeat|display|give|dump|share|quote|recite)\b[^.\n]{0,30}"
    r"\binstructions? (?:that )?(?:you (?:were|got|have been|are) (?:given|told)|given to you)\b"
    r"|\byou are now (?:in |a |an |the )",
    re.IGNORECASE,
)
POWER = Pattern(
    r"\b(?:grant|give|assign|add|make)\b[^.\n]{0,50}\b(?:roles?/\w[\w.]*|owner|editor"
    r"|admin(?:istrator)?|iam)\b(?: (?:role|rights|access|permissions?))?"
    r"|\b(?:delete|wipe|destroy|erase|drop)\b[^.\n]{0,25}\b(?:all )?(?:buckets?|projects?"
    r"|databases?|clusters?|vms|instances|jobs|disks|service accounts?|everything"
    r"|production)\b"
    r"|\b(?:delete|wipe|destroy|erase|empty|purge)\b[^.\n]{0,25}\b(?:all|every|any|the whole"
    r"|each)\b"
    r"[^.\n]{0,20}\b(?:objects?|files?|data|content\w*|backups?|tables?|images?|logs)\b"
    r"[^.\n]{0,20}\b(?:gs://|buckets?|project|account|registry|dataset|database)"
    r"|\bdisable (?:the )?(?:audit|firewall|billing)\b|\bopen (?:the )?firewall\b",
    re.IGNORECASE,
)
OF_LABELS = Pattern(r"\blabels?\b", re.IGNORECASE)  # "the label owner=x" grants nothing
ROLES = Pattern(
    r"\broles/\w[\w.]*|\b(?:owner|editor|admin) (?:role|rights|access)\b", re.IGNORECASE
)
# Attacks; those who study, find or ward them off name them too.
WARDING = (
    r"(?:anal(?:ys(?:is|es|e|ing|ts?)|yz\w+)|detect\w*|classif\w+|scann?\w*|triage|research\w*"
    r"|samples?|lab|team|sandbox\w*|detonat\w+|defen[cs]e|protection|mitigation|filter\w*"
    r"|famil(?:y|ies)|dataset|corpus|feed"
    r"|signatures?|report|model|predict\w*|hunt\w*|forensics?|traffic (?:class|anal)\w*)"
)
MINING = Pattern(
    r"(?<!anti-)\b(?:ddos|denial[- ]of[- ]service|ransomware|malware|botnet|brute[- ]?force (?:ssh"
    rf"|passwords?|logins?))\b(?![- ](?:\w+ )?{WARDING}\b)",
    re.IGNORECASE,
)
WARDED = Pattern(
    rf"\b{WARDING}(?: (?:of|for|against|on|from|the|new|known|all|our)){{0,3}} $", re.I
)
OTHER_WORK = Pattern(
    r"^\W*(?:please |can you |could you |i want you to "
    r"|i need you to )?(?:write (?:me |us )?(?:an? |the )?(?:\w+ )?(?:poem|story|essay|song|joke"
    r"|email|letter|haiku|limerick|speech|tweet|review|recipe|blog post|cover letter|cv)"
    r"|tell me (?:a|an) (?:joke|story)|what(?:'s| is) the (?:weather|capital|time|meaning)"
    r"|translate|who (?:is|was)|how (?:old|tall)|book (?:a|me)|order (?:a|me)|play )",
    re.IGNORECASE,
)


# "drop the bucket" in a later turn is about the job, unless it is about all of them.
OF_ALL = Pattern(
    r"\b(?:all|every\w*|each|whole|any|projects?|databases?|clusters?|production"
    r"|gs://)",
    re.IGNORECASE,
)


def forbidden(norm: str, draft: Draft, before: Draft | None = None) -> list[str]:
    """Orders that are no job: to leak, to rule, to destroy, to do something else altogether.

    Args:
        norm: the normal text of the turn.
        draft: what it adds.
        before: the draft of earlier turns, if there were any.
    """
    if LEAK.search(norm):
        return [
            "I cannot set my rules aside or show prompts, keys or my environment; I only turn "
            "descriptions of work into Google Cloud Batch jobs."
        ]
    if any(
        not WARDED.search(norm[max(0, m.start() - 40) : m.start()]) for m in MINING.finditer(norm)
    ):
        return ["I will not build a job that attacks other systems."]
    match = next((m for m in POWER.finditer(norm) if not OF_LABELS.search(m.group())), None)
    if match and before is not None and before.steps and not OF_ALL.search(match.group()):
        match = ROLES.search(norm)
    if match and (
        not draft.steps or re.search(r"roles?/|\biam\b|owner|admin", match.group(), re.I)
    ):
        return [
            "I cannot change permissions or delete resources: I only build Google Cloud Batch "
            f"jobs (asked was: {' '.join(match.group().split())})."
        ]
    if OTHER_WORK.search(norm) and not draft.steps:
        return ["That is not work for a Batch job; I can only turn work to be run into one."]
    return []


def nearest_region(name: str) -> str:
    """A region of Batch with a name like this one."""
    import difflib

    near = difflib.get_close_matches(name, sorted(REGIONS), n=1, cutoff=0.6)
    return near[0] if near else ""
