"""What a generated city is made of: classes of trucks, containers, facilities, shifts, bookings. Assumptions, as data.

None of these figures is measured in a particular city; they are of the usual order for European fleets and containers
(EN 840 and EN 12574 sizes). Whoever runs a real city edits the files that are made from them.
"""

from typing import Final, NamedTuple

WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {},
    "pt": {
        "incineration": "Central de valorização energética", "kitchen_centre": "Centro de biorresíduos",
        "construction_yard": "Estaleiro de RCD", "sorting_centre": "Centro de triagem",
        "transfer_station": "Estação de transferência", "landfill": "Aterro", "depot": "Parque de viaturas",
        "source": "Obra", "residual": "Indiferenciados", "recyclable": "Ecoponto", "kitchen": "Biorresíduos",
        "contractor": "Empreiteiro", "workshop": "Oficina", "fuel": "Posto", "parking": "Estacionamento",
        "centre": "Centro", "north": "Norte", "west": "Poente", "south": "Sul", "east": "Nascente",
        "tunnel": "Túnel", "pedestrian": "Zona pedonal", "office": "Direção da obra",
    },
    "zh": {
        "incineration": "生活垃圾焚烧厂", "kitchen_centre": "餐厨垃圾处置中心", "construction_yard": "建筑垃圾调配场",
        "sorting_centre": "可回收垃圾分拣中心", "transfer_station": "垃圾中转站", "landfill": "填埋场",
        "depot": "停车场", "source": "工地", "residual": "其他垃圾", "recyclable": "可回收物", "kitchen": "餐厨垃圾",
        "contractor": "运输企业", "workshop": "维修厂", "fuel": "加油站", "parking": "停车区", "centre": "中心",
        "north": "北", "west": "西", "south": "南", "east": "东", "tunnel": "隧道", "pedestrian": "步行区",
        "office": "项目部",
    },
}  # fmt: skip
"""What generated places are called, by language; a word that is not there is the key itself."""


class FacilityKind(NamedTuple):
    """``from_centre``: distance from the centre as a share of the service area's radius."""

    facility_type: str
    accepts: tuple[str, ...]
    from_centre: float
    width_m: float
    depth_m: float
    windows: list[list[str]]
    unload_s: int
    daily_kg: float
    docks: int


FACILITIES: Final = (
    FacilityKind("incineration", ("residual",), 0.72, 170, 130, [["00:00", "24:00"]], 600, 900_000, 4),
    FacilityKind("kitchen_centre", ("kitchen",), 0.50, 120, 90, [["05:00", "23:00"]], 720, 180_000, 3),
    FacilityKind("construction_yard", ("construction",), 0.62, 170, 130, [["06:00", "21:00"]], 480, 2_000_000, 4),
    FacilityKind("sorting_centre", ("recyclable",), 0.55, 130, 100, [["05:00", "23:00"]], 600, 160_000, 3),
    FacilityKind("transfer_station", ("residual",), 0.38, 100, 80, [["05:00", "23:00"]], 480, 300_000, 2),
    FacilityKind("landfill", ("residual", "construction"), 0.95, 240, 200, [["07:00", "18:00"]], 600, 600_000, 4),
)  # fmt: skip


class TruckKind(NamedTuple):
    """Shares of the fleet, capacities, and which patterns its trucks take in turn."""

    truck_class: str
    materials: tuple[str, ...]
    share: float
    payload_kg: float
    volume_l: float
    tare_kg: float
    contractors: tuple[str, ...]
    shifts: tuple[str, ...]


