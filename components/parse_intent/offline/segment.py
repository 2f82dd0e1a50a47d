"""Cut the payload (commands, scripts, arguments) from the instructions around it.

What stands in a payload is run, never obeyed: the extractors see a text of the same length in
which every payload is replaced by fill characters.
"""

from __future__ import annotations

import re

from components.parse_intent.offline.arguments import option_runs, run_end
from components.parse_intent.offline.commands import (
    STOP,
    command_end,
    looks_like_command,
    starts_command,
)
from components.parse_intent.offline.layout import plain_layout
from components.parse_intent.offline.normal import FILL
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.payloads import MAX_PAYLOADS, Cutter, Payload, Role
from components.parse_intent.offline.script_lines import PYTHON_FIRST, of_script, script_block
from components.parse_intent.offline.shell_pieces import cut_arrays, cut_loops
from components.parse_intent.offline.vocabulary import PROGRAMS

FENCE = Pattern(r"^([ \t]*)(```+|~~~+)[ \t]*([\w+.-]*)[ \t]*\n", re.MULTILINE)
TICKS = Pattern(r"(?<!`)(`{1,2})(?!`)([^`\n]+)\1(?!`)")
DOUBLE = Pattern(r"(?<![\w=])[\"\u201c]([^\"\u201c\u201d\n]{2,})[\"\u201d](?!\w)")
SINGLE = Pattern(r"(?<![\w=])['\u2018]([^'\u2019\n]{4,})['\u2019](?!\w)")
ARGS_CUE = Pattern(
    r"\b(?:arg(?:ument)?s?|param(?:eter)?s?|flags?|options?)\b[^.;\n]{0,24}$"
    r"|\bpass(?:es|ing)?(?: it| in| them)?\s*:?\s*$",
    re.IGNORECASE,
)
RUN_CUE = Pattern(
    r"\b(?:run(?:s|ning)?|execut(?:e|es|ing)|launch(?:es|ing)?|start(?:s|ing)?|do(?:es|ing)?"
    r"|call(?:s|ing)?|invok(?:e|es|ing)|command|cmd|script|program|binary|step|task|of|each|x|just"
    r"|then|first|keep|with|is|via|using|perform|it's|copies|named|called|path|at|e\.g\.)"
    r"(?: (?:is|the|a|an|this|my|our|one|following|command|script|program|just|it|only|like))*"
    r"\s*[:=>-]*\s*[\"'(]?$",
    re.IGNORECASE,
)
RUN_VERB = Pattern(
    r"\b(?:run(?:s|ning)?|execut(?:e|es|ing)|launch(?:es|ing)?|call(?:s|ing)?|command|cmd|script)"
    r"(?: (?:is|the|my|our|script|program|just))*\s*:?\s*[\"'(]?$",
    re.IGNORECASE,
)
DATA_CUE = Pattern(
    r"(?:\b(?:mount(?:ed|s|ing)?|at|on|to|into|under|bind|bucket|called|named|directory|dir|folder"
    r"|as|in|->|=>|from|image|machine type|project|secret|label|topic|zone|region|template|user)"
    r"(?: (?:it|them|the|is|a))?|->|=>|@)\s*[:=]?\s*$",
    re.IGNORECASE,
)
LABEL = Pattern(
    r"(?:^|(?<=[\s,;.(]))(?P<label>(?:then )?run(?:s|ning)?(?: this| it| the following)?|cmd"
    r"|command"
    r"(?: line)?|(?:the )?script(?: is)?|exec(?:ute)?|program|(?:cmd |command |container )?"
    r"arg(?:ument)?s?|(?:cmd )?param(?:eter)?s?|what (?:it|each) (?:task )?(?:runs|does)"
    r"|(?:the )?(?:command|cmd|script) is|each (?:task |one )?(?:does|runs)|does|workload|job|step"
    r"(?: \w+)?|task|work|process|payload|entrypoint args)\s*(?::|=(?=\s)|(?<=command)="
    r"|(?<=cmd)=|(?<=script)=|(?<=args)=)[ \t]*",
    re.IGNORECASE,
)
LINE_START = Pattern(
    r"^[ \t]*(?:[-*•+][ \t]+|\(?\d{1,2}[.)][ \t]+|\(?(?:[a-z]|i{1,3}|iv|vi{0,3}|ix)[.)][ \t]+"
    r"|step \w+[:.)-][ \t]*|\$[ \t]+)?",
    re.IGNORECASE | re.MULTILINE,
)
AFTER_COLON = Pattern(r":[ \t]+(?=\S)")
VERB = Pattern(
    r"(?<![\w-])(?:run(?:s|ning)?|execut(?:e|es|ing)|launch(?:es|ing)?|do(?:es)?|doing"
    r"|invok(?:e|es)"
    r"|call(?:s|ing)?|keep|start(?:s|ing)?|kick off"
    r"|(?:command|script|cmd|step|1) (?:should|must|has to|ought to) (?:be|run|call)|command is"
    r"|script is|cmd is|tasks? of|copies of"
    r"|(?:script|command|cmd|program|binary|executable)(?=[ \t]+[./~])"
    r"|script\b[^.;\n]{0,40}? (?:at|in|under)(?=[ \t]+/\S+\.(?:sh|py|pl|rb|R|jl)\b)"
    r"|via|\d+ ?x|x ?\d+|task|tasks|then|first|finally|just|program|[1-9]\))"
    r"(?: (?:just|the|a|this|my|our|own|script|command|program|binary|only|following|is|called"
    r"|of))*"
    r"[:,]?[ \t]+(?=\S)",
    re.IGNORECASE,
)


