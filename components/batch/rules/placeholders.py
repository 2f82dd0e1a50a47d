"""Blanks that nobody filled in: `BUCKET_NAME`, `<PROJECT>`, `${REGION}`, `YOUR_IMAGE`.

In a field that names a resource a blank can never work: no bucket, image, region, account or
topic may hold such letters. In scripts, commands and variables the same letters may be meant
(`${HOME}`, `PROJECT_ID=x`), so there only the unmistakable ones are told, as warnings.
"""

from __future__ import annotations

import re

_MARKED = (
    r"\$\{[^}]{1,80}\}"  # ${BUCKET}
    r"|\$\([^)]{1,80}\)"
    r"|\{\{[^}]{1,80}\}\}"  # {{ bucket }}
    r"|<[A-Za-z][^<>\n]{0,80}>"  # <bucket name, e.g. data>
    r"|\$[A-Z][A-Z0-9_]{2,60}"  # $BUCKET
    r"|%[A-Z][A-Z0-9_]{2,60}%"
    r"|\b(?:YOUR|MY)[_-](?:PROJECT|BUCKET|IMAGE|REGION|REPO|SECRET|TOPIC|NFS|PATH)[A-Za-z0-9_-]{0,60}"
    r"|\b(?:PROJECT_ID|PROJECT_NUMBER|BUCKET_NAME|IMAGE_URI|SECRET_NAME|TOPIC_NAME)\b"
)
_MARKED_BLANK = re.compile(_MARKED)
# Capitals with underscores: blanks in names that may have none, such as those of buckets.
_ANY_BLANK = re.compile(
    _MARKED + r"|\b(?:YOUR|MY)[_-][A-Za-z0-9_-]{2,60}"
    r"|\b(?!PD_|HYPERDISK_|LOCAL_SSD|NVIDIA_|NO_|[A-Z][0-9][A-Z]?_)"  # PD_SSD, N1_STANDARD_8
    r"[A-Z][A-Z0-9]{1,30}(?:_[A-Z0-9]{1,30}){1,6}\b"
)
# Blanks that nothing else can be meant by, whatever they stand in.
_UNMISTAKABLE = re.compile(
    r"<(?:YOUR|your|PROJECT|BUCKET|IMAGE|REGION|ZONE|NAME)[A-Za-z0-9 _.-]{0,60}>"
    r"|\bYOUR_[A-Z][A-Z0-9_]{1,60}\b"
    r"|\b(?:PROJECT_ID|BUCKET_NAME|IMAGE_URI|REPLACE_ME|CHANGE_ME)\b"
)


def placeholder_in(text: str) -> str | None:
    """The first blank in a name that real names cannot look like; None where there is none."""
    found = _ANY_BLANK.search(text[:2000])
    return found[0] if found else None


def marked_placeholder_in(text: str) -> str | None:
    """The first blank in a name that may itself have capitals and underscores."""
    found = _MARKED_BLANK.search(text[:2000])
    return found[0] if found else None


def plain_placeholder_in(text: str) -> str | None:
    """The first unmistakable blank in free text; None where there is none."""
    for found in _UNMISTAKABLE.finditer(text[:20000]):
        before = text[max(0, found.start() - 2) : found.start()]
        if not before.endswith(("$", "${")):  # a shell variable of that name is no blank
            return found[0]
    return None
