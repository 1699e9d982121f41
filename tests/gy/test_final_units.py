"""What follows the last units, as AVPs: by action, by address, by what a peer wants of it."""

from collections.abc import Callable
from typing import Any

import pytest

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Identity, decode
from diameter_ocs.charging.decisions import Decision, Grant, Outcome, ServiceDecision
from diameter_ocs.charging.final_units import TERMINATE, AddressType, FinalUnit, FinalUnitAction
from diameter_ocs.charging.units import UnitType
from diameter_ocs.gy.decode import Decoded
from diameter_ocs.gy.encode import Encoder
from diameter_ocs.gy.terms import AS_USUAL, AnswerTerms

RULE = "permit out ip from 192.0.2.1 to any"
RESTRICTED = FinalUnit(FinalUnitAction.RESTRICT_ACCESS, None, "", (RULE, RULE), ("a", "b"))
BY_NAME = FinalUnit(FinalUnitAction.RESTRICT_ACCESS, None, "", (), ("a", "b"))
GROUP, INDICATION, QOS = (
    "Multiple-Services-Credit-Control",
    "Final-Unit-Indication",
    "QoS-Final-Unit-Indication",
)
Encoded = Callable[..., bytes]


def redirected(address_type: AddressType, address: str, *filters: str) -> FinalUnit:
    return FinalUnit(FinalUnitAction.REDIRECT, address_type, address, (), filters)


URL = redirected(AddressType.URL, "https://pay", "a")
ADDRESSES = [
    (AddressType.IPV4, "192.0.2.1", "029a 00 00000e 0001c0000201"),
    (AddressType.IPV6, "::1", "029a 00 00001a 0002" + "00" * 15 + "01"),
    (AddressType.URL, "http://a", "029b 00 000010 687474703a2f2f61"),
    (AddressType.SIP_URI, "sip:a", "029c 00 00000d 7369703a61"),
]
"""With the member of Redirect-Server-Extension that says it, without its padding."""


@pytest.fixture
def encoded(read: Callable[..., Decoded], dictionary: Dictionary, identity: Identity) -> Encoded:
    """Answers one service, or one at command level, with a grant."""

    def encoded(
        grant: Grant, terms: AnswerTerms = AS_USUAL, *, is_command_level: bool = False
    ) -> bytes:
        asked: tuple[str, Any] = (GROUP, [("Rating-Group", 300)])
        if is_command_level:
            asked = ("Requested-Service-Unit", [])
        decoded = read(asked, with_={"CC-Request-Type": 2, "CC-Request-Number": 1})
        service = ServiceDecision(decoded.request.usages[0], Outcome.SUCCESS, grant)
        return Encoder(dictionary, identity, terms).encode(
            Decision(Outcome.SUCCESS, (service,)), decoded
        )

    return encoded


@pytest.fixture
def answered(encoded: Encoded, dictionary: Dictionary) -> Callable[..., Any]:
    """Reads what such an answer says of the service, wherever that stands."""

    def answered(grant: Grant, terms: AnswerTerms = AS_USUAL, **options: bool) -> Any:
        group = decode(encoded(grant, terms, **options), dictionary).group
        return group.first(GROUP) or group

    return answered


def grant(units: int, final_unit: FinalUnit | None) -> Grant:
    return Grant(UnitType.VOLUME, units, 60, True, final_unit=final_unit)


@pytest.mark.parametrize(("kind", "address", "extension"), ADDRESSES)
def test_redirection_octet_by_octet(
    encoded: Encoded, kind: AddressType, address: str, extension: str
) -> None:
    octets = encoded(grant(0, redirected(kind, address)))
    length = len(address)
    padding = "00" * (-length % 4)
    server = (
        "000001b1 4000000c" + f"{kind:08x}"  # Redirect-Address-Type
        "000001b3 40" + f"{8 + length:06x}" + address.encode().hex() + padding
    )
    server = server.replace(" ", "")
    expected = (
        "000001ae 40" + f"{20 + 8 + len(server) // 2:06x}"  # Final-Unit-Indication
        "000001c1 4000000c 00000001"  # Final-Unit-Action
        "000001b2 40" + f"{8 + len(server) // 2:06x}"  # Redirect-Server
    )
    assert bytes.fromhex(expected + server) in octets


