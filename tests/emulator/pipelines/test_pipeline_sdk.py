"""google-cloud-aiplatform's own classes for pipeline jobs and schedules.

In a module of its own: the import takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.oauth2.credentials import Credentials

from emulator.projects import project_number
from tests.emulator.pipelines.place import ROOT, Place, until
from tests.emulator.pipelines.specs import compiled


@pytest.fixture(scope="module")
def job(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A PipelineJob; who owns the bucket is told, as Resource Manager has no stand-in."""
    from google.cloud import aiplatform
    from google.cloud.aiplatform import pipeline_jobs
    from google.cloud.aiplatform.utils import resource_manager_utils

    with pytest.MonkeyPatch.context() as patch:
        for name, value in place.emulator.environment.items():
            patch.setenv(name, value)
        number = project_number("local-project")
        patch.setattr(resource_manager_utils, "get_project_number", lambda *a, **k: int(number))
        patch.setattr(pipeline_jobs, "_JOB_WAIT_TIME", 0.1)
        aiplatform.init(
            project="local-project",
            location="us-central1",
            credentials=Credentials("local"),
            api_endpoint=place.emulator.urls["vertex"],
            api_transport="rest",
        )
        path = Path(tmp_path_factory.mktemp("spec"), "spec.yaml")
        path.write_text(compiled("short"), encoding="utf-8")
        yield aiplatform.PipelineJob(
            display_name="short",
            template_path=str(path),
            parameter_values={"word": "sdk", "big": 2.0, "names": ["b"]},
            pipeline_root=ROOT,
            labels={"team": "a"},
        )
        aiplatform.initializer.global_pool.shutdown(wait=True)


def test_submit_wait_list_and_delete(job) -> None:
    from google.cloud import aiplatform

    job.submit()
    job.wait()
    assert job.state.name == "PIPELINE_STATE_SUCCEEDED"
    assert [each.task_name for each in job.task_details] == ["short", "after"]
    assert job.resource_name in [
        each.resource_name for each in aiplatform.PipelineJob.list(filter='labels.team="a"')
    ]
    again = aiplatform.PipelineJob.get(job.resource_name)
    assert again.to_dict()["runtimeConfig"]["parameterValues"]["names"] == ["b"]
    job.delete()


@pytest.mark.filterwarnings("ignore:The 'warn' method:DeprecationWarning")  # in its update()
def test_a_schedule_is_made_changed_paused_resumed_and_deleted(place: Place, job) -> None:
    made = job.create_schedule(
        display_name="nightly",
        cron="TZ=Europe/London 0 3 * * *",
        max_concurrent_run_count=1,
        max_run_count=2,
    )
    made.update(cron="0 4 * * *", max_run_count=1)
    assert (made.cron, made.max_run_count) == ("0 4 * * *", 1)
    made.pause()
    assert made.state.name == "PAUSED"
    made.resume(catch_up=False)
    place.emulator.clock.advance(86400)
    until(lambda: made.state.name == "COMPLETED")
    (run,) = made.list_jobs()
    assert place.ended(run.resource_name).state.name == "PIPELINE_STATE_SUCCEEDED"
    assert [each.display_name for each in type(made).list(filter='display_name="nightly"')]
    made.delete()
