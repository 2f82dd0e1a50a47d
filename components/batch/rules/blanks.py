"""The rule of blanks that nobody filled in; `placeholders` knows what they look like."""

from __future__ import annotations

from collections.abc import Iterator

from components.batch.findings import Path
from components.batch.rules.environment import environments_at
from components.batch.rules.placeholders import placeholder_in, plain_placeholder_in
from components.batch.rules.rule import Problem, RuleSet, shown
from components.batch.rules.view import ALLOCATION, INSTANCE, POLICY, JobView

RULES = RuleSet()


def _resources(view: JobView) -> Iterator[tuple[Path, str]]:
    """The fields that name a resource of Google Cloud, with their paths."""
    for path, container in view.containers_at():
        yield (*path, "imageUri"), container.get("imageUri", "")
    for path, volume in view.volumes_at():
        yield (*path, "gcs", "remotePath"), volume.get("gcs", {}).get("remotePath", "")
        yield (*path, "nfs", "server"), volume.get("nfs", {}).get("server", "")
        yield (*path, "nfs", "remotePath"), volume.get("nfs", {}).get("remotePath", "")
    yield (*POLICY, "machineType"), view.machine_type
    yield (*POLICY, "bootDisk", "image"), view.boot_disk.get("image", "")
    yield (*POLICY, "bootDisk", "type"), view.boot_disk.get("type", "")
    yield (*INSTANCE, "instanceTemplate"), view.template
    for index, entry in enumerate(view.accelerators):
        yield (*POLICY, "accelerators", index, "type"), entry.get("type", "")
    for index, disk in enumerate(view.disks):
        yield (*POLICY, "disks", index, "existingDisk"), disk.get("existingDisk", "")
        yield (*POLICY, "disks", index, "newDisk", "type"), disk.get("newDisk", {}).get("type", "")
    for index, place in enumerate(view.allocation.get("location", {}).get("allowedLocations", [])):
        yield (*ALLOCATION, "location", "allowedLocations", index), place
    network = (*ALLOCATION, "network", "networkInterfaces")
    interfaces = view.allocation.get("network", {}).get("networkInterfaces", [])
    for index, interface in enumerate(interfaces):
        for name in ("network", "subnetwork"):
            yield (*network, index, name), interface.get(name, "")
    email = view.allocation.get("serviceAccount", {}).get("email", "")
    yield (*ALLOCATION, "serviceAccount", "email"), email
    for index, notification in enumerate(view.job.get("notifications", [])):
        yield ("notifications", index, "pubsubTopic"), notification.get("pubsubTopic", "")
    for path, environment in environments_at(view):
        for name, value in environment.get("secretVariables", {}).items():
            yield (*path, "secretVariables", name), value


def _free_texts(view: JobView) -> Iterator[tuple[Path, str]]:
    """The fields in which anything may be written."""
    for path, script in view.scripts_at():
        yield (*path, "text"), script.get("text", "")
    for path, container in view.containers_at():
        for index, word in enumerate(container.get("commands", [])):
            yield (*path, "commands", index), word
    for path, environment in environments_at(view):
        for name, value in environment.get("variables", {}).items():
            yield (*path, "variables", name), value


@RULES.rule("PLACEHOLDER", "error", "use")
def blank(view: JobView) -> Iterator[Problem]:
    """A blank that nobody filled in."""
    for path, value in _resources(view):
        found = placeholder_in(value)
        if found:
            yield Problem(
                path,
                f"{shown(value)} holds the blank {shown(found)} that nobody filled in",
                "write the real value in its place",
            )
    for path, value in _free_texts(view):
        found = plain_placeholder_in(value)
        if found:
            yield Problem(
                path,
                f"{shown(found)} looks like a blank that nobody filled in",
                "write the real value in its place",
                severity="warning",
            )
