"""Logs name no subscriber, and every metric has its place."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog
from prometheus_client import generate_latest

from diameter_ocs.observability import SparingLog, configure_logging, create_metrics, mask


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream to log to; logging is as it was before when the test ends."""
    before = structlog.get_config()
    yield io.StringIO()
    structlog.configure(**before)


@pytest.mark.parametrize(
    ("identity", "shown"),
    [
        ("001010000000001", "***********0001"),
        ("15550100001", "*******0001"),
        ("123456789", "*****6789"),
        ("12345678", "********"),
        ("1234", "****"),
        ("", ""),
    ],
)
def test_at_most_the_last_four_characters_are_shown(identity: str, shown: str) -> None:
    assert mask(identity) == shown


def test_an_event_is_one_line_of_json_with_its_fields(stream: io.StringIO) -> None:
    configure_logging("info", "json", stream)
    structlog.get_logger().info("peer opened", host="pgw.example", octets=b"\x01")
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "peer opened",
        "level": "info",
        "host": "pgw.example",
        "octets": "AQ==",
    }


@pytest.mark.parametrize("format", ["json", "console"])
@pytest.mark.parametrize(
    "fields",
    [
        {"imsi": "001010000000001"},
        {"msisdn": 15550100001},
        {"identity": b"001010000000001"},
        {"identities": ["001010000000001", "15550100001"]},
        {"subscription_id": ("IMSI", "001010000000001")},
    ],
)
def test_a_log_never_shows_a_whole_identity(
    stream: io.StringIO, format: str, fields: dict[str, object]
) -> None:
    configure_logging("info", format, stream)
    structlog.get_logger().info("request refused", **fields)
    assert "0001" in stream.getvalue()
    assert "00000001" not in stream.getvalue()
    assert "15550100001" not in stream.getvalue()


@pytest.mark.parametrize("format", ["json", "console"])
def test_what_peers_wrote_is_shortened_and_spelled_out(stream: io.StringIO, format: str) -> None:
    configure_logging("info", format, stream)
    strange = b"pgw\xff\0\x1b[31m\n".decode(errors="surrogateescape")
    structlog.get_logger().info("peer opened", host=strange, realm="Zürich", identities=[strange])
    structlog.get_logger().info("peer opened", host="x" * 60_000)
    first, second = stream.getvalue().splitlines()
    assert "pgw" in first
    assert "Zürich" in first
    assert not {"\0", "\x1b", "\udcff"} & set(first)
    first.encode()
    assert len(second) < 2000


def test_an_exception_that_quotes_what_is_no_text_is_logged(stream: io.StringIO) -> None:
    configure_logging("info", "json", stream)
    try:
        raise ValueError("pgw\udcff")
    except ValueError:
        structlog.get_logger().exception("request failed", octets=b"\1")
    assert (
        "ValueError: pgw\\udcff"
        in json.loads(stream.getvalue())["exception"].encode(errors="backslashreplace").decode()
    )


def test_events_below_the_level_are_not_written(stream: io.StringIO) -> None:
    configure_logging("warning", "json", stream)
    structlog.get_logger().info("peer opened")
    assert stream.getvalue() == ""


def test_what_json_does_not_know_is_written_as_its_repr(stream: io.StringIO) -> None:
    configure_logging("info", "json", stream)
    structlog.get_logger().info("odd thing seen", thing=1j)
    assert json.loads(stream.getvalue())["thing"] == "1j"


def test_a_fault_is_logged_with_its_trace(stream: io.StringIO) -> None:
    configure_logging("info", "json", stream)
    try:
        raise ValueError("no such thing")
    except ValueError:
        structlog.get_logger().exception("batch failed")
    assert "ValueError: no such thing" in json.loads(stream.getvalue())["exception"]


def test_automatic_is_json_where_there_is_no_terminal(stream: io.StringIO) -> None:
    configure_logging("info", "auto", stream)
    structlog.get_logger().info("peer opened")
    assert json.loads(stream.getvalue())["event"] == "peer opened"


def test_what_a_library_says_is_an_event_like_any_other(stream: io.StringIO) -> None:
    configure_logging("info", "json", stream)
    configure_logging("info", "json", stream)
    logging.getLogger("psycopg").info("nothing of note")
    logging.getLogger("psycopg").warning("error ignored in %s", "a pipeline")
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert (event["event"], event["level"]) == ("error ignored in a pipeline", "warning")
    assert event["logger"] == "psycopg"


def test_metrics_stand_in_a_registry_of_their_own() -> None:
    first, second = create_metrics(), create_metrics()
    first.requests.labels(request_type="INITIAL", result_code="2001").inc()
    counted = 'ocs_requests_total{request_type="INITIAL",result_code="2001"} 1.0'
    assert counted in generate_latest(first.registry).decode()
    assert counted not in generate_latest(second.registry).decode()


def test_an_event_that_others_cause_at_will_is_logged_sparingly() -> None:
    now = 5.0
    later: list[tuple[float, Callable[[], None]]] = []
    with structlog.testing.capture_logs() as lines:
        sparing = SparingLog(
            "request refused", lambda: now, lambda seconds, work: later.append((seconds, work))
        )
        for number in range(100):
            sparing.info(structlog.get_logger(), number=number)
        now = 6.0
        sparing.info(structlog.get_logger(), number=100)
    numbers = [line["number"] for line in lines if line["event"] == "request refused"]
    assert numbers == [*range(10), 100]
    assert [seconds for seconds, _ in later] == [1.0]


def test_how_many_events_were_not_logged_is_told_though_nothing_follows() -> None:
    later: list[Callable[[], None]] = []
    with structlog.testing.capture_logs() as lines:
        sparing = SparingLog("request refused", lambda: 5.0, lambda _, work: later.append(work))
        for _ in range(2):
            for _ in range(50):
                sparing.info(structlog.get_logger())
            later.pop()()
    assert [line["events"] for line in lines if "not logged" in line["event"]] == [40, 50]
    assert later == []


def test_a_log_that_cannot_be_written_stops_nobody(stream: io.StringIO) -> None:
    stream.close()
    configure_logging("info", "json", stream)
    structlog.get_logger().info("peer opened")
