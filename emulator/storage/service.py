"""The JSON interface of Cloud Storage, as google-cloud-storage 3.17 and `gcloud storage` use it.

The calls are named `storage.insert` (every upload's first request), `storage.uploadChunk`,
`storage.media` (a download), `storage.get`, `storage.list`, `storage.patch`, `storage.delete`,
`storage.copy`, `storage.rewrite`, `storage.move`, `storage.compose`, `storage.batch`,
`storage.buckets.insert`, `.get`, `.list`, `.patch`, `.delete`, `.layout`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.faults import Faults
from emulator.messages import ApiError, Request, Response, Route, Service, not_emulated
from emulator.projects import project_number
from emulator.storage import listing, multipart
from emulator.storage.batching import batch_answer
from emulator.storage.media import media_answer
from emulator.storage.records import (
    Incoming,
    Stored,
    check_kind,
    check_object_name,
    patched,
    settings_of,
    without_nulls,
)
from emulator.storage.resources import (
    bucket_resource,
    check_plain,
    checksums_of,
    conditions_of,
    object_resource,
    whole,
)
from emulator.storage.store import Source, Store
from emulator.storage.uploads import Uploads

_API = r"(?:/download)?/storage/v1"
_BUCKET = rf"{_API}/b/(?P<bucket>[^/]+)"
_OBJECT = rf"{_BUCKET}/o/(?P<object>[^/]+)"
_TARGET = r"/b/(?P<to_bucket>[^/]+)/o/(?P<to_object>[^/]+)"
_UPLOAD = r"(?:/resumable)?/upload/storage/v1/b/(?P<bucket>[^/]+)/o"
_REFUSED_OF_BUCKETS = ("encryption", "hierarchicalNamespace", "logging", "retentionPolicy")


def service(store: Store, faults: Faults) -> Service:
    """Cloud Storage over the store, which is closed with it."""
    api = _Api(store)
    routes = api.routes()
    batch = Route("POST", "/batch/storage/v1", lambda r: batch_answer(r, routes), "storage.batch")
    return Service("storage", [*routes, batch], faults, store.close)


class _Api:
    """The calls: each reads the request, asks the store and shows the result."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._uploads = Uploads(store)

    def routes(self) -> list[Route]:
        """All calls but the batch."""
        name = "storage"
        return [
            Route("POST", _UPLOAD, self.upload, f"{name}.insert"),
            Route("PUT", _UPLOAD, self.chunk, f"{name}.uploadChunk"),
            Route("DELETE", _UPLOAD, self.cancel_upload, f"{name}.cancelUpload"),
            Route("POST", rf"{_OBJECT}/copyTo{_TARGET}", self.copy, f"{name}.copy"),
            Route("POST", rf"{_OBJECT}/rewriteTo{_TARGET}", self.rewrite, f"{name}.rewrite"),
            Route("POST", rf"{_OBJECT}/moveTo/o/(?P<to_object>[^/]+)", self.move, f"{name}.move"),
            Route("POST", rf"{_OBJECT}/compose", self.compose, f"{name}.compose"),
            Route("GET", _OBJECT, self.get, f"{name}.get"),
            Route("PATCH", _OBJECT, self.patch, f"{name}.patch"),
            Route("PUT", _OBJECT, self.update, f"{name}.patch"),
            Route("DELETE", _OBJECT, self.delete, f"{name}.delete"),
            Route("GET", rf"{_BUCKET}/o", self.list, f"{name}.list"),
            Route("GET", rf"{_BUCKET}/storageLayout", self.layout, f"{name}.buckets.layout"),
            Route("GET", rf"{_BUCKET}/managedFolders", self.no_folders, f"{name}.managedFolders"),
            Route("POST", rf"{_API}/b", self.create_bucket, f"{name}.buckets.insert"),
            Route("GET", rf"{_API}/b", self.buckets, f"{name}.buckets.list"),
            Route("GET", _BUCKET, self.bucket, f"{name}.buckets.get"),
            Route("PATCH", _BUCKET, self.patch_bucket, f"{name}.buckets.patch"),
            Route("DELETE", _BUCKET, self.delete_bucket, f"{name}.buckets.delete"),
        ]

    # Uploads

    def upload(self, request: Request) -> Response:
        """Simple, multipart, or the first request of a resumable upload."""
        check_plain(request)
        kind = request.query.get("uploadType", "media")
        if kind == "multipart":
            return self._upload_multipart(request)
        if kind == "resumable":
            return self._upload_begin(request)
        if kind != "media":
            raise not_emulated(f"uploadType={kind[:40]}")
        resource = {"contentType": request.headers.get("Content-Type")}
        if "contentEncoding" in request.query:
            resource["contentEncoding"] = request.query["contentEncoding"]
        what = _incoming(request, resource)
        return self._shown(self._store.receive(what, request.stream), request)

    def _upload_multipart(self, request: Request) -> Response:
        parts = multipart.parts(request.headers.get("Content-Type", ""), request.stream)
        resource = _object(next(parts).read())
        media = next(parts, None)
        if media is None:
            raise ApiError(400, "", "The multipart body has one part only.", "badContent")
        resource.setdefault("contentType", media.headers.get("content-type"))
        what = _incoming(request, resource)
        self._store.check_incoming(what)
        blob = self._store.blobs.receive_pieces(media.pieces)
        return self._shown(self._store.publish(what, blob), request)

    def _upload_begin(self, request: Request) -> Response:
        resource = request.json()
        resource.setdefault("contentType", request.headers.get("X-Upload-Content-Type"))
        key = self._uploads.begin(_incoming(request, resource))
        place = f"{request.base_url}{request.path}?uploadType=resumable&upload_id={key}"
        return Response(200, b"", {"Location": place, "X-GUploader-UploadID": key})

    def chunk(self, request: Request) -> Response:
        """The next piece of a resumable upload, or the question how far it is."""
        stored, received = self._uploads.send(
            request.query.get("upload_id", ""),
            request.headers.get("Content-Range", ""),
            request.stream,
            checksums_of({}, request.headers),
        )
        if stored:
            return self._shown(stored, request)
        return Response(308, b"", {"Range": f"bytes=0-{received - 1}"} if received else {})

    def cancel_upload(self, request: Request) -> Response:
        """Forget a resumable upload; 499 is what the service answers."""
        self._uploads.cancel(request.query.get("upload_id", ""))
        return Response(499)

    # Objects

    def get(self, request: Request) -> Response:
        """The resource, or with alt=media the content."""
        check_plain(request)
        bucket, name = request.params["bucket"], request.params["object"]
        on, generation = conditions_of(request.query), whole(request.query, "generation")
        if request.query.get("alt") != "media":
            return self._shown(self._store.get(bucket, name, on, generation), request)
        stored, content = self._store.open(bucket, name, on, generation)
        return media_answer(stored, content, request.headers)

    def list(self, request: Request) -> Response:
        """A page of objects."""
        check_plain(request)
        page = listing.page(self._store, request.params["bucket"], request.query)
        items = [object_resource(stored, request.base_url) for stored in page.items]
        answer = {"prefixes": page.prefixes, "items": items, "nextPageToken": page.token}
        filled = {name: value for name, value in answer.items() if value}
        return Response(body={"kind": "storage#objects", **filled})

    def patch(self, request: Request) -> Response:
        """Change some settings."""
        change = settings_of(request.json())
        return self._changed(request, lambda old: patched(old, change))

    def update(self, request: Request) -> Response:
        """Replace all settings."""
        settings = without_nulls(settings_of(request.json()))
        return self._changed(request, lambda _: settings)

    def _changed(self, request: Request, change: Any) -> Response:
        check_plain(request)
        stored = self._store.patch(
            request.params["bucket"],
            request.params["object"],
            change,
            conditions_of(request.query),
            whole(request.query, "generation"),
        )
        return self._shown(stored, request)

    def delete(self, request: Request) -> Response:
        """Remove an object."""
        self._store.delete(
            request.params["bucket"],
            request.params["object"],
            conditions_of(request.query),
            whole(request.query, "generation"),
        )
        return Response(204)

    def copy(self, request: Request) -> Response:
        """Copy an object."""
        return self._shown(self._copied(request, request.params["to_bucket"]), request)

    def rewrite(self, request: Request) -> Response:
        """Copy an object; always done in one go."""
        stored = self._copied(request, request.params["to_bucket"])
        return Response(
            body={
                "kind": "storage#rewriteResponse",
                "totalBytesRewritten": str(stored.size),
                "objectSize": str(stored.size),
                "done": True,
                "resource": object_resource(stored, request.base_url),
            }
        )

    def move(self, request: Request) -> Response:
        """Rename an object inside its bucket."""
        return self._shown(self._copied(request, request.params["bucket"], move=True), request)

    def _copied(self, request: Request, to_bucket: str, *, move: bool = False) -> Stored:
        check_plain(request)
        what = Incoming(
            to_bucket,
            request.params["to_object"],
            settings_of(request.json()),
            conditions_of(request.query),
        )
        source = (
            request.params["object"],
            conditions_of(request.query, "ifSource"),
            whole(request.query, "sourceGeneration"),
        )
        return self._store.copy(request.params["bucket"], source, what, move=move)

    def compose(self, request: Request) -> Response:
        """Join objects."""
        check_plain(request)
        body = request.json()
        if body.get("deleteSourceObjects"):
            raise not_emulated("'deleteSourceObjects' of a compose")
        check_kind(body.get("destination"), dict, "destination")
        check_kind(body.get("sourceObjects"), list, "sourceObjects")
        what = Incoming(
            request.params["bucket"],
            request.params["object"],
            settings_of(body.get("destination") or {}),
            conditions_of(request.query),
        )
        sources = [_source(item) for item in body.get("sourceObjects") or []]
        return self._shown(self._store.compose(sources, what), request)

    def _shown(self, stored: Stored, request: Request) -> Response:
        headers = {"ETag": object_resource(stored, "")["etag"]}
        return Response(200, object_resource(stored, request.base_url), headers)

    # Buckets

    def create_bucket(self, request: Request) -> Response:
        """Make a bucket."""
        check_plain(request)
        settings = _bucket_settings(request.json())
        name = settings.pop("name", "")
        if not isinstance(name, str):
            raise ApiError(400, "", "The name of the bucket must be a string.", "invalid")
        if project := request.query.get("project"):
            settings["projectNumber"] = project_number(project)
        return Response(body=bucket_resource(self._store.create_bucket(name, settings), ""))

    def buckets(self, request: Request) -> Response:
        """All buckets, on one page."""
        prefix = request.query.get("prefix", "")
        found = [b for b in self._store.buckets() if b["name"].startswith(prefix)]
        items = [bucket_resource(bucket, request.base_url) for bucket in found]
        return Response(body={"kind": "storage#buckets", "items": items})

    def bucket(self, request: Request) -> Response:
        """A bucket."""
        check_plain(request)
        on = conditions_of(request.query)
        resource = self._store.bucket(request.params["bucket"], on)
        return Response(body=bucket_resource(resource, request.base_url))

    def layout(self, request: Request) -> Response:
        """What `gcloud storage` asks before it lists."""
        bucket = self._store.bucket(request.params["bucket"])
        return Response(
            body={
                "kind": "storage#storageLayout",
                "bucket": bucket["name"],
                "location": bucket["location"],
                "locationType": "multi-region",
                "hierarchicalNamespace": {"enabled": False},
            }
        )

    def no_folders(self, request: Request) -> Response:
        """What `gcloud storage rm -r` asks: there are no managed folders here."""
        self._store.bucket(request.params["bucket"])
        return Response(body={"kind": "storage#managedFolders", "items": []})

    def patch_bucket(self, request: Request) -> Response:
        """Change a bucket's settings."""
        change = _bucket_settings(request.json())
        name = request.params["bucket"]
        self._store.patch_bucket(name, change, conditions_of(request.query))
        return Response(body=bucket_resource(self._store.bucket(name), request.base_url))

    def delete_bucket(self, request: Request) -> Response:
        """Remove an empty bucket."""
        self._store.delete_bucket(request.params["bucket"], conditions_of(request.query))
        return Response(204)


