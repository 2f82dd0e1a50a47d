"""Starts a run on Vertex AI or Kubeflow, and follows it for the person who waits."""

from __future__ import annotations

import contextlib
import datetime
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from components.errors import InputError, Intent2BatchError, ServiceError, WrongUse
from components.gemini.endpoint import is_local
from components.storage import files
from components.storage.uris import is_gcs, split_gcs
from components.supervision.clock import Clock, stopping_clock
from pipelines import parameters
from pipelines.compiling import PIPELINES, compiled
from pipelines.local_services import check_uploads, make_bucket
from pipelines.remote.results import results_folder, show
from pipelines.remote.run import Platform, Run
from pipelines.remote.wanted import (
    Wanted,
    check_account,
    check_images,
    read_labels,
    run_id,
    run_parameters,
)
from pipelines.remote.watching import follow
from pipelines.request import Request, parse_spec, spec_text
from pipelines.service_errors import NotThereError, UnclearError
from pipelines.templates import fetch

ROOT_VARIABLE = "INTENT2BATCH_ROOT"

Find = Callable[[str, str], tuple[Mapping[str, Any], str]]
CANCELS = 4  # so often a cancel that is not answered is sent
LOOK_S = 20.0  # for a look at the bucket; by itself the client repeats it for two minutes


@dataclass(frozen=True)
class Asked:
    """How a run is to be started.

    Args:
        template: the address of a spec; empty takes the pipeline's own.
        root: the pipeline root; empty takes INTENT2BATCH_ROOT.
        service_account: who runs the steps; the platform's default if empty.
        labels: `KEY=VALUE` words.
        run_id: empty makes a new one.
        caching: False runs every step anew.
        wait: whether to follow the run to its end.
    """

    template: str = ""
    root: str = ""
    service_account: str = ""
    labels: tuple[str, ...] = ()
    run_id: str = ""
    caching: bool = True
    wait: bool = True


def wanted_run(
    request: Request,
    asked: Asked,
    *,
    stand_in: bool,
    root_needed: bool,
    account_check: Callable[[str], None] = check_account,
    find: Find | None = None,
) -> Wanted:
    """What is asked of the platform, checked; only a template is fetched for that.

    Args:
        request: the pipeline and its parameters.
        asked: the rest.
        stand_in: whether the platform is a stand-in, whose steps need no image and no model.
        root_needed: whether the platform has no pipeline root of its own.
        account_check: refuses what cannot be an account of the platform.
        find: finds a spec and its address by pipeline and template; `spec_of` if None.

    Raises:
        WrongUse: says what is wrong.
        InputError: the template is gone.
        ServiceError: it cannot be fetched.
    """
    account_check(asked.service_account)
    labels = read_labels(asked.labels)
    spec, template = (find or spec_of)(request.pipeline, asked.template)
    if not stand_in:
        check_images(spec, request.pipeline)
    given = run_parameters(request, spec)
    if stand_in and "reader" in parameters.declared(spec):
        given.setdefault("reader", "offline")  # a stand-in's answers make no job
    name = str(spec["pipelineInfo"]["name"])
    now = datetime.datetime.now(datetime.UTC)
    return Wanted(
        run_id=run_id(asked.run_id, name, now, secrets.token_hex(2)),
        spec=spec,
        parameters=given,
        root=_root(asked.root, spec, stand_in=stand_in, needed=root_needed),
        template=template,
        service_account=asked.service_account,
        caching=asked.caching,
        labels=labels,
    )


def spec_of(pipeline: str, template: str) -> tuple[Mapping[str, Any], str]:
    """The spec, and its address in Artifact Registry if it is from there."""
    if not template:
        text = spec_text(pipeline) or compiled(pipeline)
        return parse_spec(text, pipeline), ""
    spec, address = fetch(template)
    found = spec["pipelineInfo"]["name"]
    if found != pipeline:
        raise WrongUse(
            f"The template holds the pipeline '{parameters.short(str(found))}'",
            where=template,
            fix=f"Say: run {found}."
            if found in PIPELINES
            else "Give the address of the pipeline that you want to run.",
        )
    return spec, address


def _root(root: str, spec: Mapping[str, Any], *, stand_in: bool, needed: bool) -> str:
    root = root or os.environ.get(ROOT_VARIABLE, "") or str(spec.get("defaultPipelineRoot", ""))
    if not root and stand_in:
        root = f"gs://{os.environ.get('GOOGLE_CLOUD_PROJECT', 'local-project')}-bucket/runs"
    if not root and not needed:
        return ""
    # The bucket that the SDK would choose has a name that others can take before the project does.
    if not is_gcs(root):
        raise WrongUse(
            f"'{parameters.short(root)}' is no folder in a bucket"
            if root
            else "No folder is named where the run keeps its files",
            fix=f"Give --root gs://BUCKET/FOLDER, or set {ROOT_VARIABLE}.",
        )
    split_gcs(root)
    return root.rstrip("/")


