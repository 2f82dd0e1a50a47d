"""Media of a request: where it is, and which type it is."""

from __future__ import annotations

from pathlib import PurePosixPath

# Types that Gemini on Vertex reads (docs: image, video, audio and document understanding, 2026-11).
BY_ENDING = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mov",
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpg",
    ".avi": "video/avi",
    ".wmv": "video/wmv",
    ".webm": "video/webm",
    ".flv": "video/x-flv",
    ".3gp": "video/3gpp",
    ".mp3": "audio/mp3",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".aac": "audio/aac",
    ".ogg": "audio/ogg",
    ".opus": "audio/opus",
    ".m4a": "audio/m4a",
    ".aiff": "audio/aiff",
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".html": "text/html",
    ".htm": "text/html",
    ".xml": "text/xml",
    ".json": "application/json",
    ".css": "text/css",
    ".py": "text/x-python",
    ".js": "text/javascript",
    ".rtf": "text/rtf",
}
_SAME = {
    "image/jpg": "image/jpeg",
    "video/quicktime": "video/mov",
    "video/x-ms-wmv": "video/wmv",
    "video/x-msvideo": "video/avi",
    "audio/mpeg": "audio/mp3",
    "audio/x-wav": "audio/wav",
    "audio/mp4": "audio/m4a",
    "audio/x-m4a": "audio/m4a",
    "text/xml": "application/xml",
}
_KNOWN = frozenset({*BY_ENDING.values(), *_SAME, *_SAME.values(), "audio/webm", "audio/pcm"})
_NOT_READ = {
    ".doc": "Word",
    ".docx": "Word",
    ".ppt": "PowerPoint",
    ".pptx": "PowerPoint",
    ".xls": "Excel",
    ".xlsx": "Excel",
    ".zip": "zip",
    ".svg": "SVG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".psd": "Photoshop",
}


def guessed(uri: str) -> str:
    """The mime type by the ending of the name; empty where the ending tells none."""
    return BY_ENDING.get(_ending(uri), "")


def problem(uri: str, mime: str) -> str:
    """What is wrong with a file's URI and type together, with what to do; empty where nothing.

    Whether the object exists is not looked up: a batch may name a million of them.
    """
    if not uri.startswith(("gs://", "https://", "http://")):
        return f"'{_short(uri)}' is neither a gs:// nor an https:// URI"
    scheme, _, rest = uri.partition("://")
    bucket, _, name = rest.partition("/")
    if not bucket or (scheme == "gs" and not name) or any(c.isspace() for c in bucket):
        return f"'{_short(uri)}' names no file"
    if not mime:
        kind = _NOT_READ.get(_ending(uri))
        if kind:
            return f"'{_short(uri)}' is a {kind} file, which Gemini does not read; use PDF or PNG"
        return f"the ending of '{_short(uri)}' tells no type; give its mime type"
    if mime.lower() not in _KNOWN:
        return f"'{_short(mime)}' is no media type that Gemini reads"
    by_name = guessed(uri)
    if by_name and _family(by_name) != _family(mime):
        return f"'{_short(uri)}' looks like {by_name}, and its type says {mime}"
    return ""


def _ending(uri: str) -> str:
    return PurePosixPath(uri.split("?", 1)[0].split("#", 1)[0]).suffix.lower()


def _family(mime: str) -> str:
    family = mime.split("/", 1)[0].lower()
    return "text" if family == "application" else family


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "…"
