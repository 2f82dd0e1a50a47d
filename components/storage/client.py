"""The Cloud Storage client, one a process."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from components.agent import AGENT
from components.credentials import expired, no_credentials, only_away
from components.errors import InputError, ServiceError
from components.storage.uris import split_gcs

if TYPE_CHECKING:
    from google.cloud import storage


def storage_client() -> storage.Client:
    """A client; `STORAGE_EMULATOR_HOST` (read by the library itself) points it at the stand-in."""
    return _client(os.environ.get("STORAGE_EMULATOR_HOST", ""))


@functools.lru_cache(maxsize=4)
def _client(endpoint: str) -> storage.Client:
    from google.api_core.client_info import ClientInfo
    from google.cloud import storage

    # Otherwise the library looks up every bucket in a thread of its own, for traces that we do not
    # make: a call, and a permission on the bucket, that nobody needs (google-cloud-storage 3.17).
    os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    # Against the stand-in there is no project to look up; the real one comes from the environment.
    named = ClientInfo(user_agent=AGENT)
    project = "local-project" if endpoint else None
    return storage.Client(project=project, client_info=named)


if sys.platform != "win32":  # which has no forks
    # Two processes cannot talk over one connection.
    os.register_at_fork(after_in_child=_client.cache_clear)


def blob_at(uri: str) -> storage.Blob:
    """The blob that the gs:// URI names (nothing is sent)."""
    bucket, name = split_gcs(uri)
    if not name:
        raise InputError(f"'{uri}' names a bucket, not an object")
    return cast("storage.Blob", storage_client().bucket(bucket).blob(name))


@contextmanager
def told_plainly(uri: str, doing: str) -> Iterator[None]:
    """Turn the library's exceptions into ours; a failed precondition passes through."""
    from google.api_core import exceptions
    from google.auth import exceptions as auth
    from requests import exceptions as transport

    try:
        yield
    except exceptions.PreconditionFailed:
        raise
    except auth.DefaultCredentialsError as error:
        raise no_credentials() from error
    except (auth.RefreshError, exceptions.Unauthorized) as error:
        if only_away(error):
            raise ServiceError(f"Cannot {doing}: {error}", where=uri) from error
        raise expired() from error
    except exceptions.NotFound as error:
        raise InputError(
            f"Cannot {doing}: there is no such object or bucket",
            where=uri,
            fix="Check the name, and that the bucket exists.",
        ) from error
    except exceptions.Forbidden as error:
        raise ServiceError(
            f"Cannot {doing}: Cloud Storage refuses access",
            where=uri,
            fix="Grant roles/storage.objectUser on the bucket to the account that runs this.",
        ) from error
    except (
        exceptions.GoogleAPIError,
        auth.GoogleAuthError,
        transport.RequestException,
    ) as error:
        raise ServiceError(f"Cannot {doing}: {error}", where=uri) from error
