"""One turn by itself: every field that its words give, and what they speak of without a name."""

from __future__ import annotations

import re

from components.parse_intent.build_steps import split_words
from components.parse_intent.draft import Asked, Draft
from components.parse_intent.offline import judge
from components.parse_intent.offline.edit_gpus import other_than_before
from components.parse_intent.offline.listed_things import listed_count
from components.parse_intent.offline.open_questions import QUESTIONS, count_question
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.plain_steps import plain_steps
from components.parse_intent.offline.read_count import (
    count_by_cores,
    count_in_limit,
    read_task_count,
    read_vague_count,
)
from components.parse_intent.offline.read_fields import read_fields
from components.parse_intent.offline.read_images import (
    Image,
    read_binds,
    read_entrypoint,
    read_images,
    read_login,
    read_options,
    read_workdir,
)
from components.parse_intent.offline.read_limits import pick_time, read_cpu, read_memory
from components.parse_intent.offline.read_machine import (
    in_series,
    read_collocated,
    read_drivers,
    read_gpu_words,
    read_gpus,
    read_machine_type,
    read_platform,
    read_reservation,
    read_series,
    read_template,
)
from components.parse_intent.offline.read_messages import read_logs, read_notifications
from components.parse_intent.offline.read_network import read_account, read_network
from components.parse_intent.offline.read_packing import read_tasks_per_node
from components.parse_intent.offline.read_pairs import (
    by_task,
    read_pairs,
    read_secrets,
    read_task_environments,
)
from components.parse_intent.offline.read_places import read_locations
from components.parse_intent.offline.read_provisioning import read_provisioning
from components.parse_intent.offline.read_retries import read_policies, read_retries
from components.parse_intent.offline.read_steps import read_steps, waiting_container
from components.parse_intent.offline.read_storage import read_storage
from components.parse_intent.offline.read_switches import read_priority, read_switches
from components.parse_intent.offline.read_tasks import read_in_order, read_parallelism, read_share
from components.parse_intent.offline.read_things import unit_nouns


def read_names(page: Page, wants: dict[str, str]) -> None:
    """Read what has a name of its own form, so that its parts are not read as anything else."""
    draft = page.draft
    draft.instance_template, spoken = read_template(page)
    if spoken and draft.instance_template is None:
        wants["template"] = QUESTIONS["template"]
    draft.secret_env, loose = read_secrets(page)
    page_secret = loose[0] if loose else None
    draft.service_account = read_account(page)
    draft.notifications, missing = read_notifications(page)
    if missing:
        wants[missing] = QUESTIONS[missing]
    draft.task_envs = read_task_environments(page)
    read_pairs(page)
    images = read_images(page)
    read_storage(page)
    draft.logs = read_logs(page)
    draft.machine_type = read_machine_type(page)
    draft.machine_series = read_series(page)
    _same_size(draft)
    draft.min_cpu_platform = read_platform(page)
    draft.gpus = read_gpus(page)
    other_than_before(page)
    _gpu_type(page, wants)
    draft.install_gpu_drivers = read_drivers(page)
    draft.locations, unknown = read_locations(page)
    for name in unknown:
        near = judge.nearest_region(name)
        hint = f"; the nearest name is {near}" if near else ""
        said = f"{name} is not a region of Batch{hint}."
        if page.before is None and NOWHERE_ELSE.search(page.norm):
            draft.refusals.append(f"{said} A job can only run in a region that there is.")
        else:
            wants[f"region {name}"] = f"{said} Which region is meant?"
    read_network(page)
    draft.reservation = read_reservation(page)
    draft.collocated = read_collocated(page)
    read_fields(page)
    draft.priority = draft.priority or read_priority(page)
    read_switches(page)
    draft.provisioning = draft.provisioning or read_provisioning(page)
    _steps(page, images, page_secret, wants)


def _same_size(draft: Draft) -> None:
    """As in "n2-standard-4, or rather the n2d one": the size stays where a series has it."""
    kind, series = draft.machine_type, draft.machine_series
    if kind is None or series is None:
        return
    same = in_series(kind.value, series.value)
    if same:
        draft.machine_type = Asked(value=same, quote=series.quote)
    draft.machine_series = None


NOWHERE_ELSE = Pattern(
    r"\bnowhere else\b|\bno(?:t in any| in no)? other (?:region|zone|place|location)"
    r"|\b(?:only|just|must|has to|exactly|strictly|insist)\b[^.;\n]{0,40}"
    r"\b(?:there|that (?:region|zone|one)|region|zone|location)\b",
    re.IGNORECASE,
)
GPU_ASKED = Pattern(
    r"\b(?:need|with|want|attach|on|use|has|have|a|an|1|2|4|8)\b[^.;]{0,12}$", re.IGNORECASE
)


