"""What a reader hands back, and who may be asked to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from components.errors import WrongUse
from components.parse_intent.draft import Draft

ReaderName = Literal["offline", "gemini"]


def reader_named(name: str) -> ReaderName:
    """The reader of that name.

    Raises:
        WrongUse: there is none.
    """
    if name not in get_args(ReaderName):
        raise WrongUse(f"There is no reader {name!r}", fix="Choose offline or gemini.")
    return cast(ReaderName, name)


@dataclass(frozen=True)
class Reading:
    """A reader's answer to all turns of a person.

    Attributes:
        draft: what was asked after the last turn; its `questions` and `refusals` decide the
            outcome (refusals first), otherwise a job is built from it.
        reader: which reader read.
        warnings: what the reader wants said beside the result, whole sentences.
        drafts: of the Gemini reader, the draft after each turn in JSON form, so that a conversation
            that goes on need not read its first turns again.
        start: the draft before the last turn, to tell what that changed; None where there is none.
        heard: whether the last turn asked for anything that has a field.
    """

    draft: Draft
    reader: ReaderName
    warnings: tuple[str, ...] = ()
    drafts: tuple[Mapping[str, Any], ...] = ()
    start: Draft | None = None
    heard: bool = True
