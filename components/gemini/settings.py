"""What a caller may choose about a Gemini call."""

from __future__ import annotations

from dataclasses import dataclass


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
        use_examples: whether the prompt's examples are sent.
        use_rules: whether the prompt's rules are sent.
        max_turns: model answers that may be asked for each turn of the person, repairs included.
    """

    project: str
    location: str = "global"
    model: str = ""
    temperature: float | None = None
    use_examples: bool = True
    use_rules: bool = True
    max_turns: int = 4
