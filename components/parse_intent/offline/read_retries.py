"""How often a task is tried again, and what its exit codes mean."""

from __future__ import annotations

import re
from typing import Literal

from components.parse_intent.draft import Asked, RetryPolicy
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.read_things import counted_noun

RETRY = (
    r"(?:re-?tr(?:y|ies|ied|ying)|retrys|re-?run(?:s|ning)?|re-?start(?:s|ed|ing)?"
    r"|re-?(?:do(?:es|ing|ne)?|launch(?:es|ed|ing)?|execut(?:e|es|ed|ing)|submit(?:s|ted)?"
    r"|attempt(?:s|ed)?)|do(?:ne)? (?:it |them |that )?over(?: again)?"
    r"|(?:tr(?:y|ied)|run|start(?:ed)?|begin|begun|do|go|launch(?:ed)?|attempt(?:ed)?|be done)"
    r"(?: (?!again\b)[\w'-]+){0,3} again|(?:mak(?:e|ing)|done?) (?:it|them|that|this) again"
    r"|(?:another|a second|1 more|new) (?:try|go"
    r"|attempt|chance|shot|run)|resubmit(?:ted)?|re-?queued?|repeat(?:ed)?)"
)
RETRY_COUNT = [
    Pattern(
        r"\bmax(?:imum)?[ _]?(?:retry|retries)(?:[ _]?count)?\s*(?:is|=|:|to|of"
        r"|should be)?\s*(?P<n>\d{1,4})\b",
        re.IGNORECASE,
    ),
    Pattern(
        r"\b(?:maxRetryCount|backoff ?limit)\s*(?:is|=|:|to|of)?\s*(?P<n>\d{1,4})\b", re.IGNORECASE
    ),
    Pattern(
        r"(?<![\w.])(?P<n>\d{1,4})\s*(?:x\s*)?(?:more\s+|further\s+|extra\s+"
        r"|automatic\s+)?(?:re-?tries|retry|retrys|re-?runs|re-?starts|re-?launches|re-?executions|re-?dos"
        r"|re-?submissions|do-overs"
        r"|repeats)\b(?!\s*(?:on (?:exit |error )?codes?|codes?)\b)",
        re.IGNORECASE,
    ),
    Pattern(
        rf"(?<![\w.])(?P<n>\d{{1,4}}) ?(?:x|times?)(?: (?:a|more|an))?"
        rf" (?:{RETRY}|(?:new )?(?:try|attempt)s?)\b",
        re.IGNORECASE,
    ),
    Pattern(
        rf"\b{RETRY}\b(?P<w>(?:[\s,(]+(?:(?:each|every|the|that|any) 1"
        rf"|(?!\d)[\w'-]+)){{0,9}}?)[\s:=,(]*(?:x\s?)?"
        rf"(?P<n>\d{{1,4}})(?:\b|(?=x\b))(?!\s*(?:s\b"
        rf"|sec|min|hour|hrs|h\b|d\b|day|gb|gib|tasks|vcpu|cpu))(?P<t>\s*(?:more )?(?:times|x"
        rf"|attempts|tries)?)",
        re.IGNORECASE,
    ),
    Pattern(
        r"\b(?:tr(?:y|ies)"
        r"|attempt)\b(?:\s+(?!\d)[\w'-]+){0,4}?\s+(?P<n>\d{1,3})\s+(?:more\s+)?(?:times"
        r"|attempts)\b",
        re.IGNORECASE,
    ),
    Pattern(
        r"\b(?P<n>\d{1,3})\s+(?P<more>(?:more|extra|further|additional|new|other|retry)\s+)?"
        r"(?:attempts|tries|goes|chances)\b(?P<on>\s+(?:more|on top))?"
        r"(?P<total>\s+(?:in total|altogether|in all|total|overall))?",
        re.IGNORECASE,
    ),
    Pattern(
        r"(?P<rest>\b)(?:up to|at most|maximum|no more than"
        r"|only)\s+(?P<n>\d{1,4})\s+(?:more\s+|further\s+)?times\b",
        re.IGNORECASE,
    ),
    Pattern(
        r"(?P<rest>\b)(?P<n>\d{1,4})\s+(?:more\s+|further\s+)?times"
        r"(?:\s+(?:at (?:the )?(?:very )?most|maximum|tops|or so|per task|each|if need be"
        r"|if needed|in total)\b|\s*(?=[.,;)\n]|$))",
        re.IGNORECASE,
    ),
]
RETRY_WORD = Pattern(
    r"\b(?P<a>another|a second|1 more|1 extra|1 further) (?:try|go|attempt|chance|shot|run)\b|"
    rf"\b(?:{RETRY})\b[^.;\n]{{0,60}}?\b(?P<w>once|twice|thrice)\b(?! (?:it|the|a|all|we|they)\b)"
    rf"|\b(?P<v>once|twice|thrice) (?:more|again)\b",
    re.IGNORECASE,
)
NO_RETRY = Pattern(
    rf"\b(?:no|zero|0|without(?: any)?|never|don't|do not|not(?: want)?(?: any)?|not to"
    rf"|shouldn't be"
    rf"|mustn't be)\s+(?:automatic\s+|any\s+|be\s+|ever\s+)?(?:{RETRY}|retry)\b"
    r"|\bretry\s*(?:off|disabled|none)\b|\bif (?:it|1|a task) fails,? (?:then )?it fails\b"
    r"|\bstays? failed\b|\b(?:only |just )?(?:1|a single) (?:attempt|try)(?: only)?\b(?! more)"
    rf"|\bno second (?:attempt|try|chance|go)s?\b|\b(?:failure|crash|error)s? (?:is|are) final\b"
    rf"|\bretries?\s*(?:off|disabled|[:=]\s*(?:none|no|0))\b",
    re.IGNORECASE,
)
MORE_CODES = (
    r"(?:(?: ?\([a-z][a-z' -]{1,30}\))?\s*(?:,|/|or|and|-|to|&|through)\s*(?:code )?\d{1,5}"
    r"(?!\s*(?:times|tasks|retries|x\b))){0,12}"
)
CODES = Pattern(
    r"\b(?:exit(?:s|ed|ing)?(?: with)?(?: an?)?(?: codes?| status)?|exit[- ]?codes?"
    r"|return(?:s|ed)?(?: codes?)|return(?:s|ed)|error codes?|codes?|status|rc)(?:\s*(?:is|of"
    r"|=|:|with"
    rf"|are|was|either|for|1 of|any of|among|in))*\s*\(?(?P<c>\d{{1,5}}{MORE_CODES})\b"
    # "redo on 137 or 143"
    rf"|\b(?:retr(?:y|ies|ied)|redo|re-?run|re-?start(?:ed)?|again)(?: (?:it|them|only|tasks?"
    rf"|just)){{0,2}}"
    rf" on (?P<t>\d{{1,5}}{MORE_CODES})(?=\s*(?:[,.;)\n]|$|only\b|up to\b|at most\b))"
    # the service's own codes need no word beside them
    rf"|(?<![\w.-])(?P<s>5000[0-6]{MORE_CODES})\b",
    re.IGNORECASE,
)
LOST = Pattern(
    r"\b(?:preempt(?:ed|ions?|ible|s)?|takes? (?:the |my |a )?(?:vm|machine|node|it)s? away"
    r"|taken away|spot (?:kill|reclaim|interruption)\w*|reclaim(?:ed|s)?|evict(?:ed|ion"
    r"|ions)?)\b",
    re.IGNORECASE,
)
# What happens to a VM, by the exit code that Batch gives for it.
EVENTS = (
    (50001, LOST),
    (
        50002,
        Pattern(
            r"\b(?:stop(?:s|ped)? (?:reporting|responding)|no longer reports|(?:vm|machine|node)s?"
            r"(?: that)? (?:crash|disappear|vanish|die|go away|went away|is lost|was lost)\w*"
            r"|lost vms?|vm (?:loss|crash)(?:es)?|host (?:error|event|failure)s?)\b",
            re.IGNORECASE,
        ),
    ),
    (50003, Pattern(r"\breboot(?:s|ed|ing)?\b", re.IGNORECASE)),
    (50004, Pattern(r"\bunresponsive\b", re.IGNORECASE)),
    (
        50006,
        Pattern(r"\b(?:vm|machine|node)s? (?:is |was |are |were |gets? )?recreated\b", re.I),
    ),
)
EXCEPT = Pattern(
    r"\b(?:except|but not|unless|apart from|other than|save for|excluding|not for|not on|not when"
    r"|not if|never|without)\b",
    re.IGNORECASE,
)

