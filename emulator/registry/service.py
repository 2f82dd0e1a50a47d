"""The calls of a repository of compiled pipelines, in both forms that kfp's RegistryClient uses.

With `host="http://127.0.0.1:PORT/PROJECT/REPOSITORY"` every call goes below that address. For hosts
of the form `REGION-kfp.pkg.dev` uploads and downloads go to the host and the rest to
artifactregistry.googleapis.com/v1, whose paths are served on the same port. The pipeline's name in
the file is the package's name. Which bytes the service refuses is not documented; here a file must
be one YAML or JSON document with a pipeline's or a component's name in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from emulator.clock import Clock, timestamp
from emulator.faults import Faults
from emulator.http import ApiError, Request, Response, Route, Service
from emulator.registry.shelf import Shelf

_PLACE = r"/(?P<project>[^/]+)/(?P<repository>[^/]+)"
_RESOURCE = (
    r"/v1/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)"
    r"/repositories/(?P<repository>[^/]+)"
)
_PACKAGE = r"/packages/(?P<package>[^/:]+)"
_VERSION = r"/versions/(?P<version>sha256(?::|%3A)[0-9a-f]{64})"
_TAG = r"/tags/(?P<tag>[^/]+)"
_TEMPLATE = re.compile(
    r"https?://[^/]+/(?P<project>[^/]+)/(?P<repository>[^/]+)/(?P<package>[^/]+)/(?P<version>[^/]+)"
)
_TAG_NAME = re.compile(r"(?!sha256:)[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
_MOST_BYTES = 2 * 1024 * 1024  # a spec of a hundred tasks has 150 kB, and YAML is slow to read


class Registry:
    """The handlers, round the shelf.

    Args:
        state_dir: the emulator's folder; pipelines are kept in `registry/` in it.
        clock: what time it is.
    """

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self.shelf = Shelf(state_dir / "registry", lambda: timestamp(clock.now()))

    def service(self, faults: Faults) -> Service:
        """The registry on a port of its own: its paths look like those of Cloud Storage."""
        routes = [route for base in (_RESOURCE, _PLACE) for route in self._resources(base)]
        download = rf"{_PLACE}/(?P<package>[^/]+)/(?P<version>[^/]+)"
        routes += [
            Route("POST", f"{_PLACE}/?", self._upload, "registry.upload"),
            Route("GET", download, self._download, "registry.download"),
        ]
        return Service(name="registry", routes=routes, faults=faults)

    def template(self, uri: str) -> tuple[bytes, str] | None:
        """Content and version of what a template uri names, None where it is of another form.

        Raises:
            ApiError: 404 where there is no such thing.
        """
        found = _TEMPLATE.fullmatch(uri)
        if found is None:
            return None
        repository = f"{found['project']}/{found['repository']}"
        version = self.shelf.version(repository, found["package"], found["version"])
        return self.shelf.content(repository, found["package"], version), version

    def _resources(self, base: str) -> list[Route]:
        packages, package = f"{base}/packages", f"{base}{_PACKAGE}"
        versions, version = f"{package}/versions", f"{package}{_VERSION}"
        tags, tag = f"{package}/tags", f"{package}{_TAG}"
        return [
            Route("GET", packages, self._packages, "registry.ListPackages"),
            Route("GET", package, self._package, "registry.GetPackage"),
            Route("DELETE", package, self._remove_package, "registry.DeletePackage"),
            Route("GET", versions, self._versions, "registry.ListVersions"),
            Route("GET", version, self._version, "registry.GetVersion"),
            Route("DELETE", version, self._remove_version, "registry.DeleteVersion"),
            Route("GET", tags, self._tags, "registry.ListTags"),
            Route("POST", tags, self._create_tag, "registry.CreateTag"),
            Route("GET", tag, self._tag, "registry.GetTag"),
            Route("PATCH", tag, self._move_tag, "registry.UpdateTag"),
            Route("DELETE", tag, self._remove_tag, "registry.DeleteTag"),
        ]

    def _upload(self, request: Request) -> Response:
        parts = _form(request)
        content = parts.get("content")
        if content is None:
            raise ApiError(400, "", "The form has no file 'content'.")
        said = parts.get("tags", b"").decode("utf-8", "replace")
        tags = [tag.strip() for tag in said.split(",") if tag.strip()]
        for tag in tags:
            _check_tag(tag)
        name = _pipeline_name(content)
        version = self.shelf.put(_repository(request), name, content, tags)
        return Response(body=f"{name}/{version}".encode(), headers={"Content-Type": "text/plain"})

    def _download(self, request: Request) -> Response:
        params = request.params
        content = self.shelf.content(_repository(request), params["package"], params["version"])
        return Response(body=content, headers={"Content-Type": "application/yaml"})

    def _packages(self, request: Request) -> Response:
        found = self.shelf.packages(_repository(request))
        shown = [_package_json(request, name, each.created) for name, each in found.items()]
        return Response(body={"packages": shown} if shown else {})

    def _package(self, request: Request) -> Response:
        name = request.params["package"]
        created = self.shelf.package(_repository(request), name).created
        return Response(body=_package_json(request, name, created))

    def _remove_package(self, request: Request) -> Response:
        self.shelf.remove_package(_repository(request), request.params["package"])
        return _done(request)

    def _versions(self, request: Request) -> Response:
        package = self.shelf.package(_repository(request), request.params["package"])
        shown = [
            _version_json(request, version, created, package.tags)
            for version, created in sorted(package.versions.items(), key=lambda each: each[1])
        ]
        return Response(body={"versions": shown} if shown else {})

    def _version(self, request: Request) -> Response:
        name, version = request.params["package"], request.params["version"]
        self.shelf.version(_repository(request), name, version)
        package = self.shelf.package(_repository(request), name)
        return Response(
            body=_version_json(request, version, package.versions[version], package.tags)
        )

    def _remove_version(self, request: Request) -> Response:
        params = request.params
        force = request.query.get("force", "").lower() == "true"
        self.shelf.remove_version(
            _repository(request), params["package"], params["version"], force=force
        )
        return _done(request)

    def _tags(self, request: Request) -> Response:
        package = self.shelf.package(_repository(request), request.params["package"])
        shown = [_tag_json(request, tag, of) for tag, of in sorted(package.tags.items())]
        return Response(body={"tags": shown} if shown else {})

    def _tag(self, request: Request) -> Response:
        params = request.params
        version = self.shelf.version(_repository(request), params["package"], params["tag"])
        return Response(body=_tag_json(request, params["tag"], version))

    def _create_tag(self, request: Request) -> Response:
        return self._put_tag(request, request.query.get("tagId", ""), new=True)

    def _move_tag(self, request: Request) -> Response:
        if request.query.get("updateMask", "version") not in ("version", "*"):
            raise ApiError(400, "", "Of a tag only the version can be changed.")
        return self._put_tag(request, request.params["tag"], new=False)

    def _put_tag(self, request: Request, tag: str, *, new: bool) -> Response:
        _check_tag(tag)
        package = request.params["package"]
        version = str(request.json().get("version", "")).rpartition("/")[2]
        self.shelf.tag(_repository(request), package, tag, version, new=new)
        return Response(body=_tag_json(request, tag, version))

    def _remove_tag(self, request: Request) -> Response:
        params = request.params
        self.shelf.remove_tag(_repository(request), params["package"], params["tag"])
        return Response(body={})


def _repository(request: Request) -> str:
    return f"{request.params['project']}/{request.params['repository']}"


def _parent(request: Request) -> str:
    """The name that the calls of this form put before `packages/`."""
    params = request.params
    if not params.get("location"):
        return ""
    place = f"projects/{params['project']}/locations/{params['location']}"
    return f"{place}/repositories/{params['repository']}/"


def _package_json(request: Request, name: str, created: str) -> dict[str, Any]:
    full = f"{_parent(request)}packages/{name}"
    return {"name": full, "displayName": name, "createTime": created, "updateTime": created}


def _version_json(
    request: Request, version: str, created: str, tags: Mapping[str, str]
) -> dict[str, Any]:
    full = f"{_parent(request)}packages/{request.params['package']}/versions/{version}"
    found: dict[str, Any] = {"name": full, "createTime": created, "updateTime": created}
    related = [_tag_json(request, tag, of) for tag, of in sorted(tags.items()) if of == version]
    return found | ({"relatedTags": related} if related else {})


def _tag_json(request: Request, tag: str, version: str) -> dict[str, Any]:
    package = f"{_parent(request)}packages/{request.params['package']}"
    return {"name": f"{package}/tags/{tag}", "version": f"{package}/versions/{version}"}


def _done(request: Request) -> Response:
    """The long-running operation of a delete, which has happened."""
    kind = "type.googleapis.com/google.protobuf.Empty"
    name = f"{_parent(request)}operations/delete"
    return Response(body={"name": name, "done": True, "response": {"@type": kind}})


def _check_tag(tag: str) -> None:
    if not _TAG_NAME.fullmatch(tag):
        raise ApiError(400, "", f"{tag[:200]!r} is no name of a tag.")


def _pipeline_name(content: bytes) -> str:
    """The name of the pipeline, or of the component, in a compiled file.

    Raises:
        ApiError: 400.
    """
    try:
        spec = yaml.safe_load(content)
        name = spec["pipelineInfo"]["name"]
    except (yaml.YAMLError, ValueError, TypeError, KeyError, RecursionError) as error:
        text = "The file is no compiled pipeline: one YAML document with pipelineInfo.name."
        raise ApiError(400, "", text) from error
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ApiError(400, "", f"{str(name)[:200]!r} is no name of a package.")
    return name


def _form(request: Request) -> dict[str, bytes]:
    """The fields of a multipart/form-data body, by name.

    Raises:
        ApiError: 400 where it is none.
    """
    kind = request.headers.get("Content-Type", "")
    found = re.search(r'boundary="?([^";,]+)"?', kind)
    if not kind.lower().startswith("multipart/form-data") or not found:
        raise ApiError(400, "", "An upload is a form (multipart/form-data).")
    parts: dict[str, bytes] = {}
    for piece in request.read(_MOST_BYTES).split(b"--" + found[1].encode())[1:-1]:
        head, separator, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'\bname="([^"]*)"', head)
        if not separator or not name:
            raise ApiError(400, "", "A part of the form has no name.")
        parts[name[1].decode("utf-8", "replace")] = body.removesuffix(b"\r\n")
    return parts
