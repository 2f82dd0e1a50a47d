"""A later turn on what a step runs: options and their values, more arguments, another tag."""

from __future__ import annotations

import re

from components.parse_intent.build_steps import split_words
from components.parse_intent.draft import Asked, Step
from components.parse_intent.offline.arguments import run_end
from components.parse_intent.offline.commands import ABSOLUTE, RELATIVE, SCRIPT_FILE
from components.parse_intent.offline.edit_images import retagged
from components.parse_intent.offline.edit_steps import Ref
from components.parse_intent.offline.field_words import fields_in
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.payloads import Payload
from components.parse_intent.offline.vocabulary import words

FLAG = Pattern(r"(?<![\w=-])-{1,2}[A-Za-z][\w-]*")
# Behind a flag: "to 14", "= 14", "should be 14 instead of 7", "14".
VALUE = Pattern(
    r"(?:[ ]+(?:back|now|flag|option|from [^\s,;]{1,40}|goes|changes|must|should|to|is|be"
    r"|becomes|as"
    r"|at|with|of|value))*[ ]*(?:=|:[ ])?[ ]*[\"'`]?(?P<v>[^\s,;\"'`]*[^\s,;\"'`.!?)])"
)
TO = Pattern(r"\b(?:to|is|be|becomes|as)\b|=|:")
DROPPED = Pattern(
    r"\b(?:drop|remove|delete|without|no|lose|leave out|omit|skip|get rid of|strip|take out|not"
    r"|don't (?:pass|use|need)|no longer (?:pass|use|need))\b(?: (?:the|that|flag|option|pass"
    r"|use|need"
    r"|longer|it|its))*\s*$",
    re.IGNORECASE,
)
NOT_VALUE = Pattern(r"(?:instead|please|too|as|and|for|in|on|from|flag|option|anymore|any)\b", re.I)
MORE = Pattern(
    r"\b(?:also|add|append|too|plus|additional\w*|as well|extra|in addition|another|further"
    r"|pass)\b",
    re.IGNORECASE,
)
ADDED = Pattern(
    r"\b(?:add|append|put|pass|include|also|plus|give it|tack on|extend it with)\b"
    r"(?: (?:a|an|the|it|also|option|flag|argument|in|on|to it|one more|another))*\s*$",
    re.IGNORECASE,
)
# Names of options that are words of every sentence.
SHORT = frozenset(
    words("a i in to as at on is up no of by or do go if it my we out all for the run")
)
MAX_FLAGS = 20
WORD = Pattern(r"(?:[^\s\"']|\"[^\"]*\"|'[^']*')+|[\"']")


def edit_commands(page: Page, steps: list[Step], refs: list[Ref]) -> None:
    """Change options and arguments of the steps, in place.

    Args:
        page: the turn, which names no new command.
        steps: those of the draft, copies.
        refs: which of them the words name.
    """
    _drop_names(page, steps)
    _swapped_flags(page, steps)
    for number, match in enumerate(page.find(FLAG)):
        if number < MAX_FLAGS:
            _flag(page, match, _meant(page, match.start(), steps, refs))
    _swapped_words(page, steps)
    _moved(page, steps)
    _named_options(page, steps)
    if not any(p.role == "command" for p in page.payloads):
        for payload in page.payloads:
            _arguments(page, payload, _meant(page, page.at(payload.start), steps, refs))
    containers = [s for s in steps if s.kind == "container" and s.image is not None]
    retagged(page, containers, 0, len(page.norm))


def _drop_names(page: Page, steps: list[Step]) -> None:
    """Leave out commands that only name the program of a step: "run x.sh with --force"."""
    if not FLAG.search(page.turn):
        return
    programs = [words[0].rsplit("/", 1)[-1] for step in steps if (words := _words(step))]
    page.payloads = [
        payload
        for payload in page.payloads
        if payload.role != "command"
        or len(payload.text.split()) > 1
        or programs.count(payload.text.rsplit("/", 1)[-1]) != 1
    ]


