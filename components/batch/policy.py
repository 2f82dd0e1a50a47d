"""An organisation's policy for Batch jobs: where, on what, as whom, how many, for how much.

The service knows nothing of it; what breaks it is an error here, found before anything is sent.
What a job leaves to the service's default counts as the default: no location is the region of
the request, no service account is Compute Engine's, no network is an external address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from components.batch.findings import Finding, Path, sorted_findings
from components.batch.locations import job_region, region_of
from components.batch.rules.disks import BOOT
from components.batch.rules.network import INTERFACES
from components.batch.rules.placement import ALLOWED
from components.batch.rules.rule import Problem, Rule, shown
from components.batch.rules.shape import read_shape
from components.batch.rules.task_group import MOST_PARALLEL
from components.batch.rules.view import ALLOCATION, GROUP, INSTANCE, POLICY, JobView

# The most that the job may cost in USD; None where nobody can say.
CostOf = Callable[[Mapping[str, Any]], float | None]


@dataclass(frozen=True)
class Policy:
    """What an organisation allows; None allows everything.

    Attributes:
        regions: where jobs and their VMs may be, such as `europe-west4`.
        machine_families: series of machine types, such as `e2`.
        image_prefixes: beginnings of container images, whole parts of the name: `docker.io/org`
            allows `docker.io/org/x:1` and not `docker.io/organic/x:1`.
        boot_image_prefixes: the same for boot images and images of disks.
        service_accounts: addresses; `*` stands for any part, as in `*@p.iam.gserviceaccount.com`.
        external_ips: whether VMs may have an external address.
        instance_templates: whether a template may decide the machine, which hides it from here;
            None: only where nothing that a template decides is restricted.
        max_tasks: of one job.
        max_parallelism: tasks of one job that run at once.
        max_cost_usd: of one job, at most.
    """

    regions: tuple[str, ...] | None = None
    machine_families: tuple[str, ...] | None = None
    image_prefixes: tuple[str, ...] | None = None
    boot_image_prefixes: tuple[str, ...] | None = None
    service_accounts: tuple[str, ...] | None = None
    external_ips: bool | None = None
    instance_templates: bool | None = None
    max_tasks: int | None = None
    max_parallelism: int | None = None
    max_cost_usd: float | None = None


POLICY_FIELDS = tuple(field.name for field in fields(Policy))

POLICY_RULES = {
    rule.id: rule
    for rule in (
        Rule("POLICY_REGION", "error", "policy", "Regions that the policy allows."),
        Rule("POLICY_MACHINE", "error", "policy", "Machine series that the policy allows."),
        Rule("POLICY_IMAGE", "error", "policy", "Container images that the policy allows."),
        Rule("POLICY_BOOT_IMAGE", "error", "policy", "Boot images that the policy allows."),
        Rule("POLICY_ACCOUNT", "error", "policy", "Service accounts that the policy allows."),
        Rule("POLICY_EXTERNAL_IP", "error", "policy", "External addresses that it forbids."),
        Rule("POLICY_TEMPLATE", "error", "policy", "Templates that hide what it restricts."),
        Rule("POLICY_TASKS", "error", "policy", "The most tasks of a job."),
        Rule("POLICY_PARALLELISM", "error", "policy", "The most tasks that run at once."),
        Rule("POLICY_COST", "error", "policy", "The most that a job may cost."),
    )
}

_Told = Iterator[tuple[str, Problem]]


def check_policy(
    job: Mapping[str, Any], policy: Policy, *, region: str = "", cost_of: CostOf | None = None
) -> list[Finding]:
    """What of a job the policy does not allow.

    Args:
        job: the job, any JSON value.
        policy: what is allowed.
        region: where the job is to be submitted; empty: where the job says, or the default.
        cost_of: tells the most that a job may cost; without it a limit is told as not checked.

    Returns:
        Findings with rules POLICY_*, all of them errors but for a cost that nobody estimates.
    """
    view = JobView(read_shape(job).job)
    problems = (
        *_regions(view, policy, job_region(job, region)),
        *_template(view, policy),
        *_machine(view, policy),
        *_images(view, policy),
        *_boot_images(view, policy),
        *_account(view, policy),
        *_addresses(view, policy),
        *_amounts(view, policy),
        *_cost(job, policy, cost_of),
    )
    return sorted_findings(POLICY_RULES[rule].finding(problem) for rule, problem in problems)


def _listed(allowed: Iterable[str]) -> str:
    return ", ".join(allowed) or "nothing"


def _regions(view: JobView, policy: Policy, region: str) -> _Told:
    if policy.regions is None:
        return
    fix = f"use one of {_listed(policy.regions)}"
    places = view.allocation.get("location", {}).get("allowedLocations", [])
    for index, place in enumerate(places):
        if region_of(place) not in policy.regions:
            message = f"{shown(place)} is not in a region that the policy allows"
            yield "POLICY_REGION", Problem((*ALLOWED, index), message, fix)
    if region not in policy.regions and not any(region_of(place) == region for place in places):
        message = f"the job would go to {region}, a region that the policy does not allow"
        yield "POLICY_REGION", Problem(ALLOWED, message, fix)


def _template(view: JobView, policy: Policy) -> _Told:
    restricted = [
        name
        for name, limit in (
            ("machine_families", policy.machine_families),
            ("boot_image_prefixes", policy.boot_image_prefixes),
            ("service_accounts", policy.service_accounts),
            ("external_ips", None if policy.external_ips else policy.external_ips),
        )
        if limit is not None
    ]
    allowed = policy.instance_templates if policy.instance_templates is not None else not restricted
    if view.template and not allowed:
        hidden = f", which hides what it says of {', '.join(restricted)}" if restricted else ""
        yield (
            "POLICY_TEMPLATE",
            Problem(
                (*INSTANCE, "instanceTemplate"),
                f"the policy does not allow an instance template{hidden}",
                "describe the VMs in instances[0].policy",
            ),
        )


def _machine(view: JobView, policy: Policy) -> _Told:
    allowed = policy.machine_families
    if allowed is None or view.template:
        return
    where, fix = (*POLICY, "machineType"), f"use a machine type of {_listed(allowed)}"
    name = view.machine_type
    family = view.machine.family if view.machine else re.split(r"-", name, maxsplit=1)[0]
    if not name:
        message = "Batch would choose the machine, and the policy allows some series only"
        yield "POLICY_MACHINE", Problem(where, message, fix)
    elif family not in allowed:
        message = f"{shown(name)} is not of a series that the policy allows"
        yield "POLICY_MACHINE", Problem(where, message, fix)


def _images(view: JobView, policy: Policy) -> _Told:
    if policy.image_prefixes is None:
        return
    # A prefix may name a registry or an organisation, or be a short name as Docker takes them.
    allowed = {*policy.image_prefixes, *(_full_image(prefix) for prefix in policy.image_prefixes)}
    for path, container in view.containers_at():
        image = container.get("imageUri", "")
        if not any(begins_with(_full_image(image), prefix) for prefix in allowed):
            message = f"{shown(image)} is not an image that the policy allows"
            fix = f"use an image of {_listed(policy.image_prefixes)}"
            yield "POLICY_IMAGE", Problem((*path, "imageUri"), message, fix)


def _full_image(name: str) -> str:
    """An image's name with its registry: `busybox` is `docker.io/library/busybox` to Docker."""
    name = re.sub(r"\A[a-z]+://", "", name.strip())
    host, slash, _ = name.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return re.sub(
            r"\A(?:index\.|registry-1\.)?docker\.io/(?=[^/]+\Z)", "docker.io/library/", name
        )
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def begins_with(name: str, prefix: str) -> bool:
    """Whether a name is the prefix, or goes on after it with another part of a name."""
    if not name.startswith(prefix) or ".." in name.split("/"):
        return False
    return prefix.endswith(("/", ":", "@")) or name[len(prefix) : len(prefix) + 1] in (
        "", "/", ":", "@",
    )  # fmt: skip


