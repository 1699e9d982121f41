"""Every Gy message that real clients and servers exchanged is decoded, and the requests pass."""

from pathlib import Path

import pytest

from diameter_ocs.base.checks import check
from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.errors import AvpUnsupported
from diameter_ocs.base.message import Decoder, decode
from diameter_ocs.base.tolerance import Tolerated
from tests.base.captures import messages
from tests.base.trees import whole

pytestmark = pytest.mark.shared

BASE, GY = 0, 4
FLAGS = {Tolerated.AVP_FLAGS}

# The Gy messages, the requests with an unknown mandatory AVP, and what the others do wrong.
CAPTURES = [
    ("lab_erlang_gy_sy.pcap", 2420, 0, {*FLAGS, Tolerated.UNKNOWN_MANDATORY_AVP}),
    ("lab_freediameter_gy_sy_rar_dwr.pcap", 22, 0, FLAGS),
    ("magma_gx_gy_combined_03_210505_132953-1.pcapng", 28, 0, FLAGS),
    ("magma_gx_gy_combined_06_210505_133132-1.pcapng", 8, 0, FLAGS),
]


@pytest.mark.parametrize(("name", "count", "unknown", "peculiarities"), CAPTURES)
def test_every_gy_message_of_a_capture_is_decoded(
    dictionary: Dictionary,
    shared: Path,
    name: str,
    count: int,
    unknown: int,
    peculiarities: set[Tolerated],
) -> None:
    seen, refused, tolerated = 0, 0, set()
    for octets in messages(shared / "captures" / name):
        if int.from_bytes(octets[8:12]) not in (BASE, GY):
            continue
        message = decode(octets, dictionary)
        assert message.fault is None
        assert message.name is not None
        seen += message.application_id == GY
        if message.is_request:
            try:
                tolerated |= {*check(message, dictionary, strict=False, applications={GY})}
            except AvpUnsupported:
                refused += 1
    assert (seen, refused, tolerated) == (count, unknown, peculiarities)


@pytest.mark.parametrize("name", [row[0] for row in CAPTURES])
def test_a_capture_is_read_alike_with_and_without_a_memory(
    dictionary: Dictionary, shared: Path, name: str
) -> None:
    decoder = Decoder(dictionary)
    for octets in messages(shared / "captures" / name):
        assert whole(decoder.decode(octets), dictionary) == whole(
            decode(octets, dictionary), dictionary
        )
