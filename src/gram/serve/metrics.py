"""The metrics at /metrics (Prometheus)."""

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

MEDIA_TYPE = CONTENT_TYPE_LATEST
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable with the folder in which several workers combine their metrics."""
SECONDS = 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60

REQUESTS = Counter("gram_requests", "Requests answered.", ["task", "endpoint", "status"])
LATENCY = Histogram(
    "gram_request_seconds", "Seconds from a request to its answer.", ["task", "endpoint"], buckets=SECONDS
)
QUEUED = Gauge("gram_queue_requests", "Requests that wait or run.", ["task"], multiprocess_mode="livesum")

STEPS = Histogram(
    "gram_step_rows", "Rows of a supervision step.", ["task"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
)


def seen(task: str, endpoint: str, status: int, seconds: float) -> None:
    """Count a request."""
    REQUESTS.labels(task, endpoint, str(status)).inc()
    if task:
        LATENCY.labels(task, endpoint).observe(seconds)


def text() -> bytes:
    """All metrics, of all workers."""
    if SHARED not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return generate_latest(registry)
