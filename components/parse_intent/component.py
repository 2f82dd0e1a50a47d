# mypy: disable-error-code="untyped-decorator"
"""The KFP declaration of reading the intent."""

from kfp import dsl

from components.worker_image import WORKER_IMAGE


@dsl.component(base_image=WORKER_IMAGE, install_kfp_package=False, packages_to_install=[])
def read_the_intent(
    intent: str,
    intent_uri: str,
    reader: str,
    results_uri: str,
    pipeline_folder: str,
    job: dsl.Output[dsl.Artifact],
    answer: dsl.Output[dsl.Markdown],
    model: str = "",
    temperature: float = -1.0,
    project: str = "",
    location: str = "global",
    prices_uri: str = "",
    prompt_without: str = "",
) -> str:
    """Read the intent and make a Batch job of it, with the reason for every field.

    Writes intent.json to the run's folder, and job.json if a job came out.

    Args:
        intent: What should run, in plain words.
        intent_uri: A text file that holds the intent (gs:// or local); used if intent is empty.
        reader: Who reads it: offline (rules, no network) or gemini.
        results_uri: Folder for results, or empty for the run's pipeline root.
        pipeline_folder: This run's own folder below the pipeline root.
        model: Gemini model; empty for the default. Only for the gemini reader.
        temperature: Gemini's temperature, 0 to 2; negative for the prompt's own.
        project: Project that Gemini is billed to; empty for the run's.
        location: Vertex location of Gemini, such as global or us-central1.
        prices_uri: Price file of VMs, which a machine is chosen by; empty for the shipped one.
        prompt_without: Parts of Gemini's prompt to leave out: prompt (all of it), rules, examples.

    Returns:
        job: The Batch job as JSON; null if none came out.
        answer: What was understood, assumed and left open, as a page.
        Output: config (a job came out), clarify (questions are open) or reject (it cannot be met).
    """
    from components.parse_intent.step import as_markdown, job_text, read_step, reader_settings
    from components.reporting import filled, reported, run_folder

    run_uri = run_folder(results_uri, pipeline_folder)
    with reported(run_uri=run_uri):
        settings = reader_settings(
            reader, project, location, model, temperature, without=prompt_without
        )
        said = read_step(
            intent,
            filled(intent_uri, pipeline_folder),
            run_uri,
            reader=reader,
            settings=settings,
            prices_uri=prices_uri,
        )
        with open(job.path, "w", encoding="utf-8") as file:
            file.write(job_text(said))
        with open(answer.path, "w", encoding="utf-8") as page:
            page.write(as_markdown(said))
    return said.outcome
