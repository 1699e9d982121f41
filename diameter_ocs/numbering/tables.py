"""Both tables as one value, as the doors take it."""

from dataclasses import dataclass

from .numbers import Countries, countries_of_number
from .plmn import Plmns


@dataclass(frozen=True, slots=True)
class Numbering:
    """Says in which countries a number or a network is at home."""

    plmns: Plmns

    def countries_of_number(self, number: str) -> Countries:
        """Returns the countries of an international number."""
        return countries_of_number(number)

    def countries_of_plmn(self, plmn: str) -> Countries:
        """Returns the countries of a network."""
        return self.plmns.countries_of_plmn(plmn)

    def operators(self, plmn: str) -> tuple[str, ...]:
        """Returns brand and operators of a network; of one that is not known, none."""
        network = self.plmns.network(plmn)
        return () if network is None else network.operators

    def split(self, digits: str) -> tuple[str, str] | None:
        """Divides digits that begin with a PLMN into MCC and MNC."""
        return self.plmns.split(digits)

    def of_labels(self, mcc: str, mnc: str) -> str | None:
        """Returns the PLMN of a domain's labels."""
        return self.plmns.of_labels(mcc, mnc)
