"""The listing of a bucket: folders by delimiter, pages, bounds."""

from __future__ import annotations

import base64
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
    for found, position in _entries(store, bucket, query, _position(query.get("pageToken", ""))):
        if len(result.items) + len(result.prefixes) == limit:
            result.token = base64.urlsafe_b64encode(last.encode()).decode()
            break
        last = position
        if isinstance(found, str):
            result.prefixes.append(found)
        else:
            result.items.append(found)
    return result


def _entries(
    store: Store, bucket: str, query: Mapping[str, str], position: str
) -> Iterator[tuple[Stored | str, str]]:
    """The objects, and the prefixes that stand for those behind the delimiter, in name order.

    Each comes with the position behind it: `o` and the name of an object; `p` and a prefix; `t`
    and a prefix whose placeholder, the object of the same name, has been listed too.
    """
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    end = query.get("endOffset", "")
    trailing = query.get("includeTrailingDelimiter", "").lower() == "true"
    kind, after = position[:1], position[1:]
    group = after if kind in ("p", "t") else ""
    for stored in store.list(bucket, prefix, max(query.get("startOffset", ""), after)):
        name = stored.name
        if end and name >= end:
            return
        if (kind == "o" and name == after) or (group and name.startswith(group)):
            if trailing and kind == "p" and name == group:
                yield stored, "t" + group
            continue
        head, found, _ = name[len(prefix) :].partition(delimiter or "\0")
        if not (delimiter and found):
            yield stored, "o" + name
            continue
        group = prefix + head + delimiter
        yield group, "p" + group
        if trailing and name == group:
            yield stored, "t" + group


def _position(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise ApiError(400, "", "Invalid page token.", "invalid") from error