SHOWN = Pattern(
    r"(?<![^\s(])(?P<c>\.{0,2}/[\w.${}~+/-]{2,200}|[A-Za-z][\w.+-]{1,40})[ \t]+"
    r"(?=-{1,2}[A-Za-z]|\$[\w{(]|-\d)"
)
# No name or path is this long: data that nobody reads, and that patterns would search for ever.
OVERLONG = Pattern(r"[^\s\ue000]{500,}")


def cut_payloads(text: str, *, hidden: list[tuple[int, int]] | None = None) -> Cutter:
    """The payloads of a turn, in order, and the turn with them hidden.

    Args:
        text: one turn of a person.
        hidden: spans that were read before (pasted command lines), to be left alone.
    """
    cutter = Cutter(text)
    for start, end in hidden or []:
        cutter.masked = cutter.masked[:start] + FILL * (end - start) + cutter.masked[end:]
    _fences(cutter)
    _ticks(cutter)
    cutter.masked = OVERLONG.sub(lambda match: FILL * len(match[0]), cutter.masked)
    cutter.masked = plain_layout(cutter.masked)
    cut_loops(cutter)
    cut_arrays(cutter)
    _subcommands(cutter)
    _options(cutter)
    _quoted(cutter)
    _labelled(cutter)
    _lines(cutter)
    _colons(cutter)
    _verbs(cutter)
    _lone_scripts(cutter)
    _anywhere(cutter)
    _with_index(cutter)
    _only_script(cutter)
    _loose_options(cutter)
    cutter.payloads.sort(key=lambda p: p.start)
    return cutter


def _fences(cutter: Cutter) -> None:
    pos = 0
    while len(cutter.payloads) < MAX_PAYLOADS and (match := FENCE.search(cutter.masked, pos)):
        fence = match[2]
        closing = re.compile(rf"^[ \t]*{re.escape(fence)}[ \t]*$", re.MULTILINE)
        close = closing.search(cutter.masked, match.end())
        end = close.end() if close else len(cutter.masked)
        body = cutter.text[match.end() : close.start() if close else end]
        if not cutter.hidden(match.start(), end):
            body = _dedent(body, match[1])
            payload = Payload(match.start(), end, body.rstrip("\n"), "command", match[3], True)
            cutter.cut(payload)
        pos = end


def _dedent(body: str, indent: str) -> str:
    if not indent:
        return body
    return "\n".join(line.removeprefix(indent) for line in body.split("\n"))


def _ticks(cutter: Cutter) -> None:
    for match in TICKS.finditer(cutter.masked):
        _inline(cutter, match.start(), match.end(), match[2].strip(), sure=True)


def _options(cutter: Cutter) -> None:
    """Options without quotes around them, where words say that they are arguments."""
    for start, end in list(option_runs(cutter.masked)):
        cutter.cut(Payload(start, end, cutter.text[start:end], "args"))


