"""Tools beside the running system: ``python -m services …`` with its broker, its database, its clock."""

import os
import subprocess
import sys
from collections.abc import Sequence

from deploy.local import city_time, once, programs
from deploy.local.failure import LocalStartError
from deploy.local.program import ROOT
from deploy.local.settings import Local


def run(local: Local, arguments: Sequence[str]) -> int:
    """Run ``python -m services`` with these arguments and return its exit code.

    Raises
    ------
    LocalStartError
        If nothing runs here.
    """
    shown = city_time.Shown.read(local.run / "clock.json")
    if shown is None or once.holder(local.run / "lock") is None:
        raise LocalStartError("Qingyun does not run; start it first with `make run`")
    environment = {**os.environ, **programs.environment(local, city_time.running(shown))}
    return subprocess.run(
        [sys.executable, "-m", "services", *arguments], cwd=ROOT, env=environment, check=False
    ).returncode
