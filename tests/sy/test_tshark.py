"""tshark finds nothing wrong with what this node says of spending limits, and reads it so."""

from pathlib import Path

import pytest

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Identity, decode, error_answer
from diameter_ocs.charging.spending_limits import (
    CounterStatus,
    PendingStatus,
    SpendingLimitAnswer,
    SpendingLimitOutcome,
)
from diameter_ocs.sy.encode import RESULT_CODES, Encoder
from diameter_ocs.sy.notify import Notifier, StatusNotification
from tests.base.wire import avp, number
from tests.interop.recording import Spoken, capture
from tests.interop.test_tshark import FROM_SERVER, WRONG, tshark
from tests.sy.conftest import Read
from tests.sy.test_grammar import DECISIONS, REQUESTS, caught
from tests.sy.wire import SESSION_ID, counter, features, slr, sna, str_

pytestmark = pytest.mark.ci

NOON = 1_709_985_600_000_000
STATUSES = (
    CounterStatus("data", "low", (PendingStatus("full", NOON),)),
    CounterStatus("calls", "none"),
)
ASKING = slr(features(1), counter(b"x"), counter(b"y"))
YOUNGER = (
    "Unknown AVP 2907 (vendor=3GPP), if you know what this is you can add it to dictionary.xml"
)
"""tshark is older than SN-Request-Type."""


class Conversation:
    """What a policy server and this node say to each other, for tshark."""

    def __init__(self) -> None:
        self._spoken: list[Spoken] = []

    def add(self, *octets: bytes, is_from_peer: bool = True) -> None:
        """Adds what one says, and what the other says to it."""
        for each in octets:
            at = NOON + len(self._spoken)
            self._spoken.append(Spoken(at, 0, is_from_peer, each))
            is_from_peer = not is_from_peer

    def written(self, folder: Path) -> Path:
        """Returns it as a capture."""
        path = folder / "sy.pcap"
        path.write_bytes(capture(self._spoken))
        return path


def numbered(octets: bytes, identifier: int) -> bytes:
    """Return a message with ids of its own, by which tshark finds its answer."""
    return octets[:12] + 2 * number(identifier) + octets[20:]


@pytest.fixture
def spoken(
    tmp_path: Path, dictionary: Dictionary, identity: Identity, read: Read, encoder: Encoder
) -> Path:
    """All kinds of answers, those of errors too, as a capture."""
    conversation = Conversation()
    ids = iter(range(1, 1000))
    for decided in DECISIONS:
        octets = numbered(ASKING, next(ids))
        conversation.add(octets, encoder.encode(decided, read(octets)))
    for outcome in RESULT_CODES:
        octets = numbered(str_(), next(ids))
        conversation.add(octets, encoder.encode(SpendingLimitAnswer(outcome), read(octets)))
    for request_of in REQUESTS.values():
        octets = numbered(request_of(avp(268, number(1))), next(ids))
        error = caught(dictionary, octets)
        message = decode(octets, dictionary)
        conversation.add(octets, error_answer(message, dictionary, identity, error))
    return conversation.written(tmp_path)


def test_nothing_is_wrong_with_an_answer(spoken: Path) -> None:
    assert tshark(spoken, ["_ws.expert.message"], f"{FROM_SERVER} && ({WRONG})") == []
    requests = tshark(spoken, ["diameter.answer_in"], "diameter.flags.request == 1")
    assert len(requests) == len(DECISIONS) + len(RESULT_CODES) + len(REQUESTS)
    assert [] not in requests


def test_an_answer_is_read_as_it_is_meant(tmp_path: Path, read: Read, encoder: Encoder) -> None:
    decided = SpendingLimitAnswer(SpendingLimitOutcome.SUCCESS, STATUSES, features=1)
    conversation = Conversation()
    conversation.add(ASKING, encoder.encode(decided, read(ASKING)))
    (row,) = tshark(
        conversation.written(tmp_path),
        [
            "diameter.Result-Code",
            "diameter.Policy-Counter-Identifier",
            "diameter.Policy-Counter-Status",
            "diameter.Pending-Policy-Counter-Change-Time",
            "diameter.Feature-List",
        ],
        FROM_SERVER,
    )
    code, names, statuses, change_time, bits = row
    assert (code, names, statuses) == ("2001", "data,calls", "low,full,none")
    assert change_time.startswith("Mar  9, 2024 12:00:00")
    assert int(bits) == 1


def test_a_report_is_read_as_it_is_meant(tmp_path: Path, notifier: Notifier) -> None:
    conversation = Conversation()
    for is_abort in (False, True):
        sent = StatusNotification(b"pcrf.example;1;2", "pcrf", "example", STATUSES, is_abort)
        answer = sna(avp(268, number(2001)))
        conversation.add(
            numbered(notifier.encode(sent, 0), 7 + is_abort),
            numbered(answer, 7 + is_abort),
            is_from_peer=False,
        )
    path = conversation.written(tmp_path)
    remarks = tshark(path, ["_ws.expert.message"], f"{FROM_SERVER} && ({WRONG})")
    assert remarks == [[YOUNGER]]
    names = ["diameter.Session-Id", "diameter.Policy-Counter-Status", "diameter.answer_in"]
    session_id = SESSION_ID[8:].decode()
    assert tshark(path, names, FROM_SERVER) == [
        [session_id, "low,full,none", "2"],
        [session_id, "low,full,none", "4"],
    ]
