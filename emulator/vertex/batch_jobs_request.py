"""What a request for a batch prediction may hold, and what the stand-in refuses of it.

Refused are the names that the resource does not have (400, as the service does), what the service
has and the stand-in has not, and what is not known to work: several input files or wildcards for a
Gemini model, where the documentation speaks of one file and nothing proves more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.http import ApiError, not_emulated
from emulator.proto_json import named

_KEPT = {"displayName", "model", "inputConfig", "outputConfig", "labels", "serviceAccount"}
_KEPT |= {"encryptionSpec"}
_NOT_EMULATED = {
    "instanceConfig",
    "modelParameters",
    "dedicatedResources",
    "manualBatchTuningParameters",
    "generateExplanation",
    "explanationSpec",
    "unmanagedContainerModel",
    "disableContainerLogging",
    "modelMonitoringConfig",
}
_ITS_OWN = {  # the service fills these; what a caller sends there is not looked at
    "name",
    "state",
    "createTime",
    "startTime",
    "endTime",
    "updateTime",
    "error",
    "partialFailures",
    "outputInfo",
    "completionStats",
    "resourcesConsumed",
    "modelVersionId",
    "satisfiesPzs",
    "satisfiesPzi",
}
_MAX_DISPLAY_NAME = 128
_GEMINI = re.compile(r"gemini-[a-z0-9.-]+(@[a-z0-9]+)?")
_NOT_FOR_BATCH = re.compile(r"-(live|tts|native-audio|embedding)\b|^gemini-embedding")
_PUBLISHED = re.compile(
    r"(?:projects/[^/]+/locations/[^/]+/)?publishers/(?P<publisher>[^/]+)/models/(?P<model>[^/]+)"
)
_TUNED = re.compile(r"projects/[^/]+/locations/[^/]+/models/\d+(@[a-z0-9-]+)?")
_GCS = re.compile(r"gs://(?P<bucket>[^/*?\[\]]+)/(?P<name>.*)", re.DOTALL)


def checked_create(body: Mapping[str, Any], project: str, location: str) -> dict[str, Any]:
    """The job that the body asks for, names in camelCase, without what the service fills in.

    Whether there is one input uri is `one_source`'s to say.

    Raises:
        ApiError: 400 or 404, in the service's words or saying what is not emulated.
    """
    job = named(body, _KEPT | _NOT_EMULATED | _ITS_OWN, "batch_prediction_job")
    for name in sorted(job.keys() & _NOT_EMULATED):
        raise not_emulated(f"the field {name} of a batch prediction job")
    job = {name: job[name] for name in job if name in _KEPT}
    shown = job.get("displayName")
    if not isinstance(shown, str) or not 0 < len(shown) <= _MAX_DISPLAY_NAME:
        raise _bad(f"display_name must be a text of 1 to {_MAX_DISPLAY_NAME} characters.")
    _check_model(job.get("model"), project, location)
    labels = job.get("labels", {})
    if not isinstance(labels, Mapping) or not all(isinstance(v, str) for v in labels.values()):
        raise _bad("Invalid value at 'batch_prediction_job.labels': texts by name.")
    job["inputConfig"] = _input(job.get("inputConfig"))
    job["outputConfig"] = _output(job.get("outputConfig"))
    return job


def one_source(job: Mapping[str, Any]) -> None:
    """Raise where the job has several input uris, or a wildcard."""
    uris = job["inputConfig"]["gcsSource"]["uris"]
    if len(uris) > 1 or "*" in uris[0]:
        raise _bad(
            "The documentation names one JSONL file as the input of a Gemini batch prediction; "
            "whether several uris or wildcards are taken is not known, so the local emulator "
            'refuses them (unless the scenario {"kind": "sources"} is set).'
        )


def split_gcs(uri: str) -> tuple[str, str]:
    """Bucket and name of a gs:// uri that was checked."""
    found = _GCS.fullmatch(uri)
    return (found["bucket"], found["name"]) if found else ("", "")


def _check_model(model: object, project: str, location: str) -> None:
    if not isinstance(model, str) or not model:
        raise _bad("The field model is required.")
    if _TUNED.fullmatch(model):
        if location == "global":
            raise _bad("Tuned models are not supported in location global.")
        return
    found = _PUBLISHED.fullmatch(model)
    if not found:
        raise _bad(f"Invalid model resource name: {model[:200]}")
    if found["publisher"] != "google":
        raise not_emulated(f"the models of {found['publisher'][:80]}, whose rows have other forms")
    name = found["model"]
    place = f"projects/{project}/locations/{location}/publishers/google/models/{name[:200]}"
    if not _GEMINI.fullmatch(name):
        raise ApiError(
            404,
            "NOT_FOUND",
            f"The PublisherModel {place} does not exist. "
            "(The local emulator knows every name that begins with gemini-.)",
        )
    if _NOT_FOR_BATCH.search(name):
        raise _bad(f"Do not support publisher model {name[:200]}")


def _input(value: Any) -> dict[str, Any]:
    place = "input_config"
    known = {"instancesFormat", "gcsSource", "bigquerySource", "vertexMultimodalDatasetSource"}
    found = named(_object(value, place), known, place)
    if "bigquerySource" in found:
        raise not_emulated("BigQuery as the input of a batch prediction; use a JSONL file")
    if "vertexMultimodalDatasetSource" in found:
        raise not_emulated("data sets as the input of a batch prediction; use a JSONL file")
    if found.get("instancesFormat") != "jsonl":
        raise _bad("input_config.instances_format must be jsonl for a gcs_source.")
    place = "input_config.gcs_source"
    found["gcsSource"] = named(_object(found.get("gcsSource"), place), {"uris"}, place)
    uris = found["gcsSource"].get("uris")
    uris = [uris] if isinstance(uris, str) else uris
    if not isinstance(uris, list) or not uris:
        raise _bad("input_config.gcs_source.uris must name at least one file.")
    for uri in uris:
        if not isinstance(uri, str) or not split_gcs(uri)[1]:
            raise _bad(f"Invalid Cloud Storage uri in gcs_source: {str(uri)[:200]!r}")
    found["gcsSource"]["uris"] = uris
    return found


def _output(value: Any) -> dict[str, Any]:
    place = "output_config"
    known = {"predictionsFormat", "gcsDestination", "bigqueryDestination"}
    found = named(_object(value, place), known | {"vertexMultimodalDatasetDestination"}, place)
    if "bigqueryDestination" in found:
        raise not_emulated("BigQuery as the output of a batch prediction; use a folder")
    if "vertexMultimodalDatasetDestination" in found:
        raise not_emulated("data sets as the output of a batch prediction; use a folder")
    if found.get("predictionsFormat") != "jsonl":
        raise _bad("output_config.predictions_format must be jsonl for a gcs_destination.")
    place = "output_config.gcs_destination"
    target = named(_object(found.get("gcsDestination"), place), {"outputUriPrefix"}, place)
    prefix = target.get("outputUriPrefix")
    if not isinstance(prefix, str) or not split_gcs(prefix.rstrip("/") + "/")[0]:
        raise _bad(f"Invalid Cloud Storage uri in gcs_destination: {str(prefix)[:200]!r}")
    return found | {"gcsDestination": target}


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _bad(f"The field {place} is required, and must be an object.")
    return value


def _bad(message: str) -> ApiError:
    return ApiError(400, "INVALID_ARGUMENT", message)
