"""What a caller may choose about a Gemini call."""

from __future__ import annotations

import math
from dataclasses import dataclass

from components.errors import WrongUse
from components.project import project_here

PARTS = ("prompt", "rules", "examples")
MOST_ANSWERS = 20


@dataclass(frozen=True)
class GeminiSettings:
    """Where Gemini is called and how it is asked.

    Attributes:
        project: Google Cloud project that is billed.
        location: Vertex location, e.g. "global" or "us-central1". "global" serves every base
            model but makes no promise about where data is processed.
        model: model id; empty for the default of `models.csv`.
        temperature: 0 to 2; None leaves it to the prompt file, and where that names none, to the
            service (Gemini 3 models are tuned for their own default).
        use_prompt: whether the system instruction is sent; without it the model gets the words and
            the schema alone, which shows what the prompt is worth.
        use_examples: whether the prompt's examples are sent.
        use_rules: whether the prompt's rules are sent.
        max_turns: model answers that may be asked for each turn of the person, repairs included.
    """

    project: str
    location: str = "global"
    model: str = ""
    temperature: float | None = None
    use_prompt: bool = True
    use_examples: bool = True
    use_rules: bool = True
    max_turns: int = 4


def gemini_settings(
    project: str,
    location: str = "",
    model: str = "",
    temperature: float = -1.0,
    *,
    without: str = "",
    max_turns: int = 0,
) -> GeminiSettings:
    """The settings as a command line or a step's parameters give them.

    Args:
        project: billed project; where empty, the one of the environment.
        location: Vertex location; "global" where empty.
        model: model id; empty for the default.
        temperature: 0 to 2; below 0 leaves it to the prompt.
        without: parts of the prompt that are not sent: prompt (all of it), rules, examples, with
            commas or blanks between.
        max_turns: answers that the model may be asked for each turn; 0 for the default.

    Raises:
        WrongUse: no project is known, or a setting cannot be.
    """
    billed = project or project_here()
    if not billed:
        raise WrongUse(
            "The Gemini reader needs a project",
            where="project",
            fix="Give its id, or set GOOGLE_CLOUD_PROJECT.",
        )
    if not (math.isfinite(temperature) and temperature <= 2):
        raise WrongUse(f"{temperature} is no temperature", fix="Give a number from 0 to 2.")
    if not 0 <= max_turns <= MOST_ANSWERS:
        raise WrongUse(f"{max_turns} answers cannot be asked for", fix=f"Give 1 to {MOST_ANSWERS}.")
    left_out = _parts(without)
    return GeminiSettings(
        billed,
        location or "global",
        model,
        temperature if temperature >= 0 else None,
        use_prompt="prompt" not in left_out,
        use_examples="examples" not in left_out,
        use_rules="rules" not in left_out,
        max_turns=max_turns or GeminiSettings.max_turns,
    )


def _parts(text: str) -> set[str]:
    parts = set(text.replace(",", " ").split())
    if unknown := sorted(parts - set(PARTS)):
        raise WrongUse(
            f"The prompt has no part {unknown[0]!r} to leave out", fix=f"Known: {', '.join(PARTS)}."
        )
    return parts
