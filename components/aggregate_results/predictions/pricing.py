"""What an answer cost."""

from __future__ import annotations

from collections.abc import Callable

from components.aggregate_results.predictions.judge import Answer

Price = Callable[..., float | None]
"""(model, prompt_tokens, output_tokens, cached_tokens, batch=…) -> US dollars, None if unknown."""


def no_price(*_: object, **__: object) -> float | None:
    """The price where no price list was given: unknown."""
    return None


def price_of(answer: Answer, model: str, price: Price) -> float | None:
    """What the answer cost; None where it tells no tokens or the model has no known price."""
    if not model or (answer.prompt_tokens is None and answer.output_tokens is None):
        return None
    return price(
        model,
        answer.prompt_tokens or 0,
        answer.output_tokens or 0,
        answer.cached_tokens or 0,
        batch=answer.batch,
    )
