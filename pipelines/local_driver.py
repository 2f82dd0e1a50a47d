"""The process that runs one compiled pipeline on this machine, through stock kfp.local.

It is a process of its own because kfp.local leaves its children behind on SIGTERM and keeps the
root logger of whoever calls it. `pipelines/running.py` starts it in a session of its own, speaks
to it in JSON lines on stdin, and reads its stdout: kfp's noise, and between it lines that begin
with a token, which tell what happens.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sys
import threading
from types import FrameType
from typing import Any

from components.reporting import CANCELLED_VARIABLE
from pipelines.light_kfp import import_light_kfp

# What kfp.local 2.17 logs about a task; colours included, so that no value can pass for it.
STARTED = re.compile(r"Executing task \x1b\[96m'([^']+)'\x1b\[0m")
ENDED = re.compile(
    r"Task \x1b\[96m'([^']+)'\x1b\[0m finished with status \x1b\[9\dm(SUCCESS|FAILURE)\x1b\[0m"
)


class Progress(logging.Filter):
    """Sees what kfp.local logs and tells it to the parent, one JSON line an event.

    A filter, because kfp.local removes foreign handlers from the root logger while it runs.
    """

    def __init__(self, token: str) -> None:
        super().__init__()
        self.token = token
        self.exit_steps: frozenset[str] = frozenset()
        self.in_exit_step = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell of a step that starts or ends; lets every record pass."""
        message = str(record.msg)
        if started := STARTED.fullmatch(message):
            self.in_exit_step = started[1] in self.exit_steps
            if self.in_exit_step:
                # The report is written for a cancelled run too.
                os.environ.pop(CANCELLED_VARIABLE, None)
            self.tell("started", step=started[1])
        elif ended := ENDED.fullmatch(message):
            self.tell("ended", step=ended[1], succeeded=ended[2] == "SUCCESS")
        return True

    def tell(self, event: str, **content: Any) -> None:
        """Write an event as one line that begins with the token."""
        sys.stdout.write(f"{self.token} {json.dumps({'event': event, **content})}\n")
        sys.stdout.flush()


def cancel_on_sigterm(progress: Progress) -> None:
    """On SIGTERM, end the step that runs and let no other begin, save the one that reports.

    Python runs the handler between two bytecodes of this thread. A step that was started before
    it gets the signal; a step that is started after it finds the variable and refuses. There is
    nothing in between.
    """

    def cancel(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if progress.in_exit_step:
            return
        os.environ[CANCELLED_VARIABLE] = "1"
        os.killpg(0, signal.SIGTERM)

    signal.signal(signal.SIGTERM, cancel)


def end_with_parent(credentials: str, *, patience_s: float = 60.0) -> None:
    """When whoever started this is gone (killed, out of memory), end the run as well.

    The parent keeps our stdin open as long as it lives.

    Args:
        credentials: the file that the parent's own stand-ins gave to the steps and to the tasks of
            jobs, by which those are known; empty where the stand-ins are not the parent's.
        patience_s: how long the steps may take to cancel the job, where there may be one.
    """

    def wait() -> None:
        # Not sys.stdin: a thread that holds its lock breaks the end of the interpreter.
        while os.read(0, 4096):
            pass
        if credentials:  # the job went with the stand-ins; its tasks may still run
            from pipelines.local_services import end_tasks

            end_tasks(credentials)
        else:
            os.kill(os.getpid(), signal.SIGTERM)
            threading.Event().wait(patience_s)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def main() -> int:
    """Run a pipeline; returns the exit code.

    The first line on stdin: `pipeline` (a name) or `spec` (its text), and `token`. The event
    `ready` answers with the text. The second line: `parameters`, `pipeline_root`, `environment`
    for the steps, and `exit_steps`, those that run after all others.
    """
    request = json.loads(sys.stdin.readline())
    progress = Progress(request["token"])
    cancel_on_sigterm(progress)
    import_light_kfp()
    from kfp import components, local

    text = request["spec"]
    if not text:
        from pipelines.compiling import compiled

        text = compiled(request["pipeline"])
    progress.tell("ready", spec=text)
    second = sys.stdin.readline()
    if not second:  # the parameters were refused, or the person went away
        return 0
    run = json.loads(second)
    os.environ.update(run["environment"])
    end_with_parent(run["environment"].get("GOOGLE_APPLICATION_CREDENTIALS", ""))
    progress.exit_steps = frozenset(run["exit_steps"])
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=run["pipeline_root"])
    logging.getLogger().addFilter(progress)
    try:
        components.load_component_from_text(text)(**run["parameters"])
    except RuntimeError as error:
        # kfp.local's word for "a step failed", which was told already.
        sys.stdout.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
