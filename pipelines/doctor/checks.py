"""What is looked at, one function a thing: answers of the APIs in, findings out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from pipelines.access.tables import Role, apis, permissions, roles
from pipelines.doctor.google import Answer, Ask

State = Literal["ok", "missing", "unknown"]

# Roles that hold what a smaller one holds; found in place of it, nothing is missing.
_LARGER = {
    "roles/storage.objectUser": {"roles/storage.objectAdmin", "roles/storage.admin"},
    "roles/aiplatform.user": {"roles/aiplatform.admin"},
    "roles/batch.jobsEditor": {"roles/batch.admin"},
    "roles/logging.viewer": {"roles/logging.admin"},
}
_BASIC = {"roles/owner", "roles/editor"}


@dataclass(frozen=True)
class Wanted:
    """What the project is to be good for.

    Args:
        project, region: where pipelines run.
        bucket: the results bucket, without gs://; "" leaves it out.
        account: the e-mail of the account that the steps run as; "" leaves it out.
        images, specs: ids of the repositories in Artifact Registry.
    """

    project: str
    region: str
    bucket: str
    account: str
    images: str
    specs: str


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        what: the thing.
        state: unknown where it could not be looked at.
        said: a sentence.
        mend: the command that makes it right; "" where there is none.
    """

    what: str
    state: State
    said: str
    mend: str = ""


