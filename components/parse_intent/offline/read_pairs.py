"""Environment, secrets and labels: names with their values."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked, Pair, TaskEnvironment
from components.parse_intent.offline.commands import STOP
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.task_tables import read_task_table
from components.parse_intent.offline.vocabulary import ORDINALS, words

SECRET = Pattern(r"projects/[\w.:-]+/secrets/[\w-]+(?:/versions/(?:\d+|latest))?")
SECRET_NAMED = Pattern(
    r"\bsecret(?:\s+manager)?(?:[\s:,(]+(?:secret|called|named|name"
    r"|is))*(?:\s+|\s*[:(]\s*)[\"']?(?P<s>(?!manager\b)[A-Za-z][\w-]*\w)[\"']?(?P<r>[^.;\n]{0,60})",
    re.IGNORECASE,
)
VERSION = Pattern(
    r"\bversion\s+(?P<v>\d+|latest)|(?P<l>latest)\s+version|\bv(?P<w>\d+)\b", re.IGNORECASE
)
PROJECT = Pattern(r"\bproject\s+[\"']?(?P<p>[a-z][a-z0-9-]*[a-z0-9])", re.IGNORECASE)
NAME = Pattern(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b[A-Z]{3,}[A-Z0-9]*\b")
NOT_VARIABLE = frozenset(
    words(
        "JSON YAML NFS GPU GPUS CPU CPUS VM VMS GCS SSD SSH BUT AND NOT ALWAYS DWS MPI API "
        "URL VPC IP IPS TB GB GIB MIB MB RAM IO SA AI OK TASK FAILED SUCCEEDED BATCH"
    )
)

IT = Pattern(r"\b(?:it|this|that|its value)\b", re.IGNORECASE)


def read_secrets(page: Page) -> tuple[list[Pair], list[Asked[str]]]:
    """Variables that come from Secret Manager, and secrets that no variable is named for."""
    pairs: list[Pair] = []
    loose: list[Asked[str]] = []
    for match in page.find(SECRET):
        value = (
            match.group() if "/versions/" in match.group() else f"{match.group()}/versions/latest"
        )
        _secret(page, value, match.start(), match.end(), pairs, loose)
    for match in page.find(SECRET_NAMED):
        project = PROJECT.search(match.group())
        if project is None or match["s"].lower() in ("in", "from", "manager", "version", "is"):
            continue
        version = VERSION.search(match.group())
        number = (version["v"] or version["w"] or "latest") if version else "latest"
        value = f"projects/{project['p']}/secrets/{match['s']}/versions/{number.lower()}"
        end = match.start() + max(m.end() for m in (project, version) if m is not None)
        _secret(page, value, match.start(), end, pairs, loose)
    return pairs, loose


# "projects/p/secrets/s as KEY"
AS_NAME = Pattern(r"\s*(?:as|into|goes (?:in|into|to)|in|for|to|->|=>|is)\s+(?:the )?[A-Z]")


def _secret(
    page: Page, value: str, start: int, end: int, pairs: list[Pair], loose: list[Asked[str]]
) -> None:
    begin, stop = page.sentence(start)
    used = {pair.name for pair in pairs}
    before = [m for m in NAME.finditer(page.norm, begin, start) if _is_variable(m)]
    after = [m for m in NAME.finditer(page.norm, end, stop) if _is_variable(m)]
    if not before and not after and begin and IT.search(page.norm, begin, start):
        previous = page.sentence(begin - 1)[0]
        found = [m for m in NAME.finditer(page.norm, previous, begin) if _is_variable(m)]
        before = found[-1:]
    told = [m for m in after if AS_NAME.match(page.norm, end)]
    named = [m for m in [*told, *reversed(before), *after] if m.group() not in used]
    if (
        re.search(
            r"\b(?:registry|pull|log ?in|image)\b|\bpassword (?:is|for)\b",
            page.norm[max(begin, page.clause(start)[0]) : start]
            if AS_NAME.match(page.norm, end)
            else page.norm[begin:start],
            re.I,
        )
        and not before
    ):
        named = []
    quote = page.take(start, end)
    if named:
        quote = page.quote(min(named[0].start(), start), max(named[0].end(), end))
        page.take(*named[0].span())
        pairs.append(Pair(name=named[0].group(), value=value, quote=quote))
    else:
        loose.append(Asked(value=value, quote=quote))


def _is_variable(match: re.Match[str]) -> bool:
    return match.group() not in NOT_VARIABLE


ASSIGNMENT = Pattern(
    r"(?<![\w./$-])(?P<k>[A-Za-z_][\w.-]{0,63})\s?=(?!>)\s?(?P<v>\"[^\"\n]*\"|'[^'\n]*'"
    r"|(?:[^\s,;)\ue000]|,(?![\w.-]*=)(?=[^\s,;)\ue000]))*[^\s,;).\ue000!?])"
)
NTH = "|".join(ORDINALS)
TASK_LINE = Pattern(
    rf"(?:^|\n|[;,:.|/]|\band\b)[ \t*-]*(?:for )?(?:the )?(?:task\s*#?\s*(?P<i>\d{{1,3}})"
    rf"|(?P<o>{NTH}) task)\s*"
    r"(?:(?:gets|has|:|->|=>|=|-|is|with|uses|sees|takes)+|(?=[A-Za-z_]\w{0,60}=))\s*(?P<rest>[^\n;]{0,300}?)"
    rf"(?=\s*(?:[,|/]|\band)?\s*(?:and )?(?:for )?(?:the )?(?:task\s*#?\d|(?:{NTH}) task)|[\n;]|$)",
    re.IGNORECASE,
)
# In a list of them the number alone tells the task: "- 0: GRID=coarse".
INDEX_LINE = Pattern(
    r"(?:^|\n|[;/|,:])[ \t*-]*(?:and )?(?:index |idx |#|no\.? )?(?P<i>\d{1,3})[ \t]*"
    r"(?:[:)-]|->|=>|\u2192|gets|has)[ \t]*(?P<rest>[A-Za-z_]\w*=[^\n;]*?)"
    r"(?=\s*[/|;,]?\s*(?:and )?(?:index |idx |#)?\d{1,3}[ \t]*(?:[:)]|->|=>|\u2192)|[\n;]|$)",
    re.IGNORECASE,
)
ENV_CUE = Pattern(r"\b(?:environment|variables?|export)\b", re.IGNORECASE)
INTO_ENV = Pattern(
    r"(?: and [A-Z_]+=\S+)? (?:in|into|to|as|for) (?:the |its |an? |their )?(?:task'?s? )?"
    r"(?:environment|env)\b",
    re.IGNORECASE,
)
LABEL_CUE = Pattern(r"\blabel(?:s|led|ed|ing|ling)?\b|\blabelled\b", re.IGNORECASE)
# "tag the job with team=x": a network tag has no value, so a label is meant.
TAG_CUE = Pattern(r"\btag(?:s|ged|ging)?\b[^.;\n]{0,40}$", re.IGNORECASE)
VM_CUE = Pattern(r"\b(?:vms?|instances?|machines?|nodes?)\b(?:'s)?[^.;,\n]{0,25}$", re.IGNORECASE)
SET_TO = Pattern(
    r"\b(?:set|change|bump|put|raise|lower|switch|make"
    r"|turn)?\s*(?:the )?(?:environment )?(?:variable )?(?P<k>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)"
    r"\s+(?:back )?(?:to"
    r"|is|should be|becomes|=|set to|with (?:the )?value|has (?:the )?value"
    r"|must be)\s+[\"']?(?P<v>[^\s,;\"']*[^\s,;\"'.])",
)
SET_CUE = Pattern(r"\b(?:variable|environment|env|set)\b", re.IGNORECASE)
COLON_PAIR = Pattern(
    r"(?P<k>[A-Za-z][\w-]{0,62})[\"']?\s?:\s?[\"']?(?P<v>[a-z0-9](?:[\w.-]*\w)?)[\"']?(?=[\s,;.)}]|$)"
)
ENV_COLON = Pattern(
    r"(?<![\w-])(?P<k>[A-Z][A-Z0-9_]+)[\"']?\s?:\s?[\"']?(?P<v>[^\s,;\"'}\ue000]*[^\s,;\"'}.\ue000])"
)
LABEL_NAMED = Pattern(
    r"\blabel(?: (?:called|named))?\s+[\"']?(?P<k>[a-z][a-z0-9_-]{0,62})[\"']?\s+(?:should be"
    r"|must be"
    r"|set to|with (?:the )?value|is|to|being|having|of)(?: set)?(?: to)?\s+[\"']?"
    r"(?P<v>[a-z0-9](?:[\w.-]*\w)?)",
    re.IGNORECASE,
)
# "label cost-centre 5512 and label owner rahul"
LABEL_BARE = Pattern(
    r"\blabels? [\"']?(?P<k>[a-z][a-z0-9_-]{1,62})[\"']? [\"']?(?P<v>[a-z0-9][a-z0-9_-]*)[\"']?"
    r"(?=\s*(?:[,.;)\n]|$|and\b))"
)
NOT_LABELS = frozenset(
    words(
        "out off away back again job jobs vm vms machine machines instance instances node nodes"
        " task tasks them everything"
    )
)
ON_VMS_AFTER = Pattern(
    r"(?:, ?[\w-]+=[\w.-]+| and [\w-]+=[\w.-]+){0,8}"
    r"[^.;,\n]{0,40}?\b(?:on|to|for|of) (?:the |our |all |every |each |these )*(?:vms?|instances?"
    r"|machines?"
    r"|nodes?)\b",
    re.IGNORECASE,
)


def read_task_environments(page: Page) -> list[TaskEnvironment]:
    """Variables that are given for each task of the array."""
    found = []
    lines = list(page.find(TASK_LINE))
    for match in lines or list(page.find(INDEX_LINE)):
        given = ASSIGNMENT.finditer(page.norm, match.start("rest"), match.end("rest"))
        pairs = [_pair(page, pair) for pair in given]
        if pairs:
            nth = match.groupdict().get("o")
            page.take(*match.span("o" if nth else "i"))
            index = ORDINALS[nth.lower()] - 1 if nth else int(match["i"])
            found.append(TaskEnvironment(index=index, variables=pairs))
    found = found or read_task_table(page)
    if found and min(e.index for e in found) == 1 and 0 not in {e.index for e in found}:
        found = [TaskEnvironment(index=e.index - 1, variables=e.variables) for e in found]
    return found


def by_task(page: Page) -> None:
    """Make one variable with several values the variables of as many tasks, in their order.

    As in "one task for LANG=fr, one for LANG=de": a task begins where a name comes again.
    """
    draft = page.draft
    names = [pair.name for pair in draft.env]
    repeated = {name for name in names if names.count(name) > 1}
    values = {(pair.name, pair.value) for pair in draft.env if pair.name in repeated}
    if page.before is not None or draft.task_envs or len(values) <= len(repeated):
        return
    tasks: list[list[Pair]] = [[]]
    for pair in [pair for pair in draft.env if pair.name in repeated]:
        if pair.name in {p.name for p in tasks[-1]}:
            tasks.append([])
        tasks[-1].append(pair)
    draft.env = [pair for pair in draft.env if pair.name not in repeated]
    draft.task_envs = [TaskEnvironment(index=i, variables=v) for i, v in enumerate(tasks)]


def _pair(page: Page, match: re.Match[str]) -> Pair:
    value = match["v"].strip("\"'")
    return Pair(name=match["k"], value=value, quote=page.take(*match.span()))


def read_pairs(page: Page) -> None:
    """Variables and labels given as NAME=value, NAME to value, or name: value."""
    _assigned(page)
    _set_to(page)
    _with_colon(page)


SETTING = Pattern(
    r"(?:machine_?type|parallelism|task_?count|region|image|memory|cpus?|timeout"
    r"|retries|tasks|count|network|mem|cores|vcpus|spot|subnet)$",
    re.IGNORECASE,
)


def _assigned(page: Page) -> None:
    """NAME=value, as variable or as label."""
    for match in page.find(ASSIGNMENT):
        if SETTING.match(match["k"]) and not match["k"].isupper():
            continue
        if (
            OF_JOB.fullmatch(match["k"])
            and match["k"].islower()
            and _listed_in_capitals(page, match)
        ):
            continue
        cue = _label_cue(page, match.start())
        if not cue and not match["k"].isupper() and TAG_CUE.search(page.headed(match.start())):
            cue = "job"
        clause = page.norm[slice(*page.clause(match.start()))]
        if cue and INTO_ENV.match(page.norm, match.end()):
            cue = ""  # "label it team=red and set MODE=fast in the environment"
        if cue and ENV_CUE.search(clause) and not LABEL_CUE.search(clause):
            cue = ""  # "labelled team=red, pass MODE=fast in the environment"
        if cue == "vm" or (cue == "job" and _on_vms(page, match.end())):
            page.draft.vm_labels.append(_lower(_pair(page, match)))
        elif cue == "job":
            page.draft.job_labels.append(_lower(_pair(page, match)))
        elif match["k"].isupper() or ENV_CUE.search(page.headed(match.start())):
            _variable(page, match)


def _listed_in_capitals(page: Page, match: re.Match[str]) -> bool:
    """Whether a small key follows variables in capitals: "MODE=fast, mem=6G" sets one of them."""
    before = page.left(match.start(), 80)
    return ENV_CUE.search(before) is not None and not LABEL_CUE.search(before)


def _set_to(page: Page) -> None:
    """NAME is value, label name set to value."""
    for match in page.find(SET_TO):
        known = page.before is not None and match["k"] in {p.name for p in page.before.env}
        told = SET_CUE.search(page.left(match.start("k"), 30)) or ENV_CUE.search(
            page.sentence_text(match.start())
        )
        named = "_" in match["k"] and not page.negated(match.start("k"))
        if match["k"] not in NOT_VARIABLE and (known or named or (told and len(match["k"]) > 2)):
            _variable(page, match)
    for match in [*page.find(LABEL_NAMED), *page.find(LABEL_BARE)]:
        if match["k"] in STOP or match["v"] in STOP or {match["k"], match["v"]} & NOT_LABELS:
            continue
        target = page.draft.vm_labels if _on_vms(page, match.end()) else page.draft.job_labels
        target.append(_lower(_pair(page, match)))


def _with_colon(page: Page) -> None:
    """NAME: value, where the sentence speaks of variables or of labels."""
    for match in page.find(ENV_COLON):
        told = ENV_CUE.search(page.sentence_text(match.start())) or ENV_CUE.search(
            page.headed(match.start())
        )
        if told and match["k"] not in NOT_VARIABLE and not _label_cue(page, match.start()):
            _variable(page, match)
    for match in page.find(COLON_PAIR):
        cue = _label_cue(page, match.start())
        if cue and not OF_JOB.fullmatch(match["k"]) and not LABEL_CUE.fullmatch(match["k"]):
            target = page.draft.vm_labels if cue == "vm" else page.draft.job_labels
            target.append(_lower(_pair(page, match)))


# Keys that are settings of the job, so that no list of labels goes on with them.
OF_JOB = Pattern(
    r"job|vms?|label|network|vpc|subnet\w*|region|zone|location|priority|prio|ips?|ip|agent"
    r"|image|args"
    r"|arguments|command|cmd|script|machine|machine-?type|type|memory|ram|cpus?|vcpus?|cores?|gpus?"
    r"|tasks|parallel\w*|concurren\w*|retr\w+|count|preemptible|timeout|spot|provisioning|sa"
    r"|account|disk|boot-?disk"
    r"|bucket|mount|logs?|notif\w*|topic|env|environment|address(?:es)?|keys|node|vm|drivers?",
    re.IGNORECASE,
)


def _variable(page: Page, match: re.Match[str]) -> None:
    pair = _pair(page, match)
    page.draft.env.append(pair)
    page.pairs.append((match.start("k"), pair))


def _lower(pair: Pair) -> Pair:
    """Labels hold lower case only; the service refuses others."""
    return Pair(name=pair.name.lower(), value=pair.value.lower(), quote=pair.quote)


ON_VMS = Pattern(
    r"\s+(?:on )?(?:the |our |all )?(?:vms?|instances|machines|nodes)\b", re.IGNORECASE
)
VM_LIST = Pattern(
    r"\s*(?:[-*] )?(?:the |all )?(?:vms?|machines?|instances?|nodes?)\s*:", re.IGNORECASE
)
WHOSE = Pattern(
    r"\b(?:(?P<j>job)|(?:vms?|instances?|machines?|nodes?))(?:'s)?(?: itself)?(?: with| as"
    r"| gets?)?\s*:?\s*$",
    re.IGNORECASE,
)


def _on_vms(page: Page, end: int) -> bool:
    """Whether the words behind a label put it on the VMs."""
    after = ON_VMS_AFTER.match(page.norm, end)
    return after is not None and not re.search(r"\blabel|=|\bjob\b", after.group(), re.IGNORECASE)


def _label_cue(page: Page, pos: int) -> str:
    """As in "job" or "vm" where the words before a pair speak of labels, else ""."""
    before = page.headed(pos)
    labels = list(LABEL_CUE.finditer(before))
    if not labels:
        return ""
    last = labels[-1]
    whose = WHOSE.search(before[last.end() :])
    if whose is not None:
        return "job" if whose["j"] else "vm"
    between = before[last.end() :]
    if ENV_CUE.search(between) or re.search(r"[.;]\s", between):
        return ""
    after = between[:30]
    of_vms = VM_CUE.search(before[: last.start()]) or ON_VMS.match(after) or VM_LIST.match(before)
    if last.group().lower().endswith("ed"):  # "VMs: e2-small, labelled team=x"
        of_vms = of_vms or re.search(
            r"\b(?:vms?|machines?|nodes?)\b[^.;\n]*$", before[: last.start()], re.I
        )
    of_job = re.search(r"\bjob('s)?\s*$", before[: last.start()], re.I)
    return "vm" if of_vms and not of_job else "job"
