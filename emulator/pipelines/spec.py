"""What of a submitted spec runs here, and with which parameters.

A spec travels in a Struct, which has no whole numbers: they are restored. Refused is what kfp.local
cannot run as the service would (containers of one's own, steps that install packages), since the
steps run in the emulator's own Python.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from emulator.messages import ApiError, not_emulated

# Linux takes 128 KiB for one argument, and kfp.local puts all parameters of a step on one.
_MOST_PARAMETERS = 100_000
_EXECUTOR = "kfp.dsl.executor_main"
_TYPES: Mapping[str, tuple[type, ...]] = {
    "STRING": (str,),
    "NUMBER_INTEGER": (int,),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}


def whole_numbers(value: Any) -> Any:
    """The value with 3.0 as 3, at every depth."""
    if isinstance(value, Mapping):
        return {key: whole_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [whole_numbers(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def pipeline_name(spec: Mapping[str, Any]) -> str:
    """The name of the pipeline.

    Raises:
        ApiError: 400 where it has none.
    """
    name = _mapping(spec, "pipelineInfo").get("name")
    if not isinstance(name, str) or not name:
        raise _bad("The pipeline spec has no pipelineInfo.name.")
    return name


def check_spec(spec: Mapping[str, Any]) -> None:
    """Raise where the spec is broken, or does not run here."""
    pipeline_name(spec)
    version = str(spec.get("schemaVersion", ""))
    if not version.startswith("2.1"):
        raise not_emulated(f"specs of the schema version {version[:20]!r}, only 2.1.x")
    components = _mapping(spec, "components")
    executors = _mapping(_mapping(spec, "deploymentSpec"), "executors")
    for place, task in _tasks(spec, components):
        name = _mapping(task, "componentRef").get("name")
        if name not in components:
            raise _bad(
                f"The task {place} names the component {str(name)[:80]!r}, which is not there."
            )
    for name in components:
        component = _mapping(components, name)
        label = component.get("executorLabel")
        if "dag" not in component and label not in executors:
            raise _bad(f"The component {name[:80]} has no executor.")
    for label in executors:
        _check_executor(label, _mapping(executors, label))


def _tasks(
    spec: Mapping[str, Any], components: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    root = _mapping(_mapping(spec, "root"), "dag")
    dags = [root, *(_mapping(each, "dag") for each in components.values() if "dag" in each)]
    if not root.get("tasks"):
        raise _bad("The pipeline spec has no tasks.")
    for dag in dags:
        tasks = _mapping(dag, "tasks")
        for name in tasks:
            yield name[:80], _mapping(tasks, name)


def _check_executor(label: str, executor: Mapping[str, Any]) -> None:
    if "importer" in executor:
        return
    container = _mapping(executor, "container")
    words = [str(word) for word in [*container.get("command", []), *container.get("args", [])]]
    if not any(_EXECUTOR in word for word in words):
        raise not_emulated(f"containers of one's own (executor {label[:80]}), only Python steps")
    if any("pip install" in word for word in words[:3]):
        text = f"steps that install packages (executor {label[:80]}): compile with "
        raise not_emulated(text + "install_kfp_package=False and packages_to_install=[]")


def checked_parameters(spec: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The run's parameters, of the types that the spec declares.

    Raises:
        ApiError: 400 for unknown and missing ones, and those of another type.
    """
    inputs = _mapping(_mapping(_mapping(spec, "root"), "inputDefinitions"), "parameters")
    values: dict[str, Any] = dict(whole_numbers(given))
    for name, value in values.items():
        if name not in inputs:
            raise _bad(f"The pipeline has no input parameter {name[:80]!r}.")
        kind = str(_mapping(inputs, name).get("parameterType"))
        types = _TYPES.get(kind, ())
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise _bad(f"The value of the input parameter {name[:80]!r} is not of type {kind}.")
        if kind == "NUMBER_DOUBLE":
            values[name] = float(cast(float, value))
    for name in inputs:
        declared = _mapping(inputs, name)
        if not (name in values or "defaultValue" in declared or declared.get("isOptional")):
            raise _bad(f"The input parameter {name[:80]!r} has no value.")
    if len(json.dumps(values).encode()) > _MOST_PARAMETERS:
        raise not_emulated(f"more than {_MOST_PARAMETERS} bytes of parameters")
    return values


def with_job(spec: Any, placeholders: Mapping[str, str]) -> Any:
    """The spec with the placeholders of the job replaced, such as {{$.pipeline_job_name}}."""
    if isinstance(spec, Mapping):
        return {key: with_job(each, placeholders) for key, each in spec.items()}
    if isinstance(spec, list):
        return [with_job(each, placeholders) for each in spec]
    if isinstance(spec, str) and "{{$." in spec:
        for placeholder, value in placeholders.items():
            spec = spec.replace(placeholder, value)
    return spec


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    found = value.get(name, {}) if isinstance(value, Mapping) else None
    if not isinstance(found, Mapping):
        raise _bad(f"The pipeline spec is broken: {name[:80]} is not an object.")
    return found


def _bad(message: str) -> ApiError:
    return ApiError(400, "INVALID_ARGUMENT", message)
