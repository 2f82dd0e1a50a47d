"""A job that the service gave, as the JSON with which the same job could be made again."""

from __future__ import annotations

from typing import Any

from components.batch.names import CONTENT_LABEL, RUN_LABEL

# Output only (comments of the Job proto); the labels are those that Batch sets itself.
_OUTPUT = ("name", "uid", "status", "createTime", "updateTime")
_OURS = (RUN_LABEL, CONTENT_LABEL)  # of the run that made it, which is not the next one's
_PREDEFINED = ("batch-job-id", "batch-job-uid", "batch-node")


def job_json(job: Any) -> dict[str, Any]:
    """The job in camelCase, enums as words, without what the service sets and our two labels.

    Args:
        job: a raw Job message (`batch_v1.Job.pb(job)`).
    """
    from google.protobuf.json_format import MessageToDict

    told: dict[str, Any] = MessageToDict(job)
    for name in _OUTPUT:
        told.pop(name, None)
    for group in told.get("taskGroups", ()):
        group.pop("name", None)
    for holder in (told, told.get("allocationPolicy", {})):
        labels = holder.get("labels", {})
        for name in (*_PREDEFINED, *_OURS):
            labels.pop(name, None)
        if not labels:
            holder.pop("labels", None)
    return told
