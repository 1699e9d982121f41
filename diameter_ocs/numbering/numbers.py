"""The countries of an E.164 number, by the metadata of phonenumbers and a few prefixes of ours."""

from functools import lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber, region_code_for_number

Countries = tuple[str, ...]
"""ISO 3166-1 alpha-2, the principal one first; () where it is nobody's."""

DIGITS_MIN = 7
"""Fewer are no international number: 112, 911 and short codes would find a country by chance."""
DIGITS_MAX = 15
"""E.164 section 6."""
PREFIX_DIGITS = 9
"""So many digits, and how many follow, settle the country: 8 would do today."""
PREFIXES_MAX = 16384
"""How many prefixes are remembered, some 4 MB."""
NORTH_AMERICA = "1"
AREA_DIGITS = 4
"""Of a North American number, its calling code included: they settle the country."""
SUBSCRIBER = "2345678"
"""A number that every North American area may have."""
WORLD = "001"
"""Calling codes that are no country's: satellites, global networks and freephone."""

OURS: dict[str, Countries] = {
    # Guadeloupe, Saint-Barthelemy and Saint-Martin share their numbers.
    "590": ("GP", "BL", "MF"),
    # Mayotte's, also where a number is assigned to nobody.
    "262269": ("YT",),
    "262639": ("YT",),
    # Kazakhstan's share of +7, of which nothing is assigned yet.
    "76": ("KZ",),
    # Ascension and Tristan da Cunha have no code of their own in ISO 3166-1.
    "247": ("SH",),
    "290": ("SH",),
}
"""What the metadata leave open, by the longest prefix of at most PREFIX_DIGITS."""

REGIONS: dict[str, Countries] = {
    str(code): regions
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()
    if WORLD not in regions
}
"""The countries of each calling code, the principal one first."""


def countries_of_number(number: str) -> Countries:
    """Returns the countries of an international number, of digits with or without a + before.

    A number that is assigned to nobody belongs to the principal country of its calling code.
    """
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and DIGITS_MIN <= len(digits) <= DIGITS_MAX):
        return ()
    return _countries(digits[:PREFIX_DIGITS], len(digits))


@lru_cache(PREFIXES_MAX)
def _countries(prefix: str, length: int) -> Countries:
    for end in range(len(prefix), 0, -1):
        if prefix[:end] in OURS:
            return OURS[prefix[:end]]
    code = next((prefix[:end] for end in (1, 2, 3) if prefix[:end] in REGIONS), None)
    if code is None:
        return ()
    regions = REGIONS[code]
    if len(regions) == 1:
        return regions
    if code == NORTH_AMERICA:
        whole = prefix[:AREA_DIGITS] + SUBSCRIBER
    else:
        whole = prefix.ljust(length, "0")
    return (_region(int(code), whole[len(code) :]) or regions[0],)


def _region(code: int, national: str) -> str | None:
    zeros = len(national) - len(national.lstrip("0"))
    number = PhoneNumber(
        country_code=code,
        national_number=int(national),
        italian_leading_zero=zeros > 0,
        number_of_leading_zeros=zeros,
    )
    return region_code_for_number(number)
