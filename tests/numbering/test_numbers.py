"""A number is at home where its prefix says, whatever else is sent."""

import random

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberType, format_number

from diameter_ocs.charging.countries import COUNTRIES
from diameter_ocs.numbering import numbers
from diameter_ocs.numbering.numbers import OURS, PREFIX_DIGITS, PREFIXES_MAX, countries_of_number

EXAMPLES_OF_SHARED_PREFIXES = 20
KINDS = [kind for kind in PhoneNumberType.values() if kind != PhoneNumberType.UNKNOWN]
PARTS = {"AC": "SH", "TA": "SH"}
"""Regions of phonenumbers that are no countries of ISO 3166-1, and what they are parts of."""
NOT_ABROAD = "+13101234"
"""An example number that only Canada itself reaches: with the 1 before, 310 is Los Angeles."""


@pytest.mark.parametrize(
    ("number", "countries"),
    [
        ("4930123456", "DE"),
        ("491710760000", "DE"),
        ("33609001234", "FR"),
        ("14165550123", "CA"),
        ("12125550123", "US"),
        ("18765550123", "JM"),
        ("16585550123", "JM"),
        ("18095550123", "DO"),
        ("18295550123", "DO"),
        ("17875550123", "PR"),
        ("19395550123", "PR"),
        ("12425550123", "BS"),
        ("14415550123", "BM"),
        ("17215550123", "SX"),
        ("16715550123", "GU"),
        ("74951234567", "RU"),
        ("79161234567", "RU"),
        ("77011234567", "KZ"),
        ("77172123456", "KZ"),
        ("442071838750", "GB"),
        ("447911100000", "GG"),
        ("447700900123", "GB"),
        ("447797712345", "JE"),
        ("447624123456", "IM"),
        ("441481234567", "GG"),
        ("390612345678", "IT"),
        ("390669812345", "VA"),
        ("3933312345678", "IT"),
        ("590690123456", "GP BL MF"),
        ("262692123456", "RE"),
        ("358181234567", "AX"),
        ("358401234567", "FI"),
        ("4779123456", "SJ"),
        ("4740612345", "NO"),
        ("5997171234", "BQ"),
        ("59995181234", "CW"),
        ("38344123456", "XK"),
        ("61891621234", "CC"),
        ("61891641234", "CX"),
        ("61851117235", "CX"),  # eight digits are needed
        ("61851031490", "CC"),
        ("262709351172", "YT"),
        ("2908123", "SH"),
        ("29051234", "SH"),
        ("24740123", "SH"),
        ("6834123", "NU"),
        ("594694201234", "GF"),
        ("596696201234", "MQ"),
        ("6721061234", "NF"),
    ],
)
def test_a_number_is_at_home_where_its_prefix_says(number: str, countries: str) -> None:
    assert countries_of_number(number) == tuple(countries.split())
    assert countries_of_number(f"+{number}") == tuple(countries.split())


@pytest.mark.parametrize(
    ("number", "countries"),
    [
        ("76001234567", "KZ"),  # Kazakhstan's share, nothing of it assigned
        ("75001234567", "RU"),
        ("262639999999", "YT"),
        ("262269990000", "YT"),
        ("262500000000", "RE"),
        ("447000", ""),
        ("4470000", "GB"),
        ("18760000000", "JM"),  # no exchange begins with 0: the area decides
        ("14160000000", "CA"),
        ("1416000", "CA"),
        ("12120000000000", "US"),
        ("4900000000000", "DE"),
    ],
)
def test_a_number_that_is_nobodys_belongs_where_its_neighbours_do(
    number: str, countries: str
) -> None:
    assert countries_of_number(number) == tuple(countries.split())


@pytest.mark.parametrize(
    "number",
    [
        "870773111632",
        "881612345678",
        "8821612345678",
        "883510012345678",
        "80012345678",
        "87812345678901",
        "2101234567",  # no calling codes
        "9991234567",
        "00493012345",  # dialled, not international
        "03012345678",
    ],
)
def test_satellites_global_networks_and_unknown_codes_have_no_country(number: str) -> None:
    assert countries_of_number(number) == ()