def _meant(page: Page, at: int, steps: list[Step], refs: list[Ref]) -> list[Step]:
    """The step that the sentence names, else all that run something."""
    start, end = page.sentence(at)
    named = [ref for ref in refs if start <= ref.start < end and ref.index < len(steps)]
    if named:
        near = min(named, key=lambda ref: abs(ref.start - at))
        return [steps[near.index]]
    return [step for step in steps if step.kind != "barrier"]


SWAPPED = Pattern(
    r"\b(?:replace|change|swap|substitute)\s+(?P<a>[^\s,;\ue000]+)\s+(?:by|with|to|for|into)\s+"
    r"(?P<b>[^\s,;\ue000]*[^\s,;.\ue000])"
    r"|\buse\s+(?P<d>[^\s,;\ue000]+)\s+(?:instead of|rather than|in place of)\s+"
    r"(?P<c>[^\s,;\ue000]*[^\s,;.\ue000])",
    re.IGNORECASE,
)


def _swapped_words(page: Page, steps: list[Step]) -> None:
    """As in "replace /opt/a.sh by /opt/b.sh": a word of one step's command."""
    for match in page.find(SWAPPED):
        old, new = ("a", "b") if match["a"] else ("c", "d")
        was = page.quote(*match.span(old)).strip("\"'`")
        having = [step for step in steps if was in _words(step)]
        if len(having) == 1 and not was.startswith("-"):
            given = page.quote(*match.span(new)).strip("\"'`")
            words = [given if word == was else word for word in _words(having[0])]
            _put(having[0], words, page.take(*match.span()))


A_FLAG = r"[\"'`]?(?P<{}>-{{1,2}}[A-Za-z][\w-]*)[\"'`]?"
SWAPPED_FLAGS = (
    Pattern(
        rf"\b(?:replace|change|swap|substitute|exchange|switch)\s+(?:the )?{A_FLAG.format('a')}"
        rf"\s+(?:by|with|to|for|into)\s+{A_FLAG.format('b')}(?![\w=])",
        re.IGNORECASE,
    ),
    Pattern(
        rf"{A_FLAG.format('b')}\s+(?:instead of|rather than|in place of|not)\s+{A_FLAG.format('a')}"
        r"(?![\w=])",
        re.IGNORECASE,
    ),
)


def _swapped_flags(page: Page, steps: list[Step]) -> None:
    """As in "swap --fast for --thorough": one flag in the place of another."""
    for pattern in SWAPPED_FLAGS:
        for match in page.find(pattern, free=False):
            was, new = page.quote(*match.span("a")), page.quote(*match.span("b"))
            was, new = (flag.strip("\"'`.,") for flag in (was, new))
            for step in steps:
                words = _words(step)
                if was in words and new not in words:
                    quote = page.take(*match.span())
                    _put(step, [new if word == was else word for word in words], quote)


MOVED = Pattern(
    r"(?:\b(?:(?:scripts?|binary|program|executable|tool|file|code)\b[^.;\n/]{0,16}?|it|that))"
    r"(?:'s| is| has been| was| got| lives| sits| moved)(?: now)?"
    r"(?: (?:now|moved|to|at|in|under|called|renamed|as)){0,4} (?P<p>[\w~./-]*[\w-]+\.\w{1,4}"
    r"|/[\w./-]+\w)"
    r"(?![\w/])"
    r"|\buse (?P<q>[\w~./-]+/[\w.-]+\w) (?:instead|now|from now on)\b",
    re.IGNORECASE,
)


def _moved(page: Page, steps: list[Step]) -> None:
    """As in "the script is now /opt/v2/run.py": the program of the one step that has one."""
    for match in page.find(MOVED):
        group = "p" if match["p"] else "q"
        given = page.quote(*match.span(group))
        having = [step for step in steps if program_at(_words(step)) is not None]
        if len(having) > 1:
            having = [step for step in having if _suffix(_program(step)) == _suffix(given)]
        if len(having) == 1 and (SCRIPT_FILE.fullmatch(given) or given.startswith("/")):
            words = with_program(_words(having[0]), given)
            _put(having[0], words, page.take(*match.span()))