# "registry/tool:3.8 separate -i x": words between an image and its options are arguments too
SUBCOMMAND = Pattern(
    r"(?<![\w./-])[\w.-]{1,80}(?:/[\w.-]{1,80}){1,6}[:@][\w.:-]{1,130}"
    r"(?:\s?(?:->|=>|:|,|\(|\b(?:with|running|runs|and)\b)|\s(?:the |its )?(?:command|cmd"
    r"|arguments?|args)\b:?){0,3}"
    r"[ \t]+\(?(?P<w>[a-z][\w-]{1,20}(?: [a-z][\w.-]{1,20})?)[ \t]+(?P<o>-{1,2}[A-Za-z][\w.-]*)"
)


def _subcommands(cutter: Cutter) -> None:
    """Arguments right behind an image that begin with words."""
    for match in SUBCOMMAND.finditer(cutter.masked):
        words = match["w"].split()
        if words[0] in STOP or words[0] in PROGRAMS or any(word in TOLD for word in words):
            continue
        end = run_end(cutter.masked, match.start("o"), match.end("o"))
        if not cutter.hidden(match.start("w"), end):
            cutter.cut(Payload(match.start("w"), end, cutter.text[match.start("w") : end], "args"))


TOLD = frozenset(("arguments", "args", "options", "flags", "called", "command", "image", "step"))


def _quoted(cutter: Cutter) -> None:
    for pattern in (DOUBLE, SINGLE):
        for match in pattern.finditer(cutter.masked):
            if not cutter.hidden(*match.span()):
                _inline(cutter, match.start(), match.end(), match[1].strip(), sure=False)


def _inline(cutter: Cutter, start: int, end: int, body: str, *, sure: bool) -> None:
    """Cut a quoted text if it is a command or arguments; names and values stay readable."""
    before = cutter.masked[max(0, start - 60) : start]
    if ARGS_CUE.search(before) or body.startswith("-"):
        if body.startswith("-") or " " in body or sure:
            cutter.cut(Payload(start, end, body, "args"))
        return
    run = RUN_CUE.search(before) is not None
    strong = RUN_VERB.search(before) is not None
    data = DATA_CUE.search(before) is not None and not strong
    if not looks_like_command(body, sure=sure, run=run, strong=strong, data=data):
        if sure:  # the ticks would only be in the way
            blank = " " + cutter.masked[start + 1 : end - 1].replace("`", " ") + " "
            cutter.masked = cutter.masked[:start] + blank + cutter.masked[end:]
        return
    cutter.cut(Payload(start, end, body))


COMMAND_LABELS = ("command", "cmd", "command line", "exec", "execute", "the command", "the cmd")


def _any_program(text: str, start: int) -> bool:
    """Whether a program of any name starts here: a known one, or one that takes options."""
    line = text[start : start + 200].split("\n", 1)[0].split()
    if len(line) < 2 or not re.fullmatch(r"[A-Za-z][\w.+-]*", line[0]) or line[0].lower() in STOP:
        return False
    return line[0] in PROGRAMS or any(re.match(r"-{1,2}[A-Za-z]", word) for word in line[1:6])


def _labelled(cutter: Cutter) -> None:
    for match in LABEL.finditer(cutter.masked):
        label = match["label"].lower()
        start = match.end()
        is_args = re.search(r"arg|param", label) is not None
        if start >= len(cutter.masked) or cutter.hidden(start, start + 1):
            continue
        if cutter.masked[start] == "\n":
            _block(cutter, start + 1, flush=True, labelled=not is_args)
            continue
        if _quoted_value(cutter, start, is_args):
            continue
        if not is_args and not (
            starts_command(cutter.text, start, strict=False)
            or (label in COMMAND_LABELS and _any_program(cutter.masked, start))
        ):
            continue
        end = command_end(cutter.masked, start, to_line_end=True)
        body = cutter.text[start:end]
        if end > start and not cutter.hidden(start, end) and not (is_args and _is_prose(body)):
            cutter.cut(Payload(start, end, body, "args" if is_args else "command"))