def examine(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    """Look at everything, in the order in which it should be mended.

    Where the project cannot be seen the rest is not asked for.

    Raises:
        ServiceError: the credentials are not accepted.
    """
    seen = _project(ask, wanted)
    yield seen
    if seen.state == "missing":
        return
    looks: tuple[Callable[[Ask, Wanted], Iterator[Finding]], ...] = (
        _apis,
        _own_permissions,
        _region,
        _repositories,
        _bucket,
        _account,
    )
    for look in looks:
        yield from look(ask, wanted)


def _project(ask: Ask, wanted: Wanted) -> Finding:
    answer = ask("cloudresourcemanager", f"/v3/projects/{wanted.project}")
    if answer.ok:
        return Finding("project", "ok", f"{wanted.project} is there")
    if answer.status in (403, 404) and "has not been used" not in answer.said:
        return Finding(
            "project",
            "missing",
            f"{wanted.project} is not there, or you may not see it",
            f"gcloud projects describe {wanted.project}",
        )
    return _unknown("project", answer)


def _apis(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    names = [f"projects/{wanted.project}/services/{api}" for api in apis()]
    path = f"/v1/projects/{wanted.project}/services:batchGet"
    answer = ask("serviceusage", path, query={"names": names})
    if not answer.ok:
        yield _unknown("APIs", answer)
        return
    services = answer.body.get("services", [])
    on = {str(s["name"]).rsplit("/", 1)[-1] for s in services if s.get("state") == "ENABLED"}
    for api, why in apis().items():
        if api not in on:
            mend = f"gcloud services enable {api} --project {wanted.project}"
            yield Finding("API", "missing", f"{api} is not enabled ({why})", mend)
    if on >= set(apis()):
        yield Finding("APIs", "ok", f"all {len(apis())} are enabled")


def _own_permissions(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    """What you may do on the project."""
    needed = {
        p.permission: p.role
        for p in permissions()
        if p.permission and "person" in p.who.split() and _on_project("person", p.role)
    }
    path = f"/v3/projects/{wanted.project}:testIamPermissions"
    answer = ask("cloudresourcemanager", path, send={"permissions": sorted(needed)})
    if not answer.ok:
        yield _unknown("your permissions", answer)
        return
    lacking = sorted(set(needed) - set(answer.body.get("permissions", [])))
    for role in sorted({needed[permission] for permission in lacking}):
        names = ", ".join(p for p in lacking if needed[p] == role)
        mend = (
            f"gcloud projects add-iam-policy-binding {wanted.project} "
            f"--member=user:YOU --role={role}"
        )
        yield Finding("your permissions", "missing", f"you lack {names}", mend)
    if not lacking:
        yield Finding("your permissions", "ok", "you may start runs and submit jobs")


def _on_project(identity: str, role: str) -> bool:
    return any(r.identity == identity and r.role == role and r.on == "project" for r in roles())


def _region(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    place = f"/v1/projects/{wanted.project}/locations/{wanted.region}"
    for what, api, path, query in (
        ("Vertex AI Pipelines", "aiplatform", f"{place}/pipelineJobs", {"pageSize": 1}),
        ("Batch", "batch", place, None),
    ):
        answer = ask(api, path, query=query)
        if answer.ok:
            yield Finding("region", "ok", f"{what} is there in {wanted.region}")
        elif answer.status in (0, 400, 404):
            # A region that is none has no host name for Vertex AI either.
            yield Finding(
                "region",
                "missing",
                f"{what} does not answer in {wanted.region}"
                + (f": {answer.said}" if answer.said else ""),
                "gcloud batch locations list" if api == "batch" else "",
            )
        else:
            yield _unknown(f"{what} in {wanted.region}", answer)


def _repositories(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    place = f"/v1/projects/{wanted.project}/locations/{wanted.region}/repositories"
    for name, kind, what in (
        (wanted.images, "DOCKER", "the worker image"),
        (wanted.specs, "KFP", "the specs"),
    ):
        answer = ask("artifactregistry", f"{place}/{quote(name, safe='')}")
        make = (
            f"gcloud artifacts repositories create {name} --repository-format={kind.lower()} "
            f"--location={wanted.region} --project={wanted.project}"
        )
        if answer.ok and answer.body.get("format") == kind:
            yield Finding("repository", "ok", f"{name} is there for {what}")
        elif answer.ok:
            said = f"{name} holds {answer.body.get('format')}; {what} need one of {kind}"
            yield Finding("repository", "missing", said)
        elif answer.status == 404:
            yield Finding("repository", "missing", f"there is no {name} for {what}", make)
        else:
            yield _unknown(f"repository {name}", answer)


def _bucket(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    if not wanted.bucket:
        yield Finding("bucket", "unknown", "not looked at: no --bucket was given")
        return
    path = f"/storage/v1/b/{quote(wanted.bucket, safe='')}"
    answer = ask("storage", path)
    if answer.status == 404:
        mend = (
            f"gcloud storage buckets create gs://{wanted.bucket} --location={wanted.region} "
            f"--uniform-bucket-level-access --project={wanted.project}"
        )
        yield Finding("bucket", "missing", f"there is no gs://{wanted.bucket}", mend)
        return
    if answer.ok:
        yield _place(wanted, str(answer.body.get("location", "")))
    needed = sorted({p.permission for p in permissions() if p.role == "roles/storage.objectUser"})
    answer = ask("storage", f"{path}/iam/testPermissions", query={"permissions": needed})
    if not answer.ok:
        yield _unknown("bucket", answer)
        return
    lacking = sorted(set(needed) - set(answer.body.get("permissions", [])))
    if lacking:
        mend = _bucket_grant(wanted, "user:YOU")
        yield Finding("bucket", "missing", f"you lack {', '.join(lacking)} on it", mend)
    else:
        yield Finding("bucket", "ok", f"you may read and write gs://{wanted.bucket}")


def _place(wanted: Wanted, location: str) -> Finding:
    """Vertex AI takes a bucket of another place, at the price of traffic between them."""
    location = location.lower()
    if location == wanted.region or (location in ("us", "eu", "asia")):
        return Finding("bucket", "ok", f"gs://{wanted.bucket} lies in {location}")
    said = f"gs://{wanted.bucket} lies in {location}, runs in {wanted.region}: traffic costs"
    return Finding("bucket", "unknown", said)


def _account(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    if not wanted.account:
        yield Finding("account", "unknown", "not looked at: no --service-account was given")
        return
    path = f"/v1/projects/-/serviceAccounts/{quote(wanted.account, safe='@')}"
    act = "iam.serviceAccounts.actAs"
    answer = ask("iam", f"{path}:testIamPermissions", send={"permissions": [act]})
    if answer.status == 404:
        mend = (
            f"gcloud iam service-accounts create {wanted.account.split('@')[0]} "
            f"--project={wanted.project}"
        )
        yield Finding("account", "missing", f"there is no {wanted.account}", mend)
        return
    if not answer.ok:
        yield _unknown("account", answer)
    elif act in answer.body.get("permissions", []):
        yield Finding("account", "ok", f"you may start runs as {wanted.account}")
    else:
        mend = (
            f"gcloud iam service-accounts add-iam-policy-binding {wanted.account} "
            f"--member=user:YOU --role=roles/iam.serviceAccountUser --project={wanted.project}"
        )
        yield Finding("account", "missing", f"you may not act as {wanted.account}", mend)
    yield from _account_roles(ask, wanted)


def _account_roles(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    """The roles of the account on the project and on the bucket."""
    policies = {
        "project": ask(
            "cloudresourcemanager", f"/v3/projects/{wanted.project}:getIamPolicy", send={}
        )
    }
    if wanted.bucket:
        path = f"/storage/v1/b/{quote(wanted.bucket, safe='')}/iam"
        policies["results bucket"] = ask("storage", path)
    held: set[str] = set()  # what is granted on the project holds on its buckets, too
    for on, answer in policies.items():
        needed = [r for r in roles() if r.identity == "pipelines" and r.on == on and not r.when]
        if not answer.ok:
            yield _unknown(f"the account's roles on the {on}", answer)
            continue
        held |= _held(answer, wanted.account)
        yield from _lacking(needed, held, wanted)


def _held(answer: Answer, account: str) -> set[str]:
    member = f"serviceAccount:{account}"
    bindings = answer.body.get("bindings", [])
    return {str(b["role"]) for b in bindings if member in b.get("members", [])}


def _lacking(needed: list[Role], held: set[str], wanted: Wanted) -> Iterator[Finding]:
    where = f"the account's roles on the {needed[0].on}"
    if held & _BASIC:
        said = f"{', '.join(sorted(held & _BASIC))} is enough and far more than is needed"
        yield Finding(where, "ok", said)
        return
    lacking = [r for r in needed if not held & {r.role, *_LARGER.get(r.role, ())}]
    for role in lacking:
        member = f"serviceAccount:{wanted.account}"
        mend = (
            _bucket_grant(wanted, member)
            if role.on == "results bucket"
            else f"gcloud projects add-iam-policy-binding {wanted.project} "
            f"--member={member} --role={role.role}"
        )
        said = f"it lacks {role.role} ({role.why}), unless a folder or a group gives it"
        yield Finding(where, "missing", said, mend)
    if not lacking:
        yield Finding(where, "ok", f"it has {', '.join(r.role for r in needed)}")


def _bucket_grant(wanted: Wanted, member: str) -> str:
    return (
        f"gcloud storage buckets add-iam-policy-binding gs://{wanted.bucket} "
        f"--member={member} --role=roles/storage.objectUser"
    )


def _unknown(what: str, answer: Answer) -> Finding:
    why = answer.said or f"HTTP {answer.status}"
    return Finding(what, "unknown", f"could not be looked at: {why}")
