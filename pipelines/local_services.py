"""The services that a run on this machine talks to: stand-ins of its own, or ones already up."""

from __future__ import annotations

import contextlib
import mimetypes
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from components.batch.client import BATCH_VARIABLE, LOGGING_VARIABLE
from components.errors import InputError, WrongUse
from components.storage import files
from components.storage.client import storage_client, told_plainly
from components.storage.uris import join, split_gcs

# All of these point at this machine where a person has pasted what `emulate` prints.
STAND_IN_VARIABLES = (
    BATCH_VARIABLE,
    LOGGING_VARIABLE,
    "STORAGE_EMULATOR_HOST",
    "GOOGLE_VERTEX_BASE_URL",
)
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@contextlib.contextmanager
def services(state: Path) -> Iterator[dict[str, str]]:
    """Start stand-ins, point this process's environment at them, and give that environment.

    Empty if the environment points at some already; they are used and left running. A setting
    that points anywhere else is not used: a run on this machine calls nothing outside of it.

    Args:
        state: the folder for the state of stand-ins that are started here.
    """
    if stand_ins_are_up():
        yield {}
        return
    from emulator.launch import start

    with start(state, project=stand_in_project()) as emulator:
        before = dict(os.environ)
        os.environ.update(emulator.environment)
        try:
            yield dict(emulator.environment)
        finally:
            os.environ.clear()
            os.environ.update(before)


def stand_in_project() -> str:
    """The project of the stand-ins that this process's environment points at, or of new ones."""
    return (stand_ins_are_up() and os.environ.get("GOOGLE_CLOUD_PROJECT")) or "local-project"


def end_tasks(credentials: str) -> None:
    """Kill what still runs of jobs whose stand-ins were killed.

    Args:
        credentials: the file that those stand-ins gave to their tasks.
    """
    from emulator.batch.processes import kill_marked

    # A process between fork and exec carries no mark of its own yet, so they are looked for again.
    for pause_s in (0.0, 0.1, 0.4):
        time.sleep(pause_s)
        kill_marked(f"GOOGLE_APPLICATION_CREDENTIALS={credentials}")


def stand_ins_are_up() -> bool:
    """Whether the environment points every client at stand-ins on this machine."""
    return all(_is_loopback(os.environ.get(name, "")) for name in STAND_IN_VARIABLES)


def _is_loopback(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and parts.hostname in LOOPBACK
    except ValueError:
        return False


def check_uploads(uploads: Sequence[str]) -> list[tuple[Path, str]]:
    """`LOCAL=gs://bucket/path` words as pairs of file and URI.

    Raises:
        WrongUse: a word has another form.
        InputError: a file is absent.
    """
    pairs = []
    for word in uploads:
        local, separator, uri = word.rpartition("=gs://")
        if not separator or not local or not uri:
            raise WrongUse(
                f"'{word}' is not LOCAL=gs://bucket/path",
                where="--upload",
                fix="For example: --upload data.csv=gs://input/data.csv",
            )
        if not Path(local).is_file():
            raise InputError("There is no such file", where=local)
        target = f"gs://{uri}"
        pairs.append((Path(local), join(target, Path(local).name) if uri[-1] == "/" else target))
    return pairs


def upload(pairs: Sequence[tuple[Path, str]]) -> None:
    """Copy files into the stand-ins' buckets, which this process's environment points at.

    A bucket that is not there is made: these are the person's own stand-ins.
    """
    for path, uri in pairs:
        make_bucket(split_gcs(uri)[0])
        files.upload(path, uri, mimetypes.guess_type(path.name)[0] or "application/octet-stream")


def make_bucket(name: str) -> None:
    """Make a bucket of the stand-ins; one that is there stays as it is."""
    from google.api_core.exceptions import Conflict

    with told_plainly(f"gs://{name}", "make the bucket"), contextlib.suppress(Conflict):
        storage_client().create_bucket(name)
