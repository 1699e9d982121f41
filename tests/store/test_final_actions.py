"""The stores keep what gateways were told to do when nothing was left, and that they do it."""

import pytest

from diameter_ocs.charging.decisions import Decision, Grant, Novelty
from diameter_ocs.charging.final_units import AddressType, FinalUnit, FinalUnitAction
from diameter_ocs.charging.requests import ServiceUsage
from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.provisioning import apply_catalogue
from tests.store.scenario import (
    DATA,
    DOCUMENT,
    OCTETS,
    ORDER,
    Kept,
    charged,
    furnish,
    initial,
    octets,
    update,
    used,
    want,
)

RULE = "permit out 6 from 192.0.2.1 443 to assigned"
REDIRECTING = DOCUMENT.replace(
    "name: Data,",
    "name: Data, final_unit: {action: REDIRECT, servers: ['https://pay/{account}'],"
    f" filter_rules: ['{RULE}'], filter_ids: [pay]}},",
)
REDIRECTED = FinalUnit(
    FinalUnitAction.REDIRECT, AddressType.URL, "https://pay/account%201", (RULE,), ("pay",)
)
RESTRICTING = REDIRECTING.replace("REDIRECT, servers: ['https://pay/{account}']", "RESTRICT_ACCESS")
RESTRICTED = FinalUnit(FinalUnitAction.RESTRICT_ACCESS, None, "", (RULE,), ("pay",))


def grant(decision: object) -> Grant | None:
    assert isinstance(decision, Decision)
    return decision.services[0].grant


@pytest.mark.parametrize(
    ("document", "final_unit"), [(REDIRECTING, REDIRECTED), (RESTRICTING, RESTRICTED)]
)
async def test_a_session_without_units_goes_on_and_repeats_are_told_the_same(
    kept: Kept, document: str, final_unit: FinalUnit
) -> None:
    (group, *_) = await furnish(kept.accounts)
    await apply_catalogue(kept.accounts, read_document(document), ORDER)
    requests = [
        initial(usages=(want(OCTETS),)),
        update(request_number=1, usages=(used(OCTETS),)),
        update(request_number=2, usages=(ServiceUsage(DATA),)),
        update(request_number=3, usages=(used(5),)),
        update(request_number=4, usages=(used(5, 100),)),
    ]
    answered = [(await charged(kept.store, (group, request)))[0] for request in requests]
    grants = [grant(each) for each in answered]
    assert None not in grants
    told = [(each.units, each.is_final, each.final_unit) for each in grants if each]
    nothing, at_once = (0, False, None), (0, True, final_unit)
    assert told == [(OCTETS, True, final_unit), nothing, at_once, nothing, at_once]
    assert all(each and each.validity_seconds for each in grants)
    assert (await octets(kept.accounts))[5:7] == (OCTETS, 0)
    for request, before in zip(requests, grants, strict=True):
        (again,) = await charged(kept.store, (group, request))
        assert isinstance(again, Decision)
        assert again.novelty is Novelty.REPEATED
        assert grant(again) == before
