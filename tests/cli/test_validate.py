"""`intent2batch validate` from a shell: what it writes, where, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from components.errors import WrongUse
from emulator.launch import Emulator
from pipelines.cli import validate
from tests.batch.rules.jobs import SPEC, changed, clean_job

app = typer.Typer()
validate.register(app)


@app.callback()
def _several_verbs() -> None:
    """With a callback typer keeps the verb's name."""


def run(*arguments: str, stdin: str | bytes | None = None) -> Any:
    return CliRunner().invoke(app, ["validate", *arguments], input=stdin)


def written(folder: Path, name: str, changes: dict[str, Any]) -> Path:
    file = folder / name
    file.write_text(json.dumps(changed(clean_job(), changes), indent=2), encoding="utf-8")
    return file


def test_a_job_without_errors_ends_with_0(tmp_path: Path) -> None:
    result = run(str(written(tmp_path, "job.json", {})))

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("1 file: 0 errors, 0 warnings")


def test_errors_end_with_1_and_are_told_with_their_place(tmp_path: Path) -> None:
    file = written(tmp_path, "job.json", {f"{SPEC}.maxRetryCount": 11})

    result = run(str(file))

    assert result.exit_code == 1
    line = result.stdout.splitlines()[0]
    assert line.startswith(f"{file}:")
    assert f"error RETRY_RANGE {SPEC}.maxRetryCount: maxRetryCount 11 is out of range" in line
    assert line.endswith("(fix: use 10)")
    assert result.stderr == ""


def test_json_for_programs(tmp_path: Path) -> None:
    good = written(tmp_path, "good.json", {})
    bad = written(tmp_path, "bad.json", {"priority": 100})

    result = run(str(good), str(bad), "--format", "json")

    findings = json.loads(result.stdout)
    errors = [f for f in findings if f["severity"] == "error"]
    assert result.exit_code == 1
    assert [(f["file"], f["rule"]) for f in errors] == [(str(bad), "PRIORITY")]


def test_sarif_for_code_review(tmp_path: Path) -> None:
    result = run(str(written(tmp_path, "job.json", {"priority": 100})), "--format", "sarif")

    assert json.loads(result.stdout)["version"] == "2.1.0"


def test_standard_input_is_read(tmp_path: Path) -> None:
    result = run("-", stdin='{"taskGroups": []}')

    assert result.exit_code == 1
    assert "<stdin>:1:2: error TG_ONE taskGroups" in result.stdout


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"\x00\x01binary", "PARSE_ENCODING"),
        (b"", "PARSE_SYNTAX"),
        (b"x" * 100_000, "PARSE_SHAPE"),
        (b"[" * 100_000, "PARSE_SYNTAX"),
        (b'{"jobs": 1, "taskGroups": [{}, {}]}', "PARSE_UNKNOWN"),
    ],
)
def test_bad_files_are_one_clear_message_and_end_with_1(
    tmp_path: Path, data: bytes, rule: str
) -> None:
    file = tmp_path / "job.json"
    file.write_bytes(data)

    result = run(str(file))

    assert result.exit_code == 1
    assert f"error {rule}" in result.stdout.splitlines()[0]


def test_a_missing_file_or_a_folder_is_wrong_use(tmp_path: Path) -> None:
    for name in (tmp_path / "absent.json", tmp_path, Path("bad\0name")):
        result = run(str(written(tmp_path, "ok.json", {})), str(name))

        assert isinstance(result.exception, WrongUse)
        assert result.exception.exit_code == 2
        assert str(name) in str(result.exception)
        assert result.stdout == ""


def test_a_policy_is_enforced(tmp_path: Path) -> None:
    job = written(tmp_path, "job.json", {})
    policy = tmp_path / "policy.yaml"
    policy.write_text("max_tasks: 3\nregions: [us-central1]\n")

    result = run(str(job), "--policy", str(policy), "--format", "sarif")

    assert result.exit_code == 1
    sarif = json.loads(result.stdout)["runs"][0]
    errors = [r["ruleId"] for r in sarif["results"] if r["level"] == "error"]
    assert errors == ["POLICY_TASKS"]
    assert run(str(job), "--policy", str(policy), "--region", "us-west1").exit_code == 1