# "5 retries in general, but code 3 is final"
TURN = Pattern(
    r"^(?!.*\bonly\b).*(?:\b(?:but|however|though|while|whereas)\b|[;:.(]| - )",
    re.IGNORECASE | re.DOTALL,
)

Action = Literal["RETRY_TASK", "FAIL_TASK"]
FATAL = Pattern(
    r"\b(?:fail(?:ed|s)?(?: \w+){0,3} (?:right away|immediately|at once|fast|straight away"
    r"|for good)|give up|fatal|no (?:retry|retries)|(?:don't|do not|never|not|shouldn't"
    r"|without)(?: \w+){0,2} (?:retry|retries|retried|retrying)"
    r"|no point (?:in )?retrying|pointless|useless to retry|hopeless|fail the task"
    r"|straight to failed|hard (?:failure|error|stop)|permanent(?:ly)?|(?:is|are) final|fail fast"
    r"|(?:is|are|as|be) (?:dead|a bug|failed)|(?:no|without a) second (?:chance|try|attempt)"
    r"|won't help|abort|counts? as failed)\b",
    re.IGNORECASE,
)
OWN_FAULT = Pattern(
    r"\b(?:own|my|our) (?:code|program|script|bug)|\bapplication (?:error|failure)"
    r"|\bapp (?:error|crash)|\bcode crashes|\bbug\b|\banything else|\bother (?:failures?"
    r"|errors?|codes?|exit codes?)|\bonly (?:retry|on|when|if|for)\b|\bjust (?:for|on"
    r"|when) preempt|\bif it crashes",
    re.IGNORECASE,
)
WORD_COUNTS = {"once": 1, "twice": 2, "thrice": 3}


