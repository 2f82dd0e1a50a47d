# ruff: noqa: E501 - a table reads best with one pattern a line
"""Symptoms of tasks that fail, and of logs and results that are not there.

Texts: batch_rules sections 8 to 10, Docker's and the shells' own words, nextflow#3273, #4225,
batch-samples#21.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.batch.amounts import memory_said, time_said
from components.batch.exit_codes import LOST_VM, PREEMPTED, TIMED_OUT
from components.batch.findings import Path
from components.batch.rules.retries import retries_code
from components.batch.rules.view import GROUP, INSTANCE, POLICY, SPEC
from components.config import enlarge
from components.config.bench import Bench
from components.config.enlarge import MACHINE_TYPE, smallest
from components.fix_config.mend_steps import retry_codes
from components.fix_config.symptom import Symptom

_LOOKED_AT = 100_000


# --- memory, time, disk -----------------------------------------------------------------------


def more_memory(bench: Bench, found: re.Match[str]) -> None:
    """What the complaint says a task needs, else twice as much; the machine follows."""
    if any(change.rule in _ABOUT_MEMORY for change in bench.changes):
        return  # the job asked for more than it could get, and that is mended
    enlarge.more_memory(bench, memory_said(bench.complaint))


_ABOUT_MEMORY = frozenset({"CR_FIT", "PACK_MEM", "TCPN_FIT", "CR_POS"})


def more_time(bench: Bench, found: re.Match[str]) -> None:
    """A longer limit: a quarter more than the time that the complaint says, else twice as long."""
    said = time_said(
        re.sub(r"(?i)time\s?out\s+of\s+\S+\s?\S+|after\s+\S+\s?\S+", "", bench.complaint)
    )
    enlarge.more_time(bench, said)


def more_disk(bench: Bench, found: re.Match[str]) -> None:
    """The disk that is full, by the path in the complaint; else the boot disk."""
    for index, disk in enumerate(bench.view.disks):
        size = int(disk.get("newDisk", {}).get("sizeGb", 0))
        mounts = [
            v.get("mountPath", "") for v in bench.view.volumes
            if v.get("deviceName") == disk.get("deviceName")
        ]  # fmt: skip
        if size and any(mount and mount in bench.complaint for mount in mounts):
            where = (*POLICY, "disks", index, "newDisk", "sizeGb")
            step = 375 if disk["newDisk"].get("type") == "local-ssd" else size
            bench.put(where, size + step, "this disk is full")
            return
    size = int(bench.view.boot_disk.get("sizeGb", 0))
    said = [int(n) for n in re.findall(r"\b([0-9]{2,5})\s?(?:GB|GiB|G)\b", bench.complaint)]
    new = max([2 * size, 100, *(n for n in said if n <= 10_000)])
    bench.put((*POLICY, "bootDisk", "sizeGb"), new,
              "images, packages and /tmp lie on the boot disk, and it is full")  # fmt: skip


# --- lost VMs ---------------------------------------------------------------------------------


def retry_preempted(bench: Bench, found: re.Match[str]) -> None:
    """Retries for lost VMs; on demand where retries are there already or Spot is not wanted."""
    view = bench.view
    refused = re.search(
        r"(?i)must not|cannot (?:be|afford)|on[- ]?demand|guarantee|never be", bench.complaint
    )
    if view.is_spot and refused and not re.search(r"(?i)fall ?back", bench.complaint):
        bench.put((*POLICY, "provisioningModel"), "STANDARD",
                  "the complaint asks for VMs that are not taken away")  # fmt: skip
        return
    if view.retries == 0 or not retries_code(view, PREEMPTED):
        retry_codes(bench, LOST_VM, "a VM that is taken away or lost ends the task; retry it")


def retry_lost(bench: Bench, found: re.Match[str]) -> None:
    """Retries for the codes of lost VMs."""
    retry_codes(bench, LOST_VM, "the VM was lost while the task ran; another try may succeed")


def retry_lost_with_memory(bench: Bench, found: re.Match[str]) -> None:
    """A VM that stopped reporting: retries, and fewer tasks where memory is short."""
    retry_lost(bench, found)
    if re.search(r"(?i)memory|oom|again|always|every time|repeat", bench.complaint):
        more_memory(bench, found)


def shared_memory(bench: Bench, found: re.Match[str]) -> None:
    """Half of a task's memory as /dev/shm, for containers that name no size of their own."""
    half = max(64, int(bench.view.compute.get("memoryMib", 2000)) // 2)
    for path, container in bench.view.containers_at():
        options = str(container.get("options", ""))
        if container.get("enableImageStreaming"):
            continue  # its options are not read
        if "--shm-size" not in options and "--ipc" not in options:
            bench.put((*path, "options"), f"{options} --shm-size={half}m".strip(),
                      "shared memory may take half of what a task asks for")  # fmt: skip


# --- scripts and containers -------------------------------------------------------------------


def _scripts(bench: Bench) -> Iterator[tuple[Path, str]]:
    for path, script in bench.view.scripts_at():
        text = script.get("text")
        if isinstance(text, str):
            yield (*path, "text"), text[:_LOOKED_AT] if len(text) > _LOOKED_AT else text


def run_by_interpreter(bench: Bench, found: re.Match[str]) -> None:
    """A file on a mounted volume is named to its interpreter, as it has no right to run itself."""
    reason = "files on a mounted bucket or share have no right to run; their interpreter reads them"
    for path, script in bench.view.scripts_at():
        file = script.get("path", "")
        if file:
            program = "python3" if file.endswith(".py") else "bash"
            bench.drop((*path, "path"), reason)
            bench.put((*path, "text"), f"{program} {_plain_word(file)}", reason)
    file_run = re.compile(
        r"^(?P<before>[ \t]*(?:exec[ \t]+|sudo[ \t]+)?)(?P<file>(?:\./|/)[\w./${}-]{1,300}\.(?P<kind>sh|py))(?=[ \t\n]|\Z)",
        re.MULTILINE,
    )
    for path, text in _scripts(bench):
        new = file_run.sub(
            lambda m: f"{m['before']}{'python3' if m['kind'] == 'py' else 'bash'} {m['file']}", text
        )
        if len(text) < _LOOKED_AT and not text.startswith("#!/usr/bin/python"):
            bench.put(path, new, reason)


def _plain_word(word: str) -> str:
    return word if re.fullmatch(r"[\w@%+=:,./-]+", word) else "'" + word.replace("'", "'\\''") + "'"


def unix_lines(bench: Bench, found: re.Match[str]) -> None:
    """Lines that end as those of Unix."""
    for path, text in _scripts(bench):
        if len(text) < _LOOKED_AT:
            bench.put(
                path, text.replace("\r\n", "\n"), "lines end with LF alone on Linux", certain=True
            )


def sh_for_bash(bench: Bench, found: re.Match[str]) -> None:
    """An image without bash has sh."""
    for path, container in bench.view.containers_at():
        if container.get("entrypoint") in ("/bin/bash", "bash", "/usr/bin/bash"):
            bench.put((*path, "entrypoint"), "/bin/sh", "the image has no bash")
        commands = container.get("commands", [])
        if commands[:1] in (["/bin/bash"], ["bash"], ["/usr/bin/bash"]):
            bench.put((*path, "commands", 0), "/bin/sh", "the image has no bash")


def plain_variables(bench: Bench, found: re.Match[str]) -> None:
    r"""Variables as the shell reads them: no `\$`, no `$$NAME`, no `$(NAME)` of Kubernetes."""
    reason = "so the shell puts the variable's value there"
    for path, text in [*_scripts(bench), *_commands(bench)]:
        new = re.sub(r"\\+\$(?=\{?[A-Za-z_])", "$", text)
        new = re.sub(r"\$\$(?=\{?[A-Z_][A-Z0-9_]{2,})", "$", new)
        new = re.sub(r"\$\((BATCH_[A-Z_]{3,40})\)", r"${\1}", new)
        new = re.sub(
            r"\{\{\s?\.?(BATCH_[A-Z_]{3,40})\s?\}\}|%(BATCH_[A-Z_]{3,40})%",
            lambda m: f"${{{m[1] or m[2]}}}", new,
        )  # fmt: skip
        new = re.sub(r"\b(?:AWS_BATCH_JOB_ARRAY_INDEX|SLURM_ARRAY_TASK_ID|CLOUD_RUN_TASK_INDEX|"
                     r"JOB_COMPLETION_INDEX|SGE_TASK_ID|BATCH_TASK_ID|TASK_INDEX(?=\b))",
                     "BATCH_TASK_INDEX", new) if "TASK_INDEX=" not in new else new  # fmt: skip
        new = re.sub(
            r"(echo [^'\"\n;|&]{0,200})'([^'\"\n$]{0,200}\$\{?BATCH_[^'\"\n]{0,200})'",
            r'\1"\2"',
            new,
        )
        if len(text) < _LOOKED_AT:
            bench.put(path, new, reason)


def _commands(bench: Bench) -> Iterator[tuple[Path, str]]:
    for path, container in bench.view.containers_at():
        for index, word in enumerate(container.get("commands", [])):
            yield (*path, "commands", index), word


def mount_in_container(bench: Bench, found: re.Match[str]) -> None:
    """A container with volumes of its own also gets those of the task that it names none of."""
    for path, container in bench.view.containers_at():
        own = [str(v) for v in container.get("volumes", [])]
        if not own:
            continue
        missing = [
            f"{mount}:{mount}" for mount in sorted(bench.view.mount_paths)
            if not any(v.split(":")[0].rstrip("/") == mount for v in own)
        ]  # fmt: skip
        if missing:
            bench.put((*path, "volumes"), [*own, *missing],
                      "a container with volumes of its own gets no others")  # fmt: skip


def plain_sleep(bench: Bench, found: re.Match[str]) -> None:
    """`sleep 30 seconds` is `sleep 30`."""
    for path, text in _scripts(bench):
        new = re.sub(r"\bsleep\s+([0-9]{1,7})\s+(?:seconds?|secs?|s)\b", r"sleep \1", text)
        if len(text) < _LOOKED_AT:
            bench.put(path, new, "sleep takes a number, with the unit right behind it or none")


def mirrored_images(bench: Bench, found: re.Match[str]) -> None:
    """Official images of Docker Hub from Google's mirror of it."""
    for path, container in bench.view.containers_at():
        uri = str(container.get("imageUri", ""))
        bare = re.sub(r"\A(?:docker\.io/|index\.docker\.io/)", "", uri)
        if "/" not in bare.removeprefix("library/") and bare:
            bench.put((*path, "imageUri"), f"mirror.gcr.io/library/{bare.removeprefix('library/')}",
                      "Google's mirror of Docker Hub has no limit of pulls")  # fmt: skip


def other_processor(bench: Bench, found: re.Match[str]) -> None:
    """A machine for what is built for x86, where the job has one with Arm processors."""
    machine = bench.view.machine
    if machine is None or machine.arch != "arm64":
        return
    other = smallest(machine.vcpus, machine.memory_gib * 0.95, ("n2", "c3", "n2d", "e2"))
    if other is not None:
        bench.put(MACHINE_TYPE, other.name, f"{machine.name} has Arm processors")


# --- GPUs, logs, order ------------------------------------------------------------------------


def with_gpu(bench: Bench, found: re.Match[str]) -> None:
    """Drivers for the GPU; a GPU where the job asks for none."""
    view = bench.view
    if not view.has_gpu and not view.template:
        if view.machine is not None and view.machine.family != "n1":
            other = smallest(view.machine.vcpus, view.machine.memory_gib * 0.9, ("n1",))
            if other is None:
                return
            bench.put(MACHINE_TYPE, other.name, f"{view.machine_type} takes no GPU")
        bench.put((*POLICY, "accelerators"), [{"type": "nvidia-tesla-t4", "count": 1}],
                  "the job asks for no GPU; one T4 is assumed")  # fmt: skip
    bench.put((*INSTANCE, "installGpuDrivers"), True,
              "without it the VM has a GPU, but no driver", certain=view.has_gpu)  # fmt: skip


def logs_kept(bench: Bench, found: re.Match[str]) -> None:
    """Logs to Cloud Logging, unless they go to a volume."""
    policy = bench.view.job.get("logsPolicy", {})
    if policy.get("destination") in (None, "DESTINATION_UNSPECIFIED"):
        bench.put(("logsPolicy", "destination"), "CLOUD_LOGGING",
                  "without a destination Batch keeps no logs", certain=True)  # fmt: skip


def a_vm_each(bench: Bench, found: re.Match[str]) -> None:
    """One task on a VM, and as many at once as there are."""
    bench.put((*GROUP, "taskCountPerNode"), 1, "each task gets a VM of its own")
    side_by_side(bench, found)


def side_by_side(bench: Bench, found: re.Match[str]) -> None:
    """As many tasks at once as the complaint says, else as there are; at most 5,000."""
    view = bench.view
    if view.group.get("schedulingPolicy") == "IN_ORDER":
        bench.drop((*GROUP, "schedulingPolicy"), "IN_ORDER runs one task after the other")
    said = re.search(
        r"(?i)(?<!only )\b([0-9]{1,4})\b.{0,20}(?:at once|in parallel|at a time|at the same time)",
        bench.complaint,
    )
    most = min(view.task_count, 5000)
    wanted = min(int(said[1]), most) if said and int(said[1]) > 1 else most
    if view.task_count > 1 and int(view.group.get("parallelism", 0)) < wanted:
        bench.put((*GROUP, "parallelism"), wanted, "so many tasks may run at once")


def so_many_retries(bench: Bench, found: re.Match[str]) -> None:
    """The number of retries that the complaint asks for, at most 10."""
    said = next((int(group) for group in found.groups() if group), 0)
    if said:
        bench.put((*SPEC, "maxRetryCount"), min(said, 10), "as the complaint asks for")


def last_step_always(bench: Bench, found: re.Match[str]) -> None:
    """The last step runs also when one before it fails."""
    count = len(bench.view.runnables)
    if count > 1 and "barrier" not in bench.view.runnables[-1]:
        bench.put((*SPEC, "runnables", count - 1, "alwaysRun"), True,
                  "a step after one that failed runs only with alwaysRun")  # fmt: skip


def no_timeout_retry(bench: Bench, found: re.Match[str]) -> None:
    """50005 is not retried."""
    where = (*SPEC, "lifecyclePolicies", 0, "actionCondition", "exitCodes")
    codes = bench.get(where)
    if isinstance(codes, list) and TIMED_OUT in codes:
        kept = [code for code in codes if code != TIMED_OUT]
        bench.put(where, kept, "a task that ran out of time would run out of it again")


TABLE: tuple[Symptom, ...] = (
    Symptom("cuda-memory", r"CUDA\ (?:error:\ )?out\ of\ memory|OutOfMemoryError:\ CUDA|CUBLAS_STATUS_ALLOC",
            "The GPU's own memory is full; memoryMib is the machine's and does not help.",
            "Use smaller batches, or a machine whose GPU has more memory, such as a2-highgpu-1g (40 GB)."),
    Symptom("shared-memory", r"shared\ memory|/dev/shm|shm[-_]size",
            "A container has 64 MB of shared memory (/dev/shm); memoryMib is another thing.",
            change=shared_memory),
    Symptom("memory", r"\b137\b|\bOOM\b|oom[- ]?kill|out\ of\ memory|(?<!pre)\bkilled\b|SIGKILL|cannot\ allocate\ memory|MemoryError|OutOfMemory|std::bad_alloc|java\ heap|heap\ out\ of\ memory|memory\b.{0,60}\b(?:ran\ out|run\ out|insufficient|not\ enough|too\ (?:low|little|small)|exceeded|exhausted|starv)|(?:not\ enough|more|insufficient|low\ on|out\ of|[0-9]{1,9}\ ?G\w{0,9})\ (?:of\ )?(?:memory|ram)\b|(?:raise|increase|bump)\b.{0,40}\b(?:memory|ram)\b",
            "The task ran out of memory (exit code 137 is a kill, mostly for that).",
            rules=("CR_FIT", "PACK_MEM", "TCPN_FIT", "CR_POS", "CR_MISSING_MT"), change=more_memory),
    Symptom("asks-more", r"(?:requests?|requested|asks?|wants?)\b.{0,60}\b(?:more|exceed|larger|bigger)\b.{0,60}\b(?:machine|than|vm|instance)|(?:memory|cpu)\b.{0,80}\b(?:exceeds?|larger\ than|bigger\ than|above|does\ not\ fit|not\ fit)\b",
            "A task asks for more than its machine has.",
            rules=("CR_FIT", "TCPN_FIT", "PACK_MEM", "CR_POS", "CR_CPU_UNIT")),
    Symptom("stopped", r"\b50002\b|no\ longer\ receives\ VM\ updates|stopped\ reporting",
            "The VM stopped reporting to Batch: a crash, an event of its host, or a lack of memory.",
            "If it repeats, the task needs more memory, or fewer tasks a VM.",
            rules=("CR_FIT", "PACK_MEM", "TCPN_FIT", "LP_NO_RETRY"), change=retry_lost_with_memory),
    Symptom("time", r"\b50005\b|maximum\ runtime|max(?:imum)?[\ _]?run[\ _]?duration\b.{0,60}\b(?:exceed|reach|over|hit)|(?:timed?[\ -]?out|ran\ too\ long|takes?\ (?:longer|too\ long|more\ than|about|around|up\ to\ [0-9])|(?:killed|stop(?:s|ped)?|end(?:s|ed)?|cut\ off|terminated|aborted|cancel\w{0,9})\ after\ (?:exactly\ )?(?:an?\ |one\ |[0-9])|failed\ after\ (?:running\ )?(?:for\ )?[0-9.]{1,6}\ ?(?:h\b|hours?|min|days?)|(?:needs?|more)\ (?:more\ )?time|needs?\ (?:about\ |around\ |up\ to\ |roughly\ )?[0-9.]{1,6}\ ?(?:h\b|hours?|min|days?)|time\ limit|longer\ than\ (?:allowed|the))",
            "The task ran longer than maxRunDuration or a step's timeout allows (exit code 50005).",
            "If it hangs rather than works, a longer limit only costs more.",
            rules=("LP_TIMEOUT_RETRY", "TIMEOUT_SHORT", "TIMEOUT_MAX"), change=more_time),
    Symptom("preempted", r"\b50001\b|preempt|spot\b.{0,60}\b(?:taken|reclaim|interrupt|evict|kill|lost|fail|terminat|delete|retr|fall|on[- ]?demand)|(?:taken|reclaimed|evicted)\b.{0,40}\bspot|vms?\b.{0,40}\b(?:disappear|vanish|reclaimed|evicted|taken\ away)",
            "Spot VMs can be taken away at any time (exit code 50001); the task has to be retried.",
            "Batch retries on Spot again and never changes to STANDARD by itself: what must be done is submitted again with provisioningModel STANDARD. A task that succeeded in a retry keeps its earlier 50001 event; trust its state.",
            rules=("LP_NO_RETRY",), change=retry_preempted),
    Symptom("lost", r"\b5000[346]\b|VM\ is\ (?:rebooted|recreated)|tasks?\ cannot\ be\ cancel|VMRecreated|host\ (?:maintenance|error)",
            "The VM was rebooted, recreated or lost while the task ran.",
            rules=("LP_NO_RETRY",), change=retry_lost),
    Symptom("full", r"no\ space\ left|disk\ (?:is\ )?(?:full|quota)|ENOSPC|(?:boot\ )?disk\b.{0,40}\b(?:too\ small|too\ little|bigger|larger|size)|out\ of\ (?:disk|space)|failed\ to\ register\ layer",
            "A disk is full or too small. Images, packages and /tmp lie on the boot disk; data belongs on a disk or bucket of its own.",
            rules=("BD_SIZE", "CR_BOOT_BOTH"), change=more_disk),
    Symptom("shell", r"\[\[:?\ (?:command\ )?not\ found|source:\ not\ found|syntax\ error.{0,60}unexpected|bad\ substitution|pipefail|illegal\ option|declare:\ not|shopt|bashism|\bnot\ (?:run|use|running|using)\b.{0,20}\bbash|bash\b.{0,60}\b(?:syntax|script|feature|instead)",
            "The script has words of bash, and without #!/bin/bash as its very first line /bin/sh runs it.",
            rules=("SCRIPT_SHELL", "SCRIPT_SHEBANG_POS")),
    Symptom("line-ends", r"\\r(?![a-z])|\^M|\bCR\ ?LF\b|carriage\ return|windows\b.{0,20}\bline",
            "The script has the line ends of Windows (CR LF); Linux takes the CR as a letter of the last word.",
            "Save files with LF alone: dos2unix FILE.", change=unix_lines),
    Symptom("no-bash", r"exec:?\ \"?(?:/bin/)?bash\"?:.{0,80}(?:not\ found|no\ such\ file)|bash:\ (?:not\ found|no\ such)|/bin/bash:?\ (?:not\ found|no\ such)|stat\ /bin/bash",
            "The image has no bash.", change=sh_for_bash),
    Symptom("word", r"exec:?\ \"[^\"]{1,80}\ [^\"]{1,200}\":|executable\ file\ not\ found|OCI\ runtime|no\ such\ file\ or\ directory:\ unknown|starting\ container\ process",
            "The container cannot start its program: commands are separate words, and the first is a program of the image.",
            rules=("CTR_CMD_SPLIT", "CTR_ENTRYPOINT", "CTR_EXPAND"), change=sh_for_bash),
    Symptom("executable", r"(?:permission\ denied|not\ executable|\b126\b|cannot\ execute)(?!.{0,80}(?:storage\.|bucket|artifactregistry|iam))",
            "A file is not allowed to run: what lies on a mounted bucket or share has no right to.",
            "In an image of your own: chmod +x the file.", change=run_by_interpreter),
    Symptom("processor", r"exec\ format\ error|wrong\ (?:architecture|platform)|illegal\ instruction|\b132\b|no\ matching\ manifest\ for\ linux/|image's\ platform|(?:built|compiled|image|binary)\b.{0,30}\bfor\ (?:arm|aarch|apple)|(?:arm64|aarch64)\b.{0,40}\b(?:machine|vm|instead|mismatch|not\ (?:run|work|start))",
            "The program or image is built for another processor than the machine's, or the script has no #! line.",
            "Build the image for linux/amd64 (docker build --platform linux/amd64).",
            rules=("MT_ARM", "SCRIPT_SHEBANG_POS"), change=other_processor),
    Symptom("variable", r"(?:literal|unexpanded|not\ (?:expand|replac|substitut|resolv|interpolat)\w*|as\ (?:it\ is\ )?(?:text|written)|instead\ of\ (?:the\ )?(?:index|number|value)|verbatim)|(?:prints?|shows?|outputs?|sees?|got|get)\ .{0,10}\$[\{(\\]?[A-Z]|BATCH_TASK_(?:INDEX|ID|COUNT)\b.{0,80}\b(?:empty|unset|not\ set|undefined|blank|missing|same|unbound)|task\ index\b|\$\$|escap",
            "A variable reaches the program as it is written: no shell reads it, or its $ is escaped.",
            rules=("CTR_EXPAND", "CTR_CMD_SPLIT"), change=plain_variables),
    Symptom("sleep", r"invalid\ time\ interval|sleep:\ ", "sleep takes a number, not words.", change=plain_sleep),
    Symptom("readonly", r"read-?only\ file\ system|mkdir\b.{0,80}\bread-?only|EROFS",
            "A folder is read-only: on Container-Optimized OS, which container-only jobs boot, volumes are mounted below /mnt/disks.",
            rules=("VOL_COS", "VOL_SYS")),
    Symptom("pull-limit", r"toomanyrequests|pull\ rate\ limit|rate\ limit\b.{0,40}\bpull",
            "Docker Hub limits how often images are pulled.",
            "Copy other images to Artifact Registry.", change=mirrored_images),
    Symptom("pull", r"manifest\b.{0,40}\b(?:unknown|not\ found)|pull\ access\ denied|(?:failed|unable|cannot|error|can't|could\ not)\b.{0,30}\bpull|image\b.{0,60}\b(?:not\ found|does\ not\ exist|doesn't\ exist|denied|unauthorized|cannot\ be\ pulled|invalid)|artifactregistry\.repositories|\b125\b|invalid\ reference\ format|repository\ name\ must|(?:registry|docker|image|manifest)\b.{0,80}\bunauthorized|unauthorized:|errimagepull",
            "The container image cannot be pulled: its name or tag is wrong, or the job's service account may not read it.",
            "gcloud artifacts repositories add-iam-policy-binding REPOSITORY --location=REGION --member=serviceAccount:ACCOUNT --role=roles/artifactregistry.reader",
            rules=("CTR_GCR", "CTR_DOCKERHUB_NOIP")),
    Symptom("bucket-iam", r"storage\.(?:objects|buckets)\.\w+|(?:bucket|gcs|storage|gs://)\b.{0,120}\b(?:403|denied|forbidden|permission|unauthorized)",
            "The job's service account may not read or write the bucket. The job itself may be right.",
            "gcloud storage buckets add-iam-policy-binding gs://BUCKET --member=serviceAccount:ACCOUNT --role=roles/storage.objectUser"),
    Symptom("bucket-access", r"(?:bucket|gcs|storage)\b.{0,120}\b(?:not\ (?:exist|found|mounted?|accessible|show)|doesn't\ exist|cannot\ be\ mounted|fail|empty|mount)|gcsfuse|mount(?:ing|s)?\b.{0,80}\b(?:fail|error|not|lack|missing|unable|denied)",
            "A bucket is not mounted or may not be read: it is named without gs://, and the job's service account has to be allowed.",
            "gcloud storage buckets add-iam-policy-binding gs://BUCKET --member=serviceAccount:ACCOUNT --role=roles/storage.objectUser",
            rules=("VOL_GCS", "CTR_VOL", "VOL_COS", "DISK_UNMOUNTED"), change=mount_in_container),
    Symptom("missing", r"no\ such\ file|file\ not\ found|cannot\ (?:find|open|stat)|can't\ (?:find|see|open)|does\ not\ exist\ in\ the\ container|ENOENT",
            "A file is not where the task looks: it has to lie in the image or on a mounted volume, which a container with volumes of its own must name.",
            rules=("CTR_VOL", "SCRIPT_PATH", "CTR_OPT_VOL", "DISK_UNMOUNTED"), change=mount_in_container),
    Symptom("gpu", r"could\ not\ select\ device\ driver|nvidia-smi|libcuda|libnvidia|no\ (?:cuda|nvidia|gpu)|(?:not|n't|cannot|without)\b.{0,30}\b(?:gpus?|cuda)\b|cuda\b.{0,60}\b(?:not|no|unavailable|false|fail|driver|insufficient|error)|unavailable\ gpu|(?<![a-z])gpu\b.{0,80}\b(?:not\ (?:found|visible|detected|available|used|seen|recogni)|driver|missing|idle|unavailable|cannot|can't|no\b)|nvidia\b.{0,60}\b(?:driver|not|fail)|drivers?\b.{0,40}\b(?:gpu|cuda|nvidia|not\ (?:installed|loaded))",
            "The program finds no GPU: the VM has none, or no driver is installed.",
            "Run nvidia-smi in the task to see what is there; the quota for GPUs of a new project is 0.",
            rules=("ACC_DRV", "ACC_DRV_OLD", "ACC_TYPE", "ACC_COUNT", "ACC_N1", "ACC_IMPLICIT"), change=with_gpu),
    Symptom("logs", r"\b(?:no|any|without|missing|empty|find|see|where|lost|disappear\w*)\b.{0,40}\b(?:logs?|output|stdout|stderr)\b|\b(?:logs?|output|stdout|stderr)\b.{0,60}\b(?:empty|missing|not|nowhere|lost|gone|never|nothing|no\b|disappear)",
            "Logs are kept only where logsPolicy has a destination.",
            "To write them, the job's service account needs roles/logging.logWriter.",
            rules=("LOGS_NONE", "LOGS_PATH", "LOGS_EXTRA"), change=logs_kept),
    Symptom("barrier", r"barrier|dead-?lock|wait(?:s|ing)?\ for\ (?:each\ other|all|the\ other)|mpi\b",
            "A barrier waits for all tasks of the job, so all must run at once.",
            rules=("BAR_PAR", "BAR_TIMEOUT", "PAR_UNSET")),
    Symptom("one-vm", r"(?:all|every|same|single|one|only\ one)\b.{0,50}\b(?:on|to)?\ ?(?:the\ same|one|a\ single|same)\ (?:vm|machine|node|instance|host)|only\ (?:one|1|a\ single)\ (?:vm|machine|node|instance)|(?:own|separate|different|dedicated)\ (?:vm|machine|node)",
            "Batch puts as many tasks on a VM as its vCPUs take; taskCountPerNode says how many.",
            rules=("PAR_UNSET", "CR_MISSING_MT"), change=a_vm_each),
    Symptom("parallel", r"(?:one\ (?:at\ a\ time|by\ one|after\ (?:the\ other|another))|sequential|serial(?:ly)?\b(?!\ (?:console|port|log|number))|not\ (?:run\w*\ )?(?:in\ )?parallel|only\ (?:one|1|[0-9]+)\ (?:tasks?|at)\b|at\ the\ same\ time|simultaneous|concurren\w*|at\ once|at\ a\ time|in\ parallel|parallelism)",
            "parallelism says how many tasks run at once.",
            rules=("PAR_UNSET",), change=side_by_side),
    Symptom("false-success", r"(?:succe(?:ss|ed)\w{0,9})\b.{0,80}\b(?:fail|error|although|though|even|but|wrong|crash)|(?:fail|error|crash)\w{0,9}\b.{0,80}\b(?:marked|reported|shown|counted|still|as)\ ?(?:as\ )?succe|failures?\b.{0,40}\b(?:hidden|ignored|not\ (?:seen|detected|reported))",
            "A script's last command decides whether it failed, and ignoreExitStatus hides failures.",
            rules=("SCRIPT_ERREXIT", "RUN_ALL_IGNORE")),
    Symptom("cleanup", r"(?:upload|clean-?up|last|final|copy|second|next)\b.{0,60}\b(?:not\ run|never\ run|skipped|does(?:n't|\ not)\ run|didn't\ run|is\ not\ (?:run|executed))",
            "After a step that failed the later ones do not run, unless they have alwaysRun.",
            rules=("RUN_BG_TIMEOUT",), change=last_step_always),
    Symptom("background", r"background", "A background step is killed when the steps in front have ended.",
            rules=("RUN_BG_TIMEOUT", "RUN_NO_WORK")),
    Symptom("retried", r"(?:retr(?:y|ies|ied)|attempts?)\b.{0,80}\b(?:again|forever|timeout|50005|useless|pointless|cost)",
            "A task that runs out of time, or fails for a reason of its own, fails in the retry too.",
            rules=("LP_TIMEOUT_RETRY",), change=no_timeout_retry),
    Symptom("retry-count", r"\bretr(?:y|ies|ied)\b.{0,40}\b([0-9]{1,2})\ times|\b([0-9]{1,2})\ (?:times\b.{0,20}\bretr|retries|attempts)",
            "maxRetryCount says how often a failed task is run again, 0 to 10.", change=so_many_retries),
    Symptom("no-retry", r"(?:not|no|never|isn't|aren't|without|doesn't|won't|didn't)\b.{0,30}\bretr(?:y|ies|ied)|retr(?:y|ies)\b.{0,60}\b(?:not|never|nothing|work|strateg)",
            "maxRetryCount is 0 unless it is given, and a lifecycle policy retries only the codes that it lists.",
            rules=("LP_NO_RETRY", "LP_OPPOSITE", "SPOT_RETRY")),
    Symptom("disk-attach", r"(?:disk|volume|pd)\b.{0,80}\b(?:not\ (?:mounted|visible|attached|found)|missing|unformatted|raw|lost)|persistent\ disks?|mount\b",
            "A disk of the policy is mounted only where a volume has its deviceName.",
            "An existing disk is named projects/P/zones/Z/disks/D in existingDisk and mounted read-only; the job then has to run in its zone.",
            rules=("DISK_UNMOUNTED", "VOL_MOUNT_OPT", "DISK_EXIST")),
    Symptom("packages", r"apt(?:-get)?:?\ (?:command\ )?not\ found|pip3?:?\ (?:command\ )?not\ found|yum:?\ not",
            "Container-Optimized OS has no package manager.", "Use batch-debian as the boot image, or a container.",
            rules=("BD_SCRIPT_COS",)),
    Symptom("pip", r"externally[- ]managed",
            "Debian's Python takes packages of pip only in an environment of its own.",
            "python3 -m venv /opt/env && /opt/env/bin/pip install NAME; or use a container image that holds them."),
    Symptom("apt-lock", r"(?:dpkg|apt|lists)\b.{0,60}\block|could\ not\ get\ lock|unable\ to\ acquire\ the\ dpkg",
            "Another program of the VM is installing packages at the moment.",
            "Let apt wait for it: apt-get -o DPkg::Lock::Timeout=300 install -y NAME; or use an image that holds the packages."),
    Symptom("not-found", r"\b127\b|command\ not\ found|:\ not\ found",
            "A command was not found: its name, the PATH, or the file is not where the task sees it.",
            "batch-debian has python3 and no python; other programs belong in a container image.",
            rules=("SCRIPT_SHELL", "SCRIPT_PATH", "CTR_CMD_SPLIT")),
    Symptom("crash", r"\b139\b|segmentation\ fault|SIGSEGV",
            "The program crashed (segmentation fault): its native libraries do not fit, or it has a defect.",
            "Read the last lines of the task's output."),
)  # fmt: skip
