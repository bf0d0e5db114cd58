"""The live state of all tenants in this process, and who waits for news of it. Lives in the event loop: no locks."""

import asyncio
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final

from services import clock
from services.gateway.live_state import Scope, Town
from services.gateway.ring import Ring
from services.newest import Picture
from streams import events

ADVANCE_S: Final = 1.0
"""How often time passes where no record comes."""


class Tenant:
    """A tenant's things, its last changes, and an event that is set when there is news."""

    def __init__(self, town: Town, epoch: str) -> None:
        self.town = town
        self.ring = Ring(epoch)
        self._news = asyncio.Event()

    def publish(self, now_ms: int, stale_since_ms: int | None, *, also_empty: bool = False) -> None:
        """Send what changed since the last call."""
        changes = self.town.changes()
        if changes or also_empty:
            self.ring.add(changes, now_ms, stale_since_ms)
            self.wake()

    def wake(self) -> None:
        """Let everybody look."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def news(self, timeout_s: float) -> None:
        """Return when something was published, or after ``timeout_s``."""
        try:
            await asyncio.wait_for(self._news.wait(), timeout_s)
        except TimeoutError:
            return


class Hub:
    """All tenants. ``midnight_of`` gives, for a tenant, the rule of its city's midnights."""

    def __init__(self, midnight_of: Callable[[str], Callable[[int], int]]) -> None:
        self._midnight_of = midnight_of
        self._tenants: dict[str, Tenant] = {}
        self._clock = clock.city_clock()
        self.epoch = uuid.uuid4().hex[:12]
        """Names this life of the process: what it numbered, another cannot know."""
        self.ready = False
        """Whether the database's picture has been taken: before that nobody knows what exists."""
        self.stale_since_ms: int | None = None
        """City time from which on Kafka was not heard; None = it is heard."""
        self.closing = False
        """Whether the process ends: open streams end too."""
        self.lag: dict[str, int] = {}
        """Records on each topic that are not in the live state yet, as last asked."""

    @property
    def rate(self) -> float:
        """City seconds a wall second."""
        return self._clock.rate

    def tenant(self, tenant_id: str) -> Tenant:
        """Return a tenant's live state; a tenant nothing was heard of has an empty one."""
        if tenant_id not in self._tenants:
            self._tenants[tenant_id] = Tenant(self.empty_town(tenant_id), self.epoch)
        return self._tenants[tenant_id]

    def empty_town(self, tenant_id: str) -> Town:
        """Return a tenant's town in which nothing has happened yet, to be told of the past."""
        return Town(self._midnight_of(tenant_id))

    def take_picture(self, picture: Picture, now_ms: int) -> None:
        """Start from what the database knows."""
        named = {event.tenant_id for event in picture.events}
        named |= {position.state.tenant_id for position in picture.positions}
        named |= {reading.reading.tenant_id for reading in picture.readings}
        for tenant_id in sorted(named):
            town = self.tenant(tenant_id).town
            town.restore(picture, tenant_id, now_ms)
            town.advance(now_ms)
            town.changes()
        self.ready = True

    def take(self, records: Iterable[events.Event], now_ms: int) -> None:
        """Take records from Kafka."""
        for record in records:
            self.tenant(record.tenant_id).town.apply(record, now_ms)

    def show(self, records: Iterable[events.Event], now_ms: int) -> None:
        """Take records from Kafka and send what they changed: of a truck's ten records only the last is seen."""
        self.take(records, now_ms)
        self._publish(now_ms)

    def take_health(self, stale_since_ms: int | None, lag: dict[str, int] | None) -> None:
        """Note whether Kafka is heard; everybody is told when that changes."""
        changed = (stale_since_ms is None) != (self.stale_since_ms is None)
        self.stale_since_ms = stale_since_ms
        if lag is not None:
            self.lag = lag
        if changed:
            for tenant in self._tenants.values():
                tenant.publish(clock.city_now_ms(), stale_since_ms, also_empty=True)

    def close(self) -> None:
        """Let every open stream end; pages come back to the next process."""
        self.closing = True
        for tenant in self._tenants.values():
            tenant.wake()

    async def run(self) -> None:
        """Let time pass and publish what it changes, until cancelled."""
        while True:
            await asyncio.sleep(ADVANCE_S)
            now_ms = clock.city_now_ms()
            for tenant in self._tenants.values():
                tenant.town.advance(now_ms)
            self._publish(now_ms)

    def _publish(self, now_ms: int) -> None:
        for tenant in self._tenants.values():
            tenant.publish(now_ms, self.stale_since_ms)

    def snapshot(self, tenant_id: str, scope: Scope) -> dict[str, Any]:
        """Return everything somebody may see, as the stream's first event says it."""
        return {
            "now_ms": clock.city_now_ms(),
            "rate": self.rate,
            **self.tenant(tenant_id).town.everything(scope),
            "stale_since_ms": self.stale_since_ms,
        }
