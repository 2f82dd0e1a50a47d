"""Each rule of the spec linter has a spec that breaks it, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.compiling import dump
from pipelines.spec_linter import LONGEST_NAME, lint

DIGEST = "europe-docker.pkg.dev/p/r/worker@sha256:" + "0a" * 32
EXIT = "comp-exit-handler-1"


@pytest.fixture
def good(sample: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(sample)


def tasks(spec: dict[str, Any], component: str = EXIT) -> dict[str, Any]:
    return spec["components"][component]["dag"]["tasks"]


def given(spec: dict[str, Any], task: str, name: str, component: str = EXIT) -> dict[str, Any]:
    return tasks(spec, component)[task]["inputs"]["parameters"][name]


def container(spec: dict[str, Any], step: str = "exec-plan") -> dict[str, Any]:
    return spec["deploymentSpec"]["executors"][step]["container"]


def root_input(spec: dict[str, Any], name: str = "text") -> dict[str, Any]:
    return spec["root"]["inputDefinitions"]["parameters"][name]


def set_to(value: Any, *keys: str) -> Callable[[dict[str, Any]], None]:
    def change(spec: dict[str, Any]) -> None:
        for key in keys[:-1]:
            spec = spec[key]
        spec[keys[-1]] = value

    return change


def two_outputs(spec: dict[str, Any]) -> None:
    outputs = spec["components"]["comp-decide"]["outputDefinitions"]["parameters"]
    outputs["passed"] = outputs.pop("Output")
    spec["components"][EXIT]["dag"]["tasks"]["condition-branches-3"]["triggerPolicy"] = {
        "condition": "inputs.parameter_values['pipelinechannel--decide-Output'] == true"
    }
    given(spec, "condition-branches-3", "pipelinechannel--decide-Output")["taskOutputParameter"][
        "outputParameterKey"
    ] = "passed"


def either_artifact(spec: dict[str, Any]) -> None:
    spec["components"]["comp-for-loop-2"]["dag"]["outputs"]["artifacts"] = {
        "either": {
            "artifactSelectors": [
                {"producerSubtask": "work", "outputArtifactKey": "made"},
                {"producerSubtask": "work", "outputArtifactKey": "made"},
            ]
        }
    }


def upstream_beside_the_item(spec: dict[str, Any]) -> None:
    tasks(spec)["for-loop-2"]["inputs"]["parameters"]["pipelinechannel--decide-Output"] = {
        "taskOutputParameter": {"producerTask": "decide", "outputParameterKey": "Output"}
    }


def text_of_loop_item(spec: dict[str, Any]) -> None:
    given(spec, "work", "folder", "comp-for-loop-2")["runtimeValue"]["constant"] = (
        "x-{{$.inputs.parameters['pipelinechannel--plan-Output-loop-item']}}"
    )


def constant_objects(spec: dict[str, Any]) -> None:
    tasks(spec)["for-loop-2"]["parameterIterator"]["items"] = {"raw": '[{"a": 1}]'}
    given(spec, "for-loop-2", "pipelinechannel--plan-Output").clear()
    given(spec, "for-loop-2", "pipelinechannel--plan-Output")["runtimeValue"] = {"constant": []}


def items_that_never_arrive(spec: dict[str, Any]) -> None:
    constant_objects(spec)
    tasks(spec)["for-loop-2"]["parameterIterator"]["items"] = {"inputParameter": "nothing"}


def only_artifacts(spec: dict[str, Any]) -> None:
    nested = tasks(spec, "comp-condition-4")["nested-part"]
    del nested["inputs"]["parameters"]
    del spec["components"]["comp-nested-part"]["inputDefinitions"]["parameters"]
    given(spec, "finish", "text", "comp-nested-part").clear()
    tasks(spec, "comp-nested-part")["finish"]["inputs"]["parameters"]["text"] = {
        "runtimeValue": {"constant": "a"}
    }


BREAKS: list[tuple[str, Callable[[dict[str, Any]], None]]] = [
    ("proto", set_to(1, "root", "nonsense")),
    ("proto", lambda s: container(s).update(nonsense=1)),
    ("proto", lambda s: tasks(s)["plan"].update(triggerPolicy={"strategy": "SOMETIMES"})),
    ("name", set_to("1abc", "pipelineInfo", "name")),
    ("name", set_to("a" * (LONGEST_NAME + 1), "pipelineInfo", "name")),
    ("name", set_to("python3-x", "pipelineInfo", "name")),
    ("name", lambda s: s["pipelineInfo"].pop("name")),
    ("schema-version", lambda s: s.pop("schemaVersion")),
    ("executor-label", set_to("exec-x", "components", "comp-plan", "executorLabel")),
    ("pip-install", lambda s: container(s)["command"].insert(2, "python3 -m pip install x")),
    ("thin-step", lambda s: container(s).update(command=["echo", "hello"])),
    ("description", lambda s: root_input(s).pop("description")),
    (
        "description",
        lambda s: s["components"]["comp-plan"]["inputDefinitions"]["parameters"]["text"].pop(
            "description"
        ),
    ),
    (
        "optional-none",
        lambda s: s["components"]["comp-plan"]["inputDefinitions"]["parameters"]["text"].update(
            isOptional=True
        ),
    ),
    ("default", lambda s: [root_input(s).pop(key) for key in ("defaultValue", "isOptional")]),
    ("image", lambda s: container(s).update(image="worker-python:latest")),
    ("image", lambda s: container(s).update(image=DIGEST)),
    ("component-ref", lambda s: tasks(s)["decide"].update(componentRef={})),
    ("producer-task", lambda s: tasks(s)["decide"].update(dependentTasks=["nobody"])),
    (
        "producer-task",
        lambda s: given(s, "decide", "parts")["taskOutputParameter"].update(producerTask="nobody"),
    ),
    (
        "producer-task",
        lambda s: given(s, "decide", "parts")["taskOutputParameter"].update(
            outputParameterKey="nothing"
        ),
    ),
    (
        "producer-task",
        lambda s: s["root"]["dag"]["tasks"]["report"]["inputs"]["parameters"]["status"].update(
            taskFinalStatus={"producerTask": "nobody"}
        ),
    ),
    (
        "producer-task",
        lambda s: s["components"]["comp-nested-part"]["dag"]["outputs"]["parameters"]["Output"][
            "valueFromParameter"
        ].update(producerSubtask="nobody"),
    ),
    (
        "component-input",
        lambda s: given(s, "plan-2", "text", "comp-condition-6").update(
            componentInputParameter="nothing"
        ),
    ),
    (
        "component-input",
        lambda s: tasks(s, "comp-nested-part")["finish"]["inputs"]["artifacts"]["data"].update(
            componentInputArtifact="nothing"
        ),
    ),
    (
        "component-input",
        lambda s: tasks(s)["plan"]["inputs"]["parameters"].pop("pipelinechannel--text"),
    ),
    (
        "task-input",
        lambda s: tasks(s, "comp-for-loop-2")["work"]["inputs"]["parameters"].pop("item"),
    ),
    (
        "task-input",
        lambda s: tasks(s)["plan"]["inputs"]["parameters"].update(
            more={"runtimeValue": {"constant": "a"}}
        ),
    ),
    ("one-of-artifacts", either_artifact),
    ("nested-parameter", only_artifacts),
    ("loop-item-text", text_of_loop_item),
    (
        "placeholder",
        lambda s: given(s, "work-3", "item", "comp-condition-5")["runtimeValue"].update(
            constant={"deep": ["{{$.pipeline_job_resource_name}}"]}
        ),
    ),
    ("loop-items", items_that_never_arrive),
    ("loop-items", constant_objects),
    ("loop-upstream", upstream_beside_the_item),
    (
        "condition",
        lambda s: tasks(s)["condition-6"].update(
            triggerPolicy={"condition": "inputs.parameter_values['nothing'] == true"}
        ),
    ),
    (
        "condition",
        lambda s: tasks(s)["condition-6"].update(
            triggerPolicy={
                "condition": "inputs.parameter_values['pipelinechannel--careful'] == 'yes'"
            }
        ),
    ),
    (
        "condition",
        lambda s: tasks(s)["condition-6"].update(
            triggerPolicy={"condition": "inputs.parameter_values['pipelinechannel--text'] == true"}
        ),
    ),
    ("condition", two_outputs),
    ("display-name", lambda s: tasks(s)["plan"].update(taskInfo={"name": "plan"})),
    ("display-name", lambda s: tasks(s)["plan"].update(taskInfo={})),
]


def test_a_good_spec_has_no_problems(good):
    assert [str(problem) for problem in lint(dump(good))] == []


@pytest.mark.parametrize(
    ("rule", "change"), BREAKS, ids=[f"{rule}-{i}" for i, (rule, _) in enumerate(BREAKS)]
)
def test_a_spec_that_breaks_one_rule(good, rule, change):
    change(good)
    assert {problem.rule for problem in lint(dump(good))} == {rule}


@pytest.mark.parametrize("text", ["", "a: 1\n---\nb: 2\n", "just text", "[]"])
def test_a_spec_is_one_document(text):
    assert [problem.rule for problem in lint(text)] == ["one-document"]


def test_a_released_spec_carries_digests(good):
    assert {problem.rule for problem in lint(dump(good), pinned=True)} == {"image"}
    for executor in good["deploymentSpec"]["executors"].values():
        executor["container"]["image"] = DIGEST
    assert lint(dump(good), pinned=True) == []


def test_a_problem_says_where_and_why(good):
    tasks(good)["plan"]["componentRef"]["name"] = "comp-gone"
    problem = str(lint(dump(good))[0])
    assert "components.comp-exit-handler-1.tasks.plan" in problem
    assert "comp-gone" in problem
