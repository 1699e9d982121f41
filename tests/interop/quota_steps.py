"""The conversations of every foreign stack about quotas that are controlled, and about money."""

from collections.abc import Callable, Iterable, Iterator

from tests.interop.offer import (
    CONTROLLED_CALLS,
    CONTROLLED_DATA,
    CONTROLLED_TEXTS,
    DATA,
    DATA_BY_HOURS,
    IPV4,
    IPV6,
    SIP,
    TEXT,
)
from tests.interop.requests import (
    DEBIT,
    EMPTY,
    FORCED_REAUTHORISATION,
    MARK,
    MIB,
    OTHER_QUOTA_TYPE,
    POOL_EXHAUSTED,
    QUOTA_EXHAUSTED,
    QUOTA_HOLDING_TIME,
    REFUND,
    THRESHOLD,
    UNUSED_QUOTA_TIMER,
    Avp,
    Service,
    Session,
    Step,
    Value,
    amount,
    money,
    reason,
    redirected,
    seconds,
    service,
    units,
    used,
    wanted,
)

RICH, POOLING = "rich.", "pooling."
"""How the gateways are called that are told of everything, and those that take pools."""
SPEAKERS = {"hours": RICH, "money": RICH, "qos_final_units": RICH, "pools": POOLING}
"""Which conversations are theirs."""
EVENTS = "32274@3gpp.org"
BEFORE: Avp = ("Tariff-Change-Usage", 0)
SECONDS, OCTETS = 0, 2
"""The CC-Unit-Types."""
AFTER: Avp = ("Tariff-Change-Usage", 1)
UNTIL_TERMINATION: tuple[Avp, ...] = (("Final-Unit-Action", 0),)
ADDRESSES: dict[int, tuple[int, tuple[Avp, ...], str, Value]] = {
    102: (IPV4, redirected(0, "192.0.2.1"), "Redirect-Address-IPAddress", b"\0\1\xc0\0\2\1"),
    103: (
        IPV6,
        redirected(1, "2001:db8::1"),
        "Redirect-Address-IPAddress",
        b"\0\2\x20\1\x0d\xb8" + bytes(11) + b"\1",
    ),
    104: (SIP, redirected(3, "sip:pay@example"), "Redirect-Address-SIP-URI", "sip:pay@example"),
}
"""Where a subscriber is redirected to, as Final-Unit-Indication says it, and as the other does."""

Open = Callable[..., Session]


def quota_conversations(begin: Open, first: int) -> dict[str, Iterable[Step]]:
    """Return the steps of each connection in order."""
    return {
        "controls": controls(begin),
        "reasons": reasons(begin),
        "command_level_ends": command_level_ends(begin),
        "addresses": addresses(begin),
        "hours": hours(begin),
        "money": (*in_money(begin), *remaining(begin)),
        "marks": marks(begin),
        "qos_final_units": qos_final_units(begin),
        "pools": pools(begin),
    }


