"""What Batch cannot do, where the words ask for it and no field of a job could hold it."""

from __future__ import annotations

import re

from components.batch.machines import local_ssd_counts, lookup
from components.parse_intent.draft import Draft
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

TPU = Pattern(r"\btpus?\b|\btpu[ -]?v\d\w*|\bv\d[ep]?-\d+ (?:tpu|pod)", re.IGNORECASE)
SPOT = Pattern(r"\b(?:spot|preemptible)\b", re.IGNORECASE)
STANDARD = Pattern(
    r"(?<![-\w])(?:on-demand|on demand|standard|regular|non-spot)(?![-\w])", re.IGNORECASE
)
SWITCH = Pattern(
    r"\b(?:switch(?:es|ing|ed)?|fall(?:s|ing)? back|fallback|fail(?:s|ing)? over|mov(?:e|es|ing) to"
    r"|mov(?:e|es|ed|ing) (?:(?:it|them|that|the tasks?|that task|over) ){0,2}to (?:on[- ]demand"
    r"|standard|regular)"
    r"|chang(?:e|es|ing) to|then (?:use |go |on )?(?:on[- ]demand|standard|regular)"
    r"|after (?:that|the) [\w ]{0,20}(?:on[- ]demand|standard))\b",
    re.IGNORECASE,
)

BY_ITSELF = Pattern(
    r"\b(?:if|when(?:ever)?|once|after|from the)\b[^.;\n]{0,40}\b(?:attempts?|tr(?:y|ies)"
    r"|retr\w+|fail\w*"
    r"|preempt\w*|taken|reclaim\w*|capacity)\b|\bby itself\b|\bautomatic\w*\b",
    re.IGNORECASE,
)


def impossible(page: Page) -> list[str]:
    """Why a turn cannot be met, whatever else it says."""
    found = []
    for match in page.find(TPU):
        if not page.negated(match.start()):
            page.take(*match.span())
            found.append(
                "Batch does not offer TPUs (only GPUs can be attached to its VMs); run it on "
                "Vertex AI or on TPU VMs, or use a GPU."
            )
            break
    for match in page.find(SWITCH, free=False):
        said = page.sentence_text(match.start())
        if page.before is not None and not BY_ITSELF.search(said):
            continue  # "switch from Spot to on demand" is an edit
        spot = SPOT.search(page.norm if BY_ITSELF.search(said) else said)
        if spot and STANDARD.search(said) and not page.negated(match.start()):
            found.append(
                "A job has one provisioning model for all of its tasks and attempts: Batch cannot "
                "start on Spot and switch to on-demand (standard) VMs by itself. Choose one."
            )
            break
    return found


# A text without any of these, from which nothing was read, asks for something else than a job.
OF_BATCH = Pattern(
    r"\b(?:batch|jobs?|tasks?|run(?:s|ning)?|execut\w*|vms?|machines?|nodes?|v?cpus?|cores?"
    r"|gpus?|containers?|docker|images?|scripts?|commands?|programs?|code|process\w*|comput\w*"
    r"|render\w*"
    r"|train\w*|simulat\w*|pipelines?|workloads?|cluster|spot|parallel|buckets?|gs|data(?:set)?s?"
    r"|files?|convert\w*|analy\w+|transcode\w*|encode\w*|cloud|gcp|google|same|usual|schedule\w*"
    r"|test|hello|hi|help|start|launch|configs?)\b",
    re.IGNORECASE,
)
MIN_WORDS = 4


def no_job(page: Page) -> list[str]:
    """Whether a text asks for something that is no work for machines at all."""
    asks = len(page.norm.split()) >= MIN_WORDS and not page.payloads and not any(page.used)
    if page.before is not None or not asks or OF_BATCH.search(page.norm):
        return []
    return ["That is not work for a Batch job; I can only turn work to be run into one."]


def conflicts(draft: Draft) -> list[str]:
    """What was asked and excludes each other."""
    one_by_one = draft.in_order is not None and draft.in_order.value
    if one_by_one and draft.parallelism is not None and draft.parallelism.value > 1:
        return [
            "Tasks in order run one at a time, so that no "
            f"{draft.parallelism.value} of them can run in parallel: drop the order or the "
            "parallelism."
        ]
    return _local_ssds(draft)


def _local_ssds(draft: Draft) -> list[str]:
    """Local SSDs on a machine that takes none; the validator tells of a wrong number of them."""
    if draft.machine_type is None or not any(disk.type == "local-ssd" for disk in draft.disks):
        return []
    machine = lookup(draft.machine_type.value)
    if machine is None or local_ssd_counts(machine) != frozenset():
        return []
    if any(note.startswith("local_ssd_included") for note in machine.notes):
        return []
    return [
        f"Local SSDs cannot be attached to {machine.name}: the {machine.family} series takes "
        "none. Use a persistent disk, or a machine of another series, e.g. n2."
    ]
