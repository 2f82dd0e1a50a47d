"""The offline reader: turns to a draft, by rules only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from components.parse_intent.build_steps import split_words
from components.parse_intent.draft import Asked, Draft
from components.parse_intent.offline import judge
from components.parse_intent.offline.amounts import Amount
from components.parse_intent.offline.corrections import TAKES_BACK, corrections
from components.parse_intent.offline.edits import apply_edits, edit_before_reading
from components.parse_intent.offline.impossible import conflicts, impossible, no_job
from components.parse_intent.offline.open_questions import (
    OF_EDITS,
    QUESTIONS,
    answered,
    count_question,
    known,
)
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pasted.cluster import in_batch_words
from components.parse_intent.offline.pasted.part import Pending
from components.parse_intent.offline.pasted.read import Pasted, read_pasted
from components.parse_intent.offline.pasted.settle import over_pasted, settle
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
from components.parse_intent.offline.read_limits import (
    pick_time,
    read_cpu,
    read_memory,
    time_points,
)
from components.parse_intent.offline.read_machine import (
    read_collocated,
    read_drivers,
    read_gpu_words,
    read_gpus,
    read_machine_type,
    read_platform,
    read_reservation,
    read_template,
)
from components.parse_intent.offline.read_messages import read_logs, read_notifications
from components.parse_intent.offline.read_network import read_account, read_network
from components.parse_intent.offline.read_packing import read_tasks_per_node
from components.parse_intent.offline.read_pairs import (
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
from components.parse_intent.offline.read_tasks import (
    read_in_order,
    read_parallelism,
)
from components.parse_intent.offline.read_things import is_unit, unit_nouns
from components.parse_intent.offline.replies import corrected_number, fill_wants
from components.parse_intent.offline.segment import cut_payloads
from components.parse_intent.offline.spoken_of import unnamed
from components.parse_intent.offline.undo import taken_back
from components.parse_intent.offline.unread import unread_words
from components.parse_intent.reading import Reading


@dataclass
class State:
    """What is known after a turn.

    wants: what was spoken of and not named, by kind, with the question for it.
    pending: what pasted text points at and nothing has named so far.
    heard: whether the turn asked for anything that has a field.
    turn: the words of the turn.
    """

    draft: Draft
    wants: dict[str, str] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    heard: bool = False
    turn: str = ""


def read(turns: Sequence[str], given: Draft | None = None) -> Reading:
    """Read what a person said.

    Args:
        turns: the person's words in order; each later turn changes what was said before.
        given: what was there before the first turn, which then is an edit too.

    Returns:
        The draft after the last turn. Its `questions` and `refusals` decide the outcome.
    """
    history = [] if given is None else [State(given)]
    for turn in map(shortened, turns):
        if not turn.strip():
            continue
        back, rest = taken_back(turn, len(history) - 1)
        if back:
            history = history[:-back]
            history[-1] = replace(history[-1], heard=True)
        if rest.strip():
            history.append(_next_state(rest, history))
    if not history:
        return Reading(Draft(questions=[QUESTIONS["run"]]), "offline")
    if any(BLANKS.search(turn) for turn in turns):
        kept = f"Of more than {MOST_BLANKS} blanks in a row, {MOST_BLANKS} were kept."
        history[-1].warnings.append(kept)
    start = _finish(history[-2]).draft if len(history) > 1 else None
    open_before = start is not None and (start.questions or start.refusals)
    return replace(_finish(history[-1]), start=None if open_before else start)


MOST_BLANKS = 200
BLANKS = re.compile(rf"\s{{{MOST_BLANKS + 1},}}")


def shortened(turn: str) -> str:
    """A turn in which no run of blanks is so long that patterns go over it again and again."""
    half = MOST_BLANKS // 2
    return BLANKS.sub(lambda match: match[0][:half] + match[0][-half:], turn)


def _next_state(turn: str, history: Sequence[State]) -> State:
    """The state after one more turn.

    The turn after a question about an edit is first read as the answer to it: with the words that
    were asked about, over what was there before them.
    """
    if len(history) > 1 and _asks_about_edit(history[-1]):
        joined = f"{history[-1].turn.rstrip(' .')} ({turn.strip(' .')})"
        reply = _corrected(joined, history[:-1])
        if not _asks_about_edit(reply):
            return reply
    return _corrected(turn, history)


def _asks_about_edit(state: State) -> bool:
    return any(want.split()[0] in OF_EDITS for want in state.wants)


def _corrected(turn: str, history: Sequence[State]) -> State:
    """The state after a turn in which the person may correct themselves."""
    state = history[-1] if history else None
    said = state.turn if state is not None and TAKES_BACK.match(turn) else ""
    for part in corrections(turn):
        state = _read_turn(part, state, said, [old.draft for old in history[:-1]])
        said += part
    return replace(state, turn=turn) if state is not None else State(Draft())


def _read_turn(
    turn: str, before: State | None, said: str = "", history: Sequence[Draft] = ()
) -> State:
    pasted = read_pasted(turn)
    cutter = cut_payloads(turn, hidden=pasted.spans)
    payloads = [in_batch_words(p) for p in cutter.payloads]
    earlier = before.draft if before else pasted.draft if pasted else None
    page = Page(turn, cutter.masked, payloads, earlier)
    wants: dict[str, str] = {}
    questions: list[str] = []
    if before is not None:
        edited, questions = edit_before_reading(page, before.draft, history)
        before = replace(before, draft=edited)
    elif pasted:
        edited, questions = edit_before_reading(page, pasted.draft, history)
        pasted = replace(pasted, draft=edited)
    units = unit_nouns(page)
    page.durations = [a for a in page.durations if not _is_thing(page, a, units)]
    _names(page, wants)
    warnings = _work(page, wants)
    if pasted:
        _with_pasted(page, pasted, before, wants)
    if not pasted:
        wants |= unnamed(page, page.draft)
    state = _joined(page, before, wants, said)
    state.warnings += warnings
    state.wants |= {f"step {i}": question for i, question in enumerate(questions)}
    state.refusals += judge.forbidden(page.norm, page.draft, page.before) + impossible(page)
    state.refusals += [] if pasted else no_job(page)
    state.unread += unread_words(page) + pasted.unread
    state.heard = any(page.used) or bool(pasted) or page.draft != Draft()
    open_before = before.pending if before else []
    state.pending = settle(state.draft, open_before + pasted.pending, page.norm)
    return state


def _is_thing(page: Page, amount: Amount, units: set[str]) -> bool:
    """Whether "28 days" is what the tasks work on, one each, and no limit of time."""
    said = page.norm[amount.start : amount.end]
    if not is_unit(said, units):
        return False
    ranged = re.search(
        r"\b(?:for|over|across|through) (?:all |the |these )*$", page.left(amount.start)
    )
    return ranged is not None or time_points(page, amount) < 5


def _with_pasted(page: Page, pasted: Pasted, before: State | None, wants: dict[str, str]) -> None:
    """Put what the prose says over what is pasted; on the first turn as an edit of it."""
    if before is not None:
        page.draft.steps = pasted.draft.steps + page.draft.steps
        _fill(page.draft, pasted.draft)
        return
    page.draft, questions = over_pasted(page, pasted)
    thing = None if page.draft.task_count or page.draft.task_envs else read_vague_count(page)
    if thing is not None:
        wants["count"] = count_question(thing)
    for want in [want for want in wants if known(want, pasted.draft)]:
        del wants[want]
    wants |= {f"edit {i}": question for i, question in enumerate(questions)}


def _fill(target: Draft, source: Draft) -> None:
    """Copy what the target leaves open."""
    for name in Draft.model_fields:
        if getattr(target, name) in (None, []):
            setattr(target, name, getattr(source, name))


def _names(page: Page, wants: dict[str, str]) -> None:
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
    draft.min_cpu_platform = read_platform(page)
    draft.gpus = read_gpus(page)
    _gpu_type(page, wants)
    draft.install_gpu_drivers = read_drivers(page)
    draft.locations, unknown = read_locations(page)
    for name in unknown:
        near = judge.nearest_region(name)
        hint = f"; the nearest name is {near}" if near else ""
        wants[f"region {name}"] = f"{name} is not a region of Batch{hint}. Which region is meant?"
    read_network(page)
    draft.reservation = read_reservation(page)
    draft.collocated = read_collocated(page)
    read_fields(page)
    draft.priority = draft.priority or read_priority(page)
    read_switches(page)
    draft.provisioning = draft.provisioning or read_provisioning(page)
    _steps(page, images, page_secret, wants)


GPU_ASKED = re.compile(
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
        if asked and not re.search(r"template|drop|remove|driver", page.sentence_text(start), re.I):
            number = re.search(r"(?<![\w.-])(\d{1,2}) (?:x )?$", page.left(start, 20)) or re.match(
                r"(\d{1,2}) ", page.norm[start : start + 3]
            )
            wants[f"gpu {number[1]}" if number else "gpu"] = QUESTIONS["gpu"]


OF_EVERY = re.compile(
    r"\b(?:both|all|each|every|either)(?: (?:of|the|2|3))* (?:containers?|images?|steps)\b",
    re.IGNORECASE,
)
CONTAINER_WORD = re.compile(r"\b(?:container|docker(?:ised|ized)?|image)s?\b", re.IGNORECASE)


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


def _unnamed_image(page: Page, wants: dict[str, str]) -> None:
    args = any(p.role == "args" for p in page.payloads)
    for match in page.find(CONTAINER_WORD):
        if not page.negated(match.start()) and not re.match(
            r"images\b|image\b(?! from| with| that| in)",
            match.group() + page.right(match.end(), 6),
            re.I,
        ):
            wants["image"] = QUESTIONS["image"]
    if args and page.before is None:
        wants["image"] = QUESTIONS["image"]
    if "image" in wants and page.before is None and not page.draft.steps:
        page.draft.steps = [waiting_container(page)]


def _work(page: Page, wants: dict[str, str]) -> list[str]:
    """Read numbers: how many, how long, how often; gives warnings."""
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
        if thing is not None:
            wants["count"] = count_question(thing)
    if any(v.kind == "gcs" and not v.remote for v in draft.volumes):
        wants["bucket"] = QUESTIONS["bucket"]
    count = draft.task_count or (page.before.task_count if page.before is not None else None)
    if all_at_once and count is not None:
        draft.parallelism = Asked(value=count.value, quote=count.quote)
    return []


EARLIER = re.compile(
    r"\b(?:same|usual|previous|earlier|last|other|as before"
    r"|like before)\b[^.;\n]{0,40}\b(?:last (?:week|time|month|night|year)|yesterday|before"
    r"|earlier|previously|the other day|i ran|we ran|we had|monday|tuesday|wednesday|thursday"
    r"|friday)\b"
    r"|\b(?:like|as) (?:last time|before|yesterday|we did|always|usual)\b|\bthe usual (?:job"
    r"|thing|1)\b|\b(?:my|our|the) (?:previous|last) (?:job|run|batch)\b",
    re.IGNORECASE,
)


def _joined(page: Page, before: State | None, wants: dict[str, str], said: str) -> State:
    if before is None:
        if EARLIER.search(page.norm) and not page.draft.steps:
            wants["earlier"] = QUESTIONS["earlier"]
        return State(page.draft, wants)
    draft, questions = apply_edits(page, before.draft)
    if said:
        corrected_number(page, draft, said)
    fill_wants(page, draft, before.wants)
    open_wants = {
        want: question
        for want, question in before.wants.items()
        if want.split()[0] not in OF_EDITS and not answered(want, page.draft, draft)
    }
    relevant = {k: v for k, v in wants.items() if not known(k, before.draft) and not page.dropped}
    merged = {**open_wants, **relevant, **{f"edit {i}": q for i, q in enumerate(questions)}}
    # A refusal holds until the person says something else that can be done.
    refusals = [] if any(page.used) else list(before.refusals)
    return State(draft, merged, refusals, list(before.warnings), list(before.unread))


def _finish(state: State) -> Reading:
    draft = state.draft.model_copy(deep=True)
    draft.refusals = list(
        dict.fromkeys(state.refusals + judge.broken_limits(draft) + conflicts(draft))
    )
    wants = dict(state.wants)
    asked = wants.keys() & {"image", "earlier"} or any(p.kind == "script" for p in state.pending)
    if not [s for s in draft.steps if s.kind != "barrier"] and not asked:
        wants["run"] = QUESTIONS["run"]
    draft.questions = list(wants.values()) + [p.question for p in state.pending if not p.optional]
    draft.unread = list(dict.fromkeys(state.unread))
    draft.unread += [f"{p.name} (nothing is mounted there)" for p in state.pending if p.optional]
    return Reading(draft, "offline", tuple(state.warnings), heard=state.heard)
