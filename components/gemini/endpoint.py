"""Where Vertex AI answers for a location, or the stand-in that the environment names."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from components.errors import WrongUse

BASE_VARIABLE = "GOOGLE_VERTEX_BASE_URL"
# The modelVersion of the local stand-in where nobody scripted its answer: then it made one up.
MADE_UP_BY = "local-stand-in"


def endpoint(location: str) -> str:
    """The base URL of Vertex AI for a location, without a final slash.

    Raises:
        WrongUse: there can be no such location.
    """
    if not re.fullmatch(r"[a-z0-9-]{2,40}", location):
        raise WrongUse(f"{location!r} is not a location", fix="For example global or us-central1.")
    override = os.environ.get(BASE_VARIABLE, "").rstrip("/")
    if override:
        return override
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in ("us", "eu"):
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def is_local() -> bool:
    """Whether calls go to a stand-in on this machine."""
    return urlsplit(os.environ.get(BASE_VARIABLE, "")).scheme == "http"
