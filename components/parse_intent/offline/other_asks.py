"""What is asked beside or instead of a job: rights, deletions, secrets, a service, an answer."""

from __future__ import annotations

import re

from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

SECRETS = (
    r"(?:secrets?|credentials?|(?:api|access|private|ssh|service account) keys?|tokens?|passwords?"
    r"|env(?:ironment)? variables|key ?files?)"
)
# Secrets that are to be read out and sent somewhere; one that a job needs by its name is none.
EXFILTRATE = Pattern(
    rf"\b(?:read|dump|collect|list|fetch|get|take|grab|gather|copy|export|harvest|steal|extract"
    rf"|find)"
    rf"\b[^.;\n]{{0,20}}\b(?:all|every|any|each)\b[^.;\n]{{0,25}}\b{SECRETS}\b"
    rf"|\b{SECRETS}\b[^.;\n]{{0,60}}\b(?:post|send|upload|e-?mail|publish|forward|curl|exfiltrate"
    r"|leak|paste|submit|ship|transmit) (?:it|them|those|these|everything|the (?:result|output"
    r"|list|values?|contents?)|that)\b"
    rf"|\b(?:post|send|upload|e-?mail|publish|forward|exfiltrate|leak|paste|submit|ship|transmit)"
    rf"\b[^.;\n]{{0,30}}\b(?:the|all|every|my|our|your|its|any)(?: [\w'-]+){{0,3}} {SECRETS}"
    r"(?:'s values?)? (?:to|at|into|on) ",
    re.IGNORECASE,
)
GRANT = Pattern(
    r"\b(?:grant|give|assign|add|make|promote|elevate|hand|bind)\b[^.;\n]{0,60}?"
    r"\b(?:roles?/\w[\w.]*|(?:owner|editor|viewer|admin(?:istrator)?)(?: (?:role|rights?|access"
    r"|perm"
    r"issions?|privileges?))|owner(?=\W*$|\W+(?:of|on|for|in|so|to|at|again)\b|[.;,!)])|admin(?:ist"
    r"rator)?(?=\W*$|\W+(?:of|on|for|in|so|to|at|again)\b|[.;,!)])|iam (?:role|polic"
    r"|permission)\w*)",
    re.IGNORECASE,
)
DESTROY = Pattern(
    r"\b(?:delete|wipe|destroy|erase|purge|nuke)\b[^.;\n]{0,40}?"
    r"(?:\bgs://[\w./-]+|\b(?:buckets?|projects?|databases?|service accounts?|backups?|production"
    r"|prod)\b)",
    re.IGNORECASE,
)
WHOLLY = Pattern(
    r"\b(?:all|every\w*|whole|entire\w*|permanently|contents?|objects?|files|projects?|databases?"
    r"|service accounts?|backups?|prod(?:uction)?)\b",
    re.IGNORECASE,
)
LABELS = Pattern(r"\blabel|\w=\w", re.IGNORECASE)
SERVED = (
    r"(?:web ?(?:sites?|services?|servers?|apps?|applications?|pages?)|(?:rest |public "
    r"|http )?apis?"
    r"|(?:api |https? |public |prediction |inference )?(?:endpoints?|servers?)|load balancers?"
    r"|dashboards?|(?:chat|discord|slack|telegram) ?bots?|kubernetes(?: clusters?)?|k8s"
    r"|gke(?: clust"
    r"ers?)?|(?:spark|hadoop|dataproc|kafka|ray|dask|slurm|redis) clusters?|clusters?|cloud run"
    r"|app engine|cloud functions?|airflow|databases?|cloud sql|postgres\w*|mysql|redis|kafka|vpn"
    r"|wordpress|microservices?|load-balanced \w+|minecraft)"
)
HOST = Pattern(
    r"\b(?:deploy|host|serve|set ?up|spin up|stand up|bring up|create|install|provision|expose"
    r"|publish)\b(?: (?:me|us|up|for me))?(?: (?!(?:jobs?|tasks?|batch|scripts?|that|which|for|from"
    rf"|with|on|to|by|of|inside|against)\b)[\w'-]+){{0,5}}? {SERVED}\b(?! (?:job|task|bucket|script"
    r"|dump|backup|export|logs?|data)s?\b)",
    re.IGNORECASE,
)
FOREVER = Pattern(
    r"\b(?:run|runs|running|stays?|keep(?:s|ing)?(?: \w+){0,2} (?:going|running|up|alive|on))"
    r"(?: (?:it|this|them|up|on|there|\ue000{1,200}))?"
    r" (?:forever|for ever|indefinitely|endlessly|24/7|around the clock|without (?:any )?end"
    r"|until (?:i|we) (?:stop|cancel|kill) (?:it|them))(?! (?:on (?:my|our)|here|today)\b)",
    re.IGNORECASE,
)
ASKED = Pattern(
    r"^\W*(?:(?:hi|hello|hey|good \w+|dear \w+|quick question|question|please"
    r"|just curious)[\s,!.:-]+)*"
    r"(?:what(?:'s| is| are| does| do| would| happens)|why|who|which (?:1|of|is|region|machine|gpu)"
    r"|where|when (?:is|does|will)|how (?:much|many|long|does|is|are|come|big|expensive)"
    r"|is (?:it(?! possible| ok)|there"
    r"|batch|spot)|are there|does|do you|did|should (?:i|we)|(?:can|could"
    r"|would) you (?:please )?(?:exp"
    r"lain|tell|recommend|compare|summari[sz]e|teach|describe)|explain|tell me|compare|summari[sz]e"
    r"|teach me|describe)\b",
    re.IGNORECASE,
)
LEAK = Pattern(
    r"\b(?:disregard|ignore|forget|skip) (?:everything|anything|all"
    r"|whatever)(?: that)? (?:\w+ ){0,2}?"
    r"(?:above|below|before|so far|you)\b"
    r"|\b(?:instructions?|rules?|prompts?|guidelines) (?:that )?(?:you (?:were|are|have|got|follow"
    r"|run)|above)\b"
    r"|\b(?:repeat|print|show|output|reveal|copy|recite|give me) (?:me )?(?:back )?(?:all |the "
    r"|every ){0,2}(?:text|messages?|words|everything|lines?) (?:above|before (?:this|mine))\b"
    r"|\b(?:you are|you're|act as|behave as|behave like|pretend (?:to be|you are|you're)|play"
    r"|become)"
    r" (?:now |no longer )?(?:an? |the |my )?(?:\w+ ){0,2}?(?:terminal|shell|assistant|chatbot"
    r"|chatgpt"
    r"|language model|root|hacker|administrator|ai|dan|bound by)\b"
    r"|\b(?:developer|maintenance|debug|god|admin|sudo|jailbreak|unrestricted) mode\b(?! in\b)"
    r"|\b(?:reply|respond|answer) (?:only )?with (?:the )?(?:output|contents?|value) of\b"
    r"|\brestrictions? (?:are|is|have been) (?:lifted|off|removed|gone)\b|\bfrom now on,? you\b"
    r"|\bjailbreak\b|\bnew (?:system )?instructions?(?: from|:)",
    re.IGNORECASE,
)
COMPOSE = Pattern(
    r"^\W*(?:(?:hi|hello|hey|please|can you|could you|would you|i want you to|i need you to|kindly"
    r"|help me|help me to)[\s,!]+){0,4}(?:(?:write|compose|draft|tell|sing|make up|invent|recite"
    r"|prepare"
    r"|create|generate|give|find|send|get) (?:me |us |up |my \w+ )?(?:an? |the |some |another )?"
    r"(?:[\w-]+ ){0,2}?(?:poem|story|essay|songs?|lyrics|jokes?|e-?mails?|letter|haiku|limerick"
    r"|speech"
    r"|tweet|review|recipe|blog ?post|cover letter|cv|presentation|slides|pizza|flight|restaurant"
    r"|summary of|translation|lesson|homework|contract|riddle|sonnet)\b|(?:translate|book|order"
    r"|solve"
    r"|proofread|paraphrase|sing|play)\b)",
    re.IGNORECASE,
)
ONLY_JOBS = "I only turn descriptions of work into Google Cloud Batch jobs."