def _boot_images(view: JobView, policy: Policy) -> _Told:
    allowed = policy.boot_image_prefixes
    if allowed is None or view.template:
        return
    default = "batch-cos" if view.boot_is_cos else "batch-debian"
    images: list[tuple[Path, str]] = [
        ((*BOOT, "image"), view.boot_disk.get("image", "") or default)
    ]
    for index, disk in enumerate(view.disks):
        image = disk.get("newDisk", {}).get("image", "")
        if image:
            images.append(((*POLICY, "disks", index, "newDisk", "image"), image))
    for path, image in images:
        name = re.sub(r"\Ahttps://[a-z]+\.googleapis\.com/compute/(?:v1|beta)/", "", image)
        if not any(begins_with(name, prefix) for prefix in allowed):
            message = f"{shown(image)} is not an image that the policy allows"
            yield "POLICY_BOOT_IMAGE", Problem(path, message, f"use one of {_listed(allowed)}")


def _account(view: JobView, policy: Policy) -> _Told:
    allowed = policy.service_accounts
    email = str(view.allocation.get("serviceAccount", {}).get("email", ""))
    if allowed is None or (view.template and not email):
        return
    if not any(fnmatchcase(email, pattern) for pattern in allowed if email):
        message = (
            f"{shown(email)} is not a service account that the policy allows"
            if email
            else "the VMs would run as Compute Engine's default account, which is not allowed"
        )
        where = (*ALLOCATION, "serviceAccount", "email")
        yield "POLICY_ACCOUNT", Problem(where, message, f"use one of {_listed(allowed)}")


