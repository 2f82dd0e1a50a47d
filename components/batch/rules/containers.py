"""Rules of container runnables: image, command, mounts, credentials."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from components.batch.findings import Path
from components.batch.locations import region_of
from components.batch.rules.environment import SECRET_REF
from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.rule import Problem, RuleSet, shown
from components.batch.rules.view import JobView

RULES = RuleSet()

# HOST[:PORT]/PATH[:TAG][@sha256:DIGEST]; the grammar of the distribution project, a little wider.
_IMAGE = re.compile(
    r"(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}(?::[0-9]{1,5})?/)?"
    r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?P<tag>:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?"
    r"(?P<digest>@sha256:[0-9a-f]{64})?\Z"
)
_MOST_IMAGE = 1000
_VARIABLE = re.compile(r"\$\{?[A-Za-z_]")
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ash", "ksh"})
_GOOGLE_HOSTS = ("gcr.io", "pkg.dev", "registry.k8s.io", "cloud.google.com")
# Folders that every VM has, so a mount of them needs no volume.
_HOST_FOLDERS = ("/tmp", "/var", "/dev", "/proc", "/sys", "/etc", "/usr", "/home", "/root", "/opt",  # noqa: S108
                 "/lib", "/run", "/bin", "/mnt/stateful_partition")  # fmt: skip


@RULES.rule("CTR_IMAGE", "error", "P")
def image(view: JobView) -> Iterator[Problem]:
    """A container has an image, named as Docker names images."""
    for path, container in view.containers_at():
        uri = container.get("imageUri", "")
        where = (*path, "imageUri")
        if not uri:
            yield Problem(where, "the container has no image", "give its imageUri")
        elif "://" in uri:
            bare = uri.split("://", 1)[1]
            yield Problem(
                where, f"{shown(uri)} is a web address, not an image name", f"write {shown(bare)}"
            )
        elif len(uri) > _MOST_IMAGE or not _IMAGE.match(uri):
            yield Problem(
                where,
                f"{shown(uri)} is no image name; the form is HOST/PATH:TAG in lower case",
                "for example us-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE:1.0",
            )


def _named_images(view: JobView) -> Iterator[tuple[Path, str]]:
    for path, container in view.containers_at():
        uri = container.get("imageUri", "")
        if uri and len(uri) <= _MOST_IMAGE and _IMAGE.match(uri):
            yield (*path, "imageUri"), uri


@RULES.rule("CTR_TAG", "warning", "use")
def moving_tag(view: JobView) -> Iterator[Problem]:
    """An image whose content may change between retries."""
    for path, uri in _named_images(view):
        named = _IMAGE.match(uri)
        if named and not named["digest"] and named["tag"] in (None, ":latest"):
            yield Problem(
                path,
                f"{shown(uri)} names no version; a retry or a later run may get other code",
                "add a version tag, or better the digest: IMAGE@sha256:…",
            )


@RULES.rule("CTR_GCR", "warning", "use")
def container_registry(view: JobView) -> Iterator[Problem]:
    """Container Registry is shut down."""
    for path, uri in _named_images(view):
        host = uri.split("/", 1)[0]
        if (host == "gcr.io" or host.endswith(".gcr.io")) and "google" not in uri.split("/")[1]:
            yield Problem(
                path,
                f"Container Registry ({host}) is shut down; the name works only where the "
                "project moved it to Artifact Registry",
                "use REGION-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE",
            )


@RULES.rule("CTR_DOCKERHUB_NOIP", "warning", "P")
def pull_without_address(view: JobView) -> Iterator[Problem]:
    """A VM without external address reaches no foreign registry."""
    interfaces = view.allocation.get("network", {}).get("networkInterfaces", [])
    if not any(interface.get("noExternalIpAddress") for interface in interfaces):
        return
    for path, uri in _named_images(view):
        host = uri.split("/", 1)[0] if "/" in uri else ""
        if not host.endswith(_GOOGLE_HOSTS):
            yield Problem(
                path,
                f"{shown(uri)} is not on a Google registry, and the VMs have no external address",
                "set up Cloud NAT, or copy the image to Artifact Registry",
            )


def _shell(container: dict[str, Any]) -> bool:
    """Whether the words are read by a shell, as far as the job shows."""
    words = [str(container.get("entrypoint", "")), *container.get("commands", [])[:1]]
    return any(word.split("/")[-1].split(" ")[0] in _SHELLS for word in words)


@RULES.rule("CTR_CMD_SPLIT", "warning", "use")
def command_in_one_word(view: JobView) -> Iterator[Problem]:
    """A whole command line given as one word."""
    for path, container in view.containers_at():
        commands = container.get("commands", [])
        if len(commands) != 1 or _shell(container) or container.get("entrypoint"):
            continue
        words = commands[0].split()
        if len(words) > 1 and "\n" not in commands[0]:
            yield Problem(
                (*path, "commands", 0),
                f"{shown(commands[0])} is one word to the container: the name of a program",
                f"split it: {split_command(commands[0])}",
            )


def split_command(command: str) -> list[str]:
    """A command line as separate words."""
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


@RULES.rule("CTR_EXPAND", "warning", "CB")
def variables_without_shell(view: JobView) -> Iterator[Problem]:
    """A variable in a command that no shell reads."""
    for path, container in view.containers_at():
        if _shell(container):
            continue
        for index, word in enumerate(container.get("commands", [])):
            if _VARIABLE.search(word):
                yield Problem(
                    (*path, "commands", index),
                    f"no shell reads {shown(word)}, so the variable stays as it is written",
                    'set entrypoint "/bin/sh" and commands ["-c", "…"]',
                )
                break


@RULES.rule("CTR_ENTRYPOINT", "warning", "P")
def entrypoint_with_arguments(view: JobView) -> Iterator[Problem]:
    """The entrypoint is one program."""
    for path, container in view.containers_at():
        entrypoint = container.get("entrypoint", "")
        if len(entrypoint.split()) > 1:
            yield Problem(
                (*path, "entrypoint"),
                f"{shown(entrypoint)}: an entrypoint is one program, without arguments",
                "put the arguments into commands",
            )


@RULES.rule("CTR_VOL", "error", "P")
def mounts(view: JobView) -> Iterator[Problem]:
    """Mounts have Docker's form, and come from a folder that the VM has."""
    for path, container in view.containers_at():
        for index, mount in enumerate(container.get("volumes", [])):
            where = (*path, "volumes", index)
            parts = mount.split(":")
            source, target = parts[0], parts[1] if len(parts) > 1 else ""
            if placeholder_in(mount):
                continue
            if len(parts) > 3 or not source.startswith("/") or not target.startswith("/"):
                yield Problem(
                    where,
                    f"{shown(mount)} is no mount; the form is /folder/on/vm:/folder/in/container",
                    "write both paths in full, with : between, and perhaps :ro",
                )
            elif not _on_vm(source, view):
                yield Problem(
                    where,
                    f"no volume is mounted at {shown(source)}",
                    "mount it in taskSpec.volumes, or use the mountPath of a volume",
                    severity="warning",
                )


