"""Listings: prefixes, folders, bounds, pages."""

from __future__ import annotations

import pytest
import requests
from google.api_core import exceptions
from google.cloud import storage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.launch import Emulator

NAMES = ["a", "a/", "a/1", "a/2", "a/b/1", "a/b/2", "b/1", "c", "é", "\U0001f600"]


@pytest.fixture(autouse=True)
def filled(emulator: Emulator) -> None:
    for name in NAMES:
        emulator.store.insert("local-project-bucket", name, name.encode())


@pytest.mark.parametrize(
    ("query", "names", "prefixes"),
    [
        ({}, NAMES, []),
        ({"prefix": "a/"}, ["a/", "a/1", "a/2", "a/b/1", "a/b/2"], []),
        ({"prefix": "nothing"}, [], []),
        ({"delimiter": "/"}, ["a", "c", "é", "\U0001f600"], ["a/", "b/"]),
        ({"prefix": "a/", "delimiter": "/"}, ["a/", "a/1", "a/2"], ["a/b/"]),
        ({"prefix": "a", "delimiter": "/"}, ["a"], ["a/"]),
        (
            {"delimiter": "/", "include_trailing_delimiter": True},
            ["a", "a/", "c", "é", "\U0001f600"],
            ["a/", "b/"],
        ),
        ({"delimiter": "b/"}, ["a", "a/", "a/1", "a/2", "c", "é", "\U0001f600"], ["a/b/", "b/"]),
        ({"start_offset": "a/2", "end_offset": "c"}, ["a/2", "a/b/1", "a/b/2", "b/1"], []),
        ({"start_offset": "é"}, ["é", "\U0001f600"], []),
        ({"max_results": 3}, NAMES[:3], []),
    ],
)
@pytest.mark.parametrize("page_size", [None, 1, 2, 1000])
def test_what_is_listed(
    bucket: storage.Bucket,
    query: dict[str, object],
    names: list[str],
    prefixes: list[str],
    page_size: int | None,
) -> None:
    found = bucket.list_blobs(page_size=page_size, **query)
    assert [blob.name for blob in found] == names
    assert sorted(found.prefixes) == prefixes


def test_pages_are_no_larger_than_asked(bucket: storage.Bucket) -> None:
    pages = [[blob.name for blob in page] for page in bucket.list_blobs(page_size=4).pages]
    assert pages == [NAMES[:4], NAMES[4:8], NAMES[8:]]


def test_a_listing_over_many_rows(emulator: Emulator, bucket: storage.Bucket) -> None:
    names = [f"many/{number:05}" for number in range(1203)]
    for name in names:
        emulator.store.insert("local-project-bucket", name, b"")
    assert [blob.name for blob in bucket.list_blobs(prefix="many/")] == names
    calls = emulator.faults.calls()
    assert calls["storage.list"] == 2


def test_objects_that_come_and_go_between_pages_disturb_nothing(bucket: storage.Bucket) -> None:
    pages = bucket.list_blobs(page_size=2).pages
    assert [blob.name for blob in next(pages)] == NAMES[:2]
    bucket.blob("a/1").delete()
    bucket.blob("a/").delete()
    assert [blob.name for blob in next(pages)] == ["a/2", "a/b/1"]


@given(
    names=st.lists(st.text("ab/ü", min_size=1, max_size=6), unique=True, max_size=12),
    prefix=st.text("ab/ü", max_size=2),
    size=st.integers(1, 5),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_together_are_the_listing(
    emulator: Emulator, names: list[str], prefix: str, size: int
) -> None:
    store, name = emulator.store, "pages-bucket"
    store.create_bucket(name)
    for each in names:
        store.insert(name, each, b"")
    expected = {
        prefix + rest.split("/")[0] + "/" if "/" in rest else prefix + rest
        for rest in (each.removeprefix(prefix) for each in names if each.startswith(prefix))
    }
    found: list[str] = []
    query: dict[str, str] | None = {"prefix": prefix, "delimiter": "/", "maxResults": str(size)}
    while query:
        url = f"{emulator.urls['storage']}/storage/v1/b/{name}/o"
        page = requests.get(url, params=query, timeout=60).json()
        items = [item["name"] for item in page.get("items", [])] + page.get("prefixes", [])
        assert 0 < len(items) <= size or not expected
        found += items
        token = page.get("nextPageToken")
        query = {**query, "pageToken": token} if token else None
    assert sorted(found) == sorted(expected)
    for each in names:
        store.delete(name, each)
    store.delete_bucket(name)


@pytest.mark.parametrize("token", ["###", "%%", "/w=="])
def test_a_token_that_is_none_is_refused(emulator: Emulator, token: str) -> None:
    url = f"{emulator.urls['storage']}/storage/v1/b/local-project-bucket/o"
    assert requests.get(url, params={"pageToken": token}, timeout=60).status_code == 400


def test_a_bucket_that_is_not_there(client: storage.Client) -> None:
    with pytest.raises(exceptions.NotFound):
        list(client.list_blobs("no-such-bucket"))
