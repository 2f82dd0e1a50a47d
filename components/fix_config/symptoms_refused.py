# ruff: noqa: E501 - a table reads best with one pattern a line
"""Symptoms of a job that is refused when it is created, or by Compute Engine.

Texts: batch_rules sections 5 and 10 (Troubleshooting page), nextflow#3051, cromwell#7781, dsub#312,
dsub#301, diviner524/intent-2-batch, and the answers of our own emulator.
"""

from __future__ import annotations

import re

from components.batch.findings import Path
from components.batch.locations import job_region
from components.batch.machines import families
from components.batch.rules.view import ALLOCATION, POLICY, SPEC
from components.config.bench import Bench
from components.config.enlarge import ALLOWED, zone_to_region
from components.fix_config.mend_places import INTERFACES
from components.fix_config.symptom import Symptom

GRANT_ACT_AS = (
    "Whoever submits needs it: gcloud iam service-accounts add-iam-policy-binding {account} "
    "--member=user:YOUR_EMAIL --role=roles/iam.serviceAccountUser"
)
GRANT_SUBMIT = (
    "gcloud projects add-iam-policy-binding PROJECT --member=user:YOUR_EMAIL "
    "--role=roles/batch.jobsEditor, and roles/iam.serviceAccountUser on the job's service account."
)


def existing_disks_read_only(bench: Bench, _: re.Match[str]) -> None:
    """Every volume of an existing disk is mounted read-only."""
    names = {d.get("deviceName") for d in bench.view.disks if "existingDisk" in d}
    for index, volume in enumerate(bench.view.volumes):
        options = [w for o in volume.get("mountOptions", []) for w in o.split(",")]
        if volume.get("deviceName") in names and "ro" not in options:
            kept = [word for word in options if word != "rw"]
            bench.put((*SPEC, "volumes", index, "mountOptions"), ["ro", *kept],
                      "an existing disk can be mounted read-only only", certain=True)  # fmt: skip


def no_address(bench: Bench, _: re.Match[str]) -> None:
    """No external addresses, on the network that the job names or the default one."""
    interfaces = bench.get(INTERFACES) or [{}]
    for index in range(len(interfaces)):
        where = (*INTERFACES, index)
        bench.put((*where, "noExternalIpAddress"), True,
                  "external IP addresses are forbidden here", certain=True)  # fmt: skip
    both_networks(bench, _)


def both_networks(bench: Bench, _: re.Match[str]) -> None:
    """Network and subnetwork beside noExternalIpAddress, the default ones where none is named."""
    region = job_region(bench.view.job)
    for index, interface in enumerate(bench.get(INTERFACES) or []):
        if not isinstance(interface, dict):
            continue
        where = (*INTERFACES, index)
        network = str(bench.get((*where, "network"), "") or "")
        subnetwork = str(bench.get((*where, "subnetwork"), "") or "")
        name = (network or subnetwork or "default").rsplit("/", 1)[-1]
        reason = "network and subnetwork have to be given with noExternalIpAddress"
        if not network:
            bench.put(
                (*where, "network"), f"global/networks/{name}", f"{reason}; {name} is assumed"
            )
        if not subnetwork:
            bench.put((*where, "subnetwork"), f"regions/{region}/subnetworks/{name}",
                      f"{reason}; {name} is assumed")  # fmt: skip


def other_zone_of_region(bench: Bench, _: re.Match[str]) -> None:
    """Any zone of the region for a machine type that exists, unless a reservation names the zone."""
    reserved = bench.view.policy.get("reservation", "NO_RESERVATION") != "NO_RESERVATION"
    if bench.view.machine is not None and not reserved:
        zone_to_region(bench, "not every zone of a region offers each machine type")


def one_network(bench: Bench, _: re.Match[str]) -> None:
    """The template's network, or the first of the job's."""
    if bench.view.template:
        bench.drop((*ALLOCATION, "network"), "the instance template has a network already")
    elif len(bench.get(INTERFACES) or []) > 1:
        bench.put(INTERFACES, bench.get(INTERFACES)[:1], "each interface needs its own network")


def account_of_template(bench: Bench, _: re.Match[str]) -> None:
    """The service account of the template counts."""
    if bench.view.template:
        bench.drop((*ALLOCATION, "serviceAccount"), "the template names a service account already")


