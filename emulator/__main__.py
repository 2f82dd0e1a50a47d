"""`python -m emulator --state DIR [--project P] [--port SERVICE=N ...]`
`[--upstream URL [--upstream-model NAME]]`.

Prints one line, the environment as JSON, and serves until SIGTERM or SIGINT.
Exit code 2 where it cannot start.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from emulator.launch import Emulator, serve_until_signalled


def main(arguments: list[str] | None = None) -> int:
    """Serve; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, metavar="DIR")
    parser.add_argument("--project", default="local-project")
    parser.add_argument(
        "--port", action="append", default=[], metavar="SERVICE=N", help="others take free ones"
    )
    parser.add_argument(
        "--upstream", default="", metavar="URL", help="server of chat completions on this machine"
    )
    parser.add_argument(
        "--upstream-model", default="", metavar="NAME", help="the first it lists, unless told"
    )
    asked = parser.parse_args(arguments)
    try:
        ports = dict(service_port(text) for text in asked.port)
        upstream = (asked.upstream, asked.upstream_model)
        serve_until_signalled(asked.state, asked.project, ports, _announce, *upstream)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"emulator: {getattr(error, 'strerror', None) or error}\n")
        return 2
    return 0


def service_port(text: str) -> tuple[str, int]:
    """`SERVICE=N` as a pair.

    Raises:
        ValueError: it has another form.
    """
    name, _, number = text.partition("=")
    if not (name and number.isascii() and number.isdigit() and 0 < int(number) < 65536):
        raise ValueError(
            f"'{text}' is not of the form SERVICE=N with a port from 1 to 65535, as in storage=4443"
        )
    return name, int(number)


def _announce(emulator: Emulator) -> None:
    sys.stdout.write(json.dumps(emulator.environment) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
