"""Runs on Kubeflow Pipelines, through kfp.Client.

Its API takes no id of a run from the caller. So --run-id is its display name here, which is looked
for before a run is made and after an answer was lost; a create that may have been done is never
made again.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from components.errors import InputError, ServiceError, WrongUse
from components.reporting import run_folder
from components.run_time import has_placeholder
from components.storage.uris import is_gcs
from pipelines.parameters import declared
from pipelines.remote import run as states
from pipelines.remote.kubeflow_errors import probe, told
from pipelines.remote.run import Run, Step, titles
from pipelines.remote.wanted import Wanted
from pipelines.service_errors import UnclearError

CALL_S = 60  # the generated client ignores what is no whole number
# A create without an answer may still be carried out: how long to look for its run.
SETTLE_S = (1.0, 3.0, 8.0, 15.0)
TOKEN_VARIABLE, NAMESPACE_VARIABLE = "KFP_TOKEN", "KFP_NAMESPACE"
EXPERIMENT = "intent2batch"
EQUALS = 1  # V2beta1PredicateOperation, as a filter's JSON has it
LONGEST_PARAMETERS = 10_000  # of the API server, kubeflow/pipelines issue 12510
ACCOUNT = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
RUN_ID = re.compile(r"[A-Za-z0-9-]{1,128}")

STATES = {
    "RUNTIME_STATE_UNSPECIFIED": states.UNKNOWN,
    "PENDING": states.PENDING,
    "RUNNING": states.RUNNING,
    "SUCCEEDED": states.SUCCEEDED,
    "SKIPPED": states.SKIPPED,
    "FAILED": states.FAILED,
    "CANCELING": states.CANCELLING,
    "CANCELED": states.CANCELLED,
    "PAUSED": states.PAUSED,
}


class Kubeflow:
    """Kubeflow Pipelines behind one address; a Platform.

    Args:
        host: its address, http:// or https://.
        say: told of answers that were lost.
        sleep: waits between looks.

    Raises:
        WrongUse: the address cannot be one, or several users share it and no namespace is named.
        ServiceError: nobody answers there, a login is needed, or it is something else.
    """

    title = "Kubeflow"
    poll_s = (2.0, 20.0)

    def __init__(
        self,
        host: str,
        *,
        say: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.host = _checked_host(host)
        self.options = f"--kfp-host {self.host}"
        self._say, self._sleep = say, sleep
        token = os.environ.get(TOKEN_VARIABLE, "")
        _check_token(token, self.host)
        several_users = probe(self.host, token)
        with self._told("use Kubeflow"):
            self._client = _client(self.host, token)
        self._namespace = os.environ.get(NAMESPACE_VARIABLE, "")
        self._namespace = self._namespace or self._client.get_user_namespace()
        if several_users and not self._namespace:
            raise WrongUse(
                "This Kubeflow has namespaces, and none is named",
                where=self.host,
                fix=f"Set {NAMESPACE_VARIABLE} to yours.",
            )

    def create(self, wanted: Wanted) -> Run:
        """Start a run, or take up the one that an earlier attempt made."""
        if found := self._found(wanted):
            self._say("the run was made already; it is taken up")
            return found
        experiment = self._experiment()
        try:
            return self._create(wanted, experiment)
        except UnclearError as error:
            self._say(f"{error.what}; it is looked for")
            for pause in SETTLE_S:
                self._sleep(pause)
                with contextlib.suppress(UnclearError):
                    if found := self._found(wanted):
                        return found
            raise ServiceError(
                f"{error.what}; whether there is a run now is not known",
                where=self.host,
                fix=f"The same command with --run-id {wanted.run_id} takes it up, or makes it.",
            ) from error

    def _create(self, wanted: Wanted, experiment: str) -> Run:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "spec.yaml")
            path.write_text(yaml.safe_dump(wanted.run_spec), encoding="utf-8")
            with self._told("start the run"):
                made = self._client.run_pipeline(
                    experiment_id=experiment,
                    job_name=wanted.run_id,
                    pipeline_package_path=str(path),
                    params=dict(wanted.parameters),
                    pipeline_root=wanted.root or None,
                    service_account=wanted.service_account or None,
                )
        return self._run(made)

    def _experiment(self) -> str:
        with self._told("make the experiment"):
            made = self._client.create_experiment(EXPERIMENT, namespace=self._namespace)
        return str(made.experiment_id)

    def _found(self, wanted: Wanted) -> Run | None:
        """The run of that name, if there is one.

        Raises:
            InputError: it is not the run that is wanted.
        """
        predicate = {"operation": EQUALS, "key": "display_name", "stringValue": wanted.run_id}
        with self._told("look for the run"):
            page = self._client.list_runs(
                page_size=2,
                namespace=self._namespace or None,
                filter=json.dumps({"predicates": [predicate]}),
            )
        found = [self._run(each) for each in page.runs or []]
        found = [run for run in found if run.title == wanted.run_id]
        if not found:
            return None
        if found[0].pipeline != wanted.pipeline or found[0].parameters != wanted.parameters:
            raise InputError(
                "There is another run with this name",
                where=f"{self.host} {found[0].id}",
                fix="Give another --run-id, or leave it out.",
            )
        return found[0]

    def get(self, run_id: str) -> Run:
        """A run as it is now."""
        if not RUN_ID.fullmatch(run_id):
            raise WrongUse(
                f"'{run_id[:80]}' is not the id of a run on Kubeflow",
                fix=f"`intent2batch runs {self.options}` lists them.",
            )
        with self._told("read the run", missing="There is no such run"):
            return self._run(self._client.get_run(run_id))

    def cancel(self, run_id: str) -> None:
        """Ask for the end of a run; one that has ended stays as it is."""
        try:
            with self._told("cancel the run", missing="There is no such run"):
                self._client.terminate_run(run_id)
        except InputError:
            if not self.get(run_id).ends:
                raise

    def recent(self) -> Iterator[Run]:
        """Runs of every pipeline, the youngest first."""
        token = ""
        while True:
            with self._told("list the runs"):
                page = self._client.list_runs(
                    page_token=token,
                    page_size=50,
                    sort_by="created_at desc",
                    namespace=self._namespace or None,
                )
            for found in page.runs or []:
                yield self._run(found)
            token = page.next_page_token
            if not token:
                return

    def _told(self, doing: str, missing: str = "") -> contextlib.AbstractContextManager[None]:
        return told(doing, host=self.host, missing=missing)

    def _run(self, found: Any) -> Run:
        spec = found.pipeline_spec or {}
        spec = spec.get("pipeline_spec", spec)  # with a document for the platform, it is inside
        config = found.runtime_config
        parameters = dict(config.parameters or {}) if config else {}
        tasks = (found.run_details.task_details if found.run_details else None) or []
        known = titles(spec)
        return Run(
            id=found.run_id,
            name=found.run_id,
            title=found.display_name or "",
            pipeline=str(spec.get("pipelineInfo", {}).get("name", "")),
            state=STATES.get(found.state or "PENDING", states.UNKNOWN),
            url=f"{self.host}/#/runs/details/{found.run_id}",
            root=(config.pipeline_root or "") if config else "",
            results=_results(parameters, found),
            reason=(found.error.message or "") if found.error else "",
            steps=tuple(step for task in sorted(tasks, key=_began) if (step := _step(task, known))),
            parameters=parameters,
            created=found.created_at,
            # The API gives the year 1970 for a run that goes on.
            ended=found.finished_at
            if found.finished_at and found.finished_at.year > 1970
            else None,
        )


def _step(task: Any, known: Mapping[str, str]) -> Step | None:
    title = known.get(task.display_name or "", "")
    if not title:
        return None
    return Step(
        key=str(task.task_id),
        title=title,
        state=STATES.get(task.state or "PENDING", states.UNKNOWN),
        reason=(task.error.message or "") if task.error else "",
    )


def _began(task: Any) -> float:
    moment: datetime.datetime | None = task.start_time or task.create_time
    return moment.timestamp() if moment else float("inf")


def _results(parameters: Mapping[str, Any], found: Any) -> str:
    """The run's folder below `results_uri`, as the steps put it together on Kubeflow."""
    base = str(parameters.get("results_uri") or "").strip()
    if not is_gcs(base) or has_placeholder(base):  # which date it was, the cluster alone knows
        return ""
    return run_folder(base, f"{found.display_name}/{found.run_id}")