def _gpu_type(page: Page, wants: dict[str, str]) -> None:
    draft = page.draft
    known = draft.gpus or draft.instance_template or (page.before and page.before.gpus)
    machine = draft.machine_type or (page.before.machine_type if page.before else None)
    if (
        known
        or (machine and machine.value.startswith(("a2-", "a3-", "a4-", "g2-")))
        or "gpus" in page.dropped
    ):
        return
    for start in read_gpu_words(page):
        asked = GPU_ASKED.search(page.left(start + 2, 20))
        drivers = re.match(r"(?:\d+ )?\w+ drivers?\b", page.norm[start : start + 40], re.I)
        aside = re.search(r"template|drop|remove", page.sentence_text(start), re.I)
        if asked and not aside and not drivers:
            number = re.search(r"(?<![\w.-])(\d{1,2}) (?:x )?$", page.left(start, 20)) or re.match(
                r"(\d{1,2}) ", page.norm[start : start + 3]
            )
            wants[f"gpu {number[1]}" if number else "gpu"] = QUESTIONS["gpu"]


OF_EVERY = Pattern(
    r"\b(?:both|all|each|every|either)(?: (?:of|the|2|3))* (?:containers?|images?|steps)\b",
    re.IGNORECASE,
)
CONTAINER_WORD = Pattern(r"\b(?:container|docker(?:ised|ized)?|image)s?\b", re.IGNORECASE)


def _steps(
    page: Page,
    images: list[Image],
    secret: Asked[str] | None,
    wants: dict[str, str],
) -> None:
    """Read the steps and what belongs to containers."""
    draft = page.draft
    before = page.before.steps if page.before else []
    default = next((s.image for s in before if s.image is not None), None)
    draft.steps = read_steps(page, images, default)
    if not draft.steps and page.before is None:
        draft.steps, _ = plain_steps(page)
    containers = [s for s in draft.steps if s.kind == "container"]
    binds, login, options = read_binds(page), read_login(page), read_options(page)
    entrypoint = read_entrypoint(page)
    target = containers or [s for s in before if s.kind == "container" and page.draft.steps == []]
    if containers:
        step = containers[-1]
        for bound in containers if OF_EVERY.search(page.norm) else [step]:
            bound.volumes = binds or bound.volumes
        step.options = options
        step.entrypoint = entrypoint
        if login is not None:
            step.username = login
            step.password = secret
        if entrypoint is not None and step.text is not None and step.commands is None:
            words = split_words(step.text.value)
            if words:
                step.commands, step.text = Asked(value=words, quote=step.text.quote), None
    by_task(page)
    _workdir(page)
    if not target and not images:
        _unnamed_image(page, wants)


def _workdir(page: Page) -> None:
    commands = [p for p in page.payloads if p.role == "command"]
    workdir = read_workdir(page, commands[-1].end if commands else None)
    steps = [s for s in page.draft.steps if s.kind != "barrier" and s.text is not None]
    if workdir is not None:
        for step in steps:
            step.workdir = workdir


# "each image is a task", "40 image": what is worked on.
COUNTED = Pattern(r"(?:\b(?:[2-9]|\d{2,9})|\b(?:each|every|per)) $", re.IGNORECASE)


def _unnamed_image(page: Page, wants: dict[str, str]) -> None:
    args = any(p.role == "args" for p in page.payloads)
    worked_on = unit_nouns(page)
    for match in page.find(CONTAINER_WORD):
        counted = match.group().lower() in worked_on or COUNTED.search(page.left(match.start(), 12))
        if not (counted or page.negated(match.start())) and not re.match(
            r"images\b|image\b(?! from| with| that| in)",
            match.group() + page.right(match.end(), 6),
            re.I,
        ):
            wants["image"] = QUESTIONS["image"]
    if args and page.before is None:
        wants["image"] = QUESTIONS["image"]
    if "image" in wants and page.before is None and not page.draft.steps:
        page.draft.steps = [waiting_container(page)]


def read_work(page: Page, wants: dict[str, str]) -> None:
    """Read numbers: how many, how long, how often."""
    draft = page.draft
    draft.tasks_per_node = draft.tasks_per_node or read_tasks_per_node(page)
    parallelism, all_at_once = read_parallelism(page)
    draft.parallelism = draft.parallelism or parallelism
    draft.in_order = read_in_order(page)
    draft.retry_policies = read_policies(page)
    draft.max_retries = draft.max_retries or read_retries(page)
    draft.cpu_milli = draft.cpu_milli or read_cpu(page)
    draft.memory_mib = draft.memory_mib or read_memory(page)
    time = pick_time(page, page.durations)
    if time is not None and draft.max_run_s is None:
        quote = page.take(time.start, time.end)
        draft.max_run_s = Asked(value=max(1, round(time.value)), quote=quote)
    draft.task_count = draft.task_count or read_task_count(page)
    count_by_cores(page)
    count_in_limit(page)
    if draft.task_count is None and not draft.task_envs and page.before is None:
        thing = read_vague_count(page)
        draft.task_count = listed_count(page, thing)
        if thing is not None and draft.task_count is None:
            wants["count"] = count_question(thing)
    if any(v.kind == "gcs" and not v.remote for v in draft.volumes):
        wants["bucket"] = QUESTIONS["bucket"]
    if draft.task_count is not None and draft.parallelism is None:
        draft.parallelism = read_share(page, draft.task_count.value)
    count = draft.task_count or (page.before.task_count if page.before is not None else None)
    if all_at_once and count is not None:
        draft.parallelism = Asked(value=count.value, quote=count.quote)
