"""What tokens cost: a dated file that a person can replace. A model that is not in it costs
"unknown", never nothing.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple

from components.errors import InputError, named_by_a_parameter
from components.rows.models import bare
from components.storage import files

_COLUMNS = ("model", "input", "output", "batch_input", "batch_output", "cached_input")
_MILLION = 1_000_000


class Tokens(NamedTuple):
    """Tokens that were billed: thoughts are part of the output, cached ones of the input."""

    input: int = 0
    output: int = 0
    cached: int = 0

    def plus(self, other: Tokens) -> Tokens:
        """Both together."""
        return Tokens(*(one + more for one, more in zip(self, other, strict=True)))


NO_TOKENS = Tokens()


@dataclass(frozen=True)
class Price:
    """USD per 1,000,000 tokens of one model, for requests with more than `above` input tokens."""

    above: float
    input: float
    output: float
    batch_input: float
    batch_output: float
    cached_input: float


@dataclass(frozen=True)
class Prices:
    """A price file: its date, where it came from, and the prices of each model, longest last."""

    dated: str
    source: str
    by_model: Mapping[str, tuple[Price, ...]]

    def cost(
        self,
        model: str,
        input_tokens: float,
        output_tokens: float,
        cached_tokens: float = 0,
        *,
        batch: bool,
        length: float | None = None,
    ) -> float | None:
        """USD for so many tokens, thoughts among the output; None where the price is unknown.

        Cached tokens are part of the input; their price is the same in batches (docs: the discount
        for implicit caching takes precedence over that for batches).

        Args:
            model: bare id, or as a publisher's model.
            input_tokens: of one request.
            output_tokens: of its answer.
            cached_tokens: of its input.
            batch: whether it is part of a batch job.
            length: input tokens of each request, where the tokens are those of many together.
        """
        prices = self.by_model.get(bare(model))
        if prices is None:
            return None
        each = input_tokens if length is None else length
        price = prices[0]
        for longer in prices[1:]:
            price = longer if each > longer.above else price
        given, got = (
            (price.batch_input, price.batch_output) if batch else (price.input, price.output)
        )
        cached = min(cached_tokens, input_tokens)
        total = (input_tokens - cached) * given + cached * price.cached_input + output_tokens * got
        return total / _MILLION


def load_prices(uri: str = "") -> Prices:
    """The price file at a path or gs:// URI; the one that the package ships where it is empty.

    Raises:
        WrongUse: it cannot be read as prices; the message names the line.
    """
    if uri:
        with named_by_a_parameter():
            return parse_prices(files.read_text(uri), uri)
    text = resources.files("components.rows").joinpath("prices.csv").read_text("utf-8")
    return parse_prices(text, "prices.csv")


def parse_prices(text: str, source: str) -> Prices:
    """Read the text of a price file: `#` lines (a date in them dates the file), then CSV.

    A further line of a model, with a number in the column `above`, holds what requests with more
    input tokens than that cost.

    Raises:
        InputError: a column or a number is missing or wrong.
    """
    by_model: dict[str, list[Price]] = {}
    comments = [line for line in text.splitlines() if line.startswith("#")]
    dated = re.search(r"\d{4}-\d\d-\d\d", "\n".join(comments))
    header: list[str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#") or not line.strip():
            continue
        cells = [cell.strip() for cell in next(csv.reader([line]))]
        if header is None:
            header = cells
            missing = [name for name in _COLUMNS if name not in header]
            if missing:
                raise InputError(
                    f"The price file lacks the columns {', '.join(missing)}",
                    where=f"{source}:{number}",
                    fix=f"Its header is {','.join(_COLUMNS)}.",
                )
            continue
        row = dict(zip(header, cells, strict=False))
        price = _price(row, f"{source}:{number}")
        if not row.get("model"):
            raise InputError("The line names no model", where=f"{source}:{number}")
        by_model.setdefault(bare(row["model"]), []).append(price)
    if not by_model:
        raise InputError("The price file holds no prices", where=source)
    ordered = {
        model: tuple(sorted(prices, key=lambda price: price.above))
        for model, prices in by_model.items()
    }
    return Prices(dated.group() if dated else "no date", source, ordered)


def _price(row: Mapping[str, str], where: str) -> Price:
    numbers = {name: _amount(row.get(name, ""), name, where) for name in _COLUMNS[1:]}
    return Price(_amount(row.get("above") or "0", "above", where), **numbers)


def _amount(text: str, name: str, where: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not (math.isfinite(amount) and amount >= 0):
        raise InputError(
            f"'{text[:40]}' is no price in the column {name}",
            where=where,
            fix="Write USD per 1,000,000 tokens, for example 0.375.",
        )
    return amount
