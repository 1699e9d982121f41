"""Reports to policy servers: of what, when, and what of them counts when they leave."""

import json
from dataclasses import replace

import pytest

from diameter_ocs.charging import reporting
from diameter_ocs.charging.accounts import delete
from diameter_ocs.charging.case import AccountState
from diameter_ocs.charging.course import followed_group
from diameter_ocs.charging.groups import Group
from diameter_ocs.charging.ledger import Balance
from diameter_ocs.charging.outbox import OutboxKind, Outgoing
from diameter_ocs.charging.reporting import Report, due_report, foreseen, report_of
from diameter_ocs.charging.requests import RequestType
from diameter_ocs.charging.spending_limits import ABORT_FEATURE, CounterStatus, PendingStatus
from tests.charging.policing import (
    DATA_LEFT,
    DAY,
    OFFERED,
    SESSION,
    PolicyDesk,
    intermediate,
    said,
    slr,
    str_,
)
from tests.charging.scenario import BOB, DATA, MONEY, OCTETS, balance, used, want

NOW = PolicyDesk().case.now


def told(outgoing: list[Outgoing]) -> list[dict[str, str]]:
    """Return what reports say, without what is pending."""
    return [said(report_of(each.content).statuses) for each in outgoing]


def lasting(number: int, total: int, **dates: int) -> Balance:
    return balance(number, OCTETS, total)._replace(**dates)


def test_a_counter_that_turns_is_reported_in_both_directions() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    assert told(desk.spend(1, 900)) == []
    assert told(desk.spend(1, 1)) == [{"data left": "low"}]
    assert told(desk.spend(1, 10)) == []
    assert told(desk.spend(1, -11)) == [{"data left": "normal"}]


def test_a_report_names_its_session_as_it_was_named_and_goes_to_its_host() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    (row,) = desk.spend(1, 950)
    assert row.kind is OutboxKind.SPENDING_LIMIT
    assert (row.session_id, row.session_number, row.account_id) == (SESSION, 1, 1)
    assert (row.target, row.realm) == ("pcrf.example", "example")
    assert row.stream == "spending_limit 1 pcrf.example"


def test_usage_that_a_gateway_reports_turns_counters_too() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    assert desk.gateway(RequestType.INITIAL, want(DATA, 990)) == []
    assert told(desk.gateway(RequestType.UPDATE, used(DATA, 950, wanted=10))) == [
        {"data left": "low"}
    ]


def test_only_what_was_subscribed_to_is_reported() -> None:
    desk = PolicyDesk()
    desk.police(slr("talked"))
    assert told(desk.spend(1, 950)) == []
    assert told(desk.spend(2, 501)) == [{"talked": "much"}]


def test_a_replaced_list_counts_from_then_on() -> None:
    desk = PolicyDesk()
    desk.police(slr("talked"))
    desk.police(intermediate("data left"))
    assert told(desk.spend(2, 501)) == []
    assert told(desk.spend(1, 950)) == [{"data left": "low"}]


def test_several_subscriptions_of_an_account_are_all_told_and_others_are_not() -> None:
    desk = PolicyDesk()
    desk.police(slr(session_id=b"1"))
    desk.police(slr("talked", session_id=b"2"))
    desk.police(slr("data left", session_id=b"3", origin_host="other.example"))
    desk.police(slr(session_id=b"4", identities=(BOB,)))
    rows = desk.spend(1, 950)
    assert [(row.session_id, row.target) for row in rows] == [
        (b"1", "pcrf.example"),
        (b"3", "other.example"),
    ]


def test_who_has_ended_hears_nothing() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    desk.police(str_())
    assert desk.spend(1, 950) == []


def test_several_counters_that_turn_at_once_are_one_report() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    desk.case = desk.case._replace(
        balances={**desk.case.balances, 2: desk.case.balances[2]._replace(used=501)}
    )
    assert told(desk.spend(1, 950)) == [{"data left": "low", "talked": "much"}]


def test_an_answer_reports_itself_to_nobody() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    desk.spend(1, 950)
    before = len(desk.outgoing)
    desk.police(intermediate())
    desk.police(slr())
    assert len(desk.outgoing) == before


