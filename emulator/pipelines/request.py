"""What a request for a pipeline job may hold, and what the stand-in refuses of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import yaml

from emulator.messages import ApiError, not_emulated
from emulator.pipelines.spec import check_spec, checked_parameters, pipeline_name, whole_numbers
from emulator.proto_json import named

JOB_ID = re.compile(r"[a-z][-a-z0-9]{0,127}")
_KEPT = {"displayName", "pipelineSpec", "labels", "runtimeConfig", "serviceAccount"}
_KEPT |= {"encryptionSpec", "network", "templateUri"}
_NOT_EMULATED = {"reservedIpRanges", "pscInterfaceConfig", "preflightValidations"}
_NOT_EMULATED |= {"originalPipelineJobId", "pipelineTaskRerunConfigs"}
_ITS_OWN = {  # the service fills these; what a caller sends there is not looked at
    "name",
    "createTime",
    "startTime",
    "endTime",
    "updateTime",
    "state",
    "jobDetail",
    "error",
    "templateMetadata",
    "scheduleName",
}
_RUNTIME = {"gcsOutputDirectory", "parameterValues", "failurePolicy"}
_RUNTIME_NOT_EMULATED = {"parameters", "inputArtifacts", "defaultRuntime"}
_POLICIES = {
    0: "PIPELINE_FAILURE_POLICY_UNSPECIFIED",
    1: "PIPELINE_FAILURE_POLICY_FAIL_SLOW",
    2: "PIPELINE_FAILURE_POLICY_FAIL_FAST",
}
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")  # docs: labels of resources; international letters aside

Template = Callable[[str], tuple[bytes, str] | None]


class Asked(NamedTuple):
    """A pipeline job that was asked for: the resource, its parameters, its template's version."""

    resource: dict[str, Any]
    parameters: dict[str, Any]
    version: str


def checked_create(
    body: Mapping[str, Any], template: Template, has_bucket: Callable[[str], bool]
) -> Asked:
    """The job that the body asks for.

    Args:
        body: a PipelineJob.
        template: content and version behind a template uri.
        has_bucket: whether there is a bucket of that name.

    Raises:
        ApiError: 400 or 404, in the service's words or saying what is not emulated.
    """
    try:
        return _checked(body, template, has_bucket)
    except RecursionError as error:
        raise _bad("The pipeline job is nested too deeply.") from error


def _checked(
    body: Mapping[str, Any], template: Template, has_bucket: Callable[[str], bool]
) -> Asked:
    job = named(body, _KEPT | _NOT_EMULATED | _ITS_OWN, "pipeline_job")
    for name in sorted(job.keys() & _NOT_EMULATED):
        if job[name]:
            raise not_emulated(f"the field {name} of a pipeline job")
    job = {name: job[name] for name in job if name in _KEPT}
    _check_texts(job)
    version = _fill_spec(job, template)
    spec = whole_numbers(job["pipelineSpec"])
    check_spec(spec)
    runtime = _runtime(job.get("runtimeConfig"), has_bucket)
    given = runtime.get("parameterValues", {})
    if not isinstance(given, Mapping):
        raise _bad("Invalid value at 'pipeline_job.runtime_config.parameter_values': no object.")
    parameters = checked_parameters(spec, given)
    job |= {"pipelineSpec": spec, "runtimeConfig": runtime}
    job.setdefault("displayName", pipeline_name(spec))
    return Asked(job, parameters, version)


def job_id(asked: str, name: str, now: str) -> str:
    """The id that was asked for, or one of the pipeline's name and the time.

    Raises:
        ApiError: 400 where it cannot be an id.
    """
    made = asked or re.sub(r"[^a-z0-9-]", "-", f"{name}-{re.sub('[^0-9]', '', now)[:14]}".lower())
    if not JOB_ID.fullmatch(made):
        raise _bad(f"pipeline_job_id {made[:200]!r} does not match {JOB_ID.pattern}.")
    return made


def _check_texts(job: Mapping[str, Any]) -> None:
    for name in ("displayName", "serviceAccount", "network", "templateUri"):
        if not isinstance(job.get(name, ""), str):
            raise _bad(f"Invalid value at 'pipeline_job.{name}' (TYPE_STRING).")
    if len(job.get("displayName", "")) > 128:
        raise _bad("display_name is longer than 128 characters.")
    labels = job.get("labels", {})
    if not isinstance(labels, Mapping):
        raise _bad("Invalid value at 'pipeline_job.labels': no object.")
    for key, value in labels.items():
        if not (
            key and _LABEL.fullmatch(key) and isinstance(value, str) and _LABEL.fullmatch(value)
        ):
            raise _bad(
                f"Invalid label {key[:80]!r}: lowercase letters, digits, '_' and '-', up to 63."
            )


def _fill_spec(job: dict[str, Any], template: Template) -> str:
    """Take the spec from the template where there is none; returns the template's version."""
    uri = job.get("templateUri", "")
    found = template(uri) if uri else None
    if not job.get("pipelineSpec"):
        if found is None:
            raise _bad("One of pipeline_spec and template_uri must be set, and be a pipeline.")
        job["pipelineSpec"] = yaml.safe_load(found[0])
    if not isinstance(job["pipelineSpec"], Mapping):
        raise _bad("Invalid value at 'pipeline_job.pipeline_spec': no object.")
    return found[1] if found else ""


def _runtime(value: Any, has_bucket: Callable[[str], bool]) -> dict[str, Any]:
    place = "pipeline_job.runtime_config"
    if not isinstance(value, Mapping):
        raise _bad(f"The field {place} is required, and must be an object.")
    found = named(value, _RUNTIME | _RUNTIME_NOT_EMULATED, place)
    for name in sorted(found.keys() & _RUNTIME_NOT_EMULATED):
        if found.pop(name):
            raise not_emulated(f"the field runtimeConfig.{name}")
    root = found.get("gcsOutputDirectory")
    bucket = re.match(r"gs://([^/]+)", root) if isinstance(root, str) else None
    if bucket is None:
        raise _bad(f"{place}.gcs_output_directory must be a folder of Cloud Storage (gs://…).")
    if not has_bucket(bucket[1]):
        raise _bad(f"The bucket {bucket[1][:80]} of gcs_output_directory does not exist.")
    policy = found.get("failurePolicy", 0)
    if policy not in _POLICIES and policy not in _POLICIES.values():
        raise _bad(f"Invalid value at '{place}.failure_policy': {json.dumps(policy)[:80]}.")
    found["failurePolicy"] = _POLICIES.get(policy, policy)
    return found


def _bad(message: str) -> ApiError:
    return ApiError(400, "INVALID_ARGUMENT", message)
