"""URIs and types of media."""

from __future__ import annotations

import pytest

from components.rows.media import guessed, problem


@pytest.mark.parametrize(
    ("uri", "mime"),
    [
        ("gs://b/a.JPG", "image/jpeg"),
        ("gs://b/v.mp4", "video/mp4"),
        ("https://x.org/a.pdf?x=1.png", "application/pdf"),
        ("gs://b/noending", ""),
        ("gs://b/a.docx", ""),
    ],
)
def test_types_by_ending(uri: str, mime: str) -> None:
    assert guessed(uri) == mime


@pytest.mark.parametrize(
    ("uri", "mime", "words"),
    [
        ("gs://b/a.png", "image/png", ""),
        ("gs://b/a.jpg", "image/jpg", ""),
        ("gs://b/a", "image/png", ""),
        ("gs://b/a.json", "text/plain", ""),
        ("gs://b/a.png", "video/mp4", "looks like image/png"),
        ("gs://b/a", "", "tells no type"),
        ("gs://b/a.docx", "", "Word file"),
        ("gs://b/a.png", "image/fancy", "no media type"),
        ("gs://b", "image/png", "names no file"),
        ("/home/me/a.png", "image/png", "neither"),
        ("", "image/png", "neither"),
    ],
)
def test_problems(uri: str, mime: str, words: str) -> None:
    assert (words in problem(uri, mime)) if words else problem(uri, mime) == ""
