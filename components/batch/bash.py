"""Whether a script needs bash: Batch runs a script without a first line `#!` by /bin/sh (proto)."""

from __future__ import annotations

import re

# What /bin/sh (dash on Debian) does not know or reads as something else, with its name for people.
_BASH_ONLY = (
    (re.compile(r"(?:^|[\s;&|(])\[\[\s", re.MULTILINE), "[["),
    (re.compile(r"\bpipefail\b"), "pipefail"),
    (re.compile(r"(?:^|[;&|]|\bthen|\bdo)[ \t]*source[ \t]", re.MULTILINE), "source"),
    (re.compile(r"<<<"), "<<<"),
    (
        re.compile(r"^[ \t]*(?:declare|local -|mapfile|readarray|shopt)\b", re.MULTILINE),
        "a bash builtin",
    ),
    (re.compile(r"^[ \t]*[A-Za-z_]\w*\+?=\(", re.MULTILINE), "an array"),
    (re.compile(r"\$\{\w+\[[^\]]{1,80}\]\}"), "an array"),
    (re.compile(r"\$\{\w+(?:,,?|\^\^?|//?)"), "${x//…}"),
    (re.compile(r"\$\{![A-Za-z_]"), "${!x}"),
    (re.compile(r"\$RANDOM\b|\$\{RANDOM\}"), "$RANDOM"),
    (re.compile(r"[<>]\("), "<( )"),
    (re.compile(r"&>"), "&>"),
    (re.compile(r"\{[0-9]{1,6}\.\.[0-9]{1,6}\}"), "{1..9}"),
    (re.compile(r"^[ \t]*function\s+\w+", re.MULTILINE), "function"),
    (re.compile(r"(?:^|[\s;])\(\([^()]{1,200}\)\)", re.MULTILINE), "(( ))"),
)
_MOST_LOOKED_AT = 100_000


def bash_word(script: str) -> str | None:
    """The first thing in the script that only bash knows, named for people; None if there is none.

    Args:
        script: the text; what stands beyond 100,000 characters is not looked at.
    """
    looked_at = script[:_MOST_LOOKED_AT]
    return next((name for pattern, name in _BASH_ONLY if pattern.search(looked_at)), None)
