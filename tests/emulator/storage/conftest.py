"""The real Cloud Storage client against an emulator of the test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.cloud import storage

from emulator.launch import Emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[storage.Client]:
    made = storage.Client(project=emulator.project)
    yield made
    made.close()


@pytest.fixture
def bucket(client: storage.Client) -> storage.Bucket:
    return client.bucket("local-project-bucket")