def _incoming(request: Request, resource: Mapping[str, Any]) -> Incoming:
    name = resource.get("name") or request.query.get("name", "")
    if not isinstance(name, str):
        raise ApiError(400, "", "The name of the object must be a string.", "invalid")
    return Incoming(
        request.params["bucket"],
        name,
        without_nulls(settings_of(resource)),
        conditions_of(request.query),
        checksums_of(resource, request.headers),
    )


def _source(item: Mapping[str, Any]) -> Source:
    check_kind(item, dict, "sourceObjects[]")
    check_kind(item.get("objectPreconditions"), dict, "objectPreconditions")
    name = str(item.get("name", ""))
    check_object_name(name)
    on = conditions_of(item.get("objectPreconditions") or {})
    return name, on, whole(item, "generation")


def _bucket_settings(resource: dict[str, Any]) -> dict[str, Any]:
    """What may be set on a bucket; what would change what calls do is refused."""
    for name in _REFUSED_OF_BUCKETS:
        if resource.get(name):
            raise not_emulated(f"'{name}' of a bucket")
    check_kind(resource.get("versioning"), dict, "versioning")
    for name in ("location", "storageClass"):
        check_kind(resource.get(name), str, name)
    if (resource.get("versioning") or {}).get("enabled"):
        raise not_emulated("object versioning")
    return resource


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text or b"{}")
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "", f"The metadata are not JSON: {error}", "parseError") from error
    if not isinstance(value, dict):
        raise ApiError(400, "", "The metadata are not a JSON object.", "parseError")
    return value
