"""Catalogues as operators write them: each fault with its path, and what was stored reads alike."""

import json

import pytest

from diameter_ocs.charging.catalogue import Insufficiency, SessionRules
from diameter_ocs.charging.faults import CatalogueUnreadable
from diameter_ocs.charging.units import UnitType
from diameter_ocs.config import resource
from diameter_ocs.handlers.catalogue import read_document, read_stored, stored_text
from diameter_ocs.handlers.catalogue_build import build
from tests.handlers.catalogue_text import GOOD


def test_a_document_becomes_a_catalogue() -> None:
    catalogue = build(read_document(GOOD), 3)
    assert (catalogue.tenant, catalogue.version, catalogue.currency) == ("demo", 3, "EUR")
    video = catalogue.rating_groups[310]
    assert (video.parent_id, video.unit_type) == (300, UnitType.VOLUME)
    assert (video.rounding, video.min_reservation) == (1024, 0)
    assert (video.default_quota, video.quota_validity_seconds) == (5_000_000, 600)
    assert catalogue.rating_groups[0].quota_validity_seconds == 3600
    assert catalogue.default_rating_groups == {"32251": 300}
    assert catalogue.service_identifiers == {7: 310}
    assert catalogue.default_monetary_balance_type == "money"
    included, paid = catalogue.plans["plan"].services
    assert included.rating_groups == {300, 310}
    assert paid.rating_groups == {300, 310, 0}
    assert paid.balance_types == ("money",)
    (rate,) = paid.rates
    assert (rate.price.micro_units, rate.price.per_units) == (1_000_000, 60)
    assert rate.price.tax_millionths == 190_000
    assert [allowance.total for allowance in catalogue.plans["plan"].allowances] == [2**30]


DYNAMIC = """
  - id: 20
    name: Lively
    unit_type: time
    min_reservation: 10
    quota_validity: 1 h
    dynamic_quota: true
    min_validity: 5 min
    max_session_share: 25 %
    children:
      - {id: 21, name: Like it}
      - {id: 22, name: Unlike it, dynamic_quota: false}
      - {id: 23, name: Shorter, min_validity: 60, max_session_share: 100}
      - {id: 24, name: Counted, unit_type: volume}
"""


def test_dynamic_quotas_and_shares_are_inherited_where_the_same_is_counted() -> None:
    text = GOOD.replace("default_rating_groups:", DYNAMIC.lstrip("\n") + "default_rating_groups:")
    groups = build(read_document(text), 1).rating_groups
    assert {
        number: (group.min_validity_seconds, group.max_session_share_percent)
        for number, group in groups.items()
        if number in range(20, 25)
    } == {20: (300, 25), 21: (300, 25), 22: (None, 25), 23: (60, 100), 24: (None, 100)}
    assert (groups[300].min_validity_seconds, groups[300].max_session_share_percent) == (None, 100)


QUOTAS = """
  - id: 10
    name: Tree
    unit_type: time
    quota_threshold: 5%
    quota_holding: 1 min
    quota_consumption: 30
    children:
      - {id: 11, name: Leaf}
      - {id: 12, name: Own, quota_threshold: 0, quota_holding: 0, quota_consumption: 1 min}
      - {id: 13, name: Octets, unit_type: volume}
"""


def test_what_gateways_are_told_of_quotas_is_inherited_where_the_same_is_counted() -> None:
    text = GOOD.replace("default_rating_groups:", QUOTAS.lstrip("\n") + "default_rating_groups:")
    groups = build(read_document(text), 1).rating_groups
    told = {
        number: (
            group.threshold_percent,
            group.quota_holding_seconds,
            group.quota_consumption_seconds,
        )
        for number, group in groups.items()
    }
    assert told == {
        300: (20, 600, None),
        310: (20, 600, None),
        0: (0, 0, None),
        10: (5, 60, 30),
        11: (5, 60, 30),
        12: (0, 0, 60),
        13: (20, 600, None),
    }


def test_what_was_stored_reads_alike() -> None:
    files = "deploy/demo.yaml", "deploy/catalogue.example.yaml"
    for text in (GOOD, *(resource(name).read_text() for name in files)):
        document = read_document(text)
        stored = stored_text(document)
        assert read_stored(document.tenant, 5, stored) == build(document, 5)


def test_what_only_a_newer_program_knows_is_not_passed_over_in_what_was_stored() -> None:
    stored = json.loads(stored_text(read_document(GOOD)))
    stored["plans"][0]["colour"] = "red"
    with pytest.raises(CatalogueUnreadable, match=r"version 2 .*plans\.0\.colour"):
        read_stored("demo", 2, json.dumps(stored))


def test_what_is_as_by_default_is_not_stored_so_that_older_programs_need_not_know_it() -> None:
    stored = json.loads(stored_text(read_document(GOOD)))
    assert "settings" not in stored
    assert "peers" not in stored


def test_the_demonstration_catalogue_is_as_the_readme_says() -> None:
    catalogue = build(read_document(resource("deploy/demo.yaml").read_text()), 1)
    assert set(catalogue.rating_groups) == {100, 200, 300, 310, 380}
    totals = {a.balance_type: a.total for a in catalogue.plans["demo"].allowances}
    assert totals == {"data": 10 * 2**30, "voice": 6000, "text": 100}


def test_scalars_are_what_the_document_needs() -> None:
    text = GOOD.replace("name: Data", "name: no").replace("name: Video", "name: 0100")
    text = text.replace("name: paid", "name: 2001-01-01")
    text = text.replace("per: 1 min", "per: '060'")
    catalogue = build(read_document(text), 1)
    assert [group.name for group in catalogue.rating_groups.values()] == ["no", "0100", "Voice"]
    assert catalogue.plans["plan"].services[1].name == "2001-01-01"


def test_nothing_between_text_and_integer_is_a_float() -> None:
    text = GOOD.replace("amount: 1,", "amount: 0.000003,").replace("tax: 0.19", "tax: 0.070001")
    price = build(read_document(text), 1).plans["plan"].services[1].rates[0].price
    assert (price.micro_units, price.tax_millionths) == (3, 70_001)


def test_a_tenant_says_how_sessions_and_events_are_treated_that_go_wrong() -> None:
    assert build(read_document(GOOD), 1).session_rules == SessionRules()
    settings = """
settings:
  session_idle_hours: 24
  ims_session_idle_hours: 2
  tombstone_hours: 72
  charge_unknown_session: yes
  close_unclaimed: no
  reverse_unclaimed_events: no
  insufficient_balance_events: REJECT
  insufficient_balance_sessions: IGNORE
"""
    rules = build(read_document(GOOD + settings), 1).session_rules
    hours = 24 * 3600, 2 * 3600, 72 * 3600
    assert rules == SessionRules(*hours, True, False, False, False, Insufficiency.IGNORE)
