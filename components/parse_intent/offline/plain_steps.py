"""Steps for asks that need no command: sleeping, saying hello, a test script."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked, Step
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

# A script that is spoken of where nothing else is to be run: "my friend wrote /opt/lr/develop.sh".
SCRIPT_PATH = Pattern(
    r"(?<![\w.:/~$-])(?:/|\.{1,2}/|~/)(?:[\w.-]{1,60}/){0,8}[\w-]{1,60}\.(?:sh|bash|py|R|pl|jl|rb)(?![\w/])"
)
SLEEP = Pattern(r"\bsleep(?:s|ing)?\s+(?:for\s+)?", re.IGNORECASE)
HELLO = Pattern(
    r"\b(?:print(?:s|ing)?|echo(?:es|ing)?|say(?:s|ing)?|write(?:s)?|output(?:s)?"
    r"|log(?:s)?)\b[^.;\n]{0,20}?\b(?P<w>hello(?: ?,? ?world)?|hi|(?:the|its|their"
    r"|own)[\w' ]{0,12} (?:index|number|id)|index|task index|(?:the )?(?:current )?(?:date"
    r"|hostname|host name)"
    r"|something)\b(?P<r>[^.;\n)]{0,50})",
    re.IGNORECASE,
)
# "echo ok": a clause of its own
ECHO = Pattern(
    r"(?:^|[,;:\n(-]\s*|\b(?:run|runs|just|do|does) )"
    r"(?P<c>echo [\w$!-]{1,20}(?: [\w$!-]{1,20}){0,4}?)(?=\s*(?:[,;.)\n]|$))",
    re.IGNORECASE,
)
TEST = Pattern(
    r"\b(?:hello[- ]?world|(?:tiny |simple |small |trivial |same )?(?:test|dummy|demo|sample"
    r"|smoke[- ]?test|placeholder|toy|example) (?:shell )?(?:script|program|command|task|job"
    r"|workload)|smoke test|no-?op)\b",
    re.IGNORECASE,
)


def plain_steps(page: Page) -> tuple[list[Step], str]:
    """Steps for asks that need no command: sleeping, saying hello, a test script.

    Returns the steps and, where the words leave the script to us, a remark about it.
    """
    said = _verbatim(page)
    if said is not None:
        return [Step(kind="script", text=said)], ""
    for match in page.find(SLEEP):
        for amount in page.durations:
            if 0 <= amount.start - match.end() < 3:
                quote = page.take(match.start(), amount.end)
                line = f"sleep {round(amount.value)}"
                return [Step(kind="script", text=Asked(value=line, quote=quote))], ""
    for match in page.find(HELLO, free=False):
        end = match.end("w")
        if page.is_free(match.start(), end):
            quote = page.take(match.start(), end)
            return [Step(kind="script", text=Asked(value=_echo(match.group()), quote=quote))], ""
    for match in page.find(TEST):
        quote = page.take(*match.span())
        line = 'echo "Hello world! This is task ${BATCH_TASK_INDEX} of ${BATCH_TASK_COUNT}."'
        remark = "No script was given for the test, so each task prints a line with its index."
        return [Step(kind="script", text=Asked(value=line, quote=quote))], remark
    return [], ""


def _verbatim(page: Page) -> Asked[str] | None:
    """A script by its path, or a line of echo, that nothing else showed to be a command."""
    for match in page.find(SCRIPT_PATH):
        if not page.negated(match.start()):
            return Asked(value=match.group(), quote=page.take(*match.span()))
    for match in page.find(ECHO):
        if not HELLO.search(match["c"]):
            quote = page.take(*match.span("c"))
            return Asked(value=quote, quote=quote)
    return None


def _echo(said: str) -> str:
    """A line of shell for what is to be printed."""
    words = said.lower()
    if re.search("host ?name", words):
        return "hostname"
    if re.search(r"\bdate\b", words):
        return "date"
    if "world" in words:
        return 'echo "Hello world! This is task ${BATCH_TASK_INDEX}."'
    if re.search(r"hello|\bhi\b", words):
        return 'echo "Hello from task ${BATCH_TASK_INDEX}"'
    return 'echo "Task ${BATCH_TASK_INDEX}"'
