"""Priority and the yes-or-no fields of a job."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern

PRIORITY = Pattern(
    r"\bpriority\s*(?:is|=|:|of|to|should be|set to|level)*\s*(?P<n>-?\d{1,6})\b"
    r"|\bpriority(?: [a-z]+){0,2} ?\((?P<m>\d{1,2})\)",
    re.IGNORECASE,
)
PRIORITY_WORD = Pattern(r"\b(?P<w>highest|top|maximum|lowest)[ -]priority\b", re.IGNORECASE)


def read_priority(page: Page) -> Asked[int] | None:
    """The job's priority, 0 to 99."""
    for match in page.find(PRIORITY):
        return Asked(value=int(match["n"] or match["m"]), quote=page.take(*match.span()))
    for match in page.find(PRIORITY_WORD):
        value = 0 if match["w"].lower() == "lowest" else 99
        return Asked(value=value, quote=page.take(*match.span()))
    return None


SWITCHES = {
    "require_hosts_file": Pattern(r"\bhosts?[ -]?file\b|\brequireHostsFile\b", re.IGNORECASE),
    "permissive_ssh": Pattern(
        r"\bssh[ -](?:trust|equivalence)\b"
        r"|\b(?:passwordless|permissive|pass(?:word|phrase)-?(?:less|free))[ -]?ssh\b"
        r"|\bssh (?:access |keys? |logins? )?(?:between|among|across|(?:from )?(?:node|vm"
        r"|host)s? to)\b"
        r"|\bssh (?:\w+ ){0,3}without (?:a |any )?(?:password|passphrase|prompt)s?\b"
        r"|\b(?:ssh|log in|reach|connect)(?: \w+){0,2} (?:to|into|with) (?:each other"
        r"|1 another|every other"
        r"|the other(?:s| nodes| vms| hosts)?)\b(?: (?:by|over|via) ssh\b)?"
        r"|\bpermissiveSsh\b",
        re.IGNORECASE,
    ),
    "run_as_non_root": Pattern(
        r"\bnon[- ]?root\b|\brootless\b"
        r"|\b(?:not|never|without|\w+n't(?: run| be)?|no|nothing|nobody|none|forbid\w*"
        r"|avoid)\b(?: \w+){0,4}"
        r" (?:as )?root\b(?! (?:disk|volume))|\broot (?:is |user is "
        r"|rights are )?(?:forbidden|not allowed"
        r"|prohibited|banned|out of the question)\b"
        r"|\b(?:unprivileged|non-?privileged|ordinary|normal) user\b|\bunprivileged\b"
        r"|\brunAsNonRoot\b",
        re.IGNORECASE,
    ),
    "install_ops_agent": Pattern(
        r"\bops[ -]?agent\b|\bmonitoring agent\b|\binstallOpsAgent\b", re.IGNORECASE
    ),
    "block_project_ssh_keys": Pattern(
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
