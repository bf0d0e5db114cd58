"""A city's road graph and base map: `python -m services city prepare` makes them, when what they are made from changed."""

import sys
from pathlib import Path

from deploy.local import stamps
from deploy.local.commands import Commands
from deploy.local.program import ROOT
from deploy.local.settings import Local, city_folder


def are_built(local: Local) -> bool:
    """True when they are there and nothing they are made from has changed since."""
    return (_folder(local) / "base.pmtiles").exists() and stamps.says(_stamp(local), _made_from(local))


def build(commands: Commands, local: Local) -> None:
    """Build what is not there or not right any more. Blocks for up to a minute.

    Raises
    ------
    LocalStartError
        If the city's folder or roads cannot be used.
    """
    if are_built(local):  # asking the tool itself costs two seconds of every start
        return
    city = local.services.city
    environment = {
        "QINGYUN_CITY": city,
        "QINGYUN_DATA_DIR": str(local.data),
        "QINGYUN_BUILD_DIR": str(local.build),
        "QINGYUN_CLOCK_RATE": f"{local.services.clock_rate:g}",
    }
    argv = [sys.executable, "-m", "services", "city", "prepare", city]
    commands.run(argv, what=f"preparing {city}", environment=environment)
    _stamp(local).write_text(_made_from(local), encoding="utf-8")


def _made_from(local: Local) -> str:
    """Return a fingerprint of the city's data, the code that makes the maps, and the versions of its libraries."""
    code = ROOT / "services"
    files = [
        *stamps.files_below(city_folder(local.services.city)),
        *(
            path
            for folder in (code / "city", code / "planner")
            for path in stamps.files_below(folder)
            if _is_code(path)
        ),
        code / "cli" / "city.py",
        ROOT / "requirements.lock",
    ]
    return stamps.fingerprint(files, below=ROOT)


def _is_code(path: Path) -> bool:
    return "__pycache__" not in path.parts


def _folder(local: Local) -> Path:
    return local.build / "cities" / local.services.city


def _stamp(local: Local) -> Path:
    return _folder(local) / "prepared.stamp"
