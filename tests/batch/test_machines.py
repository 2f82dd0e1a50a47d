"""Machine types, custom types, GPUs and local SSDs, from the tables."""

from __future__ import annotations

import json

import pytest

from components.batch import locations, machines


@pytest.mark.parametrize(
    ("name", "vcpus", "memory_gib", "gpus", "arch"),
    [
        ("e2-standard-4", 4, 16, 0, "x86_64"),
        ("n1-highmem-8", 8, 52, 0, "x86_64"),
        ("a2-highgpu-1g", 12, 85, 1, "x86_64"),
        ("g2-standard-48", 48, 192, 4, "x86_64"),
        ("c4a-standard-4", 4, 16, 0, "arm64"),
        ("custom-6-20480", 6, 20, 0, "x86_64"),
        ("n2-custom-8-65536-ext", 8, 64, 0, "x86_64"),
    ],
)
def test_types_are_looked_up(
    name: str, vcpus: int, memory_gib: float, gpus: int, arch: str
) -> None:
    machine = machines.lookup(name)

    assert machine is not None
    assert (machine.vcpus, machine.memory_gib) == (vcpus, memory_gib)
    assert (machine.gpu_count, machine.arch) == (gpus, arch)


@pytest.mark.parametrize(
    "name", ["", "e2", "e2-standard-5", "standard-4", "N1-STANDARD-1", "x-custom-2-1024"]
)
def test_unknown_types_are_none(name: str) -> None:
    assert machines.lookup(name) is None


@pytest.mark.parametrize(
    ("asked", "near"),
    [("e2-standrd-4", "e2-standard-4"), ("n1_standard_8", "n1-standard-8"), ("banana", None)],
)
def test_the_nearest_type_is_named(asked: str, near: str | None) -> None:
    assert machines.nearest(asked) == near


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("n1-custom-1-1024", False),
        ("n1-custom-3-4096", True),  # odd
        ("n2-custom-34-65536", True),  # by fours above 32
        ("n2d-custom-8-16384", False),
        ("n2d-custom-12-16384", True),
        ("e2-custom-4-1000", True),  # no multiple of 256
        ("n1-custom-4-2048", True),  # below 0.9 GiB per vCPU
        ("n2-custom-4-65536", True),  # above 8 GiB per vCPU
        ("n2-custom-4-65536-ext", False),
        ("t2d-custom-4-8192", True),  # no custom types
    ],
)
def test_custom_types_keep_to_the_rules_of_their_series(name: str, wrong: bool) -> None:
    custom = machines.custom_type(name)

    assert custom is not None
    assert (machines.custom_problem(custom) is not None) is wrong


def test_gpu_counts_come_from_both_tables() -> None:
    counts = machines.gpu_counts()

    assert counts["nvidia-tesla-t4"] == {1, 2, 4}
    assert counts["nvidia-tesla-a100"] == {1, 2, 4, 8, 16}
    assert counts["nvidia-l4"] == {1, 2, 4, 8}


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("e2-standard-4", frozenset()),
        ("n1-standard-1", frozenset({1, 2, 3, 4, 5, 6, 7, 8, 16, 24})),
        ("n2-standard-16", frozenset({2, 4, 8, 16, 24})),
        ("a2-highgpu-1g", frozenset({1, 2, 4, 8})),
        ("a2-ultragpu-1g", frozenset()),  # brings its own
        ("m1-megamem-96", None),  # not known
    ],
)
def test_local_ssd_counts(name: str, counts: frozenset[int] | None) -> None:
    machine = machines.lookup(name)

    assert machine is not None
    assert machines.local_ssd_counts(machine) == counts


def test_every_table_says_where_it_is_from() -> None:
    sources = json.loads((machines.DATA / "sources.json").read_text(encoding="utf-8"))
    files = {path.name for path in machines.DATA.iterdir()} - {"sources.json"}

    assert files <= set(sources)
    assert all(about["date"] and about["source"] for about in sources.values())


@pytest.mark.parametrize(
    ("place", "region"),
    [
        ("regions/us-central1", "us-central1"),
        ("zones/europe-west1-b", "europe-west1"),
        ("us-east4", "us-east4"),
        ("us-east4-a", "us-east4"),
        ("somewhere", None),
    ],
)
def test_the_region_of_a_place(place: str, region: str | None) -> None:
    assert locations.region_of(place) == region


def test_zones_have_the_letters_of_their_region() -> None:
    assert locations.is_zone("europe-west1-b")
    assert not locations.is_zone("europe-west1-a")
    assert not locations.is_zone("us-fake1-a")
    assert locations.nearest_region("us-centrel1") == "us-central1"
