"""What a later turn says, put over the draft before it, field by field."""

from __future__ import annotations

import re
from typing import Any

from components.parse_intent.draft import Asked, Draft, Pair, Step
from components.parse_intent.offline.edit_commands import with_program
from components.parse_intent.offline.edit_mounts import edit_mounts
from components.parse_intent.offline.edit_steps import refs_in
from components.parse_intent.offline.judge import region_of
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.read_machine import in_series
from components.parse_intent.offline.step_places import places_of
from components.parse_intent.offline.vocabulary import words

SCALARS = words(
    """
    task_count parallelism tasks_per_node in_order require_hosts_file permissive_ssh
    run_as_non_root cpu_milli memory_mib max_retries max_run_s machine_type min_cpu_platform gpus
    install_gpu_drivers install_ops_agent block_project_ssh_keys provisioning instance_template
    reservation collocated network subnetwork no_external_ip service_account priority logs
    """
)

ADD = Pattern(
    r"\b(?:add|append|also|another|additional|extra|one more|1 more|include|insert|prepend"
    r"|plus|as well"
    r"|too)\b",
    re.IGNORECASE,
)

INSTEAD = Pattern(
    r"\b(?:instead|replace|swap|rather|wrong|change|switch|should be|actually|moved?|renamed?)\b",
    re.IGNORECASE,
)

SAME_COMMAND = Pattern(
    r"\bsame (?:command|script|cmd|thing|arguments|call)\b|\beverything else\b|\bdocker(?:ised"
    r"|ized|ise|ize)\b|\binside the container\b",
    re.IGNORECASE,
)


def merge_turn(page: Page, draft: Draft) -> None:
    """Put what the turn asks for over the draft, which is changed in place."""
    _merge_scalars(page, draft)
    _merge_lists(page, draft)
    merge_steps(page, draft)


def _merge_scalars(page: Page, draft: Draft) -> None:
    for name in SCALARS:
        value = getattr(page.draft, name)
        if value is not None:
            setattr(draft, name, value)
    if page.draft.in_order is not None and page.draft.in_order.value:
        draft.parallelism = page.draft.parallelism
    elif page.draft.parallelism is not None:
        draft.in_order = page.draft.in_order
    _merge_series(page.draft, draft)
    boot = page.draft.boot_disk
    if boot is not None:
        have = draft.boot_disk or boot
        draft.boot_disk = have.model_copy(
            update={k: getattr(boot, k) for k in ("image", "type", "size_gb") if getattr(boot, k)}
        )


def _merge_series(new: Draft, draft: Draft) -> None:
    """As in "use n2d instead", which keeps the size of the machine that was named."""
    if new.machine_type is not None:
        draft.machine_series = new.machine_series
    elif new.machine_series is not None:
        quote = new.machine_series.quote
        old = draft.machine_type.value if draft.machine_type is not None else ""
        same = in_series(old, new.machine_series.value)
        draft.machine_type = Asked(value=same, quote=quote) if same else None
        draft.machine_series = None if same else new.machine_series


def _by_name(old: list[Pair], new: list[Pair]) -> list[Pair]:
    """Pairs with the new ones in the place of those of their name, or behind them."""
    return list(({pair.name: pair for pair in old} | {pair.name: pair for pair in new}).values())


def _merge_lists(page: Page, draft: Draft) -> None:
    new = page.draft
    for name in ("env", "secret_env", "job_labels", "vm_labels"):
        setattr(draft, name, _by_name(getattr(draft, name), getattr(new, name)))
    secret = {pair.name for pair in new.secret_env}
    draft.env = [pair for pair in draft.env if pair.name not in secret]
    if new.task_envs:
        indexes = {env.index for env in new.task_envs}
        draft.task_envs = [e for e in draft.task_envs if e.index not in indexes] + new.task_envs
        draft.task_envs.sort(key=lambda env: env.index)
    if new.locations:
        also = re.search(r"\b(?:also|too|as well|in addition|additionally|add)\b", page.norm, re.I)
        regions = {region_of(place.value) for place in (*draft.locations, *new.locations)}
        kept = draft.locations if also and len(regions) == 1 else []
        draft.locations = kept + new.locations
    if new.retry_policies:
        draft.retry_policies = new.retry_policies
    tags = {tag.value for tag in draft.tags}
    draft.tags += [tag for tag in new.tags if tag.value not in tags]
    _merge_notifications(page.norm, draft, new)
    _merge_volumes(page, draft)
    _merge_disks(page, draft)
    edit_mounts(page, draft)


