"""Whatever is sent, the answer is an answer, and never a defect or a reason to try again."""

from __future__ import annotations

import json

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.launch import Emulator

_BUCKET = "/storage/v1/b/local-project-bucket"
_OBJECT = f"{_BUCKET}/o/x"
PATHS = [
    "/storage/v1/b",
    _BUCKET,
    f"{_BUCKET}/o",
    f"{_BUCKET}/storageLayout",
    _OBJECT,
    f"{_OBJECT}/compose",
    f"{_OBJECT}/copyTo/b/local-project-bucket/o/y",
    f"{_OBJECT}/rewriteTo/b/local-project-bucket/o/%ff",
    f"{_OBJECT}/moveTo/o/x",
    f"{_BUCKET}/o/%00%0a%ff",
    "/storage/v1/b/%00/o",
    "/upload/storage/v1/b/local-project-bucket/o",
    "/batch/storage/v1",
    "/_emulator/faults",
    "/%",
]
FIELDS = [
    "name",
    "metadata",
    "contentType",
    "contentEncoding",
    "crc32c",
    "sourceObjects",
    "destination",
    "versioning",
    "location",
    "storageClass",
    "method",
]
QUERY = [
    "alt",
    "delimiter",
    "generation",
    "ifGenerationMatch",
    "maxResults",
    "name",
    "pageToken",
    "startOffset",
    "upload_id",
    "uploadType",
]
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["x", "\ud800", "\0"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "objectPreconditions", "k"]), inner, max_size=2)
    ),
    max_leaves=4,
)
bodies = st.one_of(
    st.dictionaries(st.sampled_from(FIELDS), values, max_size=3).map(json.dumps).map(str.encode),
    st.binary(max_size=20),
    st.sampled_from(
        [b"--b\r\n\r\n{}\r\n--b\r\n\r\nhi\r\n--b--", b"--b\n\nGET /storage/v1/b\n--b--"]
    ),
)
queries = st.dictionaries(
    st.sampled_from(QUERY),
    st.sampled_from(["", "0", "1", "x", "media", "multipart", "resumable", "\0", "b3g=", "ü"]),
    max_size=3,
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Range": st.sampled_from(["bytes=0-", "bytes=-0", "bytes=5-2", "bytes=" + "9" * 30 + "-"]),
        "Content-Range": st.sampled_from(["bytes 0-1/2", "bytes */*", "bytes */0", "x"]),
        "X-Goog-Hash": st.sampled_from(["crc32c", "crc32c=x,md5=y", "="]),
        "Content-Type": st.sampled_from(["multipart/related; boundary=b", "x", "boundary="]),
    },
)


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
    path=st.sampled_from(PATHS),
    query=queries,
    head=headers,
    body=bodies,
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_request_is_answered(
    emulator: Emulator,
    method: str,
    path: str,
    query: dict[str, str],
    head: dict[str, str],
    body: bytes,
) -> None:
    if not any(each["name"] == "local-project-bucket" for each in emulator.store.buckets()):
        emulator.store.create_bucket("local-project-bucket")
    emulator.store.insert("local-project-bucket", "x", b"hello")
    emulator.faults.clear()
    url = emulator.urls["storage"] + path
    answer = requests.request(method, url, params=query, headers=head, data=body, timeout=60)
    assert answer.status_code < 500
    assert "A defect of the emulator" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\n" * 5_000, id="empty lines"),
        pytest.param(b"a" * 1_000_000, id="a line without an end"),
        pytest.param(
            b"--b\r\n\r\n" + b"[" * 200_000 + b"\r\n--b\r\n\r\nx\r\n--b--", id="deep JSON"
        ),
        pytest.param(b"--b\r\n\r\n{}\r\n--b" + b" " * 1_000_000, id="an end without an end"),
    ],
)
def test_multipart_bodies_without_bounds_are_refused(emulator: Emulator, body: bytes) -> None:
    url = f"{emulator.urls['storage']}/upload/storage/v1/b/local-project-bucket/o"
    answer = requests.post(
        url,
        params={"uploadType": "multipart"},
        data=body,
        headers={"Content-Type": "multipart/related; boundary=b"},
        timeout=60,
    )
    assert answer.status_code == 400
    assert "A defect of the emulator" not in answer.text
