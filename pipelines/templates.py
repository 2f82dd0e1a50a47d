"""Compiled specs that lie elsewhere: in Artifact Registry, or in a bucket."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from components.errors import InputError
from components.storage import files
from components.storage.uris import is_gcs
from pipelines.registry import Registry, template
from pipelines.request import parse_spec
from pipelines.service_errors import NotThereError


def fetch(address: str) -> tuple[dict[str, Any], str]:
    """The spec at an address, and the address if Vertex AI knows templates by it.

    Args:
        address: https://REGION-kfp.pkg.dev/PROJECT/REPOSITORY/PIPELINE/TAG (or sha256:…), the same
            at a stand-in's http:// port, or gs://bucket/file.

    Raises:
        WrongUse: it is no such address, or no compiled pipeline lies there.
        InputError: nothing lies there.
        ServiceError: the service refuses, or does not answer.
    """
    if is_gcs(address):
        return parse_spec(files.read_text(address), address), ""
    wanted = template(address)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spec.yaml")
        try:
            Registry(wanted.repository).download(wanted.package, wanted.version, str(path))
        except NotThereError as error:
            raise InputError(
                "There is no such template; it may have been deleted",
                where=wanted.url,
                fix="Check the address, or upload the specs again: python compile.py --image … "
                f"--upload {wanted.repository}.",
            ) from error
        text = path.read_bytes().decode("utf-8", errors="replace")
    return parse_spec(text, wanted.url), wanted.url
