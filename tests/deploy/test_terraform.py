"""The Terraform files hand out what the table says; Terraform evaluates them where it is here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipelines.access.tables import roles

FOLDER = Path(__file__).parents[2] / "deploy" / "terraform"
TERRAFORM = shutil.which("terraform")
needs_terraform = pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed")


def _text() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.tf")))


def test_every_place_of_the_table_hands_out_its_grants() -> None:
    handed_out = re.findall(r'if grant\.on == "([^"]+)"', _text())
    assert sorted(handed_out) == sorted({role.on for role in roles()})


def test_every_account_of_the_table_is_made() -> None:
    made = re.findall(r'resource "google_service_account" "(\w+)"', _text())
    assert sorted([*made, "person"]) == sorted({role.identity for role in roles()})


def test_no_role_and_no_key_stands_in_the_files() -> None:
    assert not re.search(r'"roles/|service_account_key|_iam_policy"|_iam_binding"', _text())


def _run(*words: str, folder: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "TF_CLI_CONFIG_FILE"}
    done = subprocess.run(
        [str(TERRAFORM), *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_terraform
def test_the_files_are_formatted() -> None:
    _run("fmt", "-check", "-recursive", folder=FOLDER)


@needs_terraform
def test_terraform_makes_a_grant_of_every_line(tmp_path: Path) -> None:
    main = (FOLDER / "main.tf").read_text(encoding="utf-8")
    block = re.search(r"^locals \{\n.*?^\}\n", main, re.M | re.S)
    assert block
    # Accounts are known to the provider alone, which is not here.
    local = re.sub(r"google_service_account\.(\w+)\.member", r'"\1"', block[0])
    local = local.replace("${path.module}/../..", str(FOLDER.parents[1]))
    (tmp_path / "main.tf").write_text(f'{local}output "grants" {{ value = local.grants }}\n')
    shutil.copy(FOLDER / "variables.tf", tmp_path)
    people = '["group:a@example.com", "user:b@example.com"]'
    given = ["-var=project=p", f"-var=people={people}", "-var=bigquery=true"]
    _run("apply", "-auto-approve", "-input=false", "-no-color", *given, folder=tmp_path)
    shown: dict[str, Any] = json.loads(_run("output", "-json", folder=tmp_path))
    made = sorted((g["member"], g["role"], g["on"]) for g in shown["grants"]["value"].values())
    members = {"person": ["group:a@example.com", "user:b@example.com"]}
    assert made == sorted(
        (member, role.role, role.on)
        for role in roles()
        for member in members.get(role.identity, [role.identity])
    )
