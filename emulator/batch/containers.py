"""Container runnables, through the Docker command where an engine answers.

Never through a shell: options are split as a shell would split them and passed one by one. Values
of variables reach Docker through its environment, so that no list of processes shows them; but for
the few that Docker itself reads.
"""

from __future__ import annotations

import functools
import logging
import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from emulator.batch.mounts import Mount, host_path

log = logging.getLogger(__name__)

_DOCKERS_OWN = (
    "PATH",
    "HOME",
    "XDG_RUNTIME_DIR",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
)
_PATIENCE_SECONDS = 20
NO_ENGINE = (
    "no container engine answers on this machine, so that the container was not run; the job "
    "itself may be fine"
)


@functools.cache
def engine_answers(docker: str = "docker") -> bool:
    """Whether Docker is installed and its engine runs; asked once."""
    ask = [docker, "version", "--format", "{{.Server.Version}}"]
    try:
        done = subprocess.run(ask, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def command_line(
    container: Mapping[str, Any],
    name: str,
    variables: Mapping[str, str],
    mounts: Sequence[Mount],
) -> list[str]:
    """The command that runs the container, to be run with `environment`.

    The network is the machine's own, as the stand-ins of the services listen on 127.0.0.1.
    """
    network = "none" if container.get("blockExternalNetwork") else "host"
    line = ["docker", "run", "--rm", "--name", name, "--network", network]
    for volume in container.get("volumes") or _all(mounts):
        line += ["--volume", _volume(volume, mounts)]
    for variable, value in variables.items():
        line += ["--env", f"{variable}={value}" if variable in _DOCKERS_OWN else variable]
    if container.get("entrypoint"):
        line += ["--entrypoint", container["entrypoint"]]
    line += shlex.split(container.get("options", ""))
    return [*line, container["imageUri"], *container.get("commands", [])]


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of the docker command: the job's variables, and this machine's settings."""
    own = {name: os.environ[name] for name in _DOCKERS_OWN if name in os.environ}
    return {**{k: v for k, v in variables.items() if k not in _DOCKERS_OWN}, **own}


def remove(name: str) -> None:
    """Stop and remove a container, which may be gone already."""
    line = ["docker", "rm", "--force", name]
    try:
        subprocess.run(line, capture_output=True, timeout=_PATIENCE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("the container %s may still run: %s", name, error)


def _all(mounts: Sequence[Mount]) -> list[str]:
    """What the service mounts where the container names no volumes: all of them."""
    return [
        f"{mount.target}:{mount.target}:{'ro' if mount.read_only else 'rw'}" for mount in mounts
    ]


def _volume(volume: str, mounts: Sequence[Mount]) -> str:
    """`source:target[:options]`, with the folder that stands for the source."""
    source, _, rest = volume.partition(":")
    return f"{host_path(str(PurePosixPath(source)), mounts)}:{rest}"
