"""Regular expressions over what people write take a time that grows with its length alone.

A pattern takes longer than that where it repeats something without end and then may still fail: a
run of n blanks is tried from each of its n places. So every pattern with such a repetition stands
here with the reason why it is linear all the same; a new one has to be thought about.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.prepare_requests.prepare import prepare
from components.prepare_requests.settings import ROLES, settings_from

COMPONENTS = Path(__file__).parents[2] / "components"
CALLS = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
AT_THE_END = "the repetition is the end of the pattern: where it begins it matches"
PROVEN = {
    r"[\s;,]+": AT_THE_END,
    r"[\s\-_]+": AT_THE_END,
    r"[^a-z0-9]+": AT_THE_END,
    r"[\s_]+": AT_THE_END,
    r"([A-Z]{1,3})\d*\Z": "matched at the beginning of a text only",
    r"projects/[^/\s]+/locations/[^/\s]+/models/[^/\s]+\Z": "matched at the beginning only; no "
    "repetition can take the slash after it",
    r"(?:publishers/google/)?models/([^/\s]+)\Z": "matched at the beginning only",
    r"_+([a-z0-9])": "names of more than 100 characters are not looked at (canonical.camel)",
    r'"[^"]*"|\\.|\[[^\]]*\]': "number formats are cut to 255 characters",
    r"\n|,(?=\s*(?:gs://|bq://|/))": "from each comma on it looks at blanks only, and each blank "
    "stands behind one comma",
}


def patterns() -> Iterator[tuple[str, str]]:
    """File and text of every pattern; a pattern that is put together fails here."""
    for folder in ("prepare_requests", "rows"):
        for path in sorted((COMPONENTS / folder).glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if _is_call_of_re(node):
                    yield path.name, ast.literal_eval(node.args[0])


def _is_call_of_re(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return (
        isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and (node.func.attr in CALLS)
    )


def repeats_without_end(pattern: str) -> bool:
    """Whether there is `*`, `+` or `{n,}` that means repetition."""
    plain = re.sub(r"\[\^?\]?(?:\\.|[^\]\\])*\]", "C", pattern.replace("\\\\", "B"))
    plain = re.sub(r"\\.", "E", plain)
    return bool(re.search(r"[*+]|\{\d*,\}", plain))


def test_every_repetition_without_end_is_known_to_be_linear() -> None:
    found = {text: name for name, text in patterns() if repeats_without_end(text)}
    assert set(found) == set(PROVEN)


HOSTILE = [
    " ", "\t", "\n", ",", "; ", "{{", "{{ a", "${output.", "$${output.1", "`", "$", "[", "{", "\\",
    "gs://", "gs://b/a ", "_", "-", "models/", "9", '"', "\ud83d", "aA",
]  # fmt: skip
AROUND = [("", ""), ("gs://b/a.png", "x"), ('["', '"]'), ('{"uri": "', '"}')]
LONG = 49_000  # of a cell; a pattern that is quadratic takes minutes for the 92 of them


@pytest.mark.parametrize("role", ROLES)
def test_a_cell_of_any_role_may_be_hostile(tmp_path: Path, role: str) -> None:
    cells = [begin + sign * (LONG // len(sign)) + end for sign in HOSTILE for begin, end in AROUND]
    rows = [{"prompt": "x", role: cell} for cell in cells]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = prepare([str(tmp_path / "a.jsonl")], str(tmp_path / "run"))
    assert plan.rows == len(cells)


@pytest.mark.parametrize("sign", HOSTILE)
def test_a_template_may_be_hostile_and_so_may_what_goes_into_it(tmp_path: Path, sign: str) -> None:
    long = sign * (LONG // len(sign))
    (tmp_path / "a.jsonl").write_text(json.dumps({"a": long}) + "\n")
    settings = settings_from({"template": f"{{{{{long} {{{{a}}}} ${{output.1}} {long}"}, {})
    assert prepare([str(tmp_path / "a.jsonl")], str(tmp_path / "run"), settings).rows == 1
