"""tshark finds nothing wrong with what the server said to foreign stacks."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.interop.recording import SERVER_PORT
from tests.interop.runs import Run
from tests.interop.stacks import APT, STACKS
from tests.interop.steps import IDLE
from tests.interop.subscribers import CAPTURES

pytestmark = pytest.mark.ci

CAPABILITIES_EXCHANGE, CREDIT_CONTROL, DEVICE_WATCHDOG, DISCONNECT_PEER = 257, 272, 280, 282
FROM_SERVER = f"diameter && tcp.srcport == {SERVER_PORT}"
WRONG = (
    "_ws.malformed || diameter.avp.unknown || diameter.avp.code.unknown || diameter.unknown_vendor"
    " || diameter.cmd.code.unknown || diameter.applicationId.unknown || diameter.version.unknown"
    " || diameter.avp.invalid-len || diameter.avp.invalid-data || diameter.reserved_bit_set"
    " || diameter.avp.pad.non_zero || diameter.avp.pad.missing || _ws.expert.severity >= 0x600000"
)
YOUNGER = range(665, 670)
"""Of RFC 8506: QoS-Final-Unit-Indication and the members of Redirect-Server-Extension."""
OF_SY = 628, 629, 630, 2907
"""Supported-Features with its members, and SN-Request-Type."""
UNKNOWN = (
    "Unknown AVP 669 (vendor=Reserved), if you know what this is you can add it to dictionary.xml"
)
SHOWN = {
    (
        "5001",
        "Unknown AVP 9999 (vendor=3GPP), if you know what this is you can add it to dictionary.xml",
    ): "the gateway's own AVP comes back in Failed-AVP",
    ("2001", UNKNOWN): "tshark is older than QoS-Final-Unit-Indication",
    ("2001", ",".join(3 * [UNKNOWN])): "likewise of three services",
    ("5004", "Data is empty"): "a missing location is shown as an empty one",
    (
        "5004",
        "Malformed Packet (Exception occurred)",
    ): "tshark reads a location also where it is shown because it cannot be read, or is empty",
    (
        "",
        "Unknown AVP 2907 (vendor=3GPP), if you know what this is you can add it to dictionary.xml",
    ): "tshark is older than SN-Request-Type",
    ("5005", "Data is empty"): "a missing Subscription-Id is shown with the least text that can be",
}
"""What tshark remarks, by Result-Code, and why that is right."""
NOT_MANDATORY = {"267", "269", "281", "411", *map(str, YOUNGER), *map(str, OF_SY)}
"""Firmware-Revision, Product-Name, Error-Message, a CC-Correlation-Id that comes back, others."""
FIELDS = {
    "source": "tcp.srcport",
    "answer_in": "diameter.answer_in",
    "answer_to": "diameter.answer_to",
    "number": "frame.number",
    "command": "diameter.cmd.code",
    "application": "diameter.applicationId",
    "is_request": "diameter.flags.request",
    "is_proxiable": "diameter.flags.proxyable",
    "is_error": "diameter.flags.error",
    "is_again": "diameter.flags.T",
    "hop_by_hop": "diameter.hopbyhopid",
    "end_to_end": "diameter.endtoendid",
    "session_id": "diameter.Session-Id",
    "request_type": "diameter.CC-Request-Type",
    "request_number": "diameter.CC-Request-Number",
    "result_codes": "diameter.Result-Code",
    "codes": "diameter.avp.code",
    "mandatory": "diameter.flags.mandatory",
}
ECHOED = ("hop_by_hop", "end_to_end", "command", "application", "is_proxiable", "session_id")
ECHOED_BY_GY = ("request_type", "request_number")
"""Not in answers with the E bit."""
SUCCESS = "2001"

Row = dict[str, str]


def tshark(path: Path, fields: Iterable[str], only: str = "diameter") -> list[list[str]]:
    """Return fields of the packets of a capture that pass a filter."""
    program = shutil.which("tshark")
    assert program, f"tshark is not installed; type: {APT} tshark"
    command = [program, "-2", "-r", str(path), "-Y", only, "-T", "fields", "-E", "separator=/t"]
    for field in fields:
        command += ["-e", field]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    return [line.split("\t") for line in told.split("\n")[:-1]]


def read(path: Path) -> list[Row]:
    return [dict(zip(FIELDS, row, strict=True)) for row in tshark(path, FIELDS.values())]


@pytest.fixture(params=sorted(path.stem for path in CAPTURES.glob("*.pcap")))
def recorded(request: pytest.FixtureRequest) -> Path:
    """Each of the captures that are kept."""
    return CAPTURES / f"{request.param}.pcap"


@pytest.fixture(params=STACKS)
def run(request: pytest.FixtureRequest, runs: dict[str, Run]) -> Run:
    """What each stack has said just now."""
    return runs[request.param]


def check(path: Path, unanswered: int = 0) -> None:
    """Check all that the server says in a capture; so many of its own requests get no answer."""
    remarks = {
        (codes.partition(",")[0], remark)
        for codes, remark in tshark(
            path, ["diameter.Result-Code", "_ws.expert.message"], f"{FROM_SERVER} && ({WRONG})"
        )
    }
    assert remarks <= SHOWN.keys()
    rows = read(path)
    by_number = {row["number"]: row for row in rows}
    answers = [row for row in rows if row["is_request"] == "0"]
    alone = [row for row in rows if row["is_request"] == "1" and not row["answer_in"]]
    assert [is_of_server(row) for row in alone] == unanswered * [True]
    assert len(answers) * 2 + unanswered == len(rows)
    for answer in filter(is_of_server, answers):
        check_answer(answer, by_number[answer["answer_to"]])
    for row in rows:
        if is_of_server(row):
            bits = zip(row["codes"].split(","), row["mandatory"].split(","), strict=True)
            assert {code for code, bit in bits if bit == "0"} <= NOT_MANDATORY


def is_of_server(row: Row) -> bool:
    return row["source"] == str(SERVER_PORT)


def check_answer(answer: Row, request: Row) -> None:
    assert not is_of_server(request)
    echoed = ECHOED + (() if answer["is_error"] == "1" else ECHOED_BY_GY)
    assert {name: answer[name] for name in echoed} == {name: request[name] for name in echoed}
    assert answer["is_again"] == "0"
    assert (answer["is_error"] == "1") == answer["result_codes"].startswith("3")


def test_what_is_kept_is_clean(recorded: Path) -> None:
    check(recorded)


def test_what_was_said_just_now_is_clean(run: Run) -> None:
    for path in run.captures:
        check(path)


def test_the_base_protocol_is_spoken(run: Run) -> None:
    (path,) = (path for path in run.captures if path.stem.endswith(IDLE))
    codes = {
        int(row["command"]): row["result_codes"] for row in read(path) if row["is_request"] == "0"
    }
    spoken = CAPABILITIES_EXCHANGE, CREDIT_CONTROL, DEVICE_WATCHDOG, DISCONNECT_PEER
    assert codes == dict.fromkeys(spoken, SUCCESS)
