"""Secrets that are known by their form: keys and tokens of well-known makers."""

from __future__ import annotations

import re

# What it is, for people; each form is documented by its maker and has no other use.
_FORMS = (
    ("a private key", r"-----BEGIN (?:[A-Z]{1,20} ){0,3}PRIVATE KEY-----"),
    ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{40,255})\b"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,255}"),
    ("a Hugging Face token", r"\bhf_[A-Za-z0-9]{30,255}\b"),
    ("an API key", r"\bsk-[A-Za-z0-9_-]{20,255}"),
    ("a Slack token", r"\bxox[abposr]-[A-Za-z0-9-]{10,255}"),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
    ("a Google access token", r"\bya29\.[0-9A-Za-z_-]{20,2000}"),
    ("a Google OAuth client secret", r"\bGOCSPX-[0-9A-Za-z_-]{20,60}"),
    (
        "a signed token",
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{10,2000}",
    ),
    (
        "an address with a password",
        r"\b[a-z][a-z0-9+]{1,20}://[^\s:@/$<{]{1,60}:[^\s:@/$<{]{3,100}@[A-Za-z0-9.-]{1,200}",
    ),
)
_KNOWN = re.compile("|".join(f"({form})" for _, form in _FORMS))
_MOST_LOOKED_AT = 100_000


def known_secret(text: str) -> str | None:
    """What secret stands in the text, in words and without the secret; None where none does."""
    found = _KNOWN.search(text[:_MOST_LOOKED_AT])
    return _FORMS[(found.lastindex or 1) - 1][0] if found else None
