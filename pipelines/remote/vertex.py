"""Runs on Vertex AI Pipelines, through the generated client of google-cloud-aiplatform.

Not through aiplatform.PipelineJob: its import takes twice as long, its submit() asks Resource
Manager who owns the bucket (45 to 60 s where that does not answer, and the answer is dropped), and
what it builds is one message, which a test compares with ours.
"""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf import field_mask_pb2, json_format

from components.agent import AGENT
from components.errors import InputError, ServiceError, WrongUse
from components.gemini.endpoint import endpoint, is_local
from pipelines.remote import run as states
from pipelines.remote.run import Run, Step, titles
from pipelines.remote.vertex_errors import told
from pipelines.remote.wanted import OUR_LABEL, Wanted
from pipelines.service_errors import NotThereError, TakenError, UnclearError

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob

Client = TypeVar("Client")

CALL_S = 60.0
PAUSES_S = (1.0, 3.0, 8.0)  # between the attempts of a create that was not clearly answered
CONSOLE = "https://console.cloud.google.com"
NAME = re.compile(r"projects/([^/]+)/locations/([a-z0-9-]+)/pipelineJobs/([a-zA-Z0-9-]+)")
PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]{0,99}")
# What a list of runs shows; a whole run holds its spec, 50 kB and more.
LISTED = (
    "name",
    "display_name",
    "state",
    "create_time",
    "end_time",
    "labels",
    "pipeline_spec.pipeline_info",
)

RUN_STATES = {
    "PIPELINE_STATE_UNSPECIFIED": states.UNKNOWN,
    "PIPELINE_STATE_QUEUED": states.QUEUED,
    "PIPELINE_STATE_PENDING": states.PENDING,
    "PIPELINE_STATE_RUNNING": states.RUNNING,
    "PIPELINE_STATE_SUCCEEDED": states.SUCCEEDED,
    "PIPELINE_STATE_FAILED": states.FAILED,
    "PIPELINE_STATE_CANCELLING": states.CANCELLING,
    "PIPELINE_STATE_CANCELLED": states.CANCELLED,
    "PIPELINE_STATE_PAUSED": states.PAUSED,
}
STEP_STATES = {
    "STATE_UNSPECIFIED": states.UNKNOWN,
    "PENDING": states.PENDING,
    "RUNNING": states.RUNNING,
    "SUCCEEDED": states.SUCCEEDED,
    "CANCEL_PENDING": states.CANCELLING,
    "CANCELLING": states.CANCELLING,
    "CANCELLED": states.CANCELLED,
    "FAILED": states.FAILED,
    "SKIPPED": states.SKIPPED,
    "NOT_TRIGGERED": states.SKIPPED,
}


