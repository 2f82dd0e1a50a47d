"""What people call the fields of a draft, and how far a verb of an edit reaches."""

from __future__ import annotations

import re

from components.parse_intent.offline.pattern import Pattern

# What people call the fields, for dropping and for doubling.
FIELD_WORDS: tuple[tuple[str, str], ...] = (
    ("install_gpu_drivers", r"(?:gpu |nvidia |cuda )?drivers?"),
    ("gpus", r"gpus?|accelerators?|t4s?|l4s?|a100s?|v100s?|p100s?|h100s?|graphics cards?"),
    ("notifications", r"notifications?|(?:pub ?/?sub )?topics?|messages?|alerts?|pub ?/?sub"),
    ("retry_policies", r"(?:retry|lifecycle) polic(?:y|ies)|exit code rules?"),
    ("max_retries", r"retry|retries|retry (?:count|limit)|retrying"),
    ("max_run_s", r"time ?-?limit|timeout|run ?time|time|duration|deadline|walltime|time cap"),
    ("memory_mib", r"memory|ram|mem"),
    ("cpu_milli", r"v?cpus?|v?cores?|processors?"),
    ("boot_disk", r"boot disk(?: size)?"),
    ("disks", r"local ssds?|scratch(?: disk)?|(?:extra |data |persistent )?disks?|ssds?"),
    ("tasks_per_node", r"tasks per (?:vm|node|machine)|packing"),
    (
        "parallelism",
        r"parallelism|concurrency(?: limit)?|parallel limit|parallel tasks|in parallel"
        r"|limit on parallel\w*|(?:limit on )?how many[^.;,\n]{0,20}(?:at once|at a time"
        r"|at the same"
        r" time)",
    ),
    ("in_order", r"order(?:ing)?|sequence"),
    ("task_count", r"tasks?|task count|number of tasks"),
    ("priority", r"priority"),
    ("machine_type", r"machine(?: type)?|machinetype"),
    ("reservation", r"reservation"),
    ("collocated", r"placement|collocation"),
    ("instance_template", r"(?:instance )?template"),
    ("locations", r"regions?|zones?|locations?|location restriction"),
    ("subnetwork", r"sub-?net(?:work)?"),
    ("network", r"network|vpc"),
    ("tags", r"(?:network )?tags?"),
    ("service_account", r"service account"),
    ("machine_series", r"(?:machine )?(?:series|family)"),
    ("min_cpu_platform", r"(?:min(?:imum)? )?cpu platform"),
    ("install_ops_agent", r"ops agent"),
    ("block_project_ssh_keys", r"ssh keys?"),
    ("no_external_ip", r"no external ip"),
    ("run_as_non_root", r"non-root"),
    ("task_envs", r"(?:per-)?task environments?"),
    ("secret_env", r"secrets?"),
    ("env", r"environment(?: variables?)?|variables"),
    ("vm_labels", r"vm labels?"),
    ("job_labels", r"(?:job )?labels?"),
    ("volumes", r"buckets?|volumes?|mounts?|nfs(?: share)?|share"),
    ("provisioning", r"spot|preemptible|provisioning(?: model)?"),
    ("logs", r"logs? (?:path|bucket|policy)|logging"),
)
# A new instruction inside the sentence ends what a verb for dropping reaches.
NEW_VERB = Pattern(
    r"\b(?:and|but|then|,)\s+(?:use|set|make|add|change|switch|put|give|run|bump|move|instead"
    r"|go|keep|let)\b|,\s+(?:in|on|at|with|no|to|\d+)\b|[.;\n]|\bbut\b|\binstead of\b",
    re.IGNORECASE,
)


PATTERNS = tuple(
    (name, Pattern(rf"(?<![\w-])(?:{names})(?![\w-])", re.IGNORECASE))
    for name, names in FIELD_WORDS
)


def fields_in(text: str) -> list[tuple[str, int, int]]:
    """The fields that words name: field, start, end; longer names win."""
    found: list[tuple[str, int, int]] = []
    for name, pattern in PATTERNS:
        for match in pattern.finditer(text):
            if not any(s < match.end() and match.start() < e for _, s, e in found):
                found.append((name, *match.span()))
    return sorted(found, key=lambda f: f[1])
