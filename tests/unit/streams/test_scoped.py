"""Thresholds that differ by tenant, class, contractor, zone and material: which count, and what is refused."""

import inspect
import json
import re
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace

from streams import bins, events, rules, sites, state, truck
from streams.rules import scoped
from streams.rules.scoped import CityThresholds
from streams.rules.thresholds import DEFAULT, NAMES
from streams.units import DAY_MS, MINUTE_MS
from tests.unit.streams import town
from tests.unit.streams.judging import alerts, fold, states
from tests.unit.streams.rules.receipts import delivered
from tests.unit.streams.test_sites import dump


def city(*entries: dict[str, Any], **everywhere: Any) -> CityThresholds:
    """A settings file, read."""
    return scoped.read(json.dumps(everywhere | {"for": list(entries)}).encode())


# --------------------------------------------------------------------------------------------- which count

BY = {
    "tenant_id": {"tenant_id": "porto", "dump_raised_s": 21},
    "truck_class": {"truck_class": "compactor", "dump_raised_s": 22},
    "contractor_id": {"contractor_id": "c2", "dump_raised_s": 23},
    "zone_id": {"zone_id": "z4", "dump_raised_s": 24},
}
EVERYTHING: dict[str, Any] = {
    "tenant_id": "porto",
    "truck_class": "compactor",
    "contractor_id": "c2",
    "zone_ids": ("z4",),
}


@pytest.mark.parametrize("order", list(permutations(BY))[::5])
def test_a_zone_goes_before_a_contractor_that_before_a_class_that_before_the_city(order: tuple[str, ...]) -> None:
    """Wherever they stand in the file; take one away, and the next counts."""
    left = list(BY)
    while left:
        found = city(*(BY[name] for name in order if name in left), dump_raised_s=20).at(**EVERYTHING)
        assert found.limits.dump_raised_s == BY[left[-1]]["dump_raised_s"]
        left.pop()
    assert city(dump_raised_s=20).at(**EVERYTHING).limits.dump_raised_s == 20


def test_of_equals_the_later_in_the_file_counts() -> None:
    """Two zones that overlap; two entries for one class, each with its own."""
    zones = [{"zone_id": "z4", "dump_raised_s": 10}, {"zone_id": "z5", "dump_raised_s": 15}]
    here = {"tenant_id": "porto", "zone_ids": ("z4", "z5")}
    assert city(*zones).at(**here).limits.dump_raised_s == 15
    assert city(*reversed(zones)).at(**here).limits.dump_raised_s == 10
    both = city({"truck_class": "van", "spill_kg": 1, "dark_s": 1}, {"truck_class": "van", "spill_kg": 2})
    limits = both.at(tenant_id="porto", truck_class="van").limits
    assert (limits.spill_kg, limits.dark_s) == (2, 1)


def test_an_entry_for_several_is_for_who_is_all_of_them() -> None:
    """The vans of a contractor: not its tippers, not others' vans; it goes before what is said of the contractor alone."""
    entries = city(
        {"truck_class": "van", "contractor_id": "c2", "spill_kg": 100}, {"contractor_id": "c2", "spill_kg": 200}
    )
    found = [
        entries.at(tenant_id="porto", truck_class=truck_class, contractor_id=contractor_id).limits.spill_kg
        for truck_class, contractor_id in [("van", "c2"), ("tipper", "c2"), ("van", "c1"), (None, "c2"), (None, None)]
    ]
    assert found == [100, 200, 400, 200, 400]


def test_what_is_not_said_of_a_class_stays_the_citys() -> None:
    """Thresholds are merged one by one."""
    limits = city({"truck_class": "van", "spill_kg": 100}, dark_s=600).at(tenant_id="porto", truck_class="van").limits
    assert limits == replace(DEFAULT, spill_kg=100.0, dark_s=600.0)


def test_what_is_not_known_is_none_of_it() -> None:
    """A truck without a class or a contractor, a place in no zone."""
    assert city(*BY.values()).at(tenant_id="other").limits == DEFAULT


def test_a_combination_is_merged_once() -> None:
    """Asked for again, the very same object; without entries it is the city's own."""
    entries = city(*BY.values())
    assert entries.at(**EVERYTHING) is entries.at(**EVERYTHING)
    assert scoped.CITY.at(**EVERYTHING) is scoped.CITY.everywhere