def _addresses(view: JobView, policy: Policy) -> _Told:
    if policy.external_ips is not False or view.template:
        return
    fix = "set noExternalIpAddress to true (Private Google Access must be on)"
    interfaces = view.allocation.get("network", {}).get("networkInterfaces", [])
    if not interfaces:
        message = "the VMs would have external addresses, which the policy forbids"
        yield "POLICY_EXTERNAL_IP", Problem((*ALLOCATION, "network"), message, fix)
    for index, interface in enumerate(interfaces):
        if not interface.get("noExternalIpAddress"):
            message = "the policy forbids external addresses"
            where = (*INTERFACES, index, "noExternalIpAddress")
            yield "POLICY_EXTERNAL_IP", Problem(where, message, fix)


def _amounts(view: JobView, policy: Policy) -> _Told:
    if policy.max_tasks is not None and view.task_count > policy.max_tasks:
        message = f"{view.task_count} tasks; the policy allows {policy.max_tasks} a job"
        fix = "make several jobs, or let each task do several items"
        yield "POLICY_TASKS", Problem((*GROUP, "taskCount"), message, fix)
    limit = policy.max_parallelism
    # Where nothing is said as many run as fit (comment of parallelism); 0 is nothing said.
    said = view.group.get("parallelism") or MOST_PARALLEL
    one = view.group.get("schedulingPolicy") == "IN_ORDER"
    at_once = 1 if one else min(view.task_count, int(said))
    if limit is not None and at_once > limit:
        message = f"up to {at_once} tasks at once; the policy allows {limit}"
        yield (
            "POLICY_PARALLELISM",
            Problem((*GROUP, "parallelism"), message, f"set parallelism to {limit} or less"),
        )


def _cost(job: Mapping[str, Any], policy: Policy, cost_of: CostOf | None) -> _Told:
    limit = policy.max_cost_usd
    if limit is None:
        return
    if cost_of is None:
        message = f"the policy allows ${limit:,.2f} a job, and nothing here estimates the cost"
        fix = "see that the job stays below it"
        yield "POLICY_COST", Problem((), message, fix, severity="warning")
        return
    cost = cost_of(job)
    if cost is None:
        message = f"the policy allows ${limit:,.2f} a job, and what this job costs cannot be said"
        yield "POLICY_COST", Problem((), message, "name a machine type and maxRunDuration")
    elif cost > limit:
        message = f"the job may cost ${cost:,.2f}; the policy allows ${limit:,.2f}"
        fix = "ask for fewer or smaller VMs, or lower maxRunDuration and maxRetryCount"
        yield "POLICY_COST", Problem((), message, fix)
