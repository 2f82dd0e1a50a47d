"""What a request to the Vertex stand-in may hold.

Names are the proto's in camelCase; like the service, the stand-in takes snake_case too, refuses
names that the service does not know with 400, and says so where it knows a field but does not
emulate it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.http import ApiError, not_emulated
from emulator.proto_json import named

_GENERATE = {
    "contents",
    "systemInstruction",
    "generationConfig",
    "safetySettings",
    "labels",
    "model",
    "tools",
    "toolConfig",
    "cachedContent",
    "modelArmorConfig",
}
_GENERATE_NOT_EMULATED = {"tools", "toolConfig", "cachedContent", "modelArmorConfig"}
_COUNT = {"contents", "systemInstruction", "generationConfig", "instances", "model", "tools"}
_COUNT_NOT_EMULATED = {"instances", "tools"}
_CONTENT = {"role", "parts"}
_PART = {
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "videoMetadata",
    "mediaResolution",
    "thought",
    "thoughtSignature",
}
_PART_DATA = {"text", "inlineData", "fileData"}
_PART_NOT_EMULATED = {"functionCall", "functionResponse", "executableCode", "codeExecutionResult"}
_GENERATION_NOT_EMULATED = {
    "responseLogprobs",
    "logprobs",
    "audioTimestamp",
    "speechConfig",
    "imageConfig",
    "routingConfig",
    "modelConfig",
    "enableAffectiveDialog",
}
_GENERATION = {
    "temperature",
    "topP",
    "topK",
    "candidateCount",
    "maxOutputTokens",
    "presencePenalty",
    "frequencyPenalty",
    "seed",
    "stopSequences",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "thinkingConfig",
    "responseModalities",
    "mediaResolution",
} | _GENERATION_NOT_EMULATED
_MIME_TYPES = {"text/plain", "application/json", "text/x.enum"}
_SCHEMA = {
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "default",
    "items",
    "minItems",
    "maxItems",
    "enum",
    "properties",
    "propertyOrdering",
    "required",
    "minProperties",
    "maxProperties",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
    "additionalProperties",
    "ref",
    "defs",
}
_TYPES = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}
_MAX_DEPTH = 32
_MAX_STOPS = 5  # reference of GenerationConfig, ai.google.dev


def checked_generate(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of generateContent with its names in camelCase.

    Raises:
        ApiError: 400, in the service's words or saying what is not emulated.
    """
    found = named(body, _GENERATE, "")
    _refuse(found, _GENERATE_NOT_EMULATED)
    found["contents"] = _contents(found.get("contents"))
    if "systemInstruction" in found:
        found["systemInstruction"] = _content(found["systemInstruction"], "system_instruction")
    if "generationConfig" in found:
        found["generationConfig"] = _generation(found["generationConfig"])
    return found


