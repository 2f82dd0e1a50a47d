# mypy: disable-error-code="untyped-decorator"
"""The pipeline from words to a finished Batch job. Wiring only: each step's work is its own."""

from kfp import dsl

from components.aggregate_results.component import aggregate_results
from components.decide_submission.component import decide_submission
from components.parse_intent.component import read_the_intent
from components.submit_batch_job.component import submit_batch_job
from components.validate_config.component import check_the_job
from pipelines.run_place import PIPELINE_FOLDER


@dsl.pipeline(name="intent-to-batch", display_name="From words to a finished Batch job")
def intent_to_batch(
    intent: str = "",
    intent_uri: str = "",
    project: str = "",
    region: str = "",
    dry_run: bool = False,
    max_wait_hours: float = 0.0,
    reader: str = "gemini",
    model: str = "",
    results_uri: str = "",
    strict: bool = False,
    max_cost_usd: float = 0.0,
    prices_uri: str = "",
    policy_uri: str = "",
    temperature: float = -1.0,
    prompt_without: str = "",
    adapt_rounds: int = 0,
    adapt_preemptions: int = 2,
    adapt_time: bool = False,
) -> None:
    """Turn an intent into a Google Cloud Batch job, run it, and report what each task did.

    1. Read the intent: the job, the words that led to each field, what was assumed.
    2. Check the job against the rules of Batch, and against the organisation's policy.
    3. Decide whether to submit it: open questions, errors and a budget end the run here.
    4. Submit the job and watch it to its end, or show the request only.
    5. Collect the results: a table of tasks and a report, whatever happened before.

    Args:
        intent: What should run, in plain words; for example "5 tasks that run
            gs://my-bucket/job.sh, at most 2 at once, spot VMs are fine".
        intent_uri: A text file with the intent (gs://bucket/file), read if intent is empty;
            {date} in it is the day of the run.
        project: Id of the project that the job runs in; the project of this run if empty.
        region: Region of the job; the one that the intent names if empty, else us-central1.
        dry_run: Show the exact request and submit nothing.
        max_wait_hours: Cancel the job if it has not ended after so many hours; 0 waits on.
        reader: Who reads the intent: gemini, or offline (rules, no model).
        model: Gemini model that reads the intent; the default if empty.
        results_uri: Folder for results (gs://bucket/folder); {date} in it is the day of the run.
            The run's pipeline root if empty.
        strict: Whether warnings about the job end the run as errors do.
        max_cost_usd: Most that the job may cost at worst, in USD: every attempt of every task
            runs into its time limit. Above it, or where the cost is unknown, nothing is
            submitted; 0 sets no limit.
        prices_uri: Price file of VMs (gs://bucket/file) that machines and costs are reckoned
            with; the shipped one if empty.
        policy_uri: The organisation's policy file (gs://bucket/policy.yaml): regions, machines,
            images, accounts, addresses, tasks and cost that it allows. What breaks it ends the run.
        temperature: Gemini's temperature, 0 to 2; negative for the model's own.
        prompt_without: Parts of Gemini's prompt to leave out, to see what they are worth:
            prompt (all of it), rules, examples; with commas between.
        adapt_rounds: How many further jobs may run tasks again that failed for a reason that a
            change may mend: more memory, standard VMs, another zone or machine; 0: none. All of
            them together keep to max_cost_usd.
        adapt_preemptions: After so many preemptions of a task, the next round is on standard VMs.
        adapt_time: Whether tasks that ran out of time may have more of it in the next round.
    """
    report = aggregate_results(results_uri=results_uri, pipeline_folder=PIPELINE_FOLDER)
    report.set_display_name("Collect the results").set_caching_options(False)
    with dsl.ExitHandler(report, name="From words to a job"):
        read = read_the_intent(
            intent=intent,
            intent_uri=intent_uri,
            reader=reader,
            model=model,
            temperature=temperature,
            prompt_without=prompt_without,
            project=project,
            prices_uri=prices_uri,
            results_uri=results_uri,
            pipeline_folder=PIPELINE_FOLDER,
        )
        read.set_display_name("Read the intent").set_caching_options(False)
        checked = check_the_job(
            job=read.outputs["job"],
            region=region,
            strict=strict,
            policy_uri=policy_uri,
            prices_uri=prices_uri,
            results_uri=results_uri,
            pipeline_folder=PIPELINE_FOLDER,
        )
        checked.set_display_name("Check the job").set_caching_options(False)
        decided = decide_submission(
            dry_run=dry_run,
            region=region,
            max_cost_usd=max_cost_usd,
            prices_uri=prices_uri,
            results_uri=results_uri,
            pipeline_folder=PIPELINE_FOLDER,
        )
        decided.after(checked).set_display_name("Decide whether to submit")
        decided.set_caching_options(False)
        job = checked.outputs["checked_job"]
        with dsl.If(decided.outputs["Output"] == True, name="The job is submitted"):  # noqa: E712 - kfp reads it
            submitted = submit_batch_job(
                job=job,
                project=project,
                region=region,
                max_wait_hours=max_wait_hours,
                dry_run=False,
                adapt_rounds=adapt_rounds,
                adapt_preemptions=adapt_preemptions,
                adapt_time=adapt_time,
                max_cost_usd=max_cost_usd,
                prices_uri=prices_uri,
                policy_uri=policy_uri,
                results_uri=results_uri,
                pipeline_folder=PIPELINE_FOLDER,
            )
            submitted.set_display_name("Submit the job and watch it").set_caching_options(False)
            # For a lost machine: a retry takes the same job up where it stands. One, because a job
            # that has failed fails the retry at once, and on Vertex each takes a new machine.
            submitted.set_retry(num_retries=1)
        with dsl.Else(name="The request is only shown"):
            shown = submit_batch_job(
                job=job,
                project=project,
                region=region,
                dry_run=True,
                results_uri=results_uri,
                pipeline_folder=PIPELINE_FOLDER,
            )
            shown.set_display_name("Show the request").set_caching_options(False)
