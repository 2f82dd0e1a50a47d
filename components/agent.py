"""How our calls name themselves, so that an audit log tells them from a person's."""

from __future__ import annotations

AGENT = "intent2batch"
"""The product in `User-Agent`; gapic clients put it into `x-goog-api-client`."""
