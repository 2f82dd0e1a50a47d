"""URIs as plain strings: `gs://bucket/object` or a local path."""

from __future__ import annotations

from components.errors import InputError

_GCS = "gs://"


def is_gcs(uri: str) -> bool:
    """Whether the URI names an object or folder in Cloud Storage."""
    return uri.startswith(_GCS)


def join(uri: str, *parts: str) -> str:
    """The URI with the parts below it, one slash between each."""
    return "/".join([uri.rstrip("/"), *(part.strip("/") for part in parts if part)]) or "/"


def name_of(uri: str) -> str:
    """The last part of the URI: file or folder name."""
    return uri.rstrip("/").rsplit("/", 1)[-1]


def split_gcs(uri: str) -> tuple[str, str]:
    """`gs://bucket/a/b` as `("bucket", "a/b")`.

    Raises:
        InputError: the URI is not a gs:// URI or names no bucket.
    """
    bucket, _, name = uri.removeprefix(_GCS).partition("/")
    if not is_gcs(uri) or not bucket:
        raise InputError(
            f"'{uri}' is not a Cloud Storage URI", fix="Write it as gs://bucket/object."
        )
    return bucket, name


def check_supported(uri: str) -> None:
    """Raise InputError for an empty URI or a scheme that is neither a path nor gs://."""
    scheme, separator, _ = uri.partition("://")
    if not uri or (separator and scheme != "gs"):
        raise InputError(
            f"'{uri}' is not a place that can be read or written",
            fix="Give a local path or a gs:// URI.",
        )
