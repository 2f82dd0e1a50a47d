"""A later turn on the draft: what it sets, drops, swaps, doubles or adds; the rest stays."""

from __future__ import annotations

import re
from itertools import islice

from components.parse_intent.draft import Asked, Draft, Volume
from components.parse_intent.offline.merge import SCALARS, merge_turn
from components.parse_intent.offline.page import Page

# What people call the fields, for dropping and for doubling.
FIELD_WORDS: tuple[tuple[str, str], ...] = (
    ("install_gpu_drivers", r"(?:gpu |nvidia |cuda )?drivers?"),
    ("gpus", r"gpus?|accelerators?|t4s?|l4s?|a100s?|v100s?|p100s?|h100s?|graphics cards?"),
    ("notifications", r"notifications?|(?:pub ?/?sub )?topics?|messages?|alerts?|pub ?/?sub"),
    ("retry_policies", r"(?:retry|lifecycle) polic(?:y|ies)|exit code rules?"),
    ("max_retries", r"retry|retries|retry (?:count|limit)|retrying"),
    ("max_run_s", r"time ?-?limit|timeout|run ?time|time|duration|deadline|walltime|time cap"),
    ("memory_mib", r"memory|ram|mem"),
    ("cpu_milli", r"v?cpus?|v?cores?|processors?"),
    ("boot_disk", r"boot disk(?: size)?"),
    ("disks", r"local ssds?|scratch(?: disk)?|(?:extra |data |persistent )?disks?|ssds?"),
    ("tasks_per_node", r"tasks per (?:vm|node|machine)|packing"),
    (
        "parallelism",
        r"parallelism|concurrency(?: limit)?|parallel limit|parallel tasks|in parallel"
        r"|limit on parallel\w*",
    ),
    ("in_order", r"order(?:ing)?|sequence"),
    ("task_count", r"tasks?|task count|number of tasks"),
    ("priority", r"priority"),
    ("machine_type", r"machine(?: type)?|machinetype"),
    ("reservation", r"reservation"),
    ("collocated", r"placement|collocation"),
    ("instance_template", r"(?:instance )?template"),
    ("locations", r"regions?|zones?|locations?|location restriction"),
    ("subnetwork", r"sub-?net(?:work)?"),
    ("network", r"network|vpc"),
    ("tags", r"(?:network )?tags?"),
    ("service_account", r"service account"),
    ("min_cpu_platform", r"(?:min(?:imum)? )?cpu platform"),
    ("install_ops_agent", r"ops agent"),
    ("block_project_ssh_keys", r"ssh keys?"),
    ("no_external_ip", r"no external ip"),
    ("run_as_non_root", r"non-root"),
    ("task_envs", r"(?:per-)?task environments?"),
    ("secret_env", r"secrets?"),
    ("env", r"environment(?: variables?)?|variables"),
    ("vm_labels", r"vm labels?"),
    ("job_labels", r"(?:job )?labels?"),
    ("volumes", r"buckets?|volumes?|mounts?|nfs(?: share)?|share"),
    ("provisioning", r"spot|preemptible|provisioning(?: model)?"),
    ("logs", r"logs? (?:path|bucket|policy)|logging"),
)
MAX_DROPS = 40
DROP = re.compile(
    r"\b(?:drop|remove|delete|get rid of|lose|take out|take away|leave out|scrap|strip|clear"
    r"|unset|forget about|without|no longer (?:need|want)|don't (?:need|want)|do not (?:need"
    r"|want)|no more|"
    r"cancel|ditch|kick out|kill|omit|skip|turn off|switch off|disable)\b\s*",
    re.IGNORECASE,
)
# A new instruction inside the sentence ends what a verb for dropping reaches.
NEW_VERB = re.compile(
    r"\b(?:and|but|then|,)\s+(?:use|set|make|add|change|switch|put|give|run|bump|move|instead"
    r"|go|keep|let)\b|,\s+(?:in|on|at|with|no|to|\d+)\b|[.;\n]|\bbut\b|\binstead of\b",
    re.IGNORECASE,
)
UNDO = re.compile(
    r"\b(?:undo|revert|roll ?back|go back to (?:what|how|the previous|the last)"
    r"|as it was before|scratch (?:that|the last)|never ?mind(?: that| the last)?)\b",
    re.IGNORECASE,
)
SCALE = re.compile(
    r"\b(?P<w>double|doubling|twice|triple|thrice|quadruple|halve|half|2x|3x|4x|10x"
    r"|(?P<n>\d{1,3}) ?(?:times|x))\b(?: (?:as (?:many|much)|of|the|that|its|both|amount of"
    r"|number of))*",
    re.IGNORECASE,
)
FACTORS = {
    "double": 2.0,
    "doubling": 2.0,
    "twice": 2.0,
    "2x": 2.0,
    "triple": 3.0,
    "thrice": 3.0,
    "3x": 3.0,
    "quadruple": 4.0,
    "4x": 4.0,
    "10x": 10.0,
    "halve": 0.5,
    "half": 0.5,
}
NUMBER_SWAP = re.compile(
    r"\b(?:make|change|turn|bump|raise|lower|switch|set|replace|swap)?\s*(?:the|that|those"
    r"|from)\s+(?P<a>\d{1,7})(?!\d|[ ]?(?:gb|gib|h\b|min))\s+(?:(?P<w>[a-z]+) )?(?:a|an|to"
    r"|into|with|for|->|by|should be|be|becomes)\s+(?P<b>\d{1,7})\b(?P<r>[^.;\n]{0,20})",
    re.IGNORECASE,
)
NUMBER_FIELDS = {
    "task_count": "tasks",
    "parallelism": "parallel tasks",
    "tasks_per_node": "tasks per VM",
    "cpu_milli": "vCPUs",
    "memory_mib": "memory",
    "max_retries": "retries",
    "priority": "priority",
    "gpus": "GPUs",
    "boot_disk": "boot disk size",
    "max_run_s": "time limit",
}


