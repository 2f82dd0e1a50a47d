"""Notifications on changes of state, and where the output goes."""

from __future__ import annotations

import re

from components.parse_intent.draft import Logs, Notification
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.read_pairs import PROJECT

TOPIC = Pattern(r"projects/[\w.:-]+/topics/[\w.~+%-]*\w")
TOPIC_NAMED = Pattern(
    r"\btopic(?:\s+(?:called|named"
    r"|is))*\s*[:=]?\s*[\"']?(?P<t>[A-Za-z][\w.~+%-]{2,}\w)[\"']?(?P<r>[^.;\n]{0,40})"
    r"|(?<![\w/-])(?P<u>[a-z][\w]*-[\w-]*\w)\s+(?:pub/?sub\s+)?topic\b(?P<q>[^.;\n]{0,40})",
    re.IGNORECASE,
)
TOPIC_WORD = Pattern(r"\bpub ?/? ?-?sub\b|(?<![\w/.-])topics?\b(?![:/.]\w|-)", re.IGNORECASE)
FAILED = Pattern(
    r"\b(?:fail(?:s|ed|ure|ures|ing)?|crash(?:es|ed)?|breaks?|goes wrong|dies|blows up"
    r"|errors?(?: out)?)\b",
    re.IGNORECASE,
)
SUCCEEDED = Pattern(
    r"\b(?:succeed(?:s|ed)?|success(?:ful|fully)?|succeeds|passes|goes through|(?:is|are|has|have"
    r"|was|gets?)"
    r"(?: all| been)? (?:done|finished|completed?|through|over)|finish(?:es|ed)?|completes"
    r"|completed"
    r"|is done|done)\b",
    re.IGNORECASE,
)


CONDITION = Pattern(
    r"\b(?:when|whenever|if|on|once|each|every|for|state|as soon|after|in case)\b", re.IGNORECASE
)


# Where words about another setting begin.
ASIDE = Pattern(
    r",\s+(?!(?:and|or|but|when|whenever|if|once|on|after|as|not|for|every|each|also|then|state|job"
    r"|too|please|both)\b)",
    re.IGNORECASE,
)
WHEN = Pattern(r"\b(?:when|whenever|if|once|as soon as|in case|after)\b", re.IGNORECASE)


LIKE_BEFORE = Pattern(r"\b(?:1|any|it|they|another)\b", re.IGNORECASE)
OF_JOB_OR_TASK = Pattern(r"\b(?:jobs?|tasks?)\b", re.IGNORECASE)


def read_notifications(page: Page) -> tuple[list[Notification], str]:
    """Pub/Sub messages on changes of state, and what is missing ("topic", "project" or "")."""
    places, missing = _topics(page)
    found: list[Notification] = []
    said_first = bool(places) and WHEN.search(page.left(places[0][0], 120)) is not None
    for i, (start, end, topic) in enumerate(places):
        first = page.sentence(start)[0]
        stop = max(page.sentence(max(end - 1, 0))[1], end)
        after = page.norm[end : min(stop, places[i + 1][0]) if i + 1 < len(places) else stop]
        before = page.norm[max(first, places[i - 1][1]) if i else first : start]
        quote = page.take(start, end)
        if page.negated(start):
            continue
        after = ASIDE.split(after, maxsplit=1)[0]
        if said_first and len(places) > 1 and WHEN.search(before):
            after = ""  # "when it is done tell A, and if it fails tell B"
        events = _events(topic, before, after, quote)
        if found and LIKE_BEFORE.search(after) and not OF_JOB_OR_TASK.search(before + after):
            for event in events:  # "one to A when a task is done, one to B when one fails"
                event.about = found[-1].about
        found += events
    known = page.before is not None and bool(page.before.notifications)
    if found or missing or known:
        return found, missing
    return _unnamed_topic(page)


def _topics(page: Page) -> tuple[list[tuple[int, int, str]], str]:
    """The topics that are named: start, end, resource name; and "project" where one lacks it."""
    missing = ""
    places = [(match.start(), match.end(), match.group()) for match in page.find(TOPIC)]
    for match in page.find(TOPIC_NAMED):
        group = "t" if match["t"] else "u"
        name = match[group]
        if (
            not re.search(r"[-_\d]", name)
            and not re.search(r"called|named|[:=]", match.group(), re.I)
            and not PROJECT.search(match.group())
        ):
            continue
        project = PROJECT.search(match.group())
        if project is None:
            missing = "project"
            continue
        places.append((match.start(group), match.end(), f"projects/{project['p']}/topics/{name}"))
    return sorted(places), missing


