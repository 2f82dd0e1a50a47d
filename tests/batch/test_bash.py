"""What tells that a script needs bash."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from components.batch.bash import bash_word

BASH = [
    "if [[ -f x ]]; then echo; fi",
    "set -o pipefail",
    "source ./env",
    "cat <<< x",
    "mapfile -t lines < x",
    "a=(1 2 3)",
    "echo ${a[0]}",
    "echo ${x^^}",
    "echo ${x//a/b}",
    "echo ${!name}",
    "sleep $((RANDOM % 5)); echo $RANDOM",
    "diff <(ls a) <(ls b)",
    "make &> log",
    "for i in {1..9}; do echo $i; done",
    "function go { echo; }",
    "((i++))",
]
PLAIN = [
    "echo hello ${BATCH_TASK_INDEX}",
    'if [ -f "$x" ]; then . ./env; fi',
    "cat <<EOF\nx\nEOF",
    "echo $((1 + 2)) ${x:-y} ${x%.csv} 2>&1 | tee log",
    "awk '{print $1}' data.csv",
    "python3 -c 'print([[1], [2]])'",
]


@pytest.mark.parametrize("script", BASH)
def test_bash_is_seen(script: str) -> None:
    assert bash_word(script)


@pytest.mark.parametrize("script", PLAIN)
def test_plain_shell_is_left_alone(script: str) -> None:
    assert bash_word(script) is None


@pytest.mark.skipif(not shutil.which("dash"), reason="dash is not installed")
@pytest.mark.parametrize("script", PLAIN)
def test_what_is_left_alone_is_read_by_dash(script: str) -> None:
    assert subprocess.run(["dash", "-n", "-c", script], check=False).returncode == 0
