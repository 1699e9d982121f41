"""Logs and metrics: how events are written, whose identities are masked, what is counted."""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from socketserver import ThreadingMixIn
from typing import Any, TextIO, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app
from structlog.typing import Processor

VISIBLE_CHARACTERS = 4
TEXT_LENGTH_MAX = 1000  # characters of a field of a log event
# Fields of log events that name a subscriber, whatever the room calls them.
SUBSCRIBER_FIELDS = frozenset(
    {"identity", "identities", "imsi", "msisdn", "nai", "sip_uri", "private", "subscription_id"}
)
LINES_A_SECOND = 10  # of one event that others can cause at will
MONITORING_SECONDS = 10  # for a client of the monitoring pages to say what it wants
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
BATCH_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


def mask(identity: str) -> str:
    """Returns an identity that shows its last 4 characters, or none when it has no more than 8."""
    hidden = len(identity) - VISIBLE_CHARACTERS
    if hidden < VISIBLE_CHARACTERS + 1:
        return "*" * len(identity)
    return "*" * hidden + identity[hidden:]


def mask_subscribers(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Masks the fields of an event that name a subscriber."""
    for field in SUBSCRIBER_FIELDS & event.keys():
        event[field] = _masked(event[field])
    return event


def tame_texts(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Shortens what peers wrote, and spells out what no terminal and no JSON should get."""
    for field, value in event.items():
        if isinstance(value, str | list):
            event[field] = _tame(value)
    return event


def configure_logging(level: str, format: str, stream: TextIO | None = None) -> None:
    """Writes events of this level and above to the stream, standard error when None.

    `auto` is console on a terminal and JSON, one object per line, elsewhere. What libraries have to
    say, from a warning on, is an event like any other.
    """
    stream = stream or sys.stderr
    on_console = format == "console" or (format == "auto" and stream.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            mask_subscribers,
            tame_texts,
            *(_console_processors(stream) if on_console else _json_processors()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unfailing(stream))),
        cache_logger_on_first_use=False,
    )
    logging.getLogger().addHandler(_LIBRARIES)


class _Libraries(logging.Handler):
    """Takes what libraries log: without it their lines would stand bare among the others."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info
        )


_LIBRARIES = _Libraries()


class _Unfailing:
    """A stream that loses what cannot be written: no answer waits for a full disk of logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def _call_later(seconds: float, work: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()


class SparingLog:
    """One event that others can cause at will: so many lines a second, the rest is counted.

    What was counted is told a second later, though nothing else happens. `clock` gives seconds and
    only moves forward; `call_later` does a work once, after so many of them.
    """

    def __init__(
        self,
        event: str,
        clock: Callable[[], float] = time.monotonic,
        call_later: Callable[[float, Callable[[], None]], None] = _call_later,
    ) -> None:
        self._event = event
        self._clock = clock
        self._call_later = call_later
        self._lock = threading.Lock()
        self._second = 0
        self._logged = 0
        self._not_logged = 0

    def info(self, log: structlog.typing.FilteringBoundLogger, **fields: object) -> None:
        """Logs the event, unless enough of it was logged in this second."""
        self._log(log, log.info, fields)

    def warning(self, log: structlog.typing.FilteringBoundLogger, **fields: object) -> None:
        """Logs it likewise as a warning."""
        self._log(log, log.warning, fields)

    def _log(
        self,
        log: structlog.typing.FilteringBoundLogger,
        write: Callable[..., object],
        fields: Mapping[str, object],
    ) -> None:
        second = int(self._clock())
        if second != self._second:
            self._second, self._logged = second, 0
        if self._logged < LINES_A_SECOND:
            self._logged += 1
            write(self._event, **fields)
            return
        with self._lock:
            self._not_logged += 1
            is_first = self._not_logged == 1
        if is_first:
            self._call_later(1.0, partial(self._tell, log))

    def _tell(self, log: structlog.typing.FilteringBoundLogger) -> None:
        with self._lock:
            events, self._not_logged = self._not_logged, 0
        log.warning(f"{self._event}, not logged", events=events)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The server's metrics, all in one registry."""

    registry: CollectorRegistry
    requests: Counter
    answers_dropped: Counter
    refusals: Counter
    tolerated: Counter
    batch_size: Histogram
    batch_seconds: Histogram
    queue_depth: Gauge
    database_errors: Counter
    database_retries: Counter
    peers_open: Gauge
    connections_half_open: Gauge
    connections_refused: Counter
    packets_dropped: Counter
    partition_days_ahead: Gauge
    default_partition_rows: Gauge
    partitions_undone: Gauge
    requests_again: Counter
    session_ids_shared: Counter
    sessions_abandoned: Counter
    reservations_expired: Counter
    events_reversed: Counter
    usage_spooled: Gauge
    usage_lost: Counter
    clock_skew_seconds: Gauge
    test_clock_ahead_seconds: Gauge
    catalogues_unreadable: Gauge
    deliveries: Counter
    outbox_waiting: Gauge
    outbox_oldest_seconds: Gauge
    outbox_given_up: Gauge
    tls_expiry_timestamp_seconds: Gauge


# By the field of `Metrics`, which is the name behind `ocs_`: what it says, and its labels.
_COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "requests": (
        "Requests answered, by their type and the result code of the command",
        ("request_type", "result_code"),
    ),
    "answers_dropped": ("Answers that were late or had no connection any more", ("reason",)),
    "refusals": ("Requests answered with an error, by Result-Code", ("result_code",)),
    "tolerated": ("Peculiarities of messages that were accepted, by kind", ("kind",)),
    "database_errors": (
        "Errors of the database: it was unavailable, or refused a request",
        ("kind",),
    ),
    "database_retries": ("Batches tried again, because others had changed what they read", ()),
    "connections_refused": ("Connections that did not come to be open, by reason", ("reason",)),
    "packets_dropped": (
        "Packets of SCTP over UDP that were dropped unread, by reason",
        ("reason",),
    ),
    "requests_again": (
        "Requests asked before: repeated, under a used number, or after their session's end",
        ("how",),
    ),
    "session_ids_shared": ("Sessions opened under the Session-Id of another subscriber's", ()),
    "sessions_abandoned": ("Sessions closed though nobody ended them, by reason", ("reason",)),
    "reservations_expired": ("Quotas taken back because nobody reported on them in time", ()),
    "events_reversed": ("Events taken back that were stored too late to be answered", ()),
    "deliveries": (
        "What became of notices, reports and calls that were to leave, by kind",
        ("kind", "result"),
    ),
    "usage_lost": ("Requests whose usage was neither charged nor kept, by reason", ("reason",)),
}
_GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "queue_depth": ("Requests that wait for a look-up or a lane", ("queue",)),
    "peers_open": ("Peers whose connection is open", ()),
    "connections_half_open": ("Connections whose capabilities were not exchanged yet", ()),
    "partition_days_ahead": ("Days after today that have a partition, by table", ("table",)),
    "default_partition_rows": (
        "Rows that found no partition of their day, counted up to 10,000, by table",
        ("table",),
    ),
    "partitions_undone": ("What the last look after the partitions left undone: see the log", ()),
    "usage_spooled": ("Sessions with usage of refused requests that waits to be charged", ()),
    "catalogues_unreadable": (
        "Tenants whose catalogue a newer program applied: they are refused with 3004",
        (),
    ),
    "outbox_waiting": (
        "Notices, reports and calls that wait in the database, counted up to 100,000, by kind",
        ("kind",),
    ),
    "outbox_oldest_seconds": ("For how long the oldest of them has waited", ("kind",)),
    "outbox_given_up": ("Those that were given up: `outbox list --dead` shows them", ("kind",)),
    "tls_expiry_timestamp_seconds": (
        "When the first of a file of TLS expires, in seconds since 1970",
        ("file",),
    ),
    "clock_skew_seconds": ("How far this clock is ahead of the database's", ()),
    "test_clock_ahead_seconds": ("How far the test clock is ahead, if there is one", ()),
}
_HISTOGRAMS: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "batch_size": ("Requests in one transaction", BATCH_SIZES),
    "batch_seconds": ("Seconds from the begin of a batch to its commit", BATCH_SECONDS),
}


