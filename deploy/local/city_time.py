"""The city clock of a local system: it begins on a weekday morning, and after a stop goes on where it stood.

While we run, the time shown is written down every second. City time never goes back: records on Kafka and in the
database carry it.
"""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from zoneinfo import ZoneInfo

from deploy.local.failure import LocalStartError
from services.clock import CityClock

FIRST_HOUR: Final = 7
"""Local time at which a new city begins: the trucks leave their depots."""
_FRIDAY: Final = 4
_MARGIN_S: Final = 1.0
"""The record may be this much older than the last thing that was stamped."""
_LONGEST_END_S: Final = 20.0
"""How long processes may have gone on after a crash of the launcher, which writes the record."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the clock last showed, both UTC ms. ``ended``: nothing ran any more when it was written."""

    city_ms: int
    wall_ms: int
    ended: bool
    rate: float = 1.0

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read the record; None if the city has not begun.

        Raises
        ------
        LocalStartError
            If the file cannot be understood: beginning again would turn the clock back.
        """
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise LocalStartError(
                f"{path} does not say what the city clock showed; put it back, or begin again with `make reset`"
            ) from error

    def write(self, path: Path) -> None:
        """Replace the record, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        text = json.dumps({"city_ms": self.city_ms, "wall_ms": self.wall_ms, "ended": self.ended, "rate": self.rate})
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)


def running(shown: Shown) -> CityClock:
    """Return the clock of the system that wrote this record, while it runs."""
    return CityClock(origin_ms=shown.city_ms, wall_origin_ms=shown.wall_ms, rate=shown.rate)


def begin(shown: Shown | None, *, wall_ms: int, rate: float, time_zone: str) -> CityClock:
    """Return the clock of a start at ``wall_ms`` (UTC ms), given what was last shown."""
    origin_ms = _first_morning_ms(wall_ms, ZoneInfo(time_zone)) if shown is None else _go_on_ms(shown, wall_ms, rate)
    return CityClock(origin_ms=origin_ms, wall_origin_ms=wall_ms, rate=rate)


def _first_morning_ms(wall_ms: int, zone: ZoneInfo) -> int:
    """Return 07:00 of the newest Monday to Friday that is not after today."""
    today = dt.datetime.fromtimestamp(wall_ms / 1000, zone).date()
    weekday = today - dt.timedelta(days=max(0, today.weekday() - _FRIDAY))
    morning = dt.datetime.combine(weekday, dt.time(FIRST_HOUR), zone)
    return round(morning.timestamp() * 1000)


def _go_on_ms(shown: Shown, wall_ms: int, rate: float) -> int:
    since_s = max(0.0, (wall_ms - shown.wall_ms) / 1000)
    unseen_s = 0.0 if shown.ended else min(since_s, _LONGEST_END_S)
    return shown.city_ms + round((unseen_s + _MARGIN_S) * rate * 1000)
