"""What waited on disk leaves it: in order, and whatever one entry is, it neither ends ingest nor blocks those behind it."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
from broker import Broker, running

from services.ingest import drain, sensors
from services.ingest.chirpstack import Uplink
from services.ingest.deferred import DeferredUplinks, _Deferred
from services.ingest.intake import Arrival, Outgoing
from services.ingest.spool import Spool
from services.ingest.uplinks import UplinkKeeper
from services.store.register import Device

SENSOR = Device(
    protocol="chirpstack", device_id="24e1", tenant_id="porto", entity_kind="bin", entity_id="b1", profile={}
)


class Willing(Broker):
    """Confirms at once."""

    def send(self, topic: str, key: bytes, value: bytes, headers: Any) -> Any:
        """Take a record and have it."""
        done = super().send(topic, key, value, headers)
        done.set_result((topic, 0))
        return done


class Known:
    """A register that knows one sensor."""

    async def device(self, _protocol: str, device_id: str) -> Device | None:
        """Look one up."""
        return SENSOR if device_id == SENSOR.device_id else None


def record(value: bytes) -> bytes:
    """Return an entry that waits for Kafka."""
    return msgspec.msgpack.encode((Outgoing("bin-readings", b"b1", value, ()),))


def uplink(raw: bytes, **decoded: Any) -> bytes:
    """Return an entry that waits for the register."""
    arrival = Arrival(
        protocol="chirpstack", source_id="src", tenant_id="porto", session="", raw=raw, received_time_ms=7
    )
    return msgspec.msgpack.encode(_Deferred(arrival, Uplink(SENSOR.device_id, None, 1, decoded, b"")))


def of_another_version(entry: bytes) -> bytes:
    """Return the entry as a program wrote it whose records had one member less."""
    whole = msgspec.msgpack.decode(entry)
    shorter = whole[:1] if isinstance(whole[0], dict) else [whole[0][:3]]
    return msgspec.msgpack.encode(shorter)


async def until_empty(disk: Any, run: Coroutine[Any, Any, None]) -> None:
    """Let it run until nothing waits on disk; raises what ends it before."""
    task = asyncio.create_task(run)
    async with asyncio.timeout(5):
        while disk.waiting and not task.done():
            await asyncio.wait([task], timeout=0.005)
    if task.done():
        task.result()
    task.cancel()
    await asyncio.wait([task])


async def drained(folder: Path, entries: list[bytes], *, deferred: bool) -> list[bytes]:
    """Let the entries leave their spool and return the values that came to Kafka."""
    broker, spool = Willing(), Spool(folder)
    spool.append(entries)
    async with running(broker) as keeper:
        uplinks = UplinkKeeper(keeper, Spool(folder / "other") if deferred else spool)
        if deferred:
            waiting = DeferredUplinks(Known(), uplinks, spool)  # type: ignore[arg-type]
            await until_empty(waiting, waiting.run())
        await until_empty(uplinks, uplinks.run())
    return [value for value, _ in broker.sent]


def reasons(folder: Path) -> list[str]:
    """Return why entries were set aside."""
    return [json.loads(path.read_bytes())["reason"] for path in folder.glob("*.refused")]


def test_a_record_of_another_version_is_set_aside_and_those_behind_it_are_sent(tmp_path: Path) -> None:
    """After an update the spool may hold what this program cannot read: with its reason it goes, ingest stays."""
    entries = [record(b"before"), of_another_version(record(b"old")), record(b"behind")]

    assert asyncio.run(drained(tmp_path, entries, deferred=False)) == [b"before", b"behind"]

    assert reasons(tmp_path) == ["it cannot be read: Expected `array` of at least length 4, got 3 - at `$[0]`"]


def test_an_uplink_of_another_version_is_set_aside_and_those_behind_it_are_decoded(tmp_path: Path) -> None:
    """The same where uplinks wait for the register."""
    entries = [uplink(b"before", fill=0.5), of_another_version(uplink(b"old")), uplink(b"behind", fill=0.6)]

    values = asyncio.run(drained(tmp_path, entries, deferred=True))

    assert [value for value in values if value in (b"before", b"old", b"behind")] == [b"before", b"behind"]
    assert [reason.partition(":")[0] for reason in reasons(tmp_path)] == ["it cannot be read"]


def test_an_uplink_that_meets_a_mistake_of_ours_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the doors: one sensor's bytes do not end ingest, at this start or the next."""

    def broken(decoded: Any, _: bytes) -> Any:
        return sensors.Measured(fill=1 / decoded["fill"])

    monkeypatch.setitem(sensors.SENSORS, "generic", broken)

    values = asyncio.run(drained(tmp_path, [uplink(b"bad", fill=0), uplink(b"behind", fill=2)], deferred=True))

    assert b"behind" in values
    assert b"bad" not in values
    assert [reason.partition("(")[0] for reason in reasons(tmp_path)] == ["a mistake of ours: ZeroDivisionError"]


def test_what_cannot_be_set_aside_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that refuses just then loses nothing: the entry stays, in its place, until the disk takes it."""
    refusals, set_aside = [OSError("No space left on device")] * 2, Spool.set_aside

    def at_last(spool: Spool, payload: bytes, reason: str) -> None:
        if refusals:
            raise refusals.pop()
        set_aside(spool, payload, reason)

    monkeypatch.setattr(Spool, "set_aside", at_last)
    monkeypatch.setattr(drain, "POLL_S", 0.01)
    entries = [record(b"before"), of_another_version(record(b"old")), record(b"behind")]

    values = asyncio.run(drained(tmp_path, entries, deferred=False))

    assert list(dict.fromkeys(values)) == [b"before", b"behind"]
    assert len(reasons(tmp_path)) == 1
    assert not refusals
