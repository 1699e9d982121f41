"""Faults of catalogues: all at once, each with its line and column, its path and a reason."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.handlers.catalogue import read_document, read_stored, stored_text
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.handlers.catalogue_document import PARTS, Part, keys_at
from diameter_ocs.handlers.catalogue_rules import DEPTH_MAX, OFFERS_MAX, RATING_GROUPS_MAX
from diameter_ocs.handlers.catalogue_text import DOCUMENT_OCTETS_MAX, FAULTS_MAX
from diameter_ocs.handlers.refusals import suggestion
from tests.handlers.catalogue_text import GOOD, faults


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("tenant: demo", "tenant: demo\ncolour: red", "colour: unknown key"),
        ("tenant: demo\n", "", "2:1: tenant: this key is missing"),
        ("currency: EUR", "currency: euro", "currency: "),
        ("currency: EUR", "currency: [EUR]", "currency: "),
        ("id: 310", "id: -1", "rating_groups[0].children[0].id: "),
        ("id: 310", "id: 4294967296", "rating_groups[0].children[0].id: "),
        ("id: 310", "id: 3e2", "rating_groups[0].children[0].id: "),
        ("id: 310", "id: 300",
         "11:14: rating_groups[0].children[0].id: the id 300 is used more than once"),
        ("name: Video", "name: Data",
         "rating_groups[0].children[0].name: the name 'Data' is used more than"),
        ("name: Video", "name: ''", "rating_groups[0].children[0].name: "),
        ("name: Video", 'name: "a\\0b"', "rating_groups[0].children[0].name: a name is printable"),
        ("name: Video", 'name: " a"', "rating_groups[0].children[0].name: "),
        ("name: Video", "name: " + "x" * 51, "rating_groups[0].children[0].name: "),
        ("name: Video, ", "", "11:9: rating_groups[0].children[0].name: this key is missing"),
        ("unit_type: time", "unit_type: seconds", "rating_groups[1].unit_type: "),
        ("1 KiB", "0", "rating_groups[0].rounding: "),
        ("1 KiB", "1.5 KiB", "rating_groups[0].rounding: '1.5 KiB' is no quantity"),
        ("1 KiB", "1 Kib", "rating_groups[0].rounding: '1 Kib' is no quantity"),
        ("1 KiB", "9" * 30, "rating_groups[0].rounding: "),
        ("1 KiB", "9" * 5000, "rating_groups[0].rounding: "),
        ("10 min", "2 d", "rating_groups[0].children[0].quota_validity: "),
        ("10 min", "1 h, quota_threshold: 100", "rating_groups[0].children[0].quota_threshold: "),
        ("10 min", "1 h, quota_threshold: 1.5 %", "rating_groups[0].children[0].quota_threshold: "),
        ("10 min", "1 h, quota_holding: 25 h", "rating_groups[0].children[0].quota_holding: "),
        ("10 min", "1 h, quota_consumption: 0", "rating_groups[0].children[0].quota_consumption: "),
        ("10 min", "1 h, max_session_share: 0", "rating_groups[0].children[0].max_session_share: "),
        ("10 min", "1 h, min_validity: 5 min",
         "rating_groups[0].children[0].min_validity: say `dynamic_quota: true` too"),
        ("10 min", "1 h, dynamic_quota: true",
         "rating_groups[0].children[0].dynamic_quota: say `min_validity` too: "),
        ("min_reservation: 10\n", "dynamic_quota: true\n    min_validity: 5 min\n",
         "rating_groups[0].dynamic_quota: say `min_reservation` and `quota_validity` too: "),
        (
            "10 min",
            "1 h, quota_consumption: 30 s",
            "rating_groups[0].children[0].quota_consumption: time that is idle counts where",
        ),
        ("5 MB", "-5", "rating_groups[0].children[0].default_quota: "),
        ("min_reservation: 10", "min_reservation: 10\n    max_reservation: 9",
         "rating_groups[0].max_reservation: max_reservation is below min_reservation"),
        ("1 KiB", "11 TiB", "rating_groups[0].rounding: no request may report more than 10 TiB"),
        ("5 MB", "11 TiB",
         "rating_groups[0].children[0].default_quota: no request may report more"),
        ("min_reservation: 10", "max_reservation: 11 TiB",
         "rating_groups[0].max_reservation: no request may report more than 10 TiB"),
        ("min_reservation: 10", "min_reservation: 11 TiB",
         "rating_groups[0].min_reservation: no request may report more than 10 TiB"),
        ("32251: 300", "32251: 5", "default_rating_groups.32251: there is no rating group 5"),
        ("7: 310", "7: 5", "service_identifiers.7: there is no rating group 5"),
        ("{name: data, ", "{name: money, ",
         "17:12: balance_types[1].name: the name 'money' is used more"),
        ("unit_type: money", "unit_type: cash", "balance_types[1].unit_type: "),
        ("[300, 0]", "[]", "plans[0].services[1].rating_groups: "),
        ("[300, 0]", "[300, 9]",
         "plans[0].services[1].rating_groups[1]: there is no rating group 9"),
        ("[300], a", "[0], a", "allowance.balance_type: rating group 0 is not counted in volume"),
        ("balance_type: data", "balance_type: gold",
         "plans[0].services[0].allowance.balance_type: there is no balance type 'gold'"),
        ("balance_type: data", "balance_type: money",
         "allowance.balance_type: rating group 300 is not counted in money, as"),
        ("{balance_type: data, amount: 1 GiB}", "{balance_type: money, amount: 1}, "
         "balance_types: [data]", "plans[0].services[0].balance_types: 'money' of the allowance"),
        ("1 GiB", "-1", "plans[0].services[0].allowance.amount: "),
        ("name: paid", "name: included",
         "plans[0].services[1].name: the name 'included' is used more"),
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
         "plans[0].services[1]: a service has an allowance, a price or rates, or else deny"),
        ("tax: 0.19}", "tax: 0.19}, allowance: {balance_type: data, amount: 1}",
         "plans[0].services[1]: a service has either an allowance, a price or rates"),
        ("tax: 0.19}", "tax: 0.19}, balance_types: [data]",
         "22:106: plans[0].services[1].balance_types[0]: a price is paid in money, and"),
        ("unit_type: money", "unit_type: units",
         "plans[0].services[1].price: there is no balance type of money"),
        ("plans:", "default_monetary_balance_type: data\nplans:",
         "default_monetary_balance_type: 'data' is no balance type of money"),
        ("currency: EUR", "currency: EUR\nhome_networks: [1/1]", "home_networks: here belongs a"),
        ("currency: EUR", "currency: EUR\ncurrency: EUR",
         "4:1: currency: this key is used before, in line 3"),
        ("currency: EUR", "currency: EUR\npeers: [{host: gw 1, profile: a}]",
         "4:16: peers[0].host: write a host name or a pattern of it"),
        ("currency: EUR", "currency: EUR\npeers: [{host: g, profile: a}, {host: G, profile: b}]",
         "4:39: peers[1].host: the host 'g' is used more than once"),
        ("currency: EUR", "currency: EUR\npeers: [{host: g}]", "peers[0].profile: this key is"),
        ("tenant: demo", "tenant: &name demo", ""),
        ("currency: EUR", "currency: *name", "3:11: currency: aliases are not allowed"),
        ("currency: EUR", "currency: !!str EUR", "3:11: currency: tags are not allowed"),
        ("amount: 1,", "amount: !!float 1,", "tags are not allowed"),
        ("id: 310", "id: !!int x", "tags are not allowed"),
        ("tenant: demo", "tenant: !!python/object/apply:os.getcwd []", "tags are not allowed"),
        ("tenant: demo", "tenant: !!timestamp 1", "tags are not allowed"),
        ("tenant: demo", "{[a]: b}", "no YAML"),
        ("tenant: demo", "tenant:\n\t- demo", "lines are indented with spaces, not with tabs"),
        ("1 GiB}", "1 GiB", "look from line 21, column 9 on"),
        ("currency: EUR", "currency: EUR\nhome_countries: DE", "here belongs a list, as [A, B]"),
        ("currency: EUR", "currency: EUR\nhome_networks: [1/1, 2/2]", 'several is written "(A,B)"'),
        ("per: 1 min", "per: 1 min, costs: 1", "costs: unknown key; here may stand amount, per"),
        ("per: 1 min", "per: 1 min, 2): 1", "unknown key; a text with commas stands in quotes"),
        ("tenant: demo", "? [a]\n: b", "2:3: a key is a word"),
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


def test_faults_of_all_kinds_are_told_at_once_in_the_order_of_the_text() -> None:
    text = """
