"""Where the client looks for the service, and that it does not repeat calls on its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.api_core.exceptions import ServiceUnavailable
from google.auth.exceptions import RefreshError

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


def test_expired_credentials_are_no_service_that_is_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Over gRPC they came as 503, and were waited for without end."""
    monkeypatch.delenv(client.BATCH_VARIABLE, raising=False)
    mine = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(mine), encoding="utf-8")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    def revoked(*_: object, **__: object) -> None:
        raise RefreshError("invalid_grant: Token has been expired or revoked")

    monkeypatch.setattr("google.oauth2.reauth.refresh_grant", revoked)
    batch = client.batch_client()
    with pytest.raises(RefreshError, match="invalid_grant"):
        batch.get_job(name="projects/p/locations/us-central1/jobs/j", **client.call_options())


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
