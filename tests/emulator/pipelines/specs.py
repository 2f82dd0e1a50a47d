# mypy: disable-error-code="untyped-decorator"
"""Small pipelines that show one thing each."""

import functools
import tempfile
from pathlib import Path

from kfp import compiler, dsl

step = functools.partial(
    dsl.component, base_image="python:3.11", install_kfp_package=False, packages_to_install=[]
)


@step
def write(word: str, n: int, place: str, out: dsl.Output[dsl.Artifact]) -> str:
    with open(out.path, "w") as file:
        file.write(word)
    out.metadata["n"] = n
    return f"{word} {n} {place}"


@step
def same(text: str, item: str, given: dsl.Input[dsl.Artifact]) -> bool:
    with open(given.path) as file:
        return file.read() == item


@step
def fail(word: str) -> str:
    import json
    import os
    import sys

    place = json.loads(sys.argv[sys.argv.index("--executor_input") + 1])["outputs"]["outputFile"]
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place.replace("executor_output", "executor_error"), "w") as file:
        json.dump({"errorMessage": f"The word {word} is wrong."}, file)
    raise SystemExit(1)


@step
def after(word: str) -> str:
    return word


@step
def tell(status: dsl.PipelineTaskFinalStatus, out: dsl.Output[dsl.Artifact]) -> None:
    with open(out.path, "w") as file:
        file.write(f"{status.state} {status.pipeline_job_resource_name}")


@step
def wait(folder: str, stubborn: bool) -> None:
    import pathlib
    import signal
    import time

    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pathlib.Path(folder, "waits").touch()
    time.sleep(600)


@dsl.pipeline(name="everything")
def everything(word: str, n: int = 3) -> None:
    told = tell()
    with dsl.ExitHandler(told, name="All"):
        written = write(
            word=word,
            n=n,
            place=f"{dsl.PIPELINE_ROOT_PLACEHOLDER}/{dsl.PIPELINE_JOB_NAME_PLACEHOLDER}",
        )
        with dsl.ParallelFor(["a", "b"]) as item:
            same(text=written.outputs["Output"], item=item, given=written.outputs["out"])
        gate = same(text="t", item="never", given=written.outputs["out"])
        with dsl.If(gate.output == True):  # noqa: E712 - kfp's comparison
            after(word="never")


@dsl.pipeline(name="fails")
def fails(word: str = "x") -> None:
    after(word=fail(word=word).output)


@dsl.pipeline(name="waits")
def waits(folder: str, stubborn: bool = False) -> None:
    wait(folder=folder, stubborn=stubborn)


@dsl.pipeline(name="short")
def short(word: str = "x", big: float = 0.5, names: list = ["a"], on: bool = False) -> None:  # noqa: B006
    after(word=word)


@functools.cache
def compiled(name: str) -> str:
    """The spec of one of these pipelines."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spec.yaml")
        compiler.Compiler().compile(globals()[name], str(path))
        return path.read_text(encoding="utf-8")
