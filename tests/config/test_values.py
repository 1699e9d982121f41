"""Endpoints, written and read."""

import pytest

from diameter_ocs.config import Endpoint, parse_endpoint
from diameter_ocs.config.values import parse_peer_endpoint, parse_place


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("127.0.0.1:3868", Endpoint("127.0.0.1", 3868)),
        ("ocs.example:0", Endpoint("ocs.example", 0)),
        ("[::]:3868", Endpoint("::", 3868)),
        ("[fe80::1%eth0]:1", Endpoint("fe80::1%eth0", 1)),
    ],
)
def test_an_endpoint_is_written_as_it_was_read(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text) == endpoint
    assert str(endpoint) == text


@pytest.mark.parametrize("text", ["", "3868", ":3868", "::1:3868", "host:65536", "host:x", "[h]"])
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be HOST:PORT"):
        parse_endpoint(text)


@pytest.mark.parametrize("text", ["192.0.2.9:3868", "[2001:db8::9]:1"])
def test_a_place_is_written_as_it_was_read(text: str) -> None:
    place = parse_place(text)
    assert str(place) == text
    assert parse_place(place) == place


@pytest.mark.parametrize(
    "text", ["192.0.2.9", "192.0.2.9:0", "pgw.example", "2001:db8::9:3868", "pgw.example:70000", ""]
)
def test_where_a_peer_is_has_a_port(text: str) -> None:
    with pytest.raises(ValueError, match="must be HOST:PORT"):
        parse_peer_endpoint(text)


def test_a_place_of_this_node_may_leave_its_port_to_the_system() -> None:
    assert str(parse_place("[::]:0")) == "[::]:0"
