"""Pictures of every page, in both languages and themes, wide and narrow, with a page that shows them side by side.

Of the running system where one answers at --address (its demo users are in the data folder), else of a made-up moment of the
default city behind a gateway of its own. Nothing is ordered, reported or decided.

    make screenshots                                   everything, into .build/screenshots/
    make screenshots ONLY=driver                       one face: login, dispatch, driver, enforcement, report, intake, manager
    python -m tests.screenshots --address http://127.0.0.1:8080 --language zh --theme night
"""

import argparse
import contextlib
import html
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from deploy.local import settings
from services.city import folder
from services.gateway.access import COOKIE
from services.planner.roads import NoGraph, NoWay, Roads
from tests.browser import ARGUMENTS, ROOT, chromium
from tests.stage import scenes, town
from tests.stage.running import FACES, standing

SIZES: Final[Mapping[str, tuple[int, int]]] = {"wide": (1440, 900), "narrow": (390, 844)}
SETTLED_S: Final = 15.0
"""A map that has not drawn everything after this is taken as it is."""
_MOMENT: Final = (2026, 11, 24), "10:20"
_DRAWN: Final = "() => { const map = window.qingyun?.map?.gl; return !map || (map.loaded() && !map.isMoving()); }"
_CHINESE_FONT: Final = (
    "Chinese has no font here, its signs will be boxes: install one, such as fonts-noto-cjk of Debian"
)


class Shot(NamedTuple):
    """A picture: what it shows, and its file."""

    scene: str
    size: str
    language: str
    theme: str
    file: str


class Where(NamedTuple):
    """Where the pages are, and who may look, by role."""

    address: str
    cookies: Mapping[str, Any]


def main() -> int:
    """Make the pictures and the page that shows them; says each as it is made."""
    given = _arguments()
    if given.language != "en" and not _has_chinese():
        print(f"! {_CHINESE_FONT}")
    given.out.mkdir(parents=True, exist_ok=True)
    began_s = time.monotonic()
    with _somewhere(given.address) as where, _browser() as browser:
        shots = list(_all(where, browser, given))
    page = given.out / "index.html"
    page.write_text(_index(shots), encoding="utf-8")
    print(f"√ {len(shots)} pictures in {time.monotonic() - began_s:.0f} s; open {page}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.screenshots", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--address", help="of the running system; default: the one `make run` would print, if it answers"
    )
    parser.add_argument("--out", type=Path, default=ROOT / ".build" / "screenshots", help="folder of the pictures")
    parser.add_argument("--only", choices=list(scenes.WALKS), help="one face; default: all")
    parser.add_argument("--language", choices=["zh", "en"], help="one language; default: both")
    parser.add_argument("--theme", choices=list(scenes.THEMES), help="one theme; default: both")
    parser.add_argument("--size", choices=list(SIZES), help="one size; default: both")
    return parser.parse_args()


# ------------------------------------------------------------------------------------------------ where the pages are


@contextlib.contextmanager
def _somewhere(address: str | None) -> Iterator[Where]:
    """Give the running system, or start a stage; ends the program with a sentence if a given address does not answer."""
    local = settings.current()
    if _answers(address or local.address):
        yield _running(address or local.address, local.data)
        return
    if address is not None:
        sys.exit(f"× nothing answers at {address}: start it with `make run`, or leave --address out")
    print("nothing is running: a made-up moment of the city is put on a stage …", flush=True)
    city = folder.read(ROOT / "deploy" / "cities" / "porto")
    at_ms = city.local_ms(city.local_date(0).replace(*_MOMENT[0]), _MOMENT[1])
    # a socket's path is short: not in the folder of the pictures
    with (
        tempfile.TemporaryDirectory(prefix="qingyun-stage-") as name,
        standing(Path(name), tenant_id=city.tenant_id, at_ms=at_ms) as stage,
    ):
        stage.send(town.moment(city, stage.now_ms, way=_way(ROOT / ".build" / "cities" / "porto" / "roads")))
        stage.record()
        stage.end("recorder")
        stage.start_gateway()
        stage.report("dumping", "Rua de Cedofeita 300", note="Sacos e tijolos na esquina.")
        stage.report("overflow", "Praça de Carlos Alberto")
        yield Where(stage.address, {role: stage.cookie(role) for role in FACES})


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=3).is_success
    except httpx.HTTPError:
        return False


