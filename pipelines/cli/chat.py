"""`intent2batch chat`: a job in a dialogue; the terminal, the editor and the files of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from components.errors import InputError, Intent2BatchError, WrongUse
from pipelines.cli.gemini_options import Answers, Location, Model, Reader, Temperature, Without
from pipelines.cli.jobs import Prices, TaskTime
from pipelines.cli.policy import PolicyFile, held_against

if TYPE_CHECKING:
    from pipelines.chat.state import Errand, Reply, Rules, State


def register(app: typer.Typer) -> None:
    """Add the verb `chat`."""
    app.command("chat", short_help="Make a job in a dialogue, up to the submission.")(chat)


def chat(
    text: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="The first words; nothing: they are asked for."),
    ] = None,
    job: Annotated[
        str, typer.Option("--job", metavar="FILE", help="Begin with this job, JSON or YAML.")
    ] = "",
    reader: Reader = "offline",
    project: Annotated[
        str,
        typer.Option(
            "--project", help="Project of the job, and that pays for Gemini [GOOGLE_CLOUD_PROJECT]."
        ),
    ] = "",
    region: Annotated[
        str,
        typer.Option("--region", help="Region of the job [the one that it names, or us-central1]."),
    ] = "",
    name: Annotated[
        str, typer.Option("--name", help="Name of the run, which begins the job's id.")
    ] = "",
    location: Location = "global",
    model: Model = "",
    temperature: Temperature = -1.0,
    without: Without = "",
    answers: Answers = 0,
    max_cost: Annotated[
        float,
        typer.Option(
            "--max-cost",
            metavar="USD",
            min=0,
            show_default=False,
            help="Send nothing that may cost more at worst [no limit].",
        ),
    ] = 0.0,
    policy: PolicyFile = "",
    task_time: TaskTime = "",
    prices: Prices = "",
) -> None:
    """Make a job in a dialogue: say it, see it with its reasons and its cost, change it, submit it.

    Words are read line by line, from a terminal or from standard input; `help` lists the commands.
    Nothing is submitted but by the command submit. Ends with 1 where the last line did not do what
    it asked for.
    """
    from components.parse_intent.step import reader_settings
    from components.project import project_here
    from pipelines.chat.dialogue import begin
    from pipelines.cli.submit import new_run

    project = project or project_here()
    settings = reader_settings(
        reader, project, location, model, temperature, without=without, max_turns=answers
    )
    rules = _rules(max_cost, policy, task_time, prices)
    options = SubmitOptions(max_cost, task_time, prices, policy)
    state = begin(project, region, name, new_run("chat"))
    talk = Talk(state, replace(rules, settings=settings), options)
    raise typer.Exit(_talked(talk, job, " ".join(text or [])))


@dataclass(frozen=True)
class SubmitOptions:
    """Options of `intent2batch submit` that hold for the whole dialogue."""

    max_cost: float
    task_time: str
    prices: str
    policy: str


@dataclass
class Talk:
    """A dialogue that is held.

    Attributes:
        state: where it stands.
        rules: what it was started with.
        options: for what is submitted.
        ok: whether the last line did what it asked for.
        submitted: whether a job was sent.
        saved: files that this dialogue wrote, which it may write again.
    """

    state: State
    rules: Rules
    options: SubmitOptions
    ok: bool = True
    submitted: bool = False
    saved: set[str] = field(default_factory=set)


def _rules(max_cost: float, policy: str, task_time: str, prices: str) -> Rules:
    from components.batch.vm_prices import load_vm_prices
    from pipelines.chat.state import Rules
    from pipelines.cli.jobs import seconds_of

    return Rules(
        load_vm_prices(prices),
        policy=held_against(policy, None, prices).policy,
        max_cost_usd=max_cost,
        task_s=seconds_of(task_time),
    )


def _talked(talk: Talk, job: str, words: str) -> int:
    """Hold the dialogue to its end; the exit code."""
    from pipelines.chat.dialogue import edited, step
    from pipelines.cli.files import read_file

    try:
        if job:
            _take(talk, edited(talk.state, read_file(job), job, talk.rules))
        if words.strip():
            _take(talk, step(talk.state, words, talk.rules))
        ask = _asked_on_terminal() if sys.stdin.isatty() and sys.stdout.isatty() else _next_line
        while (line := ask(talk.state)) is not None:
            if not _take(talk, step(talk.state, line, talk.rules)):
                break
    except KeyboardInterrupt:
        _leave(talk, "\n")
        return 130
    _leave(talk)
    return 0 if talk.ok else 1


def _take(talk: Talk, reply: Reply) -> bool:
    """Show a reply and do its errand; False where the dialogue ends."""
    talk.state = reply.state
    if reply.text:
        _show(reply.text)
    if reply.text or reply.errand:
        errand = reply.errand
        if errand and errand.verb == "leave":
            return False
        talk.ok = reply.ok
        if errand:
            _do(talk, errand)
    return True


def _show(text: str) -> None:
    sys.stdout.write(text.rstrip("\n") + "\n")
    sys.stdout.flush()


def _leave(talk: Talk, before: str = "") -> None:
    from pipelines.cli.streams import tell

    tell(f"{before}Left." if talk.submitted else f"{before}Left; nothing was submitted.")


def _next_line(_: State) -> str | None:
    """The next line of standard input; None at its end.

    Raises:
        InputError: it is no text.
    """
    try:
        return sys.stdin.readline() or None
    except UnicodeDecodeError as error:
        raise InputError(
            "This is not UTF-8 text", where="standard input", fix="Give the lines as plain text."
        ) from error


def _asked_on_terminal() -> Callable[[State], str | None]:
    """What asks on a terminal; lines can be edited and called up again until the dialogue ends."""
    import contextlib

    with contextlib.suppress(ImportError):  # a Python without it still reads lines
        import readline  # noqa: F401
    _show("Say what should run on Google Cloud Batch. help lists the commands, exit leaves.")

    def ask(state: State) -> str | None:
        try:
            return input("... " if state.message else "> ")
        except EOFError:
            _show("")
            return None

    return ask


def _do(talk: Talk, errand: Errand) -> None:
    """Do what a reply asks of the world; what fails is told, and the dialogue goes on."""
    from pipelines.cli.streams import tell

    try:
        if errand.verb == "edit":
            _edit(talk, errand)
        elif errand.verb == "save":
            _save(talk, errand)
        else:
            _submit(talk, errand)
    except Intent2BatchError as error:
        tell(str(error))
        talk.ok = False


def _edit(talk: Talk, errand: Errand) -> None:
    import tempfile

    from components.storage.files import read_bytes
    from pipelines.chat.dialogue import edited

    name = f"job.{errand.word}"
    with tempfile.TemporaryDirectory(prefix="intent2batch-") as folder:
        path = Path(folder) / name
        path.write_text(errand.text, encoding="utf-8", newline="")
        _run_editor(path)
        data = read_bytes(str(path))
    _take(talk, edited(talk.state, data, name, talk.rules))


def _run_editor(path: Path) -> None:
    """Let the person's editor have the file.

    Raises:
        WrongUse: there is none, or it cannot be started.
        InputError: it did not end well.
    """
    import shlex
    import subprocess

    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    # Lines that wait on standard input are the dialogue's, not the editor's.
    stdin = None if sys.stdin.isatty() else subprocess.DEVNULL
    try:
        words = shlex.split(command)
        if not words:
            raise WrongUse("No editor is set", fix="Set EDITOR, for example to nano.")
        code = subprocess.run([*words, str(path)], stdin=stdin, check=False).returncode
    except (OSError, ValueError) as error:
        raise WrongUse(f"The editor {command!r} cannot be started ({error})") from error
    if code:
        raise InputError(f"The editor ended with {code}", fix="The job is as before.")


def _save(talk: Talk, errand: Errand) -> None:
    from components.storage.files import exists, write_text
    from components.tables.text import visible

    file = errand.word
    if file not in talk.saved and exists(file):
        raise WrongUse("There is such a file already", where=file, fix="Give another name.")
    write_text(file, errand.text, content_type="application/json")
    talk.saved.add(file)
    _show(visible(f"Saved: {file}"))


def _submit(talk: Talk, errand: Errand) -> None:
    """Submit the job, or show the request, as `intent2batch submit` does."""
    import tempfile

    from pipelines.cli.submit import new_run

    state, dry_run = talk.state, errand.verb == "dry-run"
    if not dry_run:
        talk.submitted = True
        # The next job is another one, unless the person names it alike.
        talk.state = replace(state, run=new_run("chat"))
    with tempfile.TemporaryDirectory(prefix="intent2batch-") as folder:
        path = Path(folder) / "job.json"
        path.write_text(errand.text, encoding="utf-8")
        _send(talk, str(path), state, dry_run=dry_run, no_wait=errand.word == "no-wait")


def _send(talk: Talk, file: str, state: State, *, dry_run: bool, no_wait: bool) -> None:
    from pipelines.cli.submit import submit

    submit(
        file,
        project=state.project,
        region=state.region,
        run=state.named,
        ledger="",
        dry_run=dry_run,
        no_wait=no_wait,
        max_wait="",
        leave=False,
        force=False,
        policy=talk.options.policy,
        max_cost=talk.options.max_cost,
        task_time=talk.options.task_time,
        prices=talk.options.prices,
    )