def check_bucket(root: str, project: str, region: str) -> None:
    """Refuse a pipeline root whose bucket is not there: the run would fail at its first step.

    A bucket that this person may not look into passes; the steps run as somebody else.

    Raises:
        InputError: there is no such bucket.
    """
    from google.api_core.exceptions import Forbidden, NotFound
    from google.cloud.storage.retry import DEFAULT_RETRY

    from components.storage.client import storage_client, told_plainly

    bucket, _ = split_gcs(root)
    with told_plainly(root, "look at the bucket"):
        try:
            patience = DEFAULT_RETRY.with_timeout(LOOK_S)
            found = storage_client().list_blobs(bucket, max_results=1, retry=patience)
            next(iter(found), None)
        except Forbidden:
            return
        except NotFound as error:
            raise InputError(
                "There is no such bucket",
                where=f"gs://{bucket}",
                fix=f"Make it: gcloud storage buckets create gs://{bucket} --location={region} "
                f"--project={project}; or name another with --root.",
            ) from error


def start(
    platform: Platform,
    wanted: Wanted,
    *,
    wait: bool,
    name: Callable[[str], None],
    out: TextIO,
    say: Callable[[str], None],
    ask: Callable[[str], bool] | None,
) -> int:
    """Start a run, tell how to find it again, and follow it; returns the exit code.

    Args:
        platform: who runs it.
        wanted: what.
        wait: whether to follow it to its end.
        name: writes the run's name.
        out: gets the table of results.
        say: shows one line.
        ask: asks the person yes or no; None where nobody can answer.

    Raises:
        InputError: the request is refused, or another run has the id.
        ServiceError: the platform refuses, or does not answer.
    """
    # Before the call: if its answer is lost with this process, the run can be found again.
    say(f"run id {wanted.run_id}")
    try:
        run = platform.create(wanted)
    except KeyboardInterrupt:
        say(
            f"whether there is a run now is not known; the same command with --run-id "
            f"{wanted.run_id} takes it up, or makes it: it never makes two"
        )
        raise
    name(run.name)
    if run.url:
        say(f"  console:   {run.url}")
    tail = commands_tail(platform, run)
    say(f"  watch it:  intent2batch runs watch {tail}")
    say(f"  cancel it: intent2batch runs cancel {tail}")
    say(f"  results:   intent2batch results {tail}")
    return finish(platform, run, out=out, say=say, ask=ask) if wait else 0


def finish(
    platform: Platform,
    run: Run,
    *,
    out: TextIO,
    say: Callable[[str], None],
    ask: Callable[[str], bool] | None,
) -> int:
    """Follow a run to its end and print what came of it; returns the exit code.

    Ctrl-C ends the following: the person is asked whether the run should end as well.
    """
    with _told_if_left(platform, run, say):
        with stopping_clock() as clock:
            run = follow(platform, run, say=say, clock=clock)
            stopped = clock.stop_asked()
        if not run.has_ended:
            if ask is not None and "Ctrl-C" in stopped and ask("Cancel the run as well?"):
                end(platform, run, say=say)
            else:
                say(_goes_on(platform, run))
            return 130
    try:
        return show(run, results_folder(run), {}, out, say)
    except (InputError, ServiceError) as error:
        # The run ended as it did, whether or not this person may read its folder.
        say(f"the results cannot be read from here: {error}")
        return show(run, "", {}, out, say)


@contextlib.contextmanager
def _told_if_left(platform: Platform, run: Run, say: Callable[[str], None]) -> Iterator[None]:
    """Whatever ends the following, the person learns that the run goes on, and how to find it."""
    try:
        yield
    except NotThereError:
        raise
    except (Intent2BatchError, KeyboardInterrupt) as error:
        if isinstance(error, UnclearError):
            error.fix = ""  # the command again would start another run
        say(_goes_on(platform, run))
        raise


def _goes_on(platform: Platform, run: Run) -> str:
    tail = commands_tail(platform, run)
    return (
        f"the run goes on; watch it: intent2batch runs watch {tail}; "
        f"cancel it: intent2batch runs cancel {tail}"
    )


def end(platform: Platform, run: Run, *, say: Callable[[str], None]) -> Run:
    """Cancel a run and wait until nothing of it is left running; returns how it ended."""
    with stopping_clock() as clock:
        if not run.has_ended:
            _cancel(platform, run, clock)
            say("cancelling; its steps cancel their jobs")
        return follow(platform, run, say=say, clock=clock, told=run)


def _cancel(platform: Platform, run: Run, clock: Clock) -> None:
    """Ask for the end of a run, again where that is not clearly answered: twice does no harm."""
    pause, longest = platform.poll_s
    for left in reversed(range(CANCELS)):
        try:
            platform.cancel(run.id)
            return
        except UnclearError as error:
            if not left:
                tail = commands_tail(platform, run)
                error.fix = f"The run goes on; cancel it again: intent2batch runs cancel {tail}."
                raise
            clock.sleep(pause)
            pause = min(pause * 2, longest)


def commands_tail(platform: Platform, run: Run) -> str:
    """What a command adds to name a run: its full name tells project and region already."""
    return run.name if "/" in run.name else f"{run.name} {platform.options}"


def put_files(words: tuple[str, ...]) -> None:
    """Copy `LOCAL=gs://bucket/path` files into their buckets; a stand-in makes the bucket, too."""
    for path, uri in check_uploads(words):
        if is_local():
            make_bucket(split_gcs(uri)[0])
        files.upload(path, uri)