def test_a_policy_that_is_none_is_wrong_use(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("max_task: 3\n")

    result = run(str(written(tmp_path, "job.json", {})), "--policy", str(policy))

    assert isinstance(result.exception, WrongUse)
    assert "did you mean max_tasks?" in str(result.exception)


def test_a_request_for_an_id_that_another_file_asks_for_is_an_error(tmp_path: Path) -> None:
    request = {"parent": "projects/p/locations/us-central1", "jobId": "a-1", "job": clean_job()}
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text(json.dumps(request))

    result = run(str(tmp_path / "one.json"), str(tmp_path / "two.json"), "--format", "json")

    errors = [f for f in json.loads(result.stdout) if f["severity"] == "error"]
    assert [(f["rule"], f["file"]) for f in errors] == [
        ("JOB_ID_REUSE", str(tmp_path / "two.json"))
    ]
    assert "one.json" in errors[0]["message"]


def test_fix_mends_the_file_and_says_so(tmp_path: Path) -> None:
    file = written(tmp_path, "job.json", {f"{SPEC}.maxRunDuration": "1h"})

    result = run(str(file), "--fix")

    assert result.exit_code == 0
    assert json.loads(file.read_text(encoding="utf-8")) == changed(
        clean_job(), {f"{SPEC}.maxRunDuration": "3600s"}
    )
    assert result.stderr == (
        f'{file}: mended TIMEOUT_FMT {SPEC}.maxRunDuration: `"1h"` is now `"3600s"`\n'
    )


def test_fix_keeps_links_and_permissions(tmp_path: Path) -> None:
    file = written(tmp_path, "job.json", {f"{SPEC}.maxRunDuration": "1h"})
    file.chmod(0o664)
    link = tmp_path / "link.json"
    link.symlink_to(file)

    run(str(link), "--fix")

    assert link.is_symlink()
    assert '"3600s"' in file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o777 == 0o664


def test_fix_leaves_a_good_file_untouched(tmp_path: Path) -> None:
    file = written(tmp_path, "job.json", {})
    before = file.stat().st_mtime_ns

    assert run(str(file), "--fix").exit_code == 0
    assert file.stat().st_mtime_ns == before


def test_fix_of_standard_input_writes_the_job_to_standard_output() -> None:
    job = json.dumps(changed(clean_job(), {f"{SPEC}.maxRunDuration": "1h"}))

    result = run("-", "--fix", stdin=job)

    assert json.loads(result.stdout)["taskGroups"][0]["taskSpec"]["maxRunDuration"] == "3600s"
    assert "1 file: 0 errors" in result.stderr


def test_a_missing_file_changes_no_other(tmp_path: Path) -> None:
    file = written(tmp_path, "job.json", {f"{SPEC}.maxRunDuration": "1h"})
    before = file.read_bytes()

    run(str(file), str(tmp_path / "absent.json"), "--fix")

    assert file.read_bytes() == before


def test_a_job_in_a_bucket_is_read(emulator: Emulator) -> None:
    from components.storage.client import storage_client

    storage_client().create_bucket("jobs")
    blob = storage_client().bucket("jobs").blob("job.json")
    blob.upload_from_string(json.dumps(changed(clean_job(), {"priority": 100})))

    result = run("gs://jobs/job.json")

    assert result.exit_code == 1
    assert "gs://jobs/job.json:" in result.stdout
    assert isinstance(run("gs://jobs/absent.json").exception, WrongUse)


def imported_by(arguments: Sequence[str]) -> set[str]:
    """The modules that the command imports, in a process of its own."""
    program = (
        "import sys, typer\n"
        "from pipelines.cli import validate\n"
        "app = typer.Typer()\n"
        "validate.register(app)\n"
        "sys.argv = ['validate', *sys.argv[1:]]\n"
        "try:\n    app()\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stderr.splitlines())


def test_the_command_imports_nothing_slow(tmp_path: Path) -> None:
    modules = imported_by([str(written(tmp_path, "job.json", {}))])

    assert "components.batch.rules" in modules
    assert not [
        m for m in modules if m.startswith(("google.cloud.", "google.protobuf", "kfp", "yaml"))
    ]
