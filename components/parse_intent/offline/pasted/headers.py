"""Cluster scripts with headers, and the sbatch, qsub and bsub lines that submit them."""

from __future__ import annotations

import re
from collections.abc import Callable

from components.parse_intent.draft import Asked, Step
from components.parse_intent.offline.pasted import lsf, pbs, sge, slurm
from components.parse_intent.offline.pasted.cluster import Wish, fill, named_step, rename
from components.parse_intent.offline.pasted.part import Part, Pending
from components.parse_intent.offline.pasted.script_end import command_end, script_end
from components.parse_intent.offline.pasted.shell_words import Option, Word, shell_words
from components.parse_intent.offline.pattern import Pattern

HEADER = Pattern(r"^[ \t]*#(?P<d>SBATCH|PBS|BSUB|\$)[ \t]+(?=[-A-Za-z])(?P<o>[^\n]*)", re.M)
SUBMIT = Pattern(r"(?P<p>sbatch|qsub|bsub)[ \t]+(?=-|\S+\.(?:sh|sbatch|slurm|pbs|job|sub|lsf)\b)")
Read = Callable[[Option, Wish], None]
DIALECTS: dict[str, tuple[Read, frozenset[str]]] = {
    "SBATCH": (slurm.option, slurm.SWITCHES),
    "PBS": (pbs.option, pbs.SWITCHES),
    "$": (sge.option, sge.SWITCHES),
    "BSUB": (lsf.option, lsf.SWITCHES),
}
# Options that only Grid Engine's qsub has; the others are read as PBS's.
ONLY_SGE = frozenset(("-tc", "-pe", "-cwd", "-hold_jid", "-sync", "-b", "-terse"))
MAX_HEADERS = 200


def find_scripts(text: str, fenced: bool) -> list[tuple[int, int]]:
    """Where scripts with headers stand; a fence holds one as a whole."""
    found: list[tuple[int, int]] = []
    for match in HEADER.finditer(text):
        if found and match.start() < found[-1][1]:
            continue
        if fenced and not found:
            return [(0, len(text))]
        start = _start(text, match.start())
        found.append((start, script_end(text, start)))
    return found


def _start(text: str, pos: int) -> int:
    """The start of the comment lines above the first header, a #! line among them."""
    for _ in range(20):
        if pos == 0:
            return 0
        above = text.rfind("\n", 0, pos - 1) + 1
        line = text[above:pos].strip()
        if line.startswith("#!"):
            return above
        if not line.startswith("#") and line:
            return pos
        if not line and "#!" not in text[max(0, above - 120) : above]:
            return pos
        pos = above
    return pos


def find_submits(text: str) -> list[tuple[int, int]]:
    """Where sbatch, qsub and bsub lines stand."""
    found: list[tuple[int, int]] = []
    for match in SUBMIT.finditer(text):
        if found and match.start() < found[-1][1]:
            continue
        before = text[max(0, match.start() - 1) : match.start()]
        if before in ("", "`", "\n", " ", "\t", '"', "'", "$", "("):
            found.append((match.start(), command_end(text, match.end(), before == "`")))
    return found


def read(scripts: list[str], submits: list[str]) -> Part:
    """Scripts and the lines that submit them as one partial draft.

    A submit line's options win over the headers, as they do for the schedulers themselves.
    """
    wish, files = Wish(), []
    for script in scripts:
        _headers(script, wish)
    dialect = next((m["d"] for s in scripts if (m := HEADER.search(s))), "")
    for line in submits:
        files += _submit(line, dialect, wish)
    part = fill(wish)
    for script in scripts:
        part.draft.steps += _steps(script, wish)
    if not scripts:
        _unseen(files, wish, part)
    return part


def _headers(script: str, wish: Wish) -> None:
    for number, match in enumerate(HEADER.finditer(script)):
        if number >= MAX_HEADERS:
            break
        read_option, switches = DIALECTS[match["d"]]
        line = match["o"]
        words, _ = shell_words(line)
        words = [word for word in words if not word.text.startswith("#")]
        for option in _options(words, line, switches):
            read_option(option, wish)


def _options(words: list[Word], line: str, switches: frozenset[str]) -> list[Option]:
    """Options of a header; -pe of Grid Engine takes two words."""
    found: list[Option] = []
    i = 0
    while i < len(words):
        name, equals, value = words[i].text.partition("=")
        last = i
        if not name.startswith("-"):
            i += 1
            continue
        if not equals and name not in switches:
            count = 2 if name == "-pe" else 1
            while last < min(i + count, len(words) - 1) and (
                last == i or not words[last + 1].text.startswith("-")
            ):
                if words[last + 1].text.startswith("--"):
                    break
                last += 1
            value = " ".join(word.text for word in words[i + 1 : last + 1])
        short = re.fullmatch(r"(-[A-Za-z])(\d[\w:-]*)", name)
        if short and not equals and last == i:
            name, value = short[1], short[2]
        found.append(Option(name, value, line[words[i].start : words[last].end]))
        i = last + 1
    return found


