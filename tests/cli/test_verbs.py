"""Each verb is found by its name alone."""

from __future__ import annotations

import importlib

import pytest
import typer
from typer.main import get_command

from pipelines.cli import VERBS, load_commands


@pytest.mark.parametrize("module", VERBS)
def test_a_module_declares_the_verbs_that_the_table_names(module):
    app = typer.Typer()
    app.callback()(lambda: None)
    importlib.import_module(f"pipelines.cli.{module}").register(app)
    assert tuple(sorted(get_command(app).commands)) == tuple(sorted(VERBS[module]))


def test_a_verb_brings_its_module_and_anything_else_brings_all():
    assert set(get_command(load_commands("cancel")).commands) == {"watch", "cancel"}
    assert set(get_command(load_commands("--help")).commands) == set().union(*VERBS.values())
