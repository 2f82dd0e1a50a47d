"""What the preparing step planned, and the jobs that come of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.batch_predict.files import Files
from components.batch_predict.places import Places
from components.batch_predict.shards import Shard, is_table
from components.errors import InputError
from components.gemini.vertex import model_path
from components.tables.formats import dollars


@dataclass(frozen=True)
class Plan:
    """What the preparing step planned.

    Attributes:
        waves: how many, the first included.
        shards: those of the first wave.
        prompt_chars_max: characters of all texts of one request, answers put in; 0: any number.
        jobs_at_once: how many batch jobs are under way; 0: any number.
        online_at_once: how many requests are under way online.
        online_timeout_s: how long one answer may take online.
        estimate: `cost_batch_usd` and `cost_online_usd`, None where unknown; empty: not estimated.
    """

    waves: int
    shards: list[Shard]
    prompt_chars_max: int = 0
    jobs_at_once: int = 0
    online_at_once: int = 4
    online_timeout_s: int = 300
    estimate: Mapping[str, float | None] = field(default_factory=dict)

    def refusal(self, max_cost_usd: float, online_up_to: int) -> str:
        """Why nothing may be sent under a limit on cost; empty where it may be."""
        if not max_cost_usd or not self.estimate:
            return ""
        online = sum(shard.requests for shard in self.shards) <= online_up_to
        cost = self.estimate.get("cost_online_usd" if online else "cost_batch_usd")
        if cost is None:
            return f"What it will cost is unknown, and {dollars(max_cost_usd)} is allowed"
        if cost > max_cost_usd:
            return f"The estimate is {dollars(cost)}, and {dollars(max_cost_usd)} is allowed"
        return ""


def read_plan(files: Files, places: Places) -> Plan:
    """What the preparing step planned.

    Raises:
        InputError: there is no plan, or it is not one.
    """
    uri = places.prepared("plan.json")
    found = files.read(uri)
    if found is None:
        raise InputError("Nothing was prepared", where=uri, fix="Prepare the rows first.")
    try:
        told = json.loads(found.text)
        shards = [
            Shard(str(s["name"]), str(s["model"]), int(s["wave"]), 1, int(s["requests"]))
            for s in told["shards"]
        ]
        limits = (told.get("settings") or {}).get("limits") or {}
        return Plan(
            int(told["waves"]),
            shards,
            int(limits.get("max_prompt_chars", 0)),
            int(limits.get("max_jobs", 0)),
            int(limits.get("max_threads", 4)),
            int(limits.get("row_timeout_s", 300)),
            dict(told.get("estimate") or {}),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"This is no plan ({error})", where=uri, fix="Prepare the rows again."
        ) from error


def job_body(
    name: str, model: str, input_uri: str, output_uri: str, labels: Mapping[str, str]
) -> dict[str, Any]:
    """A batch prediction job as it is sent."""
    source: dict[str, Any] = {
        "instancesFormat": "jsonl", "gcsSource": {"uris": [input_uri]},
    }  # fmt: skip
    target: dict[str, Any] = {
        "predictionsFormat": "jsonl", "gcsDestination": {"outputUriPrefix": output_uri},
    }  # fmt: skip
    if is_table(input_uri):
        source = {"instancesFormat": "bigquery", "bigquerySource": {"inputUri": input_uri}}
        target = {
            "predictionsFormat": "bigquery", "bigqueryDestination": {"outputUri": output_uri},
        }  # fmt: skip
    return {
        "displayName": name,
        "model": model_path(model),
        "inputConfig": source,
        "outputConfig": target,
        "labels": dict(labels),
    }


def beside(table: str, name: str) -> str:
    """A table of its own in the dataset of a table, for the answers of a job of that name."""
    return f"{table.rpartition('.')[0]}.predictions_{name.rpartition('-')[2]}"
