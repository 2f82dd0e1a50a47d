"""The stand-in for Vertex AI Pipelines: a submitted spec really runs, through kfp.local."""

from __future__ import annotations

from emulator.pipelines.service import PipelineJobs

__all__ = ["PipelineJobs"]
