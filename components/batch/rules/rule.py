"""What a rule is: an id, a severity, where the rule is from, and a pure function of the job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from components.batch.findings import Finding, Path, Severity, path_text

if TYPE_CHECKING:
    from components.batch.rules.view import JobView


@dataclass(frozen=True)
class Problem:
    """What a rule's function reports; the rule adds its id and its severity.

    Attributes:
        path: the place in the job.
        message: what is wrong with the value, and the limit.
        fix: what to do; may be empty.
        severity: where it differs from the rule's own.
    """

    path: Path
    message: str
    fix: str = ""
    severity: Severity | None = None


Look = Callable[["JobView"], Iterable[Problem]]

# Nobody reads more of one rule, and a job made to be slow must not be.
MOST_FINDINGS = 100


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: its name in findings, for example `RETRY_RANGE`.
        severity: of its findings, unless one says otherwise.
        source: where the rule is from: P = comments of the proto, Q = quotas page, TS =
            troubleshooting page, CJ and CB = guides for creating jobs, GPU, SSD, ST = guides of
            these names, X = an experiment with the client, use = judgement or reported practice.
        about: one sentence, for lists of rules.
        look: finds the problems; None for rules that are found while the text is read.
    """

    id: str
    severity: Severity
    source: str
    about: str
    look: Look | None = field(default=None, compare=False)

    def findings(self, job: JobView, most: int) -> Iterator[Finding]:
        """The findings of this rule about one job, at most so many."""
        if self.look is not None:
            for problem in islice(self.look(job), most):
                yield self.finding(problem)

    def finding(self, problem: Problem) -> Finding:
        """One problem as a finding of this rule."""
        return Finding(
            rule=self.id,
            severity=problem.severity or self.severity,
            path=path_text(problem.path),
            message=problem.message,
            fix=problem.fix,
        )


class RuleSet:
    """The rules of one file, in the order in which they are written there."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def rule(self, rule_id: str, severity: Severity, source: str) -> Callable[[Look], Look]:
        """Enter a function as a rule; the first line of its docstring says what it is about."""

        def enter(look: Look) -> Look:
            about = (look.__doc__ or "").strip().splitlines()[0]
            self.rules.append(Rule(rule_id, severity, source, about, look))
            return look

        return enter


def shown(value: object, limit: int = 60) -> str:
    """A value of the job as it may stand in a message: quoted, short, on one line."""
    text = value if isinstance(value, str) else repr(value)
    if not text:
        return "an empty text"
    text = "".join(c if c.isprintable() else " " for c in text[: limit + 1])
    return f"`{text[:limit]}…`" if len(text) > limit else f"`{text}`"
