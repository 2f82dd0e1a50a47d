"""Answers that were not what was asked for, as the sending step judged them.

Only that step knows the requests, and so that an answer should have been JSON: it notes each one
that is not in prepared/decisions/w<wave>-a<attempt>.jsonl. Its text stays; it does not count as ok.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from components.aggregate_results.predictions.lines import lines_of
from components.storage import files
from components.storage.uris import join, name_of

_FILE = re.compile(r"w\d+-a(\d+)\.jsonl")


class _Decided(msgspec.Struct):
    key: str
    status: str = ""
    reason: str = ""


def broken_json(run_uri: str) -> Iterator[tuple[str, int, str]]:
    """The key, the attempt and the fault of each; damaged lines are passed over."""
    decode = msgspec.json.Decoder(_Decided).decode
    for uri in files.list_uris(join(run_uri, "prepared", "decisions")):
        named = _FILE.fullmatch(name_of(uri))
        if named is None:
            continue
        with files.open_read(uri) as stream:
            for raw in lines_of(stream, uri):
                try:
                    line = decode(raw or b"")
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue
                if line.status == "bad_json":
                    yield line.key, int(named[1]), line.reason
