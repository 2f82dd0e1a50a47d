"""The number by which the services name a project in their resources."""

from __future__ import annotations

import hashlib


def project_number(project: str) -> str:
    """The number that stands for a project in the names of resources; made from its id.

    The services name their resources by it, whatever the caller wrote.
    """
    if project.isascii() and project.isdigit():
        return project
    made = int(hashlib.sha256(project.encode()).hexdigest()[:12], 16)
    return str(10**11 + made % (9 * 10**11))


def is_project(known: str, named: str) -> bool:
    """Whether `named` is the id or the number of the project."""
    return named in (known, project_number(known))