def _unnamed_topic(page: Page) -> tuple[list[Notification], str]:
    """The messages that are asked for without saying where they go."""
    for match in page.find(TOPIC_WORD):
        if not page.negated(match.start()):
            sentence = page.sentence_text(match.start())
            return _events("", sentence, "", page.take(*match.span())), "topic"
    return [], ""


def _last_condition(before: str) -> str:
    """The words before a topic from the last condition on: those before speak of other things."""
    parts = re.split(r",\s+", before)
    told = [i for i, part in enumerate(parts) if CONDITION.search(part)]
    return ", ".join(parts[told[-1] :]) if told else before


def _events(topic: str, before: str, after: str, quote: str) -> list[Notification]:
    words = after if CONDITION.search(after) else _last_condition(before) + " " + after
    about = (
        "task"
        if re.search(
            r"\b(?:a|any|each|every|the|per|individual|single|one|1) tasks?\b|\btasks?\b(?!-)",
            words,
            re.I,
        )
        and not re.search(r"\bjob\b", words, re.I)
        else "job"
    )
    states = []
    if FAILED.search(words):
        states.append("FAILED")
    if SUCCEEDED.search(words):
        states.append("SUCCEEDED")
    if not states and re.search(r"\bstarts?(?: running)?\b|\bis running\b", words, re.I):
        states.append("RUNNING")
    return [
        Notification(topic=topic, about=about, state=state, quote=quote) for state in states or [""]
    ]


LOG_PATH = Pattern(
    r"\blogs?\b(?P<w>[^;\n]{0,90}?)(?P<p>/(?:mnt|var|data|logs?|share|scratch|tmp|home"
    r"|opt)/?[\w./-]*\w)",
    re.IGNORECASE,
)
CLOUD_LOGS = Pattern(
    r"\b(?:cloud logging|stackdriver|logs? explorer|cloud_logging)\b", re.IGNORECASE
)
NO_LOGS = Pattern(
    r"\b(?:no logs|without logs|don't (?:keep|store|need|save) (?:any )?logs|no logging"
    r"|logs? (?:off|disabled))\b",
    re.IGNORECASE,
)


# "logs path /mnt/logs/run1": the words for the path itself
LOG_PATH_NAMED = Pattern(
    r"\blogs?[ _-]?(?:path|dir(?:ectory)?|folder|location|destination)s?(?: (?:is|of|to|at|on"
    r"|should be|must be|being))*"
    r"\s?[:=]? ?[\"']?(?P<p>/[\w./-]*\w)",
    re.IGNORECASE,
)


# "/mnt/x/logs is where Batch should write the logs"
LOGS_THERE = Pattern(
    r"(?P<p>/[\w./-]*\w) (?:is|shall be|should be|will be) (?:where|the (?:place|path|dir\w*"
    r"|folder)|for)\b"
    r"[^.;\n]{0,40}\blogs?\b",
    re.IGNORECASE,
)


def read_logs(page: Page) -> Logs | None:
    """Where the tasks' output goes."""
    for match in (*page.find(LOG_PATH_NAMED, free=False), *page.find(LOGS_THERE, free=False)):
        quote = page.take(*match.span())
        return Logs(destination="path", path=match["p"].rstrip("/"), quote=quote)
    for match in page.find(LOG_PATH, free=False):
        words = match["w"]
        if match.start("p") >= page.sentence(match.start())[1] or CLOUD_LOGS.match(words.strip()):
            continue  # the path is of another sentence
        if re.match(r"\W*(?:to |into |go to |in )*cloud ?logging\b(?! )", words, re.I):
            continue
        if re.search(
            r"[:=]\s*$|->|=>|\b(?:write|writes|written|under|into|in|to|at|keep|path|go|goes|send"
            r"|store|end up)\b",
            words,
            re.I,
        ):
            end = match.end("p")
            tail = re.compile(
                r"[^;\n]{0,90}?\b(?:write|under|into|to|in)\b[^;\n]{0,40}?(?P<p>/[\w./-]*\w)"
            ).match(page.norm, end)
            path = tail["p"] if tail and tail["p"].startswith(match["p"]) else match["p"]
            return Logs(
                destination="path", path=path.rstrip("/"), quote=page.take(match.start(), end)
            )
    for match in page.find(NO_LOGS):
        return Logs(destination="none", quote=page.take(*match.span()))
    for match in page.find(CLOUD_LOGS):
        if not page.negated(match.start()) and not re.search(
            r"costs?|expensive|too much", page.right(match.end()), re.I
        ):
            return Logs(destination="cloud", quote=page.take(*match.span()))
    return None