def checked_count(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of countTokens with its names in camelCase."""
    found = named(body, _COUNT, "")
    _refuse(found, _COUNT_NOT_EMULATED)
    found["contents"] = _contents(found.get("contents"))
    if "systemInstruction" in found:
        found["systemInstruction"] = _content(found["systemInstruction"], "system_instruction")
    return found


def _contents(value: Any) -> list[dict[str, Any]]:
    """One Content or a list of them, as the service takes both."""
    entries = [value] if isinstance(value, Mapping) else value
    if not entries or not isinstance(entries, list):
        raise _bad("Unable to submit request because it must have at least one contents field.")
    contents = [_content(entry, f"contents[{i}]") for i, entry in enumerate(entries)]
    for content in contents:
        if content.get("role", "user") not in ("user", "model"):
            raise _bad("Please use a valid role: user, model.")
    return contents


def _content(value: Any, place: str) -> dict[str, Any]:
    found = named(_object(value, place), _CONTENT, place)
    parts = found.get("parts")
    parts = [parts] if isinstance(parts, Mapping) else parts
    if not parts or not isinstance(parts, list):
        raise _bad(
            "Unable to submit request because it must include at least one parts field, "
            f"which describes the prompt input. ({place})"
        )
    found["parts"] = [_part(part, f"{place}.parts[{i}]") for i, part in enumerate(parts)]
    return found


def _part(value: Any, place: str) -> dict[str, Any]:
    found = named(_object(value, place), _PART, place)
    _refuse(found, _PART_NOT_EMULATED)
    if len(found.keys() & _PART_DATA) != 1:
        raise _bad(
            "Unable to submit request because it must have exactly one initialized field of oneof "
            f"`data` in each part. ({place})"
        )
    if "text" in found and not isinstance(found["text"], str):
        raise _bad(f"Invalid value at '{place}.text' (TYPE_STRING).")
    return found


def _generation(value: Any) -> dict[str, Any]:
    found = named(_object(value, "generation_config"), _GENERATION, "generation_config")
    _refuse(found, _GENERATION_NOT_EMULATED)
    if found.get("candidateCount", 1) != 1:
        raise not_emulated("more than one candidate")
    if found.get("responseModalities", ["TEXT"]) != ["TEXT"]:
        raise not_emulated("answers other than text")
    _range(found, "temperature", 0, 2)
    _range(found, "topP", 0, 1)
    _range(found, "maxOutputTokens", 1, 65536)
    _check_stops(found.get("stopSequences", []))
    _check_form(found)
    return found


def _check_stops(stops: Any) -> None:
    if not isinstance(stops, list) or not all(isinstance(each, str) and each for each in stops):
        raise _bad("Invalid value at 'generation_config.stop_sequences': a list of texts.")
    if len(stops) > _MAX_STOPS:
        raise _bad(
            f"Unable to submit request because it has more than {_MAX_STOPS} stop sequences."
        )


def _check_form(found: dict[str, Any]) -> None:
    """The form of the answer: its media type and the schema that it must fit."""
    mime = found.get("responseMimeType", "text/plain")
    if mime not in _MIME_TYPES:
        raise _bad(f"Unable to submit request because response_mime_type '{mime}' is not known.")
    schemas = sorted(found.keys() & {"responseSchema", "responseJsonSchema"})
    if len(schemas) > 1:
        raise _bad("Only one of response_schema and response_json_schema may be set.")
    if schemas and mime == "text/plain":
        raise _bad("response_schema needs response_mime_type application/json or text/x.enum.")
    if "responseSchema" in found:
        place = "generation_config.response_schema"
        found["responseSchema"] = _schema(found["responseSchema"], place, 0)
    if "responseJsonSchema" in found:
        place = "generation_config.response_json_schema"
        _check_depth(_object(found["responseJsonSchema"], place), place, 0)


def _check_depth(value: Any, place: str, depth: int) -> None:
    if depth > 2 * _MAX_DEPTH:  # a property is two levels of JSON
        raise _bad(f"The schema at '{place}' is nested too deeply.")
    for inner in value.values() if isinstance(value, Mapping) else value:
        if isinstance(inner, Mapping | list):
            _check_depth(inner, place, depth + 1)


def _range(found: Mapping[str, Any], name: str, low: float, high: float) -> None:
    value = found.get(name, low)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _bad(
            f"Unable to submit request because it has a {name} value of {value} but the supported "
            f"range is from {low} (inclusive) to {high} (inclusive)."
        )


def _schema(value: Any, place: str, depth: int) -> dict[str, Any]:
    if depth > _MAX_DEPTH:
        raise _bad(f"The schema at '{place}' is nested too deeply.")
    found = named(_object(value, place), _SCHEMA, place)
    if str(found.get("type", "OBJECT")) not in _TYPES:
        raise _bad(f"Invalid value at '{place}.type' (type Type), \"{found['type']}\".")
    if "items" in found:
        found["items"] = _schema(found["items"], f"{place}.items", depth + 1)
    if "properties" in found:
        found["properties"] = {
            name: _schema(entry, f"{place}.properties['{name}']", depth + 1)
            for name, entry in _object(found["properties"], place).items()
        }
    if "anyOf" in found:
        if not isinstance(found["anyOf"], list):
            raise _bad(f"Invalid value at '{place}.any_of': a list of schemas.")
        found["anyOf"] = [
            _schema(entry, f"{place}.any_of[{i}]", depth + 1)
            for i, entry in enumerate(found["anyOf"])
        ]
    return found


def _refuse(found: Mapping[str, Any], not_here: set[str]) -> None:
    for name in sorted(found.keys() & not_here):
        raise not_emulated(f"the field {name}")


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _bad(f"Invalid JSON payload received. '{place}' is not an object.")
    return value


def _bad(message: str) -> ApiError:
    return ApiError(400, "INVALID_ARGUMENT", message)
