"""A gateway and a policy server on one connection, all of whose talk can be had again.

Nobody gives commands meanwhile: what the server asks by itself comes of their own requests.
"""

from tests.interop.offer import COUNTED_DATA
from tests.interop.requests import (
    FINAL,
    FORCED_REAUTHORISATION,
    MIB,
    QUOTA_EXHAUSTED,
    Avp,
    Service,
    Session,
    Step,
    reason,
    service,
    used,
    wanted,
)
from tests.interop.speaking import Speaker
from tests.interop.subscriptions import ABORT_FEATURE, Subscription, code, statuses
from tests.interop.talking import Talk
from tests.interop.test_stacks import said

SUCCESS, LIMITED_SUCCESS, LIMIT_REACHED = 2001, 2002, 4012
UNKNOWN_SESSION_ID, USER_UNKNOWN = 5002, 5030
NO_COUNTERS, UNKNOWN_COUNTERS = 4241, 5570
UNCOUNTED, NOBODY = 1, 999
"""Subscribers who have no counters, and who is none."""
FULL = {"used": "normal", "left": "normal", "speed": "fast"}


def asks(octets: int, *avps: Avp) -> Avp:
    """Return what asks for a quota."""
    return service(COUNTED_DATA, wanted(octets), *avps)


def charged(gateway: Speaker, session: Session, avps: tuple[Avp, ...]) -> tuple[Service, ...]:
    """Send a credit-control request; return what is said of its services."""
    answer = said(gateway.ask(step(session, avps)))
    assert answer.code == SUCCESS
    return answer.services


def step(session: Session, avps: tuple[Avp, ...]) -> Step:
    return Step(f"{session.session_id}-{dict(avps)['CC-Request-Number']}", avps)


def granted(octets: int, *, is_final: bool = False) -> tuple[Service, ...]:
    return (Service(COUNTED_DATA, granted=octets, is_final=is_final),)


REFUSED = (Service(COUNTED_DATA, LIMIT_REACHED),)


def used_up(octets: int) -> Avp:
    return used(octets, reason(QUOTA_EXHAUSTED))


def crosses(gateway: Speaker, session: Session) -> None:
    """Use 3 of 4 MiB, which turns what is used and the speed, and go on."""
    assert charged(gateway, session, session.initial(asks(3 * MIB))) == granted(3 * MIB)
    more = session.update(1, asks(MIB // 2, used_up(3 * MIB)))
    assert charged(gateway, session, more) == granted(MIB // 2)


def refuses(policy: Speaker, talk: Talk) -> None:
    """Subscribe in vain, for every reason."""
    unknown = policy.ask(talk.subscription(talk.subscriber()).begin("used", "tariff", "speed", "x"))
    assert code(unknown) == UNKNOWN_COUNTERS
    named = [["Policy-Counter-Identifier", name] for name in ("tariff", "x")]
    assert [value for name, value in unknown if name == "Failed-AVP"] == [named]
    assert statuses(unknown) == {}
    for subscriber, refusal in ((UNCOUNTED, NO_COUNTERS), (NOBODY, USER_UNKNOWN)):
        refused = policy.ask(talk.subscription(talk.stack.first_subscriber + subscriber).begin())
        assert code(refused) == refusal


def hold_counters_talk(talk: Talk) -> None:
    """Subscribe, turn counters, be refused and called, end."""
    both = talk.connect("both", "gy,sy")
    both.answering("RAR", LIMITED_SUCCESS)
    refuses(both, talk)
    subscriber = talk.subscriber()
    subscription = talk.subscription(subscriber, talk.stack.odd)
    assert statuses(both.ask(subscription.begin(further=(ABORT_FEATURE,)))) == FULL
    _use_up(talk, both, subscriber, subscription)
    assert code(both.ask(subscription.end())) == SUCCESS
    assert code(both.ask(subscription.end())) == UNKNOWN_SESSION_ID


def _use_up(talk: Talk, both: Speaker, subscriber: int, subscription: Subscription) -> None:
    """Use all but a little in one session, of which another one then gets the rest."""
    first, second = talk.session(subscriber), talk.session(subscriber)
    crosses(both, first)
    assert statuses(both.asked("SNR").avps) == {"used": "much", "speed": "slow"}
    assert statuses(both.ask(subscription.change("left"))) == {"left": "normal"}
    more = first.update(2, asks(MIB, used_up(MIB // 2)))
    assert charged(both, first, more) == granted(MIB // 2, is_final=True)
    assert statuses(both.asked("SNR").avps) == {"left": "little"}
    assert charged(both, second, second.initial(asks(MIB))) == REFUSED
    charged(both, first, first.terminate(3, service(COUNTED_DATA, used(24, reason(FINAL)))))
    assert both.asked("RAR").said("Session-Id") == second.session_id
    again = asks(MIB, used(0, reason(FORCED_REAUTHORISATION)))
    rest = granted(MIB // 2 - 24, is_final=True)
    assert charged(both, second, second.update(1, again)) == rest
    charged(both, second, second.terminate(2))
