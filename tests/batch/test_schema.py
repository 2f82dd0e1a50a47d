"""The field tree is what the client's types say, and reading it imports nothing of Google's."""

from __future__ import annotations

import json
import subprocess
import sys

from components.batch.schema import DATA_FILE, fields_by_any_name, places, schema
from components.batch.schema_source import describe


def test_the_data_is_generated_from_the_installed_client() -> None:
    assert json.loads(DATA_FILE.read_text(encoding="utf-8")) == describe(), (
        "run python -m components.batch.schema_source"
    )


def test_fields_are_found_by_both_names() -> None:
    fields = fields_by_any_name("TaskGroup")

    assert fields["taskCount"] is fields["task_count"]
    assert schema().messages["Job"]["taskGroups"].many == "list"


def test_every_message_has_a_place() -> None:
    assert places()["Volume"] == "taskGroups[0].taskSpec.volumes[0]"
    assert set(places()) == set(schema().messages)


def test_checking_imports_nothing_of_google() -> None:
    program = (
        "import sys; from components.batch.rules import check; check({'taskGroups': [{}]});"
        "from components.config.fix import fix_text; fix_text('{}', 'x.json');"
        "bad = ('google.cloud.', 'google.protobuf', 'kfp');"
        "print([m for m in sys.modules if m.startswith(bad)])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
