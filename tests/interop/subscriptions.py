"""The requests of one subscription to counters (Sy, TS 29.219), and what is said of counters."""

from typing import Any

from tests.interop.requests import ENDED, REALM, Avp, Step, identity, imsi

SY = 16777302
INITIAL, INTERMEDIATE = range(2)
ABORT_FEATURE: Avp = (
    "Supported-Features",
    (("Vendor-Id", 10415), ("Feature-List-ID", 1), ("Feature-List", 1)),
)


class Subscription:
    """Writes the requests of a subscription to the counters of a subscriber."""

    def __init__(self, session_id: str | bytes, subscriber: int) -> None:
        self.session_id = session_id
        self.identity = identity(subscriber)
        self._asked = 0

    def begin(self, *counters: str, further: tuple[Avp, ...] = ()) -> Step:
        """Return an initial SLR, for all counters where none is named."""
        return self._limit(INITIAL, counters, (*further, imsi(self.identity)))

    def change(self, *counters: str) -> Step:
        """Return an intermediate SLR."""
        return self._limit(INTERMEDIATE, counters, ())

    def end(self) -> Step:
        """Return an STR."""
        return self._step("STR", ENDED)

    def _limit(self, kind: int, counters: tuple[str, ...], avps: tuple[Avp, ...]) -> Step:
        names: list[Avp] = [("Policy-Counter-Identifier", name) for name in counters]
        return self._step("SLR", ("SL-Request-Type", kind), *avps, *names)

    def _step(self, command: str, *avps: Avp) -> Step:
        self._asked += 1
        own: tuple[Avp, ...] = (
            ("Session-Id", self.session_id),
            ("Destination-Realm", REALM),
            ("Auth-Application-Id", SY),
        )
        return Step(f"{self.identity}-{self._asked}", (*own, *avps), command=command)


def statuses(avps: list[Any]) -> dict[str, str]:
    """Return how counters stand, by the reports of an SLA or an SNR."""
    reports = (dict(members) for name, members in avps if name == "Policy-Counter-Status-Report")
    return {each["Policy-Counter-Identifier"]: each["Policy-Counter-Status"] for each in reports}


def pending(avps: list[Any]) -> dict[str, list[Any]]:
    """Return what will become of counters, likewise."""
    return {
        dict(members)["Policy-Counter-Identifier"]: [
            dict(information)
            for member, information in members
            if member == "Pending-Policy-Counter-Information"
        ]
        for name, members in avps
        if name == "Policy-Counter-Status-Report"
    }


def code(avps: list[Any]) -> int:
    """Return the Result-Code, or the Experimental-Result-Code of 3GPP."""
    said = dict(avps)
    if "Experimental-Result" not in said:
        return int(said["Result-Code"])
    assert "Result-Code" not in said
    experimental = dict(said["Experimental-Result"])
    assert experimental["Vendor-Id"] == 10415
    return int(experimental["Experimental-Result-Code"])
