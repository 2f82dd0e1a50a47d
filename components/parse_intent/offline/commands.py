"""What a command line looks like in the middle of a sentence, and where it ends."""

from __future__ import annotations

import re

from components.parse_intent.offline.normal import FILL
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import (
    ENGLISH_PROGRAMS,
    MOUNT_ROOTS,
    PROGRAMS,
    words,
)

TOKEN = Pattern(r"[^\s\ue000]+")
SCRIPT_FILE = Pattern(
    r"(?:[\w.~-]+/)*[\w.-]+\.(?:sh|bash|py|R|r|pl|rb|jl|js|jar|exe|bin|lua|php|m|nf|smk)"
)
ABSOLUTE = Pattern(r"/[\w.${}~+-]+(?:/[\w.${}~+*-]+)+")
RELATIVE = Pattern(r"\.{1,2}/[\w.${}~/+-]+")
ASSIGNED = Pattern(r"[A-Z_][A-Z0-9_]*=\S+")
COMMANDISH = Pattern(r"^[-./$~|>&<;\"'{}\[\]*!\\(#@+=0-9]|[/=_$:*{}\[\]|<>~]|\w\.\w|#+|^\w+\d\w*$")
OPERATOR = Pattern(r"^(?:\||\|\||&&|;|>|>>|<|2>|2>&1|&)$")
# Words that end a command in a sentence; a command may hold them, but seldom does.
STOP = frozenset(
    words("""
    on with in using for and then twice once each every please over across at as via from while it
    that which is are was were to into of by or but so when if where this these those the a an
    after before until till because since unless except plus per inside within without times
    there they we i you my our your should must needs need gets get has have will would can may
    all only also too everything anything nothing spot retry no not don't mount mounted up instead
    now
    """)
)
LINE_CUT = Pattern(
    r"\s+(?:<-|<--|←|--?>|=>|\u2014|\u2013|//)\s|,\s|;\s+(?=[a-zA-Z]+ [a-zA-Z]+)| - (?=[a-zA-Z\d])"
    r"|\s--\s(?=[a-z']+,? [a-z']+,? [a-z\d]+)|\s\(?[2-9]\)\s+(?=[./~a-zA-Z])|\s/\s(?!-)"
    r"|\s\((?=[a-zA-Z])|(?<=[^\s.])\.\s+(?=\S)"
)
PROSE_AFTER = Pattern(
    r"\s+(?:on|with|for|across|in|over|using)\s+(?=(?:an? |the |each |all |every |about |up to )?"
    r"(?:\d+ ?(?:x|tasks?|times|vcpus?|cpus?|cores?|files|nodes?|gb|gib|machines?|vms?)\b"
    r"|[a-z]\d[a-z]?-\w+-|spot\b|preemptible|(?:us|europe|asia|me)-\w+\d|gpu|t4|l4|a100|vm\b|vms\b"
    r"|host\b|image\b|container\b|bucket\b|frames?\b|samples?\b|shards?\b|arguments?\b|args\b))"
    r"|\s+(?:and |then |please |but )(?=(?:retry|mount|use|give|make|limit|kill|stop|let|put"
    r"|set)\b)"
    r"|\s+(?=\d+ ?(?:times|x|tasks?|retries|attempts|copies|runs|v?cpus?|v?cores?|minutes|hours)\b)"
    r"|\s+(?=(?:with|on|in|using|from|as|for|under|across|of|per|by) (?:the|our|my|an?|each|every"
    r"|all|its|that|this|these|those|up|at|no|task|project|region|zone|service|spot)\b)"
    r"|\s+(?=(?:1|one|each|every|at most|up to|no more than|maximum|max) (?:\w+ )?(?:task|per|a)\b)"
    r"|\s+(?=(?:once|twice|please|afterwards|always)\b[,.]?\s*(?:$|\n|[a-z]))"
    r"|\s+(?=(?:even (?:if|when|though)|no matter|in the background|if (?:it|that|this)"
    r"|must always|should always|always runs?|which (?:may|must|should)|ignoring"
    r"|as a background)\b)",
    re.IGNORECASE,
)


def _first_token(text: str, start: int) -> str:
    match = TOKEN.match(text, start)
    return match.group() if match else ""


def _token_after(text: str, end: int) -> str:
    line = text[end : end + 200].split("\n", 1)[0]
    match = TOKEN.search(line)
    return match.group() if match else ""


