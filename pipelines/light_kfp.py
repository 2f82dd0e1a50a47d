"""kfp without its client of Kubeflow, which most of the time of `import kfp` goes to."""

from __future__ import annotations

import os
import sys

# kfp 2.17: with it `kfp/__init__.py` imports neither the client nor what compiles; without it
# `kfp.dsl`, once it is imported, holds what compiles.
_SWITCH = "_KFP_RUNTIME"


def import_light_kfp() -> None:
    """Import the package kfp alone; `from kfp import dsl, compiler, ...` does the rest after it.

    It takes 0.1 to 0.3 s of CPU time instead of 0.7: the client loads those of Kubernetes and of
    Kubeflow. A later `from kfp.client import Client` works as ever.
    """
    if "kfp" in sys.modules or _SWITCH in os.environ:
        return
    os.environ[_SWITCH] = "true"
    try:
        import kfp  # noqa: F401
    finally:
        del os.environ[_SWITCH]
