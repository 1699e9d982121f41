"""Which network octets, digits and domain names mean: a PLMN is its MCC and MNC in one text.

An MNC has two or three digits, and "01" is another one than "001" (TS 23.003 clause 12.1).
"""

import re

from .numbering import Numbering

PLMN_OCTETS = 3
PLMN_DIGITS = (5, 6)

_FILLER = 0xF
_DOMAIN_LABELS = re.compile(r"\bmnc([0-9]{2,3})\.mcc([0-9]{3})\b", re.ASCII)


def plmn_of_octets(octets: bytes) -> str | None:
    """Returns the PLMN that octets begin with (TS 24.008 clause 10.5.1.3); None: it is none.

    The digits stand in nibbles, the low one of an octet first; the third digit of the MNC stands
    between MCC and MNC.
    """
    if len(octets) < PLMN_OCTETS:
        return None
    first, second, third = octets[:PLMN_OCTETS]
    digits = [first & 0xF, first >> 4, second & 0xF, third & 0xF, third >> 4]
    if second >> 4 != _FILLER:
        digits.append(second >> 4)
    return "".join(map(str, digits)) if max(digits) <= 9 else None


def plmn_of_digits(text: str) -> str | None:
    """Returns the PLMN that is written in digits (TS 29.061 clause 16.4.7.2); None: it is none."""
    digits = text.replace("\0", "").strip()
    is_plmn = digits.isascii() and digits.isdigit() and len(digits) in PLMN_DIGITS
    return digits if is_plmn else None


def plmn_of_domain(text: str, numbering: Numbering) -> str | None:
    """Returns the PLMN in the name of a network (TS 23.003 clause 13.2); None: it names none."""
    labels = _DOMAIN_LABELS.search(text.lower())
    return None if labels is None else numbering.of_labels(labels[2], labels[1])
