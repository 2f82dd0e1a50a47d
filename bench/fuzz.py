"""Fuzz what reads strangers' text: the offline reader, the validator, the fixer.

    python bench/fuzz.py [TARGET...] [--minutes 10] [--seed 1] [--corpus FOLDER ...]
    python bench/fuzz.py --again FILE...

TARGET: parse, validate, fix; all of them share the time. Texts of the tests and of the folders
(intents as *.jsonl, configs as *.json, *.yaml) are changed at random. With atheris installed (`pip
install atheris`) branches not seen before steer the search; without it, chance does. An input fails
where anything but our own refusal is raised, where it takes more than a second of processor time,
where a process, file or socket is touched, or where a promise of the result is broken. Failures are
written to --failures, one file each, and told; exit code 1. --again tries kept ones.
"""

from __future__ import annotations

import argparse
import atexit
import faulthandler
import hashlib
import importlib.util
import json
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import fuzz_inputs  # noqa: E402

LIMIT_S = 1.0
STUCK_S = 60
TOUCHED = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect",
           "os.remove", "os.rename", "os.mkdir", "shutil.rmtree", "ctypes.dlopen")  # fmt: skip
SLOW = "slow"
COMPLAINTS = ("", "exit code 137", "quota exceeded", "no space left on device", "it hangs")


class Broken(Exception):  # noqa: N818 - reads as what it is
    """The result breaks a promise, or something outside was touched."""


def parse(text: str) -> None:
    """Answer an intent; turns are parted by form feeds."""
    from components.errors import InputError
    from components.parse_intent.answer import answer_intent

    try:
        answer = answer_intent(text.split("\f")[:6])
    except InputError:  # too long, or no text
        return
    json.dumps(answer.to_dict())
    if (answer.job is None) == (answer.outcome == "config"):
        raise Broken(f"outcome {answer.outcome} with job {answer.job}")


def validate(text: str) -> None:
    """Check a job as JSON and as YAML; a finding has a place in the text."""
    from components.config.check import validate_bytes

    data = text.encode("utf-8", "surrogatepass")
    for file in ("job.json", "job.yaml"):
        for finding in validate_bytes(data, file).findings:
            if finding.line < 1 or finding.column < 1 or not finding.message:
                raise Broken(f"no place or words: {finding}")


def fix(text: str) -> None:
    """Fix a job for a complaint chosen by its length; no more errors than before."""
    from components.config.check import validate_bytes
    from components.fix_config.fix import fix_job

    data = text.encode("utf-8", "surrogatepass")
    complaint = COMPLAINTS[len(text) % len(COMPLAINTS)]
    answer = fix_job(data, "job.json", complaint or text[-2000:])
    json.dumps(answer.to_dict())
    before = validate_bytes(data, "job.json")
    if before.job is not None and len(answer.left) > len(before.errors):
        raise Broken(f"{len(before.errors)} errors before, {len(answer.left)} after")


TARGETS: dict[str, Callable[[str], None]] = {"parse": parse, "validate": validate, "fix": fix}


def complaint_of(target: str, text: str) -> str:
    """What is wrong with how the target takes the text; empty: nothing."""
    touched.clear()
    began = time.process_time()
    try:
        with watched():
            TARGETS[target](text)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        return f"{type(error).__name__} at {where}: {str(error)[:200]}"
    if touched:
        return f"touched {touched[0]}"
    taken = time.process_time() - began
    limit = LIMIT_S * (2 if target == "validate" else 1)  # which reads it twice
    return f"{SLOW}: {taken:.1f} s of processor time" if taken > limit else ""


touched: list[str] = []
watching: list[bool] = []  # not empty: an input is being read


@contextmanager
def watched() -> Iterator[None]:
    """While it is open, nothing may be started, written or connected to, and nothing may hang."""
    faulthandler.dump_traceback_later(STUCK_S, exit=True)
    watching.append(True)
    try:
        yield
    finally:
        watching.clear()
        faulthandler.cancel_dump_traceback_later()


def look(event: str, arguments: tuple[Any, ...]) -> None:
    """Note and stop what reaches outside; an audit hook."""
    if not watching:
        return
    mode = arguments[1] if event == "open" else ""
    if event in TOUCHED or (isinstance(mode, str) and set(mode) & set("wax+")):
        touched.append(f"{event} {arguments[:2]}")
        raise Broken(touched[-1])


