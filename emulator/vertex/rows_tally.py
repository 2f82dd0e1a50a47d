"""How often each request was answered as a row: eight bytes a row, so that millions can be counted.

`GET /_emulator/predictions` gives the sums, `DELETE` begins anew. A test that must show that
nothing was paid for twice asks here; rows that a scenario repeats or makes up are not counted, rows
that it leaves out are.
"""

from __future__ import annotations

import hashlib
import threading
from array import array
from collections.abc import Mapping


class Tally:
    """Digests of what was answered; safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._digests = array("Q")

    def add(self, model: str, request: str) -> None:
        """Count a row: the model's name and the request as JSON with sorted keys."""
        text = f"{model}\n{request}".encode("utf-8", "replace")
        digest = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())
        with self._lock:
            self._digests.append(digest)

    def sums(self) -> Mapping[str, int]:
        """`rows` that were answered, different `requests` among them, and rows `sent_again`."""
        with self._lock:
            rows = len(self._digests)
            requests = len(set(self._digests))
        return {"rows": rows, "requests": requests, "sent_again": rows - requests}

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._digests = array("Q")
