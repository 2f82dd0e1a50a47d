"""Compiles, checks and pins the pipeline specs.

python compile.py                             write dist/<pipeline>.yaml
python compile.py --image NAME@sha256:…       the same, every step pinned to that image
python compile.py --image … --notify ADDRESS   the variant for Vertex that mails how a run ended
python compile.py --image … --upload https://REGION-kfp.pkg.dev/PROJECT/REPOSITORY
                                              upload them to Artifact Registry as well
python compile.py --check                     compare with tests/golden/ and lint; writes nothing
python compile.py --update                    write tests/golden/ anew
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from components.errors import Intent2BatchError
from components.tables.text import visible
from pipelines.compiling import PIPELINES, compiled
from pipelines.notification import recipients
from pipelines.spec_linter import lint

ROOT = Path(__file__).parent
GOLDEN = ROOT / "tests" / "golden"
UPDATE = "python compile.py --update"
WITH_MAIL = "-with-mail"
GOLDEN_RECIPIENT = "someone@example.com"


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks; returns the exit code."""
    options = parse_arguments(argv)
    try:
        return work(options)
    except Intent2BatchError as error:
        say(f"compile.py: {error}")
        return error.exit_code


def work(options: argparse.Namespace) -> int:
    """Compile, check, and then compare, write or upload; returns the exit code.

    Raises:
        Intent2BatchError: what the person can mend.
    """
    if options.upload:
        check_upload(options)
    specs = golden_specs() if options.check or options.update else asked_specs(options)
    if report_problems(specs, pinned=bool(options.image), mails=bool(options.notify)):
        return 1
    if options.check:
        return 1 if report_differences(specs, options.golden) else 0
    write(specs, options.golden if options.update else options.output)
    if options.upload:
        upload(specs, options)
    return 0


def golden_specs() -> dict[str, str]:
    """What the golden specs hold: each pipeline, and its variant that mails the outcome."""
    specs = {}
    for name in PIPELINES:
        specs[name] = compiled(name)
        specs[name + WITH_MAIL] = compiled(name, notify=[GOLDEN_RECIPIENT])
    return specs


def asked_specs(options: argparse.Namespace) -> dict[str, str]:
    """The specs as the command line wants them.

    Raises:
        WrongUse: the image is not pinned, or an address is none.
    """
    notify = recipients(options.notify) if options.notify else ()
    return {name: compiled(name, image=options.image, notify=notify) for name in PIPELINES}


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line as options."""
    parser = argparse.ArgumentParser(
        prog="compile.py", description="Compile, check and pin the pipeline specs."
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--check", action="store_true", help="compare with the golden specs and lint"
    )
    action.add_argument("--update", action="store_true", help="write the golden specs anew")
    action.add_argument(
        "--image", default="", metavar="NAME@sha256:…", help="the worker image, with its digest"
    )
    parser.add_argument(
        "--notify",
        action="append",
        metavar="ADDRESS",
        help="mail how a run ended to this address (up to three); runs on Vertex alone",
    )
    parser.add_argument(
        "--upload",
        metavar="URL",
        default="",
        help="a repository: https://REGION-kfp.pkg.dev/PROJECT/REPOSITORY",
    )
    parser.add_argument(
        "--tag", default="", help="the tag beside the commit's [v and the project's version]"
    )
    parser.add_argument(
        "--move-tags", action="store_true", help="let tags move that name another spec"
    )
    parser.add_argument(
        "--output", type=Path, default=ROOT / "dist", metavar="DIR", help="default: dist"
    )
    parser.add_argument(
        "--golden", type=Path, default=GOLDEN, metavar="DIR", help="default: tests/golden"
    )
    options = parser.parse_args(argv)
    if options.notify and (options.check or options.update):
        parser.error("the golden specs hold an address of their own; leave --notify out")
    if options.upload and not options.image:
        parser.error("only pinned specs are uploaded; add --image NAME@sha256:…")
    if (options.tag or options.move_tags) and not options.upload:
        parser.error("--tag and --move-tags go with --upload")
    return options


def report_problems(specs: dict[str, str], *, pinned: bool, mails: bool = False) -> bool:
    """Print what the linter says; returns whether it said anything."""
    found = [
        (name, problem)
        for name, text in specs.items()
        for problem in lint(text, pinned=pinned, mails=mails or name.endswith(WITH_MAIL))
    ]
    for name, problem in found:
        sys.stderr.write(f"{name}: {problem}\n")
    return bool(found)


def report_differences(specs: dict[str, str], golden: Path) -> bool:
    """Print how the specs differ from the golden ones; returns whether they do."""
    known = {path.stem: path.read_text(encoding="utf-8") for path in golden.glob("*.yaml")}
    differing = [name for name in sorted({*specs, *known}) if specs.get(name) != known.get(name)]
    for name in differing:
        sys.stderr.writelines(
            difflib.unified_diff(
                known.get(name, "").splitlines(keepends=True),
                specs.get(name, "").splitlines(keepends=True),
                f"{golden.name}/{name}.yaml",
                f"{name} as compiled now",
            )
        )
    if differing:
        sys.stderr.write(
            f"The golden specs are out of date: {', '.join(differing)}. "
            f"If the change is meant, run: {UPDATE}\n"
        )
    return bool(differing)


def write(specs: dict[str, str], folder: Path) -> None:
    """Write each spec into the folder and print its path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in specs.items():
        path = folder / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


def upload(specs: dict[str, str], options: argparse.Namespace) -> None:
    """Upload the specs and print the versions that schedules must use.

    Raises:
        Intent2BatchError: a tag would move, or the registry refuses or does not answer.
    """
    from pipelines.registry import Registry
    from pipelines.uploading import commit_tag, project_version, upload_specs

    tags = [options.tag or project_version(ROOT), *commit_tag(ROOT, say)]
    registry = Registry(options.upload)
    uploaded = upload_specs(specs, registry, tags, move=options.move_tags, say=say)
    say(f"tags: {', '.join(tags)}. A schedule keeps to a version, so give it one of these:")
    sys.stdout.writelines(f"{template.url}\n" for template in uploaded)


def check_upload(options: argparse.Namespace) -> None:
    """Refuse an address or a tag that cannot be one, before anything is compiled.

    Raises:
        WrongUse: says which.
    """
    from pipelines.registry import repository
    from pipelines.uploading import check_tags

    options.upload = repository(options.upload)
    check_tags([options.tag] if options.tag else [])


def say(line: str) -> None:
    """Write a line for the person."""
    sys.stderr.write(f"{visible(line)}\n")


if __name__ == "__main__":
    sys.exit(main())
