"""Settings that a person keeps in a file: names and values, as YAML or JSON."""

from __future__ import annotations

from typing import Any

import yaml

from components.errors import InputError, Intent2BatchError, WrongUse
from components.storage import files

_LONGEST = 2_000_000  # characters; PyYAML takes some seconds for each 100,000 of them


def read_settings(uri: str, what: str) -> dict[str, Any]:
    """The names and values in a file, local or gs://.

    Args:
        uri: the file.
        what: what it is to the person, as in "The parameter file".

    Raises:
        WrongUse: it cannot be read, or holds something else.
    """
    try:
        # The loader is SafeLoader without aliases.
        content = yaml.load(_text(uri), Loader=_PlainLoader)  # noqa: S506
    except Intent2BatchError as error:
        raise WrongUse(f"{what} cannot be read: {_lowered(error.what)}", where=uri) from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise WrongUse(f"{what} cannot be read: {_why_unread(error)}", where=uri) from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise WrongUse(f"{what} must hold names and values, as YAML or JSON", where=uri)
    return content


def _text(uri: str) -> str:
    text = files.read_text(uri)
    if len(text) > _LONGEST:
        raise InputError(f"it holds more than {_LONGEST // 10**6} million characters")
    return text


class _PlainLoader(yaml.SafeLoader):
    """YAML in which nothing stands for something else: ten aliases can mean a billion values."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """As in SafeLoader, but for aliases, which it refuses."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not read here", mark)
        return super().compose_node(parent, index)


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _why_unread(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return f"it is neither YAML nor JSON{place}"
