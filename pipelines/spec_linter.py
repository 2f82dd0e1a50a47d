"""Checks a compiled pipeline spec before it is shipped.

kfp 2.17 writes some invalid specs with exit code 0, and its local runner gives silently wrong
results for some valid ones (conditions on named outputs, upstream parameters inside loops). The
rules here hold every spec to what runs alike on Vertex AI Pipelines, on Kubeflow and locally.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from pipelines.notification import without_mail
from pipelines.request import FAST_LOADER

# A Vertex job id is the name plus 15 characters, at most 128, and starts with a letter.
LONGEST_NAME = 113
NAME = re.compile(r"[a-z][a-z0-9-]*")
PINNED_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9_./:-]*@sha256:[0-9a-f]{64}")
SYMBOLIC_IMAGE = re.compile(r"[a-z0-9-]+")

# The others end in an IndexError in kfp.local, or are known to Vertex alone.
PLACEHOLDERS = (
    "{{$.pipeline_root}}",
    "{{$.pipeline_job_name}}",
    "{{$.pipeline_job_uuid}}",
    "{{$.pipeline_task_name}}",
    "{{$.pipeline_task_uuid}}",
)
PLACEHOLDER = re.compile(r"\{\{\$.*?\}\}")
INPUT_PLACEHOLDER = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")
CONDITION_INPUT = re.compile(r"inputs\.parameter_values\['([^']+)'\]")
CONDITION_REST = re.compile(r"(?:\s|[()!]|&&|\|\||==|!=|true|false)*")
LOOP_ITEM = "-loop-item"
CHANNEL = "pipelinechannel--"
STATUS_TYPE = "TASK_FINAL_STATUS"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a spec.

    Args:
        rule: the name of the rule.
        where: the place in the spec, as a path of keys.
        message: what is wrong and why it matters, one sentence.
    """

    rule: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message} [{self.rule}]"


