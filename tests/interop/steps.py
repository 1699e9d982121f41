"""The conversations of every foreign stack: sessions and events, from the plainest on."""

from collections.abc import Iterator

from tests.interop.offer import (
    CALLS,
    CALLS_BY_PLACE,
    CROWD,
    DATA,
    DATA_BY_PLACE,
    ENDING,
    FILTERS,
    FREE_CALLS,
    IPV4,
    IPV6,
    MANY,
    PAGE,
    SIP,
    TEXT,
    TEXTS_BY_PLACE,
    UNKNOWN,
    UNSOLD,
    UNSOLD_CALLS,
    UNTOLD,
    VOICE,
)
from tests.interop.quota_steps import quota_conversations
from tests.interop.requests import (
    CHECK,
    DEBIT,
    EMPTY,
    FINAL,
    INDICATOR,
    MIB,
    PRICE,
    QUOTA_EXHAUSTED,
    QUOTA_HOLDING_TIME,
    RATING_CHANGE,
    REALM,
    REFUND,
    THRESHOLD,
    VALIDITY_TIME,
    Avp,
    Service,
    Session,
    Step,
    Value,
    imsi,
    reason,
    redirected,
    seconds,
    service,
    units,
    used,
    wanted,
)

IDLE = "watchdog"
"""The conversation after which a stack is idle for a while."""
PS_INFORMATION: Avp = (
    "PS-Information",
    (
        ("3GPP-Charging-Id", bytes.fromhex("0a0b0c0d")),
        ("3GPP-PDP-Type", 0),
        ("PDP-Address", "192.0.2.77"),
        ("SGSN-Address", "192.0.2.11"),
        ("GGSN-Address", "192.0.2.21"),
        ("3GPP-GGSN-MCC-MNC", "00101"),
        ("3GPP-NSAPI", "5"),
        ("Called-Station-Id", "internet"),
        ("3GPP-Selection-Mode", "0"),
        ("3GPP-Charging-Characteristics", "0800"),
        ("3GPP-SGSN-MCC-MNC", "00101"),
        ("3GPP-MS-TimeZone", bytes.fromhex("4000")),
        ("3GPP-User-Location-Info", bytes.fromhex("8200f110000100f11000000101")),
        ("3GPP-RAT-Type", b"\x06"),
    ),
)
IMS_INFORMATION: Avp = (
    "IMS-Information",
    (
        ("Event-Type", (("SIP-Method", "INVITE"),)),
        ("Role-Of-Node", 0),
        ("Node-Functionality", 6),
        ("Calling-Party-Address", "sip:alice@ims.example"),
        ("Called-Party-Address", "tel:+15550123456"),
        ("IMS-Charging-Identifier", "icid-1"),
    ),
)
ROUTE: tuple[Avp, ...] = (
    ("Route-Record", "agent1.example"),
    ("Proxy-Info", (("Proxy-Host", "agent1.example"), ("Proxy-State", b"\x00\xff\x01"))),
    ("Proxy-Info", (("Proxy-Host", "agent2.example"), ("Proxy-State", b"state"))),
)
"""What agents on the way add."""
AT_ONCE: Value = (("Announcement-Identifier", 1001),)
AT_THE_END: Value = (
    ("Announcement-Identifier", 1002),
    ("Time-Indicator", 0),
    ("Quota-Indicator", 0),
    ("Announcement-Order", 1),
    ("Language", "de"),
)
DENIED: Value = (
    ("Announcement-Identifier", 1003),
    (
        "Variable-Part",
        (
            ("Variable-Part-Order", 1),
            ("Variable-Part-Type", 4),
            ("Variable-Part-Value", "00001250"),
        ),
    ),
    ("Variable-Part", (("Variable-Part-Type", 200), ("Variable-Part-Value", "own"))),
    ("Play-Alternative", 1),
    ("Privacy-Indicator", 1),
)
ERROR: Value = (("Announcement-Identifier", 1004),)
"""What the catalogue of the steps announces."""
NO_SALE: Value = (("Announcement-Identifier", 2001),)
NO_PLACE: Value = (("Announcement-Identifier", 2002),)
"""What it announces where a service is sold by place."""
NETWORK_CHANGES = (30, 31)
"""The Trigger-Types of MCC and MNC."""
HOME = bytes.fromhex("8262f210000162f21000000101")
FRANCE = bytes.fromhex("8202f810000102f81000000101")
AMERICA = bytes.fromhex("82130014000113001400000101")
UNREADABLE = bytes.fromhex("82ffffff")
"""Places as 3GPP-User-Location-Info says them: TAI and ECGI."""
VCS_INFORMATION: Avp = (
    "VCS-Information",
    (
        ("MSC-Address", bytes.fromhex("9194715100f0")),
        ("VLR-Number", bytes.fromhex("9194715100f0")),
    ),
)
TO_FILTERS: tuple[Avp, ...] = (
    ("Final-Unit-Action", 2),
    ("Restriction-Filter-Rule", "permit out ip from 192.0.2.0/24 to any"),
    ("Restriction-Filter-Rule", "permit in ip from any to any"),
    ("Filter-Id", "pay"),
)
EQUIPMENT: Avp = (
    "User-Equipment-Info",
    (("User-Equipment-Info-Type", 0), ("User-Equipment-Info-Value", b"3534900698733190")),
)