def _submit(line: str, dialect: str, wish: Wish) -> list[str]:
    """The options of a submit line; gives the script files that it names."""
    match = SUBMIT.match(line)
    words, _ = shell_words(line, match.end() if match else 0)
    names = {word.text.split("=")[0] for word in words}
    if line.startswith("sbatch"):
        kind = "SBATCH"
    elif line.startswith("bsub"):
        kind = "BSUB"
    else:
        kind = "$" if dialect == "$" or names & ONLY_SGE else "PBS"
    read_option, switches = DIALECTS[kind]
    head: list[Word] = []
    for i, word in enumerate(words):
        if word.text == "--":  # PBS: the command itself
            rest = words[i + 1 :]
            wish.want(
                "wrap", line[rest[0].start : rest[-1].end] if rest else "", line[word.start :]
            )
            break
        plain = not word.text.startswith("-")
        takes = i and words[i - 1].text.startswith("-") and "=" not in words[i - 1].text
        of_pe = i > 1 and words[i - 2].text == "-pe"
        if plain and not of_pe and not (takes and words[i - 1].text not in switches):
            break
        head.append(word)
    words = words if "wrap" not in wish.said else head
    for option in _options(head, line, switches):
        if option.name in ("--wrap", "-wrap"):
            wish.want("wrap", option.value, option.quote)
        else:
            read_option(option, wish)
    return [line[word.start : word.end] for word in words[len(head) :]]


def _steps(script: str, wish: Wish) -> list[Step]:
    """What is left of a script without its headers, with Batch's variables.

    On several nodes the first one starts the processes while the others wait at barriers, as in
    Batch's own MPI sample.
    """
    body = re.sub(r"\n{3,}", "\n\n", _dedent(HEADER.sub("", script)).strip("\n "))
    first, _, rest = body.partition("\n")
    if first.startswith("#!"):
        body = f"{first}\n{rest.lstrip(chr(10))}"
    if not re.sub(r"^#![^\n]*", "", body).strip():
        return []
    _report_modules(body, wish)
    text = rename(_without_srun(body, wish), wish)
    step = Step(kind="script", text=Asked(value=text, quote=script.strip()))
    _settings(step, wish)
    if wish.value("nodes", 1) > 1 and "count" not in wish.said and STARTS_ALL.search(body):
        step.main_node_only = Asked(value=True, quote=wish.quote("nodes"))
        return [Step(kind="barrier"), step, Step(kind="barrier")]
    return [step]


STARTS_ALL = Pattern(r"^[ \t]*(?:time[ \t]+)?(?:srun|mpirun|mpiexec|torchrun)\b", re.M)
SRUN = Pattern(
    r"^(?P<i>[ \t]*(?:time[ \t]+)?)srun(?:[ \t]+--?[A-Za-z][\w-]*(?:=\S+|[ \t]+\d+)?)*[ \t]+(?=\S)",
    re.MULTILINE,
)


def _without_srun(body: str, wish: Wish) -> str:
    """Srun is Slurm's own: one process is started as it is, several are by mpirun."""
    nodes = wish.value("nodes", 1)
    processes = wish.value("tasks", wish.value("tasks_per_node", 1) * nodes)
    if processes <= 1:
        return SRUN.sub(lambda m: m["i"], body)
    hosts = "--hostfile ${BATCH_HOSTS_FILE} " if nodes > 1 else ""
    if SRUN.search(body):
        wish.part.leave("srun", f"a Batch VM has no srun; mpirun starts the {processes} processes")
    return SRUN.sub(lambda m: f"{m['i']}mpirun {hosts}-np {processes} ", body)


def _settings(step: Step, wish: Wish) -> None:
    step.name = named_step(wish)
    if "workdir" in wish.said:
        step.workdir = Asked(value=wish.value("workdir"), quote=wish.quote("workdir"))


def _report_modules(body: str, wish: Wish) -> None:
    for match in list(re.finditer(r"^[ \t]*(?:module|ml)[ \t]+[^\n]*", body, re.M))[:10]:
        wish.part.leave(match[0], "a Batch VM has no environment modules; use an image with these")


def _dedent(text: str) -> str:
    lines = text.split("\n")
    depth = min((len(ln) - len(ln.lstrip(" ")) for ln in lines if ln.strip()), default=0)
    return "\n".join(line[depth:] if line.strip() else "" for line in lines)


def _unseen(files: list[str], wish: Wish, part: Part) -> None:
    """A submitted script that was not pasted: run where it is a full path, else asked for."""
    if "wrap" in wish.said:
        text: Asked[str] = Asked(value=rename(wish.value("wrap"), wish), quote=wish.quote("wrap"))
        part.draft.steps.append(Step(kind="script", text=text, name=named_step(wish)))
    elif files and files[0].startswith("/"):
        line = rename(" ".join(files), wish)
        part.draft.steps.append(Step(kind="script", text=Asked(value=line, quote=files[0])))
    elif files:
        question = f"What is in {files[0]}? Paste the script, or say where the VMs find it."
        part.wait(Pending("script", files[0], question))