def test_zones_are_looked_for_only_where_an_entry_names_one() -> None:
    """For trucks and for bins by themselves."""
    assert city(BY["truck_class"]).truck_zone_ids == city(BY["truck_class"]).bin_zone_ids == frozenset()
    both = city(BY["zone_id"], {"zone_id": "z7", "moved_s": 60})
    assert (both.truck_zone_ids, both.bin_zone_ids) == ({"z4"}, {"z7"})


# --------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"truck_class": "lorry", "spill_kg": 1}, 'for[1]: truck_class is "lorry", expected one of tipper, compactor'),
        ({"truck_class": 7, "spill_kg": 1}, "for[1]: truck_class is 7"),
        ({"contractor_id": "", "spill_kg": 1}, 'for[1]: contractor_id is "", expected a text of 1 to 200 characters'),
        ({"contractor_id": 2, "spill_kg": 1}, "for[1]: contractor_id is 2, expected a text"),
        ({"contractor": "c2", "spill_kg": 1}, "for[1] is for nobody, expected one or more of tenant_id, material"),
        ({"truck_class": "van", "contractor": "c2"}, "unknown threshold contractor, expected a name such as contractor_id"),
        ({"truck_class": "van", "spil_kg": 1}, "for[1]: unknown threshold spil_kg, expected a name such as spill_kg"),
        ({"truck_class": "van", "spill_kg": -1}, "for[1]: threshold spill_kg is -1, expected a number above 0"),
        ({"truck_class": "van", "spill_kg": "1 t"}, 'for[1]: threshold spill_kg is "1 t", expected a number above 0'),
        ({"truck_class": "van"}, "for[1] (truck_class) says nothing of them, expected a threshold or more"),
        ("z4", 'for[1] is "z4", expected an object'),
        ({"zone_id": "z4", "spill_kg": 1}, "threshold spill_kg cannot differ by zone_id (z4): a spill is told from"),
        ({"zone_id": "z4", "dark_s": 1}, "cannot differ by zone_id (z4): a silence has no place"),
        ({"zone_id": "z4", "overload_share": 0.1}, "cannot differ by zone_id"),
        ({"zone_id": "z4", "landfill_m": 50}, "cannot differ by zone_id (z4): dumps of one place may lie on both sides"),
        ({"truck_class": "van", "landfill_dumps": 2}, "threshold landfill_dumps cannot differ by truck_class (van); expected tenant_id"),
        ({"truck_class": "van", "overflow_fill": 0.9}, "cannot differ by truck_class (van); expected tenant_id, material, zone_id"),
        ({"contractor_id": "c2", "fire_c": 50}, "threshold fire_c cannot differ by contractor_id (c2)"),
        ({"material": "kitchen", "spill_kg": 1}, "threshold spill_kg cannot differ by material (kitchen); expected tenant_id, truck_class"),
        ({"zone_id": "z4", "overflow_fill": 0.85}, "for zone_id z4: threshold overflow_left_fill is 0.9, expected at most overflow_fill, 0.85"),
    ],
)  # fmt: skip
def test_an_entry_that_makes_no_sense_is_refused_by_name(entry: Any, said: str) -> None:
    """Its place in the file, the name, the value, what was expected, and why where that is not plain."""
    with pytest.raises(ValueError, match=re.escape(said)):
        city({"truck_class": "tipper", "spill_kg": 500}, entry)


def test_what_is_at_odds_only_together_is_refused() -> None:
    """Each entry is well alone; a bin of kitchen waste in z4 would be over before it began."""
    zone = {"zone_id": "z4", "overflow_fill": 0.85, "overflow_left_fill": 0.8}
    kitchen = {"material": "kitchen", "fire_c": 50}
    hot = {"zone_id": "z5", "fire_over_c": 55}
    with pytest.raises(ValueError, match="for material kitchen: threshold fire_over_c is 55"):
        city(kitchen, fire_over_c=55)
    with pytest.raises(ValueError, match="for material kitchen together with zone_id z5: threshold fire_over_c is 55"):
        city(zone, kitchen, hot)
    with pytest.raises(
        ValueError, match=r"for zone_id z4 together with zone_id z6: threshold overflow_left_fill is 0\.9"
    ):
        city(zone, {"zone_id": "z6", "overflow_left_fill": 0.9})


