"""Mends of places, networks, notifications and logs."""

from __future__ import annotations

import json
import re
from typing import Any

from components.batch.findings import Finding, Path, path_parts
from components.batch.locations import DEFAULT_REGION, job_region, region_of, regions
from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.placement import meant_place
from components.batch.rules.view import ALLOCATION
from components.config.bench import Bench
from components.config.enlarge import ALLOWED
from components.fix_config.mend_limits import taken_out
from components.fix_config.mend_shape import Mender

INTERFACES: Path = (*ALLOCATION, "network", "networkInterfaces")
_PLACE = re.compile(r"\b(?:regions/|zones/)?[a-z]{2,12}-[a-z]{4,12}[0-9]{1,2}(?:-[a-f])?\b")


def places_said(text: str) -> list[str]:
    """The regions and zones that a text names, as locations, in its order."""
    found = []
    for name in _PLACE.findall(text[:4000]):
        place = meant_place(name)
        if place is not None:
            found.append(place)
    return list(dict.fromkeys(found))


def location(bench: Bench, finding: Finding) -> None:
    """A place that Batch serves: the near one, one that the complaint or the job names."""
    path = path_parts(finding.path)
    given = [place for place in bench.get(ALLOWED, []) if isinstance(place, str)]
    meant = meant_place(str(bench.get(path, "")))
    if meant is not None:
        bench.put(path, meant, finding.message, certain=True, rule=finding.rule)
        return
    near = re.search(r"did you mean (regions/[a-z0-9-]+)", finding.fix)
    others = [meant_place(place) for place in given if meant_place(place)]
    if near:
        new, why = near[1], "the nearest that there is"
    elif others:
        bench.drop(path, f"{finding.message}; the other places stay", rule=finding.rule)
        return
    else:
        said = [place for place in places_said(bench.complaint) if place not in given]
        new = said[0] if said else f"regions/{_elsewhere(bench)}"
        why = "named in the complaint" if said else "assumed"
    bench.put(path, new, f"{finding.message}; {new} is {why}", rule=finding.rule)


def _elsewhere(bench: Bench) -> str:
    """The region that something else in the job names."""
    for interface in bench.view.allocation.get("network", {}).get("networkInterfaces", []):
        found = re.search(r"regions/([a-z0-9-]+)/", interface.get("subnetwork", ""))
        if found and found[1] in regions():
            return found[1]
    for disk in bench.view.disks:
        found = re.search(r"(?:zones|regions)/([a-z0-9-]+)/", str(disk.get("existingDisk", "")))
        region = region_of(found[1]) if found else None
        if region in regions():
            return str(region)
    return DEFAULT_REGION


def one_region(bench: Bench, finding: Finding) -> None:
    """The places of one region stay: what else names one, else the first place's."""
    places = bench.get(ALLOWED, [])
    by_region = [(region_of(place), place) for place in places if isinstance(place, str)]
    bound = _elsewhere(bench)
    said = [region_of(place) for place in places_said(bench.complaint[-400:])]
    present = [region for region, _ in by_region if region]
    wanted = [region for region in said if region in present]
    keep = present[0]
    if bound != DEFAULT_REGION and bound in present:
        keep = bound
    elif len(set(wanted)) == 1:
        keep = str(wanted[0])
    kept = [place for region, place in by_region if region == keep]
    reason = f"{finding.message}; {keep} is kept"
    bench.put(ALLOWED, kept, reason, rule=finding.rule)


def same_region(bench: Bench, finding: Finding) -> None:
    """The VMs go to the job's region."""
    region = re.search(r"use regions/([a-z0-9-]+)", finding.fix)
    if region:
        bench.put(ALLOWED, [f"regions/{region[1]}"], finding.message, rule=finding.rule)


