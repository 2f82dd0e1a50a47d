"""The emulator that the tests of a module share."""

from tests.emulator.pipelines.place import made_place

__all__ = ["made_place"]
