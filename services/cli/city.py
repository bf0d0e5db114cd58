"""``python -m services city init|prepare|load``."""

import datetime as dt
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import available_timezones

import typer
from rich.console import Console

from services import clock
from services.city import basemap, folder, load, make, streets
from services.city.kinds import WORDS
from services.cli.tool import fail
from services.planner import roads
from services.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Make a city's folder, build its maps, load it into the running system.")

CITIES: Final = Path("deploy/cities")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_NOTICE: Final = """# Road network

`{file}` is from OpenStreetMap: **© OpenStreetMap contributors**, available under the Open Database License 1.0
(ODbL, https://opendatacommons.org/licenses/odbl/1-0/; https://www.openstreetmap.org/copyright). Everything made from
it (corridors, sampled places, road graph, base map) carries the same notice.
"""
_console = Console(stderr=True)

CityName = Annotated[str, typer.Argument(help="Folder below deploy/cities; default: the setting QINGYUN_CITY.")]


@app.command()
def init(  # noqa: PLR0917  # a command's parameters are its options
    name: Annotated[str, typer.Argument(help="Name of the new folder below deploy/cities, such as porto.")],
    roads_file: Annotated[Path, typer.Option("--roads", help="Road network of the city, .osm.pbf.", exists=True)],
    time_zone: Annotated[str, typer.Option(help="IANA name, such as Europe/Lisbon.")],
    name_en: Annotated[str, typer.Option(help="As English pages show it; default: NAME.")] = "",
    name_zh: Annotated[str, typer.Option(help="As Chinese pages show it; default: NAME.")] = "",
    centre: Annotated[str, typer.Option(help="LON,LAT; default: the middle of the residential streets.")] = "",
    language: Annotated[str, typer.Option(help="Of generated names: " + ", ".join(WORDS))] = "en",
    trucks: Annotated[int, typer.Option(min=8, max=2000)] = 50,
    bins: Annotated[int, typer.Option(min=30, max=50_000)] = 1500,
    sources: Annotated[int, typer.Option(min=2, max=1000, help="Building sites.")] = 30,
    seed: int = 7,
) -> None:
    """Draw a new city on a road network: trucks, containers, sites, yards, zones, permits, shifts.

    All of it is generated on real streets, as a start: edit the CSV and GeoJSON files afterwards.
    """
    if language not in WORDS:
        fail(f"--language is {language!r}, expected one of {', '.join(WORDS)}")
    if not _NAME.fullmatch(name):
        fail(f"NAME is {name!r}, expected small letters, digits and hyphens, such as porto")
    if time_zone not in available_timezones():
        fail(f"--time-zone is {time_zone!r}, expected an IANA name such as Europe/Lisbon")
    middle = _place(centre)
    target = CITIES / name
    if (target / "city.json").exists():
        fail(f"{target} is a city already; choose another name, or remove the folder first")
    wishes = make.Wishes(
        city=name,
        name_en=name_en or name,
        name_zh=name_zh or name,
        time_zone=time_zone,
        language=language,
        trucks=trucks,
        bins=bins,
        sources=sources,
        seed=seed,
        valid_from=dt.date(clock_year(), 1, 1),
    )
    with _whole_or_not_at_all(target, _build_folder(name)):
        network = target / roads_file.name
        if roads_file.resolve() != network.resolve():
            shutil.copyfile(roads_file, network)
        (target / f"{roads_file.name}.NOTICE.md").write_text(_NOTICE.format(file=roads_file.name), encoding="utf-8")
        graph = _road_graph(network, _build_folder(name))
        try:
            with _console.status("drawing the city"):
                drawn = make.draw(wishes, streets.Streets(network, middle), roads.Roads(graph), network.name)
        except streets.Unsuitable as error:
            fail(str(error))
        make.write(drawn, target)
    city = _read(name)
    typer.echo(f"{target}: {_described(city)}. Next: python -m services city prepare {name}")


@app.command()
def prepare(name: CityName = "") -> None:
    """Build the road graph and the base map of a city, once; what is built and still right is kept."""
    city = _read(name or _settings().city)
    out = _build_folder(city.path.name)
    _road_graph(city.roads, out)
    archive, stamp = out / "base.pmtiles", out / "base.stamp"
    wanted = _hash(city.roads, Path(basemap.__file__))
    if archive.exists() and stamp.exists() and stamp.read_text() == wanted:
        _console.print("base map: up to date")
        return
    with _console.status("base map (about 10 s for a large city's roads)"):
        basemap.build(city.roads, archive, city.header.name["en"], city.header.attribution)
    stamp.write_text(wanted)
    _console.print(f"base map: {archive}, {archive.stat().st_size / 1e6:.1f} MB")


@app.command("load")
def load_city(
    name: CityName = "",
    *,
    driver_keys: Annotated[
        bool, typer.Option(help="Make a key for each driver (the simulator's drivers use them).")
    ] = True,
) -> None:
    """Publish what exists to Kafka, register terminals and devices in the database; send only what differs.

    Secrets of devices are made once and kept in <data_dir>/secrets/devices.json, readable by the owner only.
    """
    settings = _settings()
    city = _read(name or settings.city)
    with _console.status("reading what Kafka knows, sending what differs"):
        done = load.publish(settings.kafka_bootstrap, city, clock.city_now_ms())
    with _console.status("registering terminals and devices"):
        secrets = load.devices_file(settings.data_dir)
        count = load.register_devices(settings.database_url, city, secrets, driver_keys=driver_keys)
    typer.echo(
        f"{city.path.name}: {done.new} new, {done.changed} changed, {done.retired} retired, {done.unchanged} as they "
        f"were; {count} terminals and devices registered"
    )


@app.command()
def check(name: CityName = "") -> None:
    """Read a city's folder and say what is in it, or what is wrong."""
    typer.echo(_described(_read(name or _settings().city)))


def clock_year() -> int:
    """Year from whose first day a new city's content holds."""
    return dt.datetime.fromtimestamp(clock.wall_now_ms() / 1000, dt.UTC).year


@contextmanager
def _whole_or_not_at_all(*folders: Path) -> Iterator[None]:
    """Make the folders during the block; if it fails or is interrupted, those that were not there are gone again."""
    new = [folder for folder in folders if not folder.exists()]
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in new:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _settings() -> Settings:
    return Settings.from_env(os.environ)


def _build_folder(name: str) -> Path:
    return Path(_settings().build_dir) / "cities" / name


def _road_graph(network: Path, out: Path) -> Path:
    target = out / "roads"
    try:
        with _console.status("road graph") as status:
            roads.build_graph(
                network, target, lambda stage: status.update(f"road graph (15 to 40 s the first time): {stage}")
            )
    except roads.NoGraph as error:
        fail(str(error))
    _console.print(f"road graph: {target}")
    return target


def _read(name: str) -> folder.City:
    try:
        return folder.read(CITIES / name)
    except folder.FolderError as error:
        fail(str(error))


def _described(city: folder.City) -> str:
    kinds = {kind: len(city.of_kind(kind)) for kind in ("truck", "bin", "facility", "depot", "source")}
    counts = ", ".join(f"{count} {kind}s" for kind, count in kinds.items()).replace("facilitys", "facilities")
    return f"{counts}, {len(city.zones)} zones, {len(city.permits)} permits"


def _place(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        lon, lat = map(float, text.split(","))
    except ValueError:
        fail(f"--centre is {text!r}, expected LON,LAT such as -8.611,41.150")
    return lon, lat


def _hash(*files: Path) -> str:
    found = hashlib.sha256()
    for file in files:
        found.update(file.read_bytes())
    return found.hexdigest()
