"""Every metric of the services: name, kind, unit and meaning in one typed list. The door to prometheus-client.

Labels never hold a truck, bin or person: they would grow without bound.
"""

import urllib.request
from typing import Final

from prometheus_client import Counter, Gauge, Histogram, start_http_server
from prometheus_client.parser import text_string_to_metric_families

_LATENCY_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)

# --- every process
CONSUMER_LAG = Gauge("qingyun_consumer_lag_records", "Records on the topic not yet taken into account", ["topic"])
LAST_PROGRESS = Gauge("qingyun_last_progress_timestamp_seconds", "Wall time of the last finished round of work")
UNHEALTHY = Gauge("qingyun_unhealthy", "1 while the reason holds, else 0", ["reason"])
DEAD_LETTERS = Counter("qingyun_dead_letters_total", "Records set aside with a reason", ["topic", "stage"])

# --- ingest
FRAMES = Counter("qingyun_ingest_frames_total", "Frames and requests by door and outcome", ["protocol", "outcome"])
SESSIONS = Gauge("qingyun_ingest_sessions", "Open terminal connections", ["protocol"])
ACK_SECONDS = Histogram(
    "qingyun_ingest_ack_seconds",
    "Wall time from a frame's arrival to its acknowledgement",
    ["protocol"],
    buckets=_LATENCY_S,
)
SPOOL_RECORDS = Gauge("qingyun_ingest_spool_records", "ChirpStack uplinks waiting for Kafka on disk")
SPOOL_DEFERRED = Gauge("qingyun_ingest_spool_deferred_records", "ChirpStack uplinks waiting on disk for the register")
SPOOL_REFUSED = Counter("qingyun_ingest_spool_refused_total", "Uplinks refused because the spool is full")
SPOOL_SET_ASIDE = Counter("qingyun_ingest_spool_set_aside_total", "Spooled uplinks that can never leave the spool")

# --- recorder
ROWS = Counter("qingyun_recorder_rows_total", "Rows written", ["table"])
TRANSACTION_SECONDS = Histogram(
    "qingyun_recorder_transaction_seconds", "Wall time of one transaction of the recorder", buckets=_LATENCY_S
)
OFFSET_CONFLICTS = Counter(
    "qingyun_recorder_offset_conflicts_total", "Transactions rolled back: another recorder was first"
)

REST_ROWS = Gauge("qingyun_store_rest_rows", "Rows without a day of their own: clocks that are far off", ["table"])
DAYS = Gauge("qingyun_store_days", "Days a table has a partition for", ["table"])

# --- planner
RUNS = Counter("qingyun_planner_runs_total", "Calls of the optimiser", ["material", "reason", "engine"])
RUN_SECONDS = Histogram(
    "qingyun_planner_run_seconds", "Wall time from trigger to plans on Kafka", ["material"], buckets=_LATENCY_S
)
PLANS = Counter("qingyun_planner_plans_total", "Plans by outcome: sent, unchanged, rejected by check", ["outcome"])
LEFT_OUT = Gauge("qingyun_planner_left_out", "Stops no truck will visit", ["material", "code"])

# --- evidence
EVIDENCE_VERSIONS = Counter("qingyun_evidence_versions_total", "Versions of evidence sealed", ["complete"])
EVIDENCE_WAITING = Gauge("qingyun_evidence_waiting_alerts", "Alerts of whose newest revision no evidence is sealed yet")
EVIDENCE_FAILED = Counter("qingyun_evidence_failed_total", "Evidence that could not be made; tried again in an hour")

# --- gateway
REQUEST_SECONDS = Histogram(
    "qingyun_gateway_request_seconds", "Wall time of a request", ["route", "status"], buckets=_LATENCY_S
)
DENIED = Counter("qingyun_gateway_denied_total", "Requests refused by the policy", ["action"])
STREAMS = Gauge("qingyun_gateway_streams", "Open event streams of browsers")
OUTBOX_WAITING = Gauge("qingyun_gateway_outbox_records", "Commands in the database not yet on Kafka")

# --- simulator
SIMULATED = Counter(
    "qingyun_simulator_messages_total", "Messages the simulated devices sent, by outcome", ["protocol", "outcome"]
)


def serve(port: int, host: str = "127.0.0.1") -> None:
    """Serve ``/metrics`` in a thread of its own; port 0 = do nothing."""
    if port:
        start_http_server(port, addr=host)


def scrape(port: int, host: str, timeout_s: float = 1.0) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Read another process's metrics: sample name → (labels, value) pairs. ``host``: `Settings.reachable_host`.

    Raises
    ------
    OSError
        If nothing answers there.
    """
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=timeout_s) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    samples: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in families:
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return samples
