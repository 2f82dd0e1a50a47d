"""Writes the table of roles in docs/deploy.md: python -m tests.pipelines.access.role_table"""

from __future__ import annotations

from pathlib import Path

from pipelines.access.tables import roles

DOCUMENT = Path(__file__).parents[3] / "docs" / "deploy.md"
BEGIN, END = "<!-- roles -->\n", "<!-- /roles -->"
WHO = {
    "pipelines": "the pipelines' account",
    "tasks": "the tasks' account",
    "ci": "the build's account",
    "person": "a person who starts runs",
}
WHEN = {"": "", "bigquery": " (with `-var bigquery=true`)"}


def table() -> str:
    """The roles as Markdown."""
    lines = ["| who | role | on | why |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {WHO[role.identity]} | `{role.role}` | {role.on} | {role.why}{WHEN[role.when]} |"
        for role in roles()
    ]
    return "\n".join(lines) + "\n"


def with_table(text: str) -> str:
    """The document with the table of today."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