def _quoted_value(cutter: Cutter, start: int, is_args: bool) -> bool:
    """Cut command="..." as a whole."""
    quote = cutter.masked[start]
    if quote not in "\"'":
        return False
    line_end = cutter.masked.find("\n", start)
    end = cutter.masked.find(quote, start + 1, line_end if line_end >= 0 else len(cutter.masked))
    if end < 0 or cutter.hidden(start, end + 1):
        return False
    role: Role = "args" if is_args else "command"
    cutter.cut(Payload(start, end + 1, cutter.text[start + 1 : end], role))
    return True


def _is_prose(body: str) -> bool:
    return re.match(r"(?:none|no|nothing|see|as|the|same)\b", body, re.IGNORECASE) is not None


def _lines(cutter: Cutter) -> None:
    """Lines and list items that are a command; indented ones in a row are one script."""
    for match in LINE_START.finditer(cutter.masked):
        start = match.end()
        if start >= len(cutter.masked) or cutter.masked[start] in "\n" + FILL:
            continue
        indented = match.group().startswith(("    ", "\t")) and match.group().strip() == ""
        if PYTHON_FIRST.match(cutter.masked, start):
            _block(cutter, match.start(), flush=not indented)
            continue
        if not starts_command(cutter.masked, start, strict=not indented):
            continue
        if indented:
            _block(cutter, match.start())
        elif _in_a_row(cutter, match):
            _block(cutter, match.start(), flush=True)
        else:
            end = command_end(cutter.masked, start, to_line_end=True)
            if not cutter.hidden(start, end):
                cutter.cut(Payload(start, end, cutter.text[start:end]))


def _in_a_row(cutter: Cutter, first: re.Match[str]) -> bool:
    """Whether a command at the start of a line is followed by a line of the same script."""
    line_end = cutter.masked.find("\n", first.end())
    if line_end < 0 or first.group().strip() or FILL in cutter.masked[first.end() : line_end]:
        return False
    following = cutter.masked[line_end + 1 :].split("\n", 1)[0]
    return bool(following.strip()) and FILL not in following and of_script(following)


def _block(cutter: Cutter, start: int, *, flush: bool = False, labelled: bool = False) -> None:
    """Cut the lines from a place as one script, if they are one."""
    block = script_block(cutter.masked, start, flush=flush, labelled=labelled)
    if block is not None:
        lines = cutter.masked[block.start : block.end].rstrip("\n").split("\n")
        body = "\n".join(line.removeprefix(block.indent) for line in lines)
        cutter.cut(Payload(block.start, block.end, body, "command", block.lang))


def _colons(cutter: Cutter) -> None:
    for match in AFTER_COLON.finditer(cutter.masked):
        start = match.end()
        if starts_command(cutter.masked, start, strict=True):
            end = command_end(cutter.masked, start, to_line_end=True)
            if not cutter.hidden(start, end):
                cutter.cut(Payload(start, end, cutter.text[start:end]))


def _verbs(cutter: Cutter) -> None:
    for match in VERB.finditer(cutter.masked):
        start = match.end()
        if starts_command(cutter.masked, start, strict=True, run=True):
            end = command_end(cutter.masked, start, to_line_end=False)
            if end > start and not cutter.hidden(start, end):
                cutter.cut(Payload(start, end, cutter.text[start:end]))


LONE_SCRIPT = Pattern(
    r"(?:^|[,;.)]\s+|\n[ \t]*|\s[-|]\s)(?P<c>/(?:opt|srv|usr|app|home|root|bin)/[\w./-]*\w"
    r"|(?:\.{1,2}|~)/[\w./-]*\w"
    r"|(?:\.{0,2}/)?(?:[\w.-]+/)*[\w-]+\.(?:sh|py|R|pl|rb|jl|bash))(?=[\s,;.)]|$)"
)


def _lone_scripts(cutter: Cutter) -> None:
    """Programs by their path where a clause begins: "c2-standard-8, /opt/x/run.sh, 3 tasks"."""
    for match in LONE_SCRIPT.finditer(cutter.masked):
        start = match.start("c")
        end = command_end(cutter.masked, start, to_line_end=False)
        if end > start and not cutter.hidden(start, end):
            cutter.cut(Payload(start, end, cutter.text[start:end]))


ANY_SCRIPT = Pattern(r"(?<![\w./$~=-])(?P<c>/(?:[\w.-]+/)+[\w-]+\.(?:sh|py|R|pl|rb|jl|bash))(?!\w)")
CALLED = Pattern(
    r"\b(?:call|run|execute|start|launch|invoke)(?:s|ed|ing)? (?:it|that|this|the script)\b"
    r"|\b(?:tasks?|times|copies|instances) (?:of|for) (?:it|that|this)\b",
    re.IGNORECASE,
)


