"""Lines as the service writes them, wrote them, and as nobody should."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.aggregate_results.predictions.decode import decode, echo_of, request_of, text_of
from components.aggregate_results.predictions.flatten import flat, object_of
from components.aggregate_results.predictions.judge import Answer, judge
from components.aggregate_results.predictions.key_index import NO_KEY, KeyIndex, ident_of_key
from components.aggregate_results.predictions.lines import halves, lines_of, whole
from components.aggregate_results.predictions.tally import _REFUSAL, Lengths
from components.errors import InputError


def judged(line: Any) -> tuple[Answer, str]:
    decoded = decode(json.dumps(line).encode() if not isinstance(line, bytes) else line)
    assert decoded is not None
    answer = judge(decoded)
    return answer, text_of(answer.literal)[0]


def row(parts: Any, finish: Any = "STOP", **more: Any) -> dict[str, Any]:
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": finish, **more}
    return {"status": "", "response": {"candidates": [candidate]}}


@pytest.mark.parametrize(
    ("line", "status", "text", "reason"),
    [
        (row([{"text": "a"}]), "ok", "a", ""),
        (row({"text": "a"}), "ok", "a", ""),
        (row([{"text": "hm", "thought": True}, {"text": "a"}, {"text": "b"}]), "ok", "ab", ""),
        (row([{"text": None}, {"text": "a", "thoughtSignature": "x"}]), "ok", "a", ""),
        (row([{"text": "a"}], None), "ok", "a", ""),
        (row([{"functionCall": {"name": "f", "args": {}}}]), "ok", '{"name": "f", "args": {}}', ""),
        (row([{"text": "a"}], "MAX_TOKENS"), "truncated", "a", "reached maxOutputTokens"),
        (row([], "MAX_TOKENS"), "truncated", "", "with no text"),
        (row([{"text": "a"}], "SAFETY"), "blocked", "a", "SAFETY"),
        (row(None, "RECITATION", finishMessage="copied"), "blocked", "", "RECITATION: copied"),
        (row([{"text": "a"}], "NEW_REASON_OF_2027"), "failed", "a", "finish reason NEW_REASON"),
        (row([{"text": ""}]), "failed", "", "empty answer"),
        ({"status": "", "response": {"candidates": []}}, "failed", "", "without a reason"),
        ({"status": "", "response": None}, "failed", "", "without a reason"),
        ({"status": ""}, "failed", "", "without a reason"),
        ({"response": {"promptFeedback": {"blockReason": "SAFETY"}}}, "blocked", "", "prompt"),
        ({"status": 'x {"error": {"code": 429, "m": 1}}', "response": {}}, "failed", "", "429: x"),
        ({"status": "503 Service Unavailable"}, "failed", "", "503 Service"),
        ({"status": {"code": 400, "message": "bad"}}, "failed", "", '400: {"code": 400'),
        ({**row([{"text": "a"}]), "status": "Bad"}, "failed", "a", "Bad"),
        ({**row([{"text": "a"}]), "status": "OK"}, "ok", "a", ""),
        ({"status": "", "response": json.dumps(row([{"text": "a"}])["response"])}, "ok", "a", ""),
        (row([{"text": "a"}, {"text": 5}, "odd"]), "ok", "a", ""),
        (row([{"text": "half \ud83d"}]), "ok", "half \ufffd", ""),
        (row("odd", 7), "failed", "", "empty answer"),
        ({"status": "", "response": {"candidates": "odd"}}, "failed", "", "without a reason"),
        (
            {"status": "", "response": {"candidates": [{"finish_reason": "STOP", "score": 1,
             "content": {"parts": [{"text": "a", "thought": 0}]}}]}}, "ok", "a", "",
        ),
    ],
)  # fmt: skip
def test_every_shape_has_a_status(line: Any, status: str, text: str, reason: str) -> None:
    answer, got = judged(line)
    assert (answer.status, got) == (status, text)
    assert reason in answer.reason
    assert bool(answer.reason) == (status != "ok")


def test_tokens_of_thoughts_are_output() -> None:
    line = row([{"text": "a"}])
    line["response"]["usageMetadata"] = {
        "promptTokenCount": 9,
        "candidatesTokenCount": 4,
        "thoughtsTokenCount": 100,
        "cachedContentTokenCount": 2,
        "billablePromptUsage": {"textCount": 1},
    }
    expected = (9, 104, 100, 2)
    answer, _ = judged(line)
    assert (
        answer.prompt_tokens,
        answer.output_tokens,
        answer.thinking_tokens,
        answer.cached_tokens,
    ) == expected
    line["response"]["usageMetadata"] = {"prompt_token_count": "9", "thoughtsTokenCount": 2.0}
    answer, _ = judged(line)
    assert (answer.prompt_tokens, answer.output_tokens) == (9, 2)
    line["response"]["usageMetadata"] = {"promptTokenCount": 2**64, "candidatesTokenCount": 3}
    answer, _ = judged(line)
    assert (answer.prompt_tokens, answer.output_tokens) == (None, 3)
    assert judged(row([{"text": "a"}]))[0].prompt_tokens is None


@pytest.mark.parametrize(
    "line",
    [b"", b"nothing", b"[]", b"7", b'{"status": ""', b"\x00\x00", b"{" * 90_000, b"[" * 90_000],
)
def test_what_is_no_row(line: bytes) -> None:
    assert decode(line) is None
    assert echo_of(line) == b""


def test_a_bomb_inside_a_row_is_passed_over() -> None:
    deep = b"[" * 90_000 + b"]" * 90_000
    line = b'{"key": "a", "status": "", "request": ' + deep + b"}"
    decoded = decode(line)
    assert decoded is None or decoded.echoed_key == "a"
    assert request_of(deep) is None


def test_the_echo_as_an_object_or_as_text() -> None:
    asked = {"contents": []}
    for request in (asked, json.dumps(asked)):
        line = json.dumps({"request": request, "status": ""}).encode()
        assert request_of(echo_of(line)) == asked
    assert echo_of(b'{"request": null}') == b""


def test_lines_in_bounded_memory() -> None:
    data = b"\xef\xbb\xbfa\n" + b"x" * 50 + b"\n" + b"b\r\n" + b"y" * 30 + b"\nlast"
    got = list(lines_of(io.BytesIO(data), limit=20))
    assert got == [b"a\n", None, b"b\r\n", None, b"last"]
    assert list(lines_of(io.BytesIO(b"z" * 99), limit=20)) == [None]
    assert list(lines_of(io.BytesIO(b""))) == []
    with pytest.raises(InputError, match=r"^f: It is UTF-16"):
        list(lines_of(io.BytesIO("a".encode("utf-16")), "f"))


@given(
    data=st.lists(st.sampled_from([b"\n", b"\r\n", b"{}", b"text", b" ", b"\xef\xbb\xbf"])).map(
        b"".join
    ),
    cuts=st.lists(st.integers(0, 60), max_size=3),
    limit=st.sampled_from([3, 10, 1000]),
)
def test_the_parts_of_a_file_hold_each_line_once(data: bytes, cuts: list[int], limit: int) -> None:
    whole = list(lines_of(io.BytesIO(data), limit=limit))
    starts = [0, *sorted(cuts)]
    parts = [
        lines_of(io.BytesIO(data), limit=limit, start=start, end=end)
        for start, end in zip(starts, [*starts[1:], None], strict=True)
    ]
    assert [line for part in parts for line in part] == whole


@pytest.mark.parametrize("sizes", [[], [0], [1], [5], [40], [0, 9, 0], [7, 3, 30], [30, 1, 1]])
def test_two_halves_are_all_lines_of_all_files(tmp_path: Path, sizes: list[int]) -> None:
    uris = [str(tmp_path / f"{n}.jsonl") for n in range(len(sizes))]
    for uri, size in zip(uris, sizes, strict=True):
        Path(uri).write_text("".join(f"{uri} line {n}\n" for n in range(size)))
    first, second = ([(s.file, list(s.lines())) for s in half] for half in halves(uris))
    lines: dict[int, list[bytes | None]] = {}
    for file, part in [*first, *second]:
        lines.setdefault(file, []).extend(part)
    assert {file: part for file, part in lines.items() if part} == {
        span.file: list(span.lines()) for span in whole(uris) if sizes[span.file]
    }
    assert [file for file, _ in [*first, *second]] == sorted(file for file, _ in first + second)
    if sum(sizes) > 1:
        longest = len(f"{uris[0]} line 39\n")
        each = [
            sum(len(line or b"") for _, part in half for line in part) for half in (first, second)
        ]
        assert abs(each[0] - each[1]) <= 2 * longest


def test_what_the_index_was_told_elsewhere_stands_behind_what_it_has() -> None:
    one, two = KeyIndex(), KeyIndex()
    for index, names in ((one, "abc"), (two, "da")):
        for name in names:
            index.add(ident_of_key(name))
    for piece in two.told():
        one.learn(piece)
    one.build()
    assert [one.find(ident_of_key(name)) for name in "abcde"] == [0, 1, 2, 3, -1]
    assert one.pairs() == [(4, 0)]


def test_keys_that_only_look_like_ours_are_others() -> None:
    key = "k" + "0" * 20 + "abcd"
    others = [key.upper(), key.replace("abcd", "ABCD"), key[:-1] + " ", "k " + key[2:], "k" * 25]
    others += [key.replace("00", odd, 1) for odd in ("0x", "0_", "\u06610")]
    idents = {ident_of_key(name) for name in [key, *others]}
    assert len(idents) == 1 + len(others)
    assert ident_of_key(key) == (0, 0xABCD)


def test_the_index_finds_each_key_and_no_other() -> None:
    keys = [f"k{n * 7919:024x}" for n in range(1, 501)] + [f"row {n}" for n in range(500)]
    index = KeyIndex()
    for key in [*keys, keys[3], ""]:
        index.add(ident_of_key(key) if key else NO_KEY)
    assert index.find(ident_of_key(keys[0])) == -1
    index.build()
    assert [index.find(ident_of_key(key)) for key in keys] == list(range(1000))
    assert index.find(ident_of_key("row 500")) == -1
    assert index.pairs() == [(1000, 3)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (' {"a": 1}', {"a": 1}),
        ('```json\n{"a": 1}\n```\n', {"a": 1}),
        ("```\n{}\n```", {}),
        ('```json\n{"a": "```"}\n```\n', {"a": "```"}),
        ('```\n\n {"a": 1} ```', {"a": 1}),
        ('```json {"a": 1}\n```', None),
        ('```json\n{"a": 1}', None),
        ("```", None),
        ("```json\n```", None),
        ("```json\n" + " \n" * 200_000 + "x", None),  # an end that never comes
        ('{"a": 1} and more', None),
        ("[1]", None),
        ("", None),
        ("{" * 90_000, None),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, None),
    ],
)
def test_objects_in_answers(text: str, value: Any) -> None:
    assert object_of(text) == value


def test_names_of_fields_fit_a_header() -> None:
    got = flat({"a\nb\u202e": 1, "n": {"x": {"y": {"z": {}}}}, "l" * 500: 2})
    assert all(name.startswith("answer.") and name.isprintable() for name in got)
    assert all(len(name) <= 100 for name in got)
    assert got["answer.n.x.y.z"] == {}


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("I'm sorry, but I can't help.", True),
        ("I cannot assist with that", True),
        ("I can\u2019t do this", True),
        ("Sorry, I can not", True),
        ("As an AI language model", True),
        ("I can help you", False),
        ("I canoe every day", False),
        ("Image of a cat", False),
        ("The answer is 4. I cannot say more.", False),
    ],
)
def test_what_reads_like_a_refusal(text: str, refusal: bool) -> None:
    assert bool(_REFUSAL.match(text)) is refusal


def test_lengths_are_known_to_a_tenth() -> None:
    lengths = Lengths()
    for length in range(1, 1001):
        lengths.add(length)
    assert lengths.quantile(0.5) == pytest.approx(500, rel=0.1)
    assert lengths.quantile(0.99) == pytest.approx(990, rel=0.1)
    assert Lengths().quantile(0.5) == 0
