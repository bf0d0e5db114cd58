"""The keeper: kept means every record confirmed; bounded in time and memory; its own failure ends the process."""

import asyncio
from typing import Any

import pytest
from broker import Broker, running

from services import bus
from services.ingest import keep
from services.ingest.intake import Outgoing
from services.ingest.keep import MAX_WAITING_BYTES, Keeper, NotKept, Refused

RECORD = Outgoing("truck-states", b"t1", b"{}", ())


def test_kept_means_every_record_is_confirmed() -> None:
    """The last confirmation completes the job, in whatever order they come."""

    async def run() -> None:
        broker = Broker()
        async with running(broker) as keeper:
            done = keeper.start([RECORD, RECORD])
            await broker.has(2)
            broker.confirm(1)
            await asyncio.sleep(0)
            assert not done.done()
            broker.confirm(0)
            await asyncio.wait_for(done, 5)
            assert not keeper.away

    asyncio.run(run())


def test_one_refused_record_means_not_kept() -> None:
    """And Kafka counts as away until something is kept again."""

    async def run() -> None:
        broker = Broker()
        async with running(broker) as keeper:
            done = keeper.start([RECORD, RECORD])
            await broker.has(2)
            broker.confirm(0)
            broker.confirm(1, bus.BusError("no leader"))
            with pytest.raises(NotKept, match="no leader"):
                await asyncio.wait_for(done, 5)
            assert keeper.away
            again = keeper.start([RECORD])
            await broker.has(3)
            broker.confirm(2)
            await asyncio.wait_for(again, 5)
            assert not keeper.away

    asyncio.run(run())


def test_a_record_refused_for_its_own_sake_is_told_from_a_broker_that_is_away() -> None:
    """Only then may it be set aside; if anything else went wrong with the same job, it may yet be kept."""

    async def run() -> None:
        broker, too_large = Broker(), bus.RecordRefused[0]("too large")
        async with running(broker) as keeper:
            jobs = [keeper.start([RECORD, RECORD]) for _ in range(2)]
            await broker.has(4)
            for number, error in enumerate((None, too_large, bus.BusError("no leader"), too_large)):
                broker.confirm(number, error)
            with pytest.raises(Refused, match="too large"):
                await asyncio.wait_for(jobs[0], 5)
            with pytest.raises(NotKept) as told:
                await asyncio.wait_for(jobs[1], 5)
            assert not isinstance(told.value, Refused)

    asyncio.run(run())


def test_records_leave_in_the_order_of_the_calls() -> None:
    """One queue, one thread."""

    async def run() -> None:
        broker = Broker()
        async with running(broker) as keeper:
            given = [f"{number}".encode() for number in range(500)]
            jobs = [keeper.start([Outgoing("t", b"k", value, ())]) for value in given]
            await broker.has(500)
            assert [value for value, _ in broker.sent] == given
            for number in range(500):
                broker.sent[number][1].set_result(("t", 0))
            await asyncio.wait_for(asyncio.gather(*jobs), 5)

    asyncio.run(run())


def test_a_wait_ends() -> None:
    """A job nobody confirms is not kept after its time; a late confirmation harms nothing."""

    async def run() -> None:
        broker = Broker()
        async with running(broker) as keeper:
            with pytest.raises(NotKept, match="not confirmed within"):
                await asyncio.wait_for(keeper.keep([RECORD], wait_s=0.01), 5)
            assert keeper.away
            broker.confirm(0)
            await asyncio.sleep(0)

    asyncio.run(run())


def test_memory_is_bounded_also_by_what_callers_gave_up() -> None:
    """What the producer still holds counts until the producer lets it go; then there is room again."""

    async def run() -> None:
        broker = Broker()
        big = Outgoing("t", b"k", b"x" * (MAX_WAITING_BYTES - 1000), ())
        async with running(broker) as keeper:
            with pytest.raises(NotKept):
                await asyncio.wait_for(keeper.keep([big], wait_s=0.01), 5)
            with pytest.raises(NotKept, match="bytes wait for Kafka"):
                await keeper.keep([big])
            broker.confirm(0)
            for _ in range(3):
                await asyncio.sleep(0)
            done = keeper.start([big])
            await broker.has(2)
            broker.confirm(1)
            await asyncio.wait_for(done, 5)

    asyncio.run(run())


def test_a_broker_that_is_not_there_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The doors open before Kafka does."""
    monkeypatch.setattr(keep, "RETRY_S", 0.01)

    async def run() -> None:
        broker, refusals = Broker(), [bus.BusError("nobody there")] * 3

        def connect() -> Any:
            if refusals:
                raise refusals.pop()
            return broker

        keeper = Keeper(connect)
        task = asyncio.create_task(keeper.run())
        done = keeper.start([RECORD])
        assert keeper.away
        await broker.has(1)
        broker.confirm(0)
        await asyncio.wait_for(done, 5)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())


def test_a_mistake_in_the_sending_thread_ends_the_process() -> None:
    """`Keeper.run` raises it: the process ends and is started again."""

    async def run() -> None:
        keeper = Keeper(lambda: Broker(broken=True))  # type: ignore[arg-type, return-value]
        task = asyncio.create_task(keeper.run())
        done = keeper.start([RECORD])
        with pytest.raises(RuntimeError, match="a mistake of ours"):
            await asyncio.wait_for(task, 10)
        assert not done.done()

    asyncio.run(run())