def network_name(bench: Bench, finding: Finding) -> None:
    """A bare name as the path that the API asks for; a subnetwork is in the job's region."""
    path = path_parts(finding.path)
    value = str(bench.get(path, "")).strip().strip("/")
    name = value.rsplit("/", 1)[-1].lower().replace("_", "-")
    if not re.fullmatch(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?", name) or placeholder_in(value):
        return
    project = re.search(r"projects/([a-z][-a-z0-9:.]{4,60})/", value + "/")
    before = f"projects/{project[1]}/" if project and "/" in value else ""
    if path[-1] == "network":
        new, certain = f"{before}global/networks/{name}", True
    else:
        named = re.search(r"regions/([a-z0-9-]+)", value)
        region = named[1] if named and named[1] in regions() else job_region(bench.view.job)
        new, certain = f"{before}regions/{region}/subnetworks/{name}", named is not None
    bench.put(path, new, finding.message, certain=certain, rule=finding.rule)


def subnetwork_region(bench: Bench, finding: Finding) -> None:
    """The VMs go to the region of their subnetwork; what is missing beside it is the default."""
    path = path_parts(finding.path)
    value = str(bench.get(path, ""))
    found = re.search(r"regions/([a-z0-9-]+)/", value)
    if found and found[1] in regions() and "the VMs in" in finding.message:
        bench.put(ALLOWED, [f"regions/{found[1]}"],
                  f"{finding.message}; the subnetwork decides", rule=finding.rule)  # fmt: skip
    elif "is given without" in finding.message:
        other = "subnetwork" if path[-1] == "network" else "network"
        name = str(bench.get((*path[:-1], other), "")).rsplit("/", 1)[-1]
        region = job_region(bench.view.job)
        new = (
            f"global/networks/{name}"
            if path[-1] == "network"
            else f"regions/{region}/subnetworks/{name}"
        )
        bench.put(path, new, f"{finding.message}; one of the same name is assumed",
                  rule=finding.rule)  # fmt: skip


_PROJECT = re.compile(
    r"@([a-z][a-z0-9-]{4,28}[a-z0-9])\.iam\.gserviceaccount"
    r"|projects/([a-z][a-z0-9-]{4,28}[a-z0-9])/(?!global/images|topics/\s)"
)
_OF_GOOGLE = frozenset({"batch-custom-image", "google-samples", "debian-cloud", "cos-cloud"})


def project_of(job: Any) -> str:
    """The project that the job's own names speak of; empty where they name none, or several."""
    found = {a or b for a, b in _PROJECT.findall(json.dumps(job)[:200_000])} - _OF_GOOGLE
    return found.pop() if len(found) == 1 else ""


def topic(bench: Bench, finding: Finding) -> None:
    """A topic's name in the job's project."""
    path = path_parts(finding.path)
    name = str(bench.get(path, "") or "").strip("/").rsplit("/", 1)[-1]
    project = project_of(bench.job)
    if project and re.fullmatch(r"[A-Za-z][\w.~+%-]{2,254}", name):
        new = f"projects/{project}/topics/{name}"
        reason = f"{finding.message}; the project of the job is assumed"
        bench.put(path, new, reason, rule=finding.rule)


def account(bench: Bench, finding: Finding) -> None:
    """A service account's name in the job's project."""
    path = path_parts(finding.path)
    name = str(bench.get(path, "") or "").strip().removeprefix("serviceAccount:")
    if re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", name) and (project := project_of(bench.job)):
        new = f"{name}@{project}.iam.gserviceaccount.com"
        bench.put(path, new, f"{finding.message}; the project of the job is assumed",
                  rule=finding.rule)  # fmt: skip
    elif "gserviceaccount.com" in name:
        bench.put(path, name, finding.message, certain=True, rule=finding.rule)


def second_interface(bench: Bench, finding: Finding) -> None:
    """An interface in a network that another is in goes."""
    bench.drop(path_parts(finding.path)[:-1], finding.message, rule=finding.rule)


def message_of(bench: Bench, finding: Finding) -> None:
    """A notification says what it is about, and only that."""
    path = path_parts(finding.path)
    message = bench.get(path)
    if not message:
        bench.put(path, {"type": "JOB_STATE_CHANGED"}, finding.message, rule=finding.rule)
    elif "both" in finding.message:
        bench.drop((*path, "newTaskState"), finding.message, rule=finding.rule)
    else:
        task = "newTaskState" in finding.message.split(" does")[0]
        bench.put((*path, "type"), "TASK_STATE_CHANGED" if task else "JOB_STATE_CHANGED",
                  finding.message, rule=finding.rule)  # fmt: skip


def logs_kept(bench: Bench, finding: Finding) -> None:
    """Logs go to Cloud Logging."""
    bench.put(("logsPolicy", "destination"), "CLOUD_LOGGING", finding.message, certain=True,
              rule=finding.rule)  # fmt: skip


def logs_path(bench: Bench, finding: Finding) -> None:
    """Logs to a mounted volume where there is one, else to Cloud Logging."""
    if bench.get(("logsPolicy", "destination")) == "PATH":
        outside = [v.get("mountPath", "") for v in bench.view.volumes if "gcs" in v or "nfs" in v]
        if outside and outside[0].startswith("/"):
            path = outside[0].rstrip("/") + "/logs"
            bench.put(("logsPolicy", "logsPath"), path, finding.message, rule=finding.rule)
            return
        bench.drop(("logsPolicy", "logsPath"), finding.message, rule=finding.rule)
        bench.put(("logsPolicy", "destination"), "CLOUD_LOGGING",
                  "no bucket or share is mounted for the logs", rule=finding.rule)  # fmt: skip


def logs_destination(bench: Bench, finding: Finding) -> None:
    """The destination that the other field speaks of."""
    field = path_parts(finding.path)[-1]
    new = "PATH" if field == "logsPath" else "CLOUD_LOGGING"
    if bench.get(("logsPolicy", "destination")) is None or field == "cloudLoggingOption":
        bench.put(("logsPolicy", "destination"), new, finding.message, rule=finding.rule)
    else:
        taken_out(bench, finding)


MENDERS: dict[str, Mender] = {
    "LOC_FORM": location,
    "LOC_ONE_REGION": one_region,
    "LOC_SAME": same_region,
    "NET_FORM": network_name,
    "NET_BOTH": subnetwork_region,
    "NET_ONE": second_interface,
    "NOTIF_TOPIC": topic,
    "SA_FORM": account,
    "NOTIF_MSG": message_of,
    "NOTIF_MIX": message_of,
    "LOGS_NONE": logs_kept,
    "LOGS_PATH": logs_path,
    "LOGS_EXTRA": logs_destination,
    "TPL_ONLY": taken_out,
    "PLACE": taken_out,
}