def test_what_never_holds_together_is_not_at_odds() -> None:
    """A bin is of one material; and an entry that always holds with both may make it good."""
    city({"material": "kitchen", "fire_c": 50}, {"material": "residual", "fire_over_c": 55})
    city(
        {"material": "kitchen", "fire_c": 50},
        {"tenant_id": "porto", "fire_over_c": 55},
        {"tenant_id": "porto", "material": "kitchen", "fire_over_c": 40},
    )


@pytest.mark.parametrize("entries", [{}, 7, "z4", None])
def test_what_is_no_list_of_entries_is_refused(entries: Any) -> None:
    """Named, as what it is."""
    with pytest.raises(ValueError, match=r"for is .*, expected a list of objects"):
        scoped.read(json.dumps({"for": entries}).encode())


# --------------------------------------------------------------------------------------------- the tables are whole


def test_it_is_known_of_every_threshold_by_what_it_may_differ() -> None:
    """By one line of the table."""
    for name in NAMES:
        assert sum(name.startswith(begin) for begin in scoped._DIFFER_BY) == 1, name


def test_the_table_says_what_each_rule_reads() -> None:
    """As its source does: an alert names no threshold that its rule does not know, and misses none."""
    read: dict[str, set[str]] = {sites.NAME: set(re.findall(r"limits\.(\w+)", inspect.getsource(sites)))}
    for rule in (*rules.RULES, *rules.BIN_RULES):
        read.setdefault(rule.NAME, set()).update(re.findall(r"limits\.(\w+)", inspect.getsource(rule)))  # type: ignore[arg-type]
    for rule_name, names in read.items():
        begins = scoped.READ_BY.get(rule_name, ())  # type: ignore[call-overload]
        assert names == {name for name in NAMES if name.startswith(begins)}, rule_name
    assert set().union(*read.values()) == set(NAMES)


# --------------------------------------------------------------------------------------------- how it is judged


def old_town(x_m: float = 4_000, y_m: float = 300, half_m: float = 500, **changed: Any) -> events.Zone:
    """A district beside the street."""
    given = {"kind": "district", "valid_from_ms": 0} | changed
    return events.Zone(zone_id="z4", area=town.square(x_m, y_m, half_m), **given)  # type: ignore[arg-type]


STRICT_IN_TOWN = {"zone_id": "z4", "off_route_s": 30}


def test_a_rule_judges_by_the_limits_of_the_moment() -> None:
    """Off its corridor for minutes in the city, which grants an hour: told at the first fix in z4, with the time before it."""
    known = town.reference(old_town())
    lenient = city(STRICT_IN_TOWN, off_route_s=3_600)
    drive = town.loaded().go(2_000).go(2_000, 300).go(6_000, 300)
    (raised,) = alerts(drive, "off-route", known, thresholds=lenient)
    assert raised.state == "raised"
    assert raised.used["thresholds"] == ["off_route_s 30 (zone_id z4)"]
    assert raised.used["permit"] == "p1@1"
    (lasted,) = [one for one in raised.because if one.unit == "s"]
    assert lasted.limit == 30
    assert lasted.measured > 120  # type: ignore[operator]
    assert alerts(drive, "off-route", known, thresholds=city(off_route_s=3_600)) == []


@pytest.mark.parametrize("jitter_m", [3, 40, 200])
def test_a_border_between_zones_raises_once(jitter_m: float) -> None:
    """A truck off its corridor goes to and fro across it; each side has its own limits."""
    known = town.reference(old_town())
    both = city({"zone_id": "z4", "off_route_s": 30, "off_route_fixes": 1, "back_on_route_fixes": 1})
    drive = town.loaded().go(2_000).go(2_000, 300).go(3_500, 300)
    for _ in range(10):
        drive.go(3_500 + jitter_m, 300).go(3_500 - jitter_m, 300)
    found = alerts(drive.go(2_000, 300).go(2_000, 0).go(7_000), "off-route", known, thresholds=both)
    assert states(found) == ["raised", "ended"]