def other_asks(page: Page) -> list[str]:
    """Why a turn is refused for what it asks beside a job, or in the place of one."""
    return _leaks(page) or _secrets(page) or _rights(page) or _deletions(page) or _no_batch(page)


def _leaks(page: Page) -> list[str]:
    for match in page.find(LEAK, free=False):
        if not page.negated(match.start()):
            return [
                "I cannot set my rules aside, play something else or show prompts, keys or my "
                f"environment; {ONLY_JOBS}"
            ]
    return []


def _secrets(page: Page) -> list[str]:
    if not EXFILTRATE.search(page.norm):
        return []
    return [
        "I cannot read out secrets, keys or tokens, or send them anywhere; a job can be given one "
        "secret as an environment variable, by its name."
    ]


def _rights(page: Page) -> list[str]:
    drafts = [page.draft, *([page.before] if page.before is not None else [])]
    named = {pair.name for draft in drafts for pair in (*draft.job_labels, *draft.vm_labels)}
    if named & {"owner", "admin", "editor", "viewer"}:
        return []
    for match in page.find(GRANT, free=False):
        if not LABELS.search(match.group()) and not page.negated(match.start()):
            said = " ".join(match.group().split())
            return [f"I cannot grant roles or change permissions (asked was: {said}). {ONLY_JOBS}"]
    return []


def _deletions(page: Page) -> list[str]:
    """Deletions of what is stored; in a later turn "delete the bucket" is about the mount."""
    for match in page.find(DESTROY, free=False):
        if page.negated(match.start()):
            continue
        if page.before is None or WHOLLY.search(match.group()):
            said = " ".join(match.group().split())
            return [f"I cannot delete resources or data (asked was: {said}). {ONLY_JOBS}"]
    return []


def _no_batch(page: Page) -> list[str]:
    """A service that is to stay up, or a question: neither is work that ends."""
    for match in page.find(FOREVER, free=False):
        if not page.negated(match.start()):
            return [
                "A Batch job cannot run without an end: the maximum run time of a task is 14 days. "
                "Something that stays up is a service, e.g. for Cloud Run or a VM."
            ]
    if (
        page.before is not None
        or page.payloads
        or any(s.kind != "barrier" for s in page.draft.steps)
    ):
        return []
    host = next((m for m in page.find(HOST, free=False) if not page.negated(m.start())), None)
    if host is not None:
        return [
            f"A Batch job does work that ends; it cannot {' '.join(host.group().split())}. "
            "Use Cloud Run, GKE or a VM for that."
        ]
    if COMPOSE.match(page.norm):
        return [f"That is not work for a Batch job; {ONLY_JOBS}"]
    asked = ASKED.match(page.norm)
    if asked:
        return [f"I cannot answer questions: {ONLY_JOBS} Tell me what should run."]
    return []
