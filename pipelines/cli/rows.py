"""`intent2batch prepare`, `predict` and `aggregate`: from rows to answers, step by step."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from components.prepare_requests.settings import Settings

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's folder, local or gs://.")]
Project = Annotated[
    str, typer.Option("--project", help="Id of the project [GOOGLE_CLOUD_PROJECT].")
]
Location = Annotated[
    str, typer.Option("--location", help="Where the models are asked: global, us, eu, a region.")
]
Prices = Annotated[
    str, typer.Option("--prices", metavar="FILE", help="Price file of models [the shipped one].")
]
MaxFailed = Annotated[
    float, typer.Option("--max-failed-ratio", min=0, max=1, help="Part of the rows that may fail.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the three verbs."""
    app.command(
        "prepare", short_help="Check rows of prompts and estimate their cost; sends nothing."
    )(prepare)
    app.command("predict", short_help="Send prepared rows to Gemini and wait for the answers.")(
        predict
    )
    app.command(
        "aggregate", short_help="Bring every row back with its answer, as tables and a page."
    )(aggregate)


def prepare(
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE", help="CSV, XLSX or JSONL files, folders of such, or a bq:// table."
        ),
    ],
    out: Annotated[
        str, typer.Option("--out", metavar="RUN", help="The run's folder [runs/SOURCE-TIME].")
    ] = "",
    model: Annotated[str, typer.Option("--model", help="Model of rows that name none.")] = "",
    template: Annotated[
        str,
        typer.Option("--template", metavar="TEXT", help='Such as "Translate {{text}} to French".'),
    ] = "",
    system: Annotated[
        str, typer.Option("--system", metavar="TEXT", help="System instruction of all rows.")
    ] = "",
    options: Annotated[
        str,
        typer.Option(
            "--options", metavar="FILE", help="Further settings: a YAML or JSON file, or JSON."
        ),
    ] = "",
    max_cost: Annotated[
        float,
        typer.Option(
            "--max-cost",
            metavar="USD",
            min=0,
            show_default=False,
            help="Most that it may cost [no limit].",
        ),
    ] = 0.0,
    max_failed_ratio: MaxFailed = 0.1,
    prices: Prices = "",
    count: Annotated[
        bool, typer.Option("--count", help="Let the service count tokens of some requests; free.")
    ] = False,
    project: Project = "",
    location: Location = "global",
    template_only: Annotated[
        str,
        typer.Option(
            "--template-only", metavar="FILE.xlsx", help="Only write the results' empty workbook."
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Turn rows into checked requests and estimate their cost; nothing is sent or paid.

    Prints the run's folder. Ends with 1 where nothing may be sent.
    """
    from components.prepare_requests import step
    from components.prepare_requests.count import counter_for
    from components.prepare_requests.terminal import prepared_lines
    from pipelines.cli.streams import print_json, say

    given = {
        "model": model,
        "template": template,
        "system": system,
        "prices": prices,
        "max_cost_usd": max_cost,
    }
    if template_only:
        _write_template(source, template_only, step.settings_of(given, options))
        return
    run_uri = out or _new_run(source[0])
    prepared = step.prepare_step(
        "\n".join(source),
        run_uri,
        given,
        options,
        max_failed_ratio=max_failed_ratio,
        count=counter_for(project, location) if count else None,
        progress=_say_rows,
    )
    for line in prepared_lines(prepared):
        say(line)
    if as_json:
        told = {"run": run_uri, "go": prepared.go, "reason": prepared.reason}
        print_json(told | prepared.plan.to_dict())
    else:
        sys.stdout.write(f"{run_uri}\n")
    if not prepared.go:
        raise typer.Exit(1)
    where = "" if run_uri.startswith("gs://") else " --staging gs://BUCKET/FOLDER"
    say(f"  send them: intent2batch predict {run_uri} --project PROJECT{where}, or with --local")


def predict(
    run: Run,
    project: Project = "",
    location: Location = "global",
    staging: Annotated[
        str,
        typer.Option(
            "--staging", metavar="gs://…", help="Where jobs read and write, if RUN is local."
        ),
    ] = "",
    attempts: Annotated[
        int, typer.Option("--attempts", min=1, help="How often a request may be sent.")
    ] = 3,
    max_cost: Annotated[
        float,
        typer.Option(
            "--max-cost",
            metavar="USD",
            min=0,
            show_default=False,
            help="Send nothing more above this cost [no limit].",
        ),
    ] = 0.0,
    max_failed_ratio: MaxFailed = 0.1,
    online_up_to: Annotated[
        int,
        typer.Option(
            "--online-up-to",
            metavar="N",
            min=0,
            show_default=False,
            help="Ask rounds of at most N requests one by one, at twice the price [none].",
        ),
    ] = 0,
    deadline: Annotated[
        str, typer.Option("--deadline", metavar="TIME", help="Cancel what goes on after: 90m, 2d.")
    ] = "4d",
    answers_table: Annotated[
        str,
        typer.Option(
            "--answers-table", metavar="bq://…", help="For a bq:// table [one beside it]."
        ),
    ] = "",
    prices: Prices = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was stopped, with what is left.")
    ] = False,
    local: Annotated[
        bool, typer.Option("--local", help="Against stand-ins on this machine; answers made up.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send what was prepared to Gemini in batches and wait for the answers; Ctrl-C cancels.

    The same command again goes on where it was, after Ctrl-C with --resume; nothing is sent or paid
    twice.
    """
    from dataclasses import asdict

    from components.batch_predict.predict import Settings
    from components.batch_predict.run_step import predict_run
    from components.errors import WorkFailed
    from components.tables.formats import dollars, plural
    from pipelines.cli.streams import print_json, say

    settings = Settings(
        deadline_s=_seconds(deadline),
        attempts=attempts,
        max_cost_usd=max_cost,
        online_up_to=online_up_to,
        answers_table=answers_table,
        resume=resume,
    )
    _check_run(run, here=local)
    collect = f"  collect them: intent2batch aggregate {run}"
    try:
        with _stand_ins(run, project, staging) if local else _as_given(project, staging) as where:
            summary = predict_run(
                run,
                project=where[0],
                location=location,
                staging_uri=where[1],
                prices_uri=prices,
                settings=settings,
                max_failed_ratio=max_failed_ratio,
                say=say,
            )
    except WorkFailed:  # what came back is there all the same
        say(collect)
        raise
    if as_json:
        print_json(asdict(summary))
    else:
        answered = summary.rows - summary.unanswered
        sys.stdout.write(
            f"{answered:,} of {plural(summary.rows, 'row')} answered, "
            f"{plural(summary.jobs, 'job')}, {dollars(summary.spent_usd)}\n"
        )
    say(collect)


def aggregate(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run's folder; without it, --rows.")
    ] = "",
    rows: Annotated[
        str,
        typer.Option(
            "--rows", metavar="FILE", help="Requests that were sent elsewhere, as JSON Lines."
        ),
    ] = "",
    outputs: Annotated[
        list[str] | None,
        typer.Option("--outputs", metavar="FOLDER", help="Their outputs; may be repeated."),
    ] = None,
    out: Annotated[str, typer.Option("--out", metavar="FOLDER", help="Where to write [RUN].")] = "",
    formats: Annotated[
        str, typer.Option("--format", metavar="LIST", help="Of jsonl, csv, xlsx, html.")
    ] = "jsonl,csv,xlsx,html",
    excel: Annotated[
        bool, typer.Option("--excel", help="Begin the CSV with the byte mark that Excel wants.")
    ] = False,
    formula_guard: Annotated[
        bool,
        typer.Option(
            "--formula-guard/--no-formula-guard",
            help="Put ' before CSV text that a spreadsheet would run as a formula.",
        ),
    ] = True,
    prices: Prices = "",
    as_json: AsJson = False,
) -> None:
    """Bring every row back in order, with its answer or the reason why not.

    Writes results.jsonl, .csv, .xlsx, results_summary.json and report.html.
    """
    from components.aggregate_results.predictions import aggregate as answers
    from components.aggregate_results.predictions.terminal import print_answers
    from components.rows.prices import load_prices
    from pipelines.cli.streams import print_json

    _check_what(run, rows, outputs, out)
    options = answers.Options(
        formats=[name.strip() for name in formats.split(",") if name.strip()],
        excel_mark=excel,
        formula_guard=formula_guard,
        price=load_prices(prices).cost,
    )
    if run:
        summary = answers.aggregate_predictions(run, out_uri=out, options=options)
    else:
        summary = answers.aggregate_outputs(rows, outputs or [], out, options=options)
    if as_json:
        print_json(summary.to_dict())
    else:
        print_answers(summary, sys.stdout)


def _write_template(source: list[str], place: str, settings: Settings) -> None:
    from components.prepare_requests.template_workbook import write_template
    from components.tables.formats import plural
    from pipelines.cli.streams import say

    rows = write_template("\n".join(source), place, settings, progress=_say_rows)
    say(f"{plural(rows, 'row')}; nothing was sent")
    sys.stdout.write(f"{place}\n")


def _say_rows(rows: int) -> None:
    from pipelines.cli.streams import say

    if rows % 100_000 == 0:
        say(f"{rows:,} rows read")


def _new_run(source: str) -> str:
    """A folder that no other run has."""
    from pipelines.cli.submit import new_run

    return f"runs/{new_run(source)}"


def _seconds(text: str) -> float:
    from components.errors import WrongUse
    from pipelines.cli.jobs import seconds_of

    seconds = seconds_of(text)
    if seconds is None:
        raise WrongUse("The deadline is empty", fix="Write 90m, 2h or 4d.")
    return seconds


@contextmanager
def _as_given(project: str, staging: str) -> Iterator[tuple[str, str]]:
    yield project, staging


@contextmanager
def _stand_ins(run: str, project: str, staging: str) -> Iterator[tuple[str, str]]:
    """Stand-ins for as long as the step goes; their state lies in the run's folder."""
    from components.storage.uris import join
    from pipelines.local_request import STAGING
    from pipelines.local_services import services, stand_in_project

    with services(Path(run, "services")):
        known = project or stand_in_project()
        yield known, staging or join(f"gs://{known}-bucket", STAGING)


def _check_what(run: str, rows: str, outputs: list[str] | None, out: str) -> None:
    from components.errors import WrongUse
    from components.storage.files import exists

    if run and (rows or outputs):
        raise WrongUse("A run knows its own rows", fix="Give RUN, or --rows with --outputs.")
    if run:
        _check_run(run)
    elif not (rows and outputs and out):
        raise WrongUse(
            "Nothing to collect", fix="Give RUN, or --rows FILE --outputs FOLDER --out FOLDER."
        )
    elif not exists(rows):
        raise WrongUse("There is no such file", where=rows)


def _check_run(run: str, *, here: bool = False) -> None:
    from components.errors import WrongUse
    from components.storage.files import exists
    from components.storage.uris import is_gcs, join

    if here and is_gcs(run):
        raise WrongUse("With --local the run's folder is one on this machine", where=run)
    if not exists(join(run, "prepared", "plan.json")):
        raise WrongUse("This is not the folder of a run", where=run, fix="Prepare rows first.")
