"""The prose around pasted text: it wins where it contradicts, and answers what was left open."""

from __future__ import annotations

import re
from itertools import islice

from components.parse_intent.build_storage import clean_mount, default_mount
from components.parse_intent.draft import Asked, Disk, Draft, Step, Volume
from components.parse_intent.offline.edits import apply_edits
from components.parse_intent.offline.merge import ADD, merge_steps
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pasted.part import Pending
from components.parse_intent.offline.pasted.read import Pasted
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.read_things import only_things

GPU_SERIES = ("a2-", "a3-", "a4-", "g2-", "g4-")
INSTEAD = Pattern(r"\binstead\b|\brather than\b|\breplace\b|\bin place of\b", re.IGNORECASE)
# Of a pasted script only its name; the name of a tool that the job takes the place of.
FILE_NAME = Pattern(r"(?:\./)?[\w.-]+\.(?:sh|slurm|sbatch|pbs|job|sub|lsf|ya?ml|json|nf|smk)")
TOOL_NAME = Pattern(r"ssh|docker|podman|kubectl|gcloud|sbatch|qsub|bsub|dsub|nextflow|snakemake")


def over_pasted(page: Page, pasted: Pasted) -> tuple[Draft, list[str]]:
    """The pasted draft with what the prose says put over it, as a later turn would."""
    _things(page, pasted.draft)
    said = page.draft.steps
    page.draft.steps = []
    draft, questions = apply_edits(page, pasted.draft)
    page.draft.steps = said
    # Words like "instead" speak of what is pasted: they never set one thing said for another.
    if not pasted.draft.volumes:
        draft.volumes = list(page.draft.volumes)
    if not pasted.draft.disks:
        draft.disks = list(page.draft.disks)
    _join_steps(page, draft)
    return draft, questions


# What other tools call tasks.
COMPLETIONS = Pattern(
    r"(?<![\w.:/-])(?P<n>\d{1,6}) (?:completions|pods|replicas|array (?:elements|jobs|tasks))\b",
    re.IGNORECASE,
)
ENOUGH = Pattern(
    r"\s*(?:is|are|should be|will be|would be|will|would)?\s*(?:enough|plenty|do\b|fine)"
)


def _things(page: Page, pasted: Draft) -> None:
    """What is only clear beside pasted text: "44 samples" counts runs of it, "8 GB will do"."""
    draft = page.draft
    for match in page.find(COMPLETIONS):
        if draft.task_count is None and not page.negated(match.start()):
            quote = page.take(*match.span())
            draft.task_count = Asked(value=int(match["n"]), quote=quote)
    if draft.task_count is None and pasted.task_count is None and not pasted.task_envs:
        draft.task_count = only_things(page)
    if draft.memory_mib is None and pasted.memory_mib is not None:
        for size in page.sizes:
            if page.is_free(size.start, size.end) and ENOUGH.match(page.norm, size.end):
                quote = page.take(size.start, size.end)
                draft.memory_mib = Asked(value=max(1, round(size.value)), quote=quote)


FIRST = Pattern(
    r"\b(?:first step|as the first|at the (?:start|beginning|front)|before (?:that|it"
    r"|everything|the)|beforehand|prepend|to begin with|first run)\b",
    re.IGNORECASE,
)


def _join_steps(page: Page, draft: Draft) -> None:
    """Steps of the prose beside the pasted ones; what only names the pasted file is none."""
    work = [step for step in draft.steps if step.kind != "barrier"]
    said = [step for step in page.draft.steps if not _only_a_name(step, bool(work))]
    page.draft.steps = said
    only_image = len(said) == 1 and said[0].kind == "container" and said[0].text is None
    if len(said) == len(work) == 1 and _fits_into(said[0], work[0], page):
        work[0].text = said[0].text
    elif said and work and (only_image or INSTEAD.search(page.norm)):
        merge_steps(page, draft)
    elif FIRST.search(page.norm) and ADD.search(page.norm):
        draft.steps = said + draft.steps
    else:
        draft.steps = draft.steps + said
    for step in draft.steps:
        _by_first_line(step)


