"""What VMs, GPUs and disks cost: a dated file that a person can replace.

A price that is not in the file is None, "unknown" in words, and never nothing.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from components.batch.machines import DATA, LOCAL_SSD_GB, Machine, custom_type
from components.errors import InputError, named_by_a_parameter
from components.storage import files

HOURS_A_MONTH = 730  # what Google's price list reckons a month with
PRICE_FILE = "vm_prices.csv"

_COLUMNS = ("what", "name", "region", "on_demand", "spot")
_KINDS = ("vcpu", "gib", "machine", "gpu", "disk")
_MOST_BYTES = 4_000_000
# Custom machine types of these series cost 5 % more than predefined ones (Compute Engine's guide
# for custom machine types); E2's do not. Extended memory has a price of its own, which is not here.
_CUSTOM_PREMIUM = {"n1": 1.05, "n2": 1.05, "n2d": 1.05, "n4": 1.05}
_SHARED = re.compile(r"shared_core:([0-9.]+)\Z")
_SSDS = re.compile(r"local_ssd_included:([0-9]+)x375\Z")


@dataclass(frozen=True)
class Rate:
    """A price in USD on demand and on Spot VMs; None where it is unknown."""

    on_demand: float | None
    spot: float | None


@dataclass(frozen=True)
class VmPrices:
    """A price file: its date, where it came from, and the rates by (what, name, region).

    The kinds of `what` are vcpu and gib (name: a machine series, per hour), machine (a type, per
    hour), gpu (a type, per GPU-hour) and disk (a type, per GB and month).
    """

    dated: str
    source: str
    rates: Mapping[tuple[str, str, str], Rate]
    _hours: dict[tuple[str, str, bool], float | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    def rate(self, what: str, name: str, region: str, *, spot: bool) -> float | None:
        """One price of the file in USD; None where the file has none."""
        found = self.rates.get((what, name, region))
        if found is None:
            return None
        return found.spot if spot else found.on_demand

    def machine_hour(self, machine: Machine, region: str, *, spot: bool) -> float | None:
        """USD for an hour of a VM with what its type brings, GPUs and local SSDs among it."""
        key = (machine.name, region, spot)
        if key not in self._hours:  # hundreds of types are asked for each choice of a machine
            self._hours[key] = self._machine_hour(machine, region, spot=spot)
        return self._hours[key]

    def _machine_hour(self, machine: Machine, region: str, *, spot: bool) -> float | None:
        parts = (
            self._cores_and_memory(machine, region, spot=spot),
            self.gpu_hour(machine.gpu_type, machine.gpu_count, region, spot=spot),
            self._local_ssds_hour(machine, region, spot=spot),
        )
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None

    def gpu_hour(self, gpu_type: str, count: int, region: str, *, spot: bool) -> float | None:
        """USD for an hour of so many GPUs, without the machine."""
        if count == 0:
            return 0.0
        rate = self.rate("gpu", gpu_type, region, spot=spot)
        return None if rate is None else count * rate

    def disk_hour(
        self, disk_type: str, size_gb: float, region: str, *, spot: bool = False
    ) -> float | None:
        """USD for an hour of a disk; on a Spot VM at the Spot price where the file has one."""
        if size_gb == 0:
            return 0.0
        rate = self.rate("disk", disk_type, region, spot=spot)
        if rate is None and spot:
            rate = self.rate("disk", disk_type, region, spot=False)
        return None if rate is None else size_gb * rate / HOURS_A_MONTH

    def _local_ssds_hour(self, machine: Machine, region: str, *, spot: bool) -> float | None:
        """What the local SSDs cost that the type brings; they are billed apart from it."""
        brought = [found for note in machine.notes if (found := _SSDS.match(note))]
        if not brought and machine.name.endswith("-lssd"):
            return None  # the table does not say how many
        count = sum(int(found[1]) for found in brought)
        return self.disk_hour("local-ssd", count * LOCAL_SSD_GB, region, spot=spot)

    def _cores_and_memory(self, machine: Machine, region: str, *, spot: bool) -> float | None:
        whole = self.rate("machine", machine.name, region, spot=spot)
        if whole is not None:
            return whole
        custom = custom_type(machine.name)
        if custom is not None and (custom.extended or not custom.size.isdigit()):
            return None
        core = self.rate("vcpu", machine.family, region, spot=spot)
        gib = self.rate("gib", machine.family, region, spot=spot)
        if core is None or gib is None:
            return None
        premium = _CUSTOM_PREMIUM.get(machine.family, 1.0) if custom else 1.0
        return premium * (core * billed_vcpus(machine) + gib * machine.memory_gib)


def billed_vcpus(machine: Machine) -> float:
    """The vCPUs that are paid: of a shared-core type the fraction that it has for sure."""
    for note in machine.notes:
        shared = _SHARED.match(note)
        if shared:
            return float(shared[1])
    return machine.vcpus


def load_vm_prices(uri: str = "") -> VmPrices:
    """The price file at a path or gs:// URI; the one that the package ships where it is empty.

    Raises:
        WrongUse: it cannot be read as prices; the message names the line.
    """
    if not uri.strip():
        return _shipped()
    with named_by_a_parameter():
        return parse_vm_prices(files.read_text(uri), uri)


@lru_cache(maxsize=1)
def _shipped() -> VmPrices:
    return parse_vm_prices((DATA / PRICE_FILE).read_text("utf-8"), PRICE_FILE)


def parse_vm_prices(text: str, source: str) -> VmPrices:
    """Read the text of a price file: `#` lines (a date in them dates the file), then CSV.

    Raises:
        InputError: the header, a kind or a number is wrong, a line comes twice, or none is there.
    """
    if len(text) > _MOST_BYTES:
        raise InputError("The price file is far too long", where=source, fix=_form())
    comments = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    dated = re.search(r"\d{4}-\d\d-\d\d", comments)
    rates: dict[tuple[str, str, str], Rate] = {}
    header: list[str] = []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        if line.startswith("#") or not line.strip():
            continue
        where = f"{source}:{number}"
        cells = [cell.strip() for cell in next(csv.reader([line]))]
        if not header:
            header = _header(cells, where)
            continue
        key, rate = _row(dict(zip(header, cells, strict=False)), where)
        if key in rates:
            raise InputError(
                f"{' '.join(key)} has two prices", where=where, fix="Remove one of the lines."
            )
        rates[key] = rate
    if not rates:
        raise InputError("The price file holds no prices", where=source, fix=_form())
    date = dated.group() if dated else "no date"
    return VmPrices(date, source, MappingProxyType(rates))


def _form() -> str:
    return f"Its header is {','.join(_COLUMNS)}; a line is vcpu,e2,us-central1,0.0218,0.0096."


def _header(cells: list[str], where: str) -> list[str]:
    missing = [name for name in _COLUMNS if name not in cells]
    if missing:
        raise InputError(
            f"The price file lacks the columns {', '.join(missing)}", where=where, fix=_form()
        )
    return cells


def _row(cells: Mapping[str, str], where: str) -> tuple[tuple[str, str, str], Rate]:
    what, name, region = (cells.get(column, "") for column in _COLUMNS[:3])
    if what not in _KINDS:
        raise InputError(
            f"'{what[:40]}' is no kind of price", where=where, fix=f"Use {', '.join(_KINDS)}."
        )
    if not name or not region:
        raise InputError("The line lacks a name or a region", where=where, fix=_form())
    on_demand, spot = (_amount(cells.get(column, ""), column, where) for column in _COLUMNS[3:])
    if on_demand is None and spot is None:
        raise InputError("The line has no price", where=where, fix="Remove it, or give a price.")
    return (what, name, region), Rate(on_demand, spot)


def _amount(text: str, column: str, where: str) -> float | None:
    """The price in a cell; None for an empty one. 0 is refused: nothing here is free."""
    if not text:
        return None
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not (math.isfinite(amount) and amount > 0):
        raise InputError(
            f"'{text[:40]}' is no price in the column {column}",
            where=where,
            fix="Write USD, for example 0.0218; leave the cell empty where the price is unknown.",
        )
    return amount
