# mypy: disable-error-code="untyped-decorator"
"""The pipeline from rows to answers. Wiring only: each step's work is its own."""

from kfp import dsl

from components.aggregate_results.predictions.component import collect_the_answers
from components.batch_predict.component import batch_predict
from components.prepare_requests.component import prepare_the_requests
from pipelines.run_place import PIPELINE_FOLDER


@dsl.pipeline(name="batch-prediction", display_name="From rows to answers")
def batch_prediction(
    source: str = "",
    model: str = "",
    template: str = "",
    system_instruction: str = "",
    project: str = "",
    location: str = "global",
    max_cost_usd: float = 0.0,
    max_failed_ratio: float = 0.1,
    dry_run: bool = False,
    attempts: int = 3,
    online_up_to: int = 0,
    deadline_hours: float = 96.0,
    count_tokens: bool = True,
    csv_for_excel: bool = False,
    options: str = "",
    prices_uri: str = "",
    results_uri: str = "",
    staging_uri: str = "",
    answers_table: str = "",
) -> None:
    """Send rows of prompts to Gemini in batches, and bring every row back with its answer.

    1. Prepare the requests: rows become checked requests; nothing is paid for yet.
    2. Ask the models: batch prediction jobs, watched to their end; what has no answer is sent
       again where that helps. Rows that cost too much or hold too many mistakes are not sent.
    3. Collect the answers: tables and a report with every row, whatever happened before.

    Args:
        source: CSV, XLSX or JSONL file (gs://bucket/file), a folder of such, or one bq:// table;
            several on lines of their own. {date} in it is the day of the run.
        model: Gemini model of rows that name none; the default of this release if empty.
        template: Prompt over the columns, such as "Translate {{text}} to {{language}}"; empty if
            a column holds the prompt. ${output.1} in it is the answer to row 1.
        system_instruction: System instruction of rows that have none of their own.
        project: Id of the project that the jobs run in; the project of this run if empty.
        location: Where the models are asked: global, us, eu or a region.
        max_cost_usd: Send nothing if the estimate is above, and send nothing again once so much
            was spent; 0 is any cost.
        max_failed_ratio: The part of the rows that may fail. If more cannot be sent, nothing is
            sent; if more are left without an answer, the run fails.
        dry_run: Only prepare and estimate; nothing is sent.
        attempts: How often a request may be sent.
        online_up_to: Ask rounds of at most so many requests one by one, at once and at twice the
            price; a batch of three rows can wait for hours. 0 is never.
        deadline_hours: Cancel what has not ended after so many hours.
        count_tokens: Let the service count the tokens of some requests for the estimate; free.
        csv_for_excel: Begin the CSV with the byte mark by which Excel knows UTF-8.
        options: Further settings as a JSON object, such as {"generation": {"temperature": 0}}, or
            a YAML or JSON file with them.
        prices_uri: Price file of your own; the one that comes with this release if empty.
        results_uri: Folder for results (gs://bucket/folder); {date} in it is the day of the run.
            The run's pipeline root if empty.
        staging_uri: Folder in Cloud Storage for the jobs' files, if the run's folder is elsewhere.
        answers_table: The bq:// table for the answers to a bq:// table; a new one beside it if
            empty.
    """
    collected = collect_the_answers(
        results_uri=results_uri,
        pipeline_folder=PIPELINE_FOLDER,
        prices_uri=prices_uri,
        csv_for_excel=csv_for_excel,
    )
    collected.set_display_name("Collect the answers").set_caching_options(False)
    with dsl.ExitHandler(collected, name="From rows to answers"):
        prepared = prepare_the_requests(
            source=source,
            model=model,
            template=template,
            system_instruction=system_instruction,
            max_cost_usd=max_cost_usd,
            max_failed_ratio=max_failed_ratio,
            dry_run=dry_run,
            count_tokens=count_tokens,
            project=project,
            location=location,
            options=options,
            prices_uri=prices_uri,
            results_uri=results_uri,
            pipeline_folder=PIPELINE_FOLDER,
        )
        prepared.set_display_name("Prepare the requests").set_caching_options(False)
        with dsl.If(dry_run == False, name="The requests are sent"):  # noqa: E712 - kfp reads it
            asked = batch_predict(
                project=project,
                location=location,
                max_cost_usd=max_cost_usd,
                max_failed_ratio=max_failed_ratio,
                attempts=attempts,
                online_up_to=online_up_to,
                deadline_hours=deadline_hours,
                prices_uri=prices_uri,
                staging_uri=staging_uri,
                answers_table=answers_table,
                results_uri=results_uri,
                pipeline_folder=PIPELINE_FOLDER,
            )
            asked.after(prepared).set_display_name("Ask the models").set_caching_options(False)
            # For a lost machine: a retry takes the same jobs up where they stand.
            asked.set_retry(num_retries=1)
