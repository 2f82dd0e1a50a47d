"""Secrets are taken out of a text before it leaves, and put back in what comes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.gemini.secrets import masked, unmasked

HIDDEN = [
    ("export HF=hf_" + "a" * 34, "hf_" + "a" * 34),
    ("use ghp_" + "A1" * 18, "ghp_" + "A1" * 18),
    ("key AIza" + "b" * 35, "AIza" + "b" * 35),
    ("AKIA" + "A" * 16, "AKIA" + "A" * 16),
    ("DB_PASSWORD=hunter22", "hunter22"),
    ("password: 'hunter22'", "hunter22"),
    ("--api-key=abcdef99 --fold 3", "abcdef99"),
    (
        "-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----",
    ),
]


@pytest.mark.parametrize(("text", "secret"), HIDDEN)
def test_secrets_leave_the_text(text: str, secret: str) -> None:
    hidden = masked([text])
    assert secret not in hidden.texts[0]
    assert list(hidden.secrets.values()) == [secret]
    assert unmasked(hidden.texts, hidden.secrets) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "DB_PASSWORD comes out of Secret Manager",
        "DB_PASSWORD=projects/p/secrets/s/versions/1",
        "TOKEN=$HF_TOKEN ./run.sh",
        "password=<ask me>",
        "5 tasks, 2 tokens",
        "tokenizer=bpe-16k-en"[:14],
    ],
)
def test_pointers_to_secrets_stay(text: str) -> None:
    assert masked([text]).texts == [text]


def test_the_same_secret_has_one_word_in_all_turns() -> None:
    hidden = masked(["TOKEN=abcdef99", "no: TOKEN=abcdef99 and PASSWORD=zzzzzz11"])
    assert len(hidden.secrets) == 2
    word = next(iter(hidden.secrets))
    assert hidden.texts[0] == f"TOKEN={word}"
    assert word in hidden.texts[1]


def test_a_text_that_holds_the_word_already() -> None:
    text = "MASKED_SECRET_1_ is no secret, PASSWORD=zzzzzz11 is"
    hidden = masked([text])
    assert "zzzzzz11" not in hidden.texts[0]
    assert unmasked(hidden.texts, hidden.secrets) == [text]


@given(st.lists(st.text(alphabet="MASKED_SECRETpasswordToken=: 1\n'"), max_size=3))
def test_what_was_taken_out_can_be_put_back(texts: list[str]) -> None:
    hidden = masked(texts)
    assert unmasked({"a": hidden.texts}, hidden.secrets) == {"a": texts}


def test_texts_full_of_beginnings_are_read_in_one_pass() -> None:
    # 200 kB; trying every beginning against all of the rest would take minutes.
    text = "eyJ-" * 50_000
    assert masked([text]).texts == [text]