def check_kubernetes_account(account: str) -> None:
    """Refuse what cannot be a service account of Kubernetes.

    Raises:
        WrongUse: it is none.
    """
    if account and not ACCOUNT.fullmatch(account):
        raise WrongUse(
            f"'{account[:80]}' is not a service account of Kubernetes",
            where="--service-account",
            fix="For example: pipeline-runner.",
        )


def _checked_host(host: str) -> str:
    try:
        parts = urlsplit(host)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.query or parts.fragment:
        raise WrongUse(
            f"'{host[:120]}' is not the address of Kubeflow Pipelines",
            where="--kfp-host",
            fix="For example: https://kubeflow.example.com/pipeline, or http://127.0.0.1:8080 "
            "after kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80.",
        )
    return host.rstrip("/")


def _check_token(token: str, host: str) -> None:
    parts = urlsplit(host)
    if token and parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise WrongUse(
            f"{TOKEN_VARIABLE} would be sent over plain http://",
            where=host,
            fix="Use https://, or a port that kubectl forwards to this machine.",
        )


def for_kubeflow(wanted: Wanted) -> Wanted:
    """The run, with results where they can be read from here: below the pipeline root.

    Raises:
        WrongUse: the parameters are too long, or it has labels.
    """
    size = len(json.dumps(dict(wanted.parameters)))
    if size > LONGEST_PARAMETERS:
        raise WrongUse(
            f"The parameters have {size} characters; Kubeflow takes {LONGEST_PARAMETERS}",
            fix="Put the long one into a file in a bucket, as intent_uri or options allow.",
        )
    if wanted.labels:
        raise WrongUse("Runs on Kubeflow have no labels", where="--label", fix="Leave it out.")
    if wanted.root and "results_uri" in declared(wanted.spec):
        return replace(wanted, parameters={"results_uri": wanted.root, **wanted.parameters})
    return wanted


def _client(host: str, token: str) -> Any:
    """The client of kfp, made to end its calls: by itself it waits for ever."""
    from kfp.client import Client

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Asks for what `probe` has just been answered.
        client: Any = Client(host=host, existing_token=token or None)
    rest = client.runs.run_service_get_run.__self__.api_client.rest_client
    request = rest.request

    def impatient(*given: Any, _request_timeout: Any = None, **named: Any) -> Any:
        return request(*given, _request_timeout=_request_timeout or CALL_S, **named)

    rest.request = impatient
    return client
