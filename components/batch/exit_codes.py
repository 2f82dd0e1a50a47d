"""What an exit code of a Batch task means, and what to do about it.

Sources: Batch troubleshooting, "Reserved exit codes" (50000 to 50006); POSIX 2.8.2 and the Bash
manual, "Exit Status" (126, 127, 128+n); `docker run`, "Exit status" (125); sysexits.h is not
followed: hardly any program means it.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

Retry = Literal["yes", "no", "maybe"]

PREEMPTED = 50001
TIMED_OUT = 50005


@dataclass(frozen=True)
class ExitCode:
    """An exit code explained.

    Args:
        code: the code.
        meaning: one phrase, lower case, for a table cell.
        remedy: what to do, whole sentences; empty where nothing need be done.
        retry: whether running the same task again can help.
    """

    code: int
    meaning: str
    remedy: str
    retry: Retry


_LOOK = "Read the last lines of the task's output."
_OWN = (
    f"{_LOOK} The script or program chose this code: its own documentation says what it stands for."
)

# Batch's own codes: troubleshooting#reserved-exit-codes.
_BATCH = {
    50000: ExitCode(
        50000,
        "Batch reports a failure without a more specific reason",
        f"{_LOOK} If there is none, read the agent's log (batch_agent_logs) of the task's VM.",
        "maybe",
    ),
    50001: ExitCode(
        50001,
        "the Spot VM was preempted",
        "Retry it: maxRetryCount with a lifecycle policy for exit code 50001. If it happens again "
        "and again, use provisioningModel STANDARD or another zone or machine type.",
        "yes",
    ),
    50002: ExitCode(
        50002,
        "the VM stopped reporting (crash, host event or out of memory)",
        "Retry it. If it repeats, give the task more memory (computeResource.memoryMib) or run "
        "fewer tasks on a VM (taskCountPerNode).",
        "yes",
    ),
    50003: ExitCode(
        50003,
        "the VM was rebooted while the task ran",
        "Retry it. If it repeats, look for a reboot in the script or a driver installation.",
        "yes",
    ),
    50004: ExitCode(
        50004,
        "the VM and the task stopped responding and could not be cancelled",
        "Retry it. If it repeats, give the task more memory or run fewer tasks on a VM.",
        "yes",
    ),
    50005: ExitCode(
        50005,
        "the task ran longer than it was allowed to",
        "Raise maxRunDuration (or the runnable's timeout), or give each task less to do. The "
        "event does not say which of the two limits was met.",
        "no",
    ),
    50006: ExitCode(
        50006,
        "the VM was recreated while the task ran",
        "Retry it: maxRetryCount with a lifecycle policy for exit code 50006.",
        "yes",
    ),
}

# Codes of lost VMs, not of the program's own faults: another attempt may well succeed.
LOST_VM = tuple(code for code, known in _BATCH.items() if known.retry == "yes")

_KNOWN = {
    0: ExitCode(0, "success", "", "no"),
    1: ExitCode(1, "the program failed (general error)", _LOOK, "maybe"),
    2: ExitCode(
        2,
        "the program failed; shells and many tools mean wrong usage",
        f"{_LOOK} Check the options and arguments of the command.",
        "no",
    ),
    125: ExitCode(
        125,
        "docker run itself failed; the container did not start",
        "Check the image's name and tag, the job's service account may read it "
        "(roles/artifactregistry.reader), and the container's options and volumes.",
        "maybe",
    ),
    126: ExitCode(
        126,
        "the command was found but is not executable",
        "Make the file executable (chmod +x) or name its interpreter; on a mounted bucket, "
        "run it as `bash FILE`. Check that the binary is built for this machine.",
        "no",
    ),
    127: ExitCode(
        127,
        "the command was not found",
        "Check the spelling, the PATH and that the file lies where the task sees it: in the "
        "image, or on a mounted volume.",
        "no",
    ),
    128: ExitCode(128, "the program exited with an invalid code", _LOOK, "maybe"),
    255: ExitCode(
        255,
        "the program failed with a code out of range (-1, or ssh could not connect)",
        _OWN,
        "maybe",
    ),
}

_KILLED = (
    "Mostly the kernel stopped it for lack of memory: raise computeResource.memoryMib, take a "
    "machine type with more memory, or run fewer tasks on a VM (taskCountPerNode)."
)
_CRASHED = f"{_LOOK} The program crashed: check its native libraries and that they fit the machine."
# Signals that tell more than their name; the others are named from the signal table.
_SIGNALS: dict[int, tuple[str, str, Retry]] = {
    1: ("its session ended (SIGHUP)", _LOOK, "maybe"),
    2: ("it was interrupted (SIGINT)", "Something sent an interrupt; retry it.", "yes"),
    4: (
        "illegal instruction (SIGILL)",
        "The program is built for another processor: use a build for this machine, or set a "
        "machine type or minCpuPlatform that has the instructions.",
        "no",
    ),
    6: ("it aborted itself (SIGABRT)", f"{_LOOK} An assertion or an allocation failed.", "maybe"),
    7: ("bus error (SIGBUS)", f"{_LOOK} A full /dev/shm or a truncated mapped file.", "maybe"),
    8: ("arithmetic error such as a division by zero (SIGFPE)", _LOOK, "no"),
    9: ("it was killed (SIGKILL), mostly for lack of memory", _KILLED, "maybe"),
    11: ("segmentation fault (SIGSEGV)", _CRASHED, "maybe"),
    13: ("its reader went away (SIGPIPE)", f"{_LOOK} A pipe such as `… | head` ended.", "no"),
    15: (
        "it was told to stop (SIGTERM)",
        "The job was cancelled, or the VM was going away; retry it if nobody cancelled.",
        "yes",
    ),
    24: ("it used up its processor time (SIGXCPU)", "A ulimit of the script or image.", "no"),
    25: ("it wrote a file over the size limit (SIGXFSZ)", "A ulimit or a full disk.", "no"),
}
_LAST_SIGNAL = 64


def explain(code: int) -> ExitCode:
    """What the code means. Total: every integer gets an answer.

    Args:
        code: exit code of a task, as Batch reports it.
    """
    known = _KNOWN.get(code) or _BATCH.get(code)
    if known:
        return known
    if 128 < code <= 128 + _LAST_SIGNAL:
        return _by_signal(code)
    if 0 < code < 256:
        return ExitCode(code, "the program failed with a code of its own", _OWN, "maybe")
    if 50000 <= code < 51000:
        return ExitCode(
            code,
            "a code of Batch that is newer than this program",
            "Look it up among the reserved exit codes in Batch's troubleshooting page.",
            "maybe",
        )
    return ExitCode(
        code,
        "not an exit code that a program or Batch gives",
        f"{_LOOK} Codes are 0 to 255, and 50000 to 50006 for Batch itself.",
        "maybe",
    )


def _by_signal(code: int) -> ExitCode:
    number = code - 128
    if number in _SIGNALS:
        meaning, remedy, retry = _SIGNALS[number]
        return ExitCode(code, meaning, remedy, retry)
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return ExitCode(
        code,
        f"ended by {name}, or a code of the program's own",
        _LOOK,
        "maybe",
    )


def unknown() -> ExitCode:
    """For a task that failed and tells no code. `code` is -1."""
    return ExitCode(
        -1,
        "failed, and Batch gives no exit code",
        "Read the task's last event, then the agent's log (batch_agent_logs) of its VM.",
        "maybe",
    )
