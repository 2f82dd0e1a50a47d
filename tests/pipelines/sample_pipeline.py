"""A pipeline with what the spec linter judges: loop, gate, exit handler, nesting."""

from kfp import dsl

from components.worker_image import WORKER_IMAGE

thin = dsl.component(base_image=WORKER_IMAGE, install_kfp_package=False, packages_to_install=[])


@thin
def plan(text: str) -> list:
    """Plan the work.

    Args:
        text: What to do.
    """
    return [{"key": text}]


@thin
def work(item: dict, folder: str, made: dsl.Output[dsl.Dataset]) -> str:
    """Do one piece of work.

    Args:
        item: The piece.
        folder: Where results go.
    """
    return folder


@thin
def decide(parts: list) -> bool:
    """Decide on the rest.

    Args:
        parts: What was done.
    """
    return bool(parts)


@thin
def finish(text: str, data: dsl.Input[dsl.Dataset]) -> str:
    """Finish.

    Args:
        text: What to say.
    """
    return text


@thin
def report(folder: str, status: dsl.PipelineTaskFinalStatus) -> str:
    """Report.

    Args:
        folder: Where results are.
    """
    return folder


@dsl.pipeline(name="nested-part")
def nested(text: str, data: dsl.Input[dsl.Dataset]) -> str:
    return finish(text=text, data=data).set_display_name("Finish the part").output


@dsl.pipeline(name="sample")
def sample(text: str = "a", careful: bool = True):
    """Show every construct.

    Args:
        text: What to do.
        careful: Whether to be careful.
    """
    folder = f"{dsl.PIPELINE_ROOT_PLACEHOLDER}/{dsl.PIPELINE_JOB_ID_PLACEHOLDER}"
    last = report(folder=folder).set_display_name("Report")
    with dsl.ExitHandler(last, name="Everything"):
        planned = plan(text=f"do {text}").set_display_name("Plan")
        with dsl.ParallelFor(planned.output, parallelism=2, name="Each piece") as item:
            done = work(item=item, folder=folder).set_display_name("Work")
        gate = decide(parts=dsl.Collected(done.outputs["Output"])).set_display_name("Decide")
        with dsl.If(gate.output == True, name="Go on"):  # noqa: E712 - kfp reads the comparison
            one = work(item={"key": text}, folder=folder).set_display_name("Work once more")
            nested(text=text, data=one.outputs["made"]).set_display_name("Nested part")
        with dsl.Else(name="Stop"):
            work(item={}, folder=folder).set_display_name("Tidy up")
        with dsl.If(careful == True, name="Be careful"):  # noqa: E712
            plan(text=text).set_display_name("Plan again")
