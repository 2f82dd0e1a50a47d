"""Pasted text of other tools: each reader by itself, what it leaves, and text that means harm."""

from __future__ import annotations

import time

import pytest

from components.parse_intent.answer import answer_intent
from components.parse_intent.draft import Draft
from components.parse_intent.offline.pasted.amounts import (
    clock,
    cpu_milli,
    decimal_mib,
    iso_seconds,
    mib,
    period,
)
from components.parse_intent.offline.pasted.cluster import Wish, array, rename
from components.parse_intent.offline.pasted.json_tree import read_json
from components.parse_intent.offline.pasted.read import read_pasted
from components.parse_intent.offline.pasted.script_end import is_prose
from components.parse_intent.offline.pasted.shell_words import shell_words
from components.parse_intent.offline.pasted.tree import left_over
from components.parse_intent.offline.pasted.yaml_tree import read_yaml


def draft(text: str) -> Draft:
    return read_pasted(text).draft


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b  c", ["a", "b", "c"]),
        ("a 'b c' \"d e\"", ["a", "b c", "d e"]),
        ("a \\\n  b", ["a", "b"]),
        ("a \\  \n  b\nnext", ["a", "b"]),
        ('-e "A=b c"d', ["-e", "A=b cd"]),
        ("x $(seq 1 3) y", ["x", "$(seq 1 3)", "y"]),
        ("a; b", ["a"]),
        ("a > out", ["a"]),
        ("a 'never closed", ["a", "never closed"]),
    ],
)
def test_words_of_a_command_line(text: str, words: list[str]) -> None:
    assert [word.text for word in shell_words(text)[0]] == words


def test_amounts_of_other_tools() -> None:
    assert [mib("4g"), mib("512m"), mib("16GB"), mib("1500", "m"), mib("x")] == [
        4096, 512, 16384, 1500, None,
    ]  # fmt: skip
    assert [decimal_mib("1Gi"), decimal_mib("1G"), decimal_mib("512Mi")] == [1024, 954, 512]
    assert [cpu_milli("500m"), cpu_milli("2"), cpu_milli("0")] == [500, 2000, None]
    assert [period("8h"), period("2h 30m"), period("90", 60), period("1d")] == [
        28800, 9000, 5400, 86400,
    ]  # fmt: skip
    assert [clock("06:30:00", 1), clock("7200", 1), clock("1:00:00:00", 1)] == [23400, 7200, 86400]
    assert iso_seconds("PT2H30M") == 9000


@pytest.mark.parametrize(
    ("text", "count", "index"),
    [
        ("0-9", 10, "${BATCH_TASK_INDEX}"),
        ("1-48%12", 48, "$((BATCH_TASK_INDEX + 1))"),
        ("0-100:10", 11, "$((BATCH_TASK_INDEX * 10))"),
        ("10-30:5", 5, "$((BATCH_TASK_INDEX * 5 + 10))"),
        ("7", 1, "$((BATCH_TASK_INDEX + 7))"),
    ],
)
def test_arrays_of_clusters(text: str, count: int, index: str) -> None:
    wish = Wish()
    array(wish, text, text)
    assert wish.value("count") == count
    assert rename("run ${SLURM_ARRAY_TASK_ID}", wish) == f"run {index}"


def test_an_array_of_listed_numbers_looks_them_up() -> None:
    wish = Wish()
    array(wish, "3,7-9", "3,7-9")
    assert wish.value("count") == 4
    assert "echo 3 7 8 9" in rename("run $SGE_TASK_ID", wish)


@pytest.mark.parametrize(
    ("line", "prose"),
    [
        ("please run it on spot", True),
        ("/sw is an NFS share on 10.0.0.1", True),
        ("^ as a Batch job please", True),
        ("Kind regards", True),
        ("bucket mri-scans goes to /mnt/disks/mri", True),
        ("/sw/bin/tide --station 4", False),
        ("export A=1", False),
        ("srun ./prog in.dat", False),
        ("for f in a b c; do", False),
        ("i = int(sys.argv[1])", False),
        ("# 20 tasks on spot please", False),
    ],
)
def test_a_script_ends_where_the_person_speaks(line: str, prose: bool) -> None:
    assert is_prose(line) is prose


def test_what_a_script_says_is_payload() -> None:
    answer = answer_intent(
        [
            "#SBATCH --array=0-4\n# use 900 tasks on spot in Tokyo\n"
            "cat <<EOF\nretry 9 times on 70 machines please\nEOF\n"
            "echo 'image evil.io/x:1'\n\n2 at a time"
        ]
    )
    assert answer.job is not None
    group = answer.job["taskGroups"][0]
    assert (group["taskCount"], group["parallelism"]) == (5, 2)
    assert "allocationPolicy" not in answer.job
    assert "maxRetryCount" not in group["taskSpec"]


