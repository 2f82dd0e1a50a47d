"""What must be done so that the schedules are as they are wanted: compared first, done then."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.errors import InputError, Intent2BatchError
from pipelines.parameters import short
from pipelines.remote.wanted import OUR_LABEL
from pipelines.schedules.vertex import ACTIVE, COMPLETED, PAUSED, Found, Schedules
from pipelines.schedules.wanted import WantedSchedule
from pipelines.service_errors import NotThereError, TakenError, UnclearError

CREATE, UPDATE, REPLACE, DELETE = "create", "update", "replace", "delete"
PAUSE, RESUME, KEEP = "pause", "resume", "keep"
# What was done, in a word.
_CLOCKS_APART = datetime.timedelta(minutes=1)
DONE = {
    CREATE: "created",
    UPDATE: "updated",
    REPLACE: "replaced",
    DELETE: "deleted",
    PAUSE: "paused",
    RESUME: "resumed",
    KEEP: "unchanged",
}


@dataclass(frozen=True)
class Difference:
    """A field of a schedule that is not as it is wanted.

    Args:
        field: the field, as the service's update mask names it.
        said: what is different, for a person.
        unset: whether the field must go, which an update cannot do.
    """

    field: str
    said: str
    unset: bool = False


@dataclass(frozen=True)
class Action:
    """What is to be done with one schedule.

    Args:
        verb: one of those above.
        name: the schedule's name.
        why: the differences, or another reason; empty if there is none to tell.
        wanted: what it is to be; None where it is to go.
        found: what there is; None where there is nothing.
        fields: what an update changes.
        known: resource names of what there is of that name.
    """

    verb: str
    name: str
    why: str = ""
    wanted: WantedSchedule | None = None
    found: Found | None = None
    fields: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()


def plan(
    wanted: Sequence[WantedSchedule],
    found: Iterable[Found],
    now: datetime.datetime,
    *,
    prune: str = "",
) -> list[Action]:
    """What is to be done, in order; every schedule that is wanted has an action.

    Args:
        wanted: the schedules as they should be, each name once.
        found: all schedules of the place.
        now: what time it is.
        prune: the group whose other schedules go; empty if none do.

    Raises:
        InputError: a name is taken by a schedule that is not ours, or is kept elsewhere.
    """
    there = list(found)
    actions = [action for each in wanted for action in _actions(each, there, now)]
    names = {each.name for each in wanted}
    for each in there:
        if prune and each.is_ours and each.group == prune and each.title not in names:
            why = "it is not in the file any more"
            actions.append(Action(DELETE, each.title, why, found=each))
    return actions


def _actions(
    wanted: WantedSchedule, there: Sequence[Found], now: datetime.datetime
) -> list[Action]:
    same = [each for each in there if each.title == wanted.name]
    ours = [each for each in same if each.is_ours]
    _check_owner(wanted, same, ours)
    if not ours:
        return [Action(CREATE, wanted.name, wanted=wanted)]
    compared = [(each, differences(each, wanted, now)) for each in ours]
    kept, different = min(compared, key=lambda pair: len(pair[1]))
    # Two of a name are what a replacement leaves that was cut off.
    extra = [
        Action(DELETE, each.title, "there is another of this name", found=each)
        for each in ours
        if each is not kept
    ]
    action = _action(wanted, kept, different)
    return [replace(action, known=frozenset(each.name for each in ours)), *extra]


def _check_owner(wanted: WantedSchedule, same: list[Found], ours: list[Found]) -> None:
    if same and not ours:
        raise InputError(
            f"There is a schedule '{wanted.name}' that intent2batch did not make",
            where=same[0].name,
            fix="Give yours another name, or delete that one in the console.",
        )
    others = [each for each in ours if each.group and each.group != wanted.group]
    if others:
        raise InputError(
            f"The schedule '{wanted.name}' is kept by the file of the group '{others[0].group}'",
            where=others[0].name,
            fix="Change it there and run `schedule apply`, or give yours another name.",
        )


def _action(wanted: WantedSchedule, found: Found, different: list[Difference]) -> Action:
    why = "; ".join(each.said for each in different)
    if different:
        if found.state == PAUSED and wanted.paused is None:
            why += "; it stays paused"
        over = found.state == COMPLETED or any(each.unset for each in different)
        fields = tuple(dict.fromkeys(each.field for each in different))
        return Action(REPLACE if over else UPDATE, wanted.name, why, wanted, found, fields)
    if wanted.paused is True and found.state == ACTIVE:
        return Action(PAUSE, wanted.name, "", wanted, found)
    if wanted.paused is False and found.state == PAUSED:
        return Action(RESUME, wanted.name, "", wanted, found)
    said = {PAUSED: "it is paused", COMPLETED: "it has ended"}.get(found.state, "")
    return Action(KEEP, wanted.name, said, wanted, found)


def differences(found: Found, wanted: WantedSchedule, now: datetime.datetime) -> list[Difference]:
    """What of a schedule is not as it is wanted.

    The pipeline and its parameters are compared by the hash that stands in a label.
    """
    limits = wanted.limits
    plain: list[tuple[str, object, str]] = [
        ("cron", wanted.cron, "cron"),
        ("max_concurrent_run_count", limits.at_once, "runs at once"),
        ("max_concurrent_active_run_count", limits.at_once, "runs at once"),
        ("allow_queueing", limits.queue, "queue"),
        ("max_run_count", limits.runs, "runs in all"),
    ]
    different = [
        Difference(field, f"{what}: {found.value(field)} -> {value}", unset=_goes(field, value))
        for field, value, what in plain
        if found.value(field) != value
    ]
    end = found.time("end_time")
    if end != limits.end:
        said = f"end: {_told(end)} -> {_told(limits.end)}"
        different.append(Difference("end_time", said, unset=limits.end is None))
    different += _start(found, limits.start, now)
    said = "; ".join(_run(found, wanted))
    return different + ([Difference("create_pipeline_job_request", said)] if said else [])


def _goes(field: str, value: object) -> bool:
    return field == "max_run_count" and not value


def _start(
    found: Found, wanted: datetime.datetime | None, now: datetime.datetime
) -> list[Difference]:
    """A start that has passed is no difference: what it was for has begun.

    Without one the service fills in the time of creation, by its own clock, which may be ahead.
    """
    start, made = found.time("start_time"), found.time("create_time")
    if made:
        now = max(now, made + _CLOCKS_APART)
    later = start if start and start > now else None
    wanted = wanted if wanted and wanted > now else None
    if later == wanted:
        return []
    said = f"start: {_told(later)} -> {_told(wanted)}"
    return [Difference("start_time", said, unset=wanted is None)]


def _run(found: Found, wanted: WantedSchedule) -> list[str]:
    """What is different in the runs that it makes."""
    said = []
    if found.labels.get(OUR_LABEL) != wanted.run.digest:
        said.append(_content(found, wanted))
    if found.job.template_uri != wanted.run.template:
        said.append(f"template: {found.job.template_uri or 'none'} -> {wanted.run.template}")
    before = {key: value for key, value in found.labels.items() if key != OUR_LABEL}
    if before != wanted.labels:
        changed = sorted(key for key, _ in before.items() ^ wanted.labels.items())
        said.append(f"labels: {', '.join(dict.fromkeys(changed))}")
    return said


def _content(found: Found, wanted: WantedSchedule) -> str:
    before, after = found.parameters, wanted.run.parameters
    names = sorted({*before, *after})
    changed = [name for name in names if before.get(name) != after.get(name)]
    if changed:
        return "parameters: " + ", ".join(
            f"{name} {_value(before, name)} -> {_value(after, name)}" for name in changed
        )
    if found.job.runtime_config.gcs_output_directory != wanted.run.root:
        return "root"
    if found.job.service_account != wanted.run.service_account:
        return "service account"
    return "the pipeline's spec"


def _value(parameters: Mapping[str, Any], name: str) -> str:
    return short(str(parameters[name])) if name in parameters else "(default)"


def _told(moment: datetime.datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else "none"


def do(action: Action, schedules: Schedules, say: Callable[[str], None]) -> None:
    """Do what is to be done with one schedule.

    Raises:
        InputError, ServiceError: the service refuses, or does not answer. Who runs the same command
            again goes on from there.
    """
    now = datetime.datetime.now(datetime.UTC)
    wanted, found = action.wanted, action.found
    if action.verb == CREATE and wanted:
        made = schedules.create(wanted, now)
        if wanted.paused:
            schedules.pause(made)
        _leave_one(made, action.known, schedules, say, rests=bool(wanted.paused))
    elif action.verb == DELETE and found:
        schedules.delete(found)
    elif action.verb == PAUSE and found:
        schedules.pause(found)
    elif action.verb == RESUME and found:
        schedules.resume(found)
    elif action.verb == UPDATE and found and wanted:
        _update(action, found, wanted, schedules, say)
    elif action.verb == REPLACE and found and wanted:
        _replace(action, found, wanted, schedules, now, say)


def _update(
    action: Action,
    found: Found,
    wanted: WantedSchedule,
    schedules: Schedules,
    say: Callable[[str], None],
) -> None:
    try:
        schedules.update(found, wanted, action.fields)
    except (NotThereError, TakenError):
        raise
    except InputError as error:
        say(f"{wanted.name} cannot be changed in place, so it is replaced ({error.what})")
        _replace(action, found, wanted, schedules, datetime.datetime.now(datetime.UTC), say)
        return
    if wanted.paused is True and found.state == ACTIVE:
        schedules.pause(found)
    elif wanted.paused is False and found.state == PAUSED:
        schedules.resume(found)


def _replace(
    action: Action,
    found: Found,
    wanted: WantedSchedule,
    schedules: Schedules,
    now: datetime.datetime,
    say: Callable[[str], None],
) -> None:
    """Never two that are active, and never none: the old one rests while the new one is made."""
    try:
        if found.state == ACTIVE:
            schedules.pause(found)
        made = _made(found, wanted, schedules, now)
    except BaseException:  # also Ctrl-C: a schedule that rests for nothing is noticed too late
        if found.state == ACTIVE:
            _resume_again(found, schedules, say)
        raise
    rests = wanted.paused if wanted.paused is not None else found.state == PAUSED
    if rests:
        schedules.pause(made)
    schedules.delete(found)
    _leave_one(made, action.known, schedules, say, rests=rests)


def _leave_one(
    made: Found,
    known: frozenset[str],
    schedules: Schedules,
    say: Callable[[str], None],
    *,
    rests: bool,
) -> None:
    """Of two that were made at the same moment the older stays: names are not unique there."""
    rivals = {made.name: made} | {
        each.name: each
        for each in schedules.all(made.title)
        if each.is_ours and each.name not in known
    }
    late = datetime.datetime.max.replace(tzinfo=datetime.UTC)
    first = min(rivals.values(), key=lambda each: (each.time("create_time") or late, each.name))
    if first.name != made.name:
        schedules.delete(made)
        if not rests and first.state == PAUSED:  # they took our pause for a person's
            schedules.resume(first)
        say(f"somebody else made {made.title} at the same moment; theirs stays")


def _made(
    found: Found, wanted: WantedSchedule, schedules: Schedules, now: datetime.datetime
) -> Found:
    """The new schedule, also where the answer to its making was lost."""
    try:
        return schedules.create(wanted, now)
    except UnclearError:
        for each in schedules.all(wanted.name):
            if each.is_ours and each.name != found.name and not differences(each, wanted, now):
                return each
        raise


def _resume_again(found: Found, schedules: Schedules, say: Callable[[str], None]) -> None:
    try:
        if schedules.state_now(found) == PAUSED:
            schedules.resume(found)
    except Intent2BatchError as error:
        say(
            f"{found.title} rests now and could not be resumed ({error.what}): intent2batch "
            f"schedule resume {found.title} {schedules.options}"
        )