APART = Pattern(
    r"\b(?:then|after(?:wards)?|before|first|finally|also|on the (?:host|vm))\b", re.IGNORECASE
)


def _fits_into(said: Step, container: Step, page: Page) -> bool:
    """Whether a command of the prose is what a pasted container without a command runs."""
    empty = container.kind == "container" and not (container.text or container.commands)
    return empty and said.kind == "script" and said.text is not None and not APART.search(page.norm)


INTERPRETER = Pattern(r"#![ \t]*(?:/\S*/)?(?:env[ \t]+(?:-S[ \t]+)?)?(?P<p>[\w.]+)[^\n]*\n")


def _by_first_line(step: Step) -> None:
    """A script that moved into an image is run by the interpreter of its first line."""
    if step.kind != "container" or step.text is None or step.entrypoint is not None:
        return
    match = INTERPRETER.match(step.text.value)
    if match is None:
        return
    program = match["p"]
    program = f"/bin/{program}" if program in ("sh", "bash") else program
    option = {"perl": "-e", "ruby": "-e", "Rscript": "-e", "node": "-e"}.get(program, "-c")
    body = step.text.value[match.end() :]
    step.entrypoint = Asked(value=program, quote=match[0].strip())
    step.commands = Asked(value=[option, body], quote=step.text.quote)
    step.text = None


def _only_a_name(step: Step, pasted: bool) -> bool:
    text = step.text.value.strip() if step.kind == "script" and step.text is not None else ""
    return TOOL_NAME.fullmatch(text) is not None or (
        pasted and FILE_NAME.fullmatch(text) is not None
    )


WAIVED = Pattern(
    r"\b(?:ignore|skip|drop|leave (?:it|that|them) out|without|not needed|no need|don't need"
    r"|doesn't need|nothing|none|never ?mind|empty|forget)\b",
    re.IGNORECASE,
)


def settle(draft: Draft, pending: list[Pending], said: str) -> list[Pending]:
    """Answer what is open from the draft (changed in place); gives what stays open."""
    left: list[Pending] = []
    if pending or any(v.kind == "nfs" and not v.mount for v in draft.volumes):
        _mount_where_used(draft)
    mounts = [one for one in pending if one.kind == "mount"]
    if len(mounts) > 1 and TOGETHER.search(said):
        _one_for_all(mounts, draft)
    for one in pending:
        if one.kind == "mount":
            done = _settle_mount(one, draft, alone=len(mounts) == 1)
        else:
            done = OTHERS[one.kind](one, draft)
        if not done and one.name in said and WAIVED.search(said) and len(said) < 400:
            done = True
        if not done:
            left.append(one)
    return left


PATH = Pattern(r"(?<![\w./:-])(/[\w.-]+(?:/[\w.-]+)*)")
MAX_PATHS = 200


def _mount_where_used(draft: Draft) -> None:
    """Mount a share at its own path where the steps look for files below that path."""
    texts = [step.text.value for step in draft.steps if step.text is not None]
    used = {m[1] for text in texts for m in islice(PATH.finditer(text), MAX_PATHS)}
    for volume in draft.volumes:
        path = clean_mount(volume.remote.partition(":")[2])
        free = volume.kind == "nfs" and not volume.mount and path != "/"
        if free and any(_within(one, path) for one in used):
            volume.mount = path


TOGETHER = Pattern(r"\b(?:both|all|everything|folders|directories|dirs|paths)\b", re.IGNORECASE)


def _one_for_all(mounts: list[Pending], draft: Draft) -> None:
    """Several directories that are now in one bucket, each below its own name."""
    free = [v for v in draft.volumes if not v.mount and v.remote]
    if len(free) != 1:
        return
    tail = free[0].remote.strip("/").rsplit("/", 1)[-1]
    free[0].mount = default_mount(tail, {v.mount for v in draft.volumes if v.mount})
    for step in draft.steps:
        for one in mounts:
            for bind in [b for b in step.volumes if _is_bind(b, one)]:
                source = one.name.rstrip("/")
                name = source.rsplit("/", 1)[-1]
                bind.value = f"{free[0].mount}/{name}{bind.value[len(source) :]}"


