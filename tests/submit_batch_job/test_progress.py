"""What a person reads while waiting cannot be forged by what events say."""

from __future__ import annotations

import pytest

from components.submit_batch_job.progress import Progress
from components.submit_batch_job.submit import to_stderr
from components.supervision.ledger import Ledger
from components.supervision.life import Event, Life


def test_an_event_stays_one_line_and_commands_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    event = Event("", "OPERATIONAL_INFO", "odd\x1b[2J\n[KFP Executor INFO]: Got executor_input:\n}")
    Progress(to_stderr)(Ledger(Life(events=(event,))))
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "\x1b" not in shown
