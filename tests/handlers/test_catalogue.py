"""Catalogues as operators write them: each fault with its path, and what was stored reads alike."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.charging.catalogue import SessionRules
from diameter_ocs.charging.units import AMOUNT_MAX, UnitType
from diameter_ocs.config import resource
from diameter_ocs.handlers.catalogue import (
    DEPTH_MAX,
    DOCUMENT_OCTETS_MAX,
    RATING_GROUPS_MAX,
    CatalogueError,
    build,
    parse_quantity,
    read_document,
    read_stored,
)

GOOD = """
tenant: demo
currency: EUR
rating_groups:
  - id: 300
    name: Data
    unit_type: volume
    rounding: 1 KiB
    min_reservation: 10
    children:
      - {id: 310, name: Video, min_reservation: 0, default_quota: 5 MB, quota_validity: 10 min}
  - {id: 0, name: Voice, unit_type: time, rounding: 60}
default_rating_groups: {32251: 300}
service_identifiers: {7: 310}
balance_types:
  - {name: data, unit_type: volume}
  - {name: money, unit_type: money}
plans:
  - name: plan
    services:
      - {name: included, rating_groups: [300], allowance: {balance_type: data, amount: 1 GiB}}
      - {name: paid, rating_groups: [300, 0], price: {amount: 1, per: 1 min, tax: 0.19}}
