"""The offline reader: turns to a draft, by rules only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from components.parse_intent.draft import Draft
from components.parse_intent.offline import judge
from components.parse_intent.offline.amounts import Amount
from components.parse_intent.offline.clashes import Clash, clashes, settle_clash
from components.parse_intent.offline.corrections import TAKES_BACK, corrections
from components.parse_intent.offline.edit_gpus import settle_gpus
from components.parse_intent.offline.edits import apply_edits, edit_before_reading
from components.parse_intent.offline.impossible import conflicts, impossible, no_job
from components.parse_intent.offline.long_blanks import MOST, long_runs, put_back, shortened
from components.parse_intent.offline.open_questions import (
    OF_EDITS,
    QUESTIONS,
    answered,
    count_question,
    known,
)
from components.parse_intent.offline.other_asks import other_asks
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pasted.cluster import in_batch_words
from components.parse_intent.offline.pasted.part import Pending
from components.parse_intent.offline.pasted.read import Pasted, read_pasted
from components.parse_intent.offline.pasted.settle import over_pasted, settle
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.read_count import read_vague_count
from components.parse_intent.offline.read_limits import time_points
from components.parse_intent.offline.read_things import is_unit, unit_nouns
from components.parse_intent.offline.read_turn import read_names, read_work
from components.parse_intent.offline.replies import corrected_number, fill_wants
from components.parse_intent.offline.segment import cut_payloads
from components.parse_intent.offline.short_replies import (
    declined,
    in_own_words,
    lone_number,
    scaled_again,
    with_noun,
    with_variable,
)
from components.parse_intent.offline.spoken_of import unnamed
from components.parse_intent.offline.undo import taken_back
from components.parse_intent.offline.unread import unread_words
from components.parse_intent.offline.vague_edits import vague_edits
from components.parse_intent.reading import Reading


@dataclass
class State:
    """What is known after a turn.

    wants: what was spoken of and not named, by kind, with the question for it.
    pending: what pasted text points at and nothing has named so far.
    clashes: fields with two values, asked about and not settled.
    heard: whether the turn asked for anything that has a field.
    turn: the words of the turn.
    """

    draft: Draft
    wants: dict[str, str] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    clashes: list[Clash] = field(default_factory=list)
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
    runs = long_runs(turns)
    whole = [put_back(state.draft, runs) for state in history[-2:]] if runs else []
    if not all(whole):
        history[-1].warnings.append(f"Of more than {MOST} blanks in a row, {MOST} were kept.")
    start = _finish(history[-2]).draft if len(history) > 1 else None
    open_before = start is not None and (start.questions or start.refusals)
    return replace(_finish(history[-1]), start=None if open_before else start)


def _next_state(turn: str, history: Sequence[State]) -> State:
    """The state after one more turn.

    The turn after a question about an edit is first read as the answer to it: with the words that
    were asked about, over what was there before them.
    """
    if len(history) > 1 and _asks_about_edit(history[-1]):
        joined = f"{history[-1].turn.rstrip(' .?!')} ({turn.strip(' .')})"
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
    whole = turn
    if state is not None:
        whole = with_noun(turn, state.turn, list(state.wants))
        whole = with_variable(whole, state.turn, list(state.wants))
    for part in corrections(whole):
        state = _read_turn(part, state, said, [old.draft for old in history[:-1]])
        said += part
    if state is not None and whole != turn:
        in_own_words(state.draft, turn)
    return replace(state, turn=whole) if state is not None else State(Draft())


def _read_turn(
    turn: str, before: State | None, said: str = "", history: Sequence[Draft] = ()
) -> State:
    pasted = read_pasted(turn)
    cutter = cut_payloads(turn, hidden=pasted.spans)
    payloads = [in_batch_words(p) for p in cutter.payloads]
    earlier = before.draft if before else pasted.draft if pasted else None
    page = Page(turn, cutter.masked, payloads, earlier)
    wants: dict[str, str] = {}
    gone: set[str] = set()
    questions: list[str] = []
    known_before = before.draft if before is not None else Draft()
    if before is not None and before.clashes:
        settled = before.draft.model_copy(deep=True)
        still = [clash for clash in before.clashes if not settle_clash(page, settled, clash)]
        before = replace(before, draft=settled, clashes=still)
    if before is not None:
        edited, questions = edit_before_reading(page, before.draft, history)
        if not before.wants:
            lone_number(page, edited, history)
            scaled_again(page, edited, history)
        gone = declined(page, edited, list(before.wants))
        left = {want: text for want, text in before.wants.items() if want not in gone}
        before = replace(before, draft=edited, wants=left)
    elif pasted:
        edited, questions = edit_before_reading(page, pasted.draft, history)
        pasted = replace(pasted, draft=edited)
    units = unit_nouns(page)
    page.durations = [a for a in page.durations if not _is_thing(page, a, units)]
    read_names(page, wants)
    read_work(page, wants)
    if pasted:
        _with_pasted(page, pasted, before, wants)
    if not pasted:
        wants |= unnamed(page, page.draft)
    wants = {want: question for want, question in wants.items() if want not in gone}
    state = _joined(page, before, wants, said)
    if before is not None:
        vague = vague_edits(page, known_before, state.draft)
        state.wants |= {f"edit vague {i}": question for i, question in enumerate(vague)}
    state.wants |= {f"step {i}": question for i, question in enumerate(questions)}
    if before is None and not pasted:
        state.clashes = clashes(page)
    state.wants |= {f"clash {clash.name}": clash.question for clash in state.clashes}
    state.refusals += page.draft.refusals
    state.refusals += judge.forbidden(page.norm, page.draft, page.before) + impossible(page)
    state.refusals += [] if pasted or state.refusals else other_asks(page) or no_job(page)
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


EARLIER = Pattern(
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
        settle_gpus(page, page.draft)
        return State(page.draft, wants)
    draft, questions = apply_edits(page, before.draft)
    if said:
        corrected_number(page, draft, said)
    fill_wants(page, draft, before.wants)
    still = [clash for clash in before.clashes if getattr(page.draft, clash.name) is None]
    open_wants = {
        want: question
        for want, question in before.wants.items()
        if want.split()[0] not in (*OF_EDITS, "clash") and not answered(want, page.draft, draft)
    }
    relevant = {k: v for k, v in wants.items() if not known(k, before.draft) and not page.dropped}
    merged = {**open_wants, **relevant, **{f"edit {i}": q for i, q in enumerate(questions)}}
    # A refusal holds until the person says something else that can be done.
    refusals = [] if any(page.used) else list(before.refusals)
    return State(draft, merged, refusals, list(before.warnings), list(before.unread), clashes=still)


def _finish(state: State) -> Reading:
    draft = state.draft.model_copy()  # only lists of its own are set below
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
