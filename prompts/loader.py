"""Prompt files: read, checked, filled in.

A prompt is data: it can be diffed, dated, evaluated and replaced without touching code. A
placeholder is written `<<name>>`; that form is no shell, JSON, Markdown or format syntax, so
`$1`, `${X}`, `{}` and `%s` may stand in a prompt as they are. Values are put in once: a
placeholder inside a value is text.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from components.errors import InputError, WrongUse

_PLACEHOLDER = re.compile(r"<<([a-z][a-z0-9_]*)>>")
_MAX_FILE_BYTES = 200_000


class MissingVariables(WrongUse):
    """A prompt was filled in without all of its variables; `names` lists every absent one."""

    def __init__(self, prompt: str, names: list[str]) -> None:
        super().__init__(
            f"prompt '{prompt}' needs {', '.join(f'<<{name}>>' for name in names)}",
            fix="Give a value for each, or take it out of the prompt.",
        )
        self.names = names


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Model):
    """One instruction, with an id so that an evaluation can name it."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    text: str = Field(min_length=1)


class Example(_Model):
    """What a person said, turn by turn, and the answer that is right."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    turns: list[str] = Field(min_length=1)
    answer: dict[str, Any]


class Prompt(_Model):
    """One prompt file.

    Attributes:
        name: the file's name without its ending.
        version: counted up with every change of meaning.
        dated: the day of that change.
        purpose: one sentence for whoever opens the file.
        system: template of the system instruction; empty where the turn joins a conversation.
        user: template of the turn that is sent.
        rules, examples: put in where a template says <<rules>> and <<examples>>.
        response_schema: name of the schema that the answer must have; the caller knows it.
        model: model id; empty for the default of the models table.
        temperature: None leaves the model's own default, as Gemini 3 models want.
        max_output_tokens: room for the answer, thoughts included.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: int = Field(ge=1)
    dated: datetime.date
    purpose: str = Field(min_length=1)
    system: str = ""
    user: str = Field(min_length=1)
    rules: list[Rule] = []
    examples: list[Example] = []
    response_schema: str = ""
    model: str = ""
    temperature: float | None = Field(None, ge=0, le=2)
    max_output_tokens: int = Field(8192, ge=1)

    @model_validator(mode="after")
    def _ids_differ(self) -> Prompt:
        for kind in (self.rules, self.examples):
            ids = [entry.id for entry in kind]
            if twice := sorted({i for i in ids if ids.count(i) > 1}):
                raise ValueError(f"ids given twice: {', '.join(twice)}")
        return self

    def variables(self) -> list[str]:
        """Names of the placeholders of both templates, in order of appearance."""
        return list(dict.fromkeys(_PLACEHOLDER.findall(f"{self.system}\n{self.user}")))

    def filled(self, values: Mapping[str, str]) -> tuple[str, str]:
        """The system instruction and the user turn with `values` put in.

        Raises:
            MissingVariables: values lack; all of them are named.
            WrongUse: a value was given that no placeholder asks for.
        """
        wanted = self.variables()
        if missing := [name for name in wanted if name not in values]:
            raise MissingVariables(self.name, missing)
        if unknown := sorted(set(values) - set(wanted)):
            raise WrongUse(f"prompt '{self.name}' has no <<{unknown[0]}>>", fix="Check its name.")
        return _put_in(self.system, values), _put_in(self.user, values)


def _put_in(template: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found.group(1)], template)


def fenced(text: str, label: str) -> str:
    """`text` between markers that it cannot contain, so that it reads as data.

    The marker is derived from the text, which makes the same text give the same prompt (and the
    same cache prefix), and is derived again until the text does not hold it.
    """
    turn = 0
    while True:
        # surrogatepass: a lone surrogate is a person's broken paste, not a reason to fall over.
        seed = f"{turn}:{text}".encode("utf-8", "surrogatepass")
        mark = f"{label}-{hashlib.sha256(seed).hexdigest()[:12]}"
        if mark not in text:
            return f"<{mark}>\n{text}\n</{mark}>"
        turn += 1


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, where PyYAML keeps the last one silently."""


def _mapping_without_doubles(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            line = node.value[place][0].start_mark.line + 1
            raise yaml.YAMLError(f"line {line}: '{key}' is given twice")
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(
    yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_doubles
)


def read_prompt(text: str, where: str) -> Prompt:
    """The prompt in a YAML text; `where` is its place, for messages.

    Raises:
        InputError: no YAML, no such key, a value of the wrong kind.
    """
    if len(text) > _MAX_FILE_BYTES:
        raise InputError(f"a prompt file may have {_MAX_FILE_BYTES} characters", where=where)
    try:
        data = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
        return Prompt.model_validate(data)
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"no readable prompt: {error}", where=where) from error
    except ValidationError as error:
        faults = [f"{_path(e['loc'])}: {e['msg']}" for e in error.errors(include_url=False)]
        raise InputError(f"no valid prompt: {'; '.join(faults)}", where=where) from error


def _path(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place) or "the file"


@functools.lru_cache(maxsize=32)
def load(name: str) -> Prompt:
    """The prompt that the package ships as `prompts/<name>.yaml`.

    Raises:
        WrongUse: there is none of that name.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise WrongUse(f"'{name}' is no name of a prompt", fix="Use lower case, digits and _.")
    entry = resources.files("prompts").joinpath(f"{name}.yaml")
    if not entry.is_file():
        raise WrongUse(f"there is no prompt '{name}'", fix=f"Known: {', '.join(known())}.")
    prompt = read_prompt(entry.read_text("utf-8"), f"prompts/{name}.yaml")
    if prompt.name != name:
        raise InputError(f"the prompt calls itself '{prompt.name}'", where=f"prompts/{name}.yaml")
    return prompt


def known() -> list[str]:
    """Names of the prompts that the package ships."""
    folder = resources.files("prompts")
    return sorted(Path(e.name).stem for e in folder.iterdir() if e.name.endswith(".yaml"))