tenant: *name
currency: euro
colour: red
rating_groups:
  - {id: 300, name: Data, unit_type: volum, roundin: 5}
  - {id: 301, name: Video, unit_type: volume}
  - {id: 301, name: Video, unit_type: volume}
balance_types:
  - {name: data, unit_type: volume}
  - {name: data, unit_type: volume}
  - {name: money, unit_type: money}
plans:
  - name: basic
    services:
      - {name: a, rating_groups: [x, 301], allowance: {balance_type: dato, amount: 1}}
      - {name: a, rating_groups: [399], price: {amount: !!str 1}}
      - {name: c, rating_groups: [301], price: {amount: 1e5}, name: d}
      - {name: e, rating_groups: [301], allowance: {balance_type: money, amount: 1}}
  - 5
settings: {tombstone_hour: 5, close_unclaimed: maybe}
"""
    assert (
        faults(text)
        == textwrap.dedent("""\
        2:9: tenant: aliases are not allowed: write the value out
        3:11: currency: write a currency with three capital letters, like EUR
        4:1: colour: unknown key
        6:38: rating_groups[0].unit_type: 'volum' is not one of time, volume or units \
(did you mean volume?)
        6:45: rating_groups[0].roundin: unknown key (did you mean rounding?)
        8:10: rating_groups[2].id: the id 301 is used more than once
        8:21: rating_groups[2].name: the name 'Video' is used more than once
        11:12: balance_types[1].name: the name 'data' is used more than once
        16:35: plans[0].services[0].rating_groups[0]: 'x' is no whole number; write it like 300
        16:70: plans[0].services[0].allowance.balance_type: there is no balance type 'dato' \
