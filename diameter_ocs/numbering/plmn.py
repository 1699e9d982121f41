"""Mobile networks by PLMN: MCC and MNC in one text, such as 26201 or 310410 (ITU-T E.212)."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass

from .numbers import Countries

HEADINGS = ["mcc", "mnc", "countries", "operators", "note"]
MCC_DIGITS = 3
MNC_DIGITS = (2, 3)
COUNTRY_LETTERS = 2
OPERATORS_SEPARATOR = "|"


class PlmnError(ValueError):
    """A table of networks cannot be used."""


@dataclass(frozen=True, slots=True)
class Network:
    """One network: its brand and the operator behind it, and where it is."""

    mcc: str
    mnc: str
    operators: tuple[str, ...]
    countries: Countries


class Plmns:
    """A table of networks, and of the countries of each MCC."""

    __slots__ = ("_countries", "_mnc_lengths", "_networks")

    def __init__(self, networks: Mapping[str, Network], countries: Mapping[str, Countries]) -> None:
        """Takes networks by PLMN, and the countries of each MCC."""
        self._networks = networks
        self._countries = countries
        lengths: dict[str, set[int]] = {}
        for network in networks.values():
            lengths.setdefault(network.mcc, set()).add(len(network.mnc))
        self._mnc_lengths = {mcc: found.pop() for mcc, found in lengths.items() if len(found) == 1}

    @classmethod
    def load(cls, text: str, name: str = "table of networks") -> "Plmns":
        """Reads a table of comma-separated values; PlmnError names it and the line that is wrong.

        A row without MNC tells the countries of an MCC, where its networks that are not listed
        may be.
        """
        networks: dict[str, Network] = {}
        countries: dict[str, Countries] = {}
        lines = csv.reader(text.splitlines())
        if next(lines, None) != HEADINGS:
            raise PlmnError(f"{name}, line 1: the headings should be {','.join(HEADINGS)}")
        for line in lines:
            place = f"{name}, line {lines.line_num}"
            if len(line) != len(HEADINGS):
                raise PlmnError(f"{place}: it should have {len(HEADINGS)} values")
            mcc, mnc, places, operators, _ = line
            _check(mcc, mnc, places.split(), place)
            if mcc + mnc in networks or (not mnc and mcc in countries):
                raise PlmnError(f"{place}: {mcc}{mnc} stands there twice")
            if mnc:
                names = tuple(operators.split(OPERATORS_SEPARATOR)) if operators else ()
                networks[mcc + mnc] = Network(mcc, mnc, names, tuple(places.split()))
            else:
                countries[mcc] = tuple(places.split())
        return cls(networks, countries)

    def network(self, plmn: str) -> Network | None:
        """Returns the network, None where it is not known."""
        return self._networks.get(plmn)

    def countries_of_plmn(self, plmn: str) -> Countries:
        """Returns where a network is; one that is not known may be wherever its MCC is used.

        () is said of international networks, of test networks, and of what is no PLMN.
        """
        network = self._networks.get(plmn)
        if network is not None:
            return network.countries
        if len(plmn) - MCC_DIGITS not in MNC_DIGITS or not _is_digits(plmn):
            return ()
        return self._countries.get(plmn[:MCC_DIGITS], ())

    def mnc_length(self, mcc: str) -> int | None:
        """Returns how many digits the MNCs of an MCC have; None: some 2, some 3, or unknown."""
        return self._mnc_lengths.get(mcc)

    def split(self, digits: str) -> tuple[str, str] | None:
        """Divides digits that begin with a PLMN, such as those of an IMSI, into MCC and MNC.

        A network that is known counts first, the longer MNC before the shorter one; then how
        many digits the MNCs of this MCC have. None: they are fewer than 5, or no digits.
        """
        if len(digits) < MCC_DIGITS + 2 or not _is_digits(digits):
            return None
        mcc, rest = digits[:MCC_DIGITS], digits[MCC_DIGITS:]
        for length in (3, 2):
            if mcc + rest[:length] in self._networks:
                return mcc, rest[:length]
        length = self._mnc_lengths.get(mcc, 3 if len(rest) == 3 else 2)
        return mcc, rest[:length]

    def of_labels(self, mcc: str, mnc: str) -> str | None:
        """Returns the PLMN of a domain's labels, where an MNC of 2 digits has a 0 before it.

        TS 23.003 section 19.2: mnc001.mcc262 is 26201. None: they are no MCC and MNC.
        """
        if len(mcc) != MCC_DIGITS or len(mnc) not in MNC_DIGITS or not _is_digits(mcc + mnc):
            return None
        if len(mnc) == 2 or mnc[0] != "0" or mcc + mnc in self._networks:
            return mcc + mnc
        has_two = mcc + mnc[1:] in self._networks or self._mnc_lengths.get(mcc) == 2
        return mcc + mnc[1:] if has_two else mcc + mnc


def _check(mcc: str, mnc: str, countries: list[str], place: str) -> None:
    if len(mcc) != MCC_DIGITS or not _is_digits(mcc):
        raise PlmnError(f"{place}: the MCC {mcc!r} should have 3 digits")
    if mnc and (len(mnc) not in MNC_DIGITS or not _is_digits(mnc)):
        raise PlmnError(f"{place}: the MNC {mnc!r} should have 2 or 3 digits, or be left out")
    for country in countries:
        if len(country) != COUNTRY_LETTERS or not (country.isascii() and country.isupper()):
            raise PlmnError(f"{place}: the country {country!r} should have 2 capital letters")


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
