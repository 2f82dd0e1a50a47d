"""Markers where secrets are, both pipelines run, and everything that they leave behind searched.

What a person wrote into the words stays in the files that the job is made from, as it cannot be
made without; what a model says is the answer, which the tables bring. Nothing else holds either,
and nothing at all holds what the steps' own processes know: environment, credentials, tokens.
"""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

from components.storage import files
from emulator.faults import Fault
from emulator.launch import Emulator
from tests.chaos.playing import BUCKET, Platform, Told

IN_ENVIRONMENT = "marker-of-the-environment-7f3a91"
IN_WORDS = "marker-of-the-words-22c08d"
IN_REPLY = "marker-of-the-reply-90be4c"
INTENT = ("Run `test ${BATCH_TASK_INDEX} -ne 1` as 2 tasks, both at once, with the environment "
          f"variable DB_PASSWORD={IN_WORDS}")  # fmt: skip
# What the job is made from.
OF_THE_JOB = {"intent.json", "job.json", "submission.json", "job", "checked_job"}
# What the answers are brought in; the predictions are the service's own files.
OF_THE_ANSWERS = {"results.jsonl", "results.csv", "results.xlsx", "report.html", "report",
                  "predictions.jsonl"}  # fmt: skip


def test_secrets_stay_where_they_are(emulator: Emulator, tmp_path: Path) -> None:
    """One test, as what runs the steps takes seconds to start."""
    names = ("DATABASE_PASSWORD", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "INTENT2BATCH_TOKEN")
    environment = dict.fromkeys(names, IN_ENVIRONMENT)
    with Platform(emulator, tmp_path / "emulator", tmp_path / "steps", environment) as platform:
        check_words_to_a_job(platform)
        check_a_refusal(platform)
        check_rows_to_answers(platform)


def secrets_of_the_process(emulator: Emulator) -> list[str]:
    """What the steps' processes know and never say, as regular expressions."""
    account = json.loads(Path(emulator.environment["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    key = account["private_key"].splitlines()[1:-1]
    token = r"local-[0-9a-f]{32}"  # as the emulator makes them
    return [IN_ENVIRONMENT, "Bearer ", token, *map(re.escape, key[:3])]


def holders(platform: Platform, folder: str, secret: str) -> set[str]:
    """The names of all files that hold it: of the run's folder and of the steps' outputs."""
    uris = [*files.list_uris(folder), *files.list_uris(str(platform.outputs("")))]
    assert len(uris) > 10
    return {uri.rpartition("/")[2] for uri in uris if is_in(secret, uri)}


def is_in(secret: str, uri: str) -> bool:
    """Whether the regular expression is found in the file, or in a part of a workbook."""
    data = files.read_bytes(uri)
    texts = [data]
    if uri.endswith(".xlsx"):
        with files.open_read(uri) as stream, zipfile.ZipFile(stream) as book:
            texts = [book.read(name) for name in book.namelist()]
    return any(re.search(secret.encode(), text) for text in texts)


def words_to_job(platform: Platform, folder: str) -> None:
    place = {"results_uri": "", "pipeline_folder": folder}

    def steps() -> None:
        said = {"intent": INTENT, "intent_uri": "", "reader": "offline"}
        platform.step("read-the-intent", {**said, **place})
        job = str(platform.outputs("read-the-intent") / "job")
        platform.step("check-the-job", place, {"job": job})
        job = str(platform.outputs("check-the-job") / "checked_job")
        platform.step("decide-submission", {**place, "dry_run": False})
        more = {"project": platform.emulator.project, "region": "", "dry_run": False}
        platform.step("submit-batch-job", {**place, **more}, {"job": job})

    status = platform.pipeline(steps)
    platform.step("aggregate-results", {**place, "status": status})


def check_words_to_a_job(platform: Platform) -> None:
    folder = f"{BUCKET}/secrets/intent-to-batch-1/1"
    with platform.run("words", Told(faults=[Fault("batch.CreateJob")])):
        words_to_job(platform, folder)
    assert holders(platform, folder, IN_WORDS) <= OF_THE_JOB
    assert "submission.json" in holders(platform, folder, IN_WORDS)  # it searches what is there
    for secret in secrets_of_the_process(platform.emulator):
        assert holders(platform, folder, secret) == set()


def check_a_refusal(platform: Platform) -> None:
    """Errors of the service go to a person word by word, and bring nothing of the request."""
    folder = f"{BUCKET}/secrets/intent-to-batch-2/2"
    with platform.run("refused", Told(faults=[Fault("batch.CreateJob", status=403, count=9)])):
        words_to_job(platform, folder)
    error = (platform.outputs("submit-batch-job") / "executor_error.json").read_text()
    assert "403" in error
    assert holders(platform, folder, IN_WORDS) <= OF_THE_JOB
    for secret in secrets_of_the_process(platform.emulator):
        assert holders(platform, folder, secret) == set()


def check_rows_to_answers(platform: Platform) -> None:
    emulator = platform.emulator
    folder = f"{BUCKET}/secrets/batch-prediction-1/1"
    source = f"{BUCKET}/secrets/rows.csv"
    files.write_text(source, "prompt,model\nthe key please,gemini-3.5-flash\n")
    reply = {"text": f"api_key={IN_REPLY}"}
    rules = {"rules": [{"match": "the key please", "answer": reply}]}
    platform.post(f"{emulator.urls['vertex']}/_emulator/model", rules)
    place = {"results_uri": "", "pipeline_folder": folder}
    where = {"project": emulator.project, "location": "us-central1"}

    def steps() -> None:
        asked = {"source": source, "count_tokens": True}
        platform.step("prepare-the-requests", {**place, **where, **asked})
        platform.step("batch-predict", {**place, **where})

    with platform.run("rows", Told(faults=[Fault("vertex.GetBatchPredictionJob", count=2)])):
        status = platform.pipeline(steps)
        platform.step("collect-the-answers", {**place, "status": status})
    assert status["state"] == "SUCCEEDED"
    found = holders(platform, folder, IN_REPLY)
    assert "results.jsonl" in found
    assert found <= OF_THE_ANSWERS
    for secret in secrets_of_the_process(emulator):
        assert holders(platform, folder, secret) == set()
