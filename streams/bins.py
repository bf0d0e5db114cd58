"""One bin: how it fills (`filling.py`), and what is wrong with it (`rules.BIN_RULES`). `step` folds a reading or a tick.

A reading is judged in the order of its own time; one that comes after a later one says nothing more. `step` owns the state it
is given: it changes it and hands it back.
"""

from typing import Any, Final

from msgspec import Struct, field

from streams import alerts, events, filling, geo, rules
from streams.alerts import Ledger
from streams.assets import Reference
from streams.bin_moment import BinMoment
from streams.filling import Filling
from streams.rules.scoped import CITY, CityThresholds, InForce
from streams.units import DAY_MS, MINUTE_MS

_FAR_MS: Final = 31 * DAY_MS
"""A clock so far ahead was wrong."""
_AGAIN_MS: Final = MINUTE_MS
_AGAIN_NUMBERS: Final = 16

Memories: Final[Any] = rules.memories_of(rules.BIN_RULES, __name__)
_JUDGES: Final = tuple((rule, rules.memory_name(rule)) for rule in rules.BIN_RULES)


class Bin(Struct):
    """Everything remembered of one bin."""

    filling: Filling
    judged_ms: int = 0
    """Time of the newest reading that rules have seen; 0 = none."""
    judged_seq: int | None = None
    """Its number."""
    judged_clock_ms: int = 0
    """Its time as its sensor had it."""
    memories: Memories = field(default_factory=Memories)
    ledger: Ledger = field(default_factory=Ledger)


def new(bin_id: str) -> Bin:
    """Return a bin nothing is known of."""
    return Bin(Filling(bin_id=bin_id))


def step(
    state: Bin, event: filling.BinRecord, reference: Reference, thresholds: CityThresholds = CITY
) -> tuple[Bin, list[events.Event]]:
    """Fold one record in; return the state, and what is due or wrong."""
    state.filling, outputs = filling.step(state.filling, event, reference)
    if isinstance(event, events.Tick):
        return state, outputs
    time_ms = filling.time_of(event)
    if time_ms is None or time_ms < events.EARLIEST_MS:
        return state, outputs
    if state.judged_ms - time_ms > _FAR_MS:
        state.judged_ms = 0  # what was judged last had a clock far ahead, and nobody said when it came
    if time_ms <= state.judged_ms or _is_repeat(state, event, time_ms):
        return state, outputs
    moment = BinMoment(
        reading=event,
        time_ms=time_ms,
        filling=state.filling,
        asset=reference.bin(event.bin_id, time_ms),
    )
    state.judged_ms, state.judged_seq = time_ms, event.seq
    state.judged_clock_ms = min(event.event_time_ms, events.LATEST_MS)
    in_force = _in_force(moment, reference, thresholds)
    for rule, name in _JUDGES:
        finding = rule.judge(getattr(state.memories, name), moment, in_force.limits)
        if finding is not None:
            in_force.note(finding, rule.NAME)
            outputs += _tell(state, rule, finding, moment, reference)
    return state, outputs


def _is_repeat(state: Bin, reading: events.BinReading, time_ms: int) -> bool:
    """True for no newer number by the same clock, or within a minute: the radio sends it again, and it is stamped anew.

    A clock that is ahead cannot tell which of two readings is the later one: each is taken as of when it came.
    """
    if reading.seq is None or state.judged_seq is None or not 0 <= state.judged_seq - reading.seq < _AGAIN_NUMBERS:
        return False
    return reading.event_time_ms <= state.judged_clock_ms or time_ms - state.judged_ms <= _AGAIN_MS


def _in_force(moment: BinMoment, reference: Reference, thresholds: CityThresholds) -> InForce:
    """Return the thresholds in force for a bin, where it stands."""
    if not thresholds.overrides:
        return thresholds.everywhere
    tenant_id, place = _tenant(moment), _place(moment)
    zone_ids = thresholds.bin_zone_ids
    return thresholds.at(
        tenant_id=tenant_id,
        material=moment.asset.material if moment.asset else None,
        zone_ids=reference.zones_at(*place, moment.time_ms, tenant_id, zone_ids) if zone_ids and place else (),
    )


def _tenant(moment: BinMoment) -> str:
    return moment.asset.tenant_id if moment.asset else events.known_tenant(moment.reading.tenant_id)


def _place(moment: BinMoment) -> geo.LonLat | None:
    asset = moment.asset
    return None if asset is None or asset.lon is None or asset.lat is None else (asset.lon, asset.lat)


def _tell(
    state: Bin, rule: rules.BinRule, finding: alerts.Finding, moment: BinMoment, reference: Reference
) -> list[events.Event]:
    asset = moment.asset
    tenant_id, place = _tenant(moment), _place(moment)
    finding.where = None if place is None else geo.point(*place)
    if asset is None:
        finding.gaps = (*finding.gaps, "the bin is not in the register")
    subject = alerts.Subject(
        tenant_id=tenant_id,
        bin_id=state.filling.bin_id,
        source_id=asset.source_id if asset else None,
        zone_ids=() if place is None else reference.zones_at(*place, moment.time_ms, tenant_id),
    )
    now_ms = min(state.filling.newest_arrival_ms, events.LATEST_MS)
    alert = alerts.record(state.ledger, rule.NAME, rule.VERSION, finding, subject=subject, now_ms=now_ms)
    return [] if alert is None else [alert]
