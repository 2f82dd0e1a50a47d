"""What a dialogue knows: the job in its versions, where it would go, what it is held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from components.batch.policy import Policy
from components.batch.vm_prices import VmPrices
from components.gemini.settings import GeminiSettings
from components.parse_intent.answer import Answer


@dataclass(frozen=True)
class Rules:
    """What a dialogue was started with.

    Attributes:
        prices: what VMs cost.
        settings: of the Gemini reader; None for the offline one.
        policy: the organisation's; None: there is none.
        max_cost_usd: what the job may cost at worst; 0 sets no limit.
        task_s: how long a task is expected to run.
    """

    prices: VmPrices
    settings: GeminiSettings | None = None
    policy: Policy | None = None
    max_cost_usd: float = 0.0
    task_s: float | None = None


@dataclass(frozen=True)
class Version:
    """The job after one message, or a question about it.

    Attributes:
        answer: what came of the message; its job is None where a question is open.
        turns: the messages that led here, since `base` where there is one.
        base: a job that the messages change; None where they describe one.
        drafts: what the Gemini reader keeps of the turns.
    """

    answer: Answer
    turns: tuple[str, ...] = ()
    base: Mapping[str, Any] | None = None
    drafts: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class State:
    """Where a dialogue stands.

    Attributes:
        versions: the newest last.
        project: that the job would run in.
        region: that it would be submitted to; empty: the job's own, else the default.
        name: of the run, by which the job is named; empty: `run`.
        run: a name that no other run has, for who chooses none.
        message: lines of a message that goes on, because a fence is open.
        unread_text: what an editor left that is no job, to be opened again.
    """

    versions: tuple[Version, ...] = ()
    project: str = ""
    region: str = ""
    name: str = ""
    run: str = ""
    message: tuple[str, ...] = ()
    unread_text: str = ""

    @property
    def job(self) -> dict[str, Any] | None:
        """The newest job; None where none was made yet."""
        made = self.made
        return made.answer.job if made else None

    @property
    def made(self) -> Version | None:
        """The newest version that has a job."""
        return next((v for v in reversed(self.versions) if v.answer.job is not None), None)

    @property
    def question(self) -> str:
        """What is asked and not answered; empty where nothing is."""
        last = self.versions[-1].answer if self.versions else None
        return last.message if last and last.outcome == "clarify" else ""

    @property
    def named(self) -> str:
        """The name of the run that a submission would have."""
        return self.name or self.run

    def with_version(self, version: Version) -> State:
        """The state after one more version."""
        return replace(self, versions=(*self.versions, version), unread_text="")


@dataclass(frozen=True)
class Errand:
    """What the driver of a dialogue has to do.

    Attributes:
        verb: edit: let the person edit `text`, a file of the form `word` (json or yaml), and hand
            the result to `edited`. dry-run, submit: send the job, or show what would be sent;
            `word` no-wait does not wait for its end. save: write `text` to the file `word`.
            leave: end the dialogue.
        word: see verb.
        text: see verb.
    """

    verb: Literal["edit", "dry-run", "submit", "save", "leave"]
    word: str = ""
    text: str = ""


@dataclass(frozen=True)
class Reply:
    """What a line came to.

    Attributes:
        state: to go on from.
        text: for the person; nothing in it commands a terminal.
        errand: for the driver, after the text was shown.
        ok: whether the line did what it asked for.
    """

    state: State
    text: str = ""
    errand: Errand | None = field(default=None)
    ok: bool = True
