"""What is made happen to trucks: too fast, unplugged, sensors at fault; and what is lawful and looks like it."""

import random
from collections.abc import Callable, Iterator

from tests.labelled.truck_life import TUNNEL_M, WORKSHOP_M, Fault, Life, Now, Way
from tests.labelled.truth import Hardness

PowerDeed = Callable[[Life, float], Iterator[Now]]

# --------------------------------------------------------------------------------------------- driving


def too_fast(chance: random.Random) -> Way:
    """A fifth to a half above the limit, the zone's whole length."""
    return Way("too fast", chance.choice(("50", "30", "40")), chance.uniform(1.2, 1.5))


def driving_trap(kind: str, hard: Hardness, chance: random.Random) -> Way:
    """Something lawful of this kind; ``factor`` means what the kind needs."""
    factor = {
        "tolerated": chance.uniform(1.03, 1.07),
        "downhill": 1.25,
        "spike": chance.uniform(8, 20),
        "jump": chance.uniform(60, 150 if hard.name == "normal" else 260),
    }[kind]
    return Way(kind, chance.choice(("50", "30", "40")), factor)


DRIVING_TRAPS = ("tolerated", "downhill", "spike", "jump")

# --------------------------------------------------------------------------------------------- power


def unplugged_driving(life: Life, to_m: float) -> Iterator[Now]:
    """Unplugged at a halt by the road; the battery inside reports on."""
    yield from life.until(to_m, life.chance.uniform(600, 3_000))
    yield from life.stand(40)
    start_s = life.now.at_s
    yield from life.stand(20, power="cut")
    yield from life.until(to_m, life.chance.uniform(6_200, 8_500))
    life.now.power = "main"
    life.wrong("tamper", start_s, "unplugged while loaded, on the way")


def unplugged_standing(life: Life, to_m: float) -> Iterator[Now]:
    """Unplugged for the minutes of a halt, its engine on."""
    yield from life.until(to_m, life.chance.uniform(600, 4_000))
    yield from life.stand(30)
    start_s = life.now.at_s
    yield from life.stand(life.chance.randint(180, 600), power="cut")
    life.now.power = "main"
    life.wrong("tamper", start_s, "unplugged while loaded, at a halt")
    yield from life.stand(20)


def unplugged_and_silent(life: Life, to_m: float) -> Iterator[Now]:
    """Unplugged with a worn battery inside: a minute or two later nothing; minutes later it starts afresh."""
    yield from life.until(to_m, life.chance.uniform(600, 3_000))
    yield from life.stand(20)
    start_s = life.now.at_s
    yield from life.stand(life.chance.randint(25, 120), power="cut")
    yield from life.stand(life.chance.randint(400, 700), runs=False)
    life.now.runs, life.now.power = True, "main"
    life.now.boots += 1
    life.wrong("tamper", start_s, "unplugged while loaded, and silent", "tamper", "dark-truck")
    yield from life.stand(20)


def engine_starts(life: Life, to_m: float) -> Iterator[Now]:
    """A halt, its engine off; the starter starves the terminal for seconds."""
    yield from life.until(to_m, life.chance.uniform(600, 4_200))
    start_s = life.now.at_s
    yield from life.stand(life.chance.randint(60, 280), ignition=False)
    life.now.ignition = True
    for _ in range(life.chance.randint(1, 2)):
        yield from life.stand(life.chance.randint(1, life.hard.crank_s), power="cut")
        yield from life.stand(life.chance.randint(2, 5), power="main", starved=True)
    life.now.starved = False
    life.trap("engine starts", start_s, "tamper")


def in_the_workshop(life: Life, to_m: float) -> Iterator[Now]:
    """The terminal's battery is changed in the workshop, the truck loaded as it is."""
    yield from life.until(to_m, WORKSHOP_M)
    yield from _aside(life, 150.0)
    start_s = life.now.at_s
    yield from life.stand(30)
    yield from life.stand(life.chance.randint(300, 1_200), power="cut")
    life.now.power = "main"
    life.trap("workshop", start_s, "tamper", "dark-truck")
    yield from life.stand(30)
    yield from _aside(life, 0.0)


def _aside(life: Life, y_m: float) -> Iterator[Now]:
    now = life.now
    while abs(y_m - now.y_m) > 0.5:
        now.speed_mps = min(4.0, abs(y_m - now.y_m))
        now.y_m += now.speed_mps if y_m > now.y_m else -now.speed_mps
        now.at_s += 1
        yield now


def isolated(life: Life, to_m: float) -> Iterator[Now]:
    """A rest, its engine off and the battery's main switch open."""
    yield from life.until(to_m, life.chance.uniform(600, 4_200))
    start_s = life.now.at_s
    yield from life.stand(5, ignition=False)
    yield from life.stand(life.chance.randint(300, 1_200), power="cut")
    yield from life.stand(10, power="main")
    life.now.ignition = True
    life.trap("engine off", start_s, "tamper", "dark-truck")


