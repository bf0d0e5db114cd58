"""A round of making evidence: what is due is collected from the tables, composed, and sealed as the next version.

What the tables do not have yet is waited for, `document.WAITS_MS` at most; then it is sealed as incomplete. Later looks, and
later revisions of the alert, add versions; none is ever replaced.
"""

import logging
from typing import Any, Final

import msgspec

from services import metrics, store
from services.evidence import document
from services.evidence.document import Found, Frame, Named
from services.store import evidence, retention
from services.store.evidence import Wanted
from streams import codec, events
from streams.topics import ALERTS
from streams.units import HOUR_MS, SECOND_MS

logger = logging.getLogger(__name__)

AT_ONCE: Final = 20
"""Alerts of one round: between two, what has come is taken in."""
AGAIN_MS: Final = 10 * SECOND_MS
"""City time until the tables are asked again for what is not there yet."""
AFTER_FAILURE_MS: Final = HOUR_MS
_FAILED: Final = "evidence of some alerts cannot be made"


class Maker:
    """Makes what is due. One that cannot be made is tried again in an hour, and keeps no other from being made."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._failing: set[str] = set()

    def round(self, now_ms: int) -> int:
        """Make what is due at ``now_ms``, city time; return how many alerts were looked at, `AT_ONCE` at most.

        Raises
        ------
        store.Away
            If the database cannot be reached; what was sealed before is sealed.
        """
        due = evidence.due(self._engine, now_ms, AT_ONCE)
        for wanted in due:
            try:
                make(self._engine, wanted, now_ms)
            except store.Away:
                raise
            except Exception:  # whatever an alert does to the code, the others get their evidence
                logger.exception("no evidence can be made", extra={"alert_id": wanted.alert_id})
                metrics.EVIDENCE_FAILED.inc()
                self._failing.add(wanted.evidence_id)
                evidence.postpone(self._engine, wanted, now_ms + AFTER_FAILURE_MS)
            else:
                self._failing.discard(wanted.evidence_id)
        metrics.UNHEALTHY.labels(_FAILED).set(bool(self._failing))
        return len(due)


def make(engine: Any, wanted: Wanted, now_ms: int) -> evidence.Version | None:
    """Seal the next version of an alert's evidence, or, if more is to be expected, put it off. None = nothing was sealed."""
    alert = codec.decode(ALERTS, msgspec.json.encode(wanted.record))
    may_wait = now_ms < document.settled_ms(alert) + document.WAITS_MS
    known_to_ms = _known_to_ms(engine, alert)
    if may_wait and not document.is_known(alert, known_to_ms):
        evidence.postpone(engine, wanted, now_ms + AGAIN_MS)
        return None
    found = collect(engine, alert, known_to_ms)
    content = document.compose(alert, wanted.record, found)
    if (before := evidence.newest(engine, wanted)) is not None:
        content = document.renewed(msgspec.json.decode(before), content)
    if may_wait and not content["complete"]:
        evidence.postpone(engine, wanted, now_ms + AGAIN_MS)
        return None
    made = evidence.add(
        engine,
        wanted,
        content,
        [frame.value for frame in found.frames],
        made_ms=now_ms,
        known_to_ms=known_to_ms,
        next_look_ms=document.next_look_ms(alert, now_ms),
    )
    if made is not None:
        _tell(made)
    return made


def _tell(made: evidence.Version) -> None:
    """Log the newest hash of the chain: a log that is kept elsewhere proves what stood before it."""
    place = {"evidence_id": made.evidence_id, "version": made.version, "number": made.entry.number}
    logger.info("sealed", extra={**place, "sha256": made.entry.sha256, "complete": made.complete})
    metrics.EVIDENCE_VERSIONS.labels(str(made.complete).lower()).inc()


def collect(engine: Any, alert: events.Alert, known_to_ms: int | None) -> Found:
    """Return what the tables hold of an alert's time."""
    found = _measured(engine, alert)
    keys = document.frame_keys(found)
    return found._replace(
        frames=[Frame(*row) for row in evidence.frames(engine, alert.tenant_id, keys)],
        used={one: record for one in document.named(alert.used) if (record := _record(engine, alert, one)) is not None},
        known_to_ms=known_to_ms,
        gone=() if found.measurements or alert.truck_id is None else _gone(engine, alert),
    )


def _measured(engine: Any, alert: events.Alert) -> Found:
    parts = document.parts(alert)
    if alert.truck_id is not None:
        by_arrival = document.by_arrival(alert)
        return Found(evidence.fixes(engine, alert.tenant_id, alert.truck_id, parts, by_arrival=by_arrival))
    if alert.bin_id is not None:
        devices = evidence.devices_of_bin(engine, alert.tenant_id, alert.bin_id)
        return Found(evidence.readings(engine, alert.tenant_id, alert.bin_id, parts), devices)
    return Found()


def _known_to_ms(engine: Any, alert: events.Alert) -> int | None:
    if alert.truck_id is None and alert.bin_id is None:
        return None
    return evidence.newest_ms(engine, alert, by_arrival=document.by_arrival(alert))


def _record(engine: Any, alert: events.Alert, one: Named) -> dict[str, Any] | None:
    return evidence.record(engine, alert.tenant_id, one.kind, one.id, one.version)


def _gone(engine: Any, alert: events.Alert) -> list[str]:
    span = document.parts(alert)
    return retention.missing(engine, alert.tenant_id, span[0].from_ms, span[-1].to_ms)
