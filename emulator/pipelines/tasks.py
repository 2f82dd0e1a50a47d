"""The details of a pipeline job's tasks, made of the events that its process tells.

As in the service there is one for the pipeline itself, and those of its tasks name it as their
parent; a nested pipeline, a loop and an iteration are tasks too. How the service names the
iterations of a loop is not documented.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emulator.pipelines.book import Run
from emulator.pipelines.spec import pipeline_name
from emulator.projects import project_number


def root_task(run: Run, now: str) -> dict[str, Any]:
    """The detail of the pipeline itself."""
    return _detail(run.uuid, pipeline_name(run.resource["pipelineSpec"]), now)


def begun(run: Run, event: Mapping[str, Any], now: str) -> dict[str, Any]:
    """The detail of a task that begins."""
    task = _detail(event["id"], event["name"], now)
    task["parentTaskId"] = event["parent"] or run.uuid
    component = run.resource["pipelineSpec"]["components"].get(event["component"], {})
    if "executorLabel" in component:
        # On the service a CustomJob runs the step; here there is none behind the name.
        task["executorDetail"] = {
            "containerDetail": {"mainJob": f"{run.parent}/customJobs/{event['id']}"}
        }
    return task


def attempted(
    task: dict[str, Any], run: Run, event: Mapping[str, Any], moved: Mapping[str, str]
) -> dict[str, Any]:
    """The task with its inputs."""
    parameters, artifacts = _split(event["inputs"], run, moved)
    said = {f"input:{name}": value for name, value in parameters.items()}
    return task | {"inputs": artifacts, "execution": _execution(task, run, said)}


def finished(
    task: dict[str, Any],
    run: Run,
    event: Mapping[str, Any],
    moved: Mapping[str, str],
    now: str,
) -> dict[str, Any]:
    """The task that has ended, with its outputs."""
    parameters, artifacts = _split(event["outputs"], run, moved)
    said = {f"output:{name}": value for name, value in parameters.items()}
    state = event["state"]
    found = task | {
        "state": state,
        "endTime": now,
        "pipelineTaskStatus": [*task["pipelineTaskStatus"], {"updateTime": now, "state": state}],
        "outputs": artifacts,
        "execution": _execution(task, run, said),
    }
    if state == "FAILED":
        text = (
            event["error"] or f"The task {task['taskName']} failed; its output is in the run's log."
        )
        found["error"] = {"code": 9, "message": text}
    return found


def untriggered(run: Run, now: str) -> Iterator[dict[str, Any]]:
    """The tasks that no condition let begin, or whose upstream tasks failed."""
    spec = run.resource["pipelineSpec"]
    begun_in: dict[str, set[str]] = {}
    for task in run.tasks.values():
        begun_in.setdefault(task.get("parentTaskId", ""), set()).add(task["taskName"])
    for key, task in run.tasks.items():
        if any(f"{task['taskName']}-iteration-" in name for name in begun_in.get(key, ())):
            continue  # a loop: its iterations hold the tasks
        dag = spec["root"]["dag"] if key == run.uuid else _dag(spec, task["taskName"])
        for name in set(dag.get("tasks", {})) - begun_in.get(key, set()):
            made = hashlib.sha256(f"{key}/{name}".encode()).hexdigest()[:15]
            missing = _detail(str(10**18 + int(made, 16)), name, now) | {"parentTaskId": key}
            missing["pipelineTaskStatus"] = [{"updateTime": now, "state": "NOT_TRIGGERED"}]
            yield missing | {"state": "NOT_TRIGGERED"}


def _dag(spec: Mapping[str, Any], task: str) -> Mapping[str, Any]:
    """The DAG that a task of this name is, or an empty one: kfp names a component by its task."""
    name = f"comp-{task.partition('-iteration-')[0]}" if "-iteration-" in task else f"comp-{task}"
    found: Mapping[str, Any] = spec["components"].get(name, {}).get("dag", {})
    return found


def folder_of(task: Mapping[str, Any], run: Run) -> str:
    """The task's folder in Cloud Storage, as the service names it."""
    number = project_number(run.project)
    return f"{run.root}/{number}/{run.id}/{task['taskName']}_{task['taskId']}"


def _detail(task_id: str, name: str, now: str) -> dict[str, Any]:
    return {
        "taskId": task_id,
        "taskName": name,
        "createTime": now,
        "startTime": now,
        "state": "RUNNING",
        "pipelineTaskStatus": [{"updateTime": now, "state": "RUNNING"}],
    }


def _split(
    values: Mapping[str, Any], run: Run, moved: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters, and artifacts as the service lists them."""
    parameters: dict[str, Any] = {}
    artifacts: dict[str, Any] = {}
    for name, value in values.items():
        several = value if isinstance(value, list) else [value]
        if several and all(isinstance(each, Mapping) and "artifact" in each for each in several):
            artifacts[name] = {"artifacts": [_artifact(each, run, moved) for each in several]}
        else:
            parameters[name] = value
    return parameters, artifacts


def _artifact(value: Mapping[str, Any], run: Run, moved: Mapping[str, str]) -> dict[str, Any]:
    uri = str(value["uri"])
    for local, remote in moved.items():
        if Path(uri).is_relative_to(local):
            uri = f"{remote}/{Path(uri).relative_to(local)}"
    made = hashlib.sha256(f"{run.uuid}/{uri}".encode()).hexdigest()[:16]
    return {
        "name": f"{run.parent}/metadataStores/default/artifacts/{int(made, 16)}",
        "displayName": value["artifact"],
        "uri": uri,
        "schemaTitle": value["schemaTitle"],
        "schemaVersion": value["schemaVersion"],
        "metadata": value["metadata"],
        "state": "LIVE",
    }


def _execution(task: Mapping[str, Any], run: Run, said: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters stand in the metadata of the task's execution."""
    before = task.get("execution", {}).get("metadata", {})
    return {
        "name": f"{run.parent}/metadataStores/default/executions/{task['taskId']}",
        "displayName": task["taskName"],
        "schemaTitle": "system.ContainerExecution",
        "schemaVersion": "0.0.1",
        "metadata": {**before, **said},
    }
