"""Every metric of the worker: name, kind, unit and meaning in one list. The door to prometheus-client.

What to do when one is bad is said in the README. Labels never hold a truck or a bin: they would grow without bound.
"""

from functools import partial
from typing import Final

import prometheus_client as prometheus

_OWN: Final = prometheus.CollectorRegistry()
"""Not the library's: the services have metrics of the same names, and a tool or a test may load both."""
prometheus.ProcessCollector(registry=_OWN)
prometheus.PlatformCollector(registry=_OWN)
prometheus.GCCollector(registry=_OWN)

Counter, Gauge, Histogram = (
    partial(prometheus.Counter, registry=_OWN),
    partial(prometheus.Gauge, registry=_OWN),
    partial(prometheus.Histogram, registry=_OWN),
)
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

CONSUMER_LAG = Gauge("qingyun_consumer_lag_records", "Records on the topic not yet committed", ["topic"])
LAST_PROGRESS = Gauge(
    "qingyun_last_progress_timestamp_seconds", "Wall time of the last finished slice, or of being idle"
)
EVENTS = Counter("qingyun_worker_events_total", "Records read by outcome: folded, repeated, dead", ["topic", "result"])
OUTPUTS = Counter("qingyun_worker_outputs_total", "Records said", ["topic"])
ALERTS = Counter("qingyun_worker_alerts_total", "Revisions of alerts", ["rule", "state"])
DEAD_LETTERS = Counter("qingyun_dead_letters_total", "Records set aside with a reason", ["topic", "stage"])
SLICE_RECORDS = Histogram(
    "qingyun_worker_slice_records", "Records in a slice", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
)
SLICE_SECONDS = Histogram("qingyun_worker_slice_seconds", "Wall time of one slice", ["topic"], buckets=_SECONDS)
EVENT_AGE = Gauge("qingyun_worker_event_age_seconds", "Arrival of the last fix after its own time, last slice")
LATE = Counter("qingyun_worker_late_total", "Fixes that came after later ones of their truck had been judged")
DUPLICATES = Counter("qingyun_worker_duplicates_total", "Fixes that had come before")
COMMIT_AGE = Gauge("qingyun_worker_commit_age_seconds", "Wall time since the last commit, 0 while idle")
RECOVERED = Counter("qingyun_worker_changelog_records_total", "Changelog records applied")
RECOVERY_SECONDS = Histogram(
    "qingyun_worker_recovery_seconds", "Wall time of a recovery, joining the group included", buckets=_SECONDS
)
RESTORING_SECONDS = Histogram(
    "qingyun_worker_restoring_seconds", "Wall time of reading the changelog in a recovery", buckets=_SECONDS
)
REBALANCES = Counter("qingyun_worker_rebalances_total", "Times partitions were handed out anew")
SEND_ERRORS = Counter("qingyun_worker_send_errors_total", "Sends the broker did not confirm; each ends the process")
STATE_KEYS = Gauge("qingyun_worker_state_keys", "Trucks and bins in memory", ["kind"])
STATE_BYTES = Histogram(
    "qingyun_worker_state_bytes", "Size of a state written", buckets=(500, 1000, 2000, 5000, 10_000, 50_000, 900_000)
)
REFERENCE = Counter("qingyun_worker_reference_records_total", "Records of what exists, applied", ["topic"])


def serve(port: int, host: str) -> None:
    """Serve ``/metrics`` in a thread of its own; port 0 = do nothing."""
    if port:
        prometheus.start_http_server(port, addr=host, registry=_OWN)