OTHER_TOPIC = Pattern(
    rf"{INSTEAD.pattern}|\b(?:the|these|those|all) (?:messages?|notifications?|alerts?|mails?)\b",
    re.IGNORECASE,
)


def _merge_notifications(said: str, draft: Draft, new: Draft) -> None:
    waiting = [n for n in draft.notifications if not n.topic]
    topics = {n.topic for n in draft.notifications}
    only = new.notifications[0] if len(new.notifications) == 1 else None
    if (
        only is not None
        and not only.state
        and len(topics) == 1
        and not waiting
        and OTHER_TOPIC.search(said)
    ):
        for notification in draft.notifications:
            notification.topic, notification.quote = only.topic, only.quote
        return
    for notification in new.notifications:
        if waiting and notification.topic and not notification.state:
            waiting[0].topic, waiting[0].quote = notification.topic, notification.quote
            continue
        draft.notifications = [n for n in draft.notifications if n.topic]
        same = [
            n
            for n in draft.notifications
            if n.topic == notification.topic and n.about == notification.about
        ]
        for old in same:
            draft.notifications.remove(old)
        draft.notifications.append(notification)


def _merge_volumes(page: Page, draft: Draft) -> None:
    instead = INSTEAD.search(page.norm) or re.search(r"\b(?:not|now)\b", page.norm, re.I)
    for volume in page.draft.volumes:
        same = [
            v
            for v in draft.volumes
            if v.remote == volume.remote or (volume.mount and v.mount == volume.mount)
        ]
        unnamed = [v for v in draft.volumes if v.kind == volume.kind == "gcs" and not v.remote]
        same = same or (unnamed if volume.remote else [])
        if not same and instead and not ADD.search(page.norm):
            same = [v for v in draft.volumes if v.kind == volume.kind][:1]
        if same:
            i = draft.volumes.index(same[0])
            merged = volume.model_copy(
                update={
                    "mount": volume.mount or same[0].mount,
                    "options": volume.options or same[0].options,
                }
            )
            draft.volumes[i] = merged
        else:
            draft.volumes.append(volume)


OTHER_DISK = Pattern(r"\b(?:second|new|other|local)\b", re.IGNORECASE)


def _merge_disks(page: Page, draft: Draft) -> None:
    for disk in page.draft.disks:
        same = [
            d for d in draft.disks if d.type == disk.type or (disk.mount and d.mount == disk.mount)
        ]
        known = len(draft.disks) == 1 and not disk.mount and not disk.existing
        if not same and known and not OTHER_DISK.search(page.norm):
            same = draft.disks  # "the scratch disk should be 1 TB", "make it pd-balanced"
        if same and not ADD.search(page.norm):
            i = draft.disks.index(same[0])
            draft.disks[i] = disk.model_copy(
                update={
                    "type": disk.type or same[0].type,
                    "mount": disk.mount or same[0].mount,
                    "size_gb": disk.size_gb or same[0].size_gb,
                    "options": disk.options or same[0].options,
                    "device": disk.device or same[0].device,
                }
            )
        else:
            draft.disks.append(disk)


def merge_steps(page: Page, draft: Draft) -> None:
    """Put the turn's steps beside, or in the place of, those of the draft."""
    new = page.draft.steps
    if not new:
        return
    work = [s for s in draft.steps if s.kind != "barrier"]
    if not work:
        draft.steps = draft.steps + new
        return
    if (
        len(new) == 1
        and new[0].kind == "container"
        and new[0].text is None
        and not ADD.search(page.norm)
    ):
        if BEHIND.search(page.norm) and _placed(page, draft, new):
            return
        named = [ref.index for ref in refs_in(page, draft.steps, 0, len(page.norm))]
        _into_image(draft, new[0], named if len(named) == 1 else list(range(len(draft.steps))))
        return
    if REPLACES.search(page.norm) and _in_named_place(page, draft, new):
        return
    if _placed(page, draft, new) or _in_named_place(page, draft, new):
        return
    if ADD.search(page.norm) and not SAME_COMMAND.search(page.norm):
        draft.steps = draft.steps + new
        return
    if len(new) == 1 and len(work) == 1:
        if SAME_ARGUMENTS.search(page.norm):
            _same_arguments(work[0], new[0])
        _replace_step(draft, work[0], new[0])
        return
    draft.steps = list(new) if len(new) >= len(work) else draft.steps[: -len(new)] + new