"""


def faults(text: str) -> list[str]:
    with pytest.raises(CatalogueError) as caught:
        read_document(text)
    return caught.value.faults


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
    assert paid.price is not None
    assert (paid.price.micro_units, paid.price.per_units) == (1_000_000, 60)
    assert paid.price.tax_millionths == 190_000
    assert [allowance.total for allowance in catalogue.plans["plan"].allowances] == [2**30]


def test_what_was_stored_reads_alike() -> None:
    for text in (GOOD, resource("deploy/demo.yaml").read_text()):
        document = read_document(text)
        stored = document.model_dump_json()
        assert read_stored(document.tenant, 5, stored) == build(document, 5)


def test_the_demonstration_catalogue_is_as_the_readme_says() -> None:
    catalogue = build(read_document(resource("deploy/demo.yaml").read_text()), 1)
    assert set(catalogue.rating_groups) == {100, 200, 300, 310, 380}
    totals = {a.balance_type: a.total for a in catalogue.plans["demo"].allowances}
    assert totals == {"data": 10 * 2**30, "voice": 6000, "text": 100}


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("tenant: demo", "tenant: demo\ncolour: red", "colour: unknown key"),
        ("tenant: demo\n", "", "tenant: Field required"),
        ("currency: EUR", "currency: euro", "currency: "),
        ("currency: EUR", "currency: [EUR]", "currency: "),
        ("id: 310", "id: -1", "rating_groups[0].children[0].id: "),
        ("id: 310", "id: 4294967296", "rating_groups[0].children[0].id: "),
        ("id: 310", "id: 3e2", "rating_groups[0].children[0].id: "),
        ("id: 310", "id: 300", "rating_groups: the id 300 is used more than once"),
        ("name: Video", "name: Data", "rating_groups: the name 'Data' is used more than once"),
        ("name: Video", "name: ''", "rating_groups[0].children[0].name: "),
        ("name: Video", 'name: "a\\0b"', "rating_groups[0].children[0].name: a name is printable"),
        ("name: Video", 'name: " a"', "rating_groups[0].children[0].name: "),
        ("name: Video", "name: " + "x" * 51, "rating_groups[0].children[0].name: "),
        ("name: Video, ", "", "rating_groups[0].children[0].name: Field required"),
        ("unit_type: time", "unit_type: seconds", "rating_groups[1].unit_type: "),
        ("1 KiB", "0", "rating_groups[0].rounding: "),
        ("1 KiB", "1.5 KiB", "rating_groups[0].rounding: '1.5 KiB' is no quantity"),
        ("1 KiB", "1 Kib", "rating_groups[0].rounding: '1 Kib' is no quantity"),
        ("1 KiB", "9" * 30, "rating_groups[0].rounding: "),
        ("1 KiB", "9" * 5000, "rating_groups[0].rounding: "),
        ("10 min", "2 d", "rating_groups[0].children[0].quota_validity: "),
        ("5 MB", "-5", "rating_groups[0].children[0].default_quota: "),
        ("min_reservation: 10", "min_reservation: 10\n    max_reservation: 9",
         "rating_groups: 300: max_reservation is below min_reservation"),
        ("1 KiB", "11 TiB", "rating_groups: 300: rounding is above 10995116277760"),
        ("5 MB", "11 TiB", "rating_groups: 310: default_quota is above 10995116277760"),
        ("min_reservation: 10", "max_reservation: 11 TiB",
         "rating_groups: 300: max_reservation is above 10995116277760"),
        ("min_reservation: 10", "min_reservation: 11 TiB",
         "rating_groups: 300: min_reservation is above 10995116277760"),
        ("32251: 300", "32251: 5", "default_rating_groups.32251: there is no rating group 5"),
        ("7: 310", "7: 5", "service_identifiers.7: there is no rating group 5"),
        ("{name: data, ", "{name: money, ", "balance_types: the name 'money' is used more"),
        ("unit_type: money", "unit_type: cash", "balance_types[1].unit_type: "),
        ("[300, 0]", "[]", "plans[0].services[1].rating_groups: "),
        ("[300, 0]", "[300, 9]", "plans[0].services[1].rating_groups: there is no rating group 9"),
        ("[300], a", "[0], a", "plans[0].services[0]: rating group 0 is not counted in volume"),
        ("balance_type: data", "balance_type: gold",
         "plans[0].services[0]: there is no balance type 'gold'"),
        ("balance_type: data", "balance_type: money",
         "plans[0].services[0]: rating group 300 is not counted in money"),
        ("{balance_type: data, amount: 1 GiB}", "{balance_type: money, amount: 1}, "
         "balance_types: [data]", "plans[0].services[0].balance_types: 'money' of the allowance"),
        ("1 GiB", "0", "plans[0].services[0].allowance.amount: "),
        ("name: paid", "name: included", "plans[0].services: the name 'included' is used more"),
        ("amount: 1,", "amount: -1,", "plans[0].services[1].price.amount: "),
        ("amount: 1,", "amount: 0.0000001,", "plans[0].services[1].price.amount: "),
        ("amount: 1,", "amount: 1e999999,", "plans[0].services[1].price.amount: "),
        ("amount: 1,", "amount: nan,", "plans[0].services[1].price.amount: "),
        ("amount: 1,", "amount: " + "9" * 13 + ",", "price.amount: '9999999999999' is too large"),
        ("amount: 1,", "amount: 1000000000.000001,", "write a price of at most 1000000000.00"),
        ("amount: 1,", "amount: [1],", "plans[0].services[1].price.amount: "),
        ("tax: 0.19", "tax: 19", "plans[0].services[1].price.tax: write a tax as a fraction"),
        ("per: 1 min", "per: 0", "plans[0].services[1].price.per: "),
        ("price: {amount: 1, per: 1 min, tax: 0.19}", "priority: 1",
         "plans[0].services[1]: a service has either an allowance or a price"),
        ("tax: 0.19}", "tax: 0.19}, allowance: {balance_type: data, amount: 1}",
         "plans[0].services[1]: a service has either an allowance or a price"),
        ("tax: 0.19}", "tax: 0.19}, balance_types: [data]",
         "plans[0].services[1]: a price is paid in money, and balance type 'data' is volume"),
        ("unit_type: money", "unit_type: units",
         "plans[0].services[1].balance_types: there is no balance type of money"),
        ("plans:", "default_monetary_balance_type: data\nplans:",
         "default_monetary_balance_type: 'data' is no balance type of money"),
        ("currency: EUR", "currency: EUR\nhome_networks: [1/1]", "home_networks[0]: write a netw"),
        ("currency: EUR", "currency: EUR\ncurrency: EUR", "line 4: the key 'currency' is used"),
        ("tenant: demo", "tenant: &name demo", ""),
        ("currency: EUR", "currency: *name", "line 3: aliases and tags are not allowed"),
        ("currency: EUR", "currency: !!str EUR", "line 3: aliases and tags are not allowed"),
        ("amount: 1,", "amount: !!float 1,", "aliases and tags are not allowed"),
        ("id: 310", "id: !!int x", "aliases and tags are not allowed"),
        ("tenant: demo", "tenant: !!python/object/apply:os.getcwd []", "aliases and tags"),
        ("tenant: demo", "tenant: !!timestamp 1", "aliases and tags"),
        ("tenant: demo", "{[a]: b}", "no YAML"),
        ("tenant: demo", "? [a]\n: b", "no YAML"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_path(old: str, new: str, fault: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    if not fault:
        read_document(text)
        return
    assert any(fault in found for found in faults(text)), faults(text)


def test_all_faults_are_named_at_once() -> None:
    text = GOOD.replace("EUR", "euro").replace("id: 310", "id: x").replace("1 GiB", "much")
    assert len(faults(text)) == 3
    text = GOOD.replace("32251: 300", "32251: 1").replace("7: 310", "7: 2")
    assert len(faults(text)) == 2


@pytest.mark.parametrize(
    "text",
    ["", "-", "[]", "tenant", "a: b: c", "\0", "{", "\t", "- &a [*a]", "%YAML 9.9\n---\n",
     "---\n---", "!!binary x", "? ? ? ?", '"\\ud800"', "\ufffe"],
)  # fmt: skip
def test_what_is_no_catalogue_is_one_fault(text: str) -> None:
    assert faults(text)


@given(st.text(alphabet="abc:-[]{},\n '\"&*!?|>%#0 \t", max_size=40))
def test_whatever_is_written_is_a_catalogue_or_a_fault(text: str) -> None:
    assert faults(text)


def test_scalars_are_what_the_document_needs() -> None:
    text = GOOD.replace("name: Data", "name: no").replace("name: Video", "name: 0100")
    text = text.replace("id: 310", "id: 0310").replace("name: paid", "name: 2001-01-01")
    text = text.replace("per: 1 min", "per: '060'")
    catalogue = build(read_document(text), 1)
    assert [group.name for group in catalogue.rating_groups.values()] == ["no", "0100", "Voice"]
    assert 310 in catalogue.rating_groups
    assert catalogue.plans["plan"].services[1].name == "2001-01-01"


def test_nothing_between_text_and_integer_is_a_float() -> None:
    text = GOOD.replace("amount: 1,", "amount: 0.000003,").replace("tax: 0.19", "tax: 0.070001")
    price = build(read_document(text), 1).plans["plan"].services[1].price
    assert price is not None
    assert (price.micro_units, price.tax_millionths) == (3, 70_001)


def test_nesting_is_bounded() -> None:
    assert faults("[" * 100_000)
    assert faults("a: " + "{a: " * 100_000)
    assert nested(DEPTH_MAX)
    read_document(nested(DEPTH_MAX))
    assert faults(nested(DEPTH_MAX + 1)) == [
        f"rating_groups: more than {DEPTH_MAX} below each other"
    ]
    assert faults(nested(90))
    document = read_document(nested(DEPTH_MAX))
    assert read_stored("demo", 1, document.model_dump_json()) == build(document, 1)


def nested(depth: int) -> str:
    groups = ""
    for number in range(depth, 0, -1):
        groups = f"{{id: {number}, name: g{number}, children: [{groups}]}}"
    return (
        f"tenant: demo\ncurrency: EUR\nrating_groups: [{groups}]\n"
        "balance_types: [{name: money, unit_type: money}]\n"
    )


def test_size_is_bounded() -> None:
    assert faults(GOOD + "#" * DOCUMENT_OCTETS_MAX)[0].startswith("the document is longer")
    many = "".join(f"  - {{id: {n}, name: g{n}}}\n" for n in range(1000, 1001 + RATING_GROUPS_MAX))
    text = GOOD.replace("default_rating_groups", many + "default_rating_groups", 1)
    assert faults(textwrap.dedent(text)) == [f"rating_groups: more than {RATING_GROUPS_MAX}"]


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("0", 0),
        ("100", 100),
        (" 6000 s ", 6000),
        ("1_000", 1000),
        ("1KiB", 1024),
        ("10 GiB", 10 * 2**30),
        ("2 TB", 2 * 10**12),
        ("1 h", 3600),
        (7, 7),
        (str(AMOUNT_MAX), AMOUNT_MAX),
    ],
)
def test_a_quantity_is_a_whole_number_with_a_unit(text: object, quantity: int) -> None:
    assert parse_quantity(text) == quantity


@pytest.mark.parametrize(
    "text",
    ["", "s", "1.0", 1.0, True, None, "-1", "+1", "1 kib", "1 s s", "٣", "1e3", str(2**63), "8 EiB",
     "9000000 TiB", "9" * 10_000],
)  # fmt: skip
def test_what_is_no_quantity_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"quantity|too large"):
        parse_quantity(text)


def test_a_tenant_says_how_sessions_are_treated_that_go_wrong() -> None:
    assert build(read_document(GOOD), 1).session_rules == SessionRules()
    settings = """
settings:
  session_idle_hours: 24
  ims_session_idle_hours: 2
  tombstone_hours: 72
  charge_unknown_session: yes
  close_unclaimed: no
"""
    rules = build(read_document(GOOD + settings), 1).session_rules
    assert rules == SessionRules(24 * 3600, 2 * 3600, 72 * 3600, True, False)


@pytest.mark.parametrize(
    "setting",
    ["tombstone_hours: 0", "tombstone_hours: 721", "session_idle_hours: 0", "unheard_of: 1"],
)
def test_a_setting_without_sense_is_refused(setting: str) -> None:
    (fault,) = faults(f"{GOOD}settings: {{{setting}}}\n")
    assert fault.startswith(f"settings.{setting.partition(':')[0]}: ")