(did you mean data?)
        17:16: plans[0].services[1].name: the name 'a' is used more than once
        17:57: plans[0].services[1].price.amount: tags are not allowed: write the value alone
        18:57: plans[0].services[2].price.amount: write an amount of money like 12.50, with at \
most six decimals
        18:63: plans[0].services[2].name: this key is used before, in line 18
        20:5: plans[1]: here belongs a mapping
        21:12: settings.tombstone_hour: unknown key (did you mean tombstone_hours?)
        21:48: settings.close_unclaimed: write true or false
        """).splitlines()
    )


def test_a_reference_is_not_doubted_while_its_list_is_wrong() -> None:
    text = GOOD.replace("name: Voice", "nam: Voice")
    assert [fault.partition(" ")[2] for fault in faults(text)] == [
        "rating_groups[1].name: this key is missing",
        "rating_groups[1].nam: unknown key (did you mean name?)",
    ]


def test_a_list_is_not_too_short_because_its_only_item_is_wrong() -> None:
    text = GOOD[: GOOD.index("      - {name: paid")].replace("name: included", "nam: included")
    assert [fault.partition(" ")[2] for fault in faults(text)] == [
        "plans[0].services[0].name: this key is missing",
        "plans[0].services[0].nam: unknown key (did you mean name?)",
    ]


@pytest.mark.parametrize(
    "line",
    ["- {}", "- {name: p, services: [{name: s, rating_groups: [7], price: {amount: 1}}]}",
     "- {name: p, services: [{name: *s}]}"],
)  # fmt: skip
def test_looking_for_faults_ends(line: str) -> None:
    told = faults(GOOD + f"  {line}\n" * (FAULTS_MAX + 10))
    assert len(told) == FAULTS_MAX + 1
    assert told[-1].endswith("there are more faults")


def test_a_document_of_faults_is_told_in_part() -> None:
    many = "".join(f"k{number}: 1\n" for number in range(FAULTS_MAX + 10))
    told = faults(GOOD + many)
    assert len(told) == FAULTS_MAX + 1
    assert told[-1].endswith("there are more faults")


@pytest.mark.parametrize("key", [key for key in PARTS if key])
def test_an_unknown_key_is_told_with_one_like_it_everywhere(key: str) -> None:
    field = next(iter(PARTS[key].model_fields))
    assert suggestion(f"{field}x", keys_at((key, 0))) == f" (did you mean {field}?)"


def test_every_part_of_the_model_has_its_place() -> None:
    assert set(PARTS.values()) == set(Part.__subclasses__())


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


def test_nesting_is_bounded() -> None:
    assert faults("[" * 100_000)
    assert faults("a: " + "{a: " * 100_000)
    assert nested(DEPTH_MAX)
    read_document(nested(DEPTH_MAX))
    (fault,) = faults(nested(DEPTH_MAX + 1))
    assert fault.endswith(f": more than {DEPTH_MAX} rating groups below each other")
    assert faults(nested(90))
    document = read_document(nested(DEPTH_MAX))
    assert read_stored("demo", 1, stored_text(document)) == build(document, 1)


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
    assert faults(textwrap.dedent(text)) == [
        f"5:3: rating_groups: more than {RATING_GROUPS_MAX} rating groups"
    ]


@pytest.mark.ci
def test_what_is_offered_is_bounded() -> None:
    """A request may have to be held against each service and rate there is."""
    service = "      - {{name: s{}, rating_groups: [300], price: {{amount: 1, per: 1}}}}\n".format
    many = "".join(map(service, range(OFFERS_MAX)))
    (fault,) = faults(GOOD + many)
    assert fault.endswith(f" services and rates, and {OFFERS_MAX} are the most")


@pytest.mark.parametrize(
    "setting",
    ["tombstone_hours: 0", "tombstone_hours: 721", "session_idle_hours: 0", "unheard_of: 1"],
)
def test_a_setting_without_sense_is_refused(setting: str) -> None:
    (fault,) = faults(f"{GOOD}settings: {{{setting}}}\n")
    assert f": settings.{setting.partition(':')[0]}: " in fault
