"""The Gemini reader before a stand-in model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from google import genai

from components.gemini.client import Retry, gemini_client
from components.gemini.settings import GeminiSettings
from components.parse_intent import gemini_reader
from components.parse_intent.reading import Reading
from emulator.launch import Emulator
from tests.parse_intent.gemini_words import SETTINGS, TODAY, Read


@pytest.fixture
def client(emulator: Emulator) -> Iterator[genai.Client]:
    with gemini_client("local-project", "global") as client:
        yield client


@pytest.fixture
def read(client: genai.Client) -> Read:
    def call(turns: str | Sequence[str], settings: GeminiSettings = SETTINGS) -> Reading:
        return gemini_reader.read(
            [turns] if isinstance(turns, str) else turns,
            settings,
            client=client,
            retry=Retry(pause=lambda _: None),
            today=TODAY,
        )

    return call