class Search:
    """One target under fire: how many inputs, and the shortest of each kind of failure."""

    def __init__(self, target: str, failures: Path) -> None:
        self.target = target
        self.failures = failures
        self.current = failures / f"{target}.now"
        self.tried = 0
        self.shortest: dict[str, int] = {}

    def put(self, text: str) -> None:
        """Try a text; it lies in a file meanwhile, in case the process does not survive it."""
        self.current.write_bytes(text.encode("utf-8", "surrogatepass"))
        complaint = complaint_of(self.target, text)
        self.tried += 1
        kind = complaint.partition(":")[0]
        if complaint and len(text) < self.shortest.get(kind, fuzz_inputs.MOST * 2):
            self.shortest[kind] = len(text)
            digest = hashlib.sha256(kind.encode()).hexdigest()[:10]
            file = self.failures / f"{self.target}-{digest}"
            self.current.rename(file)
            print(f"{self.target}: {complaint} ({len(text)} characters, {file})", flush=True)

    def close(self) -> None:
        """Say what it came to."""
        self.current.unlink(missing_ok=True)
        print(f"{self.target}: {self.tried} inputs, {len(self.shortest)} kinds of failures")


def by_chance(search: Search, corpus: list[str], seconds: float, seed: int) -> None:
    """Change texts at random for so many seconds of processor time."""
    rng = random.Random(seed)
    end = time.process_time() + seconds
    while time.process_time() < end:
        search.put(fuzz_inputs.changed(rng, rng.choice(corpus), corpus))


def by_branches(search: Search, corpus: list[str], seconds: float, seed: int) -> None:
    """Let atheris keep and change texts that reach branches not seen before; ends the process."""
    import atheris

    def mutate(data: bytes, most: int, chance: int) -> bytes:
        rng = random.Random(chance)
        if rng.random() < 0.3:
            return bytes(atheris.Mutate(data, most))
        changed = fuzz_inputs.changed(rng, data.decode("utf-8", "replace"), corpus)
        return changed.encode("utf-8", "surrogatepass")[:most]

    with tempfile.TemporaryDirectory() as seeds:
        for number, text in enumerate(corpus):
            Path(seeds, str(number)).write_bytes(text.encode("utf-8", "surrogatepass"))
        options = {"max_total_time": int(seconds), "max_len": fuzz_inputs.MOST, "seed": seed,
                   "timeout": 2 * STUCK_S, "rss_limit_mb": 3000, "verbosity": 0,
            "print_final_stats": 1,
        }  # fmt: skip
        words = [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), seeds]
        take = lambda data: search.put(data.decode("utf-8", "replace"))  # noqa: E731
        atheris.Setup(words, take, custom_mutator=mutate)
        atheris.Fuzz()


def fuzz(target: str, options: argparse.Namespace, seconds: float) -> None:
    """Fuzz one target in this process."""
    sys.dont_write_bytecode = True
    steered = importlib.util.find_spec("atheris") is not None
    if steered:
        import atheris

        with atheris.instrument_imports(include=["components"]):
            warm(target)
    else:
        warm(target)
    make = fuzz_inputs.intents if target == "parse" else fuzz_inputs.configs
    corpus = make(options.corpus)
    search = Search(target, options.failures)
    atexit.register(search.close)
    sys.addaudithook(look)
    for text in corpus:
        search.put(text)
    (by_branches if steered else by_chance)(search, corpus, seconds, options.seed)


def warm(target: str) -> None:
    """Import what the target imports, before files count as touched."""
    for text in ("5 tasks of `date`", '{"taskGroups": []}', "a: b\n"):
        TARGETS[target](text)


def again(files: list[Path]) -> int:
    """Try kept failures; how many still fail."""
    failed = 0
    for file in files:
        target = file.name.partition("-")[0]
        complaint = complaint_of(target, file.read_bytes().decode("utf-8", "surrogatepass"))
        print(f"{file}: {complaint or 'fine'}")
        failed += bool(complaint)
    return failed


def kept(folder: Path) -> set[Path]:
    """The failures written so far."""
    return {file for file in folder.iterdir() if file.suffix != ".now"}


def main() -> int:
    """Fuzz each target in a process of its own; 1 where one failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="parse, validate, fix")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument("--failures", type=Path, default=ROOT / "build" / "fuzz")
    parser.add_argument("--again", type=Path, nargs="+", default=[], metavar="FILE")
    parser.add_argument("--here", action="store_true", help="in this process, one target")
    options = parser.parse_args()
    if options.again:
        return min(again(options.again), 1)
    targets = options.targets or list(TARGETS)
    if set(targets) - set(TARGETS):
        parser.error(f"a target is one of {', '.join(TARGETS)}")
    seconds = options.minutes * 60 / len(targets)
    options.failures.mkdir(parents=True, exist_ok=True)
    if options.here:
        fuzz(targets[0], options, seconds)
        return 0
    before = kept(options.failures)
    failed = False
    for target in targets:
        words = [
            f"--minutes={seconds / 60}",
            f"--seed={options.seed}",
            "--here",
            f"--failures={options.failures}",
            *(f"--corpus={c}" for c in options.corpus),
        ]
        ended = subprocess.run([sys.executable, __file__, target, *words], check=False)
        if ended.returncode:
            print(f"{target}: the process ended with {ended.returncode}")
            failed = True  # the input that it did not survive lies in TARGET.now
    return 1 if failed or kept(options.failures) - before else 0


if __name__ == "__main__":
    sys.exit(main())