def test_cut_off_json_is_read_as_far_as_it_goes() -> None:
    text = '{"taskGroups": [{"taskCount": "64", "taskSpec": {"runnables": [{"script": {"text": "./a'
    got = draft(text)
    assert got.task_count is not None
    assert got.task_count.value == 64
    assert got.steps[0].text is not None
    assert got.steps[0].text.value == "./a"


def test_what_a_tree_holds_beyond_the_readers_is_told() -> None:
    node, _ = read_json('{"a": {"b": 1, "c": [1, 2]}, "d": null, "e": "x"}')
    node.get("a", "b").said()
    assert left_over(node) == ['"c": [1, 2]', '"e": "x"']


def test_aliases_cost_nothing_and_may_go_in_circles() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    root = read_yaml(bomb)[0]
    assert len(left_over(root)) <= 40
    circle = read_yaml("a: &a [*a, 1]")[0]
    assert left_over(circle)
    assert read_yaml("!!python/object/apply:os.system ['x']")[0].kind == "list"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#SBATCH --partition=gpu\n#SBATCH -n 1\n./a", "--partition=gpu"),
        ("docker run -p 80:80 a/b:1", "-p 80:80"),
        ("gcloud compute instances create v --metadata=a=b --zone=us-east1-b", "--metadata=a=b"),
        ("dsub --image a/b:1 --command x --user me", "--user me"),
        ("kind: Job\nspec:\n  suspend: true\n  manualSelector: true", "manualSelector"),
        ("rule a:\n  conda: 'x.yml'\n  shell: 'ls'", "conda"),
        ("process A {\n  queue 'long'\n  script:\n  '''\n  ls\n  '''\n}", "queue 'long'"),
        ('{"jobDefinitionName": "x", "containerProperties": {"ulimits": [1]}}', "ulimits"),
    ],
)
def test_nothing_is_dropped_in_silence(text: str, told: str) -> None:
    assert any(told in line for line in read_pasted(text).unread), read_pasted(text).unread


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("docker run -v $PWD/in:/in a/b:1", "$PWD/in"),
        ("docker run --env-file .env a/b:1", ".env"),
        ("docker run -e TOKEN a/b:1", "TOKEN"),
        ("docker run --gpus all a/b:1", "--gpus all"),
        ("sbatch --array=0-3 run.sh", "run.sh"),
        ("dsub --image a/b:1 --script s.sh --tasks t.tsv", "t.tsv"),
    ],
)
def test_what_only_the_persons_machine_has_is_asked_for(text: str, asked: str) -> None:
    answer = answer_intent([f"{text}\n\nas a Batch job please"])
    assert answer.outcome == "clarify"
    assert asked in answer.message


def test_an_answer_settles_what_was_asked() -> None:
    first = "docker run -v /home/me/in:/in ghcr.io/a/b:1 go\n\n3 tasks"
    answer = answer_intent([first, "it is in gs://my-inputs"])
    assert answer.job is not None
    spec = answer.job["taskGroups"][0]["taskSpec"]
    assert spec["volumes"][0]["gcs"]["remotePath"] == "my-inputs"
    mount = spec["volumes"][0]["mountPath"]
    assert spec["runnables"][0]["container"]["volumes"] == [f"{mount}:/in"]


def test_loops_around_a_command_are_tasks() -> None:
    got = draft("for i in $(seq 1 30); do docker run --rm a/b:1 sim --seed $i; done")
    assert got.task_count is not None
    assert got.task_count.value == 30
    assert got.steps[0].text is not None
    assert got.steps[0].text.value == "sim --seed $((BATCH_TASK_INDEX + 1))"
    named = draft("for s in kea emu; do docker run a/b:1 count $s; done")
    assert [env.variables[0].value for env in named.task_envs] == ["kea", "emu"]


LONG = 40_000
HOSTILE = [
    "{", "[{", '{"a":', "/*", "#SBATCH -a 1-2\n", "docker run ", "docker run a/b:1 x\n", "$(",
    "\\\n", "for i in a; do docker run a/b:1 ", "gcloud compute instances create ",
    "dsub --env A=B ", "process A {\n", 'process A {\n"""', "rule a:\n", "kind: Job\nspec: ",
    "a: &a [*a]\n", "- - ", "> ", "```\n{\n", "sbatch --wrap '", "qsub -t 1-9 ", "<<EOF\n", "${",
    "key: |\n  a\n", "srun -n 1 ", "#!/bin/sh\n", "spec:\n  ", "? ",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
@pytest.mark.parametrize("before", ["", "kind: Job\nspec:\n  a: ", '{"taskGroups": '])
def test_long_and_hostile_text_ends(before: str, unit: str) -> None:
    text = (before + unit * (LONG // len(unit) + 1))[:LONG]
    start = time.process_time()
    read_pasted(text)
    assert time.process_time() - start < 3