def test_an_answer_to_one_subscription_tells_the_others_what_time_has_brought() -> None:
    desk = PolicyDesk()
    desk.police(slr(session_id=b"1"))
    desk.case = desk.case._replace(
        balances={**desk.case.balances, 1: desk.case.balances[1]._replace(used=950)}
    )
    desk.police(slr(session_id=b"2"))
    assert [(row.session_id, *told([row])) for row in desk.outgoing] == [
        (b"1", {"data left": "low"})
    ]


def test_a_counter_that_an_account_gets_is_reported() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    assert told(desk.with_balance(balance(9, MONEY, 5))) == [{"money left": "rich"}]


def test_another_catalogue_is_reported_with_the_next_change() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    states = DATA_LEFT.states[:1] + tuple(
        state._replace(threshold=state.threshold * 11) for state in DATA_LEFT.states[1:]
    )
    desk.offer(replace(OFFERED, counters={"data left": DATA_LEFT._replace(states=states)}))
    assert told(desk.spend(1, 1)) == [{"data left": "low"}]


def test_a_change_without_an_edr_tells_nobody() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    balances = {**desk.case.balances, 1: desk.case.balances[1]._replace(used=950)}
    assert desk.go_on(desk.case._replace(balances=balances), ()) == []


def test_what_balances_will_do_by_themselves_is_pending_in_the_order_of_time() -> None:
    desk = PolicyDesk()
    desk.with_balance(lasting(1, 90, valid_until=NOW + 4 * DAY))
    desk.with_balance(lasting(4, 500, valid_from=NOW + DAY, valid_until=NOW + 2 * DAY))
    desk.with_balance(lasting(5, 50, valid_from=NOW + 3 * DAY, valid_until=NOW + 5 * DAY))
    (found, _) = foreseen(desk.case, 1)
    assert found == CounterStatus(
        "data left",
        "low",
        (
            PendingStatus("normal", NOW + DAY),
            PendingStatus("low", NOW + 2 * DAY),
            PendingStatus("normal", NOW + 3 * DAY),
            PendingStatus("low", NOW + 4 * DAY),
            PendingStatus("gone", NOW + 5 * DAY),
        ),
    )
    assert desk.police(slr("data left")).statuses == (found,)


def test_dates_that_change_no_status_are_not_pending() -> None:
    desk = PolicyDesk()
    desk.with_balance(lasting(4, 500, valid_from=NOW + DAY, valid_until=NOW + 2 * DAY))
    assert all(not each.pending for each in foreseen(desk.case, 1))


def test_as_many_dates_are_looked_ahead_to_as_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "DATES_MAX", 1)
    desk = PolicyDesk()
    desk.with_balance(lasting(1, 1000, valid_until=NOW + 2 * DAY))
    assert foreseen(desk.case, 1)[0].pending == (PendingStatus("gone", NOW + 2 * DAY),)
    desk.with_balance(lasting(4, 500, valid_from=NOW + DAY))
    assert foreseen(desk.case, 1)[0].pending == ()


def test_what_comes_true_as_it_was_foretold_is_not_reported() -> None:
    desk = PolicyDesk()
    desk.with_balance(lasting(1, 1000, valid_until=NOW + DAY))
    desk.police(slr("data left"))
    desk.case = desk.case._replace(now=NOW + DAY)
    assert desk.spend(2, 1) == []
    assert said(foreseen(desk.case, 1))["data left"] == "gone"


def test_what_does_not_come_true_is_taken_back_before() -> None:
    desk = PolicyDesk()
    desk.with_balance(lasting(1, 1000, valid_until=NOW + DAY))
    desk.police(slr("data left"))
    (row,) = desk.with_balance(lasting(4, 500))
    assert report_of(row.content).statuses == (CounterStatus("data left", "normal"),)


def test_usage_that_changes_what_will_come_is_reported() -> None:
    desk = PolicyDesk()
    desk.with_balance(lasting(1, 1000, valid_until=NOW + DAY))
    desk.with_balance(lasting(4, 150))
    desk.police(slr("data left"))
    (row,) = desk.spend(4, 51)
    (status,) = report_of(row.content).statuses
    assert status == CounterStatus("data left", "normal", (PendingStatus("low", NOW + DAY),))