def test_a_zone_that_grants_more_in_the_middle_makes_no_second_violation() -> None:
    """As fast as is granted in z4 alone: over in it after its minute, and the same alert behind it, within three minutes."""
    slow = events.Zone(
        zone_id="v", kind="speed_limit", area=town.square(4_000, 0, 3_500), limit_mps=10, valid_from_ms=0
    )
    known = town.reference(slow, old_town(y_m=0, half_m=600))
    fast = town.Drive().fix().go(7_000, speed_mps=13).go(7_900, speed_mps=9)
    found = alerts(fast, "overspeed", known, thresholds=city({"zone_id": "z4", "overspeed_share": 0.5}))
    assert states(found) == ["raised", "ended", "updated", "ended"]
    assert len({alert.alert_id for alert in found}) == 1
    assert "thresholds" not in found[0].used


def test_a_truck_whose_place_is_not_seen_is_where_it_was_believed_to_be() -> None:
    """As its alert says: without a fix the zone is the last."""
    known = town.reference(old_town(3_000, 200, 100))
    drive = town.loaded().go(3_000).go(3_000, 200).wait(20, falling_kg=500, bed="raised")
    drive.state |= {"fix": False}
    (raised,) = alerts(
        drive.wait(40), "illegal-dump", known, thresholds=city({"zone_id": "z4", "dump_bed_fall_share": 0.03})
    )
    assert raised.zone_ids == ("z4",)
    assert raised.used["thresholds"] == ["dump_bed_fall_share 0.03 (zone_id z4)"]


@pytest.mark.parametrize(("sold_s", "raised_s"), [(-1, 30), (60, 60), (110, 100), (300, 100)])
def test_the_contractor_is_that_of_the_trucks_version_then(sold_s: float, raised_s: float) -> None:
    """A truck is sold, before it leaves its corridor or so long after: by the new one's limits from then on."""
    drive = town.loaded().go(2_000).go(2_000, 300)
    left_ms = drive.time_ms - 20_000  # within 60 m it is on its corridor
    drive.go(6_000, 300)
    strict = city({"contractor_id": "c2", "off_route_s": 30}, off_route_s=100)
    sold = replace(town.truck(version=2, contractor_id="c2"), valid_from_ms=left_ms + round(sold_s * 1_000))
    (raised,) = alerts(drive, "off-route", town.reference(sold), thresholds=strict)
    assert (raised.start_ms, raised.raised_ms) == (left_ms, left_ms + raised_s * 1_000)
    assert raised.used.get("thresholds") == (["off_route_s 30 (contractor_id c2)"] if sold_s <= raised_s else None)


def test_only_what_its_rule_reads_is_said_of_an_alert() -> None:
    """A dump of a truck whose spillage is judged otherwise says nothing of that; nor does a value that is the city's."""
    drive = (
        town.loaded().go(3_000).go(3_000, 200).wait(60, falling_kg=14_000, bed="raised").wait(90, bed="level").go(5_000)
    )
    other = city({"truck_class": "tipper", "spill_kg": 600, "dump_raised_s": 20})
    plain = alerts(drive, "illegal-dump")
    assert alerts(drive, "illegal-dump", thresholds=other) == plain
    assert [alert.used.get("thresholds") for alert in plain] == [None, None]


def test_an_alert_that_ends_by_the_citys_limits_says_no_others() -> None:
    """Begun in z4, settled outside: what was used goes with the reasons."""
    known = town.reference(old_town(3_000, 200, 40))
    drive = town.loaded().go(3_000).go(3_000, 200).wait(30, falling_kg=14_000, bed="raised")
    drive.go(3_000, 500, bed="level").wait(120)
    begun, ended = alerts(drive, "illegal-dump", known, thresholds=city({"zone_id": "z4", "dump_bed_fall_share": 0.05}))
    assert begun.used["thresholds"] == ["dump_bed_fall_share 0.05 (zone_id z4)"]
    assert (ended.state, ended.used.get("thresholds")) == ("ended", None)


def test_a_receipt_is_judged_by_its_trucks_limits() -> None:
    """A contractor with scales of its own."""
    found = fold(delivered(16_400, kg=16_300), thresholds=city({"contractor_id": "c1", "overload_weighed_share": 0.02}))
    raised = next(one for one in found if isinstance(one, events.Alert) and one.rule == "overload")
    assert raised.used["thresholds"] == ["overload_weighed_share 0.02 (contractor_id c1)"]


