"""Schedules of Vertex AI Pipelines, through the generated client of google-cloud-aiplatform.

Not through aiplatform.PipelineJobSchedule: its update() takes neither spec nor parameters.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from google.protobuf import field_mask_pb2, json_format

from components.errors import InputError, WrongUse
from components.gemini.endpoint import is_local
from pipelines.remote.vertex import (
    CALL_S,
    PAUSES_S,
    PROJECT,
    pipeline_job,
    rest_client,
    state_name,
)
from pipelines.remote.vertex_errors import told
from pipelines.remote.wanted import OUR_LABEL, Wanted
from pipelines.schedules.wanted import GROUP_LABEL, NAME_LABEL, WantedSchedule
from pipelines.service_errors import NotThereError, UnclearError

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import Schedule

ACTIVE, PAUSED, COMPLETED = "ACTIVE", "PAUSED", "COMPLETED"
GONE = ""


class Found:
    """A schedule that there is.

    Args:
        message: as the service shows it.
        project: whose, as the person names it; the service names projects by their number.
    """

    def __init__(self, message: Schedule, project: str) -> None:
        self.message = message
        self._pb = type(message).pb(message)
        self._project = project

    @property
    def name(self) -> str:
        """The resource name, with the project as the person names it."""
        parts = str(self._pb.name).split("/")
        return "/".join([parts[0], self._project, *parts[2:]])

    @property
    def title(self) -> str:
        """The display name."""
        return str(self._pb.display_name)

    @property
    def state(self) -> str:
        """ACTIVE, PAUSED or COMPLETED."""
        from google.cloud.aiplatform_v1.types import Schedule

        return state_name(Schedule.State, self._pb.state)

    @property
    def job(self) -> Any:
        """The pipeline job that each run is made from."""
        return self._pb.create_pipeline_job_request.pipeline_job

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its runs."""
        return dict(self.job.labels)

    @property
    def is_ours(self) -> bool:
        """Whether intent2batch made it."""
        return bool(self.job.labels.get(NAME_LABEL) == self.title)

    @property
    def group(self) -> str:
        """The file that keeps it, or empty."""
        return str(self.job.labels.get(GROUP_LABEL, ""))

    @property
    def pipeline(self) -> str:
        """The name of the pipeline."""
        info = json_format.MessageToDict(self.job.pipeline_spec).get("pipelineInfo", {})
        return str(info.get("name", ""))

    @property
    def parameters(self) -> dict[str, Any]:
        """Of each run."""
        config = json_format.MessageToDict(self.job.runtime_config)
        found: dict[str, Any] = config.get("parameterValues", {})
        return found

    def time(self, field: str) -> datetime.datetime | None:
        """A time of it, such as `next_run_time`; None where it has none."""
        if not self._pb.HasField(field):
            return None
        found: datetime.datetime = getattr(self._pb, field).ToDatetime(tzinfo=datetime.UTC)
        return found

    def value(self, field: str) -> Any:
        """A field of it that is no message."""
        return getattr(self._pb, field)

    def run(self, run_id: str) -> Wanted:
        """A run like those that it makes."""
        spec = json_format.MessageToDict(self.job.pipeline_spec)
        return Wanted(
            run_id=run_id,
            spec=_whole(spec),
            parameters=_whole(self.parameters),
            root=self.job.runtime_config.gcs_output_directory,
            template=self.job.template_uri,
            service_account=self.job.service_account,
            labels={key: value for key, value in self.labels.items() if key != OUR_LABEL},
        )