@dataclass(frozen=True)
class Dag:
    """One graph of tasks and the component that holds it."""

    where: str
    component: Mapping[str, Any]
    components: Mapping[str, Any]

    @property
    def tasks(self) -> Mapping[str, Any]:
        """Task name -> task."""
        return mapping(self.component, "dag", "tasks")

    def component_of(self, task: str) -> Mapping[str, Any]:
        """The component that a task runs; empty if the reference dangles."""
        name = mapping(self.tasks, task, "componentRef").get("name", "")
        return mapping(self.components, name)

    def each_task(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Place, name and content of every task."""
        for name, task in self.tasks.items():
            yield f"{self.where}.tasks.{name}", name, task


def lint(text: str, *, pinned: bool = False, mails: bool = False) -> list[Problem]:
    """All problems of a spec, in the order of the rules.

    Args:
        text: the spec, as YAML or JSON; of this project, see `request.reread_spec`.
        pinned: whether images must carry a digest (a released spec) or the symbolic name.
        mails: whether this is the variant for Vertex alone, which mails its outcome.
    """
    documents = list(yaml.load_all(text, Loader=FAST_LOADER))
    if len(documents) != 1 or not isinstance(documents[0], Mapping):
        return [
            Problem(
                "one-document",
                "spec",
                f"it holds {len(documents)} YAML documents; Vertex reads exactly one",
            )
        ]
    spec = without_mail(documents[0]) if mails else documents[0]
    problems = [problem for rule in SPEC_RULES for problem in rule(spec)]
    for dag in dags(spec):
        problems += [problem for rule in DAG_RULES for problem in rule(dag)]
    problems += list(check_images(spec, pinned=pinned))
    return problems


def dags(spec: Mapping[str, Any]) -> Iterator[Dag]:
    """The root graph and every nested one."""
    components = mapping(spec, "components")
    yield Dag("root", mapping(spec, "root"), components)
    for name, component in components.items():
        if "dag" in component:
            yield Dag(f"components.{name}", component, components)


def mapping(value: Any, *keys: str) -> Mapping[str, Any]:
    """The mapping at the end of a chain of keys; empty where a key is absent."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


# --- the spec as a whole ------------------------------------------------------------------


def check_protos(spec: Mapping[str, Any]) -> Iterator[Problem]:
    """Both halves of the spec hold known fields only: the deployment half hides in a Struct."""
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    # Message types of generated code are known at run time only.
    for where, content, kind in (
        ("spec", spec, "PipelineSpec"),
        ("deploymentSpec", mapping(spec, "deploymentSpec"), "PipelineDeploymentConfig"),
    ):
        try:
            json_format.ParseDict(dict(content), getattr(pipeline_spec_pb2, kind)())
        except json_format.ParseError as error:
            yield Problem("proto", where, f"it is not what the service's schema allows: {error}")


def check_header(spec: Mapping[str, Any]) -> Iterator[Problem]:
    """Name and schema version stand where every backend looks for them."""
    name = str(mapping(spec, "pipelineInfo").get("name", ""))
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME or "python3" in name:
        yield Problem(
            "name",
            "pipelineInfo.name",
            f"'{name[:150]}' must be at most {LONGEST_NAME} of a-z, 0-9 and -, start with a "
            "letter (Vertex makes job ids of it), and not hold 'python3' (kfp.local rewrites it)",
        )
    if spec.get("schemaVersion") != "2.1.0":
        yield Problem("schema-version", "schemaVersion", "it must be 2.1.0")


def check_executors(spec: Mapping[str, Any]) -> Iterator[Problem]:
    """Every step is a thin Python step that installs nothing, and every executor exists."""
    executors = mapping(spec, "deploymentSpec", "executors")
    for name, component in mapping(spec, "components").items():
        label = component.get("executorLabel")
        if label is not None and label not in executors:
            yield Problem("executor-label", f"components.{name}", f"there is no executor '{label}'")
    for label, executor in executors.items():
        if "importer" in executor:
            continue
        where = f"deploymentSpec.executors.{label}"
        container = mapping(executor, "container")
        command = " ".join(map(str, container.get("command", [])))
        if "pip install" in command:
            yield Problem("pip-install", where, "the step installs packages while it runs")
        if "kfp.dsl.executor_main" not in command or '"$program_path' not in command:
            yield Problem(
                "thin-step", where, "only thin Python components run in kfp.local without Docker"
            )


def check_inputs(spec: Mapping[str, Any]) -> Iterator[Problem]:
    """Every parameter of the pipeline and of its steps has a description and no absent default."""
    places = [("root", mapping(spec, "root"))]
    places += [
        (f"components.{name}", component)
        for name, component in mapping(spec, "components").items()
        if "executorLabel" in component
    ]
    for place, component in places:
        for name, parameter in mapping(component, "inputDefinitions", "parameters").items():
            if parameter.get("parameterType") == STATUS_TYPE:
                continue
            where = f"{place}.inputDefinitions.parameters.{name}"
            if not parameter.get("description"):
                yield Problem("description", where, "the console shows no help for it")
            if parameter.get("isOptional") and "defaultValue" not in parameter:
                yield Problem("optional-none", where, "None as a default fails in kfp.local")
            if place == "root" and "defaultValue" not in parameter:
                yield Problem("default", where, "it has no default to start from in the console")


def check_images(spec: Mapping[str, Any], *, pinned: bool) -> Iterator[Problem]:
    """Goldens hold the symbolic image; released specs hold a digest, never a moving tag."""
    wanted = PINNED_IMAGE if pinned else SYMBOLIC_IMAGE
    for label, executor in mapping(spec, "deploymentSpec", "executors").items():
        image = mapping(executor, "container").get("image")
        if image is not None and not wanted.fullmatch(str(image)):
            yield Problem(
                "image",
                f"deploymentSpec.executors.{label}",
                f"'{image}' must be pinned as NAME@sha256:<64 hex digits>"
                if pinned
                else f"'{image}' must be a symbolic name that compile.py pins",
            )


# --- one graph ------------------------------------------------------------------------------


def check_references(dag: Dag) -> Iterator[Problem]:
    """Components and upstream tasks that a graph names exist."""
    for where, _, task in dag.each_task():
        component = mapping(task, "componentRef").get("name", "")
        if component not in dag.components:
            yield Problem("component-ref", where, f"there is no component '{component}'")
        for upstream in task.get("dependentTasks", []):
            if upstream not in dag.tasks:
                yield Problem("producer-task", where, f"it waits for no known task: '{upstream}'")
        for kind in ("parameters", "artifacts"):
            for name, source in mapping(task, "inputs", kind).items():
                yield from _check_source(dag, f"{where}.inputs.{name}", kind, source)
    for kind in ("parameters", "artifacts"):
        for name, output in mapping(dag.component, "dag", "outputs", kind).items():
            yield from _check_output(dag, f"{dag.where}.outputs.{name}", kind, output)


def _check_source(dag: Dag, where: str, kind: str, source: Mapping[str, Any]) -> Iterator[Problem]:
    own = source.get("componentInputParameter", source.get("componentInputArtifact"))
    if own is not None and own not in mapping(dag.component, "inputDefinitions", kind):
        yield Problem("component-input", where, f"the graph around it has no input '{own}'")
    parameter, artifact = source.get("taskOutputParameter"), source.get("taskOutputArtifact")
    for output, key in ((parameter, "outputParameterKey"), (artifact, "outputArtifactKey")):
        if output is not None:
            yield from _check_producer(
                dag, where, kind, output.get("producerTask"), str(output.get(key))
            )
    status = source.get("taskFinalStatus")
    if status is not None and status.get("producerTask") not in dag.tasks:
        yield Problem("producer-task", where, f"there is no task '{status.get('producerTask')}'")


def _check_output(dag: Dag, where: str, kind: str, output: Mapping[str, Any]) -> Iterator[Problem]:
    selectors = output.get("artifactSelectors", [])
    if len(selectors) > 1:
        yield Problem("one-of-artifacts", where, "kfp.local cannot choose between artifacts")
    chosen = output.get("valueFromParameter")
    several = mapping(output, "valueFromOneof").get("parameterSelectors", [])
    for selector in [*selectors, *([chosen] if chosen else []), *several]:
        key = selector.get("outputArtifactKey", selector.get("outputParameterKey"))
        yield from _check_producer(dag, where, kind, selector.get("producerSubtask"), str(key))


def _check_producer(
    dag: Dag, where: str, kind: str, producer: object, key: str
) -> Iterator[Problem]:
    if producer not in dag.tasks:
        yield Problem("producer-task", where, f"there is no task '{producer}' in this graph")
        return
    component = dag.component_of(str(producer))
    # A dangling component is told of once, where its task stands.
    if component and key not in mapping(component, "outputDefinitions", kind):
        yield Problem("producer-task", where, f"task '{producer}' has no output '{key}'")


def check_task_inputs(dag: Dag) -> Iterator[Problem]:
    """Every input that a task's component needs is passed."""
    for where, name, task in dag.each_task():
        component = dag.component_of(name)
        if not component:
            continue
        definitions = mapping(component, "inputDefinitions")
        iterator = mapping(task, "parameterIterator") or mapping(task, "artifactIterator")
        for kind in ("parameters", "artifacts"):
            passed = mapping(task, "inputs", kind)
            for key, definition in mapping(definitions, kind).items():
                if key in passed or key == iterator.get("itemInput"):
                    continue
                if not definition.get("isOptional"):
                    yield Problem("task-input", where, f"its input '{key}' is not given")
            for key in passed:
                # What a text is put together from arrives beside the declared inputs.
                if key not in mapping(definitions, kind) and not key.startswith(CHANNEL):
                    yield Problem("task-input", where, f"its component has no input '{key}'")
        nested = "dag" in component and mapping(definitions, "artifacts")
        if nested and not mapping(task, "inputs", "parameters"):
            yield Problem(
                "nested-parameter", where, "kfp.local needs one parameter beside artifacts"
            )


def check_texts(dag: Dag) -> Iterator[Problem]:
    """Texts put together from parameters name inputs that arrive, and no loop items."""
    for where, _, task in dag.each_task():
        inputs = mapping(task, "inputs", "parameters")
        for key, source in inputs.items():
            for text in _texts(mapping(source, "runtimeValue").get("constant")):
                yield from _check_text(f"{where}.inputs.{key}", text, inputs)


def _texts(constant: Any) -> Iterator[str]:
    if isinstance(constant, str):
        yield constant
    elif isinstance(constant, Mapping):
        yield from _texts(list(constant.values()))
    elif isinstance(constant, list):
        for value in constant:
            yield from _texts(value)


def _check_text(where: str, text: str, inputs: Mapping[str, Any]) -> Iterator[Problem]:
    for name in INPUT_PLACEHOLDER.findall(text):
        if LOOP_ITEM in name:
            yield Problem("loop-item-text", where, "a loop item stands inside a text")
        elif name not in inputs:
            yield Problem("component-input", where, f"the text names no input: '{name}'")
    for placeholder in PLACEHOLDER.findall(INPUT_PLACEHOLDER.sub("", text)):
        if placeholder not in PLACEHOLDERS:
            yield Problem("placeholder", where, f"{placeholder} is not known everywhere")


def check_loops(dag: Dag) -> Iterator[Problem]:
    """Loops run over a list that arrives, and carry no upstream parameter beside the item."""
    for where, name, task in dag.each_task():
        for iterator, field, kind in (
            (mapping(task, "parameterIterator"), "inputParameter", "parameters"),
            (mapping(task, "artifactIterator"), "inputArtifact", "artifacts"),
        ):
            if iterator:
                yield from _check_loop(dag, where, name, iterator, field, kind)


def _check_loop(
    dag: Dag, where: str, name: str, iterator: Mapping[str, Any], field: str, kind: str
) -> Iterator[Problem]:
    inputs = mapping(dag.tasks[name], "inputs", kind)
    items = mapping(iterator, "items")
    source = items.get(field)
    if source is not None and source not in inputs:
        yield Problem("loop-items", where, f"it loops over '{source}', which does not arrive")
    if iterator.get("itemInput") not in mapping(dag.component_of(name), "inputDefinitions", kind):
        yield Problem("loop-items", where, f"its body has no input '{iterator.get('itemInput')}'")
    if any(isinstance(item, dict) for item in _constant_items(items)):
        yield Problem(
            "loop-items", where, "a constant list of objects leaks its fields (kubeflow #13273)"
        )
    for key, given in inputs.items():
        if kind == "parameters" and key != source and "taskOutputParameter" in given:
            yield Problem(
                "loop-upstream", where, f"kfp.local puts the loop item in place of '{key}'"
            )


def _constant_items(items: Mapping[str, Any]) -> list[Any]:
    try:
        constant = json.loads(items.get("raw", "[]"))
    except ValueError:
        return []
    return constant if isinstance(constant, list) else []


def check_conditions(dag: Dag) -> Iterator[Problem]:
    """Branches hang on a bool: the one output of a step, or an input of the graph around."""
    for where, _, task in dag.each_task():
        condition = mapping(task, "triggerPolicy").get("condition", "")
        if not CONDITION_REST.fullmatch(CONDITION_INPUT.sub("", condition)):
            yield Problem("condition", where, f"it compares more than a bool: {condition}")
        for name in CONDITION_INPUT.findall(condition):
            source = mapping(task, "inputs", "parameters").get(name)
            if source is None:
                yield Problem("condition", where, f"'{name}' does not arrive")
            elif not _is_bool(dag, source):
                yield Problem(
                    "condition", where, f"'{name}' is not a single bool output or a bool input"
                )


def _is_bool(dag: Dag, source: Mapping[str, Any]) -> bool:
    if "taskOutputParameter" in source:
        producer = str(source["taskOutputParameter"].get("producerTask"))
        outputs = mapping(dag.component_of(producer), "outputDefinitions")
        single = list(mapping(outputs, "parameters")) == ["Output"]
        return single and outputs["parameters"]["Output"].get("parameterType") == "BOOLEAN"
    name = str(source.get("componentInputParameter"))
    definition = mapping(dag.component, "inputDefinitions", "parameters", name)
    return LOOP_ITEM not in name and definition.get("parameterType") == "BOOLEAN"


def check_names(dag: Dag) -> Iterator[Problem]:
    """Every step reads like prose in the console."""
    for where, name, task in dag.each_task():
        # kfp offers no name for the group around If and Else.
        if name.startswith("condition-branches-"):
            continue
        shown = str(mapping(task, "taskInfo").get("name", ""))
        if not shown or shown == name or not shown[0].isupper():
            yield Problem("display-name", where, f"'{shown}' is not a name for people")


SPEC_RULES: tuple[Callable[[Mapping[str, Any]], Iterator[Problem]], ...] = (
    check_protos,
    check_header,
    check_executors,
    check_inputs,
)
DAG_RULES: tuple[Callable[[Dag], Iterator[Problem]], ...] = (
    check_references,
    check_task_inputs,
    check_texts,
    check_loops,
    check_conditions,
    check_names,
)
