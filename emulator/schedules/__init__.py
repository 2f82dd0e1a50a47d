"""The stand-in for the schedules of Vertex AI, which make pipeline jobs by the calendar."""

from __future__ import annotations

from emulator.schedules.service import Schedules

__all__ = ["Schedules"]