def _program(step: Step) -> str:
    return _words(step)[program_at(_words(step)) or 0]


def _suffix(path: str) -> str:
    return path.rpartition(".")[2] if "." in path else ""


def program_at(line: list[str]) -> int | None:
    """Where the program or script of a command line stands, if a path or a file tells."""
    for i, word in enumerate(line[:4]):
        if SCRIPT_FILE.fullmatch(word) or ABSOLUTE.fullmatch(word) or RELATIVE.fullmatch(word):
            return i
    return None


def with_program(line: list[str], given: str) -> list[str]:
    """A command line with another program; a bare name stays in the directory of the old one."""
    at = program_at(line) or 0
    folder = line[at].rpartition("/")[0]
    program = f"{folder}/{given}" if folder and "/" not in given else given
    return [*line[:at], program, *line[at + 1 :]]


def _named_options(page: Page, steps: list[Step]) -> None:
    """As in "the day should be 7" where a step has --day; names of fields are left to others."""
    for step in steps:
        for flag in _flags(step):
            name = flag.lstrip("-")
            if not flag.startswith("--") or name.lower() in SHORT or fields_in(name) or not name:
                continue
            spoken = re.compile(
                rf"(?<![\w./=-])(?P<the>the )?{re.escape(name).replace('-', '[- ]')}(?![\w./-])",
                re.IGNORECASE,
            )
            for match in spoken.finditer(page.norm):
                if page.is_free(*match.span()) and _named_option(page, step, flag, match):
                    break


def _named_option(page: Page, step: Step, flag: str, match: re.Match[str]) -> bool:
    """Give an option that is called by its name the value behind it, or take it out."""
    words = _words(step)
    if DROPPED.search(page.left(match.start(), 40)):
        _put(step, _without(words, _index(words, flag)), page.take(*match.span()))
        return True
    value = VALUE.match(page.norm, match.end())
    if value is None or NOT_VALUE.match(value["v"]):
        return False
    told = TO.search(page.norm[match.end() : value.start("v")])
    if not told and (match["the"] or not value["v"][0].isdecimal()):
        start, end = page.clause(match.start())
        rest = page.norm[start : match.start()] + page.norm[value.end("v") : end]
        if not ALONE.fullmatch(rest):
            return False
    given = page.quote(*value.span("v"))
    quote = page.take(match.start(), value.end("v"))
    _put(step, _merged(words, [flag, given]), quote)
    return True


# "and mode quick": a clause that holds an option's name and a value, no more
ALONE = Pattern(r"\W*(?:(?:and|also|then|now|please|make it|set|use|with|but)\W*)*", re.I)
# "run x.sh with --force", "also pass --verbose"
NEW_FLAG = Pattern(
    r"\b(?:(?:run|call|start|invoke|execute|launch)\b[^.;,\n]{0,40}\bwith"
    r"|(?:add|append|pass|include|use|give it|plus|set)(?: (?:also|the|an?|it|flag|option|argument"
    r"|switch|too))*)[ \"'`]+$",
    re.IGNORECASE,
)