@pytest.mark.parametrize(
    "text",
    [
        *("", "+", "++4930123456", "+49 30 123456", "49-30-123456", "4930123456;ext=1"),
        *("unknown", "sip:+4930123456@example.net", "4930123456\0", "4930123456\n", " 4930123456"),
        *(
            "112",
            "+112",
            "911",
            "17611",
            "4" * 16,
            "4" * 40,
            "0" * 12,
            "49301234५६",
            "\uff14\uff19301234567",
        ),
        *("²²²²²²²²", "4930a23456", "-4930123456", "4_9_3_0_1_2"),
    ],
)
def test_what_is_no_international_number_has_no_country(text: str) -> None:
    assert countries_of_number(text) == ()


@given(st.text(max_size=40) | st.from_regex(r"\+?[0-9]{0,40}", fullmatch=True))
def test_any_text_gives_countries_that_there_are(text: str) -> None:
    found = countries_of_number(text)
    assert set(found) <= COUNTRIES
    assert len(set(found)) == len(found)


def metadata_say(number: str) -> str | None:
    """Return the country of a whole number as phonenumbers finds it, None for nobody's."""
    region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    return region and PARTS.get(region, region)


def examples() -> list[tuple[str, str]]:
    """Return each region's example numbers of every kind, with a + before."""
    found = set()
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in KINDS:
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                text = format_number(number, phonenumbers.PhoneNumberFormat.E164)
                found.add((PARTS.get(region, region), text))
    return sorted(each for each in found if each[1] != NOT_ABROAD)


def test_the_example_numbers_of_every_region_are_at_home_there() -> None:
    asked = [each for each in examples() if len(each[1]) > numbers.DIGITS_MIN]
    assert len(asked) > 1000
    for region, number in asked:
        assert {region, metadata_say(number)} & set(countries_of_number(number)), number


def test_numbers_with_the_same_prefix_and_length_are_at_home_together() -> None:
    """What is remembered of one holds for all: phonenumbers says the same of each of them."""
    chance = random.Random(7)
    shared = {
        region
        for regions in COUNTRY_CODE_TO_REGION_CODE.values()
        for region in regions
        if len(regions) > 1
    }
    compared = 0
    for region, number in examples():
        if region not in shared:
            continue
        head = number[: 1 + PREFIX_DIGITS]
        for _ in range(EXAMPLES_OF_SHARED_PREFIXES):
            tail = "".join(chance.choice("0123456789") for _ in number[1 + PREFIX_DIGITS :])
            known = metadata_say(head + tail)
            if known is not None:
                compared += 1
                assert known in countries_of_number(head + tail), head + tail
    assert compared > 1000


def test_every_area_of_north_america_is_settled_by_its_four_digits() -> None:
    chance = random.Random(7)
    settled = 0
    for area in range(200, 1000):
        (country,) = countries_of_number(f"1{area}0000000")
        for _ in range(3):
            number = f"+1{area}{chance.randint(200, 999)}{chance.randint(0, 9999):04}"
            known = metadata_say(number)
            assert known in (None, country), number
            settled += known is not None
    assert settled > 1000


def test_every_country_of_a_calling_code_can_be_named_in_a_catalogue() -> None:
    regions = {region for found in numbers.REGIONS.values() for region in found}
    assert {PARTS.get(region, region) for region in regions} <= COUNTRIES


def test_our_prefixes_are_short_enough_to_be_seen_and_name_countries() -> None:
    for prefix, countries in OURS.items():
        assert prefix.isdigit()
        assert len(prefix) <= PREFIX_DIGITS
        assert set(countries) <= COUNTRIES


def test_no_more_prefixes_are_remembered_than_allowed() -> None:
    for number in range(PREFIXES_MAX + 100):
        countries_of_number(f"49{number:07}123")
    assert numbers._countries.cache_info().currsize == PREFIXES_MAX
    numbers._countries.cache_clear()
