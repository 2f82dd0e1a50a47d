# mypy: disable-error-code="untyped-decorator"
"""The KFP declaration of preparing rows."""

from kfp import dsl

from components.worker_image import WORKER_IMAGE


@dsl.component(base_image=WORKER_IMAGE, install_kfp_package=False, packages_to_install=[])
def prepare_the_requests(
    source: str,
    results_uri: str,
    pipeline_folder: str,
    findings: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
    model: str = "",
    template: str = "",
    system_instruction: str = "",
    prices_uri: str = "",
    max_cost_usd: float = 0.0,
    max_failed_ratio: float = 0.1,
    options: str = "",
    dry_run: bool = False,
    count_tokens: bool = False,
    project: str = "",
    location: str = "global",
) -> bool:
    """Turn rows into checked requests and estimate their cost, before anything is paid for.

    Writes prepared/manifest.jsonl (a line for every row), prepared/shards/ (the requests),
    prepared/plan.json and gate.json to the run's folder. Rows that cannot be sent keep their place
    and say why.

    Args:
        source: CSV, XLSX or JSONL file, folder of such, or bq:// table; several on lines of their
            own.
        results_uri: Folder for results, or empty for the run's pipeline root.
        pipeline_folder: This run's own folder below the pipeline root.
        model: Model of rows that name none, or empty for the default of this release.
        template: Prompt over the columns, as in "Translate {{text}} to {{language}}"; empty if a
            column holds the prompt.
        system_instruction: System instruction of rows that have none of their own.
        prices_uri: Price file of your own, or empty for the one that comes with this release.
        max_cost_usd: Send nothing if the estimate is above; 0 is any cost.
        max_failed_ratio: Send nothing if more than this part of the rows cannot be sent.
        options: Further settings as a JSON object, such as {"generation": {"temperature": 0}}, or
            a YAML or JSON file with them.
        dry_run: Only look at the rows; nothing may be sent.
        count_tokens: Let the service count the tokens of some requests for the estimate; free.
        project: Project that counts them.
        location: Where the models are asked.

    Returns:
        findings: Counts, estimate and what is wrong with rows, as a page.
        metrics: Rows by state, requests, tokens and cost by estimate.
        Output: Whether the requests may be sent.
    """
    from components.prepare_requests.count import counter_for
    from components.prepare_requests.step import as_markdown, prepare_step
    from components.reporting import filled, reported, run_folder

    with reported():
        run_uri = run_folder(results_uri, pipeline_folder)
    with reported(run_uri=run_uri):
        prepared = prepare_step(
            filled(source, pipeline_folder),
            run_uri,
            {
                "model": model,
                "template": template,
                "system": system_instruction,
                "prices": prices_uri,
                "max_cost_usd": max_cost_usd,
            },
            options,
            max_failed_ratio=max_failed_ratio,
            dry_run=dry_run,
            count=counter_for(project, location) if count_tokens else None,
        )
        with open(findings.path, "w", encoding="utf-8") as page:
            page.write(as_markdown(prepared))
        for name, value in prepared.plan.metrics().items():
            metrics.log_metric(name, value)
    return prepared.go