class Vertex:
    """Vertex AI Pipelines in one project and region; a Platform.

    Args:
        project: whose runs.
        region: where they run.
        say: told of attempts that are made again.
        sleep: waits between them.

    Raises:
        WrongUse: the project or the region cannot be one.
        ServiceError: there are no credentials.
    """

    title = "Vertex AI"

    def __init__(
        self,
        project: str,
        region: str,
        *,
        say: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not PROJECT.fullmatch(project):
            raise WrongUse(
                f"'{project[:80]}' is not the id of a project"
                if project
                else "No project is named",
                fix="Give --project.",
            )
        self.project, self.region = project, region
        self.options = f"--project {project} --region {region}"
        self.poll_s = (0.3, 2.0) if is_local() else (5.0, 30.0)
        self._parent = f"projects/{project}/locations/{region}"
        self._say, self._sleep = say, sleep
        from google.cloud.aiplatform_v1 import PipelineServiceClient

        with told("use Vertex AI", project=project, region=region):
            self._client = rest_client(PipelineServiceClient, region)

    def create(self, wanted: Wanted) -> Run:
        """Start a run, or take up the one that an earlier attempt made."""
        for pause in (*PAUSES_S, None):
            try:
                return self._create(wanted)
            except UnclearError as error:
                if pause is None:
                    raise ServiceError(
                        f"{error.what}; whether there is a run now is not known",
                        where=error.where,
                        fix=f"The same command with --run-id {wanted.run_id} takes it up, or "
                        f"makes it: it never makes two. {error.fix}",
                    ) from error
                self._say(f"{error.what}; the same run is asked for again")
                self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _create(self, wanted: Wanted) -> Run:
        job = pipeline_job(wanted)
        try:
            with self._told("start the run"):
                made = self._client.create_pipeline_job(
                    parent=self._parent,
                    pipeline_job=job,
                    pipeline_job_id=wanted.run_id,
                    retry=None,
                    timeout=CALL_S,
                )
        except TakenError as error:
            found = self.get(wanted.run_id)
            if found.labels.get(OUR_LABEL) != wanted.digest:
                raise InputError(
                    "There is another run with this id",
                    where=found.name,
                    fix="Give another --run-id, or leave it out.",
                ) from error
            self._say("the run was made already; it is taken up")
            return found
        return self._run(made)

    def get(self, run_id: str) -> Run:
        """A run as it is now."""
        name = f"{self._parent}/pipelineJobs/{run_id}"
        try:
            with self._told("read the run"):
                return self._run(
                    self._client.get_pipeline_job(name=name, retry=None, timeout=CALL_S)
                )
        except NotThereError as error:
            raise NotThereError(
                "There is no such run",
                where=name,
                fix=f"Check --project and --region; `intent2batch runs {self.options}` lists "
                "what there is.",
            ) from error

    def cancel(self, run_id: str) -> None:
        """Ask for the end of a run; one that has ended stays as it is."""
        name = f"{self._parent}/pipelineJobs/{run_id}"
        try:
            with self._told("cancel the run"):
                self._client.cancel_pipeline_job(name=name, retry=None, timeout=CALL_S)
        except InputError:
            # It may have ended in the meantime, or be on its way there, which is refused.
            if not self.get(run_id).ends:
                raise

    def recent(self) -> Iterator[Run]:
        """Runs of every pipeline, the youngest first, without their steps."""
        with self._told("list the runs"):
            pages = self._client.list_pipeline_jobs(
                request={
                    "parent": self._parent,
                    "order_by": "create_time desc",
                    "page_size": 100,
                    "read_mask": field_mask_pb2.FieldMask(paths=LISTED),
                },
                retry=None,
                timeout=CALL_S,
            )
            for job in pages:
                yield self._run(job)

    def _told(self, doing: str) -> Any:
        return told(doing, project=self.project, region=self.region)

    def _run(self, job: PipelineJob) -> Run:
        """Our view of a run; the service names projects by their number, we as the person does."""
        from google.cloud.aiplatform_v1.types import PipelineState

        message = type(job).pb(job)
        spec = json_format.MessageToDict(message.pipeline_spec)
        config = json_format.MessageToDict(message.runtime_config)
        run_id = message.name.rsplit("/", 1)[-1]
        tasks = sorted(message.job_detail.task_details, key=_began)
        known = titles(spec)
        return Run(
            id=run_id,
            name=f"{self._parent}/pipelineJobs/{run_id}",
            title=message.display_name,
            pipeline=str(spec.get("pipelineInfo", {}).get("name", "")),
            state=RUN_STATES.get(state_name(PipelineState, message.state), states.UNKNOWN),
            url="" if is_local() else self._console(run_id),
            root=message.runtime_config.gcs_output_directory,
            results=next((uri for task in tasks if (uri := _results(task))), ""),
            reason=message.error.message,
            steps=tuple(step for task in tasks if (step := self._step(task, known))),
            parameters=config.get("parameterValues", {}),
            labels=dict(message.labels),
            created=_moment(message, "create_time"),
            ended=_moment(message, "end_time"),
        )

    def _step(self, task: Any, known: Mapping[str, str]) -> Step | None:
        from google.cloud.aiplatform_v1.types import PipelineTaskDetail

        title = known.get(task.task_name, "")
        if not title:
            return None
        executor = task.executor_detail
        job = executor.custom_job_detail.job or executor.container_detail.main_job
        return Step(
            key=str(task.task_id or task.task_name),
            title=title,
            state=STEP_STATES.get(state_name(PipelineTaskDetail.State, task.state), states.UNKNOWN),
            reason=task.error.message,
            logs=self._logs(job) if job and not is_local() else "",
        )

    def _console(self, run_id: str) -> str:
        return (
            f"{CONSOLE}/vertex-ai/locations/{self.region}/pipelines/runs/{run_id}"
            f"?project={self.project}"
        )

    def _logs(self, job: str) -> str:
        """The Logs Explorer at the lines of the custom job that ran a step."""
        number = job.rsplit("/", 1)[-1]
        query = f"resource.type%3D%22ml_job%22%0Aresource.labels.job_id%3D%22{number}%22"
        return f"{CONSOLE}/logs/query;query={query}?project={self.project}"


def pipeline_job(wanted: Wanted) -> PipelineJob:
    """The message that asks for a run."""
    from google.cloud.aiplatform_v1.types import PipelineJob

    return PipelineJob(
        display_name=wanted.title[:128],
        pipeline_spec=wanted.run_spec,
        labels={**wanted.labels, OUR_LABEL: wanted.digest},
        runtime_config={
            "gcs_output_directory": wanted.root,
            "parameter_values": dict(wanted.parameters),
        },
        template_uri=wanted.template,
        service_account=wanted.service_account,
    )


def name_of_run(text: str) -> tuple[str, str, str]:
    """Project, region and id in the name of a run; the first two empty where only an id is given.

    Raises:
        WrongUse: it is no name of a run.
    """
    found = NAME.fullmatch(text)
    if found:
        return found[1], found[2], found[3]
    if re.fullmatch(r"[a-zA-Z0-9-]{1,128}", text):
        return "", "", text
    raise WrongUse(
        f"'{text[:120]}' is not the name of a run",
        fix="Give projects/P/locations/R/pipelineJobs/ID, or only ID.",
    )


def rest_client(kind: Callable[..., Client], region: str) -> Client:
    """A client over REST, which is also what a stand-in speaks; that one gets no real token."""
    from google.api_core.gapic_v1.client_info import ClientInfo
    from google.oauth2.credentials import Credentials

    return kind(
        transport="rest",
        credentials=Credentials("stand-in") if is_local() else None,
        client_options={"api_endpoint": endpoint(region)},
        client_info=ClientInfo(user_agent=AGENT),
    )


def state_name(kind: Callable[[int], Any], number: int) -> str:
    """The service's word for a state; the number itself if a later release of it has more."""
    try:
        return str(kind(number).name)
    except ValueError:
        return str(number)


def _moment(message: Any, field: str) -> datetime.datetime | None:
    """A time of a message; None where it has none."""
    if not message.HasField(field):
        return None
    found: datetime.datetime = getattr(message, field).ToDatetime(tzinfo=datetime.UTC)
    return found


def _began(task: Any) -> tuple[float, float]:
    made = _moment(task, "create_time")
    began = _moment(task, "start_time") or made
    return (
        began.timestamp() if began else float("inf"),
        made.timestamp() if made else float("inf"),
    )


def _results(task: Any) -> str:
    """The run's folder, as the step that collects the results leaves it in an artifact."""
    if "results" not in task.outputs:
        return ""
    return next((a.uri for a in task.outputs["results"].artifacts if a.uri), "")
