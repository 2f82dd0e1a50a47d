"""One line of a dialogue: a command, or words about the job."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from components.batch.locations import DEFAULT_REGION
from components.batch.names import parent_name
from components.config.write_back import yaml_text
from components.errors import Intent2BatchError, WrongUse
from components.tables.text import brief, visible
from pipelines.chat import page
from pipelines.chat.state import Errand, Reply, Rules, State
from pipelines.chat.versions import from_file, said

_COMMAND = re.compile(r"/(?P<name>[a-z-]+)(?:\s+(?P<word>\S.*?))?\s*")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_FENCE = "```"


def begin(project: str, region: str, name: str, run: str) -> State:
    """A dialogue that nothing was said in.

    Args:
        project: that the job runs in; empty: it is to be chosen.
        region: that it is submitted to; empty: the job's own, or the default.
        name: of the run; empty: `run`.
        run: a name that no other run has.

    Raises:
        WrongUse: one of them cannot be one.
    """
    parent_name(project or "any", region or DEFAULT_REGION)
    if name:
        _check_name(name)
    return State(project=project, region=region, name=name, run=run)


def step(state: State, line: str, rules: Rules) -> Reply:
    """What comes of one line (or of several at once, as a terminal pastes them).

    Lines after an opening ``` are one message, up to its closing. Never raises for what the person
    can mend: then the state is as before, and `ok` is false.
    """
    try:
        return _step(state, line, rules)
    except Intent2BatchError as error:
        return Reply(state, visible(str(error)), ok=False)


def _step(state: State, line: str, rules: Rules) -> Reply:
    line = line.rstrip("\r\n")
    if not state.message:
        command = _command(line)
        if command:
            name, word = command
            return _COMMANDS[name](state, word, rules)
        if not line.strip():
            return Reply(state)
    message = "\n".join([*state.message, line])
    if message.count(_FENCE) % 2:
        return Reply(replace(state, message=(*state.message, line)))
    return _said(replace(state, message=()), message, rules)


def _command(line: str) -> tuple[str, str] | None:
    """The command and its word; None where the line is words about the job.

    Raises:
        WrongUse: it looks like a command and is none.
    """
    words = line.split()
    name = words[0].lower() if words else ""
    if name in _COMMANDS and "\n" not in line.strip() and _is_bare(name, words[1:]):
        return name, " ".join(words[1:])
    found = _COMMAND.fullmatch(line.strip())
    if not found:
        return None
    name = found["name"]
    if name in _COMMANDS:
        return name, found["word"] or ""
    if found["word"] or len(name) < 2:  # a path of one part, with arguments
        return None
    raise WrongUse(f"There is no command /{name}", fix="See: help. Put a path between backticks.")


def _is_bare(name: str, words: list[str]) -> bool:
    """Whether a command without / is one: words about a job may begin like it."""
    if name in _WITH_WORD:
        return len(words) == 1
    return not words or (name, *words) in _WITH_CHOICE


def _said(state: State, words: str, rules: Rules) -> Reply:
    version = said(state, words, rules)
    answer = version.answer
    if answer.outcome == "reject":
        same = "" if state.job is None else "\nThe job is as before."
        return Reply(state, visible(f"{answer.message}{same}"), ok=False)
    after = state.with_version(version)
    if answer.outcome == "clarify":
        again = "" if state.job is None else "\nAnswer it, or undo: the job is as before."
        return Reply(after, visible(f"{answer.message}{again}"), ok=False)
    if state.job is None:
        return Reply(after, page.whole(after, rules))
    if state.job == answer.job:
        unread = "".join(f"\n  not read: {brief(words, 300)}" for words in answer.unread)
        if state.question:
            return Reply(after, visible(f"The job stays as it is.{unread}"))
        hint = "say which field should be what"
        return Reply(state, visible(f"Nothing changed: {hint}.{unread}"), ok=False)
    return Reply(after, page.changed(state, after, rules))


def edited(state: State, data: bytes, name: str, rules: Rules) -> Reply:
    """What comes of a file that an editor left.

    Args:
        state: the state that the editor was opened in.
        data: what is in the file now.
        name: of the file, as it is told; .yaml is read as YAML.
        rules: see `Rules`.
    """
    try:
        version = from_file(state, data, name)
    except Intent2BatchError as error:
        kept = replace(state, unread_text=data.decode("utf-8", "replace"))
        told = f"{error.where}: {error.what}.\nThe job is as before; edit opens your text again."
        return Reply(kept, visible(told), ok=False)
    if version.answer.job == state.job:
        return Reply(replace(state, unread_text=""), "Nothing changed.")
    after = state.with_version(version)
    if state.job is None:
        return Reply(after, page.whole(after, rules))
    return Reply(after, page.changed(state, after, rules))


def _help(state: State, word: str, rules: Rules) -> Reply:
    return Reply(state, page.HELP)


def _show(state: State, word: str, rules: Rules) -> Reply:
    return Reply(state, page.whole(state, rules), ok=state.job is not None)


def _job(state: State, word: str, rules: Rules) -> Reply:
    if state.job is None:
        return Reply(state, page.whole(state, rules), ok=False)
    return Reply(state, page.text_of(state.job))


def _diff(state: State, word: str, rules: Rules) -> Reply:
    before = _before(state)
    return Reply(state, page.difference(before, state) or "Nothing was changed yet.")


def _before(state: State) -> State:
    """The state before the newest job."""
    places = [at for at, v in enumerate(state.versions) if v.answer.job is not None]
    return replace(state, versions=state.versions[: places[-1]] if places else ())


def _undo(state: State, word: str, rules: Rules) -> Reply:
    if not state.versions:
        return Reply(state, "There is nothing to undo.", ok=False)
    after = replace(state, versions=state.versions[:-1])
    if state.question:
        return Reply(after, visible(f"Dropped: {brief(state.versions[-1].turns[-1], 96)}"))
    if after.job is None:
        return Reply(after, "Taken back: there is no job now.")
    return Reply(after, page.changed(state, after, rules))


def _edit(state: State, word: str, rules: Rules) -> Reply:
    form = word or "json"
    if form not in ("json", "yaml"):
        raise WrongUse(f"A job cannot be edited as {form!r}", fix="Say edit, or /edit yaml.")
    write = page.text_of if form == "json" else yaml_text
    text = write(state.job) if state.job is not None else ""
    return Reply(state, errand=Errand("edit", form, state.unread_text or text))


def _project(state: State, word: str, rules: Rules) -> Reply:
    if word:
        parent_name(word, DEFAULT_REGION)
        state = replace(state, project=word)
    return Reply(state, _place(state))


def _region(state: State, word: str, rules: Rules) -> Reply:
    if word:
        parent_name("any", word)
        state = replace(state, region=word)
    if state.job is None:
        return Reply(state, _place(state))
    return Reply(state, page.standing(state, rules))  # prices differ, and the job may name another


def _place(state: State) -> str:
    return visible(f"To submit: {page.place(state)}")


def _name(state: State, word: str, rules: Rules) -> Reply:
    if word:
        _check_name(word)
    state = replace(state, name=word or state.name)
    return Reply(state, _place(state))


def _check_name(name: str) -> None:
    if not _RUN.fullmatch(name):
        raise WrongUse(
            f"{name!r} cannot be the name of a run",
            fix="Use letters, digits, dots, dashes and underscores.",
        )


def _dry_run(state: State, word: str, rules: Rules) -> Reply:
    if why := page.faults(state, rules):
        return Reply(state, visible(f"{why}\nNothing was sent."), ok=False)
    text = page.standing(state, rules)
    return Reply(state, text, Errand("dry-run", text=page.text_of(state.job)))


def _submit(state: State, word: str, rules: Rules) -> Reply:
    if word not in ("", "no-wait"):
        raise WrongUse(f"submit does not know {word!r}", fix="Say submit, or /submit no-wait.")
    if why := page.faults(state, rules):
        return Reply(state, visible(f"{why}\nNothing was submitted."), ok=False)
    text = visible(f"Submitting: {page.place(state)}")
    return Reply(state, text, Errand("submit", word, page.text_of(state.job)))


def _save(state: State, word: str, rules: Rules) -> Reply:
    if not word:
        raise WrongUse("Where should the job be saved", fix="/save FILE")
    if state.job is None:
        return Reply(state, page.whole(state, rules), ok=False)
    write = yaml_text if word.lower().endswith((".yaml", ".yml")) else page.text_of
    return Reply(state, errand=Errand("save", word, write(state.job)))


def _exit(state: State, word: str, rules: Rules) -> Reply:
    return Reply(state, errand=Errand("leave"))


_COMMANDS: dict[str, Callable[[State, str, Rules], Reply]] = {
    "help": _help,
    "show": _show,
    "job": _job,
    "diff": _diff,
    "edit": _edit,
    "undo": _undo,
    "project": _project,
    "region": _region,
    "name": _name,
    "dry-run": _dry_run,
    "submit": _submit,
    "save": _save,
    "exit": _exit,
    "quit": _exit,
}
_WITH_WORD = frozenset({"project", "region", "name", "save"})
_WITH_CHOICE = frozenset({("edit", "json"), ("edit", "yaml"), ("submit", "no-wait")})
