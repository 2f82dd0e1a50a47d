"""An intent, a right draft of it, and what tests ask of the Gemini reader."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from components.gemini.settings import GeminiSettings
from components.parse_intent.answer import Answer, answer_reading
from components.parse_intent.reading import Reading

TODAY = datetime.date(2026, 11, 21)
SETTINGS = GeminiSettings("local-project")
INTENT = (
    "I need 12 tasks of `/opt/qc/check.sh $BATCH_TASK_INDEX`, at most 3 at once, on e2-standard-4."
)


def asked(value: Any, quote: str) -> dict[str, Any]:
    return {"value": value, "quote": quote}


RIGHT: dict[str, Any] = {
    "steps": [
        {
            "kind": "script",
            "text": asked("/opt/qc/check.sh $BATCH_TASK_INDEX", "/opt/qc/check.sh"),
        }
    ],
    "task_count": asked(12, "12 tasks"),
    "parallelism": asked(3, "at most 3 at once"),
    "machine_type": asked("e2-standard-4", "e2-standard-4"),
}


Read = Callable[..., Reading]


def answer(reading: Reading) -> Answer:
    return answer_reading(reading, [])
