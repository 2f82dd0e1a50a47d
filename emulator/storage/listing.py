"""The listing of a bucket: folders by delimiter, pages, bounds."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from emulator.messages import ApiError, not_emulated
from emulator.storage.records import Stored
from emulator.storage.resources import whole
from emulator.storage.store import Store

_PAGE = 1000  # the service's default and its most


@dataclass
class Page:
    """One page: objects, "folders", and the token of the next page."""

    items: list[Stored] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    token: str = ""


def page(store: Store, bucket: str, query: Mapping[str, str]) -> Page:
    """The page that the query of `objects.list` asks for.

    Raises:
        ApiError: 404 where there is no bucket, 400 for a query that cannot be answered.
    """
    if query.get("matchGlob"):
        raise not_emulated("'matchGlob' of objects.list")
    limit = min(whole(query, "maxResults") or _PAGE, _PAGE)
    result, last = Page(), ""
    for found in _entries(store, bucket, query, _position(query.get("pageToken", ""))):
        if len(result.items) + len(result.prefixes) == limit:
            result.token = base64.urlsafe_b64encode(last.encode()).decode()
            break
        if isinstance(found, str):
            result.prefixes.append(found)
            last = found
        else:
            result.items.append(found)
            last = found.name
    return result


def _entries(
    store: Store, bucket: str, query: Mapping[str, str], after: str
) -> Iterator[Stored | str]:
    """The objects, and the prefixes that stand for those behind the delimiter, in name order."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    end = query.get("endOffset", "").encode()
    trailing = query.get("includeTrailingDelimiter") == "true"
    group = after if delimiter and after.endswith(delimiter) else ""
    for stored in store.list(bucket, prefix, max(query.get("startOffset", ""), after)):
        if stored.name == after or (group and stored.name.startswith(group)):
            continue
        if end and stored.name.encode() >= end:
            return
        head, found, tail = stored.name[len(prefix) :].partition(delimiter or "\0")
        if not (delimiter and found):
            yield stored
            continue
        group = prefix + head + delimiter
        yield group
        if trailing and not tail:
            yield stored


def _position(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (ValueError, binascii.Error) as error:
        raise ApiError(400, "", "Invalid page token.", "invalid") from error
