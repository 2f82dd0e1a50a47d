"""Files beside the prompts of rows: every form of naming them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.errors import WrongUse
from components.prepare_requests.prepare import prepare
from tests.prepare_requests.prepared import TODAY, csv, jsonl


def test_media_of_a_row(tmp_path: Path) -> None:
    run = csv(
        tmp_path,
        "prompt,image,mime_type\n"
        "what?,gs://b/a.png gs://b/b c.jpg,\n"
        "what?,gs://b/nothing,image/png\n"
        "what?,gs://b/a.docx,\n"
        ",gs://b/a.pdf,\n"
        "what?,/etc/passwd,\n"
        'what?,"[""gs://b/a.mp4""]",\n',
    )
    parts = [
        line["request"]["contents"][0]["parts"] for lines in run.requests.values() for line in lines
    ]
    assert [p.get("fileData", {}).get("mimeType") for p in parts[0]] == [
        "image/png", "image/jpeg", None,
    ]  # fmt: skip
    assert parts[0][1]["fileData"]["fileUri"] == "gs://b/b c.jpg"
    assert parts[2] == [{"fileData": {"fileUri": "gs://b/a.pdf", "mimeType": "application/pdf"}}]
    assert "Word file" in run.reasons()[2]
    assert "neither a gs://" in run.reasons()[4]
    assert "a minute for each audio or video" in run.plan.estimate.how
    assert run.plan.estimate.input_tokens > 3 * 1120


def test_a_media_cell_made_to_be_slow_is_refused(tmp_path: Path) -> None:
    run = jsonl(tmp_path, {"prompt": "x", "media": "gs://b/a.png" + " " * 900_000 + "gs:"})
    assert run.reasons()[0].startswith("bad_media: the cell holds more than")


PNG = {"fileUri": "gs://b/a.png", "mimeType": "image/png"}


BARE = {"fileUri": "gs://b/a", "mimeType": "image/png"}


MEDIA = [
    ("gs://b/a.png", "", [PNG]),
    (" ;gs://b/a.png , ", "", [PNG]),
    ("gs://b/a.png;\n gs://b/a.png", "", [PNG, PNG]),
    ("gs://b/a gs://b/a.png", "image/png", [BARE, PNG]),
    ("gs://b/a,gs://b/a.png", ["image/png", "image/png"], [BARE, PNG]),
    (["gs://b/a.png"], "", [PNG]),
    ({"uri": "gs://b/a", "mime_type": "image/png"}, "", [BARE]),
    ([{"file_uri": "gs://b/a", "mimeType": "image/png"}, "gs://b/a.png"], "", [BARE, PNG]),
    ([{"fileData": BARE}, {"file_data": {"file_uri": "gs://b/a.png"}}], "", [BARE, PNG]),
    ([5], "", "bad_media: 5 names no file"),
    ({"uri": 5}, "", 'bad_media: {"uri":5} names no file'),
    ("[5", "", "bad_media: the list of files is no JSON list"),
    ("gs://b/a", "[5", "bad_media: the list of types is no JSON list"),
    ("gs://b/a", "image/png image/png", "bad_media: 1 files and 2 mime types"),
    (";;", "", "bad_media: contents[0].parts[0].fileData: ';;' is neither"),
]


@pytest.mark.parametrize(("media", "mime", "wanted"), MEDIA, ids=range(len(MEDIA)))
def test_files_in_every_form(tmp_path: Path, media: Any, mime: Any, wanted: Any) -> None:
    run = jsonl(tmp_path, {"prompt": "x", "media": media, "mime_type": mime})
    if isinstance(wanted, str):
        assert run.reasons()[0].startswith(wanted)
        return
    [[line]] = run.requests.values()
    parts = line["request"]["contents"][0]["parts"]
    assert parts == [*({"fileData": file} for file in wanted), {"text": "x"}]


def test_a_prefix_stands_for_the_files_that_begin_so(tmp_path: Path) -> None:
    for name in ("part-1.csv", "part-2.jsonl", "part-3.txt", "other.csv"):
        text = '{"prompt": "x"}\n' if name.endswith("jsonl") else "prompt\nx\n"
        (tmp_path / name).write_text(text)
    plan = prepare([f"{tmp_path}/part-"], str(tmp_path / "run"), today=TODAY)
    assert [Path(source).name for source in plan.sources] == ["part-1.csv", "part-2.jsonl"]
    with pytest.raises(WrongUse, match="There is no such file"):
        prepare([f"{tmp_path}/nothing-"], str(tmp_path / "run"), today=TODAY)


@pytest.mark.parametrize("source", [".", "./", "data", "./data/", "*.csv", "data/*.csv"])
def test_a_folder_stands_for_its_rows_and_not_for_those_of_earlier_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare([_file("data/rows.csv")], "data/runs/one", today=TODAY)
    for name in ("data/runs/one/results.csv", "data/.old/rows.csv", "data/~$rows.csv"):
        _file(name)
    plan = prepare([source], "runs/two", today=TODAY)
    assert plan.sources == ["data/rows.csv"]
    assert prepare(["data/runs/one/results.csv"], "runs/three", today=TODAY).rows == 1


def _file(name: str) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("prompt\nx\n")
    return name