FLEET: Final = (
    TruckKind("compactor", ("residual",), 0.32, 10_000, 60_000, 15_500, ("c1", "c2"), ("early", "early", "day", "late")),
    TruckKind("tanker", ("kitchen",), 0.16, 7_500, 11_000, 10_500, ("c1", "c2"), ("early", "early", "day", "late")),
    TruckKind("tipper", ("construction",), 0.32, 16_000, 14_000, 13_000, ("c3", "c4"), ("site", "site", "site", "day")),
    TruckKind("compactor", ("recyclable",), 0.10, 8_000, 70_000, 15_000, ("c1", "c2"), ("early", "early", "day", "late", "day")),
    TruckKind("hook", ("recyclable",), 0.06, 6_000, 36_000, 12_000, ("c1", "c2"), ("early", "day", "day")),
    TruckKind("van", ("recyclable",), 0.02, 1_200, 9_000, 2_300, ("c1", "c2"), ("day", "day")),
    TruckKind("sweeper", (), 0.02, 5_000, 6_000, 9_000, ("c2", "c1"), ("day", "day")),  # sweeps streets: has no stops
)  # fmt: skip
"""``volume_l`` of compactors is the uncompacted volume they can take in (about 3 : 1)."""


class ContainerKind(NamedTuple):
    """``beside_homes``: share that stands where a residual container stands; ``sizes``: (litres, depth in mm)."""

    material: str
    share: float
    sizes: tuple[tuple[int, int], ...]
    density_kg_per_l: float
    service_s: int
    days_to_fill: tuple[float, float]
    rhythms: tuple[str, ...]
    scale_m: float
    beside_homes: float
    sensor: str


CONTAINERS: Final = (
    ContainerKind("residual", 0.50, ((800, 1150), (1100, 1250)), 0.14, 45, (1.0, 2.4), ("household", "household", "mixed"), 3_500, 0.0, "milesight-em400"),
    ContainerKind("recyclable", 0.30, ((1100, 1250), (2500, 1650)), 0.06, 75, (2.0, 4.5), ("household", "mixed", "shops"), 3_500, 0.6, "milesight-em400"),
    ContainerKind("kitchen", 0.20, ((240, 950), (360, 1000), (660, 1100)), 0.55, 60, (0.9, 2.0), ("restaurants", "restaurants", "canteen"), 2_200, 0.0, "generic"),
)  # fmt: skip


class Pattern(NamedTuple):
    """A line of ``shifts.csv``."""

    pattern: str
    days: str
    start: str
    end: str
    overtime_s: int
    break_earliest: str
    break_latest: str
    break_s: int


PATTERNS: Final = (
    Pattern("early", "123456", "05:00", "13:00", 3600, "08:30", "10:00", 1800),
    Pattern("day", "123456", "07:00", "15:30", 3600, "10:30", "12:30", 1800),
    Pattern("site", "12345", "06:00", "14:30", 3600, "09:30", "11:30", 1800),
    Pattern("late", "1234567", "14:00", "22:00", 3600, "17:30", "19:00", 1800),
)


class BookingKind(NamedTuple):
    """What a building site books on a day."""

    low_kg: int
    high_kg: int
    density_kg_per_l: float
    days: str
    ready: str
    due: str


BOOKING_KG: Final = (
    BookingKind(10_000, 24_000, 1.2, "12345", "07:00", "14:00"),
    BookingKind(15_000, 40_000, 1.5, "12345", "06:30", "17:00"),
    BookingKind(30_000, 60_000, 1.6, "123456", "06:00", "18:00"),
)
"""Rubble at 1.2–1.6 kg/l: loose excavated soil and broken concrete are of that order."""


FIRST_DEEDS: Final = (("spill", 270), ("dump", 420), ("uncovered", 1200), ("deviation", 1800), ("dead_zone", 600))
"""What the first tippers do wrong in a play, and from which second on."""

DEEDS: Final = {
    "deeds_per_trip": {
        "spill": 0.03,
        "dump": 0.02,
        "uncovered": 0.04,
        "deviation": 0.04,
        "dead_zone": 0.01,
        "load_sensor": 0.003,
        "cover_sensor": 0.003,
    },
    "skips_per_stop": 0.012,
    "sensor_minutes": 30,
}
"""How often things go wrong on a drive or at a stop. Chosen so that a demonstration hour shows some of each."""
