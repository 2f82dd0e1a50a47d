"""Prepares one source in a process with little memory and little time; prints what came of it."""

from __future__ import annotations

import json
import resource
import sys

MEMORY = 1 << 30  # bytes of address space
SECONDS = 20  # of the processor

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    from components.errors import Intent2BatchError
    from components.prepare_requests.step import prepare_step

    try:
        plan = prepare_step(sys.argv[1], sys.argv[2], {}, "", {}).plan
    except Intent2BatchError as error:
        told = {"error": str(error)}
    else:
        told = {"findings": plan.findings, "counts": plan.finding_counts, "ready": plan.ready}
    sys.stdout.write(json.dumps(told))
