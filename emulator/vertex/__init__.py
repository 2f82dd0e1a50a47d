"""The stand-in for Vertex AI's Gemini calls, and for the token server of its service account."""

from __future__ import annotations

from emulator.vertex.routes import service

__all__ = ["service"]
