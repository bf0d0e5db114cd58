"""Entry of the stream part: ``python -m streams worker | replay | inspect | thresholds | bench``."""

import argparse
import datetime as dt
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from streams import (
    asking,
    codec,
    compare,
    events,
    inspection,
    recorded,
    replay,
    threshold_table,
    topics,
    truck,
)
from streams.city_state import BadState
from streams.events import DEFAULT_TENANT
from streams.report import compared, inspected
from streams.report.words import Clock
from streams.rules import scoped
from streams.topics import Topic

BAD_INPUT: Final = 2
_MOST_NAMED: Final = 8
"""Trucks named where another was asked for."""


class _Mistaken(Exception):  # noqa: N818  # ends the command with its sentence
    """What was asked for cannot be done."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        return _run_command(given)
    except _Mistaken as error:
        print(error, file=sys.stderr)
        return BAD_INPUT


def _run_command(given: argparse.Namespace) -> int:
    match given.command:
        case "worker":
            from streams.worker.run import main as work  # noqa: PLC0415  # Faust is loaded by the worker alone

            return work()
        case "replay":
            return _replay(given)
        case "thresholds":
            return _thresholds(given)
        case "inspect":
            return _inspect(given)
        case _:
            from streams.bench import main as measure  # noqa: PLC0415

            return measure(given.folder if given.folder is None else _a_day(given.folder))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m streams", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "worker",
        help="judge live records: Kafka in, Kafka out",
        description="Runs until SIGTERM. Settings come from the environment: see streams/worker/settings.py.",
    )
    again = commands.add_parser(
        "replay",
        help="judge a recorded day: files in, files out; compare two outputs",
        description="Reads <topic>.jsonl or .jsonl.gz in FOLDER, from its state.json.gz if there is one; writes alerts, "
        "tickets, visits, collections-due and dead letters to OUT, and prints counts and a SHA-256: two runs print the "
        "same. A line that cannot be used is a dead letter; so is a record more than "
        f"{recorded.LONGEST_SILENCE_DAYS} days from the others. "
        "With --compare: FOLDER and two --settings are replayed to OUT and compared, or two output folders are.",
    )
    again.add_argument(
        "folders", type=Path, nargs="+", metavar="FOLDER", help="a recorded day; to compare, two outputs"
    )
    again.add_argument(
        "-o", "--out", type=Path, metavar="OUT", help="folder to write to, made if it is missing; not FOLDER itself"
    )
    again.add_argument(
        "--settings",
        type=Path,
        nargs="+",
        metavar="JSON",
        help="thresholds that differ from the defaults; two to compare",
    )
    again.add_argument(
        "--state-out",
        type=Path,
        metavar="FILE",
        help="write the state.json.gz the next day starts from; in a folder that is there, not in FOLDER",
    )
    again.add_argument("--compare", action="store_true", help="show alerts gained, lost and changed")
    again.add_argument("--json", type=Path, metavar="FILE", help="write the comparison as JSON, too")
    again.add_argument(
        "--html", type=Path, metavar="FILE", help="draw the comparison, each alert on a map, as one page"
    )
    again.add_argument(
        "--day", type=Path, metavar="FOLDER", help="the recorded day of two outputs, for --html to draw from"
    )
    again.add_argument("--time-zone", default="UTC", metavar="ZONE", help="of the times printed (default: UTC)")
    table = commands.add_parser(
        "thresholds",
        help="print what the rules judge by: value in force, unit, default, source",
        description="Of everybody, or of who is named: a truck of a class, a contractor, in a zone; a bin of a material. "
        "What is not the default is marked *, what is not the city's names the entry of the settings that says so.",
    )
    table.add_argument("--settings", type=Path, metavar="JSON", help="thresholds that differ from the defaults")
    for name in scoped.WHO:
        table.add_argument(
            f"--{name.removesuffix('_id').replace('_', '-')}",
            dest=name,
            action="append" if name == "zone_id" else "store",
            metavar="ID" if name.endswith("_id") else name.partition("_")[2].upper() or "NAME",
            choices=scoped.CLASSES if name == "truck_class" else None,
            help="may be given again: a place in several zones" if name == "zone_id" else None,
        )
    look = commands.add_parser(
        "inspect",
        help="look at a truck of a recorded day: its way, its sensors, what each rule thought and why it did not speak",
        description="Writes one page that loads nothing. Times: local to the city 2026-06-16T08:30, with a zone "
        "2026-06-16T08:30+08:00, or milliseconds; without them the whole day.",
    )
    look.add_argument("folder", type=Path, help="a recorded day")
    look.add_argument("--truck", required=True, metavar="ID")
    look.add_argument("--from", dest="since", metavar="TIME", help="the first moment (default: the day's)")
    look.add_argument("--to", dest="until", metavar="TIME", help="the last moment (default: the day's)")
    look.add_argument("--settings", type=Path, metavar="JSON", help="thresholds that differ from the defaults")
    look.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the page, such as t1.html")
    bench = commands.add_parser("bench", help="measure the core: CPU microseconds a fix, events a core-second")
    bench.add_argument("folder", type=Path, nargs="?", help="a recorded day (default: a made-up one)")
    return parser


def _replay(given: argparse.Namespace) -> int:
    settings = [_settings(path) for path in given.settings or ()]
    match given.folders, settings, given.compare:
        case [before, after], [], True:
            _check_comparison(given)
            if given.html is not None and given.day is None:
                raise _Mistaken("--html draws from the recorded day that both are outputs of: give it as --day FOLDER")
            return _compare(given, before, after, given.day)
        case [folder], [first, second], True if given.out is not None and given.state_out is None:
            outs = _outs(given.out, given.settings)
            _check_run(folder, *outs)
            _check_comparison(given)
            for out, core in zip(outs, (first, second), strict=True):
                _run(folder, out, core)
            return _compare(given, *outs, folder)
        case [folder], [] | [_], False if given.out is not None and given.html is None:
            _check_run(folder, given.out, state_out=given.state_out)
            _run(folder, given.out, next(iter(settings), truck.DEFAULT_SETTINGS), given.state_out)
            return 0
    raise _Mistaken(
        "give FOLDER -o OUT [--settings JSON] to replay a day, FOLDER -o OUT --settings A.json B.json --compare to compare "
        "two settings, or --compare OUT_A OUT_B to compare two outputs; --html FILE draws a comparison"
    )


def _thresholds(given: argparse.Namespace) -> int:
    city = scoped.CITY if given.settings is None else _settings(given.settings).thresholds
    in_force = city.at(
        tenant_id=given.tenant_id or DEFAULT_TENANT,
        truck_class=given.truck_class,
        contractor_id=given.contractor_id,
        material=given.material,
        zone_ids=tuple(given.zone_id or ()),
    )
    print(threshold_table.table(in_force))
    return 0


def _a_day(folder: Path) -> Path:
    """Return the folder if it holds records."""
    if not (any(folder.glob("*.jsonl")) or any(folder.glob("*.jsonl.gz"))):
        raise _Mistaken(f"{folder} has no recorded day: give a folder with <topic>.jsonl or <topic>.jsonl.gz files")
    for topic in recorded.MERGED:
        _check_files(folder, topic)
    return folder


def _check_files(folder: Path, topic: Topic) -> None:
    for path in recorded.files(folder, topic):
        if path.is_dir():
            raise _Mistaken(f"{path} is a folder: give one in which it is a file of records, or take it out")


def _check_run(folder: Path, *outs: Path, state_out: Path | None = None) -> None:
    """Say what would end a replay, before it begins: a day takes minutes."""
    _a_day(folder)
    for out in outs:
        if out.resolve() == folder.resolve():
            raise _Mistaken(f"{out} is the recorded day itself: what was said then would be lost; give another folder")
        if out.exists() and not out.is_dir():
            raise _Mistaken(f"-o {out} is a file: give a folder, there or not")
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _Mistaken(f"-o {out} cannot be made: {error.strerror}; give another folder") from error
    if state_out is not None:
        _check_file("--state-out", state_out)
        if state_out.resolve().parent == folder.resolve():
            raise _Mistaken(
                f"--state-out {state_out} is in the recorded day itself, and would be its own beginning; "
                "give a file in the folder of the next day"
            )


def _check_comparison(given: argparse.Namespace) -> None:
    """Say what would end a comparison, before its days are replayed."""
    _zone(given.time_zone)
    if given.json is not None:
        _check_file("--json", given.json)
    if given.html is not None:
        _check_file("--html", given.html)
    if given.day is not None:
        _a_day(given.day)


def _check_file(option: str, path: Path) -> None:
    if path.is_dir():
        raise _Mistaken(f"{option} {path} is a folder: give a file in it")
    if not path.resolve().parent.is_dir():
        raise _Mistaken(f"{option} {path} cannot be written, for there is no folder {path.parent}: make it first")
    if not os.access(path if path.exists() else path.resolve().parent, os.W_OK):
        raise _Mistaken(f"{option} {path} must not be written by this user: give another file")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise _Mistaken(f"--time-zone {name} is none: give a name such as Europe/Lisbon") from error


def _settings(path: Path) -> truck.Settings:
    try:
        return truck.Settings(thresholds=scoped.read(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise _Mistaken(f"{path}: {error}") from error


def _outs(out: Path, settings: list[Path]) -> tuple[Path, Path]:
    """Return a folder for each settings file, named after it."""
    first, second = (path.stem for path in settings)
    return (out / first, out / second) if first != second else (out / f"{first}-1", out / f"{second}-2")


def _run(folder: Path, out: Path, core: truck.Settings = truck.DEFAULT_SETTINGS, state_out: Path | None = None) -> None:
    try:
        report = replay.run(folder, out, core, on_progress=_show, state_out=state_out)
    except BadState as error:
        raise _Mistaken(str(error)) from error
    except OSError as error:
        raise _Mistaken(f"the replay to {out} was broken off, its outputs are not whole: {error}") from error
    print(file=sys.stderr)
    for name, count in report.read.items():
        print(f"read     {name:16} {count:9}")
    for name, count in report.written.items():
        print(f"written  {name:16} {count:9}")
    print(f"written  {'dead-letters':16} {report.dead_letters:9}")
    records = sum(report.read.values())
    print(f"CPU      {report.cpu_s:.1f} s, {report.cpu_s / max(1, records) * 1e6:.1f} µs a record")
    print(f"SHA-256  {report.sha256}")


def _compare(given: argparse.Namespace, before: Path, after: Path, day: Path | None) -> int:
    for folder in (before, after):
        _check_files(folder, topics.ALERTS)
    try:
        found = compare.compare(before, after)
    except codec.Undecodable as error:
        raise _Mistaken(f"{error}; replay the day again, or take the line out") from error
    except (OSError, ValueError) as error:
        raise _Mistaken(str(error)) from error
    print(compare.table(found, _zone(given.time_zone)))
    if given.json is not None:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    if given.html is not None and day is not None:
        _draw(found, before, after, day, given)
    return 0


def _draw(found: compare.Comparison, before: Path, after: Path, day: Path, given: argparse.Namespace) -> None:
    """Write the page of a comparison."""
    stories = compared.stories(found, compare.standing(before), compare.standing(after))
    followed = _follow(day, compared.times(stories), truck.DEFAULT_SETTINGS, thinking=False)
    given.html.write_text(compared.render(found, stories, followed, Clock(_zone(given.time_zone))), encoding="utf-8")


def _inspect(given: argparse.Namespace) -> int:
    folder: Path = _a_day(given.folder)
    _check_file("-o", given.out)
    settings = truck.DEFAULT_SETTINGS if given.settings is None else _settings(given.settings)
    zone = replay.register(folder).city_zone(given.truck, events.LATEST_MS) or _zone("UTC")
    from_ms = events.EARLIEST_MS if given.since is None else _moment("--from", given.since, zone)
    to_ms = events.LATEST_MS if given.until is None else _moment("--to", given.until, zone)
    if to_ms <= from_ms:
        raise _Mistaken(f"--to {given.until} is not after --from {given.since}: give a later one")
    followed = _follow(folder, {given.truck: [(from_ms, to_ms)]}, settings, thinking=True)
    _check_seen(followed, given.truck, Clock(zone))
    given.out.write_text(inspected.render(followed, given.truck, Clock(zone)), encoding="utf-8")
    return 0


def _follow(
    folder: Path, times: Mapping[str, Sequence[inspection.Times]], settings: truck.Settings, *, thinking: bool
) -> inspection.Followed:
    try:
        return inspection.follow(folder, times, settings, thinking=thinking, on_progress=_show)
    except (BadState, OSError) as error:
        raise _Mistaken(str(error)) from error
    finally:
        print(file=sys.stderr)


def _check_seen(followed: inspection.Followed, truck_id: str, clock: Clock) -> None:
    """Say what was asked for that is not there."""
    seen = followed.trucks[truck_id]
    if not seen.first_ms:
        some = sorted(followed.other_ids)
        shown = ", ".join(some[:_MOST_NAMED]) + (
            f" and {len(some) - _MOST_NAMED} more" if len(some) > _MOST_NAMED else ""
        )
        raise _Mistaken(f"no truck {truck_id} reports on this day; those that do: {shown or 'none'}")
    if not seen.fixes:
        raise _Mistaken(
            f"{truck_id} has no report that was judged in this time; it reports from {clock.day(seen.first_ms)} to "
            f"{clock.day(seen.last_ms)} ({clock.name})"
        )


def _moment(option: str, text: str, zone: dt.tzinfo) -> int:
    try:
        return asking.moment_ms(text, zone)
    except ValueError as error:
        raise _Mistaken(f"{option} {error}") from error


def _show(records: int) -> None:
    print(f"\r{records} records", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