# "after that run IMAGE": one more step and no other image for those that there are.
BEHIND = Pattern(
    r"\b(?:after(?:wards?|\s+(?:it|that|this|the \w+))?|before (?:it|that|this|the \w+)|then"
    r"|finally|lastly|followed by|at the (?:very )?(?:end|start|beginning))\b"
    r"[^.;\n]{0,20}\b(?:run|start|execute|launch|comes|container|step|call|do)\b"
    r"|\b(?:run|start|execute|launch)\b[^.;\n]{0,80}\b(?:after(?:wards?| it| that| this)"
    r"|before (?:it"
    r"|that|this)|at the (?:very )?(?:end|start|beginning))",
    re.IGNORECASE,
)
REPLACES = Pattern(
    r"\b(?:replace[ds]?|instead|in place of|substitute|swap|change[sd]?|rather)\b", re.IGNORECASE
)


def _placed(page: Page, draft: Draft, new: list[Step]) -> bool:
    """Put new steps where the words want them; false where they want none beside the others."""
    if SAME_COMMAND.search(page.norm):
        return False
    have = draft.steps
    places = places_of(page, new, have)
    if all(place is None for place in places):
        return False
    last = len(have) if ADD.search(page.norm) else None
    slots: list[list[Step]] = [[] for _ in range(len(have) + 1)]
    for step, place in zip(new, places, strict=True):
        last = place if place is not None else last
        slots[last if last is not None else 0].append(step)
    draft.steps = [*slots[0]]
    for step, following in zip(have, slots[1:], strict=True):
        draft.steps += [step, *following]
    return True


def _in_named_place(page: Page, draft: Draft, new: list[Step]) -> bool:
    """As in "the second step should run X": a new command for the step that the words name."""
    refs = refs_in(page, draft.steps, 0, len(page.norm))
    if len(new) != 1 or len(refs) != 1 or ADD.search(page.norm):
        return False
    old = draft.steps[refs[0].index]
    page.take(refs[0].start, refs[0].end)
    _replace_step(draft, old, new[0])
    return True


def _into_image(draft: Draft, new: Step, places: list[int]) -> None:
    """A new image for steps that ran before: scripts move into it, containers change image."""
    for i in places:
        step = draft.steps[i]
        if step.kind == "barrier":
            continue
        update: dict[str, Any] = {"kind": "container", "image": new.image}
        if new.commands is not None:
            update |= {"commands": new.commands, "text": None}
        elif step.kind == "script" and step.text is None and step.path is not None:
            update |= {"text": step.path, "path": None}
        for name in (
            "options",
            "username",
            "password",
            "block_external_network",
            "image_streaming",
            "entrypoint",
        ):
            if getattr(new, name) is not None:
                update[name] = getattr(new, name)
        draft.steps[i] = step.model_copy(update=update)


SAME_ARGUMENTS = Pattern(
    r"\b(?:script|program|file|it)(?:'s| is| was)(?: now)? (?:called|named|renamed)\b|"
    r"\b(?:same|identical|unchanged|with the|old|these) (?:arg(?:ument)?|option|flag"
    r"|param(?:eter)?)s?\b"
    r"|\b(?:arg(?:ument)?|option|flag|param(?:eter)?)s? (?:stay|remain|as before|unchanged"
    r"|are the same)",
    re.IGNORECASE,
)


def _same_arguments(old: Step, new: Step) -> None:
    """Give a new program the arguments of the old one, in place."""
    if old.text is None or new.text is None or len(new.text.value.split()) != 1:
        return
    said = old.text.value.split()
    new.text = Asked(value=" ".join(with_program(said, new.text.value)), quote=new.text.quote)


def _replace_step(draft: Draft, old: Step, new: Step) -> None:
    """A new command for the one step: its conditions stay."""
    i = next(n for n, step in enumerate(draft.steps) if step is old)
    update: dict[str, Any] = {"text": new.text, "commands": new.commands, "path": new.path}
    if new.kind == "container":
        update |= {"kind": "container", "image": new.image}
    for name in (
        "workdir",
        "timeout_s",
        "background",
        "always_run",
        "ignore_exit_status",
        "entrypoint",
        "options",
    ):
        if getattr(new, name) is not None:
            update[name] = getattr(new, name)
    draft.steps[i] = old.model_copy(update=update)