def disks_for_machine(bench: Bench, found: re.Match[str]) -> None:
    """Disk types that the machine's series takes."""
    machine = bench.view.machine
    family = families().get(machine.family) if machine else None
    if machine is None or family is None:
        return
    safe = family.safe_boot_disk_type.split(" ")[0]
    only_hyper = safe.startswith("hyperdisk")
    wrong = ("pd-",) if only_hyper else ("pd-standard",) if machine.family in _NO_STANDARD else ()
    reason = f"{machine.name} does not take this disk type"
    boot = str(bench.view.boot_disk.get("type", ""))
    if wrong and (boot.startswith(wrong) or (not boot and bench.view.boot_disk)):
        bench.put((*POLICY, "bootDisk", "type"), safe, reason)
    for index, disk in enumerate(bench.view.disks):
        kind = str(disk.get("newDisk", {}).get("type", ""))
        if wrong and kind.startswith(wrong):
            bench.put((*POLICY, "disks", index, "newDisk", "type"), safe, reason)


_NO_STANDARD = ("c3", "c3d", "h3", "m3", "g2", "a3")


def disk_size_of_image(bench: Bench, found: re.Match[str]) -> None:
    """A boot disk as large as the image says."""
    said = next((int(n) for n in re.findall(r"([0-9]{1,5})\s?(?:GB|GiB)", found.string, re.I)
                 if int(n) > int(bench.view.boot_disk.get("sizeGb", 0))), 50)  # fmt: skip
    bench.put((*POLICY, "bootDisk", "sizeGb"), max(said, 30),
              f"the boot disk has to hold its image ({said} GB)")  # fmt: skip


def place_wanted(bench: Bench, found: re.Match[str]) -> None:
    """The allowed places are those of the region that the answer names."""
    region = found[2] if found.lastindex and found.lastindex > 1 else ""
    if region and re.fullmatch(r"[a-z]+-[a-z]+[0-9]{1,2}", region or ""):
        bench.put(ALLOWED, [f"regions/{region}"], f"the job is created in {region}")


IMAGE_PATH: Path = (*POLICY, "bootDisk", "image")


def current_image(bench: Bench, _: re.Match[str]) -> None:
    """Batch's image of today in place of a dated one."""
    image = str(bench.view.boot_disk.get("image", ""))
    if "batch-" in image and re.search(r"batch-custom-image|batch-(?:debian|cos|hpc)", image):
        kind = "batch-cos" if "cos" in image else "batch-hpc-rocky" if "hpc" in image else (
            "batch-debian"
        )  # fmt: skip
        bench.put(IMAGE_PATH, kind, "the newest image of Batch in place of a dated one")


