"""The real client against the Vertex stand-in, whose answers a test scripts."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google import genai

from components.gemini.client import gemini_client
from emulator.launch import Emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[genai.Client]:
    with gemini_client(emulator.project, "global") as client:
        yield client


@pytest.fixture
def script(emulator: Emulator) -> Callable[..., None]:
    """Set the answers that the stand-in model gives, in order."""

    def play(*answers: dict[str, Any]) -> None:
        body = json.dumps({"answers": answers}).encode()
        url = f"{emulator.urls['vertex']}/_emulator/model"
        with urllib.request.urlopen(urllib.request.Request(url, body, method="POST")):
            pass

    return play


@pytest.fixture
def requests_seen(emulator: Emulator) -> Callable[[], list[dict[str, Any]]]:
    def seen() -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{emulator.urls['vertex']}/_emulator/model") as answer:
            found: list[dict[str, Any]] = json.load(answer)["requests"]
            return found

    return seen
