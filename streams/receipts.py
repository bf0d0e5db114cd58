"""What rules see of a weighing: the receipt of a load, the ticket it belongs to, and what was valid then."""

from msgspec import Struct

from streams import events, permits
from streams.assets import Permission, Place, Reference
from streams.geo import LonLat
from streams.tickets import Load


class Receipt(Struct, kw_only=True, gc=False):
    """One weighing of one truck. Lives for one step; nothing of it is kept."""

    weighing: events.Weighing
    time_ms: int
    """When it was weighed; not after it came, whatever the weighbridge's clock says."""
    ticket: Load
    """The load it belongs to."""
    earlier: str | None
    """The weighing that the load has had before."""
    truck: events.Asset | None
    facility: Place | None
    permissions: list[Permission]
    """Permits that cover the load."""

    @property
    def material(self) -> str | None:
        """What was taken: as the receipt says, else as was loaded."""
        return self.weighing.material or self.ticket.material

    @property
    def arrived_ms(self) -> int:
        """When the truck came, if that is known; not after it was weighed."""
        return min(self.time_ms, self.ticket.times.get("arrived", self.time_ms))

    def place(self) -> LonLat | None:
        """Where it was weighed."""
        record = None if self.facility is None else self.facility.record
        if not isinstance(record, events.Asset) or record.lon is None or record.lat is None:
            return None
        return record.lon, record.lat

    def permits(self) -> str:
        """Name the permits as `used` of an alert does."""
        return permits.named(self.permissions)


def of(weighing: events.Weighing, ticket: Load, earlier: str | None, reference: Reference, *, time_ms: int) -> Receipt:
    """Return a receipt with what was valid when it was made."""
    return Receipt(
        weighing=weighing,
        time_ms=time_ms,
        ticket=ticket,
        earlier=earlier,
        truck=reference.truck(weighing.truck_id, time_ms),
        facility=reference.place("facility", weighing.facility_id, time_ms),
        permissions=permits.of_load(
            reference, weighing.truck_id, ticket.times.get("loaded", time_ms), ticket.source_id, ticket.material
        ),
    )
