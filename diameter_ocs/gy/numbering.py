"""What is asked of the tables of networks and numbers, which the server hands in."""

from typing import Protocol


class Numbering(Protocol):
    """Says whose networks and numbers are, and where an MNC ends; it takes any text."""

    def countries_of_plmn(self, plmn: str) -> tuple[str, ...]:
        """Returns the ISO 3166-1 codes of a network's countries; empty where nobody knows."""

    def countries_of_number(self, number: str) -> tuple[str, ...]:
        """Returns those of an international number in digits."""

    def split(self, digits: str) -> tuple[str, str] | None:
        """Returns the MCC and the MNC that digits begin with; None: they do not."""

    def of_labels(self, mcc: str, mnc: str) -> str | None:
        """Returns the PLMN of a domain's labels, where a zero fills up a short MNC."""
