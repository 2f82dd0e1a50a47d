"""Builders of tasks and services, which the collecting of results shares."""

from tests.aggregate_results.conftest import make

__all__ = ["make"]
