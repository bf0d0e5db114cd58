"""What is known of each truck: where it is, what it carries, whether it can work, which break it took, where it tipped."""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Final

from services.planner.ways import LonLat
from streams import events
from streams.units import HOUR_MS, MINUTE_MS

FRESH_LOAD_MS: Final = 15 * MINUTE_MS
"""A load sensor's word counts for this long."""
EMPTY_SHARE: Final = 0.03
"""Less than this share of the payload is a load sensor's noise, not a load that has to be tipped."""
SAME_TIP_MS: Final = 45 * MINUTE_MS
"""The button ``tipped`` and the weighbridge's ticket within this time at one facility are one tip."""
SAME_CALL_MS: Final = 2 * MINUTE_MS
"""A driver's button and a terminal's alarm within this time call the same thing."""
REMEMBERED_MS: Final = 36 * HOUR_MS
"""Older actions no longer matter to any running shift."""
_READINGS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Carried:
    """A load taken at one stop. ``facility_ids`` None = it may be tipped anywhere that accepts the material."""

    stop_id: str
    material: str
    kg: float
    l: float  # noqa: E741  # the contract's name for litres
    facility_ids: frozenset[str] | None
    at_ms: int
    action_id: str


@dataclass(frozen=True, kw_only=True)
class Tip:
    """A truck was emptied at a facility, as the driver (``action_id``) or the weighbridge (``weighed``) or both said.

    ``took`` went off board with it, and comes back if the tip is taken back.
    """

    facility_id: str | None
    at_ms: int
    action_id: str | None
    weighed: bool = False
    took: tuple[Carried, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Break:
    """A break, by the actions that began and ended it; ``end_ms`` None = it goes on."""

    begin_ms: int
    action_id: str
    end_ms: int | None = None
    end_action_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Down:
    """A truck that cannot work, and since when. ``cause_id`` is the action or alert that says so."""

    kind: str
    since_ms: int
    cause_id: str


@dataclass(frozen=True, kw_only=True)
class Fix:
    """A place a truck was at."""

    place: LonLat
    at_ms: int


@dataclass
class Truck:
    """The fold of one truck's records."""

    truck_id: str
    fix: Fix | None = None
    load_state: str = "unknown"
    load_state_ms: int = 0
    carried: list[Carried] = field(default_factory=list)
    tips: list[Tip] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    downs: dict[str, Down] = field(default_factory=dict)
    went_home: dict[str, int] = field(default_factory=dict)
    """When the driver said that the shift is over, by action."""
    arrived: events.DriverAction | None = None
    corrected: set[str] = field(default_factory=set)
    _pressed_ms: dict[str, int] = field(default_factory=dict)
    _readings: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=_READINGS))

    # ----------------------------------------------------------------------------------------- what happened

    def apply_state(self, state: events.TruckState) -> None:
        """Take a fix; one older than what is known changes nothing."""
        if self.fix is not None and state.event_time_ms < self.fix.at_ms:
            return
        if state.fix and state.lon is not None and state.lat is not None:
            self.fix = Fix(place=(state.lon, state.lat), at_ms=state.event_time_ms)
        if state.load_kg is not None and state.sensor_health.load == "ok":
            self._readings.append((state.event_time_ms, state.load_kg))
        if state.load_state != "unknown":
            self.load_state, self.load_state_ms = state.load_state, state.event_time_ms

    def apply_action(self, action: events.DriverAction, accepted_by_site: Collection[str] | None) -> None:
        """Take what the driver did. ``accepted_by_site``: materials the action's facility takes (None = not known)."""
        if action.action_id in self.corrected:
            return
        match action.kind:
            case "tipped":
                self._tip(action.facility_id, action.event_time_ms, action.action_id, accepted_by_site)
            case "break_start":
                self.breaks.append(Break(begin_ms=action.event_time_ms, action_id=action.action_id))
            case "break_end" if self.breaks:
                self.breaks[-1] = replace(self.breaks[-1], end_ms=action.event_time_ms, end_action_id=action.action_id)
            case "off_duty":
                self.went_home[action.action_id] = action.event_time_ms
            case "breakdown" | "sos":
                down = Down(kind=action.kind, since_ms=action.event_time_ms, cause_id=action.action_id)
                self.downs[action.action_id] = down
                self._pressed_ms[action.action_id] = action.event_time_ms
            case "arrived":
                self.arrived = action
            case _:
                pass

    def apply_alert(self, alert: events.Alert) -> None:
        """Take an SOS or breakdown raised by a terminal's alarm. Where the driver pressed too, the button rules."""
        pressed = any(abs(at_ms - alert.start_ms) < SAME_CALL_MS for at_ms in self._pressed_ms.values())
        if pressed or alert.state in ("ended", "cancelled"):
            self.downs.pop(alert.alert_id, None)
        else:
            self.downs[alert.alert_id] = Down(kind=alert.rule, since_ms=alert.start_ms, cause_id=alert.alert_id)

    def works_again(self, action_id: str) -> None:
        """Take the driver's word that what this button called is over, and the alarm that called the same."""
        pressed_ms = self._pressed_ms.get(action_id)
        self.downs = {
            key: one
            for key, one in self.downs.items()
            if key != action_id and (pressed_ms is None or abs(one.since_ms - pressed_ms) >= SAME_CALL_MS)
        }

    def correct(self, action_id: str) -> None:
        """Forget an action the driver took back: all is as if it had not been pressed."""
        self.corrected.add(action_id)
        self.works_again(action_id)
        self.went_home.pop(action_id, None)
        self.breaks = [_reopened(one, action_id) for one in self.breaks if one.action_id != action_id]
        if self.arrived is not None and self.arrived.action_id == action_id:
            self.arrived = None
        self._unload(action_id)
        for tip in [one for one in self.tips if one.action_id == action_id]:
            self._untip(tip)

    def _unload(self, action_id: str) -> None:
        self.carried = [one for one in self.carried if one.action_id != action_id]
        self.tips = [
            replace(tip, took=tuple(one for one in tip.took if one.action_id != action_id)) for tip in self.tips
        ]

    def _untip(self, tip: Tip) -> None:
        """Let a tip not have been, unless a weighbridge says it was; what it took is on board again."""
        if tip.weighed:
            self.tips[self.tips.index(tip)] = replace(tip, action_id=None)
            return
        self.tips.remove(tip)
        for load in tip.took:
            self.load_up(load)

    def load_up(self, load: Carried) -> None:
        """Take a load on board, unless a later tip has already emptied the truck."""
        if any(tip.at_ms >= load.at_ms for tip in self.tips) or load.action_id in self.corrected:
            return
        self.carried.append(load)

    def apply_weighing(self, weighing: events.Weighing, accepted_by_site: Collection[str] | None) -> None:
        """Take a weighbridge's word that the truck was emptied; the driver's button may have said so already."""
        if not (weighing.inbound and weighing.accepted):
            return
        for number, tip in enumerate(self.tips):
            same_place = tip.facility_id in (None, weighing.facility_id)
            if same_place and abs(tip.at_ms - weighing.event_time_ms) < SAME_TIP_MS:
                self.tips[number] = replace(tip, weighed=True)
                return
        self._tip(weighing.facility_id, weighing.event_time_ms, None, accepted_by_site)

    def _tip(
        self, facility_id: str | None, at_ms: int, action_id: str | None, accepted: Collection[str] | None
    ) -> None:
        for place, tip in enumerate(self.tips):
            if tip.action_id is None and tip.facility_id == facility_id and abs(tip.at_ms - at_ms) < SAME_TIP_MS:
                self.tips[place] = replace(tip, action_id=action_id)
                return
        took = [one for one in self.carried if one.at_ms <= at_ms and (accepted is None or one.material in accepted)]
        self.carried = [one for one in self.carried if one not in took]
        tip = Tip(
            facility_id=facility_id, at_ms=at_ms, action_id=action_id, weighed=action_id is None, took=tuple(took)
        )
        self.tips.append(tip)
        self._readings = deque(((t, kg) for t, kg in self._readings if t > at_ms), maxlen=_READINGS)
        if self.load_state_ms <= at_ms:
            self.load_state = "unknown"

    def forget_before(self, at_ms: int) -> None:
        """Drop what no longer matters."""
        self.tips = [one for one in self.tips if one.at_ms >= at_ms]
        self.breaks = [one for one in self.breaks if one.begin_ms >= at_ms]
        self.went_home = {key: home_ms for key, home_ms in self.went_home.items() if home_ms >= at_ms}
        self.downs = {key: one for key, one in self.downs.items() if one.since_ms >= at_ms}

    # ----------------------------------------------------------------------------------------- what holds now

    def down(self, shift_start_ms: int) -> Down | None:
        """Return why the truck cannot work in the shift that began then, or None."""
        return next((one for one in self.downs.values() if one.since_ms >= shift_start_ms), None)

    def off_duty(self, shift_start_ms: int) -> bool:
        """Whether the driver of the shift that began then has gone home."""
        return any(at_ms >= shift_start_ms for at_ms in self.went_home.values())

    def on_break_since_ms(self) -> int | None:
        """When the break that goes on began, or None."""
        return self.breaks[-1].begin_ms if self.breaks and self.breaks[-1].end_ms is None else None

    def breaks_begun(self, since_ms: int, until_ms: int) -> int:
        """How many breaks began in a span of time."""
        return sum(since_ms <= one.begin_ms < until_ms for one in self.breaks)

    def tips_since(self, at_ms: int) -> list[Tip]:
        """Return the tips after a moment, in order of time."""
        return sorted((one for one in self.tips if one.at_ms > at_ms), key=lambda one: one.at_ms)

    def load_kg(self, payload_kg: float, now_ms: int) -> float:
        """What is on board.

        The load sensor's median where it speaks, else the sum of what was collected since the last tip. ``full`` or
        ``over`` without a weight counts as the whole payload. A truck of which nothing is on record has left its depot
        empty, as every plan before made it (`tip_before_end`).
        """
        fresh = [kg for at_ms, kg in self._readings if at_ms >= now_ms - FRESH_LOAD_MS]
        kg = median(fresh) if fresh else sum(one.kg for one in self.carried)
        if self.says_full(now_ms):
            kg = max(kg, payload_kg) if not fresh else kg
        return kg if kg >= payload_kg * EMPTY_SHARE else 0.0

    def says_full(self, now_ms: int) -> bool:
        """Whether the truck itself says that it is full."""
        return self.load_state in ("full", "over") and self.load_state_ms >= now_ms - FRESH_LOAD_MS

    def allowed_sites(self) -> frozenset[str] | None:
        """Where all that is on board may be tipped; None = anywhere that accepts it."""
        bound = [one.facility_ids for one in self.carried if one.facility_ids is not None]
        return frozenset.intersection(*bound) if bound else None

    def material(self) -> str | None:
        """What was collected last since the last tip, or None."""
        return self.carried[-1].material if self.carried else None


def _reopened(one: Break, action_id: str) -> Break:
    """A break whose end was taken back goes on."""
    return replace(one, end_ms=None, end_action_id=None) if one.end_action_id == action_id else one
