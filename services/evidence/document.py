"""What stands in the evidence of an alert: pure, an alert and what the tables hold of its time in, a document out.

The document says its own limits: which spans were taken whole and which in samples, what is missing, whether the tables
had passed its end when it was made.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from services.seal import SEAL, canonical, sha256
from streams import events
from streams.units import DAY_MS, HOUR_MS, MINUTE_MS

KIND: Final = "evidence/1"
MARGIN_MS: Final = MINUTE_MS
"""Before an alert's start and after its end."""
WHOLE_MS: Final = 20 * MINUTE_MS
"""A longer span is sampled between its ends …"""
ENDS_MS: Final = 10 * MINUTE_MS
"""… of which so much is whole at its beginning and its end, and `MARGIN_MS` on both sides of when it was raised."""
MOST_SAMPLES: Final = 240
"""One measurement a minute between, or so many in all where that would be more."""
WAITS_MS: Final = 10 * MINUTE_MS
"""City time after which what is not there by then is said to be missing."""
LOOKS_MS: Final = (HOUR_MS, DAY_MS, 7 * DAY_MS)
"""When to look again whether something came late: after the end, or when the alert was told."""

_WITH_BYTES: Final = frozenset({"jt808", "osmand", "chirpstack"})
"""Sources of our own doors: they keep the bytes. What others put on Kafka came without."""
CLOCK: Final = "the device clock was "
"""How `gaps` of an alert begins to say that its times are not the device's (`streams.rules.explain`)."""


class Part(NamedTuple):
    """A stretch of event time, both ends in it; of it every measurement, or the first of each ``every_ms``."""

    from_ms: int
    to_ms: int
    every_ms: int = 0


class Frame(NamedTuple):
    """Bytes as they came, and where they stand on ``raw-frames``."""

    device_id: str
    received_time_ms: int
    partition: int
    offset: int
    protocol: str | None
    session: str | None
    value: bytes


class Named(NamedTuple):
    """Something an alert was judged with. ``version`` None = it has none."""

    kind: str
    id: str
    version: int | None

    @property
    def name(self) -> str:
        """As `used` writes it."""
        return self.id if self.version is None else f"{self.id}@{self.version}"


class Found(NamedTuple):
    """What the tables hold of an alert's time."""

    measurements: Sequence[Mapping[str, Any]] = ()
    """Values of ``truck-states`` or ``bin-readings``, in order of event time."""
    devices: Mapping[str, str] = {}
    """Of a bin, which says no device: by source, the device that stands for it."""
    frames: Sequence[Frame] = ()
    used: Mapping[Named, Mapping[str, Any]] = {}
    """Records that were found."""
    known_to_ms: int | None = None
    """Event time of the newest measurement in the tables, by arrival where the device's clock is wrong."""
    gone: Sequence[str] = ()
    """Sentences: what retention took before anybody asked."""


def end_ms(alert: events.Alert) -> int:
    """Return the last moment that is wanted."""
    return max(alert.raised_ms, alert.end_ms or alert.raised_ms) + MARGIN_MS


def settled_ms(alert: events.Alert) -> int:
    """Return when all that is not late should be there: by its time, or by when it was told."""
    return max(end_ms(alert), alert.emitted_ms)


def next_look_ms(alert: events.Alert, now_ms: int) -> int | None:
    """Return when to look again for what came late; None = never."""
    return next((look for after in LOOKS_MS if (look := settled_ms(alert) + after) > now_ms), None)


def by_arrival(alert: events.Alert) -> bool:
    """Whether the device's times are so wrong that its fixes are found by when they came."""
    return any(gap.startswith(CLOCK) for gap in alert.gaps)


