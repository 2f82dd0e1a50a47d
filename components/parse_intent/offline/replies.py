"""A later turn as the answer to a question: a lone name or number is what was asked for."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked, Draft
from components.parse_intent.offline.edit_numbers import number_of, set_number
from components.parse_intent.offline.judge import nearest_region
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.read_pairs import SECRET

NAME = Pattern(
    r"(?<![\w./@:-])[\"']?(?P<n>[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)+|[a-z]+\d+)[\"']?(?![\w/@:-])"
)
SAID = Pattern(
    r"\b(?:called|named|it's|it is|use|name is|bucket|topic"
    r"|template)\s*:?\s*[\"']?(?P<n>[a-z][\w-]{2,})",
    re.IGNORECASE,
)
YES = Pattern(
    r"\W*(?:yes|yeah|yep|sure|right|correct|exactly|of course|that 1|that's (?:it|right|the 1)"
    r"|ok|okay"
    r"|the nearest)\b",
    re.IGNORECASE,
)
NUMBER = Pattern(r"(?<![\w.-])(?P<n>\d{1,7})(?![\w.-])")
NUMBER_ONLY = Pattern(
    r"^\W*(?:(?:it's|it is|make (?:it|that)|to|about|exactly|should be|rather|i mean(?:t)?|no|nope"
    r"|sorry|actually|better|oops|hm+|there are)[\s,.:-]+)*"
    r"(?P<n>\d{1,7})\b(?!\s?(?:[a-z]{1,4}\d|gb|gib|mb|tb|h\b|hours?|min|sec|days?|%))",
    re.IGNORECASE,
)


def fill_wants(page: Page, draft: Draft, wants: dict[str, str]) -> None:
    """Give an open question the name or number that this turn brings for it."""
    if "count" in wants and draft.task_count is None:
        match = next(page.find(NUMBER), None)
        if match is not None:
            draft.task_count = Asked(value=int(match["n"]), quote=page.take(*match.span()))
    number = next((want.split()[1] for want in wants if want.startswith("gpu ")), "")
    gpus = page.draft.gpus
    if (
        number
        and gpus is not None
        and draft.gpus is not None
        and not re.search(r"\d\s?x?\s", gpus.quote)
    ):
        draft.gpus.count = int(number)
    unknown = [want.split()[1] for want in wants if want.startswith("region ")]
    yes = YES.match(page.norm)
    near = nearest_region(unknown[0]) if len(unknown) == 1 else ""
    if yes is not None and near and not draft.locations:
        quote = page.take(*yes.span())
        draft.locations = [Asked(value=f"regions/{near}", quote=quote)]
    secret = SECRET.search(page.norm) if "secret" in wants else None
    for step in draft.steps:
        if secret is not None and step.username and not step.password and not draft.secret_env:
            version = "" if "/versions/" in secret.group() else "/versions/latest"
            step.password = Asked(value=secret.group() + version, quote=secret.group())
    match = next(page.find(NAME), None) or next(page.find(SAID), None)
    if match is None:
        return
    name = match["n"]
    unnamed = [v for v in draft.volumes if v.kind == "gcs" and not v.remote]
    if "bucket" in wants and unnamed:
        unnamed[0].remote = name
        unnamed[0].quote = page.take(*match.span())
    elif "template" in wants and draft.instance_template is None:
        draft.instance_template = Asked(value=name, quote=page.take(*match.span()))


def corrected_number(page: Page, draft: Draft, said: str) -> None:
    """As in "5 tasks, no wait, 20": the lone number takes the place of the one said last.

    Args:
        page: the part after the correction.
        draft: the draft with what was said before it; changed in place.
        said: the words before the correction.
    """
    match = NUMBER_ONLY.match(page.norm)
    if match is None or not page.is_free(*match.span("n")):
        return
    latest = (-1, "")
    for name in ("task_count", "parallelism", "tasks_per_node", "max_retries", "priority"):
        asked = getattr(draft, name)
        if asked is not None and asked.quote:
            latest = max(latest, (said.rfind(asked.quote), name))
    for name in ("cpu_milli", "memory_mib", "max_run_s"):
        asked = getattr(draft, name)
        if asked is not None and asked.quote and number_of(draft, name) is not None:
            latest = max(latest, (said.rfind(asked.quote), name))
    if latest[0] >= 0:
        set_number(draft, latest[1], float(match["n"]), page.take(*match.span("n")))
