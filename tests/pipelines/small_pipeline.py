"""Three steps that do as they are told, for tests of what runs them."""

from kfp import dsl

from components.worker_image import WORKER_IMAGE

thin = dsl.component(base_image=WORKER_IMAGE, install_kfp_package=False, packages_to_install=[])


@thin
def first(mode: str, pipeline_folder: str) -> bool:
    """Do as told.

    Args:
        mode: What to do.
        pipeline_folder: Where to.
    """
    import logging
    import os
    import pathlib
    import signal
    import sys

    from components.errors import InputError
    from components.reporting import reported

    folder = pathlib.Path(pipeline_folder)
    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("quiet").info("not for people")
    logging.getLogger("loud").warning("careful")
    sys.stderr.write("here \x1b[2J I am\n")
    with reported():
        if mode == "fail":
            raise InputError("The intent is empty", fix="Say what should run.")
        if mode == "crash":
            raise ValueError("a defect")
        if mode == "fail once" and not (folder / "tried").exists():
            (folder / "tried").touch()
            raise InputError("Not this time")
        if mode in ("wait", "stubborn"):
            if mode == "stubborn":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            (folder / "process").write_text(str(os.getpid()))
            sys.stderr.write("waiting\n")
            sys.stderr.flush()
            while True:
                signal.pause()
    return mode != "no"


@thin
def second(pipeline_folder: str):
    """Leave a mark.

    Args:
        pipeline_folder: Where to.
    """
    import pathlib

    from components.reporting import reported

    with reported():
        pathlib.Path(pipeline_folder, "second").touch()


@thin
def last(pipeline_folder: str, status: dsl.PipelineTaskFinalStatus):
    """Leave a mark, too.

    Args:
        pipeline_folder: Where to.
    """
    import json
    import pathlib

    from components.reporting import reported

    with reported():
        folder = pathlib.Path(pipeline_folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "last.json").write_text(json.dumps({"state": status.state}))


@dsl.pipeline(name="small")
def small(mode: str = "go"):
    """Do as told.

    Args:
        mode: What to do.
    """
    folder = "/".join(
        (
            dsl.PIPELINE_ROOT_PLACEHOLDER,
            dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
            dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        )
    )
    report = last(pipeline_folder=folder).set_display_name("Report")
    with dsl.ExitHandler(report, name="Both steps"):
        told = first(mode=mode, pipeline_folder=folder).set_display_name("Do as told").set_retry(1)
        with dsl.If(told.output == True, name="Go on"):  # noqa: E712 - kfp reads the comparison
            second(pipeline_folder=folder).set_display_name("Leave a mark")
