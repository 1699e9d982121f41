"""Numbering tables of a few countries, which tests know by heart."""

MCCS = {"262": ("DE",), "310": ("US",), "234": ("GB", "GG"), "001": ()}
MNC_LENGTHS = {"262": 2, "310": 3, "234": 2}
COUNTRY_CODES = {"49": "DE", "33": "FR", "1": "US", "44": "GB"}


class Networks:
    """Countries by the digits that networks and numbers begin with."""

    def mnc_length(self, mcc: str) -> int | None:
        return MNC_LENGTHS.get(mcc)

    def split(self, digits: str) -> tuple[str, str]:
        return digits[:3], digits[3 : 3 + MNC_LENGTHS.get(digits[:3], 2)]

    def countries_of_plmn(self, plmn: str) -> tuple[str, ...]:
        return MCCS.get(plmn[:3], ())

    def countries_of_number(self, digits: str) -> tuple[str, ...]:
        return next(
            ((country,) for code, country in COUNTRY_CODES.items() if digits.startswith(code)), ()
        )