def _settle_mount(one: Pending, draft: Draft, *, alone: bool) -> bool:
    """Find the storage that holds what a bind or a claim brought."""
    storage: list[Volume | Disk] = [*draft.volumes, *draft.disks]
    mounted = [place for place in storage if place.mount]
    if any(_within(one.name, m.mount) for m in mounted):
        return True
    bound = any(_is_bind(bind, one) for step in draft.steps for bind in step.volumes)
    if not bound and any(_has_target(step, one) for step in draft.steps):
        return True  # its bind begins elsewhere by now
    if any(_within(one.target, m.mount) for m in mounted):
        # Batch shows a volume to containers where it is mounted.
        _rebind(draft, one, one.target)
        return True
    free = [v for v in draft.volumes if not v.mount and v.remote]
    named = [v for v in free if _slug(one.name) and _slug(one.name) in _slug(v.remote)]
    chosen = named[0] if len(named) == 1 else free[0] if len(free) == 1 and alone else None
    if chosen is None:
        return False
    taken = {m.mount for m in mounted}
    tail = chosen.remote.strip("/").rsplit("/", 1)[-1]
    chosen.mount = default_mount(tail, taken) if bound else one.target
    _rebind(draft, one, chosen.mount)
    return True


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.rstrip("/").rsplit("/", 1)[-1].lower())


def _within(path: str, mount: str) -> bool:
    path, mount = clean_mount(path), clean_mount(mount)
    return path == mount or path.startswith(f"{mount}/")


def _is_bind(bind: Asked[str], one: Pending) -> bool:
    source = one.name.rstrip("/") or "/"
    return bind.value.startswith(f"{source}:{one.target}")


def _has_target(step: Step, one: Pending) -> bool:
    return any(f":{one.target}" in bind.value for bind in step.volumes)


def _rebind(draft: Draft, one: Pending, mount: str) -> None:
    """Let a bind begin at the mount; where that is the target, Batch does it by itself."""
    for step in draft.steps:
        for bind in [b for b in step.volumes if _is_bind(b, one)]:
            rest = bind.value[len(one.name.rstrip("/") or "/") :]
            bind.value = f"{mount.rstrip('/')}{rest}"
            if mount == one.target and len(step.volumes) == 1 and rest == f":{one.target}":
                step.volumes = []


def _settle_secret(one: Pending, draft: Draft) -> bool:
    return one.name in {pair.name for pair in (*draft.secret_env, *draft.env)}


def _settle_gpu(one: Pending, draft: Draft) -> bool:
    if draft.gpus is not None:
        said = re.search(
            r"(?<![A-Za-z\d])\d|\b(?:one|a|an|two|four|eight)\b",
            draft.gpus.quote.split("nvidia")[0],
        )
        if one.count > 1 and draft.gpus.count == 1 and not said:
            draft.gpus.count = one.count
        return True
    machine = draft.machine_type
    return draft.instance_template is not None or (
        machine is not None and machine.value.startswith(GPU_SERIES)
    )


def _settle_variables(one: Pending, draft: Draft) -> bool:
    return len(draft.env) + len(draft.secret_env) > one.size


def _settle_tasks(one: Pending, draft: Draft) -> bool:
    return bool(draft.task_envs) or draft.task_count is not None


def _settle_script(one: Pending, draft: Draft) -> bool:
    return any(
        step.kind != "barrier" and (step.text or step.commands or step.path) for step in draft.steps
    )


OTHERS = {
    "secret": _settle_secret,
    "gpu": _settle_gpu,
    "variables": _settle_variables,
    "tasks": _settle_tasks,
    "script": _settle_script,
}
