"""`intent2batch doctor` against a small stand-in of the APIs of administration."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from components.errors import Intent2BatchError
from emulator.faults import Faults
from emulator.http import ApiError, Request, Response, Route, Service, serve
from pipelines.access.tables import apis, permissions, roles
from pipelines.cli import doctor

ACCOUNT = "intent2batch-pipelines@my-project.iam.gserviceaccount.com"
WHOLE = ["--project", "my-project", "--bucket", "gs://my-bucket", "--service-account", ACCOUNT]
APIS = (
    "cloudresourcemanager",
    "serviceusage",
    "iam",
    "artifactregistry",
    "aiplatform",
    "batch",
    "storage",
)


def _bindings(on: str) -> dict[str, Any]:
    member = f"serviceAccount:{ACCOUNT}"
    held = [r.role for r in roles() if r.identity == "pipelines" and r.on == on]
    return {"bindings": [{"role": role, "members": [member]} for role in held]}


@dataclass
class Project:
    """A project in which all is right, until a test takes something away."""

    enabled: set[str] = field(default_factory=lambda: set(apis()))
    granted: set[str] = field(
        default_factory=lambda: (
            {p.permission for p in permissions()} | {"iam.serviceAccounts.actAs"}
        )
    )
    repositories: dict[str, str] = field(
        default_factory=lambda: {"intent2batch-images": "DOCKER", "intent2batch-specs": "KFP"}
    )
    regions: set[str] = field(default_factory=lambda: {"us-central1"})
    location: str = "US-CENTRAL1"
    policy: dict[str, Any] = field(default_factory=lambda: _bindings("project"))
    bucket_policy: dict[str, Any] = field(default_factory=lambda: _bindings("results bucket"))
    refused: dict[str, ApiError] = field(default_factory=dict)  # by the beginning of a path

    def service(self) -> Service:
        """The calls."""
        name = r"(?P<name>[^/:]+)"
        place = r"/v1/projects/[^/]+/locations/(?P<region>[^/]+)"
        calls: list[tuple[str, str, Callable[[Request], Any]]] = [
            ("GET", rf"/v3/projects/{name}", lambda r: {"projectId": r.params["name"]}),
            ("POST", rf"/v3/projects/{name}:testIamPermissions", self._test),
            ("POST", rf"/v3/projects/{name}:getIamPolicy", lambda _: self.policy),
            ("GET", rf"/v1/projects/{name}/services:batchGet", self._services),
            ("GET", rf"{place}/pipelineJobs", self._region),
            ("GET", place, self._region),
            ("GET", rf"{place}/repositories/{name}", self._repository),
            ("GET", rf"/storage/v1/b/{name}", lambda _: {"location": self.location}),
            ("GET", rf"/storage/v1/b/{name}/iam", lambda _: self.bucket_policy),
            ("GET", rf"/storage/v1/b/{name}/iam/testPermissions", self._test_bucket),
            ("POST", rf"/v1/projects/-/serviceAccounts/{name}:testIamPermissions", self._test),
        ]
        routes = [
            Route(verb, pattern, self._answer(call), pattern) for verb, pattern, call in calls
        ]
        return Service("administration", routes, Faults())

    def _answer(self, call: Callable[[Request], Any]) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            for path, error in self.refused.items():
                if request.path.startswith(path):
                    raise error
            return Response(body=call(request))

        return answer

    def _services(self, request: Request) -> dict[str, Any]:
        names = [value for key, value in request.pairs if key == "names"]
        state = {True: "ENABLED", False: "DISABLED"}
        return {
            "services": [
                {"name": n, "state": state[n.rsplit("/", 1)[-1] in self.enabled]} for n in names
            ]
        }

    def _test(self, request: Request) -> dict[str, Any]:
        return {"permissions": [p for p in request.json()["permissions"] if p in self.granted]}

    def _test_bucket(self, request: Request) -> dict[str, Any]:
        asked = [value for key, value in request.pairs if key == "permissions"]
        return {"permissions": [p for p in asked if p in self.granted]}

    def _region(self, request: Request) -> dict[str, Any]:
        if request.params["region"] not in self.regions:
            raise ApiError(404, "", "The location is not there.")
        return {}

    def _repository(self, request: Request) -> dict[str, Any]:
        kind = self.repositories.get(request.params["name"])
        if kind is None:
            raise ApiError(404, "", "Requested entity was not found.")
        return {"format": kind}


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    made = Project()
    running = serve(made.service())
    for api in APIS:
        monkeypatch.setenv(f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api.upper()}", running.url + "/")
    yield made
    running.stop()


def _run(*words: str) -> Result:
    app = typer.Typer()
    doctor.register(app)
    return CliRunner().invoke(app, list(words))


def _found(*words: str) -> dict[str, list[str]]:
    """What was found, by state: `what: said | mend`."""
    result = _run(*words, "--json")
    states: dict[str, list[str]] = {"ok": [], "missing": [], "unknown": []}
    for f in json.loads(result.stdout):
        states[f["state"]].append(f"{f['what']}: {f['said']} | {f['mend']}")
    assert result.exit_code == (1 if states["missing"] else 0)
    return states


def test_where_all_is_right_nothing_is_to_be_done(project: Project) -> None:
    found = _found(*WHOLE)
    assert not found["missing"]
    assert not found["unknown"]
    result = _run(*WHOLE)
    assert result.exit_code == 0
    assert all(line.startswith("✓ ") for line in result.stdout.splitlines())


def _without_api(project: Project) -> None:
    project.enabled.discard("batch.googleapis.com")


def _without_permission(project: Project) -> None:
    project.granted.discard("batch.jobs.create")


def _without_region(project: Project) -> None:
    project.regions.clear()


def _without_repository(project: Project) -> None:
    del project.repositories["intent2batch-specs"]


def _with_wrong_repository(project: Project) -> None:
    project.repositories["intent2batch-specs"] = "DOCKER"


def _without_bucket(project: Project) -> None:
    project.refused["/storage/v1/b/"] = ApiError(404, "", "The bucket does not exist.")


def _without_writing(project: Project) -> None:
    project.granted.discard("storage.objects.create")


def _without_account(project: Project) -> None:
    project.refused["/v1/projects/-/"] = ApiError(404, "", "Unknown service account.")


def _without_act_as(project: Project) -> None:
    project.granted.discard("iam.serviceAccounts.actAs")


def _without_role(project: Project) -> None:
    project.policy["bindings"] = [
        b for b in project.policy["bindings"] if b["role"] != "roles/batch.jobsEditor"
    ]


def _without_bucket_role(project: Project) -> None:
    project.bucket_policy = {}


def _without_project(project: Project) -> None:
    project.refused["/v3/projects/"] = ApiError(403, "", "The caller does not have permission")


TAKEN_AWAY = [
    (_without_api, "batch.googleapis.com is not enabled", "gcloud services enable batch."),
    (_without_permission, "you lack batch.jobs.create", "--role=roles/batch.jobsEditor"),
    (_without_region, "Batch does not answer in us-central1", "gcloud batch locations list"),
    (_without_repository, "there is no intent2batch-specs", "--repository-format=kfp"),
    (_with_wrong_repository, "intent2batch-specs holds DOCKER", ""),
    (_without_bucket, "there is no gs://my-bucket", "gcloud storage buckets create gs://my-bucket"),
    (_without_writing, "you lack storage.objects.create", "--role=roles/storage.objectUser"),
    (_without_account, "there is no intent2batch-pipelines@", "service-accounts create"),
    (_without_act_as, "you may not act as", "--role=roles/iam.serviceAccountUser"),
    (_without_role, "it lacks roles/batch.jobsEditor", f"--member=serviceAccount:{ACCOUNT}"),
    (_without_bucket_role, "it lacks roles/storage.objectUser", "gs://my-bucket --member="),
    (_without_project, "my-project is not there", "gcloud projects describe my-project"),
]


@pytest.mark.parametrize(
    ("take_away", "said", "mend"), TAKEN_AWAY, ids=[case[0].__name__ for case in TAKEN_AWAY]
)
def test_what_is_missing_is_told_with_the_command_that_mends_it(
    project: Project, take_away: Callable[[Project], None], said: str, mend: str
) -> None:
    take_away(project)
    missing = _found(*WHOLE)["missing"]
    assert any(said in line and mend in line.split(" | ")[1] for line in missing), missing
    result = _run(*WHOLE)
    assert result.exit_code == 1
    assert f"    {mend}".strip() in result.stdout


def test_what_may_not_be_looked_at_is_unknown_and_not_right(project: Project) -> None:
    for path in ("/v1/projects/my-project/services", "/v3/projects/my-project:getIamPolicy"):
        project.refused[path] = ApiError(403, "", "Permission \x1b[31mdenied")
    found = _found(*WHOLE)
    assert not found["missing"]
    assert [line.split(":")[0] for line in found["unknown"]] == [
        "APIs",
        "the account's roles on the project",
    ]
    assert "\x1b" not in _run(*WHOLE).stdout


def test_a_larger_role_is_enough(project: Project) -> None:
    member = f"serviceAccount:{ACCOUNT}"
    project.policy = {"bindings": [{"role": "roles/owner", "members": [member]}]}
    project.bucket_policy = {"bindings": [{"role": "roles/storage.admin", "members": [member]}]}
    assert not _found(*WHOLE)["missing"]


def test_a_role_on_the_project_holds_on_its_bucket(project: Project) -> None:
    member = f"serviceAccount:{ACCOUNT}"
    project.policy["bindings"].append({"role": "roles/storage.admin", "members": [member]})
    project.bucket_policy = {}
    assert not _found(*WHOLE)["missing"]


def test_the_project_may_stand_in_the_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    assert _found()["ok"]
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
    result = _run()
    assert isinstance(result.exception, Intent2BatchError)
    assert "Give --project" in str(result.exception)


def test_stand_ins_have_no_project_to_look_at(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", "http://127.0.0.1:9")
    result = _run(*WHOLE)
    assert isinstance(result.exception, Intent2BatchError)
    assert "stand-ins" in str(result.exception)


def test_without_bucket_and_account_these_are_unknown(project: Project) -> None:
    unknown = _found("--project", "my-project")["unknown"]
    assert [line.split(":")[0] for line in unknown] == ["bucket", "account"]


def test_a_bucket_elsewhere_is_told(project: Project) -> None:
    project.location = "EUROPE-WEST4"
    assert any("lies in europe-west4" in line for line in _found(*WHOLE)["unknown"])


def test_expired_credentials_are_one_sentence(project: Project) -> None:
    project.refused["/v3/"] = ApiError(401, "", "Request had invalid credentials.")
    result = _run(*WHOLE)
    assert isinstance(result.exception, Intent2BatchError)
    assert "gcloud auth application-default login" in str(result.exception)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--project", "a b"),
        ("--project", ""),
        ("--region", "us-central1/../x"),
        ("--bucket", "b/c?d"),
        ("--service-account", "me@example.com"),
        ("--specs", "../x"),
    ],
)
def test_what_cannot_be_a_name_is_refused_before_anything_is_asked(
    project: Project, option: str, value: str
) -> None:
    project.refused["/"] = ApiError(500, "", "asked")
    words = [*WHOLE, option, value]
    result = _run(*words)
    assert isinstance(result.exception, Intent2BatchError)
    assert result.exception.exit_code == 2
    assert re.escape(option) in re.escape(str(result.exception))
