"""Secrets that stand in a text in plain sight: taken out before it leaves, put back afterwards.

Only well-known forms and assignments to telling names are found; a password in a sentence is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_KNOWN = re.compile(
    r"""
    -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.{,10000}?-----END\ [A-Z ]*PRIVATE\ KEY-----  # PEM
    | \bgh[pousr]_[A-Za-z0-9]{30,}\b            # GitHub
    | \bgithub_pat_[A-Za-z0-9_]{40,}\b
    | \bglpat-[A-Za-z0-9_-]{20,}                # GitLab
    | \bhf_[A-Za-z0-9]{20,}\b                   # Hugging Face
    | \bsk-[A-Za-z0-9_-]{20,}                   # OpenAI and others
    | \bxox[abposr]-[A-Za-z0-9-]{10,}           # Slack
    | \bAKIA[0-9A-Z]{16}\b                      # AWS key id
    | \bAIza[0-9A-Za-z_-]{35}                   # Google API key
    | \bya29\.[0-9A-Za-z_-]{20,}                # Google access token
    | (?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}  # JWT
    """,
    re.VERBOSE | re.DOTALL,
)
# NAME=value or NAME: value. Values that only point to a secret are not secret.
_ASSIGNED = re.compile(
    r"(?P<name>[A-Za-z0-9_-]{0,40}(?:password|passwd|passphrase|secret|token|api[_-]?key"
    r"|access[_-]?key|private[_-]?key)[A-Za-z0-9_-]{0,40})"
    r"(?P<is>\s{0,3}[=:]\s{0,3}[\"']?)"
    r"(?!projects/|gs://|/|\$|<)(?P<value>[^\s\"'`,;]{6,})",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Masked:
    """Texts without their secrets, and the secrets by the word that stands for each."""

    texts: list[str]
    secrets: Mapping[str, str]


def masked(texts: Sequence[str]) -> Masked:
    """`texts` with each secret replaced by a word that stands in none of them."""
    stem = "MASKED_SECRET"
    while any(stem in text for text in texts):
        stem += "_X"
    words: dict[str, str] = {}  # secret -> word

    def word(secret: str) -> str:
        return words.setdefault(secret, f"{stem}_{len(words) + 1}_")

    def hide(text: str) -> str:
        text = _KNOWN.sub(lambda m: word(m.group()), text)
        return _ASSIGNED.sub(
            lambda m: (
                m.group()
                if m["value"].startswith(stem)
                else f"{m['name']}{m['is']}{word(m['value'])}"
            ),
            text,
        )

    hidden = [hide(text) for text in texts]
    return Masked(hidden, {word: secret for secret, word in words.items()})


def unmasked(value: Any, secrets: Mapping[str, str]) -> Any:
    """JSON data with the secrets back in their places."""
    if isinstance(value, str):
        for word, secret in secrets.items():
            value = value.replace(word, secret)
        return value
    if isinstance(value, list):
        return [unmasked(entry, secrets) for entry in value]
    if isinstance(value, dict):
        return {key: unmasked(entry, secrets) for key, entry in value.items()}
    return value
