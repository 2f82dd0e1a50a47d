"""The emulator's stand-in model: what it shall answer, and what it was asked."""

from __future__ import annotations

import json
import urllib.request
from typing import Any


class Model:
    """The stand-in model: what it shall answer, and what it was asked."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/_emulator/model"

    def answers(self, *answers: Any) -> None:
        """Drafts (as data) or whole scripted answers, in order."""
        queue = [a if set(a) & {"text", "json", "block_reason"} else {"json": a} for a in answers]
        body = json.dumps({"answers": queue}).encode()
        with urllib.request.urlopen(urllib.request.Request(self._url, body, method="POST")):
            pass

    def always(self, answer: dict[str, Any]) -> None:
        body = json.dumps({"otherwise": answer}).encode()
        with urllib.request.urlopen(urllib.request.Request(self._url, body, method="POST")):
            pass

    def asked(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(self._url) as answer:
            return [request["body"] for request in json.load(answer)["requests"]]

    def last_words(self) -> list[str]:
        """The last turn of each request."""
        return [body["contents"][-1]["parts"][0]["text"] for body in self.asked()]

    def clear(self) -> None:
        """Forget the script, and what was asked."""
        with urllib.request.urlopen(urllib.request.Request(self._url, method="DELETE")):
            pass
