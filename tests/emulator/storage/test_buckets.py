"""Buckets with the real client."""

from __future__ import annotations

import pytest
from google.api_core import exceptions
from google.cloud import storage

from emulator.projects import project_number


def test_a_bucket_is_made_changed_found_and_removed(client: storage.Client) -> None:
    made = client.create_bucket("some-bucket", location="EUROPE-WEST3")
    assert made.location == "EUROPE-WEST3"
    made.labels = {"team": "a"}
    made.patch()
    found = client.get_bucket("some-bucket")
    assert (found.labels, found.metageneration) == ({"team": "a"}, 2)
    first = client.get_bucket("local-project-bucket")
    assert found.project_number == first.project_number == int(project_number("local-project"))
    names = [bucket.name for bucket in client.list_buckets()]
    assert names == ["local-project-bucket", "some-bucket"]
    assert [bucket.name for bucket in client.list_buckets(prefix="so")] == ["some-bucket"]
    found.delete()
    assert client.lookup_bucket("some-bucket") is None


def test_a_bucket_that_exists_is_not_made_again(client: storage.Client) -> None:
    client.create_bucket("some-bucket")
    with pytest.raises(exceptions.Conflict):
        client.create_bucket("some-bucket")


def test_a_bucket_with_objects_is_not_removed(bucket: storage.Bucket) -> None:
    bucket.blob("x").upload_from_string("x")
    with pytest.raises(exceptions.Conflict, match="not empty"):
        bucket.delete()
    bucket.delete(force=True)
    assert not bucket.exists()


@pytest.mark.parametrize(
    "name", ["ab", "Abc", "a b c", "a/b", "x" * 64, "googbucket", "my-google-x"]
)
def test_names_that_the_service_refuses(client: storage.Client, name: str) -> None:
    with pytest.raises(exceptions.BadRequest, match="Invalid bucket name"):
        client.create_bucket(name)


def test_conditions_on_a_bucket(client: storage.Client) -> None:
    made = client.create_bucket("some-bucket")
    made.labels = {"a": "b"}
    with pytest.raises(exceptions.PreconditionFailed):
        made.patch(if_metageneration_match=7)
    made.patch(if_metageneration_match=1)
    assert client.get_bucket("some-bucket", if_metageneration_match=2).labels == {"a": "b"}
    with pytest.raises(exceptions.PreconditionFailed):
        client.get_bucket("some-bucket", if_metageneration_match=1)
    with pytest.raises(exceptions.NotModified):
        client.get_bucket("some-bucket", if_metageneration_not_match=2)


def test_versions_of_objects_are_refused(client: storage.Client) -> None:
    made = client.create_bucket("some-bucket")
    made.versioning_enabled = True
    with pytest.raises(exceptions.BadRequest, match="does not emulate object versioning"):
        made.patch()