class Schedules:
    """The schedules in one project and region.

    Every method raises ServiceError where the service refuses or does not answer.

    Args:
        project: whose.
        region: where.

    Raises:
        WrongUse: the project or the region cannot be one.
        ServiceError: there are no credentials.
    """

    def __init__(self, project: str, region: str) -> None:
        from google.cloud.aiplatform_v1 import ScheduleServiceClient

        if not PROJECT.fullmatch(project):
            said = f"'{project[:80]}' is not the id of a project" if project else ""
            raise WrongUse(said or "No project is named", fix="Give --project.")
        self.project, self.region = project, region
        self.options = f"--project {project} --region {region}"
        self.parent = f"projects/{project}/locations/{region}"
        self._pauses_s = (0.0,) * len(PAUSES_S) if is_local() else PAUSES_S
        with self._told("use Vertex AI"):
            self._client = rest_client(ScheduleServiceClient, region)

    def all(self, name: str = "") -> Iterator[Found]:
        """The schedules of pipelines, or those of a name; the youngest first."""
        request: dict[str, Any] = {"parent": self.parent, "page_size": 100}
        if name:
            request["filter"] = f"display_name={json.dumps(name)}"
        with self._told("list the schedules"):
            for each in self._client.list_schedules(request=request, retry=None, timeout=CALL_S):
                if "create_pipeline_job_request" in each:
                    yield Found(each, self.project)

    def named(self, name: str) -> Found:
        """The one schedule of a name.

        Raises:
            InputError: there is none, or there are several.
        """
        found = list(self.all(name))
        mine = [each for each in found if each.is_ours] or found
        if len(mine) == 1:
            return mine[0]
        if not found:
            raise InputError(
                f"There is no schedule '{name}'",
                where=self.parent,
                fix=f"`intent2batch schedule list {self.options}` shows what there is.",
            )
        raise InputError(
            f"There are {len(mine)} schedules '{name}'",
            where=self.parent,
            fix="`schedule set` or `schedule apply` leaves one of them; or delete the others in "
            "the console.",
        )

    def create(self, wanted: WantedSchedule, now: datetime.datetime) -> Found:
        """Make it."""
        start = wanted.limits.start
        made = message(wanted, self.parent, start if start and start > now else None)
        with self._told(f"make the schedule {wanted.name}"):
            return Found(
                self._client.create_schedule(
                    parent=self.parent, schedule=made, retry=None, timeout=CALL_S
                ),
                self.project,
            )

    def update(self, found: Found, wanted: WantedSchedule, fields: Sequence[str]) -> None:
        """Change these fields of it."""
        start = wanted.limits.start if "start_time" in fields else None
        changed = message(wanted, self.parent, start)
        changed.name = found.message.name
        self._again(
            f"change the schedule {wanted.name}",
            lambda: self._client.update_schedule(
                schedule=changed,
                update_mask=field_mask_pb2.FieldMask(paths=fields),
                retry=None,
                timeout=CALL_S,
            ),
        )

    def pause(self, found: Found) -> None:
        """Let it rest; what runs goes on."""
        self._again(
            f"pause the schedule {found.title}",
            lambda: self._client.pause_schedule(
                name=found.message.name, retry=None, timeout=CALL_S
            ),
            lambda: self.state_now(found) in (PAUSED, GONE),
        )

    def resume(self, found: Found, *, catch_up: bool = False) -> None:
        """Go on; `catch_up` makes up for the runs that were missed."""
        request = {"name": found.message.name, "catch_up": catch_up}
        self._again(
            f"resume the schedule {found.title}",
            lambda: self._client.resume_schedule(request=request, retry=None, timeout=CALL_S),
            lambda: self.state_now(found) == ACTIVE,
        )

    def delete(self, found: Found) -> None:
        """Remove it; what runs goes on."""
        self._again(
            f"delete the schedule {found.title}",
            lambda: self._client.delete_schedule(
                name=found.message.name, retry=None, timeout=CALL_S
            ).result(timeout=CALL_S),
            lambda: self.state_now(found) == GONE,
        )

    def _again(
        self, doing: str, call: Callable[[], object], done: Callable[[], bool] = lambda: False
    ) -> None:
        """Make a call that may be made twice, until it is clearly answered.

        Args:
            doing: what it is for.
            call: makes it.
            done: asked where the call is refused: whether it was done already, by one whose answer
                was lost, or by somebody else.
        """
        for pause in (*self._pauses_s, None):
            try:
                with self._told(doing):
                    call()
                return
            except UnclearError:
                if pause is None:
                    raise
                time.sleep(pause)
            except InputError:
                if done():
                    return
                raise

    def state_now(self, found: Found) -> str:
        """Its state as it is now; GONE if there is none of it any more."""
        try:
            with self._told("read the schedule"):
                there = self._client.get_schedule(
                    name=found.message.name, retry=None, timeout=CALL_S
                )
        except NotThereError:
            return GONE
        return Found(there, self.project).state

    def _told(self, doing: str) -> Any:
        return told(doing, project=self.project, region=self.region)


def message(
    wanted: WantedSchedule, parent: str, start: datetime.datetime | None = None
) -> Schedule:
    """What is asked of the service.

    Args:
        wanted: the schedule.
        parent: project and region.
        start: when it begins; None is now.
    """
    from google.cloud.aiplatform_v1.types import CreatePipelineJobRequest, Schedule

    job = pipeline_job(wanted.run)
    job.labels = {**wanted.labels, OUR_LABEL: wanted.run.digest}
    limits = wanted.limits
    bounds = {"start_time": start, "end_time": limits.end, "max_run_count": limits.runs}
    return Schedule(
        display_name=wanted.name,
        cron=wanted.cron,
        # Of the starting, and of what is under way (documentation of Schedule): both are meant.
        max_concurrent_run_count=limits.at_once,
        max_concurrent_active_run_count=limits.at_once,
        allow_queueing=limits.queue,
        create_pipeline_job_request=CreatePipelineJobRequest(parent=parent, pipeline_job=job),
        **{name: value for name, value in bounds.items() if value},
    )


def _whole(value: Any) -> Any:
    """3.0 as 3: a Struct has no whole numbers."""
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
