"""Small random problems of the contract, every rule switched on or off by chance."""

from hypothesis import strategies as st

from optimizer.problem import (
    Break,
    Committed,
    Compartment,
    Facility,
    Load,
    PreviousRoute,
    Problem,
    Profile,
    Stop,
    Vehicle,
)

MATERIALS = ("kitchen", "glass")
DAY_S = 600


@st.composite
def problems(draw: st.DrawFn, *, max_stops: int = 5, max_vehicles: int = 2) -> Problem:
    """Return a valid problem with times up to about ten minutes, so that limits bind often."""
    size = draw(st.integers(2, 5))
    facilities = draw(st.lists(st.just(None), max_size=2))
    names = [f"f{number}" for number in range(len(facilities))]
    count = draw(st.integers(0, max_stops))
    trucks = draw(st.integers(1, max_vehicles))
    vehicle_ids = [f"v{number}" for number in range(trucks)]
    stops = [_stop(draw, f"s{number}", size, names, vehicle_ids) for number in range(count)]
    free = [stop.id for stop in stops]
    vehicles = []
    for name in vehicle_ids:
        vehicle = _vehicle(draw, name, size, names, free)
        free = [stop for stop in free if stop not in {visit.stop for visit in vehicle.committed or ()}]
        vehicles.append(vehicle)
    return Problem(
        profiles={"truck": Profile(duration_s=_matrix(draw, size), distance_m=_matrix(draw, size))},
        facilities=[_facility(draw, name, size) for name in names],
        vehicles=vehicles,
        stops=stops,
        previous=draw(
            st.none()
            | st.lists(
                st.builds(
                    PreviousRoute,
                    vehicle=st.sampled_from([*vehicle_ids, "sold"]),
                    stops=st.lists(st.sampled_from([*(s.id for s in stops), "gone"]), max_size=4, unique=True),
                ),
                max_size=2,
                unique_by=lambda route: route.vehicle,
            )
        ),
        cost_per_moved_stop=draw(st.sampled_from([0, 0, 30])),
    )


def _matrix(draw: st.DrawFn, size: int) -> list[list[int | None]]:
    leg = st.integers(1, 100)
    if draw(st.integers(0, 4)) == 0:
        leg = leg | st.none()
    return [[0 if row == column else draw(leg) for column in range(size)] for row in range(size)]


def _windows(draw: st.DrawFn, most: int = 2) -> list[tuple[int, int]]:
    return [
        (early, early + draw(st.integers(0, 200)))
        for early in draw(st.lists(st.integers(0, DAY_S - 100), min_size=1, max_size=most))
    ]


def _stop(draw: st.DrawFn, name: str, size: int, facilities: list[str], vehicles: list[str]) -> Stop:
    required = draw(st.booleans())
    return Stop(
        id=name,
        location=draw(st.integers(0, size - 1)),
        material=draw(st.sampled_from([MATERIALS[0], MATERIALS[0], MATERIALS[1]])),
        kg=draw(st.integers(0, 60)),
        l=draw(st.integers(0, 60)),
        service_s=draw(st.integers(0, 40)),
        windows=draw(st.sampled_from([None, None, _windows(draw)])),
        skills=draw(st.sampled_from([None, None, None, ["narrow"]])),
        required=required,
        prize=0 if required else draw(st.integers(0, 300)),
        vehicles=draw(st.sampled_from([None, None, None, vehicles[:1]])),
        facilities=draw(st.sampled_from([None, None, None, facilities[:1]])),
    )


def _facility(draw: st.DrawFn, name: str, size: int) -> Facility:
    more = {"windows": _windows(draw)} if draw(st.booleans()) else {}
    return Facility(
        id=name,
        location=draw(st.integers(0, size - 1)),
        accepts=list(draw(st.sampled_from([MATERIALS, MATERIALS[:1], MATERIALS[1:]]))),
        unload_s=draw(st.sampled_from([0, 20])),
        remaining_kg=draw(st.sampled_from([None, None, 0, 70])),
        docks=draw(st.sampled_from([None, None, 1])),
        **more,
    )


def _vehicle(draw: st.DrawFn, name: str, size: int, facilities: list[str], stops: list[str]) -> Vehicle:
    boxes = [
        Compartment(
            materials=list(draw(st.sampled_from([MATERIALS, MATERIALS[:1]]))),
            kg=draw(st.sampled_from([None, 50, 100])),
            l=draw(st.sampled_from([None, None, 100])),
        )
        for _ in range(draw(st.sampled_from([1, 1, 2])))
    ]
    breaks = [
        Break(id=f"b{number}", windows=_windows(draw), duration_s=draw(st.integers(0, 40)))
        for number in range(draw(st.sampled_from([0, 0, 1, 2])))
    ]
    begin_s = draw(st.integers(0, 100))
    committed = (
        [Committed(stop=stop) for stop in draw(st.lists(st.sampled_from(stops), max_size=2, unique=True)) if stops]
        if stops and draw(st.integers(0, 3)) == 0
        else []
    )
    if facilities and draw(st.integers(0, 3)) == 0:
        committed.append(Committed(facility=facilities[0]))
    if breaks and draw(st.integers(0, 5)) == 0:
        committed.append(Committed(break_="b0"))
    end = {} if draw(st.booleans()) else {"end": draw(st.none() | st.integers(0, size - 1))}
    return Vehicle(
        id=name,
        profile="truck",
        start=draw(st.integers(0, size - 1)),
        shift=(begin_s, begin_s + draw(st.integers(100, DAY_S))),
        max_duration_s=draw(st.sampled_from([None, None, 300])),
        overtime_s=draw(st.sampled_from([0, 0, 60])),
        compartments=boxes,
        skills=draw(st.sampled_from([None, ["narrow"]])),
        breaks=breaks or None,
        tip_before_end=draw(st.booleans()),
        day_kg=draw(st.sampled_from([None, None, 100])),
        day_stops=draw(st.sampled_from([None, None, 2])),
        cost_fixed=draw(st.sampled_from([0, 50])),
        cost_per_m=draw(st.sampled_from([1, 1, 0, 2])),
        cost_per_s=draw(st.sampled_from([0, 0, 1])),
        cost_per_overtime_s=draw(st.sampled_from([0, 3])),
        load=draw(st.sampled_from([[], [], [Load(compartment=0, material=MATERIALS[0], kg=20, l=20)]])),
        used_s=draw(st.sampled_from([0, 50])),
        used_kg=draw(st.sampled_from([0, 30])),
        used_stops=draw(st.sampled_from([0, 1])),
        committed=committed or None,
        **end,
    )
