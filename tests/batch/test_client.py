"""Where the client looks for the service, and that it does not repeat calls on its own."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import ServiceUnavailable

from components.batch import client
from emulator.faults import Fault
from emulator.launch import Emulator


@pytest.mark.parametrize(
    ("value", "url", "local"),
    [
        ("", "https://batch.googleapis.com", False),
        ("http://127.0.0.1:99/", "http://127.0.0.1:99", True),
        ("https://batch.private.example.com/", "https://batch.private.example.com", False),
    ],
)
def test_endpoint(monkeypatch: pytest.MonkeyPatch, value: str, url: str, local: bool) -> None:
    monkeypatch.setenv(client.BATCH_VARIABLE, value)
    assert (client.batch_endpoint(), client.is_local()) == (url, local)


def test_logging_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(client.LOGGING_VARIABLE, raising=False)
    assert client.logging_endpoint() == "https://logging.googleapis.com"
    monkeypatch.setenv(client.LOGGING_VARIABLE, "http://127.0.0.1:99/")
    assert client.logging_endpoint() == "http://127.0.0.1:99"


def test_a_failed_call_is_made_once(emulator: Emulator) -> None:
    emulator.faults.add(Fault("batch.GetJob", count=5))
    name = "projects/local-project/locations/us-central1/jobs/j"
    with pytest.raises(ServiceUnavailable):
        client.batch_client().get_job(name=name, **client.call_options())
    assert emulator.faults.calls()["batch.GetJob"] == 1