def at(place: bytes) -> Avp:
    """Return where a gateway of data says that a subscriber is."""
    return "Service-Information", (("PS-Information", (("3GPP-User-Location-Info", place),)),)


def called_from(network: str) -> Avp:
    """Return where a server of the IMS says that a caller is."""
    access = f"3GPP-E-UTRAN-FDD; utran-cell-id-3gpp={network}00010000101".encode()
    members = IMS_INFORMATION[1]
    assert isinstance(members, tuple)
    information = (*members, ("Access-Network-Information", access))
    return "Service-Information", (("IMS-Information", information),)


def lost(name: str, avps: tuple[Avp, ...], unsold: Service) -> Step:
    """Return a step that is refused because nobody says where the subscriber is."""
    return Step(name, avps, 5004, (unsold,), failed=("3GPP-User-Location-Info",))


def to_page(account: str) -> tuple[Avp, ...]:
    rule = "Restriction-Filter-Rule", "permit out 6 from 192.0.2.1 443 to assigned"
    address = f"https://pay.example/{account}?group={PAGE}"
    return redirected(2, address, rule, ("Filter-Id", "pay"))


class Steps:
    """All steps of one stack, whose subscribers are numbered after `first`, at a Unix second."""

    def __init__(self, host: str, first: int, at: int, crowd: int) -> None:
        self._host = host
        self._first = first
        self._at = at
        self._crowd_members = CROWD[:crowd]
        self._sessions = 0

    def conversations(self) -> dict[str, list[list[Step]]]:
        """Return the steps of each connection in order; those of one list go out together."""
        one_by_one = {
            "data": self._data(),
            "layouts": self._layouts(),
            "many": self._many(),
            "ends": self._ends(),
            "final_units": self._final_units(),
            "refusals": self._refusals(),
            "events": self._events(),
            "event_refusals": self._event_refusals(),
            "actions": self._actions(),
            "agents": self._agents(),
            "calls": self._calls(),
            "places": (*self._places(), *self._calls_by_place()),
            IDLE: self._idle(),
        }
        one_by_one |= quota_conversations(self._session, self._first)
        read = {name: [[step] for step in steps] for name, steps in one_by_one.items()}
        return read | {"crowd": self._crowd()}

    def _session(self, subscriber: int, context: str = "32251@3gpp.org") -> Session:
        self._sessions += 1
        session_id = f"{self._host};{self._at};{self._sessions}"
        return Session(session_id, self._at, self._first + subscriber, context)

    def _data(self) -> Iterator[Step]:
        """A session of data with every reason to report, repeated in part, and what comes late."""
        session = self._session(1)
        initial = session.initial(
            service(300, wanted(10 * MIB)),
            service(310, wanted(MIB)),
            EQUIPMENT,
            ("Service-Information", (PS_INFORMATION,)),
        )
        granted = Service(300, granted=10 * MIB), Service(310, granted=MIB)
        yield Step("initial", initial, services=granted, end_to_end=0x0A000001)
        yield Step("initial-again", initial, 2001, granted, is_again=True, end_to_end=0x0A000001)
        exhausted = session.update(
            1, service(300, wanted(10 * MIB), used(10 * MIB, reason(QUOTA_EXHAUSTED)))
        )
        yield Step("quota-exhausted", exhausted, services=granted[:1])
        yield Step("quota-exhausted-again", exhausted, 2001, granted[:1], is_again=True)
        valid = service(310, EMPTY, used(1000), reason(VALIDITY_TIME))
        yield Step("validity-time", session.update(2, valid), 2001, (Service(310, granted=MIB),))
        both = (
            service(300, wanted(MIB), used(9 * MIB), reason(THRESHOLD)),
            service(310, used(0), reason(QUOTA_HOLDING_TIME)),
        )
        answered = Service(300, granted=MIB), Service(310)
        yield Step("threshold-and-holding-time", session.update(3, *both), 2001, answered)
        halves = (
            "Used-Service-Unit",
            (("CC-Input-Octets", 1000), ("CC-Output-Octets", 24), reason(RATING_CHANGE)),
        )
        changed = service(300, wanted(MIB), halves, used(500))
        yield Step("rating-change", session.update(4, changed), 2001, (Service(300, granted=MIB),))
        final = service(300, used(12345), reason(FINAL)), service(310, used(0), reason(FINAL))
        yield Step("terminate", session.terminate(5, *final))
        yield Step("terminate-again", session.terminate(5, *final), is_again=True)
        yield Step("update-after-the-end", session.update(6, service(300, wanted(MIB))), 5002)

    def _layouts(self) -> Iterator[Step]:
        """Units of every kind, at both places, and rating groups that are not named."""
        session = self._session(2)
        yield Step("command-level", session.initial(wanted(2 * MIB)), granted=2 * MIB)
        yield Step("command-level-used", session.update(1, wanted(MIB), used(2 * MIB)), granted=MIB)
        yield Step("command-level-end", session.terminate(2, used(77)))
        session = self._session(3)
        mixed = (
            service(DATA, wanted(MIB)),
            service(VOICE, seconds("Requested-Service-Unit", 120)),
            service(TEXT, units("Requested-Service-Unit", 2)),
        )
        granted = Service(DATA, granted=MIB), Service(VOICE, granted=120), Service(TEXT, granted=2)
        yield Step("every-unit", session.initial(*mixed), 2001, granted)
        used_up = (
            service(VOICE, seconds("Used-Service-Unit", 61), EMPTY),
            service(TEXT, units("Used-Service-Unit", 1)),
        )
        answered = Service(VOICE, granted=300), Service(TEXT)
        yield Step("every-unit-used", session.update(1, *used_up), 2001, answered)
        yield Step("end-without-usage", session.terminate(2))
        session = self._session(4)
        identified = (
            "Multiple-Services-Credit-Control",
            (wanted(MIB), ("Service-Identifier", 7)),
        )
        granted = Service(None, granted=MIB), Service(300, granted=MIB)
        yield Step("defaults", session.initial(identified, service(300)), 2001, granted)
        yield Step("defaults-end", session.terminate(1))

    def _many(self) -> Iterator[Step]:
        """More rating groups than a session may have."""
        session = self._session(5)
        many = (service(group, wanted(1000)) for group in MANY)
        served = [Service(group, granted=1000) for group in MANY]
        served[-1] = Service(MANY[-1], 4010)
        yield Step("many-groups", session.initial(*many), 2001, tuple(served))
        yield Step("many-groups-end", session.terminate(1))

    def _ends(self) -> Iterator[Step]:
        """Balances that come to their end."""
        session = self._session(20)
        last = Service(DATA, granted=MIB, is_final=True)
        yield Step("final", session.initial(service(DATA, wanted(10 * MIB))), 2001, (last,))
        more = service(DATA, wanted(MIB), used(1000, reason(THRESHOLD)))
        rest = Service(DATA, granted=MIB - 1000, is_final=True)
        yield Step("final-again", session.update(1, more), 2001, (rest,))
        nothing = service(DATA, wanted(MIB), used(MIB - 1000, reason(QUOTA_EXHAUSTED)))
        yield Step("nothing-left", session.update(2, nothing), 2001, (Service(DATA, 4012),))
        report = service(DATA, wanted(MIB), used(0), reason(FINAL))
        yield Step("final-report", session.update(3, report), 2001, (Service(DATA),))
        yield Step("final-end", session.terminate(4))
        again = self._session(20).initial(service(DATA, wanted(MIB)))
        yield Step("nothing-from-the-start", again, 2001, (Service(DATA, 4012),))
        session = self._session(30)
        priced = Service(DATA, granted=2 * MIB + 52, is_final=True)  # half a micro-unit more
        yield Step("money", session.initial(service(DATA, wanted(5 * MIB))), 2001, (priced,))
        yield Step("money-end", session.terminate(1, service(DATA, used(MIB))))

    def _final_units(self) -> Iterator[Step]:
        """What gateways do when nothing is left: with the last quota, while they do it, at once."""
        for subscriber, group, final, name in (
            (100, PAGE, to_page(f"{ENDING}-{self._first + 100}"), "page"),
            (101, FILTERS, TO_FILTERS, "filters"),
        ):
            session = self._session(subscriber)
            last = Service(group, granted=MIB, final=final)
            opening = session.initial(service(group, wanted(10 * MIB)))
            yield Step(f"{name}-last-quota", opening, 2001, (last,))
            report = session.update(1, service(group, used(MIB, reason(QUOTA_EXHAUSTED))))
            yield Step(f"{name}-begins", report, 2001, (Service(group, goes_on=True),))
            at_once = (Service(group, final=final, goes_on=True),)
            yield Step(f"{name}-asks-again", session.update(2, service(group)), 2001, at_once)
            asks = session.update(3, service(group, wanted(MIB), used(0, reason(VALIDITY_TIME))))
            yield Step(f"{name}-asks-for-more", asks, 2001, at_once)
            walled = session.update(4, service(group, used(1000, reason(THRESHOLD))))
            yield Step(f"{name}-goes-on", walled, 2001, (Service(group, goes_on=True),))
            yield Step(f"{name}-ends", session.terminate(5, service(group, used(10))))
        session = self._session(101)
        everything = session.initial(
            *(service(group, wanted(MIB)) for group in (FILTERS, IPV4, IPV6, SIP, UNTOLD))
        )
        told = (
            Service(FILTERS, final=TO_FILTERS, goes_on=True),
            Service(IPV4, final=redirected(0, "192.0.2.1"), goes_on=True),
            Service(IPV6, final=redirected(1, "2001:db8::1"), goes_on=True),
            Service(SIP, final=redirected(3, "sip:pay@example"), goes_on=True),
            Service(UNTOLD, 4012),
        )
        yield Step("every-address", everything, 2001, told)
        yield Step("every-address-ends", session.terminate(1))

    def _refusals(self) -> Iterator[Step]:
        """Sessions that are refused, as a whole or in part."""
        wants = service(DATA, wanted(MIB))
        unknown_subscriber = self._session(999)
        yield Step("unknown-subscriber", unknown_subscriber.initial(wants), 5030)
        nobody = self._session(6).request(1, 0, INDICATOR, wants)
        yield Step("no-subscriber", nobody, 5005, failed=("Subscription-Id",))
        unknown_avp = self._session(6).initial(wants, ("9999:10415", bytes(4)))
        yield Step("unknown-avp", unknown_avp, 5001, failed=("9999:10415",))
        inside = (wants[0], (*wants[1], ("9999:10415", bytes(4))))
        in_group = self._session(6).initial(inside)
        shown = ("Multiple-Services-Credit-Control",)
        yield Step("unknown-avp-in-a-group", in_group, 5001, failed=shown)
        call = (*IMS_INFORMATION[1], ("9999:10415", bytes(4)))
        in_call = self._session(6).initial(
            wants, ("Service-Information", ((IMS_INFORMATION[0], call),))
        )
        yield Step("unknown-avp-in-a-call", in_call, 5001, failed=("9999:10415",))
        session = self._session(6)
        foreign = session.initial(wants, ("9999:99999", bytes(4)))
        yield Step("foreign-avp", foreign, 2001, (Service(DATA, granted=MIB),))
        yield Step("foreign-avp-end", session.terminate(1))
        never = self._session(7)
        yield Step("update-without-session", never.update(1, wants), 5002)
        yield Step("terminate-without-session", self._session(7).terminate(1), 5002)
        unknown_group = service(UNKNOWN, wanted(MIB))
        refused = self._session(8).initial(unknown_group)
        unrated = (Service(UNKNOWN, 5031),)
        yield Step("unknown-group", refused, 5031, unrated, failed=("Rating-Group",))
        session = self._session(8)
        partly = Service(DATA, granted=MIB), *unrated
        opening = session.initial(wants, unknown_group)
        yield Step("one-group-unknown", opening, 2001, partly, failed=("Rating-Group",))
        yield Step("one-group-unknown-end", session.terminate(1))
        unsold = self._session(9).initial(service(UNSOLD, wanted(MIB)))
        yield Step("unsold-group", unsold, 2001, (Service(UNSOLD, 4010),))
        private = self._session(9, "gprs@nobody.example").initial(wants)
        yield Step("private-context", private, 5031, failed=("Service-Context-Id",))
        elsewhere = self._session(9).initial(wants, ("Destination-Host", f"other.{REALM}"))
        yield Step("another-host", elsewhere, 3002)

    def _events(self) -> Iterator[Step]:
        """Events that are debited."""
        one = self._text(10).event(DEBIT, service(TEXT, units("Requested-Service-Unit", 1)))
        debited = (Service(TEXT, granted=1),)
        yield Step("event", one, 2001, debited, end_to_end=0x0A000002)
        yield Step("event-again", one, 2001, debited, is_again=True, end_to_end=0x0A000002)
        yield Step("event-same-content", one, 2001, debited)
        command_level = self._text(10).event(DEBIT, units("Requested-Service-Unit", 2))
        yield Step("event-command-level", command_level, granted=2)
        sent: Avp = ("SMS-Information", (("Number-Of-Messages-Sent", 2),))
        messages = self._text(10).event(DEBIT, ("Service-Information", (sent,)))
        yield Step("event-messages", messages, granted=2)
        several = self._text(10).event(
            DEBIT, service(TEXT, units("Requested-Service-Unit", 1)), service(DATA, wanted(1000))
        )
        both = (*debited, Service(DATA, granted=1000))
        yield Step("event-several", several, 2001, both)
        partly = self._text(21).event(DEBIT, service(TEXT, units("Requested-Service-Unit", 5)))
        yield Step("event-partly", partly, 2001, (Service(TEXT, granted=3, is_final=True),))

    def _event_refusals(self) -> Iterator[Step]:
        """Events that are not."""
        one = service(TEXT, units("Requested-Service-Unit", 1))
        three = self._text(22).event(DEBIT, service(TEXT, units("Requested-Service-Unit", 3)))
        yield Step("event-last", three, 2001, (Service(TEXT, granted=3),))
        nothing = self._text(22).event(DEBIT, one)
        yield Step("event-nothing-left", nothing, 4012, (Service(TEXT, 4012),))
        nobody = self._text(999).event(DEBIT, one)
        yield Step("event-unknown-subscriber", nobody, 5030)
        unsold = self._text(10).event(DEBIT, service(UNSOLD, EMPTY))
        yield Step("event-unsold", unsold, 4010, (Service(UNSOLD, 4010),))
        unknown = self._text(10).event(DEBIT, service(UNKNOWN, EMPTY))
        unrated = (Service(UNKNOWN, 5031),)
        yield Step("event-unknown-group", unknown, 5031, unrated, failed=("Rating-Group",))
        undone = self._text(10).event(one)
        yield Step("event-without-action", undone, 5005, failed=("Requested-Action",))

    def _actions(self) -> Iterator[Step]:
        """Events that ask what something costs, whether there is enough, and to have it back."""
        two, three = service(DATA, wanted(2 * MIB)), service(DATA, wanted(3 * MIB))
        silent = (Service(DATA),)
        price = self._text(32).event(PRICE, three)
        value: Avp = ("Unit-Value", (("Value-Digits", 3), ("Exponent", -2)))
        cost: Avp = ("Cost-Information", (value, ("Currency-Code", 978)))
        yield Step("price", price, services=silent, told=(cost,))
        enough: Avp = ("Check-Balance-Result", 0)
        too_little: Avp = ("Check-Balance-Result", 1)
        check = self._text(32).event(CHECK, two)
        yield Step("enough", check, services=silent, told=(enough,))
        check = self._text(32).event(CHECK, three)
        yield Step("too-little", check, services=silent, told=(too_little,))
        check = self._text(32).event(CHECK, units("Requested-Service-Unit", 1))
        yield Step("too-little-for-a-text", check, told=(too_little,))
        event, related = self._text(32), ("CC-Correlation-Id", b"of this")
        paid = (Service(DATA, granted=2 * MIB),)
        yield Step("paid", event.event(DEBIT, two, related), services=paid)
        one = event.request(4, 1, imsi(event.identity), REFUND, service(DATA, wanted(MIB)))
        given = (Service(DATA, granted=MIB),)
        yield Step("refund", one, services=given)
        yield Step("refund-again", one, services=given, is_again=True)
        rest = self._text(32).event(REFUND, related)
        yield Step("refund-command-level", rest, granted=MIB)
        nothing = self._text(32).event(REFUND, service(DATA), related)
        yield Step("refund-nothing-left", nothing, 4010, (Service(DATA, 4010),))
        unknown: Avp = ("CC-Correlation-Id", b"of nothing")
        lost = self._text(32).event(REFUND, service(DATA), unknown)
        unrated = (Service(DATA, 5031),)
        yield Step("refund-unknown", lost, 5031, unrated, failed=("CC-Correlation-Id",))

    def _text(self, subscriber: int) -> Session:
        return self._session(subscriber, "32274@3gpp.org")

    def _agents(self) -> Iterator[Step]:
        """A call in the IMS whose requests came through agents, in two sub-sessions."""
        session = self._session(12, "32260@3gpp.org")
        sip = ("Subscription-Id-Type", 2), ("Subscription-Id-Data", "sip:alice@ims.example")
        called = (*ROUTE, ("Subscription-Id", sip), ("Service-Information", (IMS_INFORMATION,)))
        one, other = ("CC-Sub-Session-Id", 7), ("CC-Sub-Session-Id", 8)
        minute = service(VOICE, seconds("Requested-Service-Unit", 60))
        granted = (Service(VOICE, granted=60),)
        yield Step("call", session.initial(one, minute, *called), services=granted)
        yield Step("other-call", session.initial(other, minute, *called), services=granted)
        more = (*minute[1], seconds("Used-Service-Unit", 60))
        again = (minute[0], more)
        yield Step("call-goes-on", session.update(1, one, again, *ROUTE), services=granted)
        rest = service(VOICE, seconds("Used-Service-Unit", 11))
        yield Step("call-end", session.terminate(2, one, rest, *ROUTE))
        yield Step("call-is-over", session.update(3, one, again, *ROUTE), 5002)
        yield Step("other-call-end", session.terminate(1, other, rest, *ROUTE))

    def _calls(self) -> Iterator[Step]:
        """Calls whose ends and refusals are announced, one that is free, and other contexts."""
        session = self._session(80, "32260@3gpp.org")
        minute = seconds("Requested-Service-Unit", 60)
        opening = session.initial(
            service(CALLS, minute),
            service(FREE_CALLS, EMPTY),
            ("Service-Information", (IMS_INFORMATION,)),
        )
        answered = Service(CALLS, granted=60), Service(FREE_CALLS, 4011)
        yield Step("call-begins", opening, 2001, answered)
        more = service(CALLS, minute, seconds("Used-Service-Unit", 60))
        last = Service(CALLS, granted=30, is_final=True, announced=(AT_THE_END,))
        yield Step("call-ends-soon", session.update(1, more), 2001, (last,))
        over = session.update(
            2,
            service(CALLS, minute, seconds("Used-Service-Unit", 30)),
            service(UNSOLD_CALLS, EMPTY),
        )
        refused = (
            Service(CALLS, 4012, announced=(AT_ONCE,)),
            Service(UNSOLD_CALLS, 4010, announced=(DENIED,)),
        )
        yield Step("call-has-ended", over, 2001, refused)
        yield Step("call-has-ended-again", over, 2001, refused, is_again=True)
        yield Step("call-terminates", session.terminate(3))
        octets = self._session(80, "32260@3gpp.org").event(DEBIT, service(CALLS, wanted(5)))
        unrated = (Service(CALLS, 5031, announced=(ERROR,)),)
        yield Step("call-of-octets", octets, 5031, unrated, failed=("Rating-Group",))
        session = self._session(81, "32276@3gpp.org")
        hour = service(CALLS, seconds("Requested-Service-Unit", 3600))
        switched = session.initial(hour, ("Service-Information", (VCS_INFORMATION,)))
        last = Service(CALLS, granted=90, is_final=True, announced=(AT_THE_END,))
        yield Step("circuit-switched-call", switched, 2001, (last,))
        rest = service(CALLS, seconds("Used-Service-Unit", 89))
        yield Step("circuit-switched-end", session.terminate(1, rest))
        picture = self._session(10, "32270@3gpp.org").event(
            DEBIT, service(TEXT, units("Requested-Service-Unit", 1))
        )
        yield Step("picture", picture, 2001, (Service(TEXT, granted=1),))

    def _places(self) -> Iterator[Step]:
        """What is sold by place: at home, abroad, where it is not sold, and nobody knows where."""
        session = self._session(90)
        wants = service(DATA_BY_PLACE, wanted(MIB))
        more = service(DATA_BY_PLACE, wanted(MIB), used(MIB))
        granted = (Service(DATA_BY_PLACE, granted=MIB, triggers=NETWORK_CHANGES),)
        unsold = Service(DATA_BY_PLACE, 4010)
        yield Step("data-at-home", session.initial(wants, at(HOME)), 2001, granted)
        yield Step("data-abroad", session.update(1, more, at(FRANCE)), 2001, granted)
        yield Step("data-unsold", session.update(2, more, at(AMERICA)), 2001, (unsold,))
        yield Step("data-of-a-traveller-ends", session.terminate(3))
        yield lost("data-nowhere", self._session(91).initial(wants), unsold)
        yield lost("data-unreadable", self._session(91).initial(wants, at(UNREADABLE)), unsold)
        text = service(TEXTS_BY_PLACE, units("Requested-Service-Unit", 1))
        sent = self._text(91).event(DEBIT, text, at(FRANCE))
        yield Step("text-abroad", sent, 2001, (Service(TEXTS_BY_PLACE, granted=1),))
        unsold = Service(TEXTS_BY_PLACE, 4010)
        at_home = self._text(91).event(DEBIT, text, at(HOME))
        yield Step("text-at-home", at_home, 4010, (unsold,))
        yield lost("text-nowhere", self._text(91).event(DEBIT, text), unsold)

    def _calls_by_place(self) -> Iterator[Step]:
        """Likewise calls, whose refusals are announced."""
        minute = service(CALLS_BY_PLACE, seconds("Requested-Service-Unit", 60))
        session = self._session(92, "32260@3gpp.org")
        abroad = session.initial(minute, called_from("20801"))
        yield Step("call-abroad", abroad, 2001, (Service(CALLS_BY_PLACE, granted=60),))
        yield Step("call-abroad-ends", session.terminate(1))
        session = self._session(92, "32260@3gpp.org")
        unsold = Service(CALLS_BY_PLACE, 4010, announced=(NO_SALE,))
        at_home = session.initial(minute, called_from("26201"))
        yield Step("call-unsold", at_home, 2001, (unsold,))
        yield Step("call-unsold-ends", session.terminate(1))
        nowhere = self._session(92, "32260@3gpp.org").initial(minute)
        yield lost("call-nowhere", nowhere, unsold._replace(announced=(NO_PLACE,)))
        session = self._session(92, "32260@3gpp.org")
        anywhere = service(VOICE, seconds("Requested-Service-Unit", 60))
        answered = Service(VOICE, granted=60), unsold
        yield Step("call-of-two", session.initial(anywhere, minute), 2001, answered)
        yield Step("call-of-two-goes-on", session.update(1, minute), 2001, (unsold,))
        yield Step("call-of-two-ends", session.terminate(2))

    def _idle(self) -> Iterator[Step]:
        """A session on a connection that is then watched."""
        session = self._session(11)
        opening = session.initial(service(DATA, wanted(MIB)))
        yield Step("idle", opening, 2001, (Service(DATA, granted=MIB),))
        yield Step("idle-end", session.terminate(1, service(DATA, used(1))))

    def _crowd(self) -> list[list[Step]]:
        """Sessions of many subscribers, all at once."""
        sessions = {subscriber: self._session(subscriber) for subscriber in self._crowd_members}
        granted = (Service(DATA, granted=MIB),)
        more = service(DATA, wanted(MIB), used(MIB))
        rounds = [
            ("initial", lambda each: each.initial(service(DATA, wanted(MIB))), granted),
            ("update", lambda each: each.update(1, more), granted),
            ("end", lambda each: each.terminate(2, service(DATA, used(7))), ()),
        ]
        return [
            [
                Step(f"crowd-{name}-{subscriber}", write(session), 2001, services)
                for subscriber, session in sessions.items()
            ]
            for name, write, services in rounds
        ]
