"""Rules of environment variables: names, secrets, the same name twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from components.batch.findings import Path
from components.batch.rules.placeholders import placeholder_in
from components.batch.rules.rule import Problem, RuleSet, shown
from components.batch.rules.view import GROUP, SPEC, JobView
from components.batch.secrets import known_secret

RULES = RuleSet()

SECRET_REF = re.compile(
    r"projects/[^/\s]+/secrets/[A-Za-z0-9_-]{1,255}/versions/(?:[0-9]+|[A-Za-z][\w-]*)\Z"
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SECRET_NAME = re.compile(
    r"(?:^|[_.-])(?:\w{0,20}PASSWORD|PASS|PASSWD|PASSPHRASE|PWD|SECRETS?|(?:\w{0,20})TOKEN|API_?KEY"
    r"|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?)(?:[_.-](?:ID|KEY|VALUE|PROD|DEV|TEST|[0-9]{1,3}))*[0-9]{0,2}$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_SECRETS = frozenset({"true", "false", "yes", "no", "none", "null", "on", "off"})
# Old protos capped an entry of taskEnvironments at this; the cap is gone from the proto.
_LONG_VALUE = 4096


def environments_at(view: JobView) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every environment of the job with its path, from the widest to the narrowest."""
    if "environment" in view.spec:
        yield (*SPEC, "environment"), view.spec["environment"]
    for index, environment in enumerate(view.group.get("taskEnvironments", [])):
        yield (*GROUP, "taskEnvironments", index), environment
    for path, runnable in view.runnables_at():
        if "environment" in runnable:
            yield (*path, "environment"), runnable["environment"]


def _names_at(view: JobView) -> Iterator[tuple[Path, str]]:
    for path, environment in environments_at(view):
        for kind in ("variables", "secretVariables"):
            for name in environment.get(kind, {}):
                yield (*path, kind, name), name


@RULES.rule("ENV_NAME", "warning", "use")
def variable_name(view: JobView) -> Iterator[Problem]:
    """Names that a shell can read."""
    for path, name in _names_at(view):
        if not _NAME.match(name):
            yield Problem(
                path,
                f"no shell can read a variable named {shown(name)}",
                "use letters, digits and _, not starting with a digit",
            )


@RULES.rule("ENV_BATCH_PREFIX", "warning", "CB")
def batch_names(view: JobView) -> Iterator[Problem]:
    """BATCH_* are Batch's own."""
    for path, name in _names_at(view):
        if name.startswith("BATCH_"):
            yield Problem(
                path, f"{shown(name)}: Batch sets variables named BATCH_… itself", "rename it"
            )


@RULES.rule("ENV_DEPRECATED", "warning", "P")
def deprecated_environments(view: JobView) -> Iterator[Problem]:
    """The field environments is deprecated."""
    if view.spec.get("environments"):
        yield Problem(
            (*SPEC, "environments"),
            "`environments` is deprecated",
            'use "environment": {"variables": { … }}',
        )


@RULES.rule("ENV_SECRET_REF", "error", "P")
def secret_reference(view: JobView) -> Iterator[Problem]:
    """A secret variable names a version of a secret."""
    for path, environment in environments_at(view):
        for name, value in environment.get("secretVariables", {}).items():
            if not SECRET_REF.match(value):
                yield Problem(
                    (*path, "secretVariables", name),
                    f"{shown(value)} is no secret; the form is projects/P/secrets/S/versions/V",
                    "write the secret's full name; the version may be latest",
                )


@RULES.rule("ENV_SECRET_PLAIN", "warning", "CB, P")
def plain_secret(view: JobView) -> Iterator[Problem]:
    """A secret that everybody who sees the job can read: by its name, or by its form."""
    for path, environment in environments_at(view):
        for name, value in environment.get("variables", {}).items():
            if _named_secret(name, value) or known_secret(value):
                yield Problem(
                    (*path, "variables", name),
                    f"{shown(name)} looks like a secret; everybody who can see the job can read it",
                    "put it in Secret Manager and use secretVariables",
                )
    for path, text in _command_texts(view):
        kind = known_secret(text)
        if kind:
            yield Problem(
                path,
                f"{kind} stands in it; everybody who can see the job can read it",
                "put it in Secret Manager, and read it from a variable of secretVariables",
            )


def _named_secret(name: str, value: str) -> bool:
    """Whether a variable's name says secret and its value is one, and no path, number or blank."""
    plain = not value or value.startswith(("/", "$")) or value.lower() in _NO_SECRETS
    if plain or value.isdigit() or placeholder_in(value) or SECRET_REF.match(value):
        return False
    return _SECRET_NAME.search(_CAMEL.sub("_", name[:200])) is not None


def _command_texts(view: JobView) -> Iterator[tuple[Path, str]]:
    for path, script in view.scripts_at():
        yield (*path, "text"), script.get("text", "")
    for path, container in view.containers_at():
        for index, word in enumerate(container.get("commands", [])):
            yield (*path, "commands", index), word
        yield (*path, "options"), container.get("options", "")


@RULES.rule("ENV_DUP", "warning", "P")
def variable_twice(view: JobView) -> Iterator[Problem]:
    """The same name in two places."""
    for path, environment in environments_at(view):
        for name in environment.get("secretVariables", {}):
            if name in environment.get("variables", {}):
                yield Problem(
                    (*path, "variables", name),
                    f"{shown(name)} is given both plain and as a secret",
                    "keep the secret",
                )
    task = {*_all_names(view.spec.get("environment", {}))}
    for path, runnable in view.runnables_at():
        for name in sorted(task & {*_all_names(runnable.get("environment", {}))}):
            yield Problem(
                (*path, "environment"),
                f"{shown(name)} of the task is overridden by this step",
                "keep one of them, or give them different names",
            )


def _all_names(environment: dict[str, Any]) -> Iterator[str]:
    yield from environment.get("variables", {})
    yield from environment.get("secretVariables", {})


@RULES.rule("ENV_KMS", "error", "P")
def encrypted_variables(view: JobView) -> Iterator[Problem]:
    """Encrypted variables need a key and a text."""
    for path, environment in environments_at(view):
        encrypted = environment.get("encryptedVariables")
        if encrypted is None:
            continue
        for name in ("keyName", "cipherText"):
            if not encrypted.get(name):
                yield Problem(
                    (*path, "encryptedVariables", name),
                    f"encryptedVariables needs both keyName and cipherText; {name} is missing",
                    f"add {name}",
                )


@RULES.rule("ENV_SIZE", "hint", "use")
def long_values(view: JobView) -> Iterator[Problem]:
    """Long values are better in a file."""
    for path, environment in environments_at(view):
        for name, value in environment.get("variables", {}).items():
            if len(value) > _LONG_VALUE:
                yield Problem(
                    (*path, "variables", name),
                    f"the value has {len(value)} characters; it counts towards the job's 1 MB",
                    "put it in Cloud Storage",
                )
