"""The texts that the cells of a workbook share: in a file on disk, however many they are."""

from __future__ import annotations

from array import array
from typing import IO
from xml.parsers import expat

from components.prepare_requests.xlsx_cells import cell_text
from components.prepare_requests.xlsx_parts import Parts


class Texts:
    """Texts on disk, found by number: 8 bytes of memory each."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._ends = array("Q", [0])

    def add(self, text: str) -> None:
        """The next text."""
        data = text.encode("utf-8", "replace")
        self._file.write(data)
        self._ends.append(self._ends[-1] + len(data))

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self._ends) - 1:
            raise IndexError(number)
        start = self._ends[number]
        self._file.seek(start)
        return self._file.read(self._ends[number + 1] - start).decode()


def shared_texts(parts: Parts, file: IO[bytes]) -> Texts:
    """The texts of the workbook, set down in the file."""
    texts = Texts(file)
    name = next((n for n in parts.sizes if n.lower() == "xl/sharedstrings.xml"), "")
    if not name:
        return texts
    parser = expat.ParserCreate()
    pieces: list[str] = []
    state = {"text": 0, "phonetic": 0, "size": 0}

    def start(tag: str, _: dict[str, str]) -> None:
        tag = tag.rsplit(":", 1)[-1]
        if tag == "si":
            pieces.clear()
            state["size"] = 0
        state["phonetic"] |= tag == "rPh"
        state["text"] = tag == "t" and not state["phonetic"]

    def end(tag: str) -> None:
        tag = tag.rsplit(":", 1)[-1]
        state["text"] = 0
        if tag == "rPh":
            state["phonetic"] = 0
        elif tag == "si":
            texts.add(cell_text("".join(pieces)))

    def data(text: str) -> None:
        if state["text"]:
            pieces.append(text)
            state["size"] += len(text)
            parts.check_length(state["size"])

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = data
    parts.parse_all(name, parser)
    file.flush()
    return texts