def loose_plug(life: Life, to_m: float) -> Iterator[Now]:
    """A plug that lets go for a second or two, again and again, on a rough road."""
    yield from life.until(to_m, life.chance.uniform(600, 2_000))
    start_s = life.now.at_s
    for seconds, now in enumerate(life.drive(5_000.0)):
        now.power = "cut" if seconds % 47 < 2 else "main"
        yield now
    life.now.power = "main"
    life.trap("loose plug", start_s, "tamper")


def maintained(life: Life, to_m: float) -> Iterator[Now]:
    """Work on the truck by the road, and its terminal says so."""
    yield from life.until(to_m, life.chance.uniform(600, 4_200))
    start_s = life.now.at_s
    yield from life.stand(20, maintenance=True)
    yield from life.stand(life.chance.randint(200, 600), power="cut")
    yield from life.stand(20, power="main")
    life.now.maintenance = False
    life.trap("maintenance", start_s, "tamper", "dark-truck")


def in_the_tunnel(life: Life, to_m: float) -> Iterator[Now]:
    """Long without sky or network; a contact trembles there."""
    yield from life.until(to_m, TUNNEL_M[0])
    start_s = life.now.at_s
    life.now.online = False
    for seconds, now in enumerate(life.drive(TUNNEL_M[1] + 10)):
        now.power = "cut" if 20 <= seconds < 23 else "main"
        yield now
    life.now.online, life.now.power = True, "main"
    life.trap("tunnel", start_s, "tamper", "dark-truck")


def empty(life: Life, to_m: float) -> Iterator[Now]:
    """On the way back, nothing on board."""
    yield from life.until(to_m, life.chance.uniform(5_000, 8_000))
    start_s = life.now.at_s
    yield from life.stand(30, power="cut")
    yield from life.until(to_m, life.chance.uniform(500, 2_000))
    life.now.power = "main"
    life.trap("empty", start_s, "tamper", "dark-truck")


UNPLUGGED: tuple[PowerDeed, ...] = (unplugged_driving, unplugged_standing, unplugged_and_silent)
LAWFUL: tuple[PowerDeed, ...] = (engine_starts, in_the_workshop, isolated, loose_plug, maintained, in_the_tunnel)
"""Of loaded trucks; `empty` is for the way back."""

# --------------------------------------------------------------------------------------------- sensors

_SENSORS = ("cover", "bed", "load")


def breaks(chance: random.Random, from_s: int) -> tuple[list[Fault], str]:
    """A sensor at fault for forty minutes to three hours. Returned with its name."""
    sensor = chance.choice(_SENSORS)
    says = chance.choice(("open", "short", "suspect") if sensor != "load" else ("open", "short", "silent"))
    return [Fault(from_s, from_s + chance.randint(2_400, 10_800), sensor, says)], f"{sensor} {says}"


def is_stuck(chance: random.Random, from_s: int) -> tuple[list[Fault], str]:
    """The load's reading through several cycles."""
    return [Fault(from_s, from_s + chance.randint(8_400, 10_800), "load", "stuck")], "load stuck"


def bumps(chance: random.Random, from_s: int) -> list[Fault]:
    """A contact that lets go for seconds, some times in half an hour."""
    sensor = chance.choice(_SENSORS)
    starts = [from_s + chance.randrange(1_800) for _ in range(6)]
    return [Fault(at_s, at_s + chance.randint(2, 25), sensor, "open") for at_s in starts]


def rain(chance: random.Random, from_s: int) -> list[Fault]:
    """A shower of half an hour: a wet sensor is suspected, and well again, minute by minute."""
    sensor, found, at_s = chance.choice(_SENSORS), [], from_s
    while at_s < from_s + 1_800:
        wet_s = chance.randint(20, 150)
        found.append(Fault(at_s, at_s + wet_s, sensor, "suspect"))
        at_s += wet_s + chance.randint(40, 240)
    return found


def washed(chance: random.Random, from_s: int) -> list[Fault]:
    """Wheel wash and hose: some minutes."""
    return [Fault(from_s, from_s + chance.randint(60, 360), chance.choice(_SENSORS), "short")]


def reboots(chance: random.Random, from_s: int) -> list[Fault]:
    """Its terminal starts afresh: for a minute or two what it knew before, and no word of its sensors."""
    end_s = from_s + chance.randint(60, 150)
    return [Fault(from_s, end_s, sensor, "suspect") for sensor in _SENSORS]


PASSING = (bumps, rain, washed, reboots)