@pytest.mark.parametrize(("truck_class", "told"), [("tipper", True), ("van", False)])
def test_a_silence_is_as_long_as_the_trucks_class_allows(truck_class: str, told: bool) -> None:
    """Told by time alone after ten minutes, for tippers only."""
    known = town.reference(town.truck(truck_class=truck_class, version=2))
    settings = truck.Settings(thresholds=city({"truck_class": "tipper", "dark_unheard_s": 600}))
    one = state.Truck(truck_id="t1")
    for fix in town.loaded().go(3_000).fixes:
        truck.step(one, fix, known, settings)
    heard_ms = one.newest_arrival_ms
    found: list[events.Event] = []
    for minute in range(1, 20):
        tick = events.Tick(at_ms=heard_ms + minute * MINUTE_MS, hearing_ms=heard_ms - 60_000)
        found += truck.step(one, tick, known, settings)[1]
        assert bool(found) == (told and minute >= 10)
    for alert in found:
        assert isinstance(alert, events.Alert)
        assert alert.used == {"thresholds": ["dark_unheard_s 600 (truck_class tipper)"]}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"material": "kitchen", "overflow_fill": 0.91}, True),
        ({"zone_id": "g1", "overflow_fill": 0.91}, True),
        ({"zone_id": "g2", "overflow_fill": 0.91}, False),
        ({"material": "residual", "overflow_fill": 0.91}, False),
        ({"tenant_id": "porto", "overflow_fill": 0.91}, False),
    ],
)
def test_a_bin_is_judged_by_the_limits_of_its_material_and_place(entry: dict[str, Any], told: bool) -> None:
    """Kitchen waste in g1: a tenth less is enough."""
    lon, lat = town.at(0)
    zones = [
        events.Zone(zone_id=zone_id, kind="grid", area=town.square(x_m, 0), valid_from_ms=0)
        for zone_id, x_m in (("g1", 0), ("g2", 500))
    ]
    bin_ = events.Asset(id="b1", kind="bin", material="kitchen", lon=lon, lat=lat, valid_from_ms=0)
    known, one = town.reference(bin_, *zones), bins.new("b1")
    found: list[events.Event] = []
    for n, fill in enumerate((0.8, 0.93, 0.93, 0.93)):
        reading = events.BinReading(bin_id="b1", event_time_ms=town.START_MS + n * 10 * MINUTE_MS, fill=fill)
        found += bins.step(one, reading, known, city(entry))[1]
    overflows = [one for one in found if isinstance(one, events.Alert)]
    (who, whom), _ = entry.items()
    assert [alert.used for alert in overflows] == [{"thresholds": [f"overflow_fill 0.91 ({who} {whom})"]}] * told


def test_places_of_tenants_are_judged_each_by_its_own() -> None:
    """Two dumps make a place for one, three for the other; what is old for one is not for the other."""
    entries = city({"tenant_id": "porto", "landfill_dumps": 2, "landfill_days": 1})
    site = sites.Site(cell="0:0")
    days = {("porto", 1): 0, ("porto", 2): 0.5, ("other", 3): 0, ("other", 4): 2, ("porto", 5): 3, ("other", 6): 3.5}
    told: list[events.Alert] = []
    for (tenant_id, n), day in days.items():
        alert = dump(n, at_ms=town.START_MS + round(day * DAY_MS), tenant_id=tenant_id)
        seen = next(iter(sites.seen_in(alert)))
        first = next(iter(sites.seen_in(dump(1))))
        x, y = (int(part) + 1 for part in first.cell.split(":"))
        site.cell = f"{x}:{y}"
        told += sites.step(site, seen, entries)[1]
    assert [(alert.tenant_id, alert.truck_ids) for alert in told] == [
        ("porto", ("t1", "t2")),
        ("other", ("t3", "t4", "t6")),
    ]
    assert told[0].used["thresholds"] == ["landfill_dumps 2 (tenant_id porto)", "landfill_days 1 (tenant_id porto)"]
    assert "thresholds" not in told[1].used
