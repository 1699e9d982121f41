"""A repeat gets the kept decision; what only looks like one is charged."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.catalogue import Price, SessionRules
from diameter_ocs.charging.decisions import Novelty, Outcome
from diameter_ocs.charging.repeats import SAME_IDENTIFIER_MICROSECONDS
from diameter_ocs.charging.requests import Units
from tests.charging.scenario import (
    MONEY,
    OCTETS,
    SECONDS,
    VOICE,
    VOICE_BY_MINUTES,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    priced,
    used,
    want,
)

OFFERED = catalogue(
    allowance(SECONDS, VOICE), priced(Price(100, 60), VOICE), groups=(VOICE_BY_MINUTES,)
)


def desk() -> Desk:
    return Desk(
        OFFERED, balance(1, SECONDS, 6000), balance(2, OCTETS, 10**6), balance(3, MONEY, 10**6)
    )


def asked_twice(counter: Desk, ask, *usages, first: dict, second: dict, wait: int = 0):
    """Ask once, let time pass, ask again; return both decisions."""
    one = ask(counter, *usages, **{"request_number": 5, **first})
    counter.case = counter.case._replace(now=counter.case.now + wait)
    usages = second.get("usages", usages)
    others = {name: value for name, value in second.items() if name != "usages"}
    return one, ask(counter, *usages, **{"request_number": 5, **others})


SAME = {"end_to_end_id": 7, "origin_host": "gw1"}


@pytest.mark.parametrize(
    ("second", "wait", "is_repeat"),
    [
        ({**SAME, "usages": (used(VOICE, 61, wanted=60),)}, 0, True),
        (
            {**SAME, "usages": (used(VOICE, 61, wanted=60),)},
            SAME_IDENTIFIER_MICROSECONDS,
            True,
        ),
        (
            {**SAME, "usages": (used(VOICE, 61, wanted=60),)},
            SAME_IDENTIFIER_MICROSECONDS + 1,
            False,
        ),
        (
            {"end_to_end_id": 7, "origin_host": "gw2", "usages": (used(VOICE, 61, wanted=60),)},
            0,
            False,
        ),
        (
            {"end_to_end_id": 8, "is_retransmission": True, "usages": (used(VOICE, 61),)},
            10**12,
            True,
        ),
        ({"end_to_end_id": 8, "origin_host": "gw2"}, 10**12, True),
        ({"end_to_end_id": 8, "usages": (used(VOICE, 60, wanted=61),)}, 0, False),
        ({"end_to_end_id": 8, "usages": (used(VOICE, 60, 4, wanted=60),)}, 0, False),
        ({"end_to_end_id": 8, "event_at": 1}, 0, False),
    ],
    ids=[
        "same identifier",
        "same identifier, just in time",
        "same identifier, too late",
        "same identifier of another host",
        "says that it is a repeat",
        "same content",
        "another quota asked",
        "another service",
        "another time of the event",
    ],
)
def test_an_update_is_a_repeat_by_identifier_flag_or_content(second, wait, is_repeat):
    counter = desk()
    counter.initial(want(VOICE, 120))
    first, again = asked_twice(
        counter, Desk.update, used(VOICE, 60, wanted=60), first=SAME, second=second, wait=wait
    )
    if is_repeat:
        assert again == first._replace(
            novelty=Novelty.REPEATED,
            repeated=first.edrs[-1].stored,
            edrs=(),
            session=None,
            balances={},
            services=again.services,
        )
        assert granted(again) == granted(first) == [(60, False)]
        assert counter.balance(1) == (60, 60)
    else:
        assert again.novelty is Novelty.NUMBER_REUSED
        assert len(again.edrs) == 1


def test_a_repeat_stores_nothing_and_counts_nothing():
    counter = desk()
    first, again = asked_twice(counter, Desk.initial, want(VOICE, 90), first={}, second={})
    assert (again.edrs, again.closed, again.session, again.balances) == ((), (), None, {})
    assert again.services[0].grant == first.services[0].grant
    assert again.services[0].usage.rating_group == VOICE
    assert counter.case.version == 1


def test_a_repeat_of_an_older_request_gets_its_own_decision():
    counter = desk()
    counter.initial(want(VOICE, 120))
    decisions = [counter.update(used(VOICE, 60, wanted=60 + n)) for n in range(30)]
    again = counter.update(used(VOICE, 60, wanted=63), request_number=4)
    assert again.novelty is Novelty.REPEATED
    assert granted(again) == granted(decisions[3]) == [(63, False)]


def test_a_lower_number_that_was_never_seen_is_new_work():
    counter = desk()
    counter.initial(want(VOICE, 120))
    counter.update(used(VOICE, 60, wanted=60), request_number=9, end_to_end_id=2)
    late = counter.update(used(VOICE, 50, wanted=60), request_number=8, end_to_end_id=3)
    assert (late.novelty, len(late.edrs)) == (Novelty.NEW, 1)
    again = counter.update(used(VOICE, 60, wanted=60), request_number=9, end_to_end_id=2)
    assert again.novelty is Novelty.REPEATED
    assert counter.balance(1)[0] == 120


def test_of_several_requests_with_one_number_the_same_one_is_repeated():
    counter = desk()
    counter.initial(want(VOICE, 120))
    for identifier, units in ((10, 60), (11, 120), (12, 180)):
        ask = used(VOICE, units, wanted=units)
        counter.update(ask, request_number=1, end_to_end_id=identifier)
    again = counter.update(used(VOICE, 120, wanted=120), request_number=1, end_to_end_id=13)
    assert (again.novelty, granted(again)) == (Novelty.REPEATED, [(120, False)])
    assert counter.case.version == 4


def test_another_type_under_the_same_number_is_new_work():
    counter = desk()
    counter.initial(want(VOICE, 120), request_number=0)
    update = counter.update(used(VOICE, 60, wanted=60), request_number=0)
    assert (update.novelty, len(update.edrs)) == (Novelty.NEW, 1)


def test_a_termination_is_repeated_after_the_session_has_ended():
    counter = desk()
    counter.initial(want(VOICE, 120))
    counter.terminate(used(VOICE, 60), request_number=5)
    again = counter.terminate(used(VOICE, 60), request_number=5)
    assert (again.novelty, again.outcome) == (Novelty.REPEATED, Outcome.SUCCESS)
    assert counter.balance(1) == (60, 0)


def test_an_update_is_repeated_after_the_session_has_ended():
    counter = desk()
    counter.initial(want(VOICE, 120))
    first = counter.update(used(VOICE, 60, wanted=60), request_number=4)
    counter.terminate(used(VOICE, 60), request_number=5)
    again = counter.update(used(VOICE, 60, wanted=60), request_number=4)
    assert (again.novelty, granted(again)) == (Novelty.REPEATED, granted(first))


@pytest.mark.parametrize(
    ("second", "is_repeat"),
    [
        ({"end_to_end_id": 1}, True),
        ({"end_to_end_id": 2, "is_retransmission": True}, True),
        ({"end_to_end_id": 2}, False),
    ],
    ids=["same identifier", "says that it is a repeat", "same content alone"],
)
def test_a_first_request_of_an_ended_session_is_repeated_only_by_identifier_or_flag(
    second, is_repeat
):
    counter = desk()
    counter.initial(want(VOICE, 120), request_number=0)
    counter.terminate(used(VOICE, 60), request_number=1)
    again = counter.initial(want(VOICE, 120), request_number=0, **second)
    assert (again.novelty is Novelty.REPEATED) == is_repeat
    assert (len(counter.case.sessions) == 0) == is_repeat


def test_a_refused_first_request_is_refused_again():
    counter = desk()
    first, again = asked_twice(counter, Desk.initial, want(999), first={}, second={})
    assert (first.outcome, again.outcome) == (Outcome.RATING_FAILED, Outcome.RATING_FAILED)
    assert again.novelty is Novelty.REPEATED
    assert again.services[0].outcome is Outcome.RATING_FAILED
    assert counter.terminate().outcome is Outcome.SUCCESS


def test_usage_under_a_new_number_after_the_end_is_charged_once():
    counter = desk()
    counter.initial(want(VOICE, 120))
    counter.terminate(used(VOICE, 60), request_number=5)
    late = counter.update(used(VOICE, 60, wanted=60), request_number=6)
    assert (late.outcome, late.services) == (Outcome.SESSION_UNKNOWN, ())
    assert (late.novelty, late.edrs[0].reason) == (Novelty.LATE, "late")
    assert counter.balance(1) == (120, 0)
    again = counter.update(used(VOICE, 60, wanted=60), request_number=6)
    assert (again.novelty, again.outcome) == (Novelty.REPEATED, Outcome.SESSION_UNKNOWN)
    assert again.services == ()
    assert counter.balance(1) == (120, 0)
    ended = counter.terminate(used(VOICE, 60), request_number=7)
    assert (ended.outcome, ended.novelty) == (Outcome.SUCCESS, Novelty.LATE)
    assert counter.balance(1) == (180, 0)


def test_late_usage_goes_on_where_its_line_was_rounded():
    counter = desk()
    counter.initial(want(VOICE, 120))
    counter.terminate(used(VOICE, 50), request_number=5)
    counter.update(used(VOICE, 10), request_number=6)
    assert counter.balance(1) == (60, 0)


def test_without_usage_nothing_is_charged_after_the_end():
    counter = desk()
    counter.initial(want(VOICE, 120))
    counter.terminate(used(VOICE, 60), request_number=5)
    assert counter.update(want(VOICE, 60), request_number=6).outcome is Outcome.SESSION_UNKNOWN
    assert counter.terminate(request_number=7).outcome is Outcome.SUCCESS
    assert counter.case.version == 2


def test_a_session_that_has_been_forgotten_is_unknown():
    counter = desk()
    counter.initial(want(VOICE, 120))
    counter.terminate(used(VOICE, 60), request_number=5)
    seconds = OFFERED.session_rules.tombstone_seconds + 1
    counter.case = counter.case._replace(now=counter.case.now + seconds * 10**6)
    late = counter.terminate(used(VOICE, 60), request_number=5, end_to_end_id=2)
    assert late.outcome is Outcome.SESSION_UNKNOWN
    assert late.edrs[0].reason == "session_unknown"
    assert counter.balance(1) == (60, 0)


@pytest.mark.parametrize("ask", [Desk.update, Desk.terminate])
def test_usage_of_a_session_that_nobody_knows_is_recorded_once_and_not_charged(ask):
    counter = desk()
    first = ask(counter, used(VOICE, 61, wanted=60), request_number=3)
    assert (first.outcome, first.services) == (Outcome.SESSION_UNKNOWN, ())
    (settlement,) = counter.settlements
    assert (settlement.reported, settlement.charged, settlement.overrun) == (61, 0, 61)
    again = ask(counter, used(VOICE, 61, wanted=60), request_number=3)
    assert (again.novelty, again.outcome) == (Novelty.REPEATED, Outcome.SESSION_UNKNOWN)
    assert ask(counter, used(VOICE, 5), request_number=4).outcome is Outcome.SESSION_UNKNOWN
    assert counter.case.version == 2
    assert counter.balance(1) == (0, 0)


def test_a_tenant_may_charge_what_nobody_knows():
    counter = desk()
    counter.offer(replace(OFFERED, session_rules=SessionRules(charges_unknown_sessions=True)))
    late = counter.update(used(VOICE, 61), request_number=3)
    assert late.outcome is Outcome.SESSION_UNKNOWN
    assert counter.balance(1) == (120, 0)
    counter.update(used(VOICE, 61), request_number=3)
    assert counter.balance(1) == (120, 0)


def test_the_digest_tells_apart_what_is_asked_and_what_is_used():
    counter = desk()
    counter.initial()
    requests = []

    def seen(*usages, **others):
        before = counter.case
        decision = counter.update(*usages, **others)
        counter.case = before._replace()
        requests.append(decision.edrs[0].digest)
        counter.decisions.pop()

    seen(want(VOICE, 60))
    seen(used(VOICE, 60))
    seen(used(VOICE, 60, wanted=60))
    seen(want(None, 60))
    seen(want(VOICE, 60, 1))
    seen(want(VOICE, 60, 1, 2))
    seen(want(VOICE, 60), want(VOICE, 60, 1))
    seen()
    seen(used(VOICE, 60)._replace(used=(Units(None, 30), Units(None, 30))))
    assert len(set(requests)) == len(requests)


def test_the_digest_is_the_same_after_a_restart():
    (edr,) = desk().initial(want(VOICE, 60, 7), event_at=1_700_000_000_000_000).edrs
    assert edr.digest == 3_191_008_799_329_225_737
