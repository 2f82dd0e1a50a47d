"""A policy file is read whole or refused at its line: a misspelt limit is never left out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from components.batch.policy import POLICY_FIELDS, Policy
from components.config.policy_file import policy_from, read_policy
from components.errors import InputError

WHOLE = """\
# what our jobs may do
regions: [europe-west4, europe-west1]
machine_families: [e2, n2]
image_prefixes:
  - europe-docker.pkg.dev/my-org/
boot_image_prefixes: batch-debian
service_accounts: ["*@my-org-batch.iam.gserviceaccount.com"]
external_ips: false
instance_templates: false
max_tasks: 1000
max_parallelism: 100
max_cost_usd: 50
"""


def test_a_policy_is_read_with_every_limit() -> None:
    policy = policy_from(WHOLE, "policy.yaml")

    assert policy == Policy(
        regions=("europe-west4", "europe-west1"),
        machine_families=("e2", "n2"),
        image_prefixes=("europe-docker.pkg.dev/my-org/",),
        boot_image_prefixes=("batch-debian",),
        service_accounts=("*@my-org-batch.iam.gserviceaccount.com",),
        external_ips=False,
        instance_templates=False,
        max_tasks=1000,
        max_parallelism=100,
        max_cost_usd=50,
    )
    assert None not in asdict(policy).values()
    assert set(asdict(policy)) == set(POLICY_FIELDS)


def test_json_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"max_tasks": 5}))

    assert read_policy(str(file)) == Policy(max_tasks=5)


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("max_task: 5\n", "1:1", "did you mean max_tasks?"),
        ("regions: [us-east1]\nmaxTasks: 5\n", "2:1", "did you mean max_tasks?"),
        ("max_tasks: many\n", "1:1", "whole number"),
        ("max_tasks: true\n", "1:1", "whole number"),
        ("max_tasks: 0\n", "1:1", "whole number"),
        ("max_parallelism: 1.5\n", "1:1", "whole number"),
        ("max_cost_usd: -1\n", "1:1", "0 or more"),
        ("max_cost_usd: .inf\n", "1:1", "0 or more"),
        ("max_cost_usd:\n", "1:1", "is empty"),
        ("external_ips: forbidden\n", "1:1", "true or false"),
        ("regions: [us-fake]\n", "1:1", "not a region"),
        ("regions: [1]\n", "1:1", "list of texts"),
        ("machine_families: {a: b}\n", "1:1", "list of texts"),
        ("colour: red\n", "1:1", "the limits are"),
        ("max_tasks: 1\nmax_tasks: 100\n", "2:1", "given twice"),
        ("a: &a [x]\nb: *b\n", "2:4", "cannot be read"),
        ("max_tasks: !!python/object:os.system 1\n", "1:12", "no plain data"),
        ("[1, 2]", "", "holds no limits"),
        ("", "", "cannot be read"),
    ],
)
def test_what_is_no_policy_is_refused_at_its_place(text: str, place: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        policy_from(text, "p.yaml")

    assert says in str(error.value)
    assert error.value.where.removeprefix("p.yaml").startswith(f":{place}" if place else "")


def test_a_policy_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_policy(str(tmp_path / "absent.yaml"))
