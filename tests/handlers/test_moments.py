"""Moments are read as they are written."""

import pytest

from diameter_ocs.handlers.moments import moment_text, parse_moment
from diameter_ocs.handlers.refusals import Refusal


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1970-01-01", 0),
        ("1970-01-02T01:00", 90_000_000_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01 00:00:01.000002Z", 1_000_002),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-11-20T18:30:00.123456Z", 1_795_199_400_123_456),
    ],
)
def test_a_moment_is_read(text: str, microseconds: int) -> None:
    assert parse_moment(text) == microseconds
    assert parse_moment(moment_text(microseconds)) == microseconds


@pytest.mark.parametrize("text", ["", "now", "2026-02-30", "20:00", "1", "٢٠٢٦-01-01x"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_moment(text)
    assert caught.value.code == "invalid_time"
