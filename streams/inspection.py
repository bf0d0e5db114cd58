"""Trucks of a recorded day, looked at: what each fix was judged by, and what each rule thought of it.

The day runs through the same core as in a replay; whoever looks stands between the core and its rules (`truck.Judges`), hears
what each says of a fix, and asks it right then for its conditions: nothing is judged a second time. Only the trucks asked for
are judged; of the others it is noted that they are heard, for the rules of silence.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, NamedTuple

from msgspec import Struct, field

from streams import alerts, events, recorded, replay, state, truck
from streams.alerts import Finding
from streams.assets import Reference
from streams.city_state import CityState
from streams.geo import LonLat
from streams.moment import Moment
from streams.receipts import Receipt
from streams.rules import Remembering, ThinkingRule
from streams.rules.gates import Gate
from streams.rules.thresholds import Thresholds
from streams.units import SECOND_MS

GAP_MS: Final = 180 * SECOND_MS
"""Between fixes farther apart nothing is drawn: what was so before need not be so in between."""

Stage = Literal["gate", "watching", "met", "told"]
"""How far a rule went at a fix: stopped at a gate, watched, all it wants was met, had an alert open."""
STAGES: Final[tuple[Stage, ...]] = ("gate", "watching", "met", "told")
Times = tuple[int, int]
"""From the first moment to the last, event time."""
Conditions = tuple[events.Condition, ...]


class Fix(NamedTuple):
    """One fix as it was judged. None = not known."""

    time_ms: int
    """Corrected."""
    place: LonLat | None
    """None = none that is believed."""
    speed_mps: float | None
    reading_kg: float | None
    """As the sensor said."""
    load_kg: float | None
    """As rules take it: the median of the last readings."""
    payload_kg: float | None
    cargo: str
    cover: str
    """As it is believed; ``unknown`` where its sensor is not."""
    bed: str
    ignition: bool | None
    power: str
    health: tuple[str, str, str]
    """Of the sensors of cover, bed and load."""
    mocked: bool


class Span(Struct, kw_only=True):
    """A stretch of fixes of which a rule thought the same."""

    stage: Stage
    since_ms: int
    until_ms: int
    """The fix after it, or its last one where a gap follows."""
    fixes: int = 1
    at_ms: int
    """The fix at which it was nearest to speaking."""
    conditions: Conditions
    """What was measured then."""


class Seen(Struct, kw_only=True):
    """What was seen of one truck."""

    truck_id: str
    times: list[Times]
    """What was asked for."""
    tenant_id: str = events.DEFAULT_TENANT
    fixes: list[Fix] = field(default_factory=list)
    spans: dict[str, list[Span]] = field(default_factory=dict)
    """By rule."""
    receipts: dict[str, list[Span]] = field(default_factory=dict)
    """By rule: what it thought of each receipt."""
    alerts: dict[str, list[events.Alert]] = field(default_factory=dict)
    """All revisions of each alert."""
    reports: int = 0
    """Fixes read; those that were repeats, or came too late, were not judged."""
    first_ms: int = 0
    last_ms: int = 0
    """Event times of its first and last report, whenever asked for; 0 = there is none."""

    def holds(self, time_ms: int) -> bool:
        """Whether this moment was asked for."""
        return any(from_ms <= time_ms <= to_ms for from_ms, to_ms in self.times)


class Followed(NamedTuple):
    """A day, looked at."""

    reference: Reference
    trucks: dict[str, Seen]
    other_ids: frozenset[str]
    """Trucks of the day that were not asked for."""
    dead_letters: int


def follow(
    folder: Path,
    times: Mapping[str, Sequence[Times]],
    settings: truck.Settings = truck.DEFAULT_SETTINGS,
    *,
    thinking: bool = True,
    on_progress: Callable[[int], None] | None = None,
) -> Followed:
    """Run a recorded day through the core and look at some trucks.

    Parameters
    ----------
    times
        When to look, by truck.
    thinking
        Ask rules what they thought; without it there are fixes and alerts only.

    Raises
    ------
    streams.city_state.BadState
        If the state at the start cannot be read, or is of another day.
    """
    begin = CityState.read(folder / replay.STATE_FILE) if (folder / replay.STATE_FILE).exists() else None
    watch = _Watch({truck_id: Seen(truck_id=truck_id, times=list(some)) for truck_id, some in times.items()})
    day = _SomeTrucks(watch, settings, begin, thinking=thinking)
    letters: list[recorded.Letter] = []
    with TemporaryDirectory() as scratch, closing(recorded.records(folder, Path(scratch), letters.append)) as lines:
        _, last_ms = replay.fold_all(day, lines, watch.hear_all, letters.append, on_progress)
    if day.next_tick_ms is not None:
        watch.hear_all(day.pass_time(last_ms + settings.bounds.gap_ms + replay.AT_THE_END_MS))
    return Followed(day.reference, watch.seen, frozenset(day.other_ids), len(letters))


class _SomeTrucks(replay.Day):
    """A city of which only some trucks are judged."""

    def __init__(self, watch: "_Watch", settings: truck.Settings, begin: CityState | None, *, thinking: bool) -> None:
        if begin is not None:
            kept = {truck_id: one for truck_id, one in begin.trucks.items() if truck_id in watch.seen}
            begin = begin._replace(trucks=kept, bins={}, sites={})
        super().__init__(Reference(), settings, begin, watch.judges(thinking=thinking))
        self.other_ids: set[str] = set()
        self._watch = watch
        for truck_id in watch.seen:
            watch.ledgers[truck_id] = self.trucks.setdefault(truck_id, state.Truck(truck_id=truck_id)).ledger

    def fold(self, record: events.Event) -> list[events.Event]:
        """Fold a record in, if it is of one of the trucks or says what exists."""
        self.misplaced = None
        if isinstance(record, events.BinReading):
            return []
        truck_id = getattr(record, "truck_id", None)
        if truck_id in self._watch.seen:
            if isinstance(record, events.TruckState):
                self._watch.note_report(record)
        elif isinstance(record, events.TruckState | events.DriverAction | events.Weighing | events.TruckPlan):
            if isinstance(record, events.TruckState):
                self.other_ids.add(record.truck_id)
                self.hear(record)
            return []
        return super().fold(record)


class _Watch:
    """Stands between the core and its rules, and notes what they say."""

    def __init__(self, seen: dict[str, Seen]) -> None:
        self.seen = seen
        self.ledgers: dict[str, alerts.Ledger] = {}
        self._moment: Moment | None = None

    def judges(self, *, thinking: bool) -> truck.Judges:
        """Return the core's judges, each, or where nobody asks for thoughts only the first, with an ear at its door."""
        first, *others = truck.JUDGES.fixes
        heard = [(rule, self._heard(rule, judge, thinking=thinking)) for rule, judge in (first, *others)]
        if not thinking:
            return truck.Judges((heard[0], *others), truck.JUDGES.receipts)
        receipts = [(rule, name, self._heard_receipt(rule, weigh)) for rule, name, weigh in truck.JUDGES.receipts]
        return truck.Judges(tuple(heard), tuple(receipts))

    def hear_all(self, outputs: list[events.Event]) -> None:
        """Note the alerts among what was said."""
        for alert in outputs:
            if isinstance(alert, events.Alert) and alert.truck_id in self.seen:
                self.seen[alert.truck_id].alerts.setdefault(alert.alert_id, []).append(alert)

    def note_report(self, report: events.TruckState) -> None:
        """Count a report of a truck that is looked at."""
        seen, at_ms = self.seen[report.truck_id], report.event_time_ms
        seen.reports += seen.holds(at_ms)
        seen.first_ms = min(seen.first_ms or at_ms, at_ms)
        seen.last_ms = max(seen.last_ms, at_ms)

    def _heard(self, rule: Remembering, judge: Any, *, thinking: bool) -> Any:
        def heard(memory: Any, moment: Moment, limits: Any) -> Finding | Gate[Moment] | None:
            said: Finding | Gate[Moment] | None = judge(memory, moment, limits)
            seen = self.seen[moment.fix.truck_id]
            if seen.holds(moment.time_ms):
                self._note_fix(seen, moment)
                if thinking:
                    self._note(seen, rule, *self._thought(rule, memory, moment, said, limits), moment.time_ms)
            return said

        return heard

    def _heard_receipt(self, rule: Remembering, weigh: Any) -> Any:
        def heard(memory: Any, receipt: Receipt, limits: Any) -> Finding | Gate[Receipt]:
            said: Finding | Gate[Receipt] = weigh(memory, receipt, limits)
            seen = self.seen[receipt.weighing.truck_id]
            if seen.holds(receipt.time_ms):
                stage: Stage = "gate" if isinstance(said, Gate) else "told"
                conditions = (said.said(memory, receipt, limits),) if isinstance(said, Gate) else said.because
                at_ms = receipt.time_ms
                span = Span(stage=stage, since_ms=at_ms, until_ms=at_ms, at_ms=at_ms, conditions=conditions)
                seen.receipts.setdefault(rule.NAME, []).append(span)
            return said

        return heard

    def _note_fix(self, seen: Seen, moment: Moment) -> None:
        if self._moment is not moment:
            self._moment = moment
            seen.tenant_id = moment.tenant_id
            seen.fixes.append(_fix(moment))

    def _thought(
        self, rule: Remembering, memory: Any, moment: Moment, said: Finding | Gate[Moment] | None, limits: Thresholds
    ) -> tuple[Stage, Conditions]:
        if isinstance(said, Finding):
            return "told", said.because
        is_open = alerts.is_open(self.ledgers[moment.fix.truck_id], rule.NAME)
        if isinstance(said, Gate):
            return "told" if is_open else "gate", (said.said(memory, moment, limits),)
        conditions = rule.thoughts(memory, moment, limits) if isinstance(rule, ThinkingRule) else ()
        if is_open:
            return "told", conditions
        return "met" if conditions and all(one.met for one in conditions) else "watching", conditions

    @staticmethod
    def _note(seen: Seen, rule: Remembering, stage: Stage, conditions: Conditions, at_ms: int) -> None:
        spans = seen.spans.setdefault(rule.NAME, [])
        last = spans[-1] if spans else None
        if last is not None and at_ms - last.until_ms <= GAP_MS:
            last.until_ms = max(last.until_ms, at_ms)
            if last.stage == stage and _names(last.conditions) == _names(conditions):
                last.fixes += 1
                if nearness(conditions) >= nearness(last.conditions):
                    last.at_ms, last.conditions = at_ms, conditions
                return
        spans.append(Span(stage=stage, since_ms=at_ms, until_ms=at_ms, at_ms=at_ms, conditions=conditions))


def _names(conditions: Conditions) -> tuple[tuple[str, bool], ...]:
    return tuple((one.condition, one.met) for one in conditions)


def nearness(conditions: Conditions) -> float:
    """Return how near conditions are to being met: the share of its limit that the worst one reaches, 1 = all are met."""
    return min((_share(one) for one in conditions if not one.met), default=1.0)


def _share(one: events.Condition) -> float:
    if isinstance(one.measured, float | int) and isinstance(one.limit, float | int) and one.limit > 0:
        return max(0.0, min(1.0, one.measured / one.limit))
    return 0.0


def _fix(moment: Moment) -> Fix:
    fix, health = moment.fix, moment.fix.sensor_health
    return Fix(
        time_ms=moment.time_ms,
        place=moment.place,
        speed_mps=fix.speed_mps,
        reading_kg=fix.load_kg,
        load_kg=moment.load.kg,
        payload_kg=moment.payload_kg,
        cargo=moment.cargo.state,
        cover="unknown" if moment.cover_open is None else fix.cover,
        bed="unknown" if moment.bed_raised is None else fix.bed,
        ignition=fix.ignition,
        power=fix.power,
        health=(health.cover, health.bed, health.load),
        mocked=fix.mocked,
    )
