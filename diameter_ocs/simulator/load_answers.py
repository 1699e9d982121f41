"""Result codes of Credit-Control-Answers by their place, for the load client.

Answers of one length and kind are alike. The places of the result codes are found once, by walking
through the AVPs; after that only the AVP headers at these places are compared. Where one differs
the answer is walked through anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from diameter.message import constants as c  # type: ignore[import-untyped]

HEADER_OCTETS = 20
VENDOR_BIT = 0x80
LAYOUTS_MAX = 1_000


class UnreadableAnswer(ValueError):
    """The AVPs of an answer do not fill it exactly, or it has no Result-Code."""


class FoundAvp(NamedTuple):
    """Where an AVP stands: its header from `start`, its data from `data` up to `end`."""

    code: int
    vendor: int
    start: int
    data: int
    end: int


@dataclass(frozen=True, slots=True)
class AnswerLayout:
    """Where the result codes of an answer stand.

    `landmarks` are octets that must stand at an offset for the layout to fit; `services` are
    (rating group, offset of its result code), the first of a rating group only.
    """

    result_code_at: int
    services: tuple[tuple[int, int], ...]
    landmarks: tuple[tuple[int, bytes], ...]

    def fits(self, octets: bytes) -> bool:
        """Says whether an answer has its result codes where this layout says."""
        return all(octets[at : at + len(mark)] == mark for at, mark in self.landmarks)

    def result_code(self, octets: bytes) -> int:
        """Returns the command's result code."""
        return int.from_bytes(octets[self.result_code_at : self.result_code_at + 4], "big")

    def service_codes(self, octets: bytes) -> dict[int, int]:
        """Returns the result code of each rating group in the answer."""
        return {group: int.from_bytes(octets[at : at + 4], "big") for group, at in self.services}


class AnswerLayouts:
    """The layouts of the answers that have come so far, by their length and kind."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], AnswerLayout] = {}

    def codes(self, octets: bytes, kind: int) -> tuple[int, dict[int, int]]:
        """Returns the command's and the services' result codes; may raise UnreadableAnswer."""
        key = len(octets), kind
        layout = self._known.get(key)
        if layout is None or not layout.fits(octets):
            layout = learn_layout(octets)
            if len(self._known) < LAYOUTS_MAX:
                self._known[key] = layout
        return layout.result_code(octets), layout.service_codes(octets)


def learn_layout(octets: bytes) -> AnswerLayout:
    """Finds the result codes of an answer; raises UnreadableAnswer when it is not well formed."""
    result_code: FoundAvp | None = None
    services: dict[int, int] = {}
    landmarks: list[tuple[int, bytes]] = []
    for avp in _walk(octets, HEADER_OCTETS, len(octets)):
        if avp.vendor:
            continue
        if avp.code == c.AVP_RESULT_CODE and result_code is None:
            result_code = _four_octets(avp)
            landmarks.append((avp.start, octets[avp.start : avp.data]))
        elif avp.code == c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL:
            members = {m.code: m for m in _walk(octets, avp.data, avp.end) if not m.vendor}
            group, code = members.get(c.AVP_RATING_GROUP), members.get(c.AVP_RESULT_CODE)
            if group is None or code is None:
                continue
            number = int.from_bytes(octets[group.data : group.end], "big")
            services.setdefault(number, _four_octets(code).data)
            landmarks.append((group.start, octets[group.start : group.end]))
            landmarks.append((code.start, octets[code.start : code.data]))
    if result_code is None:
        raise UnreadableAnswer("it has no Result-Code")
    return AnswerLayout(result_code.data, tuple(services.items()), tuple(landmarks))


def _four_octets(avp: FoundAvp) -> FoundAvp:
    if avp.end - avp.data != 4:
        raise UnreadableAnswer(f"the AVP {avp.code} at octet {avp.start} is no 32-bit number")
    return avp


def _walk(octets: bytes, start: int, end: int) -> Iterator[FoundAvp]:
    while start < end:
        data = start + (12 if octets[start + 4 : start + 5] >= bytes([VENDOR_BIT]) else 8)
        stop = start + int.from_bytes(octets[start + 5 : start + 8], "big")
        if not data <= stop <= end:
            raise UnreadableAnswer(f"the AVP at octet {start} ends at {stop}, not in {data}..{end}")
        vendor = int.from_bytes(octets[start + 8 : data], "big")
        code = int.from_bytes(octets[start : start + 4], "big")
        yield FoundAvp(code, vendor, start, data, stop)
        start = stop + -stop % 4
