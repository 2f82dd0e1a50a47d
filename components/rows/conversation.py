"""A stored conversation as the turns of one request, under a budget of tokens.

System text and pinned facts stay whatever happens, and so does the newest turn; then whole turns
are kept from the newest backwards until the room is used. Nothing is cut in the middle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_ROLES = {"user": "user", "human": "user", "model": "model", "assistant": "model", "ai": "model"}


class BadConversation(ValueError):  # noqa: N818 - reads as what it is
    """The turns cannot be read; the message says which one and why."""


@dataclass(frozen=True)
class Turn:
    """One turn: "user" or "model", and its text."""

    role: str
    text: str


@dataclass(frozen=True)
class Assembled:
    """A conversation that fits.

    Attributes:
        contents: turns as the service takes them, beginning and ending with the user's.
        system: system text with the pinned facts; may be empty.
        dropped: how many of the oldest turns were left out.
        tokens: estimate of what is sent.
        fits: False where system text, pinned facts and the newest turn alone exceed the budget.
    """

    contents: list[dict[str, Any]]
    system: str
    dropped: int
    tokens: int
    fits: bool


def estimated_tokens(text: str) -> int:
    """Tokens of a text, roughly: 4 bytes of UTF-8 each, which suits Chinese and Thai too."""
    return math.ceil(len(text.encode("utf-8", "replace")) / 4)


def turns_of(value: Any) -> tuple[list[Turn], str]:
    """The turns of a stored conversation and its system text.

    Args:
        value: a list of `{"role", "text"}`, of `{"role", "content"}` (as other APIs write them) or
            of `{"role", "parts": [{"text"}]}`.

    Raises:
        BadConversation: it is no such list.
    """
    if not isinstance(value, list):
        raise BadConversation("the turns must be a list")
    turns: list[Turn] = []
    system: list[str] = []
    for number, item in enumerate(value, start=1):
        text = text_of(item)
        if text is None:
            raise BadConversation(f"turn {number} has no text")
        role = str(item.get("role", "user")).strip().lower()
        if role in ("system", "developer"):
            system.append(text)
        elif role in _ROLES:
            turns.append(Turn(_ROLES[role], text))
        else:
            raise BadConversation(f"turn {number} has the unknown role '{role[:40]}'")
    return turns, "\n\n".join(system)


def text_of(item: Any) -> str | None:
    """The text of a turn in any of the forms of `turns_of`; None where it holds anything else."""
    if not isinstance(item, Mapping):
        return None
    for name in ("text", "content", "parts"):
        value = item.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, Mapping):
            value = [value]
        if isinstance(value, list):
            found = [part.get("text") if isinstance(part, Mapping) else part for part in value]
            texts = [text for text in found if isinstance(text, str)]
            if texts and len(texts) == len(found):
                return "".join(texts)
    return None


def assembled(
    turns: Sequence[Turn],
    *,
    system: str = "",
    pinned: Sequence[str] = (),
    budget: int,
    count: Callable[[str], int] = estimated_tokens,
) -> Assembled:
    """The turns that fit into `budget` tokens together with system text and pinned facts.

    Neighbouring turns of one role become one turn of several parts. Turns of the model before the
    first kept turn of the user are dropped, because a conversation begins with the user.
    """
    whole_system = "\n\n".join(text for text in (system, *pinned) if text.strip())
    used = count(whole_system) if whole_system else 0
    kept: list[Turn] = []
    for place, turn in enumerate(reversed(turns)):
        cost = count(turn.text)
        if place > 0 and used + cost > budget:
            break
        used += cost
        kept.append(turn)
    kept.reverse()
    first = next((place for place, turn in enumerate(kept) if turn.role == "user"), len(kept) - 1)
    used -= sum(count(turn.text) for turn in kept[: max(first, 0)])
    kept = kept[max(first, 0) :]
    return Assembled(
        _contents(kept), whole_system, len(turns) - len(kept), used, fits=used <= budget
    )


def _contents(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = []
    for turn in turns:
        if contents and contents[-1]["role"] == turn.role:
            contents[-1]["parts"].append({"text": turn.text})
        else:
            contents.append({"role": turn.role, "parts": [{"text": turn.text}]})
    return contents
