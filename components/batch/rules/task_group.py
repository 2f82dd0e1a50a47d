"""Rules of the task group: how many tasks, how many at once, in which order, on how many VMs."""

from __future__ import annotations

from collections.abc import Iterator

from components.batch.rules.rule import Problem, RuleSet
from components.batch.rules.view import GROUP, JobView

RULES = RuleSet()

MOST_TASKS = 100_000  # a task group; quotas page
MOST_PARALLEL = 5_000  # a job; quotas page
MOST_ENVIRONMENTS = 200  # guide for basic jobs
MOST_TASKS_A_VM = 20  # guide for creating jobs
MOST_HOSTS = 1_000  # comment of requireHostsFile
MOST_VMS_A_ZONE = 2_000  # quotas page: single-zone jobs
MOST_VMS = 4_000  # quotas page: multi-zone jobs


@RULES.rule("TC_RANGE", "error", "Q, CB")
def task_count(view: JobView) -> Iterator[Problem]:
    """1 to 100,000 tasks."""
    count = view.group.get("taskCount")
    if count is None or 1 <= count <= MOST_TASKS:
        return
    if count < 1:
        fix = "use 1 or more"
    else:
        jobs = -(-count // MOST_TASKS)
        fix = f"make {jobs} jobs, or let each task do several items"
    yield Problem(
        (*GROUP, "taskCount"),
        f"taskCount {count} is out of range; a task group has 1 to {MOST_TASKS} tasks",
        fix,
    )


@RULES.rule("PAR_RANGE", "error", "Q")
def parallelism_range(view: JobView) -> Iterator[Problem]:
    """1 to 5,000 tasks at once."""
    parallel = view.group.get("parallelism")
    if parallel == 0:
        yield Problem(
            (*GROUP, "parallelism"),
            "parallelism 0 is the same as leaving it out",
            "set how many tasks may run at once",
            severity="warning",
        )
    elif parallel is not None and not 1 <= parallel <= MOST_PARALLEL:
        yield Problem(
            (*GROUP, "parallelism"),
            f"parallelism {parallel} is out of range; 1 to {MOST_PARALLEL} tasks run at once",
            f"use {min(MOST_PARALLEL, max(1, parallel))}",
        )


@RULES.rule("PAR_GT_TC", "error", "CB")
def parallelism_over_count(view: JobView) -> Iterator[Problem]:
    """No more tasks at once than there are."""
    parallel = view.group.get("parallelism", 1)
    if parallel > view.task_count >= 1:
        yield Problem(
            (*GROUP, "parallelism"),
            f"parallelism {parallel} is more than taskCount {view.task_count}",
            f"use {view.task_count}",
        )


@RULES.rule("PAR_UNSET", "warning", "CB, P")
def parallelism_unset(view: JobView) -> Iterator[Problem]:
    """How many tasks run at once is better said."""
    in_order = view.group.get("schedulingPolicy") == "IN_ORDER"
    if "parallelism" not in view.group and view.task_count > 1 and not in_order:
        yield Problem(
            (*GROUP, "parallelism"),
            f"{view.task_count} tasks and no parallelism: the guide says that one runs at a time, "
            "the API's reference says as many as fit",
            f"set parallelism, for example to {min(view.task_count, MOST_PARALLEL)}",
        )


@RULES.rule("PAR_INORDER", "error", "P, CJ")
def in_order(view: JobView) -> Iterator[Problem]:
    """IN_ORDER runs one task at a time."""
    parallel = view.group.get("parallelism", 1)
    if view.group.get("schedulingPolicy") == "IN_ORDER" and parallel > 1:
        yield Problem(
            (*GROUP, "parallelism"),
            f"schedulingPolicy IN_ORDER runs one task at a time; parallelism is {parallel}",
            "set parallelism to 1, or schedulingPolicy to AS_SOON_AS_POSSIBLE",
        )


@RULES.rule("TENV_COUNT", "error", "CB, P")
def task_environments_count(view: JobView) -> Iterator[Problem]:
    """One environment for each task."""
    count = len(view.group.get("taskEnvironments", ()))
    tasks = view.group.get("taskCount")
    if count and tasks is not None and tasks != count:
        yield Problem(
            (*GROUP, "taskEnvironments"),
            f"{count} taskEnvironments but taskCount {tasks}; there must be one for each task",
            f"set taskCount to {count}, or give {tasks} environments",
        )


@RULES.rule("TENV_MAX", "error", "CB")
def task_environments_max(view: JobView) -> Iterator[Problem]:
    """At most 200 environments."""
    count = len(view.group.get("taskEnvironments", ()))
    if count > MOST_ENVIRONMENTS:
        yield Problem(
            (*GROUP, "taskEnvironments"),
            f"{count} taskEnvironments; the limit is {MOST_ENVIRONMENTS}",
            "put the values in a file in Cloud Storage and read line BATCH_TASK_INDEX of it",
        )


@RULES.rule("TCPN_RANGE", "error", "CJ")
def tasks_a_vm(view: JobView) -> Iterator[Problem]:
    """At least 1 task a VM, and not many more than 20."""
    count = view.group.get("taskCountPerNode")
    if count is None:
        return
    where = (*GROUP, "taskCountPerNode")
    if count < 1:
        yield Problem(
            where, f"taskCountPerNode {count} is out of range; at least 1 is needed", "use 1"
        )
    elif count > MOST_TASKS_A_VM:
        yield Problem(
            where,
            f"taskCountPerNode {count} is more than the documented {MOST_TASKS_A_VM}",
            f"use {MOST_TASKS_A_VM} or less",
            severity="warning",
        )
    elif count > view.group.get("parallelism", count) > 0:
        parallel = view.group["parallelism"]
        yield Problem(
            where,
            f"taskCountPerNode {count} is more than parallelism {parallel}, so no VM ever gets "
            f"{count} tasks",
            f"use {parallel} or less",
            severity="warning",
        )


@RULES.rule("TCPN_FIT", "warning", "CJ, P")
def tasks_fit_vm(view: JobView) -> Iterator[Problem]:
    """The tasks of one VM fit on it."""
    count = view.group.get("taskCountPerNode")
    if count is None or count < 1 or view.machine is None:
        return
    cpu = view.compute.get("cpuMilli", 0) * count / 1000
    memory = view.compute.get("memoryMib", 0) * count / 1024
    if cpu > view.machine.vcpus or memory > view.machine.memory_gib:
        yield Problem(
            (*GROUP, "taskCountPerNode"),
            f"{count} tasks a VM need {cpu:g} vCPUs and {memory:g} GiB; {view.machine_type} has "
            f"{view.machine.vcpus:g} and {view.machine.memory_gib:g}",
            "lower taskCountPerNode, ask for less per task, or take a larger machine",
        )


@RULES.rule("HOSTS_1000", "warning", "P")
def hosts_file(view: JobView) -> Iterator[Problem]:
    """The hosts file lists at most 1,000 VMs."""
    vms = estimated_vms(view)
    if view.group.get("requireHostsFile") and vms > MOST_HOSTS:
        yield Problem(
            (*GROUP, "requireHostsFile"),
            f"about {vms} VMs run at once; the hosts file lists at most {MOST_HOSTS}",
            "lower parallelism, or put more tasks on a VM",
        )


@RULES.rule("SSH_NET", "hint", "MPI")
def ssh_between_vms(view: JobView) -> Iterator[Problem]:
    """SSH between VMs needs a firewall rule."""
    if view.group.get("permissiveSsh") and not view.allocation.get("network"):
        yield Problem(
            (*GROUP, "permissiveSsh"),
            "the VMs must be able to reach each other on port 22",
            "see that a firewall rule of the network allows it",
        )


@RULES.rule("VM_LIMIT", "warning", "Q")
def vm_limit(view: JobView) -> Iterator[Problem]:
    """At most 2,000 VMs at once in one zone, 4,000 in several."""
    places = view.allocation.get("location", {}).get("allowedLocations", [])
    one_zone = len(places) == 1 and places[0].startswith("zones/")
    most = MOST_VMS_A_ZONE if one_zone else MOST_VMS
    vms = estimated_vms(view)
    if vms > most:
        yield Problem(
            (*GROUP, "parallelism"),
            f"about {vms} VMs would run at once; the limit is {most}, so not all of them will",
            "put more tasks on a VM, or lower parallelism",
        )


def estimated_vms(view: JobView) -> int:
    """How many VMs run at once, at most; an estimate where the machine type is not known."""
    at_once = min(view.task_count, max(1, int(view.group.get("parallelism", 1))))
    return -(-at_once // view.tasks_per_vm)