def create_metrics() -> Metrics:
    """Makes the metrics in a registry of their own."""
    registry = CollectorRegistry()
    metrics: dict[str, Any] = {"registry": registry}
    for name, (text, labels) in _COUNTERS.items():
        metrics[name] = Counter(f"ocs_{name}", text, labels, registry=registry)
    for name, (text, labels) in _GAUGES.items():
        metrics[name] = Gauge(f"ocs_{name}", text, labels, registry=registry)
    for name, (text, buckets) in _HISTOGRAMS.items():
        metrics[name] = Histogram(f"ocs_{name}", text, registry=registry, buckets=buckets)
    return Metrics(**metrics)


def _masked(value: object) -> object:
    """Masks text and numbers; of a collection, each member."""
    if isinstance(value, bytes):
        return mask(value.decode(errors="replace"))
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(member) for member in value]
    return value if value is None else mask(str(value))


def _tame(value: object) -> object:
    if isinstance(value, list):
        return [_tame(member) for member in value]
    if not isinstance(value, str):
        return value
    if len(value) > TEXT_LENGTH_MAX:
        value = value[:TEXT_LENGTH_MAX] + "..."
    return value if value.isprintable() else ascii(value)[1:-1]


def _console_processors(stream: TextIO) -> list[Processor]:
    return [
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _json_processors() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_encode_json)]


def _encode_json(event: object, **_: object) -> str:
    try:
        return msgspec.json.encode(event, enc_hook=repr).decode()
    except UnicodeEncodeError:  # an exception quotes what a peer sent
        return json.dumps(event, default=repr)


@contextmanager
def monitored(
    host: str, port: int, metrics: Metrics, unready: Callable[[], str | None]
) -> Iterator[int]:
    """Serves `/metrics`, `/healthz` and `/readyz` over HTTP from a thread; yields the port.

    `unready` says why the server cannot take requests now, or None when it can. OSError when the
    port is taken.
    """

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return page(environ, start_response)
        reason = unready() if path == "/readyz" else None
        if path not in ("/healthz", "/readyz"):
            status, text = "404 Not Found", "there is /metrics, /healthz and /readyz"
        elif reason is not None:
            status, text = "503 Service Unavailable", reason
        else:
            status, text = "200 OK", "ok"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [text.encode() + b"\n"]

    page: WSGIApplication = make_wsgi_app(metrics.registry)
    server = make_server(host, port, respond, _MonitoringServer, _QuietHandler)
    thread = threading.Thread(target=server.serve_forever, name="monitoring", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _MonitoringServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    timeout = MONITORING_SECONDS

    def log_message(self, format: str, *args: object) -> None:
        """Keeps the pages' own requests out of the log."""
