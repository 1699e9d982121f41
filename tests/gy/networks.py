"""Numbering tables of a few countries, which tests know by heart."""

MCCS = {"262": ("DE",), "208": ("FR",), "310": ("US",), "234": ("GB", "GG"), "001": ()}
MNC_LENGTHS = {"262": 2, "208": 2, "310": 3, "234": 2}
COUNTRY_CODES = {"49": "DE", "33": "FR", "1": "US", "44": "GB"}


class Networks:
    """Countries by the digits that networks and numbers begin with."""

    def split(self, digits: str) -> tuple[str, str] | None:
        mnc = digits[3 : 3 + MNC_LENGTHS.get(digits[:3], 2)]
        return (digits[:3], mnc) if len(mnc) > 1 else None

    def of_labels(self, mcc: str, mnc: str) -> str | None:
        is_filled = len(mnc) == 3 and mnc[0] == "0" and MNC_LENGTHS.get(mcc) != 3
        return mcc + (mnc[1:] if is_filled else mnc)

    def countries_of_plmn(self, plmn: str) -> tuple[str, ...]:
        return MCCS.get(plmn[:3], ())

    def countries_of_number(self, number: str) -> tuple[str, ...]:
        return next(
            ((country,) for code, country in COUNTRY_CODES.items() if number.startswith(code)), ()
        )