@pytest.mark.parametrize(("kind", "address", "extension"), ADDRESSES)
def test_newer_indication_octet_by_octet(
    encoded: Encoded, kind: AddressType, address: str, extension: str
) -> None:
    octets = encoded(grant(0, redirected(kind, address)), AnswerTerms(qos_final_units=True))
    member = bytes.fromhex("0000" + extension)
    member += bytes(-len(member) % 4)
    begin = "0000029d 00" + f"{28 + len(member):06x}"  # QoS-Final-Unit-Indication
    begin += "000001c1 4000000c 00000001 00000299 00" + f"{8 + len(member):06x}"
    assert bytes.fromhex(begin) + member in octets


def test_restriction_says_all_filters(answered: Callable[..., Any]) -> None:
    final = answered(grant(5, RESTRICTED)).first(INDICATION)
    assert final.first("Final-Unit-Action") == 2
    assert final.all("Restriction-Filter-Rule") == [RULE, RULE]
    assert final.all("Filter-Id") == ["a", "b"]
    assert "Redirect-Server" not in final


@pytest.mark.parametrize("qos", [False, True])
@pytest.mark.parametrize("units", [0, 5])
def test_termination_says_nothing_else(answered: Callable[..., Any], qos: bool, units: int) -> None:
    said = answered(grant(units, TERMINATE), AnswerTerms(qos_final_units=qos))
    for name in (INDICATION, *([QOS] if qos else ())):
        assert list(said.first(name).by_name) == ["Final-Unit-Action"]
        assert said.first(name).first("Final-Unit-Action") == 0
    assert (QOS in said) == qos


@pytest.mark.parametrize(
    ("final_unit", "is_said"),
    [(URL, True), (BY_NAME, True), (TERMINATE, True), (RESTRICTED, False), (None, False)],
)
def test_newer_indication_is_sent_where_it_says_no_less(
    answered: Callable[..., Any], final_unit: FinalUnit | None, is_said: bool
) -> None:
    said = answered(grant(5, final_unit), AnswerTerms(qos_final_units=True))
    assert (QOS in said) == is_said
    assert (INDICATION in said) == (final_unit is not None)
    assert QOS not in answered(grant(5, final_unit))
    if final_unit is not None and is_said:
        assert said.first(QOS).all("Filter-Id") == list(final_unit.filter_ids)


@pytest.mark.parametrize("is_command_level", [False, True])
@pytest.mark.parametrize("units", [0, 5])
def test_it_stands_where_the_units_stand(
    answered: Callable[..., Any], encoded: Encoded, is_command_level: bool, units: int
) -> None:
    said = answered(grant(units, URL), is_command_level=is_command_level)
    assert said.first("Validity-Time") == 60
    assert said.first("Result-Code") == 2001
    assert ("Granted-Service-Unit" in said) == bool(units)
    octets = encoded(grant(units, URL), is_command_level=is_command_level)
    assert octets.count(bytes.fromhex("000001ae")) == 1


@pytest.mark.parametrize(
    ("units", "final_unit", "code"),
    [(0, URL, 4012), (0, RESTRICTED, 4012), (5, URL, 2001), (5, TERMINATE, 2001), (5, None, 2001)],
)
def test_peer_may_get_4012_where_nothing_is_left(
    answered: Callable[..., Any], units: int, final_unit: FinalUnit | None, code: int
) -> None:
    terms = AnswerTerms(refuses_at_end=True)
    said = answered(grant(units, final_unit), terms)
    assert said.first("Result-Code") == code
    assert (INDICATION in said) == (final_unit is not None)
    said = answered(grant(units, final_unit), terms, is_command_level=True)
    assert said.first("Result-Code") == 2001, "the session would end by it"


def test_how_long_it_goes_on_is_all_that_a_report_is_told(answered: Callable[..., Any]) -> None:
    for terms in (AS_USUAL, AnswerTerms(refuses_at_end=True, qos_final_units=True)):
        said = answered(Grant(UnitType.VOLUME, 0, 60, False), terms)
        assert list(said.by_name) == ["Rating-Group", "Result-Code", "Validity-Time"]
        assert said.first("Result-Code") == 2001