def _on_vm(source: str, view: JobView) -> bool:
    return (
        view.is_mounted(source)
        or source.rstrip("/") in view.mount_holders
        or source.startswith(_HOST_FOLDERS)
        or bool(view.template)
    )


@RULES.rule("CTR_VOL_AUTO", "hint", "P")
def automatic_mounts(view: JobView) -> Iterator[Problem]:
    """An existing disk is mounted read-only in containers."""
    existing = {disk.get("deviceName") for disk in view.disks if "existingDisk" in disk}
    if not any(volume.get("deviceName") in existing for volume in view.volumes if existing):
        return
    for path, container in view.containers_at():
        if not container.get("volumes"):
            yield Problem(
                (*path, "volumes"),
                "all volumes are mounted at their own paths; existing disks read-only",
                "list the mounts to have it otherwise",
            )


@RULES.rule("CTR_OPT_VOL", "warning", "P")
def mounts_in_options(view: JobView) -> Iterator[Problem]:
    """Mounts belong in volumes."""
    for path, container in view.containers_at():
        if re.search(r"(?:^|\s)(?:-v|--volume)[\s=]", container.get("options", "")):
            yield Problem(
                (*path, "options"),
                "a mount stands in options; Batch has its own field for it",
                "move it to the container's volumes",
            )


