"""A Vertex stand-in with the credentials of a fake service account, for the real client."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google import genai

from components.gemini.client import gemini_client
from emulator.faults import Faults
from emulator.http import serve
from emulator.vertex import service


@pytest.fixture(scope="session")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def vertex(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private_key: str, faults: Faults
) -> Iterator[str]:
    """The stand-in's URL; the environment points the client at it."""
    running = serve(service(tmp_path, "local-project", faults))
    account = {
        "type": "service_account",
        "project_id": "local-project",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": "local@local-project.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{running.url}/token",
    }
    path = tmp_path / "account.json"
    path.write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", running.url)
    yield running.url
    running.stop()


@pytest.fixture
def client(vertex: str) -> Iterator[genai.Client]:
    with gemini_client("local-project", "global") as client:
        yield client


@pytest.fixture
def script(vertex: str) -> Callable[..., None]:
    """Set the answers that the stand-in model gives, in order."""

    def play(*answers: dict[str, Any]) -> None:
        body = json.dumps({"answers": answers}).encode()
        url = f"{vertex}/_emulator/model"
        with urllib.request.urlopen(urllib.request.Request(url, body, method="POST")):
            pass

    return play


@pytest.fixture
def requests_seen(vertex: str) -> Callable[[], list[dict[str, Any]]]:
    def seen() -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{vertex}/_emulator/model") as answer:
            found: list[dict[str, Any]] = json.load(answer)["requests"]
            return found

    return seen
