"""The client of the Batch API, and where it looks for the service.

No environment variable redirects Google's Python clients; the one that gcloud reads for the same
purpose is used, so that one setting points the command, the steps and gcloud at the same place.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from components.agent import AGENT

if TYPE_CHECKING:
    from google.cloud.batch_v1 import BatchServiceClient

BATCH_VARIABLE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_BATCH"
LOGGING_VARIABLE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING"
BATCH_URL = "https://batch.googleapis.com"
LOGGING_URL = "https://logging.googleapis.com"

# Shorter than the time for which a create without an answer is given to settle (Policy.settle_s).
CALL_S = 30.0


def batch_client() -> BatchServiceClient:
    """A client of the Batch service, or of what CLOUDSDK_API_ENDPOINT_OVERRIDES_BATCH names.

    An http:// endpoint is a stand-in on this machine and gets no credentials.
    """
    from google.api_core.gapic_v1.client_info import ClientInfo
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.batch_v1 import BatchServiceClient

    endpoint = os.environ.get(BATCH_VARIABLE, "").rstrip("/")
    return BatchServiceClient(
        # Not gRPC: it tells of credentials that have expired as of a service that is away (503).
        transport="rest",
        credentials=AnonymousCredentials() if is_local() else None,
        client_options={"api_endpoint": endpoint} if endpoint else None,
        client_info=ClientInfo(user_agent=AGENT),
    )


def call_options() -> dict[str, Any]:
    """What each call is given: one attempt, and a time limit.

    The client would repeat a 503 for 60 s on its own; repeating is the supervision's work.
    """
    return {"retry": None, "timeout": CALL_S}


def is_local() -> bool:
    """Whether calls go to a stand-in on this machine."""
    return urlsplit(os.environ.get(BATCH_VARIABLE, "")).scheme == "http"


def batch_endpoint() -> str:
    """The base URL of the Batch API, without a final slash."""
    return os.environ.get(BATCH_VARIABLE, "").rstrip("/") or BATCH_URL


def logging_endpoint() -> str:
    """The base URL of the Cloud Logging API, without a final slash."""
    return os.environ.get(LOGGING_VARIABLE, "").rstrip("/") or LOGGING_URL