@RULES.rule("CTR_BLOCK_NET", "error", "P")
def blocked_network(view: JobView) -> Iterator[Problem]:
    """A blocked network cannot be chosen."""
    for path, container in view.containers_at():
        options = container.get("options", "")
        if container.get("blockExternalNetwork") and re.search(
            r"(?:^|\s)--net(?:work)?[\s=]", options
        ):
            yield Problem(
                (*path, "options"),
                "--network cannot be given while blockExternalNetwork is true",
                "remove one of them",
            )


@RULES.rule("CTR_CRED", "error", "P")
def credentials(view: JobView) -> Iterator[Problem]:
    """Username and password together, as secrets."""
    for path, container in view.containers_at():
        given = {name: container.get(name, "") for name in ("username", "password")}
        for name, value in given.items():
            other = "password" if name == "username" else "username"
            if value and not given[other]:
                yield Problem(
                    (*path, other),
                    f"{name} is given without {other}",
                    f"add {other}, or remove {name}",
                )
            if value and value.startswith("projects/") and not SECRET_REF.match(value):
                yield Problem(
                    (*path, name),
                    f"{shown(value)} is no secret; the form is projects/P/secrets/S/versions/V",
                    "write the secret's full name with a version",
                )
            elif name == "password" and value and not SECRET_REF.match(value):
                yield Problem(
                    (*path, name),
                    "the password is readable for everybody who can see the job",
                    "put it in Secret Manager: projects/P/secrets/S/versions/latest",
                    severity="warning",
                )
        host = container.get("imageUri", "").split("/", 1)[0]
        if given["username"] and given["password"] and host.endswith("pkg.dev"):
            yield Problem(
                (*path, "username"),
                "Artifact Registry needs no username: the job's service account pulls the image",
                "remove username and password, and let the account read the repository",
                severity="warning",
            )


@RULES.rule("CTR_STREAM", "warning", "P")
def image_streaming(view: JobView) -> Iterator[Problem]:
    """Image streaming honours only a few fields, and all containers must stream."""
    streaming = [c.get("enableImageStreaming", False) for _, c in view.containers_at()]
    if not any(streaming):
        return
    for path, container in view.containers_at():
        if not container.get("enableImageStreaming"):
            yield Problem(
                path,
                "some containers of the job stream their image and this one does not",
                "set enableImageStreaming on all containers or on none",
            )
            continue
        ignored = [
            name
            for name in ("options", "username", "password", "blockExternalNetwork")
            if container.get(name)
        ]
        if ignored:
            yield Problem(
                (*path, ignored[0]),
                f"with image streaming {', '.join(ignored)} is ignored",
                "remove it, or do not stream the image",
            )
        unfit = _cannot_be_streamed(container.get("imageUri", "").split("/", 1)[0], view)
        if unfit:
            yield Problem((*path, "imageUri"), *unfit)


def _cannot_be_streamed(host: str, view: JobView) -> tuple[str, str] | None:
    """Why an image of that host cannot be streamed to the job's VMs, and what to do."""
    if not host or placeholder_in(host):
        return None
    if not host.endswith("pkg.dev"):
        return (
            "only images of Artifact Registry can be streamed",
            "use an image at REGION-docker.pkg.dev in the region of the VMs",
        )
    places = view.allocation.get("location", {}).get("allowedLocations", [])
    regions = {region for place in places if (region := region_of(place))}
    home = host.removesuffix("-docker.pkg.dev")
    # A multi-region repository (us, europe, asia) serves the regions of its continent.
    far = sorted(r for r in regions if r != home and not r.startswith(f"{home}-"))
    if far:
        return (
            f"the image is in {home} and the VMs in {', '.join(far)}; it is then not streamed",
            f"copy the image to {far[0]}-docker.pkg.dev",
        )
    return None
