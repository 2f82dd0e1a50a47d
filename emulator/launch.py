"""Start the stand-ins and tell clients where they are."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from emulator import vertex
from emulator.batch.service import Batch
from emulator.clock import Clock
from emulator.faults import Faults
from emulator.http import ApiError, serve
from emulator.pipelines import PipelineJobs
from emulator.projects import project_number
from emulator.registry import Registry
from emulator.schedules import Schedules
from emulator.storage.service import service as storage_service
from emulator.storage.store import Store
from emulator.vertex.upstream import Upstream

SERVICES = ("storage", "batch", "vertex", "logging", "registry")
_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_TASKS_KEEP = ("PATH", "LANG", "LC_ALL", "TZ")  # not the rest: it may hold the person's secrets


class StateInUseError(OSError):
    """Another emulator works in the state folder; the text says what to do."""


@dataclass(frozen=True)
class Emulator:
    """Stand-ins that answer until `stop()`; a context manager.

    Args:
        project: the project that clients name.
        environment: the variables that point clients (ours, Google's, gcloud) at the stand-ins.
        urls: by service: storage, batch, vertex, logging, registry.
        faults: shared by the services, for tests in the same process.
        store: the content of Cloud Storage, likewise.
        batch: the jobs, likewise; `wait_for` waits for one without polling.
        upstream: the server that answers prompts; None where the stand-in model does.
        clock: what the calendar goes by, for tests in the same process.
        pipelines: the pipeline jobs, likewise.
    """

    project: str
    environment: dict[str, str]
    urls: dict[str, str]
    faults: Faults
    store: Store
    batch: Batch
    upstream: Upstream | None
    clock: Clock
    pipelines: PipelineJobs
    _ends: ExitStack = field(repr=False)

    def stop(self) -> None:
        """End every service and what it started; a second call does nothing."""
        self._ends.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start(
    state_dir: Path,
    *,
    project: str = "local-project",
    ports: Mapping[str, int] | None = None,
    upstream: str = "",
    upstream_model: str = "",
) -> Emulator:
    """Start all stand-ins in threads of this process.

    There is one bucket at first, `<project>-bucket`; more are made as in the service.

    Args:
        state_dir: holds all state; made where it is not there; survives a restart.
        project: the project that clients name.
        ports: by service; the others take free ones.
        upstream: a server of chat completions on this machine, as in http://127.0.0.1:11434/v1,
            that answers prompts; "" for the stand-in model.
        upstream_model: which of its models; "" takes the first it lists.

    Raises:
        PortTakenError: a port cannot be used.
        StateInUseError: another emulator works in the folder.
        ValueError: `ports` names an unknown service, `upstream` is not on this machine, or there
            is none for `upstream_model`.
    """
    model = _upstream(upstream, upstream_model)
    wanted = dict(ports or {})
    unknown = set(wanted) - set(SERVICES)
    if unknown:
        known = ", ".join(SERVICES)
        raise ValueError(f"There is no service '{min(unknown)}'; there are {known}")
    with ExitStack() as ends:
        ends.enter_context(_sole_use(state_dir))
        faults = Faults()
        store = Store(state_dir / "storage")
        ends.callback(store.close)
        _make_bucket(store, f"{project}-bucket", project)
        environment: dict[str, str] = {}  # complete before anybody knows a port
        batch = Batch(state_dir, project, store, faults, lambda: for_tasks(environment))
        ends.callback(batch.close)
        urls: dict[str, str] = {}
        clock = Clock()
        registry = Registry(state_dir, clock)
        runs = PipelineJobs(
            state_dir / "pipelines",
            store,
            clock,
            registry.template,
            lambda: for_tasks(environment),
        )
        ends.callback(runs.close)
        schedules = Schedules(state_dir / "schedules", runs, clock)
        ends.callback(schedules.close)
        others = [*runs.routes(), *schedules.routes(), *clock.routes()]
        models = vertex.service(state_dir, project, faults, store, model, others)
        ends.callback(models.close)  # before the store, also where a port cannot be had
        services = [storage_service(store, faults), models, registry.service(faults)]
        for service in (*services, *batch.services):
            running = serve(service, wanted.get(service.name, 0))
            ends.callback(running.stop)
            urls[service.name] = running.url
        environment.update(_environment(state_dir, project, urls))
        batch.begin()
        schedules.begin()
        if model:
            ends.callback(model.close)  # first of all: it may be waiting for minutes
        return Emulator(
            project, environment, urls, faults, store, batch, model, clock, runs, ends.pop_all()
        )


def serve_until_signalled(
    state_dir: Path,
    project: str,
    ports: Mapping[str, int],
    announce: Callable[[Emulator], None],
    upstream: str = "",
    upstream_model: str = "",
) -> None:
    """Start, announce, and end with SIGINT, SIGTERM or SIGHUP; a second signal ends at once.

    Must be called in the main thread. Raises what `start` raises.
    """
    with (
        awaited(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as wait,
        start(
            state_dir,
            project=project,
            ports=ports,
            upstream=upstream,
            upstream_model=upstream_model,
        ) as emulator,
    ):
        announce(emulator)
        wait()


@contextmanager
def awaited(*numbers: signal.Signals) -> Iterator[Callable[[], None]]:
    """Yields a call that waits for the first of the signals; the next has its usual effect.

    The wake-up pipe is written by the interpreter's own handler, in whichever thread the kernel
    delivers the signal to. A handler in Python would run in the main thread only, which does not
    wake from waiting on a lock or a file when another thread got the signal.
    """
    pipe, end = os.pipe()
    os.set_blocking(end, False)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    fd_before = signal.set_wakeup_fd(end, warn_on_full_buffer=False)

    def wait() -> None:
        os.read(pipe, 1)
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)

    try:
        yield wait
    finally:
        signal.set_wakeup_fd(fd_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(pipe)
        os.close(end)


def for_tasks(environment: Mapping[str, str]) -> dict[str, str]:
    """What the tasks of Batch jobs get: the way to the stand-ins, and programs to run."""
    kept = {name: os.environ[name] for name in _TASKS_KEEP if name in os.environ}
    return {**kept, **environment}


def _upstream(url: str, model: str) -> Upstream | None:
    if model and not url:
        raise ValueError(f"There is no upstream server to ask for the model '{model}'")
    return Upstream(url, model) if url else None


def _make_bucket(store: Store, name: str, project: str) -> None:
    try:
        store.bucket(name)
    except ApiError:
        store.create_bucket(name, {"projectNumber": project_number(project)})


@contextmanager
def _sole_use(state_dir: Path) -> Iterator[None]:
    """Hold the folder; the lock ends with the process, however it ends."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except FileExistsError as error:
        raise NotADirectoryError(error.errno, f"{state_dir} is a file, not a folder.") from error
    except OSError as error:
        text = f"The folder {state_dir} cannot be made ({error.strerror})."
        raise OSError(error.errno, text) from error
    with (state_dir / ".lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateInUseError(
                error.errno,
                f"Another emulator works in {state_dir}. Stop it, or name another folder.",
            ) from error
        yield


def _environment(state_dir: Path, project: str, urls: Mapping[str, str]) -> dict[str, str]:
    credentials = _write_credentials(state_dir / "credentials.json", project, urls["vertex"])
    environment = {
        "STORAGE_EMULATOR_HOST": urls["storage"],
        "GOOGLE_VERTEX_BASE_URL": urls["vertex"],
        "GOOGLE_APPLICATION_CREDENTIALS": str(credentials),
        "GOOGLE_CLOUD_PROJECT": project,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"{urls['storage']}/storage/v1/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_AIPLATFORM": f"{urls['vertex']}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_BATCH": f"{urls['batch']}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING": f"{urls['logging']}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_ARTIFACTREGISTRY": f"{urls['registry']}/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": project,
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
    }
    return environment | _past_proxies()


def _past_proxies() -> dict[str, str]:
    """Where a proxy is set, it must not be asked for the loopback interface."""
    if not any(os.environ.get(name) for name in _PROXIES):
        return {}
    kept = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    value = ",".join(filter(None, [kept, "127.0.0.1,localhost"]))
    return {"no_proxy": value, "NO_PROXY": value}


def _write_credentials(path: Path, project: str, vertex_url: str) -> Path:
    """A service account that no server but ours knows, for libraries that insist on one."""
    account = {
        "type": "service_account",
        "project_id": project,
        "private_key_id": "local",
        "private_key": _private_key(),
        "client_email": f"emulator@{project}.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{vertex_url}/token",
    }
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(account, out)
    return path.absolute()


@functools.cache
def _private_key() -> str:
    """A fresh RSA key a process.

    It signs what nobody verifies. A key of 1024 bits is read in 7 ms, one of 2048 in 50, and every
    client in every step of a run reads it.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