def _only_script(cutter: Cutter) -> None:
    """As in "our image has /opt/etl.sh, call it 14 times": the one script that is spoken of."""
    found = {match["c"]: match for match in ANY_SCRIPT.finditer(cutter.masked)}
    if cutter.payloads or len(found) != 1 or not CALLED.search(cutter.masked):
        return
    match = next(iter(found.values()))
    cutter.cut(Payload(*match.span("c"), match["c"]))


def _anywhere(cutter: Cutter) -> None:
    """Commands that show themselves: a program or a path with an option right behind it."""
    for match in SHOWN.finditer(cutter.masked):
        start = match.start("c")
        if cutter.hidden(start, match.end()) or DATA_CUE.search(
            cutter.masked[max(0, start - 40) : start]
        ):
            continue
        if starts_command(cutter.masked, start, strict=True):
            end = command_end(cutter.masked, start, to_line_end=False)
            if end > start and not cutter.hidden(start, end):
                cutter.cut(Payload(start, end, cutter.text[start:end]))


# Nobody writes the task's index but in a command, so what surrounds it is one.
INDEX = Pattern(r"\$\{?BATCH_TASK_INDEX")
BEFORE_COMMAND = Pattern(
    r"(?:\n|;|, | / | \| |: |\. |\(|->|=>|\u2192|\ue000|^)[ \t*-]*(?:(?:each|every|just|please"
    r"|then|and|it"
    r"|they|tasks?|runs?|running|executes?|does|do|calls?|starts?|launch(?:es)?|command|cmd) )*$",
    re.IGNORECASE,
)


# A path of a program needs no word before it; a mount or a bucket is none.
PATH_LIKE = Pattern(
    r"(?:\.{1,2}|~)/[\w./+-]+|/(?:opt|srv|usr|app|home|bin)/[\w./+-]+|[\w/.-]+\.(?:sh|py|R|pl|rb"
    r"|jl)"
)
COPULA = Pattern(r" (?:is|are|will|should|must|would|becomes?|has|have|with|for|in|at|of)\b")
PROGRAM_LIKE = Pattern(r"[a-z./~][\w./+-]*")
SLASHED = Pattern(r"\s(?:/|\|)\s")


def _with_index(cutter: Cutter) -> None:
    for match in INDEX.finditer(cutter.masked):
        if cutter.hidden(*match.span()):
            continue
        line = cutter.masked.rfind("\n", 0, match.start()) + 1
        start = max(line, match.start() - 300)
        for token in re.finditer(r"\S+", cutter.masked[start : match.start()]):
            at = start + token.start()
            before = cutter.masked[max(line - 1, at - 60, 0) : at]
            path = PATH_LIKE.fullmatch(token.group()) is not None
            if at != line and not path and not BEFORE_COMMAND.search(before):
                continue
            program = PROGRAM_LIKE.fullmatch(token.group()) and not COPULA.match(
                cutter.masked, start + token.end()
            )
            end = _segment_end(cutter, at) if program else at
            if end > match.start() and not cutter.hidden(at, end):
                cutter.cut(Payload(at, end, cutter.text[at:end]))
                break


BEHIND_IMAGE = Pattern(r"[\w-]/[\w./-]+(?:[:@][\w.:-]+)?[ ,]*(?:\([^()\n]{0,80}\)[ ,]*)?$")


def _loose_options(cutter: Cutter) -> None:
    """Options that no word announces: right behind an image, or with the task's index in them."""
    for start, end in list(option_runs(cutter.masked, announced=False)):
        before = cutter.masked[max(0, start - 200) : start]
        if INDEX.search(cutter.masked, start, end) or BEHIND_IMAGE.search(before):
            cutter.cut(Payload(start, end, cutter.text[start:end], "args"))


def _segment_end(cutter: Cutter, start: int) -> int:
    """The end of a command in a line of parts with " / " between them."""
    end = command_end(cutter.masked, start, to_line_end=True)
    slash = SLASHED.search(cutter.masked, start, end)
    return slash.start() if slash else end
