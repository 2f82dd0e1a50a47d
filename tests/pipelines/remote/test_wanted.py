"""What is asked of a platform is checked before anything is sent."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace

import pytest

import compile as command
from components.errors import WrongUse
from pipelines.remote.wanted import (
    LABEL_KEY,
    LABEL_VALUE,
    OUR_LABEL,
    RUN_ID,
    Wanted,
    check_account,
    check_images,
    read_labels,
    run_id,
    run_parameters,
)
from pipelines.request import Request, reread_spec

NOW = datetime.datetime(2026, 11, 29, 3, 4, 5, tzinfo=datetime.UTC)


def spec(name: str) -> dict:
    return reread_spec((command.GOLDEN / f"{name}.yaml").read_text())


INTENT, ROWS = spec("intent-to-batch"), spec("batch-prediction")


def asked(pipeline: dict, *words: str, text: str | None = None, **more: object) -> dict:
    sources = tuple(text.split()) if text else ()
    request = Request(pipeline="x", words=words, text=text, sources=sources, **more)
    return run_parameters(request, pipeline)


def test_words_become_parameters_of_the_specs_types():
    assert asked(INTENT, "max_cost_usd=3", "strict=true", text="run it") == {
        "intent": "run it",
        "max_cost_usd": 3.0,
        "strict": True,
    }
    rows = asked(ROWS, "attempts=2", text="gs://b/a.csv bq://p.d.t", dry_run=True)
    assert rows == {"source": "gs://b/a.csv\nbq://p.d.t", "attempts": 2, "dry_run": True}


def test_a_file_of_parameters(tmp_path):
    path = tmp_path / "night.yaml"
    path.write_text("source: gs://b/a.csv\nattempts: 2\n")
    assert asked(ROWS, "attempts=4", parameter_file=path)["attempts"] == 4
    path.write_text("source: gs://b/a.csv\nattempts: two\n")
    with pytest.raises(WrongUse, match="parameter attempts: 'two' is not a whole number"):
        asked(ROWS, parameter_file=path)


@pytest.mark.parametrize(
    ("pipeline", "words", "text", "says"),
    [
        (INTENT, ["max_cost_usd=much"], "x", "'much' is not a number"),
        (INTENT, ["dryrun=true"], "x", "Did you mean dry_run"),
        (INTENT, ["intent=a"], "b", "given twice"),
        (INTENT, ["intent=a", "intent_uri=gs://b/c"], None, "as text and as a file"),
        (INTENT, [], None, "The intent is empty"),
        (INTENT, ["intent_uri=intent.txt"], None, "cannot read files of this machine"),
        (INTENT, ["policy_uri=/etc/policy.yaml"], "x", "parameter policy_uri: /etc/policy.yaml"),
        (ROWS, [], None, "No source is named"),
        (ROWS, [], "gs://b/a.csv local.csv", r"parameter source: local\.csv"),
        (ROWS, ["options=options.yaml"], "gs://b/a.csv", r"gcloud storage cp"),
        (ROWS, ["attempts=2.5"], "gs://b/a.csv", "not a whole number"),
        (ROWS, ["count_tokens=1"], "gs://b/a.csv", "Write true or false"),
    ],
)
def test_wrong_parameters(pipeline, words, text, says):
    with pytest.raises(WrongUse, match=says):
        asked(pipeline, *words, text=text)


def test_options_may_be_an_object():
    options = '{"generation":\n {"temperature": 0}}'
    assert asked(ROWS, f"options={options}", text="gs://b/a.csv")["options"] == options


def test_a_spec_without_an_image_is_refused():
    with pytest.raises(WrongUse, match=r"no image yet.*compile\.py --image"):
        check_images(INTENT, "intent-to-batch")
    pinned = json.loads(json.dumps(INTENT).replace("intent2batch-python-worker", "r/w@sha256:1"))
    check_images(pinned, "intent-to-batch")


def test_ids_of_runs():
    new = run_id("", "batch-prediction", NOW, "0a1b")
    assert new == "batch-prediction-20261129030405-0a1b"
    longest = run_id("", "x" * 113, NOW, "0a1b")
    assert RUN_ID.fullmatch(longest)
    assert len(longest) == 128
    assert run_id("night-1", "x", NOW, "0a1b") == "night-1"
    for text in ("Night", "1x", "a_b", "a/b", "x" * 129, "a\n"):
        with pytest.raises(WrongUse, match="cannot be the id of a run"):
            run_id(text, "x", NOW, "0a1b")


def test_labels():
    assert read_labels(["team=night", "a_b=", "k=1-x"]) == {"team": "night", "a_b": "", "k": "1-x"}
    for word in ("team", "Team=x", "team=X", "=x", "1a=x", f"{OUR_LABEL}=x", "a=" + "x" * 64):
        with pytest.raises(WrongUse, match="not a label"):
            read_labels([word])
    with pytest.raises(WrongUse, match="at most 63"):
        read_labels([f"k{n}=x" for n in range(64)])


def test_accounts():
    check_account("")
    check_account("runner@some-project.iam.gserviceaccount.com")
    for account in ("me@example.com", "x", "a b@p.iam.gserviceaccount.com"):
        with pytest.raises(WrongUse, match="not a service account"):
            check_account(account)


def test_the_digest_is_a_label_and_tells_requests_apart():
    first = Wanted(run_id="a", spec=INTENT, parameters={"intent": "x"})
    assert LABEL_KEY.fullmatch(OUR_LABEL)
    assert LABEL_VALUE.fullmatch(first.digest)
    assert replace(first, run_id="b", labels={"k": "v"}).digest == first.digest
    others = [
        replace(first, parameters={"intent": "y"}),
        replace(first, spec=ROWS),
        replace(first, root="gs://b/c"),
        replace(first, service_account="a@p.iam.gserviceaccount.com"),
        replace(first, caching=False),
    ]
    assert len({first.digest, *(other.digest for other in others)}) == len(others) + 1


def test_without_the_cache_no_step_is_cached_and_the_spec_stays():
    before = json.dumps(ROWS)
    wanted = Wanted(run_id="a", spec=ROWS, parameters={}, caching=False)
    tasks = [
        task
        for component in (wanted.run_spec["root"], *wanted.run_spec["components"].values())
        for task in component.get("dag", {}).get("tasks", {}).values()
    ]
    assert tasks
    assert all(task["cachingOptions"] == {"enableCache": False} for task in tasks)
    assert json.dumps(ROWS) == before
    assert replace(wanted, caching=True).run_spec == ROWS
