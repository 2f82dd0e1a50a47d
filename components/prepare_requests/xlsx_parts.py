"""The parts of a workbook, each unpacked as a stream within bounds.

A workbook is a zip of XML, which may come from anybody: what is unpacked is counted as it comes
(the sizes that a zip states may lie), and XML entities are refused.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple
from xml.parsers import expat

from components.errors import InputError
from components.prepare_requests.tables import Note
from components.prepare_requests.xlsx_cells import Styles

MAX_UNPACKED = 2_000_000_000  # bytes of one part of the workbook
MAX_RATIO = 200  # unpacked to packed, beyond the first 10 MB; text packs at 5 to 40
_FREE = 10_000_000
_MAX_TEXT = 10_000_000  # characters of a cell
_MAX_TOKEN = 2_000_000  # bytes of one tag or comment
_MAX_ENTRIES = 5_000
_MAX_ELEMENTS = 100_000  # of one kind in the small parts
_MAX_ATTRIBUTE = 300  # characters that are kept; Excel's names and formats are shorter
_CHUNK = 1 << 18


class Parts:
    """The parts of the zip, each read as a stream with a bound."""

    def __init__(self, stream: BinaryIO, where: str) -> None:
        self._where = where
        try:
            self._zip = zipfile.ZipFile(stream)
            entries = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise self.broken(str(error)) from error
        if len(entries) > _MAX_ENTRIES:
            raise self.broken(f"it has {len(entries):,} parts")
        self.sizes = {entry.filename: entry.compress_size for entry in entries}
        self._shown = 0
        if "xl/workbook.xml" not in self.sizes:
            raise InputError(
                "It is a zip, and no workbook", where=where, fix="Give CSV, XLSX or JSONL."
            )

    def broken(self, why: str) -> InputError:
        """The error of a workbook that cannot be read."""
        return InputError(f"The workbook cannot be read: {why}", where=self._where)

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a part; InputError where they are too many for what is packed."""
        done = 0
        most = min(MAX_UNPACKED, _FREE + MAX_RATIO * self.sizes[name])
        try:
            with self._zip.open(name) as part:
                while chunk := part.read(_CHUNK):
                    done += len(chunk)
                    if done > most:
                        raise InputError(
                            f"The workbook is packed too densely: more than {most:,} bytes "
                            f"come out of {self.sizes[name]:,}",
                            where=self._where,
                            fix="Save the rows as CSV.",
                        )
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
            raise self.broken(str(error)) from error
        except NotImplementedError as error:
            raise self.broken("it is packed in a way that is not known") from error

    def parse(self, name: str, parser: expat.XMLParserType) -> Iterator[None]:
        """Feed a part to a parser, giving control back after each chunk."""
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_entities
        try:
            fed = 0
            for chunk in self.chunks(name):
                parser.Parse(chunk, False)
                fed += len(chunk)
                if fed - parser.CurrentByteIndex > _MAX_TOKEN:
                    # The parser begins again with every piece of a tag or comment that goes on.
                    raise self.broken(f"{name}: a tag does not end")
                yield
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise self.broken(f"{name}: {error}") from error
        yield

    def parse_all(self, name: str, parser: expat.XMLParserType) -> None:
        """Feed a part to a parser at once."""
        for _ in self.parse(name, parser):
            pass

    def check_length(self, size: int) -> None:
        """Refuse a text without end."""
        if size > _MAX_TEXT:
            raise self.broken(f"a cell holds more than {_MAX_TEXT:,} characters")

    def show(self, text: str) -> str:
        """A shared text, counted: many cells may name one that is long."""
        self._shown += len(text)
        if self._shown > MAX_UNPACKED:
            raise self.broken(f"its cells show more than {MAX_UNPACKED:,} characters")
        return text

    def _refuse_entities(self, *_: object) -> None:
        raise self.broken("its XML has a document type, which workbooks never have")


def attributes(parts: Parts, name: str, *elements: str) -> list[dict[str, str]]:
    """The attributes of every such element of a small part, in order."""
    found: list[dict[str, str]] = []
    if name not in parts.sizes:
        return found
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.rsplit(":", 1)[-1] in elements and len(found) < _MAX_ELEMENTS:
            kept = {k: v[:_MAX_ATTRIBUTE] for k, v in attributes.items() if _is_read(k)}
            found.append({"": tag.rsplit(":", 1)[-1], **kept})

    parser.StartElementHandler = start
    parts.parse_all(name, parser)
    return found


def _is_read(attribute: str) -> bool:
    return attribute in _ATTRIBUTES or (attribute.endswith(":id") and len(attribute) < 20)


_ATTRIBUTES = frozenset({"name", "state", "Id", "Target", "numFmtId", "formatCode", "date1904"})


class _Sheet(NamedTuple):
    name: str
    part: str
    shown: bool


def sheet_part(parts: Parts, wanted: str, where: str, note: Note) -> str:
    """The part of the sheet of that name; of the first one that is shown if it is empty.

    Raises:
        InputError: there is no such sheet.
    """
    sheets = _sheets(parts)
    if not sheets:
        raise parts.broken("it has no sheets")
    first = next((sheet for sheet in sheets if sheet.shown), sheets[0])
    chosen = next((sheet for sheet in sheets if sheet.name == wanted), None if wanted else first)
    if chosen is None:
        names = ", ".join(sheet.name[:40] for sheet in sheets[:10])
        raise InputError(f"There is no sheet '{wanted[:60]}'", where=where, fix=f"Sheets: {names}.")
    if len(sheets) > 1 and not wanted:
        others = f"only the sheet '{chosen.name[:60]}' is read, of {len(sheets)}"
        note("one_sheet", others, 0, "Name another one (sheet).")
    if chosen.part not in parts.sizes:
        raise parts.broken(f"the sheet '{chosen.name[:60]}' is not in it")
    return chosen.part


def _sheets(parts: Parts) -> list[_Sheet]:
    """The sheets in their order, without those that are a chart and hold no cells."""
    links = {
        link.get("Id", ""): link.get("Target", "")
        for link in attributes(parts, "xl/_rels/workbook.xml.rels", "Relationship")
    }
    found = []
    for sheet in attributes(parts, "xl/workbook.xml", "sheet"):
        target = links.get(next((v for k, v in sheet.items() if k.endswith(":id")), ""), "")
        part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        if not part.startswith("xl/chartsheets/"):
            shown = sheet.get("state", "visible") == "visible"
            found.append(_Sheet(sheet.get("name", ""), part, shown))
    return found


def styles_of(parts: Parts) -> Styles:
    """Which numbers are dates."""
    found = attributes(parts, "xl/styles.xml", "numFmt", "cellXfs", "xf", "cellStyles")
    dates = attributes(parts, "xl/workbook.xml", "workbookPr")
    return Styles.of(found, since_1904=any(d.get("date1904") in ("1", "true") for d in dates))