def starts_command(text: str, start: int, *, strict: bool, run: bool = False) -> bool:
    """Whether a command line starts here.

    Args:
        text: the turn with earlier payloads hidden.
        start: where the first word would be.
        strict: the place alone proves nothing (middle of a sentence), so the words must.
        run: a word for running stands before.
    """
    token = _first_token(text, start)
    word = token.rstrip(".,;:)")
    if not word or FILL in word:
        return False
    if word.startswith("#!"):
        return True
    if RELATIVE.fullmatch(word) or SCRIPT_FILE.fullmatch(word):
        return True
    following = _token_after(text, start + len(token))
    if ABSOLUTE.fullmatch(word):
        return _path_is_program(word, following, run or not strict, ended=word != token)
    if ASSIGNED.fullmatch(word):
        return following.rstrip(".,") in PROGRAMS or RELATIVE.match(following) is not None
    if word in PROGRAMS:
        if word in ENGLISH_PROGRAMS or not run:
            # "timeout 3 hours" and "sleep 30 seconds" are words of people, not of a shell
            counted = strict and following.rstrip(".,;:)").isdecimal()
            if word == token and _option_like(following) and not counted:
                return True
            return not strict and word not in ENGLISH_PROGRAMS
        return word == token or not strict or run
    return not strict and _plain_command(word, following)


def _option_like(token: str) -> bool:
    bare = token.rstrip(".,;:)")
    if not bare or FILL in bare:
        return False
    return (
        re.match(r"-{1,2}[A-Za-z0-9]|[/.$~\"']\S|\d+$", bare) is not None
        or SCRIPT_FILE.fullmatch(bare) is not None
        or ("=" in bare and not bare.endswith("="))
        or bare in ("run", "install", "cp", "rsync", "mv", "HaplotypeCaller")
    )


def _path_is_program(word: str, following: str, run: bool, *, ended: bool) -> bool:
    """A path is a program where it has a script's ending, takes options, or is said to be run."""
    if SCRIPT_FILE.fullmatch(word.lstrip("/")):
        return True
    in_mount = word.startswith(MOUNT_ROOTS)
    if not ended and _option_like(following) and re.match(r"-|\$", following):
        return True
    return run and (not in_mount or "." in word.rsplit("/", 1)[-1])


def _plain_command(word: str, following: str) -> bool:
    """An unknown program with an option right after it."""
    return re.fullmatch(r"[a-z][\w.+-]*", word) is not None and (
        re.match(r"-{1,2}[A-Za-z]", following) is not None
    )


def looks_like_command(body: str, *, sure: bool, run: bool, strong: bool, data: bool) -> bool:
    """Whether a quoted text is to be run.

    Args:
        body: the text inside the quotes.
        sure: it stood in backticks, which people put around code.
        run: a word that may announce a command stands before it.
        strong: a verb of running, or "command", stands right before it.
        data: a word for a place or a name stands before it.
    """
    words = body.split()
    if not words:
        return False
    first = words[0]
    if len(words) == 1:
        return _word_is_command(first, sure=sure, run=run, strong=strong, data=data)
    if starts_command(body, 0, strict=False, run=True):
        return True
    if sure and not data and first in PROGRAMS:
        return True  # "`echo hi`"
    if not sure:
        return run and bool(COMMANDISH.search(body)) and not _reads_as_prose(words)
    # In backticks: several words are code unless they are all plain settings (A=1 B=2).
    return not all(re.fullmatch(r"[\w.-]+[=:]\S+,?", w) for w in words) and (
        run or bool(COMMANDISH.search(" ".join(words[1:])))
    )


def _reads_as_prose(words: list[str]) -> bool:
    plain = sum(1 for w in words if w.lower() in STOP)
    return plain * 3 > len(words)


def _word_is_command(word: str, *, sure: bool, run: bool, strong: bool, data: bool) -> bool:
    if word.startswith("gs://") or ASSIGNED.fullmatch(word) or "@" in word:
        return False
    if RELATIVE.fullmatch(word) or SCRIPT_FILE.fullmatch(word.lstrip("/")):
        return sure or run
    if ABSOLUTE.fullmatch(word):
        return strong or ((sure or run) and not data and not word.startswith(MOUNT_ROOTS))
    if word not in PROGRAMS or word in ("bash", "sh", "zsh"):
        return False
    return (strong and sure) or (run and (sure or word not in ENGLISH_PROGRAMS))


