# ruff: noqa: E501 - a table reads best with one pattern a line
"""Symptoms of a job that waits, and of calls to the service that fail; and wishes.

Texts: batch_rules section 10, dsub#303, nextflow#3061, #4537, #5622, #5778, #6878.
"""

from __future__ import annotations

import re

from components.batch.exit_codes import LOST_VM
from components.batch.rules.task_group import estimated_vms
from components.batch.rules.view import GROUP, POLICY
from components.config.bench import Bench
from components.config.enlarge import ALLOWED, zone_to_region
from components.fix_config.mend_places import places_said
from components.fix_config.mend_steps import retry_codes
from components.fix_config.symptom import Symptom


def fewer_at_once(bench: Bench, found: re.Match[str]) -> None:
    """So few tasks at once that their VMs stay within the quota that the complaint names."""
    named = found.groupdict()
    limit = float(named.get("limit") or 0)
    quota = (named.get("quota") or "").upper()
    view = bench.view
    if limit <= 0:
        return
    if "CPUS" in quota and view.machine is not None:
        vms = int(limit // view.machine.vcpus)
    elif quota in ("IN_USE_ADDRESSES", "INSTANCES") or "GPUS" in quota:
        each = sum(int(a.get("count", 1)) for a in view.accelerators) or 1
        vms = int(limit // (each if "GPUS" in quota else 1))
    else:
        return
    if vms >= 1 and estimated_vms(view) > vms:
        bench.put((*GROUP, "parallelism"), vms * view.tasks_per_vm,
                  f"{vms} VMs fit into the quota {quota} of {limit:g}")  # fmt: skip


def other_zones(bench: Bench, found: re.Match[str]) -> None:
    """Places that the complaint asks for, else any zone of the region."""
    wished = re.search(
        r"(?i)(?:move|use|try|switch|run|go|change)\b.{0,40}\b(?:to|in)\ ?(.{5,60})",
        bench.complaint,
    )
    said = places_said(wished[1]) if wished else []
    held = bench.get(ALLOWED) or []
    if said and said[0] not in held:
        bench.put(ALLOWED, said[:1], "the complaint asks for this place")
        return
    zone_to_region(bench, "one zone has no such machines free; any zone of the region may do")


def stay_on_demand(bench: Bench, found: re.Match[str]) -> None:
    """VMs that are not taken away."""
    if bench.view.is_spot:
        bench.put((*POLICY, "provisioningModel"), "STANDARD", "as the complaint asks for")


def go_spot(bench: Bench, found: re.Match[str]) -> None:
    """Spot VMs, with retries."""
    if bench.view.provisioning == "STANDARD" and not bench.view.template:
        bench.put((*POLICY, "provisioningModel"), "SPOT", "as the complaint asks for")
        retry_codes(bench, LOST_VM, "Spot VMs can be taken away at any time")


_REPORT = (
    "gcloud projects add-iam-policy-binding PROJECT --member=serviceAccount:ACCOUNT "
    "--role=roles/batch.agentReporter; VMs without external address need Private Google Access: "
    "gcloud compute networks subnets update SUBNETWORK --region=REGION "
    "--enable-private-ip-google-access"
)

TABLE: tuple[Symptom, ...] = (
    Symptom("quota", r"\[Quota:\ (\w{1,60}),\ limit:\ 0(?:\.0+)?,|Quota\ '?(\w{1,60})'?\ exceeded\.?\s{1,4}Limit:\ 0(?:\.0+)?\ |quota\b.{0,40}\b(?:is|of|limit:?)\ 0(?:\.0)?\b",
            "The quota \\1\\2 is 0 there, so the job can never start. The job itself may be right.",
            "Ask for the quota (console: IAM & Admin, Quotas), or use another region or machine type."),
    Symptom("quota", r"\[Quota:\ (?P<quota>\w{1,60}),\ limit:\ (?P<limit>[0-9.]{1,12}),",
            "Not enough of the quota \\1 (limit \\2): the job waits until there is.",
            "It starts by itself when quota is free; ask for more in the console under Quotas.",
            change=fewer_at_once),
    Symptom("quota", r"Quota\ '?(?P<quota>\w{1,60})'?\ exceeded\.?\s{1,4}Limit:\ (?P<limit>[0-9.]{1,12})\b",
            "The quota \\1 is used up (limit \\2).",
            "It goes on when quota is free; ask for more in the console under Quotas.",
            change=fewer_at_once),
    Symptom("quota", r"(?P<quota>\w{0,30}CPUS\w{0,30}|IN_USE_ADDRESSES|GPUS_ALL_REGIONS|\w{1,40}_GPUS)\b.{0,60}\blimit\D{0,12}(?P<limit>[0-9.]{1,12})",
            "Not enough of the quota \\1 (limit \\2).",
            "Ask for more in the console under Quotas.", change=fewer_at_once),
    Symptom("quota", r"CODE_GCE_QUOTA_EXCEEDED|QUOTA_EXCEEDED|inadequate\ quotas|quota",
            "A Compute Engine quota is too small for the job; jobs over quota wait, they do not fail at once.",
            "Ask for more in the console under Quotas, lower parallelism, or use another region or machine type."),
    Symptom("stock", r"ZONE_RESOURCE_POOL_EXHAUSTED|does\ not\ have\ enough\ resources|resource\ pool\ exhausted|stock-?\ ?out|(?:no|not\ enough|insufficient|lack\ of)\ (?:capacity|resources|machines|vms)\b|(?:capacity|resources)\b.{0,40}\b(?:unavailable|exhausted|not\ available|insufficient)",
            "No such machines are free in the zone now.",
            "Try another zone, region or machine type, or the other of SPOT and STANDARD: which of them may it be?",
            change=other_zones),
    Symptom("agent", r"no\ VM\ has\ agent\ reporting|agent\ reporting\ correctly|batch\.states\.report|agentReporter",
            "No VM reports to Batch: the service account may not, the network has no way to Google, or the boot image is too old. The job itself may be right.",
            _REPORT, rules=("BD_EOL",)),
    Symptom("stuck", r"(?:stuck|stays?|remains?|hangs?|waits?|forever|never\ (?:starts?|runs?|leaves?)|pending|just\ sits?)\b.{0,80}\b(?:scheduled|queued|pending|state|forever|starts?)|(?:scheduled|queued)\b.{0,60}\b(?:forever|stuck|hours?|days?|never|state)|never\ starts|\bstuck\b|\bhangs?\b",
            "A job stays QUEUED or SCHEDULED when quota or machines are short, when its VMs cannot report (roles of the service account, no way to Google), or when Compute Engine refuses them.",
            "Look at its events: gcloud batch jobs describe ID --location=REGION. The service account needs: "
            + _REPORT,
            rules=("CR_FIT", "MT_KNOWN", "NET_BOTH", "BD_EOL", "ACC_N1"), change=other_zones),
    Symptom("nat", r"(?:no|without)\ external\ ip|Cloud\ NAT|private\ google\ access|cannot\ (?:reach|resolve|connect)|(?:connection|network)\b.{0,40}\b(?:timed\ out|unreachable|refused|timeout)|could\ not\ resolve|temporary\ failure\ in\ name",
            "VMs without an external address reach Google only through Private Google Access, and anything else only through Cloud NAT.",
            "gcloud compute networks subnets update SUBNETWORK --region=REGION --enable-private-ip-google-access; "
            "gcloud compute routers nats create NAT --router=ROUTER --region=REGION --auto-allocate-nat-external-ips --nat-all-subnet-ip-ranges"),
    Symptom("call", r"502\b|bad\ gateway|(?<!temporarily\ )UNAVAILABLE|DEADLINE_?\ ?EXCEEDED|deadline\ exceeded|\b503\b|\b504\b|internal\ error|RESOURCE_EXHAUSTED|\b429\b|rate\ limit|NOT_FOUND",
            "A call to the service failed or took too long; the job is not the cause. Such calls may be repeated: with the same job id none is made twice.",
            "Repeat the call with growing pauses; see whether the job exists: gcloud batch jobs describe ID --location=REGION"),
    Symptom("on-demand", r"(?:use|want|need|switch|change|run)\b.{0,40}(?<![-\w])(?:on[- ]?demand|standard)(?![-\w])|(?:not|no|without|instead\ of)\ (?:on\ |a\ |use\ )?(?:spot|preemptible)",
            "provisioningModel STANDARD asks for VMs that are not taken away.", change=stay_on_demand),
    Symptom("cheap", r"(?:too\ expensive|cheaper|save\ (?:money|cost)|(?:use|want|enable|switch\ to)\b.{0,20}\b(?:spot|preemptible))",
            "Spot VMs cost less and can be taken away.", change=go_spot),
    Symptom("location", r"allowed_?\ ?locations?|(?:wrong|other|another|different)\ (?:region|zone|location)|run\ in\ (?:region|zone)?",
            "allocationPolicy.location.allowedLocations says where VMs may run: regions/REGION or zones/ZONE of the job's region.",
            change=other_zones),
    Symptom("permission", r"(?:permission|required)\ ['\"`]([a-z]{2,40}\.[A-Za-z]{2,60}\.[A-Za-z]{2,60})",
            "The permission \\1 is missing; the text says on what. The job itself may be right.",
            "Which roles hold it stands in the IAM reference of permissions; they go to the account that the text names, else to the job's service account."),
    Symptom("permission", r"(?:not|n't)\ have\ (?:the\ )?(?:required\ )?permission|PERMISSION_?\ ?DENIED|\b403\b|forbidden|(?:missing|lacks?|insufficient|required)\b.{0,20}\bpermissions?|roles?\b.{0,40}\b(?:missing|required|needed)|permissions?\ required",
            "A permission is missing. The job itself may be right.",
            "Submitting needs roles/batch.jobsEditor and roles/iam.serviceAccountUser on the job's service account; the account needs roles/batch.agentReporter, and the roles for what the tasks read and write."),
)  # fmt: skip