def parts(alert: events.Alert) -> tuple[Part, ...]:
    """Return what is wanted of an alert's time, in order, without overlap."""
    from_ms, to_ms = alert.start_ms - MARGIN_MS, end_ms(alert)
    if to_ms - from_ms <= WHOLE_MS:
        return (Part(from_ms, to_ms),)
    whole = [
        (from_ms, from_ms + ENDS_MS),
        (alert.raised_ms - MARGIN_MS, alert.raised_ms + MARGIN_MS),
        (to_ms - ENDS_MS, to_ms),
    ]
    every_ms = max(MINUTE_MS, -(-(to_ms - from_ms) // MOST_SAMPLES))
    return tuple(_with_samples(sorted(whole), every_ms))


def _with_samples(whole: Iterable[tuple[int, int]], every_ms: int) -> Iterator[Part]:
    """Yield the whole stretches, those that touch as one, and samples between them."""
    begin_ms: int | None = None
    last_ms = 0
    for from_ms, to_ms in whole:
        if begin_ms is None:
            begin_ms, last_ms = from_ms, to_ms
        elif from_ms <= last_ms + 1:
            last_ms = max(last_ms, to_ms)
        else:
            yield Part(begin_ms, last_ms)
            yield Part(last_ms + 1, from_ms - 1, every_ms)
            begin_ms, last_ms = from_ms, to_ms
    if begin_ms is not None:
        yield Part(begin_ms, last_ms)


def named(used: Mapping[str, Any]) -> tuple[Named, ...]:
    """Return what `used` of an alert names: ``"p3@2, p4@1"``, ``["z4@9"]``, ids without a version. Counts and thresholds name nothing."""
    return tuple(
        _named(kind, one)
        for kind, said in sorted(used.items())
        if kind != "thresholds"
        for one in (said.split(", ") if isinstance(said, str) else said if isinstance(said, list) else ())
        if isinstance(one, str) and one
    )


def _named(kind: str, text: str) -> Named:
    name, at, version = text.rpartition("@")
    is_version = bool(at) and version.isascii() and version.isdigit()
    return Named(kind, name, int(version)) if is_version else Named(kind, text, None)


def compose(alert: events.Alert, record: Mapping[str, Any], found: Found) -> dict[str, Any]:
    """Return the document of an alert, without its seal. ``record``: the revision as it stood on ``alerts``.

    The same alert and the same findings give the same document, whenever it is asked for.
    """
    hashes = _hashes(found.frames)
    measurements = [
        {"record": one, "frames": hashes.get((_device(one, found), one.get("received_time_ms")), [])}
        for one in found.measurements
    ]
    missing = list(_missing(alert, found, measurements))
    return {
        "kind": KIND,
        "alert": record,
        "parts": [part._asdict() for part in parts(alert)],
        "by_arrival": by_arrival(alert),
        "measurements": measurements,
        "frames": [_described(frame) for frame in found.frames],
        "used": [{**one._asdict(), "record": found.used.get(one)} for one in named(alert.used) if one.kind != "dumps"],
        "evidence_of": [events.evidence_id(one.id) for one in named(alert.used) if one.kind == "dumps"],
        "complete": not missing,
        "missing": missing,
    }


def renewed(before: Mapping[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    """Return what the next version says, knowing the one before: what the tables have lost since stays as it was sealed.

    Retention takes positions and bytes after some weeks; an alert that is revised, or read again, after that keeps what it
    was judged from.
    """
    if not _has_lost(before, content):
        return content
    return {**{name: member for name, member in before.items() if name != SEAL}, "alert": content["alert"]}


def _has_lost(before: Mapping[str, Any], content: Mapping[str, Any]) -> bool:
    """Whether a measurement, or bytes of one, that were sealed before are missing now where all of them are wanted."""
    now = {canonical(one["record"]): set(one["frames"]) for one in content["measurements"]}
    whole = [(part["from_ms"], part["to_ms"]) for part in content["parts"] if not part["every_ms"]]
    return any(
        (known := now.get(canonical(one["record"]))) is None or not known.issuperset(one["frames"])
        for one in before["measurements"]
        if any(from_ms <= one["record"]["event_time_ms"] <= to_ms for from_ms, to_ms in whole)
    )


def frame_keys(found: Found) -> list[tuple[str, int]]:
    """Return where the bytes of the measurements are: device, and the ms in which we received them.

    A door stamps bytes and what it read from them with the same moment, and keeps the bytes under the id it puts into the
    fix (`services.ingest.intake`). So nothing is decoded again to find them. Bytes of one device and ms are all of them its.
    """
    keys = ((_device(one, found), one.get("received_time_ms")) for one in found.measurements)
    return sorted({(device, at_ms) for device, at_ms in keys if device is not None and at_ms is not None})


def _device(record: Mapping[str, Any], found: Found) -> str | None:
    device: str | None = record.get("terminal_id") or found.devices.get(record.get("source") or "")
    return device


def _hashes(frames: Iterable[Frame]) -> dict[tuple[str | None, int | None], list[str]]:
    hashes: dict[tuple[str | None, int | None], list[str]] = {}
    for frame in frames:
        hashes.setdefault((frame.device_id, frame.received_time_ms), []).append(sha256(frame.value))
    return hashes


def _described(frame: Frame) -> dict[str, Any]:
    place = {name: value for name, value in frame._asdict().items() if name != "value"}
    return {**place, "sha256": sha256(frame.value), "length": len(frame.value)}


def _missing(alert: events.Alert, found: Found, measurements: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    about = alert.truck_id or alert.bin_id
    if about is not None:
        if not is_known(alert, found.known_to_ms):
            yield f"nothing of {about} was recorded from after the end: more may come"
        if not measurements:
            yield from found.gone
            yield f"no measurement of {about} is in the tables for this time"
    without = sum(1 for one in measurements if not one["frames"] and one["record"].get("source") in _WITH_BYTES)
    if without:
        yield f"of {without} of {len(measurements)} measurements the original bytes were not found"
    for one in named(alert.used):
        if one.kind != "dumps" and one not in found.used:
            yield f"{one.kind} {one.name} is not in the tables"


def is_known(alert: events.Alert, known_to_ms: int | None) -> bool:
    """Whether the tables have passed what is wanted: for a truck its end, for a bin, which speaks seldom, what raised it."""
    if alert.truck_id is None and alert.bin_id is None:
        return True
    return known_to_ms is not None and known_to_ms >= (
        end_ms(alert) if alert.truck_id is not None else end_ms(alert) - MARGIN_MS
    )