def _running(address: str, data: Path) -> Where:
    listed = data / "secrets" / "demo-users.json"
    if not listed.exists():
        sys.exit(
            f"× {address} answers, but its demo users are not in {listed}: set QINGYUN_DATA_DIR to its data folder"
        )
    print(f"of the system at {address} …", flush=True)
    cookies = {}
    for user in json.loads(listed.read_text(encoding="utf-8")):
        answer = httpx.post(
            f"{address}/api/v1/session",
            json={"login": user["login"], "password": user["password"]},
            headers={"Origin": address},
            timeout=20,
        )
        answer.raise_for_status()
        cookies[user["role"]] = {"name": COOKIE, "value": answer.cookies[COOKIE], "url": address}
    return Where(address, cookies)


def _way(graph: Path) -> town.Way:
    """Return the road through places; straight lines where there is no road graph."""
    try:
        roads = Roads(graph)
    except NoGraph:
        return list

    def way(places: Sequence[town.LonLat]) -> list[town.LonLat]:
        try:
            return roads.route(places).path
        except NoWay:
            return list(places)

    return way


def _has_chinese() -> bool:
    if shutil.which("fc-list") is None:
        return True  # not a system that says so
    said = subprocess.run(["fc-list", ":lang=zh-cn", "family"], capture_output=True, text=True, check=False)
    return bool(said.stdout.strip())


# ------------------------------------------------------------------------------------------------------- the pictures


@contextlib.contextmanager
def _browser() -> Iterator[Browser]:
    path, environment = chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, env=environment, args=list(ARGUMENTS))
        yield started
        started.close()


def _all(where: Where, browser: Browser, given: argparse.Namespace) -> Iterator[Shot]:
    faces = [given.only] if given.only else list(scenes.WALKS)
    languages = [given.language] if given.language else ["zh", "en"]
    themes = [given.theme] if given.theme else list(scenes.THEMES)
    sizes = [given.size] if given.size else list(SIZES)
    rounds = list(itertools.product(faces, languages, themes, sizes))
    for number, (face, language, theme, size) in enumerate(rounds, start=1):
        print(f"[{number:2}/{len(rounds)}] {face}, {language}, {theme}, {size}:", end="", flush=True)
        began_s = time.monotonic()
        for shot in _walk(where, browser, face, language=language, theme=theme, size=size, out=given.out):
            print(f" {shot.scene.removeprefix(face).lstrip('-') or 'first'}", end="", flush=True)
            yield shot
        print(f"  {time.monotonic() - began_s:.0f} s", flush=True)


def _walk(
    where: Where, browser: Browser, face: str, *, language: str, theme: str, size: str, out: Path
) -> Iterator[Shot]:
    role, walk = scenes.WALKS[face]
    width, height = SIZES[size]
    cookie = where.cookies[role] if role else None
    context = scenes.context(browser, where.address, cookie, language=language, theme=theme, width=width, height=height)
    page = context.new_page()
    for scene in walk(page):
        _settle(page)
        file = f"{scene}-{language}-{theme}-{size}.png"
        page.screenshot(path=out / file)
        yield Shot(scene, size, language, theme, file)
    context.close()


def _settle(page: Page) -> None:
    """Wait until the map is drawn; the pages' policy forbids waiting for an expression in the page."""
    give_up_s = time.monotonic() + SETTLED_S
    page.wait_for_timeout(300)
    while not page.evaluate(_DRAWN) and time.monotonic() < give_up_s:
        page.wait_for_timeout(200)


_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; background: #eef1ef; color: #17211d }
h2 { margin: 2.5rem 0 .5rem } section > div { display: flex; flex-wrap: wrap; gap: 1rem }
figure { margin: 0 } figcaption { color: #52605a } img { border: 1px solid #d9dfdc; border-radius: 6px; background: #fff }
img.wide { width: 640px } img.narrow { width: 240px }
"""


def _index(shots: Sequence[Shot]) -> str:
    """Return the page that shows the pictures, a section a scene."""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>",
        f"<title>Qingyun: every page</title><style>{_STYLE}</style><h1>Every page</h1>",
    ]
    for scene in dict.fromkeys(shot.scene for shot in shots):
        parts.append(f"<section><h2>{html.escape(scene)}</h2><div>")
        for shot in shots:
            if shot.scene == scene:
                said = f"{shot.language}, {shot.theme}, {shot.size}"
                parts.append(
                    f"<figure><a href='{shot.file}'><img class='{shot.size}' loading='lazy' src='{shot.file}' "
                    f"alt='{html.escape(f'{scene}, {said}')}'></a><figcaption>{said}</figcaption></figure>"
                )
        parts.append("</div></section>")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
