"""What Vertex AI refuses, told in one message with the next step."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from google.api_core import exceptions
from google.auth import exceptions as auth
from requests import exceptions as transport

from components.batch.locations import nearest_region
from components.credentials import expired, no_credentials
from components.errors import InputError, Intent2BatchError, ServiceError
from pipelines.service_errors import NotThereError, TakenError, UnclearError

# 429 and what may have been done although the answer was lost: the same call is made again.
UNCLEAR = (
    exceptions.TooManyRequests,
    exceptions.InternalServerError,
    exceptions.BadGateway,
    exceptions.ServiceUnavailable,
    exceptions.GatewayTimeout,
    exceptions.RetryError,
)


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
    except auth.DefaultCredentialsError as error:
        raise no_credentials() from error
    except (auth.RefreshError, exceptions.Unauthenticated) as error:
        raise expired() from error
    except exceptions.NotFound as error:
        raise NotThereError(
            f"Cannot {doing}: it is not there",
            where=where,
            fix="Check the name, --project and --region.",
        ) from error
    except exceptions.Conflict as error:
        raise TakenError(f"Cannot {doing}: there is one with this id", where=where) from error
    except exceptions.Forbidden as error:
        raise _forbidden(error, doing, where, project) from error
    except UNCLEAR as error:
        raise UnclearError(
            f"Cannot {doing}: Vertex AI answered {_code(error)}",
            where=where,
            fix="Run the command again in a while.",
        ) from error
    except exceptions.ClientError as error:
        raise InputError(f"Vertex AI refuses to {doing}: {_said(error)}", where=where) from error
    except (transport.RequestException, auth.TransportError) as error:
        raise _unreachable(doing, region) from error


def _forbidden(
    error: exceptions.Forbidden, doing: str, where: str, project: str
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


def _code(error: exceptions.GoogleAPIError) -> str:
    code = getattr(error, "code", None)
    return str(int(code)) if code is not None else "too late"


def _said(error: exceptions.GoogleAPIError) -> str:
    """The service's own sentence, without the call and the code around it."""
    said = str(getattr(error, "message", "") or error)
    said = re.sub(r"^(\d+ )?(GET|POST|PATCH|DELETE) \S+ ", "", said).strip()
    return " ".join(said.split())[:500].rstrip(".")
