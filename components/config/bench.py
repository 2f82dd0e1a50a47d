"""The job on the workbench: read and changed by path, every change with its reason.

Paths are in JSON names; the job keeps the names that it was written with (`task_groups` stays).
"""

from __future__ import annotations

import copy
import itertools
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from components.batch.findings import Finding, Path, path_text
from components.batch.rules import examine
from components.batch.rules.shape import read_shape
from components.batch.rules.view import JobView

_SNAKE = re.compile(r"(?<!^)(?=[A-Z])")
_ABSENT: Any = object()


@dataclass(frozen=True)
class Change:
    """One change of the job, or of its text.

    Attributes:
        path: the field, in JSON names; empty where the text around it changed.
        before: what stood there; None where nothing did.
        after: what stands there now; None where it was taken out.
        reason: why, for a person.
        certain: whether nothing else can be meant; False for an assumption, which a person
            should look at.
        rule: the rule of the validator that asked for it; empty where the complaint did.
        line: in the text as given, of a change of the text; 0 elsewhere.
    """

    path: str
    before: Any
    after: Any
    reason: str
    certain: bool
    rule: str = ""
    line: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)


@dataclass
class Bench:
    """A job and what was changed of it.

    Attributes:
        job: JSON data as written by the person.
        complaint: what the person says is wrong.
        notes: what else is to be told.
    """

    job: dict[str, Any]
    complaint: str = ""
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _view: JobView | None = field(default=None, repr=False)

    def copy(self) -> Bench:
        """Another bench with the same job, to try something on."""
        return Bench(copy.deepcopy(self.job), self.complaint, list(self.changes), list(self.notes))

    @property
    def view(self) -> JobView:
        """The job as rules see it."""
        if self._view is None:
            self._view = JobView(read_shape(self.job).job)
        return self._view

    def findings(self) -> list[Finding]:
        """What the validator says of the job now."""
        return examine(self.job).findings

    def written(self, path: Path) -> Path:
        """The path in the names of the job, as far as it goes; new names in its style."""
        found: Path = ()
        value: Any = self.job
        for part in path:
            name = self._name(value, part)
            found = (*found, name)
            value = _at(value, name)
        return found

    def _name(self, value: Any, part: str | int) -> str | int:
        if isinstance(part, int) or not isinstance(value, dict) or part in value:
            return part
        snake = _SNAKE.sub("_", part).lower()
        if snake in value:
            return snake
        known = value is self.job or not value
        style = self.job if known else value
        snaky = any("_" in key for key in style if isinstance(key, str))
        camel = any(_SNAKE.search(key) for key in style if isinstance(key, str))
        if not snaky and not camel:
            snaky = any(isinstance(key, str) and "_" in key for key in self.job)
        # Labels and variables have underscores of their own, but nobody adds fields there.
        return snake if snaky and not camel else part

    def get(self, path: Path, default: Any = None) -> Any:
        """The value at the path; the default where there is none."""
        value: Any = self.job
        for name in self.written(path):
            value = _at(value, name)
            if value is _ABSENT:
                return default
        return value

    def has(self, path: Path) -> bool:
        """Whether something stands at the path."""
        return self.get(path, _ABSENT) is not _ABSENT

    def put(
        self, path: Path, value: Any, reason: str, *, certain: bool = False, rule: str = ""
    ) -> None:
        """Write a value, and what has to stand around it; nothing where it stands there already."""
        before = self.get(path, _ABSENT)
        if before is not _ABSENT and before == value and type(before) is type(value):
            return
        written = self.written(path)
        holder = _holder(self.job, written)
        last = written[-1]
        if isinstance(holder, list):
            if not isinstance(last, int) or last > len(holder):
                return
            holder[last : last + 1] = [value]
        elif isinstance(holder, dict):
            holder[last] = value
        else:
            return
        self._tell(path, None if before is _ABSENT else before, value, reason, certain, rule)

    def drop(self, path: Path, reason: str, *, certain: bool = False, rule: str = "") -> None:
        """Take a field or an entry out; nothing where it is not there."""
        before = self.get(path, _ABSENT)
        if before is _ABSENT or not path:
            return
        written = self.written(path)
        holder = _at_path(self.job, written[:-1])
        del holder[written[-1]]
        self._tell(path, before, None, reason, certain, rule)

    def take(self, path: Path) -> None:
        """Take a field out without a word: it is about to be put elsewhere."""
        self.drop(path, "")
        self.changes.pop()

    def rename(self, path: Path, name: str, reason: str, *, certain: bool, rule: str = "") -> None:
        """Give a field another name, in its place among its neighbours."""
        written = self.written(path)
        holder = _at_path(self.job, written[:-1])
        if not isinstance(holder, dict) or written[-1] not in holder or name in holder:
            return
        renamed = {name if key == written[-1] else key: value for key, value in holder.items()}
        holder.clear()
        holder.update(renamed)
        self._tell(path, str(written[-1]), name, reason, certain, rule)

    def _tell(
        self, path: Path, before: Any, after: Any, reason: str, certain: bool, rule: str
    ) -> None:
        self._view = None
        self.changes.append(
            Change(
                path_text(path), copy.deepcopy(before), copy.deepcopy(after), reason, certain, rule
            )
        )


def _at(value: Any, name: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(name, _ABSENT)
    if isinstance(value, list) and isinstance(name, int) and 0 <= name < len(value):
        return value[name]
    return _ABSENT


def _at_path(value: Any, path: Path) -> Any:
    for name in path:
        value = _at(value, name)
    return value


def _holder(job: dict[str, Any], path: Path) -> Any:
    """What holds the last part of the path; objects and lists on the way are made."""
    value: Any = job
    for part, following in itertools.pairwise(path):
        found = _at(value, part)
        if found is _ABSENT or found is None:
            found = [] if isinstance(following, int) else {}
            if isinstance(value, dict):
                value[part] = found
            elif isinstance(value, list) and isinstance(part, int) and part == len(value):
                value.append(found)
            else:
                return None
        value = found
    return value


def told_once(changes: list[Change]) -> list[Change]:
    """The changes without those that later ones undid or overtook at the same path."""
    kept: dict[str, Change] = {}
    loose: list[Change] = []
    for change in changes:
        if not change.path or change.before is None or change.after is None:
            loose.append(change)
            continue
        earlier = kept.get(change.path)
        if earlier is not None and earlier.after == change.before:
            loose.remove(earlier)
            both = _joined(earlier, change)
            kept.pop(both.path)
            if both.before != both.after:
                kept[both.path] = both
                loose.append(both)
            continue
        kept[change.path] = change
        loose.append(change)
    return loose


def _joined(earlier: Change, later: Change) -> Change:
    """Two changes of one value as one."""
    reasons = dict.fromkeys((earlier.reason, later.reason))
    return Change(
        later.path,
        earlier.before,
        later.after,
        "; ".join(reasons),
        earlier.certain and later.certain,
        later.rule or earlier.rule,
        earlier.line,
    )