def command_end(text: str, start: int, *, to_line_end: bool) -> int:
    """Where a command that starts here ends.

    Args:
        text: the turn with earlier payloads hidden.
        start: its first character.
        to_line_end: it has the rest of its line, bar remarks; else it is in a sentence.
    """
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    hidden = text.find(FILL, start, line_end)
    line_end = line_end if hidden < 0 else hidden
    told = TOLD.match(text, start)
    if told is not None:
        return told.end()
    if to_line_end:
        end = _cut_line(text, start, line_end)
    else:
        end = _walk(text, start, _cut_line(text, start, line_end))
    while end > start and text[end - 1] in " \t.,;:)":
        if text[end - 1] == ")" and "(" in text[start:end]:
            break
        end -= 1
    if text[max(start, end - 2) : end] in (" /", " |", " -", " \u2014"):  # parts of a line
        end -= 2
    return end


SEMICOLON = Pattern(r";[ \t]+(?=\S)")
# "/opt/etl.sh is on the image": a path of which something is told.
TOLD = Pattern(
    r"(?:[./~][\w./-]*/)?[\w.-]+\.\w{1,4}(?= (?:is|are|was|lives|exists|sits|has|does|pulls"
    r"|loads|makes|creates|merges|should|must|will|can|gets|downloads|fetches|uploads|writes|reads|takes|needs)"
    r" (?![-/$.]))"
)
KEYWORD = Pattern(
    r"(?:do|done|then|fi|else|elif|esac|exit|export|wait|set|if|for|while|exec|trap|true|read|cd"
    r"|rm|mv|cp"
    r"|echo|tar|gzip|cat|sleep|mkdir|time|test|eval|python3?|bash|sh)\b(?!:)|[A-Z_]+=\$|\$|\.|/"
)
# " | " parts settings in a line as well as programs: what follows tells which.
PIPED = Pattern(r"\s\|\s+(?P<w>[^\s\ue000]+)")
TALKING = Pattern(r"(?:echo|printf|say)\b")


def _cut_line(text: str, start: int, line_end: int) -> int:
    for pipe in PIPED.finditer(text, start, line_end):
        word = pipe["w"].rstrip(".,;:)")
        program = word in PROGRAMS or word.startswith((".", "/", "$", "-"))
        if not program and not _in_quotes(text[start : pipe.start()]):
            line_end = pipe.start()
            break
    for semicolon in SEMICOLON.finditer(text, start, line_end):
        goes_on = KEYWORD.match(text, semicolon.end()) or starts_command(
            text, semicolon.end(), strict=True, run=True
        )
        if not goes_on and not _in_quotes(text[start : semicolon.start()]):
            line_end = semicolon.start()
            break
    talks = TALKING.match(text, start) is not None  # its arguments are prose themselves
    for pattern in (LINE_CUT,) if talks else (LINE_CUT, PROSE_AFTER):
        for match in pattern.finditer(text, start, line_end):
            if not _in_quotes(text[start : match.start()]):
                line_end = match.start()
                break
    return line_end


def _in_quotes(text: str) -> bool:
    return text.count('"') % 2 == 1 or text.count("'") % 2 == 1


def _walk(text: str, start: int, line_end: int) -> int:
    """Take words as long as they look like parts of a command."""
    end, option, first = start, False, True
    for match in TOKEN.finditer(text, start, line_end):
        token = match.group()
        bare = token.rstrip(".,;:)")
        quoted = _in_quotes(text[start : match.start()])
        plain = bare.isalpha() and bare.islower()
        if not (first or quoted or option) and plain and bare in STOP:
            break
        if not (first or quoted or option) and bare.isdecimal() and _counts(text, match.end()):
            break
        end = match.start() + len(bare) if bare != token else match.end()
        if token[-1:] in ",;" and not quoted:
            break
        option = re.fullmatch(r"-{1,2}[A-Za-z][\w-]*", bare) is not None
        option = option or OPERATOR.fullmatch(bare) is not None
        first = False
    return end


def _counts(text: str, end: int) -> bool:
    return re.match(r"\s*(?:tasks?|times|x|vcpus?|cores?|gb)\b", text[end : end + 16]) is not None