def controls(begin: Open) -> Iterator[Step]:
    """Quotas that say when their gateway comes back, and gateways that do."""
    session = begin(110)
    groups = CONTROLLED_DATA, CONTROLLED_CALLS, CONTROLLED_TEXTS
    data = Service(
        CONTROLLED_DATA,
        granted=MIB,
        besides=(("Volume-Quota-Threshold", MIB // 4), ("Quota-Holding-Time", 120)),
    )
    calls = Service(
        CONTROLLED_CALLS,
        granted=100,
        besides=(
            ("Time-Quota-Threshold", 10),
            ("Quota-Holding-Time", 30),
            ("Quota-Consumption-Time", 10),
        ),
    )
    texts = Service(CONTROLLED_TEXTS, granted=10, besides=(("Unit-Quota-Threshold", 2),))
    opening = session.initial(*(service(group, EMPTY) for group in groups))
    yield Step("controls", opening, services=(data, calls, texts))
    reports = (
        service(CONTROLLED_DATA, EMPTY, used(MIB * 3 // 4, reason(THRESHOLD))),
        service(CONTROLLED_CALLS, EMPTY, spent("CC-Time", 90, THRESHOLD)),
        service(CONTROLLED_TEXTS, EMPTY, spent("CC-Service-Specific-Units", 8, THRESHOLD)),
    )
    reported = Step("thresholds", session.update(1, *reports), services=(data, calls, texts))
    yield from twice(reported)
    idle = (
        service(CONTROLLED_DATA, used(1), reason(QUOTA_HOLDING_TIME)),
        service(CONTROLLED_CALLS, seconds("Used-Service-Unit", 1), reason(QUOTA_HOLDING_TIME)),
    )
    back = Service(CONTROLLED_DATA, besides=()), Service(CONTROLLED_CALLS, besides=())
    yield Step("holding-time", session.update(2, *idle), services=back)
    last = service(CONTROLLED_TEXTS, units("Used-Service-Unit", 1))
    yield Step("controls-end", session.terminate(3, last))
    session = begin(111)
    rest = Service(
        CONTROLLED_DATA,
        granted=20 * MIB + 524,  # half a micro-unit more
        is_final=True,
        besides=(("Quota-Holding-Time", 120),),
    )
    everything = session.initial(service(CONTROLLED_DATA, wanted(100 * MIB)))
    yield Step("no-threshold-at-the-end", everything, services=(rest,))
    yield Step("no-threshold-at-the-end-ends", session.terminate(1))


def reasons(begin: Open) -> Iterator[Step]:
    """Reasons to report that no other conversation has; the last one gives the quota back."""
    session = begin(13)
    granted = (Service(DATA, granted=MIB),)
    opening = session.initial(service(DATA, wanted(MIB)))
    yield Step("reasons", opening, services=granted)
    other = service(DATA, wanted(MIB), used(MIB, reason(OTHER_QUOTA_TYPE)))
    yield Step("other-quota-type", session.update(1, other), services=granted)
    forced = service(DATA, wanted(MIB), used(1), reason(FORCED_REAUTHORISATION))
    yield Step("forced-reauthorisation", session.update(2, forced), services=granted)
    unused = service(DATA, used(0), reason(UNUSED_QUOTA_TIMER))
    yield Step("unused-quota-timer", session.update(3, unused), services=(Service(DATA),))
    yield Step("reasons-end", session.terminate(4))


def command_level_ends(begin: Open) -> Iterator[Step]:
    """Last units that stand at command level, and what follows them there."""
    indication: Avp = ("Final-Unit-Indication", UNTIL_TERMINATION)
    session = begin(23)
    opening = session.initial(wanted(10 * MIB))
    yield Step("command-level-final", opening, granted=MIB, told=(indication,))
    report = session.update(1, wanted(MIB), used(MIB))
    yield Step("command-level-nothing-left", report, 4012)
    yield Step("command-level-final-ends", session.terminate(2))
    indication = "Final-Unit-Indication", redirected(0, "192.0.2.1")
    session = begin(105)
    identified: Avp = ("Service-Identifier", 8)
    opening = session.initial(wanted(10 * MIB), identified)
    yield Step("command-level-redirected", opening, granted=MIB, told=(indication,))
    report = session.update(1, used(MIB), identified)
    yield Step("command-level-redirect-begins", report)
    asks = session.update(2, wanted(MIB), identified)
    yield Step("command-level-redirect-goes-on", asks, told=(indication,))
    yield Step("command-level-redirect-ends", session.terminate(3))


def addresses(begin: Open) -> Iterator[Step]:
    """Redirections to addresses of each type, told with the last quota and begun then."""
    for subscriber, (group, final, *_) in ADDRESSES.items():
        session = begin(subscriber)
        opening = session.initial(service(group, wanted(10 * MIB)))
        last = Service(group, granted=MIB, final=final)
        yield Step(f"address-{group}", opening, services=(last,))
        report = session.update(1, service(group, used(MIB, reason(QUOTA_EXHAUSTED))))
        yield Step(f"address-{group}-begins", report, services=(Service(group, goes_on=True),))
        yield Step(f"address-{group}-ends", session.terminate(2))


def hours(begin: Open) -> Iterator[Step]:
    """Data whose price changes within the hour, and usage on both sides of the change."""
    session = begin(112)
    granted = (Service(DATA_BY_HOURS, granted=MIB),)
    opening = session.initial(service(DATA_BY_HOURS, EMPTY))
    # What is held is at the dearer price.
    yield from twice(Step("before-the-hour", opening, services=granted, told=left(18, -3)))
    both = service(DATA_BY_HOURS, EMPTY, used(MIB // 2, BEFORE), used(MIB // 2, AFTER))
    told = (cost(15, -4), *left(165, -4))
    yield Step("after-the-hour", session.update(1, both), services=granted, told=told)
    yield Step("hours-end", session.terminate(2), told=(cost(15, -4), *left(185, -4)))


def remaining(begin: Open) -> Iterator[Step]:
    """What was paid and is left, and an event that may be refunded."""
    session = begin(34)
    granted = (Service(DATA, granted=MIB),)
    opening = session.initial(service(DATA, wanted(MIB)))
    yield Step("remaining", opening, services=granted, told=left(1, -2))
    more = session.update(1, service(DATA, wanted(MIB), used(MIB)))
    last = (Service(DATA, granted=MIB, is_final=True),)
    told = (cost(1, -2), *left(0, -2))
    yield from twice(Step("remaining-nothing", more, services=last, told=told))
    half = session.terminate(2, service(DATA, used(MIB // 2)))
    yield Step("remaining-half", half, told=(cost(15, -3), *left(5, -3)))
    bought = begin(35, EVENTS).event(DEBIT, service(DATA, wanted(MIB)))
    given = (Service(DATA, granted=MIB),)
    told = (cost(1, -2), *left(1, -2))
    yield from twice(Step("marked", bought, services=given, told=told))


def in_money(begin: Open) -> Iterator[Step]:
    """What the gateway has rated itself: a session and events in money."""
    asked, spent = "Requested-Service-Unit", "Used-Service-Unit"
    session = begin(33)
    initial = session.initial(service(DATA, money(asked, *amount(1, -2))))
    granted = (Service(DATA, granted=amount(1, -2)),)
    yield Step("in-money", initial, services=granted, told=left(1, -2))
    more = service(DATA, money(spent, *amount(25, -4)), money(asked, *amount(100, -4)))
    told = (cost(25, -4), *left(75, -4))
    yield Step("more-money", session.update(1, more), services=granted, told=told)
    last = service(DATA, money(spent, *amount(25, -4)))
    yield Step("money-spent", session.terminate(2, last), told=(cost(5, -3), *left(15, -3)))
    paid = service(TEXT, money(asked, *amount(4, -3)))
    event = begin(33, EVENTS).event(DEBIT, paid)
    yield Step(
        "paid-in-money",
        event,
        services=(Service(TEXT, granted=amount(4, -3)),),
        told=(cost(4, -3), *left(11, -3)),
    )
    foreign = begin(33, EVENTS).event(DEBIT, service(TEXT, money(asked, *amount(1, 0, 840))))
    yield Step("foreign-money", foreign, 5004, failed=("CC-Money",))
    debt = begin(33, EVENTS).event(DEBIT, service(TEXT, money(asked, *amount(-1, 0))))
    yield Step("money-below-nothing", debt, 5004, failed=("CC-Money",))


def marks(begin: Open) -> Iterator[Step]:
    """An event is refunded by the Refund-Information of its answer."""
    half = service(DATA, wanted(MIB // 2), ("Refund-Information", MARK))
    given = (Service(DATA, granted=MIB // 2),)
    yield Step("refund-by-mark", begin(35, EVENTS).event(REFUND, half), services=given)
    rest = begin(35, EVENTS).event(REFUND, ("Refund-Information", MARK))
    yield Step("refund-by-mark-command-level", rest, granted=MIB // 2)
    nothing = begin(35, EVENTS).event(REFUND, service(DATA, ("Refund-Information", MARK)))
    none = (Service(DATA, 4010),)
    yield Step("refund-by-mark-nothing-left", nothing, 4010, none)
    other = begin(36, EVENTS).event(REFUND, service(DATA, ("Refund-Information", MARK)))
    unrated = (Service(DATA, 5031),)
    failed = ("Refund-Information",)
    yield Step("refund-of-somebody-else", other, 5031, unrated, failed=failed)


def qos_final_units(begin: Open) -> Iterator[Step]:
    """What follows the last units, said in QoS-Final-Unit-Indication, too."""
    unpaid = (cost(0, -2), *left(2, -2))
    session = begin(106)
    asked = session.initial(*(service(group, wanted(MIB)) for group in (IPV4, IPV6, SIP)))
    ends = [
        Service(
            group,
            final=final,
            goes_on=True,
            besides=(qos(("Redirect-Server-Extension", ((name, address),)), action=1),),
        )
        for group, final, name, address in ADDRESSES.values()
    ]
    ends[0] = ends[0]._replace(granted=MIB, goes_on=False)
    yield from twice(Step("qos", asked, services=tuple(ends), told=left(2, -2)))
    yield Step("qos-ends", session.terminate(1), told=unpaid)
    session = begin(24)
    opening = session.initial(service(DATA, wanted(10 * MIB)))
    besides = (qos(action=0),)
    last = (Service(DATA, granted=MIB, is_final=True, besides=besides),)
    yield Step("qos-terminate", opening, services=last, told=left(2, -2))
    yield Step("qos-terminate-ends", session.terminate(1), told=unpaid)
    session = begin(107)
    opening = session.initial(wanted(10 * MIB), ("Service-Identifier", 8))
    _, final, name, address = ADDRESSES[102]
    indication: Avp = ("Final-Unit-Indication", final)
    qos_indication = qos(("Redirect-Server-Extension", ((name, address),)), action=1)
    told = (indication, qos_indication, *left(2, -2))
    yield from twice(Step("qos-command-level", opening, granted=MIB, told=told))
    yield Step("qos-command-level-ends", session.terminate(1), told=unpaid)
    event = begin(37).event(DEBIT, wanted(MIB))
    told = (cost(1, -2), *left(1, -2))
    yield from twice(Step("marked-command-level", event, granted=MIB, told=told))


def pools(begin: Open) -> Iterator[Step]:
    """Two quotas of the same money, of which one is used for the other."""
    session = begin(113)
    opening = session.initial(
        service(CONTROLLED_DATA, wanted(10 * MIB)),
        service(CONTROLLED_CALLS, seconds("Requested-Service-Unit", 1000)),
    )
    threshold = MIB * 10 // 4
    data = (
        ("Volume-Quota-Threshold", threshold),
        ("Quota-Holding-Time", 120),
        # A MiB costs a thousand micro-units.
        in_pool(OCTETS, 953_674),
    )
    calls = (
        ("Time-Quota-Threshold", 100),
        ("Quota-Holding-Time", 30),
        ("Quota-Consumption-Time", 10),
        in_pool(SECONDS, 10 * 10**9),
    )
    granted = (
        Service(CONTROLLED_DATA, granted=10 * MIB, besides=data),
        Service(CONTROLLED_CALLS, granted=1000, besides=calls),
    )
    nothing_left: Avp = ("Remaining-Balance", amount(0, -2))
    yield from twice(Step("pool", opening, services=granted, told=(nothing_left,)))
    longer = service(CONTROLLED_CALLS, spent("CC-Time", 1200, POOL_EXHAUSTED))
    answered = (Service(CONTROLLED_CALLS, besides=()),)
    told = (cost(12, -3), nothing_left)
    yield Step("pool-exhausted", session.update(1, longer), services=answered, told=told)
    rest = service(CONTROLLED_DATA, used(8 * MIB))
    yield Step("pool-ends", session.terminate(2, rest), told=(cost(2, -2), nothing_left))


def twice(step: Step) -> tuple[Step, Step]:
    """Return a step that is sent again."""
    return step, step._replace(name=f"{step.name}-again", is_again=True)


def in_pool(unit_type: int, digits: int) -> Avp:
    """Return what a unit of a quota counts in the pool, in micro-units."""
    value: Avp = ("Unit-Value", (("Value-Digits", digits), ("Exponent", -9)))
    members = ("G-S-U-Pool-Identifier", 1), ("CC-Unit-Type", unit_type), value
    return "G-S-U-Pool-Reference", members


def spent(name: str, count: int, why: int) -> Avp:
    return "Used-Service-Unit", ((name, count), reason(why))


def qos(*members: Avp, action: int) -> Avp:
    return "QoS-Final-Unit-Indication", (("Final-Unit-Action", action), *members)


def cost(digits: int, exponent: int) -> Avp:
    return "Cost-Information", amount(digits, exponent)


def left(digits: int, exponent: int) -> tuple[Avp, ...]:
    """Return what is said of the money that is left; below a cent of euros it is little."""
    is_low = digits * 10 ** (exponent + 6) < 10_000
    return ("Low-Balance-Indication", int(is_low)), ("Remaining-Balance", amount(digits, exponent))