def read_policies(page: Page) -> list[RetryPolicy]:
    """What exit codes mean: a retry, or an end without one."""
    found: list[RetryPolicy] = []
    for match in page.find(CODES):
        codes = _codes(match["c"] or match["s"] or match["t"])
        action = _action(page, match)
        if not codes or not action:
            continue
        quote = page.take(*match.span())
        _take_events(page, match.start())
        found.append(RetryPolicy(action=action, exit_codes=codes, quote=quote))
    return _merged(page, found) if found else _events_only(page)


def _take_events(page: Page, pos: int) -> None:
    """Words for what the codes stand for ("preempted (50001)") say nothing more."""
    start, end = page.sentence(pos)
    for _, event in EVENTS:
        for match in event.finditer(page.norm, start, end):
            page.take(*match.span())


def _codes(text: str) -> list[int]:
    ranged = re.fullmatch(r"(\d+)\s*(?:-|to|through)\s*(\d+)", text)
    if ranged and 0 < int(ranged[2]) - int(ranged[1]) <= 20:
        return list(range(int(ranged[1]), int(ranged[2]) + 1))
    return list(dict.fromkeys(int(n) for n in re.findall(r"\d+", text)))


def _merged(page: Page, policies: list[RetryPolicy]) -> list[RetryPolicy]:
    """One policy: a job takes no second one, and codes that it does not list get the opposite.

    Where codes to retry and codes to fail are both named, either list alone does what was asked of
    both; "only" tells that the codes that nobody named are not to be retried.
    """
    actions = {policy.action for policy in policies}
    only = re.search(r"\bonly\b", page.norm, re.I) is not None
    action = "RETRY_TASK" if only or actions == {"RETRY_TASK"} else "FAIL_TASK"
    kept = [policy for policy in policies if policy.action == action] or policies
    codes = list(dict.fromkeys(code for policy in kept for code in policy.exit_codes))
    return [kept[0].model_copy(update={"exit_codes": codes})]