TABLE: tuple[Symptom, ...] = (
    Symptom("field", r"Unknown\ name\ \\?\"?([\w.]{1,80})\\?\"?.{0,200}(?:Cannot\ find\ field)?",
            "Batch's v1 API has no field \\1 at that place.",
            rules=("ACC_DRV_OLD", "ENV_DEPRECATED")),
    Symptom("field", r"has\ no\ field\ named\ \\?\"?(\w{1,80})|unrecogni[sz]ed\ (?:field|name|key)|unexpected\ keyword",
            "A field stands where Batch's v1 API has none of that name."),
    Symptom("shape", r"repeated\ field\ (\w{1,80})\ must\ be\ in\ \[\]|Proto\ field\ is\ not\ repeating|cannot\ start\ list|Starting\ an\ object\ on\ a\ scalar|must\ be\ a\ list",
            "A value stands where a list is needed, or the other way round."),
    Symptom("type", r"Invalid\ value\ at\ '([\w.\[\]]{1,200})'|invalid\ literal\ for\ int|Failed\ to\ parse\ (\w{1,80})\ field",
            "A value has not the type that its field has: numbers are written without units, enums in capitals, durations as seconds with an s.",
            rules=("CR_CPU_UNIT",)),
    Symptom("oneof", r"oneof\ field\ '?(\w{1,80})'?\ is\ already\ set|multiple\ oneof|should\ not\ have\ multiple|both\ (?:policy|machine\ ?type)\ and\ (?:instance\ ?)?template|(?:policy|template)\b.{0,60}\bcannot\ (?:both|be\ (?:set|specified)\ together)",
            "Two fields are given of which Batch takes one."),
    Symptom("runnables", r"at\ least\ one\ runnable|runnables?\b.{0,40}\b(?:required|missing|empty|must\ (?:not\ be\ empty|have))|no\ runnables?\b|nothing\ to\ run",
            "The task has nothing to run: taskSpec.runnables needs at least one script or container."),
    Symptom("retries", r"max_?retry_?count\b.{0,60}(?:not\ in\ between|between\ 0\ and\ 10|out\ of\ range|exceed)|OUT_OF_RANGE",
            "maxRetryCount may be 0 to 10."),
    Symptom("existing", r"existing\ (?:pd|persistent\ disk|disk)s?\b.{0,80}\b(?:ro|read[- ]?only)\b|only\ ro\ is\ supported|(?:disk|pd)\b.{0,60}\balready\ (?:being\ )?used\ by|resource_?in_?use_?by_?another",
            "An existing disk can be attached to the VMs of a job read-only only.",
            rules=("VOL_MOUNT_OPT", "DISK_EXIST"), change=existing_disks_read_only),
    Symptom("interface", r"disk_?\ ?interface\b.{0,60}\b(?:NVMe|SCSI)",
            "A disk's interface is NVMe or SCSI."),
    Symptom("regions", r"more\ than\ one\ regions?|(?:multiple|different|several)\ regions",
            "All allowed locations have to lie in one region."),
    Symptom("where", r"allowed_?locations?:?\ ?['\"]?([\w/-]{1,60})['\"]?\ is\ not\ in\ ([a-z]+-[a-z]+[0-9]{1,2})",
            "The allowed location \\1 is not in \\2, where the job is created.",
            "Or submit the job to the region that it names.", change=place_wanted),
    Symptom("where", r"(?:location|region|zone)s?\b.{0,40}['\"`]?([a-z]{2,12}-[a-z0-9-]{2,30})?['\"`]?\ (?:is\ )?(?:not\ (?:supported|valid|found|a\ (?:valid\ )?location)|invalid|does\ not\ exist|unknown)|([a-z]{2}-[a-z0-9]{2,20})\ is\ not\ supported|invalid\ (?:location|region|zone)|unsupported\ (?:location|region)",
            "A place is named that Batch does not serve, or in a form that it does not take: regions/REGION or zones/ZONE.",
            rules=("NET_BOTH",)),
    Symptom("where", r"(?:region|zone)\b.{0,60}\b(?:mismatch|does\ not\ match|must\ (?:match|be\ in)|same\ (?:region|zone)|not\ in\ the\ same)|subnetwork\b.{0,80}\bregion",
            "Job, VMs, disks and subnetwork have to be in one region.",
            rules=("NET_BOTH", "DISK_EXIST", "LOC_ONE_REGION")),
    Symptom("network", r"both\ network\ and\ subnetwork\ have\ to\ be\ specified|network\ and\ subnetwork\b.{0,40}\b(?:required|together)",
            "noExternalIpAddress needs network and subnetwork beside it.", change=both_networks),
    Symptom("network", r"(?:sub)?network(?:\ field)?\ is\ (?:invalid|not\ matching)|not\ matching\ the\ expected\ format:?\ .{0,40}networks",
            "A network is named by its path, such as global/networks/NAME, and a subnetwork as regions/REGION/subnetworks/NAME.",
            rules=("NET_BOTH",)),
    Symptom("network", r"Networks\ must\ be\ distinct\ for\ NICs|network\b.{0,40}\b(?:given|specified)\ twice",
            "The network is given twice: in the instance template and in the job, or on two interfaces.",
            change=one_network),
    Symptom("shared-network", r"compute\.(?:sub)?networks\.use",
            "Batch may not use the subnetwork, which mostly belongs to another project (Shared VPC). The job itself is right.",
            "In the project of the network: gcloud compute networks subnets add-iam-policy-binding SUBNETWORK --region=REGION --member=serviceAccount:service-NUMBER@gcp-sa-cloudbatch.iam.gserviceaccount.com --role=roles/compute.networkUser"),
    Symptom("address", r"no_external_ip_address\ field\ is\ invalid\.?\ VPC|VPC\ Service\ Controls|VPC-?SC",
            "VPC Service Controls forbid external IP addresses for the VMs.",
            "The subnetwork needs Private Google Access: gcloud compute networks subnets update SUBNETWORK --region=REGION --enable-private-ip-google-access",
            change=no_address),
    Symptom("address", r"vmExternalIpAccess|external\ ip\b.{0,60}\b(?:not\ allowed|forbidden|violat|polic|denied)",
            "A policy of the organisation forbids external IP addresses.",
            "The subnetwork needs Private Google Access, and Cloud NAT for anything that is not Google's.",
            change=no_address),
    Symptom("image", r"trustedImageProjects",
            "A policy of the organisation does not trust the project of the VM's image.",
            "Have batch-custom-image added to constraints/compute.trustedImageProjects, or set bootDisk.image to one of a trusted project that holds the Batch agent."),
    Symptom("image", r"images/(?:family/)?[\w-]{1,64}['\"]?\ (?:was\ )?(?:is\ )?not\ found|compute\.images\.useReadOnly",
            "The boot image is not there under that name, or Batch may not use images of its project.",
            "gcloud compute images list --project=PROJECT; an image of another project: roles/compute.imageUser there for service-NUMBER@gcp-sa-cloudbatch.iam.gserviceaccount.com"),
    Symptom("image", r"outdated\ Batch\ (?:agent|image)|image\ version\b.{0,40}\b(?:outdated|old|expired)|(?:image|family)\b.{0,80}\b(?:deprecated|obsolete|no\ longer\ (?:available|supported))",
            "The boot image holds a Batch agent that is too old.",
            "An image of your own has to be built again from a current Batch image.",
            rules=("BD_EOL",), change=current_image),
    Symptom("account", r"CODE_SERVICE_ACCOUNT_MISMATCH|service\ account\b.{0,60}\bmismatch",
            "The instance template names another service account than the job.",
            change=account_of_template),
    Symptom("account", r"(?:act\ as|actAs)\b.{0,40}(?:service\ account:?\ ?)['\"]?([\w.@-]{3,120})?|iam\.serviceAccounts\.actAs|iam\.serviceAccountUser",
            "Whoever submits the job may not act as its service account \\1. The job itself is right.",
            GRANT_ACT_AS.format(account="\\1")),
    Symptom("account", r"service\ account\b.{0,60}\b(?:does\ not\ exist|not\ found|disabled|invalid|deleted)|(?:compute|default)\b.{0,20}\bservice\ account\b.{0,80}\b(?:disabled|permission|instead|still)|service\ account\b.{0,40}\bnot\ passed|custom\ service\ account|service[-_]account\b.{0,60}\b(?:ignored|not\ used|support)",
            "VMs run as allocationPolicy.serviceAccount.email, and as the Compute Engine default account where that is not given.",
            "The account needs roles/batch.agentReporter and roles/logging.logWriter: gcloud projects add-iam-policy-binding PROJECT --member=serviceAccount:ACCOUNT --role=roles/batch.agentReporter"),
    Symptom("api", r"SERVICE_DISABLED|has\ not\ been\ used\ in\ project|API\b.{0,30}\b(?:not\ enabled|is\ disabled)",
            "The Batch API, or one that it needs, is not enabled in the project. The job itself is right.",
            "gcloud services enable batch.googleapis.com compute.googleapis.com logging.googleapis.com"),
    Symptom("exists", r"ALREADY_?\ ?EXISTS|\b409\b|already\ exists",
            "A job of that id exists already in the project and region. The job itself is right.",
            "Submit under another id, or look at the job that is there: gcloud batch jobs describe ID --location=REGION"),
    Symptom("id", r"job[\ _]?(?:id|name)\b.{0,80}\b(?:invalid|match|pattern|must|not\ valid|lower)",
            "A job's id is a lower-case letter, then lower-case letters, digits and -, at most 63. The id stands beside the job, not in it.",
            "For example: gcloud batch jobs submit nightly-run-1 --location=REGION --config=FILE"),
    Symptom("label", r"label\b.{0,80}\b(?:invalid|must|match|lower|not\ (?:valid|allowed)|uppercase|character)",
            "Labels have lower-case letters, digits, - and _ only, at most 63, and keys begin with a letter."),
    Symptom("duration", r"(?:illegal|invalid|bad|wrong)\ duration|duration\b.{0,60}\b(?:format|must\ end|should\ end|invalid|seconds)|max_?run_?duration\b.{0,60}\b(?:invalid|format|pars)|end\ with\ ['\"]?s['\"]?",
            "Durations are seconds with an s, such as 3600s.", rules=("TIMEOUT_SHORT",)),
    Symptom("environments", r"task_?environments?\b.{0,120}\b(?:count|length|match|equal|number|size|200)",
            "taskEnvironments has one entry for each task, and at most 200.", rules=("PAR_UNSET",)),
    Symptom("count", r"parallelism\b.{0,80}\b(?:larger|greater|exceed|more\ than|must|less|not\ in\ between|<=|at\ most)",
            "parallelism may be 1 to 5000, and no more than taskCount.", rules=("PAR_UNSET",)),
    Symptom("count", r"task_?\ ?count\b.{0,80}\b(?:exceed|must|limit|not\ in\ between|larger|greater|at\ most)|too\ many\ tasks",
            "A task group has 1 to 100,000 tasks."),
    Symptom("groups", r"(?:only|exactly)\ one\ task\ ?group|task_?\ ?groups?\b.{0,60}\b(?:one|single|multiple|required|missing)",
            "A job has exactly one task group."),
    Symptom("policy", r"only\ one\ lifecycle|lifecycle_?\ ?polic(?:y|ies)\b.{0,80}\b(?:one|action|exit\ ?codes?|required|missing|invalid|ignored)",
            "A job has at most one lifecycle policy, with an action and the exit codes that it is for.",
            rules=("LP_NO_RETRY", "LP_OPPOSITE")),
    Symptom("order", r"IN_ORDER",
            "IN_ORDER runs one task at a time on one VM."),
    Symptom("mount", r"(?:device_?\ ?name|disk)\b.{0,60}\b(?:is\ the\ name\ of\ no\ disk|not\ (?:found|attached|defined)|does\ not\ (?:exist|match)|no\ such)|volumes?\b.{0,40}\b(?:no\ disk|device)",
            "A volume names a disk that the job does not attach.", rules=("DISK_UNMOUNTED",)),
    Symptom("mount", r"mount_?\ ?path\b.{0,100}\b(?:slash|absolute|invalid|plain|system|must|trailing|duplicate|nested)",
            "A mount path is absolute, its own, and has no / at the end.", rules=("VOL_COS",)),
    Symptom("bucket", r"remote_?\ ?path\b.{0,100}\b(?:must|bucket|invalid)|gs://.{0,100}\b(?:invalid|not\ (?:valid|supported|allowed))|invalid\ bucket\ name",
            "A bucket is named without gs://: BUCKET or BUCKET/FOLDER.", rules=("VOL_GCS",)),
    Symptom("disk", r"(?:\[[\w\ ,-]{1,120}\]\ )features\ are\ not\ compatible|disk[\ _-]?type\b.{0,100}\b(?:not\ (?:supported|compatible)|cannot|incompatible|require|ignore|only|not\ set|instead)|(?:pd-(?:standard|balanced|ssd)|hyperdisk[\w-]{0,20})\b.{0,100}\b(?:not\ (?:supported|compatible)|cannot|incompatible|unable|require|fail)|require\b.{0,30}\bhyperdisk",
            "Machine type and disk type do not go together.",
            rules=("BD_TYPE", "ACC_N1", "ACC_IMPLICIT"), change=disks_for_machine),
    Symptom("disk", r"(?:disk\ size|size)\b.{0,60}\b(?:cannot\ be\ smaller|smaller\ than|less\ than)\b.{0,60}\b(?:image|GB)",
            "The boot disk is smaller than its image.", rules=("BD_SIZE",), change=disk_size_of_image),
    Symptom("ssd", r"local[\ _-]?ssds?\b",
            "Local SSDs come in pieces of 375 GB, as many as the machine type takes; what is on them goes with the VM.",
            rules=("LSSD_SIZE", "LSSD_FIT", "DISK_UNMOUNTED")),
    Symptom("gpu-fit", r"(?:accelerator|(?<![a-z])gpu|nvidia-[\w-]{2,30})\b.{0,100}\b(?:not\ (?:supported|compatible|available\ (?:for|with))|incompatible|cannot\ be\ (?:attached|used)|only\ (?:supported|work)|mismatch|invalid)|guest\ accelerators",
            "GPU and machine type do not go together: T4, P4, V100 and P100 go with N1 machines, A100, H100 and L4 have machines of their own.",
            rules=("ACC_N1", "ACC_IMPLICIT", "ACC_TYPE", "ACC_COUNT", "ACC_DRV")),
    Symptom("zone-machine", r"machine[\ _]?types?\b.{0,120}\b(?:not\ (?:available|found|offered|supported)|does\ not\ exist|unavailable)\ in\ (?:the\ )?(?:zone|region|location)",
            "That zone or region does not offer the machine type, or there is none of that name.",
            "Where it is offered: gcloud compute machine-types list --filter=name=TYPE",
            rules=("MT_KNOWN", "MT_SERIES", "MT_CUSTOM"), change=other_zone_of_region),
    Symptom("machine", r"machine[\ _]?types?\b.{0,100}\b(?:not\ (?:found|exist|supported|valid|available|recogni[sz]ed)|does\ not\ exist|invalid|unknown|unsupported)|invalid\ machine|[a-z][0-9][a-z]?-\*",
            "The machine type is none that Batch can take here.",
            rules=("MT_KNOWN", "MT_SERIES", "MT_CUSTOM", "MT_METAL", "PM_SPOT_TYPE")),
    Symptom("snapshot", r"snapshot", "Batch boots from images, not from snapshots."),
    Symptom("secret", r"secret\b.{0,80}\b(?:version|format|invalid|not\ found|denied|access|manager)",
            "A secret is named as projects/P/secrets/S/versions/V, and the job's service account has to be allowed to read it.",
            "gcloud secrets add-iam-policy-binding SECRET --member=serviceAccount:ACCOUNT --role=roles/secretmanager.secretAccessor"),
    Symptom("topic", r"pub/?sub|topic\b.{0,60}\b(?:invalid|not\ found|publish|permission)|notifications?\b.{0,60}\b(?:not|never|no)\b",
            "A notification needs a topic, projects/P/topics/T, a message with a type, and leave to publish.",
            "gcloud pubsub topics add-iam-policy-binding TOPIC --member=serviceAccount:ACCOUNT --role=roles/pubsub.publisher",
            rules=("NOTIF_MSG",)),
    Symptom("size", r"(?:request|payload|job)\b.{0,40}\b(?:too\ large|exceeds?\ the\ (?:limit|maximum)|larger\ than\ 1)|\b1\ ?MB\b",
            "A job definition is at most 1 MB.",
            "Put scripts and per-task data into Cloud Storage, and read line BATCH_TASK_INDEX of a list there."),
    Symptom("flex", r"FLEX_?START|flex[\ -]start|DWS|max-run-duration\b.{0,60}\btermination\ action",
            "Flexible start takes reservation NO_RESERVATION and at most 7 days; jobs with FLEX_START were seen to fail in scheduling with CODE_GCE_BAD_REQUEST (August 2026).",
            "If it goes on failing, use SPOT or STANDARD.", rules=("PM_FLEX", "TIMEOUT_MAX")),
    Symptom("reservation", r"reservation\b.{0,80}\b(?:required|missing|not\ found|invalid|match|name)",
            "RESERVATION_BOUND needs the name of a reservation whose machine is exactly the job's.",
            rules=("PM_RESBOUND", "RES_FORM")),
    Symptom("syntax", r"(?:Expecting\ |JSONDecodeError|not\ JSON|not\ YAML|(?:json|yaml)\b.{0,40}\b(?:pars|syntax|invalid|error|unexpected)|unexpected\ (?:token|end|character)|while\ parsing|mapping\ values|does\ not\ parse|could\ not\ find\ expected|cannot\ start\ any\ token|unterminated|trailing\ comma)",
            "The file is not JSON or YAML as it stands."),
    Symptom("gce", r"CODE_GCE_BAD_REQUEST|INVALID_FIELD_VALUE|BACKEND_ERROR",
            "Compute Engine refuses the VM's properties: machine type, disks, GPUs or network do not go together.",
            rules=("MT_KNOWN", "MT_METAL", "ACC_DRV_OLD", "NET_BOTH", "LSSD_SIZE", "CR_FIT", "PM_SPOT_TYPE", "PM_NO_ONDEMAND", "PM_FLEX"),
            change=disks_for_machine),
    Symptom("template", r"instance[\ _]?templates?\b",
            "An instance template says all about the VMs: machine, disks, image, network, service account. A job has a policy or a template, and a global one.",
            rules=("TPL_ONLY", "TPL_FORM")),
    Symptom("submit", r"batch\.jobs\.(?:create|get|list|delete)|roles/batch\.jobsEditor|(?:403|PERMISSION_?\ ?DENIED|forbidden)\b.{0,80}\b(?:batch|submit|job)",
            "Whoever submits lacks a permission. The job itself is right.", GRANT_SUBMIT),
)  # fmt: skip