def apply_edits(page: Page, before: Draft) -> tuple[Draft, list[str]]:
    """The draft after a later turn, and questions about what the turn left open."""
    draft = before.model_copy(deep=True)
    questions: list[str] = []
    _drop(page, draft)
    for name in page.dropped:
        if name in SCALARS and getattr(page.draft, name) is None:
            setattr(draft, name, None)
    questions += _swap_numbers(page, draft)
    _scale(page, draft)
    merge_turn(page, draft)
    _rename(page, draft)
    return draft, questions


def fields_in(text: str) -> list[tuple[str, int, int]]:
    """The fields that words name: field, start, end; longer names win."""
    found: list[tuple[str, int, int]] = []
    for name, names in FIELD_WORDS:
        for match in re.finditer(rf"(?<![\w-])(?:{names})(?![\w-])", text, re.IGNORECASE):
            if not any(s < match.end() and match.start() < e for _, s, e in found):
                found.append((name, *match.span()))
    return sorted(found, key=lambda f: f[1])


def _drop(page: Page, draft: Draft) -> None:
    for match in islice(DROP.finditer(page.norm), MAX_DROPS):
        end = min(len(page.norm), match.end() + 120)
        stop = NEW_VERB.search(page.norm, match.end(), end)
        end = stop.start() if stop else end
        reach = page.norm[match.end() : end]
        if _drop_named(draft, reach, page.quote(match.end(), end)):
            page.take(match.start(), end)
            continue
        for name, start, finish in fields_in(reach):
            if page.is_free(match.end() + start, match.end() + finish) or name in (
                "gpus",
                "install_gpu_drivers",
            ):
                if getattr(page.draft, name) in (None, []) or name == "install_gpu_drivers":
                    _clear(draft, name)
                page.take(match.end() + start, match.end() + finish)
        page.take(*match.span())


def _clear(draft: Draft, name: str) -> None:
    blank = type(draft).model_fields[name].get_default(call_default_factory=True)
    setattr(draft, name, [] if isinstance(blank, list) else None)
    if name == "gpus":
        draft.install_gpu_drivers = None


STEP = re.compile(
    r"\b(?:step\s+(?P<n>\d)|(?P<o>first|second|third|fourth|last|final)\s+(?:step|command"
    r"|1))\b|\b(?P<b>barriers?)\b",
    re.IGNORECASE,
)


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
    done = done or len(volumes) < len(draft.volumes)
    draft.volumes = volumes
    tags = [t for t in draft.tags if t.value not in names]
    done = done or len(tags) < len(draft.tags)
    draft.tags = tags
    topics = [n for n in draft.notifications if n.topic not in names]
    done = done or len(topics) < len(draft.notifications)
    draft.notifications = topics
    return _drop_step(draft, reach) or done


