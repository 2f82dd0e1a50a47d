"""The jobs of a run as a page for the console, which links one of them by itself at most."""

from __future__ import annotations

from components.batch_predict.book import Doc, Entry
from components.batch_predict.prediction_job import JOB_NAME
from components.tables.formats import count
from components.tables.markdown import plain

# As google-cloud-aiplatform 1.165 puts it together (jobs.py).
CONSOLE = (
    "https://console.cloud.google.com/agent-platform/locations/{location}/batch-predictions/{id}"
)


def jobs_page(doc: Doc, *, local: bool) -> str:
    """Every sending of requests: what was asked, how it stands, and where it is shown.

    Args:
        doc: the ledger.
        local: whether a stand-in runs the jobs, which no console shows.
    """
    lines = ["# What was sent", ""]
    if local:
        lines += ["The jobs ran in a stand-in on this machine, not on Google Cloud.", ""]
    lines += ["| model | wave | attempt | requests | state | job |", "|---|---|---|---|---|---|"]
    lines += [_row(entry, local=local) for entry in doc.entries]
    if doc.stopped:
        lines += ["", f"Stopped: {plain(doc.stopped)}"]
    return "\n".join(lines) + "\n"


def _row(entry: Entry, *, local: bool) -> str:
    life = entry.ledger.life
    state = life.state or life.outcome or life.phase
    cells = (
        plain(entry.model),
        str(entry.wave + 1),
        str(entry.attempt),
        count(entry.requests),
        plain(state) if entry.how == "batch" else "one by one",
        _link(life.job_name, local=local),
    )
    return "| " + " | ".join(cells) + " |"


def _link(name: str, *, local: bool) -> str:
    found = JOB_NAME.fullmatch(name)
    if not found or local:
        return plain(name)
    address = CONSOLE.format(location=found["location"], id=found["id"])
    return f"[{plain(found['id'])}]({address}?project={found['project']})"
