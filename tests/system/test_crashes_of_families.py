"""Kills while families use up what they share: what was answered stands, once, and to the unit.

Prices change by place and minute, quotas end in all ways that there are, several sessions hold of
one balance, texts are paid and given back, and gateways repeat what was not answered.
"""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from diameter_ocs.simulator.answers import Answer
from tests.system.families import MEMBERS, TEXT, credit, open_families, subscriber
from tests.system.journal import Journalled, journal, paid, settlements
from tests.system.phones import Asked, Crowd
from tests.system.repeating import EVENT_ACTIONS, send_again
from tests.system.serving import Demonstration, eventually

FAMILIES = 6
PHONES = (0, 0, 1, 2)
"""Of a family, by its members: the parent has two."""
KILLS = 5
ANSWERS_BETWEEN = 200
MORE_MAX = 20
LIMIT_REACHED = 4012
DIVIDED = "usage after a change of price"
TO_BE_SEEN = {"TERMINATE", "REDIRECT", "RESTRICT_ACCESS", LIMIT_REACHED, DIVIDED, *EVENT_ACTIONS}


@pytest.mark.ci
def test_kills_cost_families_nothing_and_their_usage_is_charged_once(
    own_demo: Demonstration, folder: Path
) -> None:
    demo = own_demo
    open_families(demo, folder, datetime.now(UTC), FAMILIES)
    phones = [subscriber(family, member) for family in range(FAMILIES) for member in PHONES]
    crowd = Crowd(demo.server, phones)
    with crowd.at_work():
        for _ in range(KILLS):
            go_on(demo, crowd)
            with crowd.in_a_hurry():
                demo.kill()
                demo.server.start()
            go_on(demo, crowd)
            with crowd.in_a_hurry():
                demo.kill_database()
        for _ in range(MORE_MAX):
            if unseen(crowd):
                go_on(demo, crowd)
    assert unseen(crowd) == set()
    assert crowd.sent_again > 2 * KILLS
    assert gateways_journal(demo) == Counter(map(promised_by, crowd.asked))
    check_that_nothing_is_held(demo)
    check_that_units_and_money_add_up(demo, crowd.asked)
    check_repeats(demo, crowd.asked)
    assert demo.server.end() == 0
    assert "Traceback" not in demo.server.log


def go_on(demo: Demonstration, crowd: Crowd) -> None:
    """Give the families money, and wait until they have used some of it."""
    credit(demo, FAMILIES)
    before = crowd.count()
    eventually("answers", lambda: crowd.count() > before + ANSWERS_BETWEEN)


def unseen(crowd: Crowd) -> set[object]:
    """Return what has not happened yet of all that is to be seen."""
    services = [service for each in crowd.asked for service in each.answer.services]
    seen: set[object] = {each.final_unit.action for each in services if each.final_unit}
    seen |= {each.result_code for each in services}
    seen |= {each.exchange.key[1] for each in crowd.asked}
    seen |= {DIVIDED for phone in crowd.phones if phone.divided}
    return TO_BE_SEEN - seen


def gateways_journal(demo: Demonstration) -> Counter[Journalled]:
    """Return the EDRs of requests, without the notes that events were answered after all."""
    entries = journal(demo.conninfo)
    return Counter({entry: entries[entry] for entry in entries if entry.action != "answered"})


def promised_by(asked: Asked) -> Journalled:
    """Return the EDR that an answer promises; what an event pays for counts as reported."""
    _, action, _ = asked.exchange.key
    used = asked.used
    if action in EVENT_ACTIONS:
        used = {TEXT: granted_units(asked.answer) if action == "event" else 0}
    return Journalled(*asked.exchange.key, tuple(sorted(used.items())))


def granted_units(answer: Answer) -> int:
    """Return the units that an answer grants to its only service."""
    (service,) = answer.services
    return 0 if service.granted is None else service.granted.service_specific_units or 0


def check_that_nothing_is_held(demo: Demonstration) -> None:
    assert demo.command("session", "list") == []
    for family in range(FAMILIES):
        for name in MEMBERS:
            shown = demo.command("account", "show", f"{name}-{family}", "--tenant", "families")
            assert [each for each in shown["balances"] if each["reserved"]] == []
    assert demo.command("books")["balanced"] is True


def check_that_units_and_money_add_up(demo: Demonstration, asked: list[Asked]) -> None:
    """Compare what gateways reported with what the journal says became of it."""
    used: Counter[int] = Counter()
    for each in asked:
        used.update(dict(promised_by(each).reported))
        if each.exchange.key[1] == "refund":
            used[TEXT] -= granted_units(each.answer)
    became: Counter[int] = Counter()
    for group, settlement in settlements(demo.conninfo):
        became[group] += settlement.charged + settlement.overrun + settlement.shortfall
    assert became == used
    assert [charged for charged, posted in paid(demo.conninfo) if charged != posted] == []


def check_repeats(demo: Demonstration, asked: list[Asked]) -> None:
    """Send everything again: the same codes, grants and final units, and no EDR more."""
    before = gateways_journal(demo)
    exchanges = [each.exchange for each in asked]
    answers = {each.exchange.key: each.answer for each in asked}
    for with_another_identifier in (False, True):
        again = send_again(demo.server, exchanges, with_another_identifier)
        assert [key for key, answer in again.items() if answer != answers[key]] == []
        assert again.keys() == answers.keys()
    assert gateways_journal(demo) == before
    assert demo.command("books")["balanced"] is True
