"""What the last lines of a failed task tell of why it failed.

The lines are other people's text: patterns look at one line of bounded length at a time, and no two
unbounded repetitions meet in one. Wordings: glibc's strerror, dash, bash, CPython, the JVM, PyTorch
and CUDA, Docker's and runc's messages, gcsfuse and the Cloud Storage API.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from components.tables.text import brief

Kind = Literal[
    "memory",
    "gpu_memory",
    "disk",
    "image",
    "command",
    "file",
    "module",
    "script",
    "permission",
    "network",
    "gpu",
    "processor",
    "rate",
    "program",
]
_LINES = 60  # from the end
_LONGEST = 2_000  # characters of a line that are looked at
_QUOTED = 200


@dataclass(frozen=True)
class Sign:
    r"""What a line is a sign of.

    Attributes:
        kind: what kind of trouble.
        cause: in plain words.
        remedy: what to do, whole sentences.
        line: the line, made visible and cut.
    """

    kind: Kind
    cause: str
    remedy: str
    line: str


_IMAGE = (
    "Check the image's name and tag. The job's service account needs "
    "roles/artifactregistry.reader to pull from Artifact Registry."
)
_REACH = (
    "VMs without an external IP address reach Google through Private Google Access only, and "
    "anything else through Cloud NAT."
)

# Kind, pattern, cause, remedy; \1 stands for what the pattern found. The first that matches counts.
_TABLE: tuple[tuple[Kind, str, str, str], ...] = (
    (
        "gpu_memory",
        r"CUDA (?:error: )?out of memory|CUDA_ERROR_OUT_OF_MEMORY|"
        r"torch(?:\.cuda)?\.OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED",
        "the memory of the GPU was used up",
        "Use smaller batches, or a GPU with more memory (policy.accelerators or machineType).",
    ),
    (
        "memory",
        r"\bMemoryError\b|std::bad_alloc|java\.lang\.OutOfMemoryError|"
        r"Cannot allocate memory|Out of memory: Killed process|oom-kill|"
        r"memory cgroup out of memory|JavaScript heap out of memory|runtime: out of memory",
        "the task ran out of memory",
        "Raise computeResource.memoryMib, take a machine type with more memory, or run fewer tasks "
        "on a VM (taskCountPerNode).",
    ),
    (
        "memory",
        r"(?:^|:\s{0,3}(?:line )?\d{1,6}:\s{1,4}\d{1,8}\s{1,4})Killed\b",
        "the task was killed, mostly for lack of memory",
        "Raise computeResource.memoryMib, take a machine type with more memory, or run fewer tasks "
        "on a VM (taskCountPerNode).",
    ),
    (
        "disk",
        r"No space left on device|\bENOSPC\b|Disk quota exceeded",
        "a disk was full",
        "Raise bootDisk.sizeGb, on which images, packages and /tmp lie, or that of the disk that "
        "the task writes to.",
    ),
    (
        "processor",
        r"exec format error",
        "the program is built for another processor",
        "Use an image or a binary for the machine's processor: arm64 for C4A and T2A, else amd64.",
    ),
    (
        "image",
        r"manifest unknown|manifest for (\S{1,200}) not found|pull access denied for (\S{1,200}?),|"
        r"Unable to find image '([^']{1,200})'|failed to resolve reference|"
        r"artifactregistry\.repositories\.downloadArtifacts|"
        r"repository \S{1,200} not found: does not",
        r"the container image \1\2\3 could not be pulled",
        _IMAGE,
    ),
    (
        "image",
        r"toomanyrequests|You have reached your (?:unauthenticated )?pull rate limit",
        "Docker Hub allows no more pulls from here now",
        "Keep the image in Artifact Registry, or pull it from mirror.gcr.io.",
    ),
    (
        "gpu",
        r"could not select device driver|Found no NVIDIA driver|libcuda\.so(?:\.1)?: cannot open|"
        r"NVIDIA-SMI has failed|CUDA driver version is insufficient|no CUDA-capable device",
        "the program found no GPU that it can use",
        "Set policy.accelerators (or a machine type with GPUs) and installGpuDrivers.",
    ),
    (
        "module",
        r"ModuleNotFoundError: No module named '?([\w.]{1,100})|"
        r"ImportError: No module named ([\w.]{1,100})|Error: Cannot find module '([^']{1,100})'",
        r"the module \1\2\3 is not installed where the task runs",
        "Install it in the image, or in the script before it is needed.",
    ),
    (
        "script",
        r"\[\[: not found|Bad substitution|Syntax error: \"\(\" unexpected|"
        r"Illegal option -o pipefail|source: not found",
        "the script is written for bash and was run by /bin/sh",
        "Make #!/bin/bash the script's first line.",
    ),
    (
        "command",
        r'exec: "([^"]{1,200})": (?:executable file not found|stat \S{1,200}: no such file)',
        r"the container has no program \1",
        "Check entrypoint and commands against the image; a shell line needs the entrypoint "
        "/bin/sh and commands that begin with -c.",
    ),
    (
        "command",
        r"(?:(?:^|[:\s])([\w@%+=.,/-]{1,200}))?: (?:command )?not found\s{0,3}$",
        r"the command \1 was not found",
        "Check the spelling and the PATH; batch-debian has python3 and no python. Other programs "
        "belong into a container image.",
    ),
    (
        "script",
        r"(?:^|[:\s])(\w{1,100}): (?:unbound variable|parameter not set)",
        r"the script uses the variable \1, which is not set",
        "Set it in environment.variables, or in the script.",
    ),
    (
        "permission",
        r"does not have ((?:storage|bigquery)\.[\w.]{1,80}) access",
        r"the job's service account lacks the permission \1",
        "Grant it a role that has it, such as roles/storage.objectUser on the bucket.",
    ),
    (
        "permission",
        r"AccessDeniedException: 403|HttpError 403|\b403 Forbidden\b|PERMISSION_DENIED|"
        r"PermissionDenied: 403|google\.api_core\.exceptions\.Forbidden",
        "a service of Google or of others denied access",
        "Grant the job's service account (allocationPolicy.serviceAccount) the missing role.",
    ),
    (
        "rate",
        r"\b429 Too Many Requests\b|rateLimitExceeded|RESOURCE_EXHAUSTED|Quota exceeded for",
        "a service answered that it is called too often",
        "Run fewer tasks at once (parallelism), and wait between calls.",
    ),
    (
        "network",
        r"Could not resolve host:? (\S{1,200})|Temporary failure in name resolution|"
        r"Name or service not known|Network is unreachable|"
        r"(?:connect|Connection)\b.{0,60} timed out|No route to host",
        r"the task reached no network, or not the host that it wanted \1",
        _REACH,
    ),
    (
        "file",
        r"Read-only file system",
        "the task wrote to a place that can only be read",
        "On Container-Optimized OS only /mnt/disks, /var and /tmp can be written; an existing "
        "disk is mounted read-only.",
    ),
    (
        "permission",
        r"(?:^|[:\s'])([\w@%+=.,/-]{1,200})'?: Permission denied|"
        r"Permission denied: '([^']{1,200})'",
        r"access to \1\2 was denied",
        "Make a script executable or name its interpreter (`bash FILE`): files on a mounted bucket "
        "have no right to run.",
    ),
    (
        "file",
        r"No such file or directory: '([^']{1,200})'|"
        r"(?:^|[:\s'])([\w@%+=.,/-]{1,200})'?: No such file or directory|"
        r"can't open file '([^']{1,200})'",
        r"there is no file \1\2\3 where the task looks",
        "It has to lie in the image or on a mounted volume; a container with volumes of its own "
        "gets no others.",
    ),
    (
        "program",
        r"^(?:\w{1,60}\.){0,6}\w{0,60}(?:Error|Exception|Interrupt)(?::|$)|"
        r"^(?:panic|fatal error): |^(?:FATAL|ERROR|Error|error|fatal)\b[:\s]|"
        r"assertion failed|Assertion .{0,200} failed",
        "the program says so itself",
        "The line is the program's own; what it means stands in its code or documentation.",
    ),
)  # fmt: skip
_PATTERNS = tuple(
    (kind, re.compile(pattern), cause, remedy) for kind, pattern, cause, remedy in _TABLE
)
# Words of a trouble that stand above the line that ends the program, and say more than that does.
_WEAK = frozenset({"program"})


def sign_in(tail: str) -> Sign | None:
    """What the last lines tell; None where they tell nothing that is known.

    The last line that tells counts, as programs end with it; one with the program's own words
    alone yields to one above it that is known by name.

    Args:
        tail: the last lines that a task printed, the oldest first.
    """
    weak: Sign | None = None
    for line in reversed(tail.splitlines()[-_LINES:]):
        sign = sign_of(line)
        if sign is None:
            continue
        if sign.kind not in _WEAK:
            return sign
        weak = weak or sign
    return weak


def sign_of(line: str) -> Sign | None:
    """What one line tells."""
    looked_at = line[:_LONGEST].strip()
    for kind, pattern, cause, remedy in _PATTERNS:
        found = pattern.search(looked_at)
        if found:
            return Sign(kind, _filled(cause, found), _filled(remedy, found), brief(line, _QUOTED))
    return None


def _filled(text: str, found: re.Match[str]) -> str:
    for number, value in enumerate(found.groups(), start=1):
        text = text.replace(f"\\{number}", brief(value or "", 120))
    return " ".join(text.split())
