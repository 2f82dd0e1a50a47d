"""The variant that mails its outcome: its shape, its recipients, and that it stays apart."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import compile as command
from components.errors import WrongUse
from pipelines.compiling import PIPELINES, compiled
from pipelines.local_request import local_spec
from pipelines.notification import is_mail, mails, recipients
from pipelines.spec_linter import lint

GOLDEN = Path(command.GOLDEN)


def golden(name: str) -> dict:
    return yaml.safe_load((GOLDEN / f"{name}.yaml").read_text())


@pytest.mark.parametrize("name", PIPELINES)
def test_the_mail_goes_out_last_whatever_happened(name):
    tasks = golden(name + command.WITH_MAIL)["root"]["dag"]["tasks"]
    mail = tasks.pop("vertex-pipelines-notification-email")
    (guarded,) = tasks
    assert mail["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"
    assert mail["dependentTasks"] == [guarded]
    given = mail["inputs"]["parameters"]
    assert given["pipeline_task_final_status"]["taskFinalStatus"]["producerTask"] == guarded
    assert given["recipients"]["runtimeValue"]["constant"] == [command.GOLDEN_RECIPIENT]


@pytest.mark.parametrize("name", PIPELINES)
def test_all_else_is_the_plain_pipeline(name):
    plain, variant = golden(name), golden(name + command.WITH_MAIL)
    assert not mails(plain)
    assert variant["pipelineInfo"] == plain["pipelineInfo"]
    assert variant["root"]["inputDefinitions"] == plain["root"]["inputDefinitions"]
    steps = {
        label: executor
        for label, executor in variant["deploymentSpec"]["executors"].items()
        if not is_mail(executor["container"])
    }
    assert steps == plain["deploymentSpec"]["executors"]


def test_only_the_variant_may_hold_googles_step():
    text = (GOLDEN / f"intent-to-batch{command.WITH_MAIL}.yaml").read_text()
    assert lint(text, mails=True) == []
    assert {problem.rule for problem in lint(text)} == {"thin-step", "image"}


def test_the_image_is_pinned_and_googles_step_keeps_its_own(tmp_path):
    image = "europe-docker.pkg.dev/p/r/worker@sha256:" + "0a" * 32
    line = ["--image", image, "--notify", "a@example.com, b@example.com"]
    assert command.main([*line, "--output", str(tmp_path)]) == 0
    spec = yaml.safe_load((tmp_path / "intent-to-batch.yaml").read_text())
    containers = [e["container"] for e in spec["deploymentSpec"]["executors"].values()]
    assert {c["image"] for c in containers if not is_mail(c)} == {image}
    assert sum(map(is_mail, containers)) == 1


def test_recipients_are_read_from_words_and_lists():
    assert recipients(["a@example.com,b@example.com", " c@example.org "]) == (
        "a@example.com",
        "b@example.com",
        "c@example.org",
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Nobody is named"),
        ([" , "], "Nobody is named"),
        (["someone"], "not a mail address"),
        (["a@b"], "not a mail address"),
        (["a b@example.com"], "not a mail address"),
        (["a@example.com\nBcc: b@example.com"], "not a mail address"),
        (["{{$.inputs.parameters['x']}}@example.com"], "not a mail address"),
        (["a" * 250 + "@example.com"], "not a mail address"),
        (["a@example.com", "A@example.com"], "stands twice"),
        ([",".join(f"{n}@example.com" for n in "abcd")], "at most 3"),
    ],
)
def test_other_recipients_are_refused(words, says):
    with pytest.raises(WrongUse, match=says):
        recipients(words)


def test_a_wrong_address_writes_nothing(tmp_path, capsys):
    assert command.main(["--notify", "someone", "--output", str(tmp_path / "out")]) == 2
    assert "not a mail address" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_goldens_take_no_address():
    with pytest.raises(SystemExit) as end:
        command.main(["--check", "--notify", "a@example.com"])
    assert end.value.code == 2


def test_a_run_on_this_machine_refuses_the_variant():
    with pytest.raises(WrongUse, match="only Vertex AI Pipelines"):
        local_spec(str(GOLDEN / f"intent-to-batch{command.WITH_MAIL}.yaml"))


def test_the_variant_is_compiled_the_same_each_time():
    first = compiled("intent-to-batch", notify=["a@example.com"])
    assert first == compiled("intent-to-batch", notify=["a@example.com"])
