"""What changed between two built jobs, made to a third: the person's own, of any form.

The own job may hold fields that no draft has, other names (snake_case) and other forms of the
same value. So it is touched only where the two built ones differ; all else keeps its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# Objects whose names are the person's; elsewhere task_count and taskCount are one field.
NAMED_BY_PEOPLE = frozenset({"variables", "secretVariables", "labels", "commands"})
# Of these an object holds one: with the field goes all that stands in it.
ONE_OF = frozenset(
    {"container", "script", "barrier", "newDisk", "existingDisk", "gcs", "nfs", "policy"}
)
_HUMP = re.compile(r"(?<!^)(?=[A-Z])")


def patched(value: Any, old: Any, new: Any, field: str = "") -> Any:
    """The value with what is different between old and new.

    Args:
        value: JSON data of the person's job; never changed in place.
        old: what was read of it, as the builder writes it.
        new: the same after the edit.
        field: the name of the field that holds them.
    """
    if old == new:
        return value
    if isinstance(value, dict) and isinstance(old, dict) and isinstance(new, dict):
        return _object(value, old, new, field)
    if isinstance(value, list) and _objects(old) and _objects(new):
        return _list(value, old, new)
    return new


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _object(
    value: dict[str, Any], old: dict[str, Any], new: dict[str, Any], field: str
) -> dict[str, Any]:
    result = dict(value)
    for key in [*old, *(key for key in new if key not in old)]:
        name = key if field in NAMED_BY_PEOPLE else _written(value, key)
        if key not in old:
            # Read as absent, yet there in a form that was not understood: what is asked now holds.
            result[name] = _merged(value.get(name), new[key])
        elif key not in new or old[key] != new[key]:
            left = _changed(value.get(name), old[key], new.get(key), key)
            if left in (None, {}, []):
                result.pop(name, None)
            else:
                result[name] = left
    return result


def _changed(value: Any, old: Any, new: Any, field: str) -> Any:
    """One field's value after the edit; empty where nothing is left of it."""
    if new is None and (field in ONE_OF or not isinstance(old, dict | list)):
        return None
    if isinstance(old, dict) and (new is None or isinstance(new, dict)):
        return patched({} if value is None else value, old, new or {}, field)
    if _objects(old) and (new is None or _objects(new)):
        return patched([] if value is None else value, old, new or [], field)
    return new


def _merged(value: Any, new: Any) -> Any:
    """A new part beside what stands there already."""
    if isinstance(value, dict) and isinstance(new, dict):
        return value | {key: _merged(value.get(key), item) for key, item in new.items()}
    if isinstance(value, list) and _objects(new):
        return [*value, *new]
    return new


def _written(value: dict[str, Any], key: str) -> str:
    """The name under which the person's job has a field; a new one is named as its neighbours."""
    snake = _HUMP.sub("_", key).lower()
    if key in value or snake == key:
        return key
    spoken = any("_" in name for name in value) and not any(_HUMP.search(name) for name in value)
    return snake if snake in value or spoken else key


def _list(value: list[Any], old: list[Any], new: list[Any]) -> list[Any]:
    """A list of objects: each keeps what only the person's job knows of it, wherever it moves."""
    homes = _homes(old, value)
    result: list[Any] = []
    place: dict[int, int] = {}  # of the person's items in the result
    for item, i in zip(new, matched(old, new), strict=True):
        home = homes.get(i) if i is not None else None
        if home is None or i is None:
            if i is None or old[i] != item:  # a default of the builder is none of the person's job
                result.append(item)
        else:
            place[home] = len(result)
            result.append(patched(value[home], old[i], item))
    unknown = [k for k in range(len(value)) if k not in homes.values()]
    for k in reversed(unknown):
        before = [place[home] for home in place if home < k]
        result.insert(max(before) + 1 if before else 0, value[k])
    return result


def _homes(old: list[Any], value: list[Any]) -> dict[int, int]:
    """Which item of the person's list each item that was read stands for."""
    homes: dict[int, int] = {}
    for i, item in enumerate(old):
        free = [k for k in range(len(value)) if k not in homes.values()]
        if not free:
            break
        leaves = _leaves(item)
        scores = {k: len(leaves & _leaves(value[k])) for k in free}
        homes[i] = max(free, key=lambda k: (scores[k], -abs(k - i)))
    return homes


def matched(old: list[Any], new: list[Any]) -> list[int | None]:
    """For each new item the place of the old one that it was; None where it is a new one.

    Equal items first; then what shares a value; then what has the same fields in the same place.
    """
    found: list[int | None] = [None] * len(new)
    free = set(range(len(old)))

    def take(j: int, i: int) -> None:
        found[j] = i
        free.discard(i)

    for j, item in enumerate(new):
        same = [i for i in free if old[i] == item]
        if same:
            take(j, j if j in same else min(same))
    for j, item in enumerate(new):
        if found[j] is not None or not free:
            continue
        leaves = _leaves(item)
        scores = {i: len(leaves & _leaves(old[i])) for i in free}
        best = max(free, key=lambda i: (scores[i], -abs(i - j)))
        if scores[best] or (j in free and _shape(old[j]) == _shape(item)):
            take(j, best if scores[best] else j)
    return found


def _shape(item: Any) -> set[str]:
    return set(item) if isinstance(item, dict) else set()


def _leaves(value: Any, path: tuple[str, ...] = ()) -> set[tuple[tuple[str, ...], str]]:
    """Every single value with its path, names and numbers written alike."""
    if isinstance(value, dict):
        parts = [
            _leaves(item, (*path, key.replace("_", "").lower())) for key, item in value.items()
        ]
        return set().union(*parts) if parts else {(path, "{}")}
    if isinstance(value, list):
        parts = [_leaves(item, path) for item in value]
        return set().union(*parts) if parts else {(path, "[]")}
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return {(path, text)}


def changes(
    before: Any, after: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Any, Any]]:
    """Path, value before and value after of each difference; None where it is not there.

    Objects of a list that moved or came are told by the place that they have now, those that went
    by the place that they had; a list whose objects only changed places is one difference.
    """
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from changes(before.get(key), after.get(key), (*path, key))
    elif _objects(before) and _objects(after) and before and after:
        was = matched(before, after)
        kept = [i for i in was if i is not None]
        if kept != sorted(kept):
            yield path, before, after
            return
        for i, item in enumerate(before):
            if i not in kept:
                yield (*path, i), item, None
        for j, (old, item) in enumerate(zip(was, after, strict=True)):
            yield from changes(before[old] if old is not None else None, item, (*path, j))
    else:
        yield path, before, after
