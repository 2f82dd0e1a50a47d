"""A run's parameters, checked against the compiled spec before anything starts."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from components.errors import WrongUse

Value = str | int | float | bool | list[Any] | dict[str, Any]

# kfp.local rewrites the first to the interpreter's path and dies on the second, in paths too.
KFP_TRAPS = ("python3", "{{$")
# kfp.local puts all parameters on one command line, which Linux limits to 128 KiB an argument.
LONGEST_LOCAL = 100_000


def declared(spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The pipeline's parameters: name -> {parameterType, defaultValue, description}."""
    inputs: dict[str, dict[str, Any]] = (
        spec.get("root", {}).get("inputDefinitions", {}).get("parameters", {})
    )
    return inputs


def from_words(words: Iterable[str], known: Mapping[str, Any]) -> dict[str, Value]:
    """`NAME=VALUE` words as parameters, each value read as the type that the spec declares.

    Raises:
        WrongUse: a word has no `=`, a name is unknown, or a value does not fit its type.
    """
    parameters: dict[str, Value] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator:
            raise WrongUse(f"'{short(word)}' is not NAME=VALUE", where="-p")
        kind = _declaration(name, known)["parameterType"]
        try:
            parameters[name] = READERS[kind](value)
        except ValueError as error:
            raise _misfit(name, value, kind) from error
    return parameters


def check(parameters: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuse unknown names, values of the wrong type, and missing values.

    Raises:
        WrongUse: says which parameter and what the pipeline takes.
    """
    for name, value in parameters.items():
        kind = _declaration(name, known)["parameterType"]
        types = TYPES[kind]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise _misfit(name, value, kind)
    missing = [
        name
        for name, declaration in known.items()
        if name not in parameters
        and "defaultValue" not in declaration
        and not declaration.get("isOptional")
    ]
    if missing:
        raise WrongUse(
            f"The pipeline needs a value for {', '.join(missing)}",
            fix=f"Add -p {missing[0]}=VALUE.",
        )


def check_for_this_machine(parameters: Mapping[str, Any]) -> None:
    """Refuse what kfp.local 2.17 would change or fail on without a word.

    Those are `KFP_TRAPS`, and much more than 100 kB.
    """
    for name, value in parameters.items():
        text = value if isinstance(value, str) else json.dumps(value)
        where, fix = f"parameter {name}", _AS_FILE.get(name, _ANY_AS_FILE)
        for trap in KFP_TRAPS:
            if trap in text:
                raise WrongUse(
                    f"A parameter of a local run cannot hold '{trap}'", where=where, fix=fix
                )
        if len(text.encode()) > LONGEST_LOCAL:
            raise WrongUse(
                f"A parameter of a local run holds at most {LONGEST_LOCAL} bytes",
                where=where,
                fix=fix,
            )


_ANY_AS_FILE = "Put the text into a file and give its path."
_IN_OPTIONS = "Put it into a YAML file, as in `{0}: …`, and give that: -p options=FILE."
_AS_FILE = {
    "source": "Give the file another name or place.",
    "template": _IN_OPTIONS.format("template"),
    "system_instruction": _IN_OPTIONS.format("system"),
}


def _declaration(name: str, known: Mapping[str, Any]) -> Mapping[str, Any]:
    if name in known:
        declaration: Mapping[str, Any] = known[name]
        return declaration
    near = difflib.get_close_matches(name, known, n=1)
    raise WrongUse(
        f"The pipeline has no parameter '{short(name)}'",
        fix=f"Did you mean {near[0]}?" if near else f"It takes: {', '.join(sorted(known))}.",
    )


def _misfit(name: str, value: object, kind: str) -> WrongUse:
    return WrongUse(
        f"'{short(str(value))}' is not {NAMES[kind]}",
        where=f"parameter {name}",
        fix=EXAMPLES[kind],
    )


def short(text: str) -> str:
    """A text cut to what fits into a sentence."""
    return text if len(text) <= 60 else text[:59] + "…"


def _read_bool(text: str) -> bool:
    try:
        return {"true": True, "false": False}[text.lower()]
    except KeyError as error:
        raise ValueError(text) from error


def _read_json(kind: type) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = json.loads(text)
        if not isinstance(value, kind):
            raise ValueError(text)
        return value

    return read


# By the spec's parameterType.
READERS: Mapping[str, Callable[[str], Any]] = {
    "STRING": str,
    "NUMBER_INTEGER": int,
    "NUMBER_DOUBLE": float,
    "BOOLEAN": _read_bool,
    "LIST": _read_json(list),
    "STRUCT": _read_json(dict),
}
TYPES: Mapping[str, tuple[type, ...]] = {
    "STRING": (str,),
    "NUMBER_INTEGER": (int,),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}
NAMES: Mapping[str, str] = {
    "STRING": "a text",
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "LIST": "a JSON list",
    "STRUCT": "a JSON object",
}
EXAMPLES: Mapping[str, str] = {
    "STRING": "In a parameter file, put it in quotes.",
    "NUMBER_INTEGER": "For example: 3.",
    "NUMBER_DOUBLE": "For example: 0.5.",
    "BOOLEAN": "Write true or false.",
    "LIST": 'For example: ["a", "b"].',
    "STRUCT": 'For example: {"a": 1}.',
}
