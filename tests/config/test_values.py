"""Endpoints, written and read."""

import pytest

from diameter_ocs.config import Endpoint, parse_endpoint


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
