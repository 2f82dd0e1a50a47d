"""The process that runs one pipeline job, through kfp.local.

A process of its own, the leader of a session, because kfp.local leaves its children behind on
SIGTERM and rewires logging. Started as `python -m emulator.pipelines.process FD`: one line of JSON
on stdin says what to run, events go to the file descriptor, everything else to stdout. It ends with
its parent, which keeps stdin open as long as it lives.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType


def main() -> int:
    """Run a pipeline; returns 0 where the run is over, however it came out."""
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with os.fdopen(int(sys.argv[1]), "w", encoding="utf-8") as events:
        _import_light_kfp()
        from kfp import components, local

        from emulator.pipelines.observer import Observer

        root = Path(request["folder"])
        observer = Observer(events, root, request["job"])
        _cancel_on_sigterm(observer)
        local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(root))
        observer.watch()
        observer.tell("ready")
        try:
            pipeline = components.load_component_from_text(json.dumps(request["spec"]))
            pipeline(**observer.masked(request["parameters"]))
        except Exception as error:  # whatever it is, the run has failed and says why
            observer.tell("over", state="FAILED", error=f"{type(error).__name__}: {error}")
            return 0
        observer.tell("over", state="SUCCEEDED", error="")
    return 0


def _import_light_kfp() -> None:
    """Leave out kfp's client of Kubeflow, by kfp's own switch: it is half of its start."""
    os.environ["_KFP_RUNTIME"] = "true"
    import kfp  # noqa: F401

    del os.environ["_KFP_RUNTIME"]


def _cancel_on_sigterm(observer: object) -> None:
    """On SIGTERM, end the steps that run and let no other begin."""

    def cancel(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        observer.cancelled = True  # type: ignore[attr-defined]
        os.killpg(0, signal.SIGTERM)

    signal.signal(signal.SIGTERM, cancel)


def _end_with_parent() -> None:
    # Not sys.stdin: a thread that holds its lock breaks the end of the interpreter.
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