def test_every_report_repeats_what_is_pending() -> None:
    desk = PolicyDesk()
    desk.with_balance(lasting(1, 1000, valid_until=NOW + DAY))
    desk.police(slr("data left"))
    (row,) = desk.spend(1, 950)
    (status,) = report_of(row.content).statuses
    assert status == CounterStatus("data left", "low", (PendingStatus("gone", NOW + DAY),))


def without_account(desk: PolicyDesk) -> list[Outgoing]:
    change = followed_group(delete(Group(desk.case, {}, {}), 1, "operator"))
    desk.case = change.after.case
    return list(change.outgoing)


@pytest.mark.parametrize("features", [0, ABORT_FEATURE])
def test_who_asked_for_it_is_told_that_an_account_is_deleted(features: int) -> None:
    desk = PolicyDesk()
    desk.police(slr(features=features))
    desk.police(slr(session_id=b"of bob", identities=(BOB,), features=features))
    rows = without_account(desk)
    assert [(row.session_id, report_of(row.content)) for row in rows] == (
        [(SESSION, Report(is_abort=True))] if features else []
    )
    assert SESSION in desk.case.spending_limits, "until it is ended"
    assert desk.spend(3, 1) == [], "it is said once"


def test_reports_are_kept_as_json() -> None:
    pending = (PendingStatus("low", NOW + 1), PendingStatus("gone", NOW + 2))
    statuses = (CounterStatus("data \u00e9;", "normal", pending), CounterStatus("talked", "much"))
    for report in (Report(statuses), Report(is_abort=True), Report(statuses, True, statuses)):
        assert report_of(json.loads(json.dumps(report.content))) == report


def test_of_reports_that_wait_the_newest_status_of_each_counter_counts() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    normal, low, gone = (CounterStatus("data left", name) for name in ("normal", "low", "gone"))
    much = CounterStatus("talked", "much")
    waiting = [(5, Report((normal,))), (3, Report((low, much))), (4, Report((gone,)))]
    assert due_report(desk.sy, waiting, NOW) == Report((normal, much))


def test_what_is_as_before_is_told_only_where_what_was_between_may_have_arrived() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    normal, gone = (CounterStatus("data left", name) for name in ("normal", "gone"))
    turned = (4, Report((gone,), before=(normal,)))
    waiting = [turned, (5, Report((normal,), before=(gone,)))]
    assert due_report(desk.sy, waiting, NOW) is None
    assert due_report(desk.sy, waiting, NOW, may_be_known=True) == Report((normal,))


def test_what_was_answered_since_does_not_leave_any_more() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    version = desk.sy.answered_version
    low = CounterStatus("data left", "low")
    waiting = [(version, Report((low,))), (version - 1, Report(is_abort=True))]
    assert due_report(desk.sy, waiting, NOW) is None
    assert due_report(desk.sy, [*waiting, (version + 1, Report((low,)))], NOW) == Report((low,))
    assert due_report(desk.sy, [], NOW) is None


def test_a_late_report_says_what_has_become_of_it() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    pending = (PendingStatus("low", NOW + 5), PendingStatus("gone", NOW + 9))
    waiting = [(7, Report((CounterStatus("data left", "normal", pending),)))]
    for now, status in (
        (NOW + 4, CounterStatus("data left", "normal", pending)),
        (NOW + 5, CounterStatus("data left", "low", pending[1:])),
        (NOW + 9, CounterStatus("data left", "gone")),
    ):
        assert due_report(desk.sy, waiting, now) == Report((status,))


def test_an_abort_leaves_with_what_is_reported() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    low = CounterStatus("data left", "low")
    waiting = [(8, Report(is_abort=True)), (7, Report((low,)))]
    assert due_report(desk.sy, waiting, NOW) == Report((low,), True)


def test_a_suspended_account_is_no_reason_to_end_it() -> None:
    desk = PolicyDesk()
    desk.police(slr(features=ABORT_FEATURE))
    desk.in_state(1, AccountState.SUSPENDED)
    assert desk.spend(1, 1) == []