def _named_volume(volume: Volume, names: set[str]) -> bool:
    return bool(names & {volume.remote, f"gs://{volume.remote}", volume.mount} - {""})


def _drop_step(draft: Draft, reach: str) -> bool:
    match = STEP.search(reach)
    if match is None or not draft.steps:
        return False
    if match["b"]:
        draft.steps = [s for s in draft.steps if s.kind != "barrier"]
        return True
    order = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1, "final": -1}
    index = int(match["n"]) - 1 if match["n"] else order[match["o"].lower()]
    if -len(draft.steps) <= index < len(draft.steps):
        del draft.steps[index]
        return True
    return False


def number_of(draft: Draft, name: str) -> float | None:
    """A field's number in the unit that people use; None where it has none."""
    value = getattr(draft, name)
    if value is None:
        return None
    if name == "gpus":
        return float(value.count)
    if name == "boot_disk":
        return float(value.size_gb.value) if value.size_gb else None
    scale = {"cpu_milli": 1000, "memory_mib": 1024, "max_run_s": 3600}.get(name, 1)
    return float(value.value) / scale


def set_number(draft: Draft, name: str, number: float, quote: str) -> None:
    """Set a field from a number in the unit that people use."""
    if name == "gpus" and draft.gpus is not None:
        draft.gpus.count = max(1, round(number))
    elif name == "boot_disk" and draft.boot_disk is not None:
        draft.boot_disk.size_gb = Asked(value=max(1, round(number)), quote=quote)
    else:
        scale = {"cpu_milli": 1000, "memory_mib": 1024, "max_run_s": 3600}.get(name, 1)
        setattr(draft, name, Asked(value=max(0, round(number * scale)), quote=quote))


def _swap_numbers(page: Page, draft: Draft) -> list[str]:
    """As in "make the 8 a 10": the one field that is 8; asked back where several are."""
    questions = []
    for match in page.find(NUMBER_SWAP, free=False):
        old, new = float(match["a"]), float(match["b"])
        named = [f for f, _, _ in fields_in(f"{match['w'] or ''} {match['r']}")]
        having = [f for f in NUMBER_FIELDS if number_of(draft, f) == old]
        chosen = [f for f in having if f in named] or having
        if len(chosen) == 1:
            set_number(draft, chosen[0], new, page.take(*match.span()))
        elif len(chosen) > 1:
            names = [NUMBER_FIELDS[f] for f in chosen]
            listed = ", ".join(names[:-1]) + f" or {names[-1]}"
            page.take(*match.span())
            questions.append(
                f"Which {match['a']} should become {match['b']}: the number of {listed}?"
            )
    return questions


def _scale(page: Page, draft: Draft) -> None:
    """As in "double the memory", "half as many tasks", "double both"."""
    for match in page.find(SCALE):
        word = match["w"].lower()
        factor = FACTORS.get(word) or float(match["n"] or 1)
        reach = page.right(match.end(), 60)
        stop = NEW_VERB.search(reach)
        reach = reach[: stop.start()] if stop else reach
        names = [f for f, _, _ in fields_in(reach) if f in NUMBER_FIELDS]
        both = re.search(r"\bboth\b|\b(?:them|those|everything|all)\b", match.group() + reach, re.I)
        if not names:
            before = [
                f
                for f, _, _ in fields_in(page.norm[max(0, match.start() - 300) : match.start()])
                if f in NUMBER_FIELDS
            ]
            names = list(dict.fromkeys(before)) if both else before[-1:]
        if not names or any(getattr(page.draft, f) is not None for f in names):
            continue
        quote = page.take(*match.span())
        for name in dict.fromkeys(names):
            number = number_of(draft, name)
            if number is not None:
                set_number(draft, name, number * factor, quote)


NAME = re.compile(
    r"(?<![\w./@:-])(?P<n>[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)+|[a-z0-9]{3,}\d+)(?![\w/@:-])"
)


def _rename(page: Page, draft: Draft) -> None:
    """As in "use other-bucket instead": a lone name takes the place of the one bucket or topic."""
    if not re.search(
        r"\b(?:instead|rather|wrong|should be|actually|rename|replace|use|swap|meant|correct)\b",
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
        if speaks or re.search(r"\b(?:use|be|to|is|with)\s*$", page.left(match.start(), 12), re.I):
            buckets[0].remote = name
            buckets[0].quote = page.take(*match.span())
            return
