"""The Google Cloud project that a process works for."""

from __future__ import annotations

import os


def project_here() -> str:
    """The id (on Vertex AI the number) of the project; empty if nothing tells.

    CLOUD_ML_PROJECT_ID is what Vertex AI tells the containers that it runs. What google.auth
    finds there is not used: it is the project of Vertex's own machines.
    """
    told = ("GOOGLE_CLOUD_PROJECT", "CLOUD_ML_PROJECT_ID")
    return next((os.environ[name] for name in told if os.environ.get(name)), "")
