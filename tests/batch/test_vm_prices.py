"""Prices of VMs: a dated file, replaceable, honest about what it does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.batch.locations import regions
from components.batch.machines import families, gpu_counts, lookup, machine_types
from components.batch.vm_prices import load_vm_prices, parse_vm_prices
from components.errors import InputError, WrongUse

HEADER = "what,name,region,on_demand,spot\n"
E2 = HEADER + "vcpu,e2,us-central1,0.02,0.01\ngib,e2,us-central1,0.003,0.001\n"


@pytest.mark.parametrize(
    ("name", "spot", "usd"),
    [
        # Google's published hourly prices in us-central1; GPUs and local SSDs are part of them.
        ("e2-standard-4", False, 0.134023),
        ("e2-micro", False, 0.008376),  # a quarter of a vCPU is billed
        ("e2-medium", False, 0.033506),
        ("n1-standard-8", False, 0.379998),
        ("n2-standard-8", False, 0.388472),
        ("n2d-standard-8", False, 0.337968),
        ("c2-standard-4", False, 0.208808),
        ("g2-standard-4", False, 0.706832),
        ("a2-highgpu-1g", False, 3.673385),
        ("a2-ultragpu-1g", False, 5.068798),
        ("a3-highgpu-8g", False, 88.490004),
        ("h3-standard-88", False, 4.9236),
        ("n2-custom-4-16384", False, 4 * 0.033192 + 16 * 0.004449),  # 5 % above predefined
        ("e2-custom-4-16384", False, 0.134023),
        ("e2-standard-4", True, 0.0588),
        # Neither is Spot sold for H3, nor the price of extended memory known.
        ("h3-standard-88", True, None),
        ("n2-custom-8-131072-ext", False, None),
        ("c4d-standard-8-lssd", False, None),  # how many SSDs it brings is not known
        ("a4-highgpu-8g", False, None),
    ],
)
def test_an_hour_of_a_machine(name: str, spot: bool, usd: float | None) -> None:
    machine = lookup(name)
    assert machine is not None
    found = load_vm_prices().machine_hour(machine, "us-central1", spot=spot)
    assert found == (usd if usd is None else pytest.approx(usd, rel=1e-3))


def test_the_shipped_file_is_dated_and_speaks_of_what_there_is() -> None:
    prices = load_vm_prices()
    assert prices.dated == "2026-11-29"
    series = {name for what, name, _ in prices.rates if what in ("vcpu", "gib")}
    assert series <= set(families())
    assert {name for what, name, _ in prices.rates if what == "gpu"} <= set(gpu_counts())
    assert {name for what, name, _ in prices.rates if what == "machine"} <= set(machine_types())
    assert {region for _, _, region in prices.rates} <= set(regions())
    for (what, name, region), rate in prices.rates.items():
        if what == "vcpu":
            assert ("gib", name, region) in prices.rates
        if rate.spot is not None and rate.on_demand is not None:
            assert rate.spot < rate.on_demand, (what, name, region)


def test_disks_are_priced_by_the_month_of_730_hours() -> None:
    prices = load_vm_prices()
    assert prices.disk_hour("pd-balanced", 730, "us-central1") == pytest.approx(0.1)
    assert prices.disk_hour("pd-balanced", 730, "us-central1", spot=True) == pytest.approx(0.1)
    assert prices.disk_hour("local-ssd", 730, "us-central1", spot=True) == pytest.approx(0.0243)
    assert prices.disk_hour("pd-extreme", 10, "us-central1") is None
    assert prices.disk_hour("pd-extreme", 0, "us-central1") == 0


def test_what_the_file_does_not_have_is_unknown_and_never_nothing() -> None:
    prices = parse_vm_prices(E2 + "vcpu,n2,us-central1,0.03,\n", "p.csv")
    e2, n2 = machine_types()["e2-standard-2"], machine_types()["n2-standard-2"]
    assert prices.machine_hour(e2, "us-central1", spot=False) == pytest.approx(0.064)
    assert prices.machine_hour(e2, "europe-west1", spot=False) is None
    assert prices.machine_hour(n2, "us-central1", spot=False) is None  # memory has no price
    assert prices.gpu_hour("nvidia-l4", 1, "us-central1", spot=False) is None
    assert prices.gpu_hour("", 0, "us-central1", spot=False) == 0


def test_a_file_of_the_user_replaces_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("\ufeff# our contract, 2027-01-02\n" + E2)
    prices = load_vm_prices(str(file))
    assert (prices.dated, prices.source) == ("2027-01-02", str(file))
    assert prices.rate("vcpu", "e2", "us-central1", spot=True) == 0.01


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no prices"),
        (HEADER, "no prices"),
        ("what,name\nvcpu,e2\n", "p.csv:1: The price file lacks the columns region"),
        (HEADER + "cpu,e2,us-central1,1,1\n", "p.csv:2: 'cpu' is no kind of price"),
        (HEADER + "vcpu,e2,us-central1,free,\n", "'free' is no price in the column on_demand"),
        (HEADER + "vcpu,e2,us-central1,1,nan\n", "'nan' is no price in the column spot"),
        (HEADER + "vcpu,e2,us-central1,0,\n", "'0' is no price"),
        (HEADER + "vcpu,e2,us-central1,-1,\n", "'-1' is no price"),
        (HEADER + "vcpu,e2,us-central1,inf,\n", "'inf' is no price"),
        (HEADER + "vcpu,e2,us-central1,,\n", "has no price"),
        (HEADER + "vcpu,e2\n", "lacks a name or a region"),
        (HEADER + "vcpu,,us-central1,1,\n", "lacks a name or a region"),
        (E2 + "vcpu,e2,us-central1,1,\n", "p.csv:4: vcpu e2 us-central1 has two prices"),
        ("#" + "x" * 5_000_000, "far too long"),
        ('"' + HEADER, "lacks the columns"),
    ],
)
def test_a_bad_file_says_where(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        parse_vm_prices(text, "p.csv")
    assert message in str(error.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(WrongUse):
        load_vm_prices(str(tmp_path / "none.csv"))
