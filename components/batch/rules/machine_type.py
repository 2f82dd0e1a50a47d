"""Rules of the machine type, the provisioning model, reservations and templates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.batch import machines
from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.rule import Problem, RuleSet, shown
from components.batch.rules.task_group import estimated_vms
from components.batch.rules.view import ALLOCATION, INSTANCE, POLICY, JobView

RULES = RuleSet()

MACHINE_TYPE = (*POLICY, "machineType")
MODEL = (*POLICY, "provisioningModel")

_TEMPLATE = re.compile(
    r"(?:(?:https://(?:www|compute)\.googleapis\.com/compute/(?:v1|beta)/)?"
    r"(?:projects/[^/\s]+/)?global/instanceTemplates/)?[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?\Z"
)
_RESERVATION = re.compile(
    r"(?:projects/[^/\s]+/)?(?:(?:zones/[^/\s]+/)?reservations/)?"
    r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?"
    r"(?:/reservationBlocks/[^/\s]+(?:/reservationSubBlocks/[^/\s]+)?)?\Z"
)
# A series, its kind and mostly a size: `n2-standard-4`, `e2-medium`, `x4-480-6t-metal`.
_TYPE_NAME = re.compile(
    r"[a-z]{1,3}[0-9]{1,2}[a-z]{0,3}(?:-[a-z0-9]+){1,4}(?<!-standard)(?<!-highmem)(?<!-highcpu)"
)
_MANY_ALIKE = 1000  # as many VMs of one type are often not to be had in one region
_GPU_SERIES_NEAR = {"g4": "g2-standard-16", "a4x": "a4-highgpu-8g", "z3": "n2-standard-8"}


@RULES.rule("INST_ONE", "error", "P")
def one_instance_policy(view: JobView) -> Iterator[Problem]:
    """At most one entry of instances."""
    count = len(view.allocation.get("instances", []))
    if count > 1:
        yield Problem(
            (*ALLOCATION, "instances", 1),
            f"instances has {count} entries; Batch takes 1",
            "keep one; make another job for the other machines",
        )


@RULES.rule("INST_ONEOF", "error", "P")
def policy_or_template(view: JobView) -> Iterator[Problem]:
    """An entry of instances has a policy or a template."""
    if view.allocation.get("instances") and not view.policy and not view.template:
        empty_policy = "policy" in view.instance
        yield Problem(
            INSTANCE,
            "instances[0] has neither a policy nor an instanceTemplate",
            "add a policy with a machineType, or remove instances",
            severity="hint" if empty_policy else "warning",
        )


@RULES.rule("TPL_FORM", "error", "P")
def template_form(view: JobView) -> Iterator[Problem]:
    """A template is a global one, by name or address."""
    name = view.template
    if "instanceTemplate" in view.instance and not _TEMPLATE.match(name):
        regional = "/regions/" in name or name.startswith("regions/")
        what = (
            "is a regional template; Batch takes global ones" if regional else "is no template name"
        )
        yield Problem(
            (*INSTANCE, "instanceTemplate"),
            f"{shown(name)} {what}",
            "use NAME or projects/PROJECT/global/instanceTemplates/NAME",
        )


@RULES.rule("TPL_ONLY", "warning", "P, TS, VT")
def beside_template(view: JobView) -> Iterator[Problem]:
    """What a template already decides."""
    if not view.template:
        return
    for name in ("network", "tags", "serviceAccount"):
        if view.allocation.get(name):
            yield Problem(
                (*ALLOCATION, name),
                f"the template decides the {name}; a second one is ignored, or clashes with it",
                "remove it, or see that it is the same as the template's",
            )


@RULES.rule("MT_SERIES", "error", "GS")
def series(view: JobView) -> Iterator[Problem]:
    """A machine series that Batch runs on."""
    name, machine = view.machine_type, view.machine
    tpu = re.match(r"(?:ct[0-9]|tpu)", name)
    if tpu or (machine is not None and not machines.supported(machine)):
        family = (machine.family if machine else "tpu").upper()
        near = _GPU_SERIES_NEAR.get(family.lower())
        shared = family in ("F1", "G1")
        yield Problem(
            MACHINE_TYPE,
            f"{shown(name)}: Batch does not list the {family} series",
            f"the closest is {near}" if near else "use for example an E2, N2 or C3 machine",
            severity="warning" if shared else "error",
        )


@RULES.rule("MT_ONE", "hint", "GS, RN")
def one_machine_type(view: JobView) -> Iterator[Problem]:
    """All VMs of a job are of one machine type."""
    several = _names_of_types(view.machine_type)
    if several:
        yield Problem(
            MACHINE_TYPE,
            f"{shown(view.machine_type)}: a job takes one machine type; a choice of several is a "
            "preview that v1 does not have",
            f"use one, such as {several[0]}",
            severity="error",
        )
        return
    vms = estimated_vms(view)
    if view.machine is not None and vms > _MANY_ALIKE:
        yield Problem(
            MACHINE_TYPE,
            f"about {vms} VMs, all {view.machine_type}: where these are short the job waits, and "
            "no other type is tried",
            "several jobs, each with another machine type or region, find more of them",
        )


def _names_of_types(text: str) -> list[str]:
    """The machine types that a text names where it names several."""
    words = [word for word in re.split(r"[\s,;|/\[\]'\"]+", text[:1000]) if machines.lookup(word)]
    return words if len(words) > 1 else []


@RULES.rule("MT_KNOWN", "warning", "CSV")
def known_type(view: JobView) -> Iterator[Problem]:
    """A machine type of the table."""
    name = view.machine_type
    if not name or view.machine is not None or re.match(r"(?:ct[0-9]|tpu)", name):
        return
    if machines.custom_type(name) or placeholder_in(name) or _names_of_types(name):
        return
    near = machines.nearest(name)
    malformed = not _TYPE_NAME.fullmatch(name) or "custom" in name
    yield Problem(
        MACHINE_TYPE,
        f"{shown(name)} is no machine type"
        if malformed
        else f"{shown(name)} is no known machine type",
        f"did you mean {near}?" if near else "see gcloud compute machine-types list",
        severity="error" if malformed else "warning",
    )


@RULES.rule("MT_CUSTOM", "error", "use")
def custom_type(view: JobView) -> Iterator[Problem]:
    """A custom machine type keeps to the rules of its series."""
    custom = machines.custom_type(view.machine_type)
    problem = custom and machines.custom_problem(custom)
    if problem:
        yield Problem(
            MACHINE_TYPE, f"{shown(view.machine_type)}: {problem}", "change vCPUs or memory"
        )


@RULES.rule("MT_SHARED", "warning", "use")
def shared_core(view: JobView) -> Iterator[Problem]:
    """Small machines hardly carry the agent and Docker."""
    if view.machine_type in ("e2-micro", "e2-small", "f1-micro", "g1-small"):
        memory = f"{view.machine.memory_gib:g} GiB" if view.machine else "little memory"
        yield Problem(
            MACHINE_TYPE,
            f"{view.machine_type} has {memory}; Batch's agent and Docker take about 1 GiB of it",
            "use e2-medium or larger",
        )


@RULES.rule("MT_ARM", "warning", "use")
def arm(view: JobView) -> Iterator[Problem]:
    """Arm machines run only what is built for Arm."""
    if view.machine is not None and view.machine.arch == "arm64":
        yield Problem(
            MACHINE_TYPE,
            f"{view.machine_type} is an Arm machine; an x86 image ends with `exec format error`",
            "see that the boot image and the containers are built for arm64",
        )


@RULES.rule("MT_METAL", "warning", "use")
def bare_metal(view: JobView) -> Iterator[Problem]:
    """Bare metal machines are not for groups of VMs."""
    if view.machine_type.endswith("-metal"):
        yield Problem(
            MACHINE_TYPE,
            f"{view.machine_type} is a bare metal machine, which Batch's groups of VMs do not take",
            "use the same series without -metal",
        )


@RULES.rule("PM_ENUM", "error", "P")
def legacy_model(view: JobView) -> Iterator[Problem]:
    """A provisioning model that Batch has; PREEMPTIBLE is the older SPOT."""
    if view.provisioning == "PREEMPTIBLE":
        yield Problem(
            MODEL,
            "PREEMPTIBLE is the older model: the same price as SPOT, and VMs end after 24 hours",
            "use SPOT",
            severity="hint",
        )


@RULES.rule("PM_FLEX", "error", "Q, use")
def flexible_start(view: JobView) -> Iterator[Problem]:
    """FLEX_START takes no reservation, and is young."""
    if view.provisioning != "FLEX_START":
        return
    if view.policy.get("reservation") != "NO_RESERVATION":
        yield Problem(
            (*POLICY, "reservation"),
            "FLEX_START needs reservation NO_RESERVATION",
            'add "reservation": "NO_RESERVATION"',
        )
        return
    # A field report of August 2026: CODE_GCE_BAD_REQUEST, "max-run-duration … not supported
    # without an instance termination action".
    yield Problem(
        MODEL,
        "jobs with FLEX_START were seen to fail while VMs were made (CODE_GCE_BAD_REQUEST)",
        "try one task first, and use SPOT or STANDARD if it fails",
        severity="warning",
    )


@RULES.rule("PM_RESBOUND", "error", "P")
def bound_to_reservation(view: JobView) -> Iterator[Problem]:
    """RESERVATION_BOUND names its reservation."""
    if view.provisioning == "RESERVATION_BOUND":
        name = view.policy.get("reservation", "")
        if name in ("", "NO_RESERVATION"):
            yield Problem(
                (*POLICY, "reservation"),
                "RESERVATION_BOUND needs the name of a reservation",
                "add reservation",
            )


@RULES.rule("PM_SPOT_TYPE", "warning", "CSV")
def spot_offered(view: JobView) -> Iterator[Problem]:
    """Some machine types are not offered as Spot."""
    if view.is_spot and view.machine is not None and not view.machine.spot_ok:
        yield Problem(
            MODEL,
            f"{view.machine_type} is not offered as {view.provisioning}",
            "use STANDARD, or another machine type",
        )


@RULES.rule("PM_NO_ONDEMAND", "warning", "use")
def on_demand_offered(view: JobView) -> Iterator[Problem]:
    """Some machine types are not offered on demand."""
    notes = view.machine.notes if view.machine else frozenset()
    rare = {"no_plain_on_demand", "spot_or_flex_start_only"} & notes
    if rare and view.provisioning == "STANDARD" and not view.policy.get("reservation"):
        yield Problem(
            MODEL,
            f"{view.machine_type} is offered as Spot, with flexible start or in a reservation only",
            "set provisioningModel to SPOT or FLEX_START, or name a reservation",
        )


@RULES.rule("RES_FORM", "error", "P, RES")
def reservation_form(view: JobView) -> Iterator[Problem]:
    """A reservation has a name, and goes without compact placement."""
    name = view.policy.get("reservation", "")
    if not name:
        return
    where = (*POLICY, "reservation")
    if name != "NO_RESERVATION" and not _RESERVATION.match(name):
        yield Problem(where, f"{shown(name)} is no reservation", "use NO_RESERVATION or a name")
    elif (
        name != "NO_RESERVATION"
        and view.allocation.get("placement", {}).get("collocation") == "COLLOCATED"
    ):
        yield Problem(
            where,
            "a reservation does not go with placement COLLOCATED",
            "remove one of them",
            severity="warning",
        )
