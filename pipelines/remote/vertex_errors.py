"""What Vertex AI refuses, told in one message with the next step."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from google.api_core import exceptions
from google.auth import exceptions as auth
from google.protobuf import json_format
from requests import exceptions as transport

from components.batch.locations import nearest_region
from components.credentials import expired, no_credentials, only_away
from components.errors import InputError, Intent2BatchError, ServiceError
from pipelines.service_errors import NotThereError, TakenError, UnclearError

# 429 and what may have been done although the answer was lost: the same call is made again. So are
# codes above those that HTTP knows, which are a proxy's.
UNCLEAR = frozenset({408, 429, 499, 500, 502, 503, 504, *range(512, 600)})
_LATER = "Run the command again in a while."


@contextlib.contextmanager
def told(doing: str, *, project: str, region: str) -> Iterator[None]:
    """Turn the client's exceptions into ours.

    Args:
        doing: what the call is for, as in "start the run".
        project: whose runs.
        region: where.
    """
    where = f"projects/{project}/locations/{region}"
    try:
        yield
    except auth.GoogleAuthError as error:
        raise _no_token(error, doing, where) from error
    except exceptions.GoogleAPICallError as error:
        raise _refused(error, doing, where, project) from error
    except (exceptions.RetryError, TimeoutError) as error:  # TimeoutError: of a long operation
        raise UnclearError(
            f"Cannot {doing}: Vertex AI answered too late", where=where, fix=_LATER
        ) from error
    except transport.RequestException as error:
        raise _unreachable(doing, region) from error
    except json_format.ParseError as error:
        raise UnclearError(
            f"Cannot {doing}: what answered does not answer as Vertex AI does",
            where=where,
            fix="Check proxies and the network.",
        ) from error


def _no_token(error: Exception, doing: str, where: str) -> Intent2BatchError:
    if isinstance(error, auth.DefaultCredentialsError):
        return no_credentials()
    if only_away(error):
        return UnclearError(
            f"Cannot {doing}: no token could be fetched for it", where=where, fix=_LATER
        )
    return expired()


def _refused(
    error: exceptions.GoogleAPICallError, doing: str, where: str, project: str
) -> Intent2BatchError:
    code, said = int(error.code or 0), _said(error)
    if code == 401:
        return expired()
    if code == 403:
        return _forbidden(error, doing, where, project)
    if code == 404:
        fix = "Check the name, --project and --region."
        return NotThereError(f"Cannot {doing}: it is not there", where=where, fix=fix)
    if code == 409:
        return TakenError(f"Cannot {doing}: there is one with this id", where=where)
    answered = f"Cannot {doing}: Vertex AI answered {code}{f': {said}' if said else ''}"
    if code in UNCLEAR:
        return UnclearError(answered, where=where, fix=_LATER)
    if isinstance(error, exceptions.ClientError):
        return InputError(f"Vertex AI refuses to {doing}: {said}", where=where)
    return ServiceError(answered, where=where)


def _forbidden(
    error: exceptions.GoogleAPICallError, doing: str, where: str, project: str
) -> Intent2BatchError:
    said = _said(error)
    if re.search(r"SERVICE_DISABLED|has not been used|is disabled", str(error)):
        fix = f"Run: gcloud services enable aiplatform.googleapis.com --project={project}."
    elif re.search(r"act ?as|serviceAccounts\.actAs", said, re.IGNORECASE):
        fix = "You need roles/iam.serviceAccountUser on the account that runs the steps."
    else:
        fix = f"You need roles/aiplatform.user in {project}."
    return ServiceError(f"You may not {doing}: {said}", where=where, fix=fix)


def _unreachable(doing: str, region: str) -> UnclearError:
    near = nearest_region(region)
    hint = f" Did you mean {near}?" if near and near != region else ""
    return UnclearError(
        f"Cannot {doing}: Vertex AI does not answer for {region}",
        fix=f"Check --region and the network.{hint}",
    )


def _said(error: exceptions.GoogleAPIError) -> str:
    """The service's own sentence, without the call and the code around it."""
    said = str(getattr(error, "message", "") or error)
    said = re.sub(r"^(\d+ )?(GET|POST|PATCH|DELETE) \S+ ", "", said).strip()
    return " ".join(said.split())[:500].rstrip(".")
