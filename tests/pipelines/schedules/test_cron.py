"""Cron texts: what is taken, what is refused and with which hint, and the times they mean."""

from __future__ import annotations

import datetime

import pytest

from components.errors import WrongUse
from pipelines.schedules.cron import check_cron, times


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0 3 * * *", "0 3 * * *"),
        ("  TZ=Europe/London   0 3 * *   * ", "TZ=Europe/London 0 3 * * *"),
        ("CRON_TZ=America/New_York */15 9-17 * * mon-fri", None),
        ("0 0 29 2 *", None),
        ("5,35 0 1 JAN,JUL *", None),
    ],
)
def test_what_is_taken(text: str, wanted: str | None) -> None:
    assert check_cron(text, "--cron") == (wanted or text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has 0 fields"),
        ("every night", "has 2 fields"),
        ("0 0 3 * * *", "Leave out the seconds"),
        ("@daily", 'Write "0 0 * * *"'),
        ("TZ=Europe/London", "has a time zone and no times"),
        ("TZ=Europe/Lodnon 0 3 * * *", "Did you mean Europe/London?"),
        ("TZ=europe/london 0 3 * * *", "Did you mean Europe/London?"),
        ("TZ=Europe 0 3 * * *", "is not a time zone"),
        ("TZ=/etc/localtime 0 3 * * *", "is not a time zone"),
        ("60 3 * * *", "wrong minute"),
        ("0 24 * * *", "wrong hour"),
        ("0 3 0 * *", "wrong day-of-month"),
        ("0 3 * 13 *", "wrong month"),
        ("0 3 * * 8", "wrong day-of-week"),
        ("0 3 30 2 *", "wrong day-of-month"),
        ("0 3 ? * *", "cannot hold '?'"),
        ("0 3 * * 5#1", "cannot hold '5#1'"),
        ("0 3 L * *", "cannot hold 'L'"),
        ("0 3 * * *; rm -rf /", "fields, not five"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(WrongUse) as caught:
        check_cron(text, "--cron")
    assert says in str(caught.value)
    assert str(caught.value).startswith("--cron: ")


def test_times_keep_the_hour_where_clocks_change() -> None:
    after = datetime.datetime(2026, 3, 27, 12, tzinfo=datetime.UTC)
    found = times("TZ=Europe/London 0 3 * * *", after, 3)
    assert [moment.astimezone(datetime.UTC).hour for moment in found] == [3, 2, 2]
    assert {moment.hour for moment in found} == {3}
