"""The stand-in for Artifact Registry's repositories of compiled pipelines."""

from __future__ import annotations

from emulator.registry.service import Registry

__all__ = ["Registry"]
