"""Result codes found by their place are those that python-diameter reads."""

import pytest
from diameter.message import constants
from diameter.message.avp.grouped import GrantedServiceUnit
from diameter.message.commands import CreditControlAnswer

from diameter_ocs.simulator.load_answers import UnreadableAnswer, learn_layout


def answer(result_code: int | None, *services: tuple[int | None, int | None]) -> bytes:
    message = CreditControlAnswer()
    message.session_id = "pgw1.demo.example;1;2"
    message.result_code = result_code
    for rating_group, code in services:
        message.add_multiple_services_credit_control(
            rating_group=rating_group,
            result_code=code,
            granted_service_unit=GrantedServiceUnit(cc_total_octets=constants.AVP_RESULT_CODE),
        )
    return bytes(message.as_bytes())


@pytest.mark.parametrize(
    ("result_code", "services"),
    [
        (2001, ()),
        (5030, ()),
        (2001, ((300, 2001), (380, 4012))),
        (2001, ((0, 4010), (2**32 - 1, 5031))),
    ],
)
def test_codes_are_found_where_they_stand(
    result_code: int, services: tuple[tuple[int, int], ...]
) -> None:
    octets = answer(result_code, *services)
    layout = learn_layout(octets)
    assert layout.fits(octets)
    assert layout.result_code(octets) == result_code
    assert layout.service_codes(octets) == dict(services)


def test_a_layout_reads_the_codes_of_other_answers_like_it() -> None:
    layout = learn_layout(answer(2001, (300, 2001), (380, 2001)))
    other = answer(2002, (300, 4012), (380, 4010))
    assert layout.fits(other)
    assert layout.result_code(other) == 2002
    assert layout.service_codes(other) == {300: 4012, 380: 4010}


def test_a_layout_does_not_fit_when_the_groups_stand_otherwise() -> None:
    layout = learn_layout(answer(2001, (300, 2001), (380, 2001)))
    assert not layout.fits(answer(2001, (380, 2001), (300, 2001)))


def test_a_layout_does_not_fit_a_shorter_answer() -> None:
    layout = learn_layout(answer(2001, (300, 2001), (380, 2001)))
    assert not layout.fits(answer(2001, (300, 2001)))


def test_a_service_without_group_or_code_is_passed_over() -> None:
    octets = answer(2001, (None, 2001), (300, None), (380, 2001))
    assert learn_layout(octets).service_codes(octets) == {380: 2001}


def damaged(octets: bytes, at: int, value: int) -> bytes:
    return octets[:at] + bytes([value]) + octets[at + 1 :]


@pytest.mark.parametrize(
    "octets",
    [
        answer(None),
        answer(2001)[:-1],
        damaged(answer(2001), 27, 7),
        damaged(answer(2001), 26, 0xFF),
        answer(2001).replace(
            b"\x00\x00\x01\x0c\x40\x00\x00\x0c", b"\x00\x00\x01\x0c\x40\x00\x00\x0b"
        ),
    ],
    ids=["no result code", "cut", "length below header", "length beyond message", "short code"],
)
def test_what_cannot_be_read_is_said(octets: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        learn_layout(octets)
