"""Which files a person means, and what is in each of them."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from components.errors import InputError, WrongUse
from components.prepare_requests.csv_rows import read_csv
from components.prepare_requests.jsonl_rows import is_document, read_document, read_jsonl
from components.prepare_requests.settings import Settings
from components.prepare_requests.tables import Note, Table
from components.prepare_requests.text import encoding_of
from components.prepare_requests.xlsx_rows import read_xlsx
from components.storage import files
from components.storage.uris import is_gcs, name_of

_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".xlsx", ".xlsm")
_OF_A_RUN = "prepared/manifest.jsonl"
_HIDDEN = (".", "~$")  # Excel writes ~$rows.xlsx beside a workbook that is open
_SNIFFED = 4096
_NO_ROWS = (
    (b"\x1f\x8b", "gzip"),
    (b"%PDF", "PDF"),
    (b"\xd0\xcf\x11\xe0", "old Excel (.xls) or protected Excel"),
    (b"PAR1", "Parquet"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
)


def expanded(sources: Sequence[str]) -> list[str]:
    """The files that the sources name: files, folders, names with `*` in their last part, prefixes.

    Raises:
        WrongUse: there is no such file, or a folder holds no rows.
        WrongUse: nothing is named, or `bq://` beside other sources.
    """
    named = [source.strip() for source in sources if source.strip()]
    if not named:
        raise WrongUse("No source is named", fix="Name a CSV, XLSX or JSONL file.")
    if any(source.startswith("bq://") for source in named):
        if len(named) > 1:
            raise WrongUse("A bq:// table cannot be read together with other sources")
        return named
    return list(dict.fromkeys(uri for source in named for uri in _files_of(source)))


def _files_of(source: str) -> list[str]:
    last = name_of(source)
    if "*" in last:
        folder = source.rstrip("/")[: -len(last)] or "."
        found = [u for u in _listed(folder) if fnmatch.fnmatchcase(name_of(u), last)]
    elif not source.endswith("/") and files.exists(source):
        return [source]
    else:
        found = [uri for uri in _listed(source) if uri.lower().endswith(_ENDINGS)]
        if not found and last and not source.endswith("/"):
            found = [uri for uri in files.with_prefix(source) if uri.lower().endswith(_ENDINGS)]
    if not found:
        raise WrongUse(
            "There is no such file, and no folder with files of rows",
            where=source,
            fix=f"Rows are read from {', '.join(_ENDINGS)}.",
        )
    return found


def _listed(folder: str) -> list[str]:
    """The files below a folder that may be somebody's rows: no hidden ones, none of earlier runs.

    A run below the folder has results with a column `prompt`: its rows would be sent once more.
    """
    found = list(files.list_uris(folder))
    runs = tuple(uri.removesuffix(_OF_A_RUN) for uri in found if uri.endswith(f"/{_OF_A_RUN}"))
    above = f"{folder.rstrip('/') if is_gcs(folder) else Path(folder)}/"

    def is_hidden(uri: str) -> bool:
        return any(part.startswith(_HIDDEN) for part in uri.removeprefix(above).split("/"))

    return [uri for uri in found if not (uri.startswith(runs) or is_hidden(uri))]


@contextmanager
def opened(uri: str, settings: Settings, note: Note) -> Iterator[Table]:
    """The file as a table of rows, by its content first and its name second.

    Raises:
        InputError: it is empty, or of no kind that is read.
    """
    with files.open_read(uri) as stream:
        start = stream.read(_SNIFFED)
        stream.seek(0)
        if not start.strip():
            raise InputError("The file is empty", where=uri, fix="Give it a row at least.")
        if start.startswith(b"PK\x03\x04"):
            with read_xlsx(stream, settings.sheet, name_of(uri), note) as table:
                yield table
        else:
            yield _text_table(stream, start, uri, settings, note)


def _text_table(stream: BinaryIO, start: bytes, uri: str, settings: Settings, note: Note) -> Table:
    for magic, kind in _NO_ROWS:
        if start.startswith(magic):
            raise InputError(f"It is a {kind} file", where=uri, fix="Give CSV, XLSX or JSONL.")
    name = name_of(uri)
    encoding = encoding_of(start, settings.encoding, name, note)
    if not uri.lower().endswith((".csv", ".tsv")) and is_document(start, encoding):
        return read_document(stream, encoding, name)
    if _is_jsonl(uri, start, encoding):
        return read_jsonl(stream, encoding, name)
    delimiter = settings.delimiter or ("\t" if uri.lower().endswith(".tsv") else "")
    return read_csv(stream, encoding, delimiter, name, note)


def _is_jsonl(uri: str, start: bytes, encoding: str) -> bool:
    if uri.lower().endswith((".jsonl", ".ndjson", ".json")):
        return True
    if uri.lower().endswith((".csv", ".tsv")):
        return False
    return start.decode(encoding, "replace").lstrip("\ufeff \r\n\t").startswith(("{", "["))
