"""The roles table: every call is explained by it, and it asks for no more than that."""

from __future__ import annotations

import re

import pytest

from pipelines.access.tables import Permission, Role, apis, permissions, roles, undocumented
from tests.pipelines.access.role_table import DOCUMENT, WHEN, WHO, with_table

PLACES = {
    "project",
    "results bucket",
    "images repository",
    "specs repository",
    "pipelines account",
    "tasks account",
}
# Roles whose use is no call of ours: what runs as somebody, what Google's agents on a VM and
# Google's clients do, and what another service's call asks for.
WITHOUT_A_CALL = {
    "roles/iam.serviceAccountUser",
    "roles/batch.agentReporter",
    "roles/logging.logWriter",
    "roles/bigquery.user",
    "roles/artifactregistry.reader",
    "roles/artifactregistry.writer",
    "roles/serviceusage.serviceUsageConsumer",
    "roles/storage.objectViewer",
}


@pytest.mark.parametrize("role", roles(), ids=lambda r: f"{r.identity} {r.role} {r.on}")
def test_a_role_is_small_and_says_where_and_why(role: Role) -> None:
    assert role.identity in WHO
    assert role.on in PLACES
    assert role.when in WHEN
    assert role.why
    assert re.fullmatch(r"roles/[a-z]+\.[a-zA-Z]+", role.role)
    assert not re.search(r"admin|owner", role.role, re.I)


@pytest.mark.parametrize("permission", permissions(), ids=lambda p: p.call)
def test_who_makes_a_call_has_the_role_for_it(permission: Permission) -> None:
    for identity in permission.who.split():
        assert permission.role in {r.role for r in roles() if r.identity == identity}


def test_every_role_of_ours_is_there_for_a_call() -> None:
    used = {p.role for p in permissions()} | WITHOUT_A_CALL
    assert {role.role for role in roles()} <= used


def test_no_line_stands_twice() -> None:
    assert len({(r.identity, r.role, r.on) for r in roles()}) == len(roles())
    assert len({p.call for p in permissions()}) == len(permissions())


def test_a_call_that_no_line_explains_is_told() -> None:
    callers = {
        "batch.CreateJob": ["intent2batch gl-python/3.11"],
        "storage.buckets.delete": ["gcloud", "x intent2batch gl-python/3.11"],
        "storage.buckets.patch": ["gcloud-python/3.17.1"],
    }
    assert undocumented(callers) == ["storage.buckets.delete"]


def test_the_apis_are_those_of_google() -> None:
    assert all(name.endswith(".googleapis.com") and why for name, why in apis().items())


def test_the_guide_shows_the_table() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_table(text) == text, "run: python -m tests.pipelines.access.role_table"
