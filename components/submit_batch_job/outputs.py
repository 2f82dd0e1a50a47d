"""What the step leaves for the console: the resource it works on, and a link to it."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from components.batch.names import JOB_NAME
from components.supervision.ledger import Ledger

_RESOURCE = "https://batch.googleapis.com/v1/"


def write_gcp_resources(path: str, *job_names: str) -> None:
    """Write the output that consoles and retries read (the GcpResources proto, as JSON).

    Args:
        path: the output's file.
        job_names: the job, and those in which some of its tasks ran again.
    """
    resources = [
        {"resourceType": "BatchJob", "resourceUri": f"{_RESOURCE}{name}"} for name in job_names
    ]
    _write(path, json.dumps({"resources": resources}))


def read_gcp_resources(path: str) -> str:
    """The name of the job that an earlier attempt of the step wrote there; empty if none did."""
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
        uri = str(told["resources"][0]["resourceUri"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    found = JOB_NAME.search(urlsplit(uri).path)
    return found[0] if found else ""


def write_link(path: str, ledger: Ledger, *, local: bool) -> None:
    """Write a page with a link to the job and the commands that go with it."""
    name = ledger.job_name
    if not name:
        request = ledger.request
        text = f"The request was only shown: `{request.get('method')} {request.get('url')}`\n"
    else:
        where = "a stand-in on this machine" if local else f"[the console]({ledger.console_url})"
        text = (
            f"Job `{name}` in {where}\n\n"
            f"    intent2batch watch {name}\n"
            f"    intent2batch tasks {name}\n"
            f"    intent2batch cancel {name}\n"
        )
    _write(path, text)


def _write(path: str, text: str) -> None:
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
