"""A real Chromium for tests of pages: the one that is installed, else the one npm carries."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
ARGUMENTS: Final = (
    "--no-sandbox",
    "--use-angle=swiftshader",  # WebGL 2 in software: no machine of ours has a graphics card
    "--enable-unsafe-swiftshader",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_UNPACK: Final = (
    "import('@sparticuz/chromium').then(async (m) => console.log(JSON.stringify("
    "{path: await m.default.executablePath(), libraries: process.env.LD_LIBRARY_PATH ?? ''})))"
)


def chromium() -> tuple[str, dict[str, str]]:
    """Return the path of a Chromium and the environment it needs.

    Raises
    ------
    RuntimeError
        If none is installed and the packed one cannot be unpacked; the message says what to do.
    """
    for name in _NAMES:
        if found := shutil.which(name):
            return found, dict(os.environ)
    return _packed()


def _packed() -> tuple[str, dict[str, str]]:
    # The package unpacks its own libraries only where it believes to be a Lambda function; they are what a bare
    # machine lacks.
    environment = {**os.environ, "AWS_LAMBDA_JS_RUNTIME": "nodejs24.x", "TMPDIR": tempfile.gettempdir()}
    node = shutil.which("node", path=f"{ROOT / '.venv' / 'bin'}:{os.environ.get('PATH', '')}")
    if node is None:
        raise RuntimeError("no Chromium and no node here: run `make setup` first")
    done = subprocess.run(
        [node, "-e", _UNPACK],
        cwd=ROOT / "services" / "web",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise RuntimeError(f"the packed Chromium cannot be unpacked (run `make setup`): {done.stderr.strip()[-500:]}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return found["path"], {**os.environ, "LD_LIBRARY_PATH": found["libraries"]}
