"""What a reader hands back, and who may be asked to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.parse_intent.draft import Draft

ReaderName = Literal["offline", "gemini"]


@dataclass(frozen=True)
class Reading:
    """A reader's answer to all turns of a person.

    Attributes:
        draft: what was asked after the last turn; its `questions` and `refusals` decide the
            outcome (refusals first), otherwise a job is built from it.
        reader: which reader read.
        warnings: what the reader wants said beside the result, whole sentences.
    """

    draft: Draft
    reader: ReaderName
    warnings: tuple[str, ...] = ()
