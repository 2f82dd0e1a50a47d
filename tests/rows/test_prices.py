"""Prices: a dated file, replaceable, honest about what it does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.errors import InputError
from components.gemini import models
from components.rows.prices import load_prices, parse_prices

HEADER = "model,input,output,batch_input,batch_output,cached_input\n"


def test_the_shipped_file_is_dated_and_knows_the_default_model() -> None:
    prices = load_prices()
    assert prices.dated == "2026-11-20"
    model = models.default_model()
    online = prices.cost(model, 1_000_000, 1_000_000, batch=False)
    assert online == pytest.approx(10.5)
    assert prices.cost(f"publishers/google/models/{model}", 1e6, 1e6, batch=True) == pytest.approx(
        5.25
    )


def test_an_unknown_model_has_no_price() -> None:
    assert load_prices().cost("gemini-99", 1, 1, batch=True) is None


def test_a_file_of_the_user_replaces_it(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("# 2027-01-02\n" + HEADER + "gemini-99,2,4,1,2,0\n")
    prices = load_prices(str(file))
    assert prices.dated == "2027-01-02"
    assert prices.cost("gemini-99", 1_000_000, 0, batch=True) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no prices"),
        (HEADER, "no prices"),
        ("model,input\nx,1\n", "lacks the columns"),
        (HEADER + "x,1,2,3,free,5\n", "p.csv:2: 'free' is no price"),
        (HEADER + "x,1,2,3,nan,5\n", "no price"),
        (HEADER + "x,1\n", "no price"),
        (HEADER + ",1,2,3,4,5\n", "p.csv:2: The line names no model"),
        ("input,output,batch_input,batch_output,cached_input,model\n1,2,3,4,5\n", "no model"),
    ],
)
def test_a_bad_file_says_where(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_prices(text, "p.csv")


def test_requests_beyond_a_length_have_prices_of_their_own() -> None:
    text = HEADER.replace("\n", ",above\n") + "pro,2,4,1,2,0,\npro,4,6,2,3,0,200000\n"
    cost = parse_prices(text, "p.csv").cost
    assert cost("pro", 200_000, 1_000_000, batch=True) == pytest.approx(2.2)
    assert cost("pro", 200_001, 1_000_000, batch=True) == pytest.approx(3.4, abs=1e-4)
    assert cost("pro", 400_000, 0, batch=False, length=100) == pytest.approx(0.8)
    for batch in (True, False):
        short, long = (load_prices().cost("gemini-3.1-pro-preview", n, 0, batch=batch) or 0
                       for n in (200_000, 400_000))  # fmt: skip
        assert long == pytest.approx(4 * short)
