"""Environment, secrets, labels, network, account, notifications, logs and the plain switches."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked, Logs, Notification, Pair, TaskEnvironment
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.vocabulary import words

SECRET = re.compile(r"projects/[\w.:-]+/secrets/[\w-]+(?:/versions/(?:\d+|latest))?")
SECRET_NAMED = re.compile(
    r"\bsecret(?:\s+manager)?(?:\s+(?:secret|called|named"
    r"|is))*\s+[\"']?(?P<s>[A-Za-z][\w-]*\w)[\"']?(?P<r>[^.;\n]{0,60})",
    re.IGNORECASE,
)
VERSION = re.compile(
    r"\bversion\s+(?P<v>\d+|latest)|(?P<l>latest)\s+version|\bv(?P<w>\d+)\b", re.IGNORECASE
)
PROJECT = re.compile(r"\bproject\s+[\"']?(?P<p>[a-z][a-z0-9-]*[a-z0-9])", re.IGNORECASE)
NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b[A-Z]{3,}[A-Z0-9]*\b")
NOT_VARIABLE = frozenset(
    words(
        "JSON YAML NFS GPU GPUS CPU CPUS VM VMS GCS SSD SSH BUT AND NOT ALWAYS DWS MPI API "
        "URL TB GB GIB MIB MB RAM IO SA AI OK TASK FAILED SUCCEEDED BATCH"
    )
)


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
        _secret(page, value, match.start(), match.end(), pairs, loose)
    return pairs, loose


def _secret(
    page: Page, value: str, start: int, end: int, pairs: list[Pair], loose: list[Asked[str]]
) -> None:
    begin, stop = page.sentence(start)
    used = {pair.name for pair in pairs}
    before = [m for m in NAME.finditer(page.norm, begin, start) if m.group() not in NOT_VARIABLE]
    after = [m for m in NAME.finditer(page.norm, end, stop) if m.group() not in NOT_VARIABLE]
    named = [m for m in [*reversed(before), *after] if m.group() not in used]
    if (
        re.search(
            r"\b(?:registry|pull|log ?in|image)\b|\bpassword (?:is|for)\b",
            page.norm[begin:start],
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


ASSIGNMENT = re.compile(
    r"(?<![\w./$-])(?P<k>[A-Za-z_][\w.-]{0,63})\s?=\s?(?P<v>\"[^\"\n]*\"|'[^'\n]*'"
    r"|[^\s,;)\ue000]*[^\s,;).\ue000!?])"
)
TASK_LINE = re.compile(
    r"(?:^|\n|[;,])[ \t*-]*(?:for )?task\s*#?\s*(?P<i>\d{1,3})\s*(?:gets|has|:|->|=>|=|-|is"
    r"|with)+\s*(?P<rest>[^\n;]*)",
    re.IGNORECASE,
)
ENV_CUE = re.compile(r"\b(?:environment|variables?|export)\b", re.IGNORECASE)
LABEL_CUE = re.compile(r"\blabel(?:s|led|led|ing|ling)?\b|\blabelled\b", re.IGNORECASE)
VM_CUE = re.compile(
    r"\b(?:vms?|instances?|machines?|nodes?)\b(?:'s)?[^.;,\n]{0,25}$", re.IGNORECASE
)
SET_TO = re.compile(
    r"\b(?:set|change|bump|put|raise|lower|switch|make"
    r"|turn)?\s*(?:the )?(?:environment )?(?:variable )?(?P<k>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)"
    r"\s+(?:back )?(?:to"
    r"|is|should be|becomes|=)\s+[\"']?(?P<v>[^\s,;\"']*[^\s,;\"'.])",
)
SET_CUE = re.compile(r"\b(?:variable|environment|env|set)\b", re.IGNORECASE)
COLON_PAIR = re.compile(r"(?P<k>[A-Za-z][\w-]{0,62})\s?:\s?(?P<v>[a-z0-9][\w.-]*)(?=[\s,;)]|$)")


def read_task_environments(page: Page) -> list[TaskEnvironment]:
    """Variables that are given for each task of the array."""
    found = []
    for match in page.find(TASK_LINE):
        given = ASSIGNMENT.finditer(page.norm, match.start("rest"), match.end("rest"))
        pairs = [_pair(page, pair) for pair in given]
        if pairs:
            page.take(match.start("i"), match.end("i"))
            found.append(TaskEnvironment(index=int(match["i"]), variables=pairs))
    if found and min(e.index for e in found) == 1 and 0 not in {e.index for e in found}:
        found = [TaskEnvironment(index=e.index - 1, variables=e.variables) for e in found]
    return found


def _pair(page: Page, match: re.Match[str]) -> Pair:
    value = match["v"].strip("\"'")
    return Pair(name=match["k"], value=value, quote=page.take(*match.span()))


def read_pairs(page: Page) -> None:
    """Variables and labels given as NAME=value, NAME to value, or name: value."""
    for match in page.find(ASSIGNMENT):
        if (
            re.match(
                r"(?:machine_?type|parallelism|task_?count|region|image|memory|cpus?|timeout"
                r"|retries|tasks|count)$",
                match["k"],
                re.I,
            )
            and not match["k"].isupper()
        ):
            continue
        cue = _label_cue(page, match.start())
        if cue == "vm":
            page.draft.vm_labels.append(_lower(_pair(page, match)))
        elif cue == "job":
            page.draft.job_labels.append(_lower(_pair(page, match)))
        elif match["k"].isupper() or ENV_CUE.search(_before(page, match.start())):
            page.draft.env.append(_pair(page, match))
    for match in page.find(SET_TO):
        known = page.before is not None and match["k"] in {p.name for p in page.before.env}
        told = SET_CUE.search(page.left(match.start("k"), 30)) is not None
        if match["k"] not in NOT_VARIABLE and (known or (told and len(match["k"]) > 2)):
            page.draft.env.append(_pair(page, match))
    for match in page.find(COLON_PAIR):
        cue = _label_cue(page, match.start())
        if (
            cue
            and not LABEL_CUE.fullmatch(match["k"])
            and match["k"].lower() not in ("job", "vm", "vms", "label")
        ):
            target = page.draft.vm_labels if cue == "vm" else page.draft.job_labels
            target.append(_lower(_pair(page, match)))


def _lower(pair: Pair) -> Pair:
    """Labels hold lower case only; the service refuses others."""
    return Pair(name=pair.name.lower(), value=pair.value.lower(), quote=pair.quote)


def _before(page: Page, pos: int) -> str:
    """The sentence before a place; in a list of NAME=value lines, also the line that heads it."""
    start, _ = page.sentence(pos)
    own = page.norm[start:pos]
    text, back = own, start
    for _ in range(12):
        if back <= 0:
            break
        begin, _ = page.sentence(back - 1)
        line = page.norm[begin:back]
        text = line + text
        if line.rstrip().endswith(":"):
            return text
        if line.strip() and not LISTED.match(line):
            break
        back = begin
    return own


LISTED = re.compile(r"[\s*+-]*[\w.-]+\s?[=:]\s?\S")


ON_VMS = re.compile(
    r"\s+(?:on )?(?:the |our |all )?(?:vms?|instances|machines|nodes)\b", re.IGNORECASE
)
WHOSE = re.compile(
    r"\b(?:(?P<j>job)|(?:vms?|instances?|machines?|nodes?))(?:'s)?(?: itself)?(?: with| as"
    r"| gets?)?\s*:?\s*$",
    re.IGNORECASE,
)


def _label_cue(page: Page, pos: int) -> str:
    """As in "job" or "vm" where the words before a pair speak of labels, else ""."""
    before = _before(page, pos)
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
    of_vms = VM_CUE.search(before[: last.start()]) or ON_VMS.match(after)
    of_job = re.search(r"\bjob('s)?\s*$", before[: last.start()], re.I)
    return "vm" if of_vms and not of_job else "job"


EMAIL = re.compile(r"(?<![\w.])[\w.-]+@[\w.-]+\.gserviceaccount\.com")


def read_account(page: Page) -> Asked[str] | None:
    """The service account of the VMs."""
    for match in page.find(EMAIL):
        if not page.negated(match.start()):
            return Asked(value=match.group(), quote=page.take(*match.span()))
        page.take(*match.span())
    return None


NETWORK = re.compile(
    r"(?:https://[\w.]+/compute/v1/)?(?:projects/[\w.:-]+/)?global/networks/[\w-]*\w"
)
SUBNET = re.compile(
    r"(?:https://[\w.]+/compute/v1/)?(?:projects/[\w.:-]+/)?regions/[\w-]+/subnetworks/[\w-]*\w"
)
NETWORK_NAMED = re.compile(
    r"\b(?:vpc|network)(?:\s+(?:network|called|named"
    r"|is))*\s*[:=]?\s*[\"']?(?P<n>[a-z][a-z0-9]*(?:-[a-z0-9]+)+|default)\b(?!\s+tag)",
    re.IGNORECASE,
)
SUBNET_NAMED = re.compile(
    r"\bsub-?net(?:work)?(?:\s+(?:called|named"
    r"|is))*\s*[:=]?\s*[\"']?(?P<n>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)\b",
    re.IGNORECASE,
)
NO_EXTERNAL = re.compile(
    r"\b(?:no|without|not(?: \w+){0,3}|never|non|disable|drop|remove|mustn't have"
    r"|don't (?:give|want|have)[\w ]{0,12})[ -]+(?:any\s+|an?\s+|the\s+)?(?:external|public"
    r"|outside)(?:[ -]*(?:ipv4|ip|internet|network))?(?:s|'s)?(?:[ -]?address(?:es)?)?\b"
    r"|\b(?:private|internal)[ -]?(?:ips?|ip addresses|addresses)(?: only)?\b"
    r"|\binternal[ -]only\b|\bno[_ ]?external[_ ]?ip[\w_]*\b|\bprivate (?:vms?|nodes"
    r"|machines)\b",
    re.IGNORECASE,
)
TAG = re.compile(
    r"\b(?:network|firewall|vm)[ -]?tags?(?:\s+(?:is|are|of|called"
    r"|named))?\s*[:=]?\s*[\"']?(?P<t>[a-z][a-z0-9-]*(?:(?:\s*,\s*"
    r"|\s+and\s+)(?![\w ]+\bvms?\b)[a-z][a-z0-9]*-[a-z0-9-]*)*)",
    re.IGNORECASE,
)


def read_network(page: Page) -> None:
    """Network, subnetwork, external addresses, network tags."""
    for match in page.find(SUBNET):
        page.draft.subnetwork = Asked(value=match.group(), quote=page.take(*match.span()))
    for match in page.find(NETWORK):
        page.draft.network = Asked(value=match.group(), quote=page.take(*match.span()))
    for match in page.find(TAG):
        quote = page.take(*match.span())
        for name in re.split(r"\s*,\s*|\s+and\s+", match["t"]):
            page.draft.tags.append(Asked(value=name.lower(), quote=quote))
    if page.draft.network is None:
        for match in page.find(NETWORK_NAMED):
            if not re.match(r"(?:on|to|is)$", match["n"]):
                page.draft.network = Asked(
                    value=f"global/networks/{match['n']}", quote=page.take(*match.span())
                )
                break
    for match in page.find(NO_EXTERNAL):
        page.draft.no_external_ip = Asked(value=True, quote=page.take(*match.span()))
    _short_subnet(page)


def _short_subnet(page: Page) -> None:
    if page.draft.subnetwork is not None:
        return
    regions = [p.value.split("/")[1] for p in page.draft.locations]
    for match in page.find(SUBNET_NAMED):
        name = match["n"]
        if regions and ("-" in name or re.search(r"called|named|[:=]", match.group(), re.I)):
            region = re.sub(r"(\d)-[a-z]$", r"\1", regions[0])
            value = f"regions/{region}/subnetworks/{name}"
            page.draft.subnetwork = Asked(value=value, quote=page.take(*match.span()))
            return


TOPIC = re.compile(r"projects/[\w.:-]+/topics/[\w.~+%-]*\w")
TOPIC_NAMED = re.compile(
    r"\btopic(?:\s+(?:called|named"
    r"|is))*\s*[:=]?\s*[\"']?(?P<t>[A-Za-z][\w.~+%-]{2,}\w)[\"']?(?P<r>[^.;\n]{0,40})"
    r"|(?<![\w/-])(?P<u>[a-z][\w]*-[\w-]*\w)\s+(?:pub/?sub\s+)?topic\b(?P<q>[^.;\n]{0,40})",
    re.IGNORECASE,
)
TOPIC_WORD = re.compile(r"\bpub ?/? ?-?sub\b|\btopics?\b", re.IGNORECASE)
FAILED = re.compile(
    r"\b(?:fail(?:s|ed|ure|ures|ing)?|crash(?:es|ed)?|breaks?|goes wrong|dies|blows up"
    r"|errors?(?: out)?)\b",
    re.IGNORECASE,
)
SUCCEEDED = re.compile(
    r"\b(?:succeed(?:s|ed)?|success(?:ful|fully)?|succeeds|passes|goes through)\b", re.IGNORECASE
)


def read_notifications(page: Page) -> tuple[list[Notification], str]:
    """Pub/Sub messages on changes of state, and what is missing ("topic", "project" or "")."""
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
    places.sort()
    found: list[Notification] = []
    for i, (start, end, topic) in enumerate(places):
        first = page.sentence(start)[0]
        stop = max(page.sentence(max(end - 1, 0))[1], end)
        after = page.norm[end : min(stop, places[i + 1][0]) if i + 1 < len(places) else stop]
        before = page.norm[max(first, places[i - 1][1]) if i else first : start]
        quote = page.take(start, end)
        if page.negated(start):
            continue
        found += _events(topic, before, after, quote)
    known = page.before is not None and bool(page.before.notifications)
    if not found and not missing and not known:
        for match in page.find(TOPIC_WORD):
            if not page.negated(match.start()):
                missing = "topic"
                sentence = page.sentence_text(match.start())
                found = _events("", sentence, "", page.take(*match.span()))
                break
    return found, missing


def _events(topic: str, before: str, after: str, quote: str) -> list[Notification]:
    words = (
        after
        if re.search(r"\b(?:when|whenever|if|on|once|each|every|for|state|as soon)\b", after, re.I)
        else before + " " + after
    )
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


LOG_PATH = re.compile(
    r"\blogs?\b(?P<w>[^;\n]{0,90}?)(?P<p>/(?:mnt|var|data|logs?|share|scratch|tmp|home"
    r"|opt)/?[\w./-]*\w)",
    re.IGNORECASE,
)
CLOUD_LOGS = re.compile(
    r"\b(?:cloud logging|stackdriver|logs? explorer|cloud_logging)\b", re.IGNORECASE
)
NO_LOGS = re.compile(
    r"\b(?:no logs|without logs|don't (?:keep|store|need|save) (?:any )?logs|no logging"
    r"|logs? (?:off|disabled))\b",
    re.IGNORECASE,
)


def read_logs(page: Page) -> Logs | None:
    """Where the tasks' output goes."""
    for match in page.find(LOG_PATH, free=False):
        words = match["w"]
        if re.search(
            r"\b(?:write|writes|written|under|into|in|to|at|keep|path|go|goes|send|store|end up)\b",
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


PRIORITY = re.compile(
    r"\bpriority\s*(?:is|=|:|of|to|should be|set to|level)*\s*(?P<n>-?\d{1,6})\b", re.IGNORECASE
)
PRIORITY_WORD = re.compile(r"\b(?P<w>highest|top|maximum|lowest)[ -]priority\b", re.IGNORECASE)


def read_priority(page: Page) -> Asked[int] | None:
    """The job's priority, 0 to 99."""
    for match in page.find(PRIORITY):
        return Asked(value=int(match["n"]), quote=page.take(*match.span()))
    for match in page.find(PRIORITY_WORD):
        value = 0 if match["w"].lower() == "lowest" else 99
        return Asked(value=value, quote=page.take(*match.span()))
    return None


SWITCHES = {
    "require_hosts_file": re.compile(r"\bhosts?[ -]?file\b|\brequireHostsFile\b", re.IGNORECASE),
    "permissive_ssh": re.compile(
        r"\b(?:passwordless|permissive|password-less|passphraseless)[ -]?ssh\b"
        r"|\bssh (?:access )?(?:between|among|across)\b|\bpermissiveSsh\b",
        re.IGNORECASE,
    ),
    "run_as_non_root": re.compile(
        r"\bnon-?root\b|\b(?:not|never|without|don't run|no)\b(?: \w+){0,4} (?:as )?root\b"
        r"|\bunprivileged\b|\brunAsNonRoot\b",
        re.IGNORECASE,
    ),
    "install_ops_agent": re.compile(
        r"\bops[ -]?agent\b|\bmonitoring agent\b|\binstallOpsAgent\b", re.IGNORECASE
    ),
    "block_project_ssh_keys": re.compile(
        r"\bproject(?:-wide|wide)?(?: level)?[ -]ssh[ -]keys?\b|\bblockProjectSshKeys\b",
        re.IGNORECASE,
    ),
}
# Switches whose pattern holds its own denial.
SELF_DENIED = ("run_as_non_root", "block_project_ssh_keys")


def read_switches(page: Page) -> None:
    """The yes-or-no fields of the job."""
    for field, pattern in SWITCHES.items():
        for match in page.find(pattern):
            denied = field not in SELF_DENIED and page.negated(match.start())
            quote = page.take(*match.span())
            setattr(page.draft, field, Asked(value=not denied, quote=quote))
            break
