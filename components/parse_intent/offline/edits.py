"""A later turn on the draft: what it sets, drops, swaps, doubles or adds; the rest stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from components.parse_intent.draft import Asked, Draft, Volume
from components.parse_intent.offline.edit_commands import edit_commands
from components.parse_intent.offline.edit_gpus import settle_gpus
from components.parse_intent.offline.edit_machine import resize_machine
from components.parse_intent.offline.edit_mounts import meant_by, move_known
from components.parse_intent.offline.edit_names import edit_names
from components.parse_intent.offline.edit_numbers import (
    lone_amounts,
    lone_numbers,
    same_numbers,
    scale_numbers,
    set_disk_size,
    step_numbers,
    swap_numbers,
)
from components.parse_intent.offline.edit_steps import edit_steps, refs_in
from components.parse_intent.offline.field_words import NEW_VERB, fields_in
from components.parse_intent.offline.judge import broken_numbers
from components.parse_intent.offline.merge import SCALARS, merge_turn
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.undo import put_back

MAX_DROPS = 40
DROP = Pattern(
    r"\b(?:drop|remove|delete|get rid of|lose|take out|take away|leave out|scrap|strip|clear"
    r"|unset|forget(?: about)?|without|no longer (?:need|want)|don't (?:need|want)|do not (?:need"
    r"|want)|no more(?! than)|"
    r"no(?= (?:\w+ )?(?:limits?|timeout|deadline|labels?|notifications?|gpus?|drivers?|barriers?"
    r"|reservation|template|volumes?|mounts?|buckets?|tags?|priority|service account|order"
    r"|parallel\w*)\b)|cancel|ditch|kick out|kill|omit|skip|turn off|switch off|unmount"
    r"|detach"
    r"|disable)\b\s*",
    re.IGNORECASE,
)


def edit_before_reading(
    page: Page, before: Draft, earlier: Sequence[Draft]
) -> tuple[Draft, list[str]]:
    """What a later turn does to things that the draft knows, before its words are read as news.

    Args:
        page: the turn; what is used of it is marked as read.
        before: the draft so far.
        earlier: the drafts before that, oldest first.

    Returns:
        The draft with these edits, and questions about what they leave open.
    """
    draft = before.model_copy(deep=True)
    put_back(page, draft, earlier)
    steps = edit_steps(page, draft)
    draft.steps = steps.steps
    edit_commands(page, draft.steps, refs_in(page, draft.steps, 0, len(page.norm)))
    edit_names(page, draft)
    move_known(page, draft)
    resize_machine(page, draft)
    questions = steps.questions + step_numbers(page, draft)
    scale_numbers(page, draft)
    return draft, questions


def apply_edits(page: Page, before: Draft) -> tuple[Draft, list[str]]:
    """The draft after a later turn, and questions about what the turn left open."""
    draft = before.model_copy(deep=True)
    questions: list[str] = []
    questions += _drop(page, draft)
    _gone(page, draft)
    for name in page.dropped:
        if name in SCALARS and getattr(page.draft, name) is None:
            setattr(draft, name, None)
    questions += swap_numbers(page, draft)
    scale_numbers(page, draft)
    merge_turn(page, draft)
    settle_gpus(page, draft)
    _rename(page, draft)
    _other_server(page, draft)
    _larger_disk(page, draft)
    same_numbers(page, draft)
    lone_amounts(page, draft)
    lone_numbers(page, draft, broken_numbers(before))
    questions += _used_elsewhere(page)
    return draft, questions


def _drop(page: Page, draft: Draft) -> list[str]:
    """Take out what the words say; gives questions where they name one of several."""
    questions = []
    for match in islice(DROP.finditer(page.norm), MAX_DROPS):
        end = min(len(page.norm), match.end() + 120)
        stop = NEW_VERB.search(page.norm, match.end(), end)
        end = stop.start() if stop else end
        reach = page.norm[match.end() : end]
        if not page.is_free(*match.span()):
            continue
        if _out(page, draft, reach, page.quote(match.end(), end)):
            page.take(match.start(), end)
            continue
        for name, start, finish in fields_in(reach):
            if page.is_free(match.end() + start, match.end() + finish) or name in (
                "gpus",
                "install_gpu_drivers",
            ):
                question = _which(draft, name, reach[:start], reach[start:finish])
                if question:
                    questions.append(question)
                elif getattr(page.draft, name) in (None, []) or name == "install_gpu_drivers":
                    _clear(draft, name, page.quote(match.end() + start, match.end() + finish))
                page.take(match.end() + start, match.end() + finish)
        page.take(*match.span())
    return questions


ONE_OF = Pattern(r"\b(?:1|either|any) of\b", re.IGNORECASE)
CALLED: dict[str, Callable[[Any], str]] = {
    "volumes": lambda volume: volume.remote,
    "disks": lambda disk: disk.mount or disk.existing or disk.type,
    "notifications": lambda notification: notification.topic,
}


def _which(draft: Draft, name: str, before: str, word: str) -> str:
    """The question where one of several is to go and none is named; else nothing."""
    if name not in CALLED:
        return ""
    have = [CALLED[name](item) for item in getattr(draft, name)]
    have = list(dict.fromkeys(have))
    one = ONE_OF.search(before) or not re.search(
        r"s\b|nfs|storage|pub|all", f"{before} {word}", re.I
    )
    if len(have) < 2 or not one:
        return ""
    thing = word.rstrip("s")
    return f"Which {thing} should go: {', '.join(have[:-1])} or {have[-1]}?"


def _clear(draft: Draft, name: str, quote: str) -> None:
    blank = type(draft).model_fields[name].get_default(call_default_factory=True)
    setattr(draft, name, [] if isinstance(blank, list) else None)
    if name == "max_retries":  # else a Spot job would get the retries that nobody named
        draft.max_retries = Asked(value=0, quote=quote)
    if name == "gpus":
        draft.install_gpu_drivers = None


MOUNTED = Pattern(r"\b(?:bucket|volume|mount|share|nfs)\b", re.IGNORECASE)
BARRIER = Pattern(r"\bbarriers?\b", re.IGNORECASE)


GONE = Pattern(
    r"\b(?:(?:can|may|should|must|has to|have to|is to|are to) (?:go(?! to\b)|be (?:dropped|removed"
    r"|deleted|unmounted|detached)|disappear)|(?:is|are) (?:no longer|not) (?:needed|used|necessary"
    r"|wanted)|(?:is|are) (?:obsolete|superfluous|unnecessary))\b",
    re.IGNORECASE,
)


def _gone(page: Page, draft: Draft) -> None:
    """As in "the out-b bucket can go": what stands before the verb goes."""
    for match in islice(page.find(GONE), MAX_DROPS):
        start = page.clause(match.start())[0]
        reach = page.norm[start : match.start()]
        named = [f for f in fields_in(reach) if page.is_free(start + f[1], start + f[2])]
        if _out(page, draft, reach, page.quote(start, match.start())):
            page.take(start, match.end())
            continue
        for name, first, last in named if len(named) == 1 else ():
            open_now = getattr(page.draft, name) in (None, [])
            if open_now and not _which(draft, name, reach, reach[first:last]):
                _clear(draft, name, page.quote(start, match.end()))
                page.take(start, match.end())


def _out(page: Page, draft: Draft, reach: str, original: str) -> bool:
    """Drop what some words name, also where it was read as something new."""
    had = {volume.remote for volume in draft.volumes}
    done = _drop_named(draft, reach, original)
    had -= {volume.remote for volume in draft.volumes}
    page.draft.volumes = [v for v in page.draft.volumes if v.remote not in had]
    return done


def _drop_named(draft: Draft, reach: str, original: str) -> bool:
    """Drop single variables, labels, volumes, tags or steps that the words name."""
    done = False
    names = {w.strip(".,`'\"") for w in re.findall(r"[^\s,;()]+", original)}
    for attribute in ("env", "secret_env", "job_labels", "vm_labels"):
        pairs = getattr(draft, attribute)
        kept = [p for p in pairs if p.name not in names and f"{p.name}={p.value}" not in names]
        done = done or len(kept) < len(pairs)
        setattr(draft, attribute, kept)
    volumes = [v for v in draft.volumes if not _named_volume(v, names)]
    if len(volumes) == len(draft.volumes) > 1 and MOUNTED.search(reach):
        part = meant_by(reach, volumes)  # "drop the output bucket"
        volumes = [v for v in volumes if len(part) != 1 or v is not part[0]]
    done = done or len(volumes) < len(draft.volumes)
    draft.volumes = volumes
    tags = [t for t in draft.tags if t.value not in names]
    done = done or len(tags) < len(draft.tags)
    draft.tags = tags
    topics = [n for n in draft.notifications if n.topic not in names]
    done = done or len(topics) < len(draft.notifications)
    draft.notifications = topics
    if BARRIER.search(reach):
        draft.steps = [s for s in draft.steps if s.kind != "barrier"]
        done = True
    return done


def _named_volume(volume: Volume, names: set[str]) -> bool:
    return bool(names & {volume.remote, f"gs://{volume.remote}", volume.mount} - {""})


NAME = Pattern(
    r"(?<![\w./@:-])(?P<n>[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)+|[a-z0-9]{3,}\d+)(?![\w/@:-])"
)


def _rename(page: Page, draft: Draft) -> None:
    """As in "use other-bucket instead": a lone name takes the place of the one bucket or topic."""
    if not re.search(
        r"\b(?:instead|rather|wrong|should be|actually|rename|replace|use|swap|meant|correct|moved?"
        r"|now)\b",
        page.norm,
        re.I,
    ):
        return
    buckets = [v for v in draft.volumes if v.kind == "gcs"]
    if len(buckets) != 1 or page.draft.volumes or page.draft.steps:
        return
    speaks = re.search(r"\bbucket|mount|volume|gs://|data\b", page.norm, re.I)
    for match in page.find(NAME):
        name = match["n"]
        if (
            name == buckets[0].remote
            or page.negated(match.start())
            or re.match(r"(?:on-demand|pre-|re-|non-)", name)
        ):
            continue
        if speaks:
            buckets[0].remote = name
            buckets[0].quote = page.take(*match.span())
            return


SERVER = Pattern(r"(?<![\w./-])(?P<h>\d{1,3}(?:\.\d{1,3}){3})(?![\w:/]|\.\d)(?P<p>:/[\w./-]*\w)?")


def _other_server(page: Page, draft: Draft) -> None:
    """As in "the filer is 10.0.9.20 now": the one NFS share is at another address."""
    shares = [volume for volume in draft.volumes if volume.kind == "nfs"]
    if len(shares) != 1 or any(v.kind == "nfs" for v in page.draft.volumes):
        return
    for match in page.find(SERVER):
        if not page.negated(match.start()):
            path = shares[0].remote.partition(":")[2]
            quote = page.take(*match.span())
            shares[0].remote, shares[0].quote = f"{match['h']}:{path}", quote
            return


ELSEWHERE = Pattern(
    r"\b(?:that|which|what|as|like)\b[^.;\n]{0,25}\b(?:used|had|took"
    r"|ran)\b[^.;\n]{0,15}\b(?:last (?:week"
    r"|time|month|night|year|run)|yesterday|the other day|previously|on (?:mon|tues|wednes|thurs"
    r"|fri)"
    r"day|in (?:spring|summer|autumn|winter|january|february|march))\b",
    re.IGNORECASE,
)


def _used_elsewhere(page: Page) -> list[str]:
    """Questions for values that the words take from another job, which is not known here."""
    questions = []
    for match in page.find(ELSEWHERE):
        start = page.sentence(match.start())[0]
        named = [
            f
            for f in fields_in(page.norm[start : match.start()])
            if getattr(page.draft, f[0]) in (None, [])
        ]
        if named:
            _, first, last = named[-1]
            what = page.norm[start + first : start + last]
            page.take(start + first, match.end())
            questions.append(f"I do not know the earlier job: which {what} did it have?")
    return questions


DISK_WORD = Pattern(
    r"\b(?:bigger|larger|smaller|resize|grow|shrink|increase|raise|make|use|give|needs?)\b"
    r"[^.;\n]{0,30}\bdisks?\b|\bdisks?\b[^.;\n]{0,20}\b(?:to|of|should|needs?|gets?|has|size)\b"
    r"|\bfor the (?:\w+ )?disk\b",
    re.IGNORECASE,
)


def _larger_disk(page: Page, draft: Draft) -> None:
    """As in "use a bigger disk: 100 GB" where only one can be meant."""
    if page.draft.boot_disk is not None or page.draft.disks:
        return
    for size in page.sizes:
        said = page.sentence_text(size.start)
        if page.is_free(size.start, size.end) and DISK_WORD.search(said):
            gb = max(1, round(size.value / 1024))
            if set_disk_size(draft, gb, page.quote(size.start, size.end)):
                page.take(size.start, size.end)
            return
