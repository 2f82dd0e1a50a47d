"""`intent2batch forecast`: what a job will take in time and money, and nothing is sent."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.batch.forecast import Forecast

Prices = Annotated[
    str,
    typer.Option("--prices", metavar="FILE", help="Price file of VMs [the shipped one]."),
]
TaskTime = Annotated[
    str,
    typer.Option("--task-time", metavar="TIME", help="How long a task runs: 90s, 10m, 2h."),
]


def register(app: typer.Typer) -> None:
    """Add the verb `forecast`."""
    app.command("forecast", short_help="Tell what a job takes in time and cost.")(forecast)


def forecast(
    job_file: Annotated[
        str,
        typer.Argument(
            metavar="JOB.json", help="The job, JSON or YAML: a file, a gs:// address, or -."
        ),
    ],
    task_time: TaskTime = "",
    prices: Prices = "",
    region: Annotated[
        str,
        typer.Option("--region", help="Region of the job [the one that it names, or us-central1]."),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell what a Batch job will take in time and cost, as expected and at worst.

    At worst every attempt of every task runs into its limit and all VMs are paid to the end.
    What has no price in the price file makes the cost unknown.
    """
    from components.batch.forecast_words import page
    from components.tables.text import one_line
    from pipelines.cli.streams import print_json

    told = forecast_of(_job(job_file), prices=prices, task_time=task_time, region=region)
    if as_json:
        print_json(told.to_dict())
        return
    for line in page(told):
        sys.stdout.write(one_line(line).rstrip() + "\n")


def forecast_of(
    job: Mapping[str, Any], *, prices: str = "", task_time: str = "", region: str = ""
) -> Forecast:
    """The forecast of a job by what the command line gave.

    Raises:
        WrongUse: the task time is none, or the price file cannot be read.
    """
    from components.batch.forecast import Assumptions
    from components.batch.forecast import forecast as reckoned
    from components.batch.vm_prices import load_vm_prices
    from pipelines.cli.jobs import seconds_of

    given = Assumptions(region=region, task_s=seconds_of(task_time))
    return reckoned(job, load_vm_prices(prices), given)


def _job(job_file: str) -> dict[str, Any]:
    """The job in the file, with errors in it or not.

    Raises:
        WrongUse: the file cannot be read.
        InputError: it holds no JSON or YAML object.
    """
    from components.config.check import validate_bytes
    from components.errors import InputError
    from components.validate_config import formats
    from pipelines.cli.files import read_file, shown_name

    shown = shown_name(job_file)
    checked = validate_bytes(read_file(job_file), shown)
    if checked.job is None:
        sys.stderr.write(formats.as_text(checked.errors, [shown]))
        raise InputError("This is no job", where=shown, fix="Give a Batch job as JSON or YAML.")
    return checked.job