def _flag(page: Page, match: re.Match[str], steps: list[Step]) -> None:
    """As in "change --days to 14", "--lang it", "drop --verbose"."""
    name = match.group()
    having = [step for step in steps if name in _flags(step)]
    left = page.left(match.start(), 60)
    if not having and len(steps) == 1 and (NEW_FLAG.search(left) or ADDED.search(left)):
        quote = page.take(match.start(), run_end(page.norm, *match.span()))
        _put(steps[0], _merged(_words(steps[0]), WORD.findall(quote)), quote)
        return
    if len(having) != 1:
        return
    words = _words(having[0])
    at = _index(words, name)
    if DROPPED.search(page.left(match.start(), 40)):
        _put(having[0], _without(words, at), page.take(*match.span()))
        return
    end = run_end(page.norm, match.start(), match.end())
    run = page.quote(match.start(), end)
    if len(FLAG.findall(run)) > 1:  # "--n 8 --fast"
        _put(having[0], _merged(words, WORD.findall(run)), page.take(match.start(), end))
        return
    value = VALUE.match(page.norm, match.end())
    if value is None or NOT_VALUE.match(value["v"]):
        return
    if value["v"].startswith("-"):  # "change -v to -vv"
        if TO.search(page.norm[match.end() : value.start("v")]):
            words[at] = page.quote(*value.span("v"))
            _put(having[0], words, page.take(match.start(), value.end("v")))
        return
    start, end = value.span("v")
    given = page.quote(start, end).strip("\"'`.,;")
    quote = page.take(match.start(), end)
    if "=" in words[at]:
        words[at] = f"{name}={given}"
    elif at + 1 < len(words) and not words[at + 1].startswith("-"):
        words[at + 1] = given
    else:
        words.insert(at + 1, given)
    _put(having[0], words, quote)


def _arguments(page: Page, payload: Payload, steps: list[Step]) -> None:
    """Arguments alone: the same options get new values, others come in place or on top."""
    given = split_words(payload.text)
    if not given or len(steps) == 0:
        return
    flags = {word.split("=", 1)[0] for word in given if FLAG.match(word)}
    having = [step for step in steps if flags & _flags(step)]
    step = having[0] if len(having) == 1 else steps[-1] if len(steps) == 1 else None
    if step is None:
        return
    if step.commands is None:  # a line for a shell keeps its quotes
        given = WORD.findall(payload.text)
    at = page.at(payload.start)
    said = page.sentence_text(at)
    if DROPPED.search(page.left(at, 40)):
        _put(step, [word for word in _words(step) if word not in given], payload.quote)
    elif (
        having
        or MORE.search(said)
        or (step.kind == "script" and NEW_FLAG.search(page.left(at, 60)))
    ):
        _put(step, _merged(_words(step), given), payload.quote)
    elif step.kind == "container":
        step.commands, step.text = Asked(value=given, quote=payload.quote), None


def _merged(words: list[str], given: list[str]) -> list[str]:
    """Words with the values of the given options, and the options that are new behind them."""
    result = list(words)
    i = 0
    while i < len(given):
        word = given[i]
        name = word.split("=", 1)[0]
        follows = "=" not in word and i + 1 < len(given) and not given[i + 1].startswith("-")
        part = given[i : i + 2] if follows and word.startswith("-") else [word]
        at = _index(result, name) if word.startswith("-") else -1
        if at < 0:
            result += part
        else:
            glued = "=" in result[at] and len(part) == 2
            old = 2 if "=" not in result[at] and len(part) == 2 else 1
            result[at : at + old] = [f"{name}={part[1]}"] if glued else part
        i += len(part)
    return result


def _without(words: list[str], at: int) -> list[str]:
    """Words without the option that stands at a place, and without its value."""
    takes = "=" not in words[at] and at + 1 < len(words) and not words[at + 1].startswith("-")
    return words[:at] + words[at + (2 if takes else 1) :]


def _index(words: list[str], name: str) -> int:
    return next((i for i, w in enumerate(words) if w == name or w.startswith(f"{name}=")), -1)


def _flags(step: Step) -> set[str]:
    return {word.split("=", 1)[0] for word in _words(step) if word.startswith("-")}


def _words(step: Step) -> list[str]:
    """A step's command line as words, spelled as they are there; a script of lines has none."""
    if step.commands is not None:
        return list(step.commands.value)
    text = step.text.value if step.text is not None else ""
    return [] if "\n" in text.strip() or len(text) > 4_000 else WORD.findall(text)


def _put(step: Step, words: list[str], quote: str) -> None:
    if step.commands is not None or (step.kind == "container" and step.text is None):
        step.commands = Asked(value=words, quote=quote)
        return
    step.text = Asked(value=" ".join(words), quote=quote)