def _action(page: Page, match: re.Match[str]) -> Action | None:
    """What is to be done on codes: in "retry on 50001, never on 42" the words just before tell."""
    before = page.left(match.start(), 120) + (match.group() if match["t"] else "")
    after = page.right(match.end(), 140)
    fatal = [m.span() for m in FATAL.finditer(before)]
    retry = [
        m.start()
        for m in re.finditer(RETRY, before, re.I)
        if not any(start <= m.start() <= end for start, end in fatal)
    ]
    last_fatal = max((start for start, _ in fatal), default=-1)
    last_retry = max(retry, default=-1)
    final = FATAL.search(after)
    if last_retry > last_fatal:
        turned = EXCEPT.search(before, last_retry) or (final and TURN.match(before[last_retry:]))
        return "FAIL_TASK" if turned else "RETRY_TASK"
    if last_fatal >= 0:
        return "FAIL_TASK"
    again = re.search(RETRY, after, re.I)
    if final and (again is None or final.start() <= again.start()):
        return "FAIL_TASK"
    return "RETRY_TASK" if again else None


ONLY = Pattern(
    rf"\b(?:only|just|solely|exclusively)(?: [\w']+){{0,4}}? (?:{RETRY}|on|when|if|after|for)\b"
    rf"|\b{RETRY}(?: [\w']+){{0,4}}? (?:only|just|solely|exclusively)\b",
    re.IGNORECASE,
)


def _events_only(page: Page) -> list[RetryPolicy]:
    """Retries asked for lost VMs only, with no code named."""
    for match in (match for _, event in EVENTS for match in page.find(event)):
        sentence = page.sentence_text(match.start())
        if not re.search(RETRY, sentence, re.I):
            continue
        final = OWN_FAULT.search(page.norm) and FATAL.search(page.norm)
        if ONLY.search(sentence) or final:
            codes = [code for code, event in EVENTS if event.search(sentence)]
            quote = page.take(*match.span())
            return [RetryPolicy(action="RETRY_TASK", exit_codes=codes, quote=quote)]
    return []


# "restart a failed one twice": the number is further on
PRONOUN = Pattern(r"\b(?:an?|the|that|this|each|every|any|failed|failing)(?: \w+)?\s*$", re.I)


AT_MOST = Pattern(r"\b(?:no|not|never) (?:more|oftener) than (?:a total of )?$", re.IGNORECASE)


def read_retries(page: Page) -> Asked[int] | None:
    """How often a failed task is tried again."""
    for pattern in RETRY_COUNT:
        for match in page.find(pattern):
            value = _retry_count(page, match)
            if value is not None:
                return Asked(value=value, quote=page.take(*match.span()))
    for match in page.find(RETRY_WORD):
        word = (match["w"] or match["v"] or "once").lower()
        if match["a"] and page.negated(match.start()):
            continue
        return Asked(value=WORD_COUNTS[word], quote=page.take(*match.span()))
    for match in page.find(NO_RETRY):
        if not page.draft.retry_policies:
            return Asked(value=0, quote=page.take(*match.span()))
    return None


def _retry_count(page: Page, match: re.Match[str]) -> int | None:
    """The number that a match of RETRY_COUNT gives; None where it counts something else."""
    groups = match.groupdict()
    between, counted = groups.get("w") or "", (groups.get("t") or "").strip()
    if re.search(r"\b(?:after|code|codes|exit|wait|every)\b", between, re.I) and not counted:
        return None
    if match["n"] == "1" and PRONOUN.search(between):
        return None
    at_most = AT_MOST.search(page.left(match.start(), 24))
    if page.negated(match.start()) and match["n"] != "0" and not at_most:
        return None
    if groups.get("rest") is not None and not re.search(RETRY, page.left(match.start(), 200), re.I):
        return None
    if "t" in groups and not counted and counted_noun(page, match.end("n")):
        return None  # "a re-run for 26 pay periods"
    value = int(match["n"])
    in_all = groups.get("total") or ("more" in groups and not (groups["more"] or groups["on"]))
    if in_all and not re.search(rf"\b(?:{RETRY})\b", page.left(match.start(), 40), re.I):
        return max(0, value - 1)  # the first attempt is no retry
    return value
