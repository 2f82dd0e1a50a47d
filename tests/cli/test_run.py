"""`intent2batch run`: wrong use is told in one message and starts nothing."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from components.errors import Intent2BatchError
from pipelines.cli import load_commands


@pytest.fixture(scope="module")
def app():
    return load_commands()


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (["intent-to-batch", "run it"], 2, "Add --local"),
        (["intent-to-bath", "run it", "--local"], 2, "no pipeline and no file"),
        (["intent-to-batch", "run it", "--local", "-p", "dryrun=true"], 2, "Did you mean dry_run"),
        (["intent-to-batch", "run it", "--local", "-p", "dry_run=perhaps"], 2, "true or false"),
        (["intent-to-batch", " ", "--local"], 2, "The intent is empty"),
        (["intent-to-batch", "x", "--local", "--params", "absent.yaml"], 2, "absent.yaml"),
        (["intent-to-batch", "x", "--local", "--upload", "a=b"], 2, "LOCAL=gs://bucket/path"),
        (["intent-to-batch", "x", "--local", "--upload", "a=gs://b/c"], 1, "no such file"),
        (["intent-to-batch", "x", "--local", "--out", "{{$x"], 2, "cannot hold python3"),
        (["intent-to-batch", "x", "--local", "--out", "/proc/x"], 1, "cannot be written"),
    ],
)
def test_wrong_use(app, line, code, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["run", *line])
    assert isinstance(result.exception, Intent2BatchError), result.output
    assert result.exception.exit_code == code
    assert says in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_the_help_names_what_a_run_takes(app):
    result = CliRunner().invoke(app, ["run", "--help"])
    assert result.exit_code == 0
    for option in ("--local", "--params", "--out", "--dry-run", "--upload"):
        assert option in result.output
