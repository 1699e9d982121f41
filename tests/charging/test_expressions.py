"""Expressions of countries, networks and numbers take what they say, and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diameter_ocs.charging.countries import COUNTRIES, MEANT
from diameter_ocs.charging.expressions import (
    CHARACTERS_MAX,
    DEPTH_MAX,
    ENTRIES_MAX,
    ExpressionError,
    parse_countries,
    parse_networks,
    parse_numbers,
)


@pytest.mark.parametrize(
    ("text", "canonical", "inside", "outside"),
    [
        ("US", "US", ["US"], ["CA", "UA"]),
        (" us ,\n CA", "US,CA", ["US", "CA"], ["MX"]),
        ("!US", "!US", ["CA", "XK"], ["US"]),
        ("!(US,!CA)", "!(US,!CA)", ["CA"], ["US", "MX"]),
        ("(US,(CA,(MX)))", "US,(CA,MX)", ["US", "CA", "MX"], ["DE"]),
        ("*", "*", ["US", "AD", "ZW"], []),
        ("{*, !(US,CA)}", "{*,!(US,CA)}", ["MX"], ["US", "CA"]),
        ("{(US,CA),!CA}", "{(US,CA),!CA}", ["US"], ["CA", "MX"]),
        ("!!US", "!!US", ["US"], ["CA"]),
        ("{US}", "US", ["US"], ["CA"]),
        ("XK", "XK", ["XK"], ["RS"]),
    ],
)
def test_countries_take_what_they_name(text, canonical, inside, outside):
    countries = parse_countries(text)
    assert str(countries) == canonical
    assert [countries.matches((country,)) for country in inside] == [True] * len(inside)
    assert [countries.matches((country,)) for country in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    ("text", "several", "expected"),
    [
        ("US", ("GU", "PR", "US"), True),
        ("PR", ("GU", "PR", "US"), True),
        ("!US", ("GU", "PR", "US"), False),
        ("!DE", ("GU", "PR", "US"), True),
        ("CA", ("GU", "PR", "US"), False),
        ("!(US,!CA)", ("GU", "PR", "US"), False),
        ("*", ("GU", "PR", "US"), True),
    ],
)
def test_one_possible_country_suffices_for_those_named_and_hinders_those_left_out(
    text, several, expected
):
    assert parse_countries(text).matches(several) is expected


@pytest.mark.parametrize("text", ["US", "!US", "*"])
def test_where_nothing_is_known_no_country_matches(text):
    assert not parse_countries(text).matches(())


@pytest.mark.parametrize(
    ("text", "canonical", "inside", "outside"),
    [
        ("505/*", "505/*", ["50501", "505013"], ["50601", "31050"]),
        ("505", "505/*", ["50501"], ["50601"]),
        ("31*/*", "31*/*", ["310260", "31601"], ["26201", "30931"]),
        ("31*", "31*/*", ["310260"], ["26201"]),
        ("310/(350, 012)", "310/(350,012)", ["310350", "310012"], ["310351", "31001"]),
        ("310/(350)", "310/350", ["310350"], ["310351"]),
        ("{31*, !310/(350,012)}", "{31*/*,!310/(350,012)}", ["310351", "311350"], ["310350"]),
        ("{31*/*,!310/(350,012)}", "{31*/*,!310/(350,012)}", ["31001"], ["310012", "26201"]),
        ("310/26*", "310/26*", ["310260", "31026"], ["310270"]),
        ("310/(0*,26)", "310/(0*,26)", ["310012", "31026"], ["310260"]),
        ("262/01", "262/01", ["26201"], ["262010", "26202"]),
        ("262/010", "262/010", ["262010"], ["26201"]),
        ("*/*", "*", ["26201", "310260"], []),
        ("*", "*", ["26201"], []),
        ("!262/*,262/01", "!262/*,262/01", ["26201", "31001"], ["26202"]),
        ("(310,311)", "310/*,311/*", ["310260"], ["312260"]),
    ],
)
def test_networks_take_what_they_name(text, canonical, inside, outside):
    networks = parse_networks(text)
    assert str(networks) == canonical
    assert [networks.matches(plmn) for plmn in inside] == [True] * len(inside)
    assert [networks.matches(plmn) for plmn in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    ("text", "canonical", "inside", "outside"),
    [
        ("49*", "49*", ["49", "4930123"], ["4", "43664"]),
        ("(49171*,49172*)", "49171*,49172*", ["491711", "49172"], ["49173", "4917"]),
        ("!4915*", "!4915*", ["4916", "491"], ["4915", "491512"]),
        ("0800", "0800", ["0800"], ["08001", "080"]),
        ("+49 , +43*", "49,43*", ["49", "431"], ["491"]),
        ("{49*,!(4915*,4930)}", "{49*,!(4915*,4930)}", ["49301"], ["4930", "49151", "43"]),
        ("*", "*", ["1", "4930"], []),
        ("112", "112", ["112"], ["1123"]),
    ],
)
def test_numbers_take_what_they_name(text, canonical, inside, outside):
    numbers = parse_numbers(text)
    assert str(numbers) == canonical
    assert [numbers.matches(digits) for digits in inside] == [True] * len(inside)
    assert [numbers.matches(digits) for digits in outside] == [False] * len(outside)


@pytest.mark.parametrize("text", ["310/*", "!310/*", "*"])
def test_an_unknown_network_or_number_matches_nothing(text):
    assert not parse_networks(text).matches(None)
    assert not parse_numbers(text.replace("/", "")).matches(None)


@pytest.mark.parametrize(
    ("parse", "text", "position", "reason"),
    [
        (parse_countries, "", 0, "here belongs a country of two letters, as US"),
        (parse_countries, "  ", 2, "here belongs a country of two letters, as US"),
        (parse_countries, "US,UK", 3, "ISO 3166-1 has no country UK (did you mean GB?)"),
        (parse_countries, "ZZ", 0, "ISO 3166-1 has no country ZZ"),
        (parse_countries, "US,USA", 3, "USA is not a country of two letters, as US"),
        (parse_countries, "(US,(CA)", 0, "this bracket is not closed; a ) is missing"),
        (parse_countries, "{US,(CA}", 7, "} closes no bracket"),
        (parse_countries, "US)", 2, ") closes no bracket"),
        (parse_countries, "!", 1, "here belongs a country of two letters, as US"),
        (parse_countries, "()", 1, "here belongs a country of two letters, as US, not ')'"),
        (parse_countries, "US,,CA", 3, "here belongs a country of two letters, as US, not ','"),
        (parse_countries, "US CA", 3, "here belongs a comma or the end, not 'C'"),
        (parse_countries, "US!", 2, "here belongs a comma or the end, not '!'"),
        (parse_countries, "(US CA)", 4, "here belongs a comma or the end, not 'C'"),
        (parse_countries, "DÉ", 0, "D is not a country of two letters, as US"),
        (parse_countries, "!*", 0, "this takes nothing at all"),
        (parse_countries, "CA,{US,CA}", 3, "nothing is all of these"),
        (parse_countries, " !US,!CA", 1, "leaves nothing out"),
        (parse_countries, "!(*,US)", 2, "leaves nothing out"),
        (parse_networks, "", 0, "here belongs a network"),
        (parse_networks, "31", 0, "an MCC has three digits"),
        (parse_networks, "3100/01", 0, "an MCC has three digits"),
        (parse_networks, "3101*", 0, "an MCC has three digits"),
        (parse_networks, "262/01,310/1", 11, "an MNC has two or three digits, as 310/01"),
        (parse_networks, "310/0123", 4, "an MNC has two or three digits"),
        (parse_networks, "310/012*", 4, "an MNC has two or three digits; before a * stand fewer"),
        (parse_networks, "310/", 4, "here belongs an MNC"),
        (parse_networks, "310/()", 5, "here belongs an MNC"),
        (parse_networks, "310/!260", 4, "here belongs an MNC"),
        (parse_networks, "310/(260,{", 9, "here belongs an MNC"),
        (parse_networks, "310/(260", 4, "this bracket is not closed"),
        (parse_networks, "31*/01", 4, "after an MCC with a * belongs /*: 31*/*"),
        (parse_networks, "{310/01,262/01}", 0, "nothing is all of these"),
        (parse_networks, "US", 0, "here belongs a network"),
        (parse_numbers, "+", 0, "here belongs a number in digits"),
        (parse_numbers, "49 171", 3, "here belongs a comma or the end, not '1'"),
        (parse_numbers, "49-171", 2, "here belongs a comma or the end, not '-'"),
        (parse_numbers, "49*11", 3, "after a * the number ends"),
        (parse_numbers, "1234567890123456", 0, "a number has at most 15 digits"),
        (parse_numbers, "49*,!4915*", 0, "leaves nothing out"),
        (parse_numbers, "٤٩", 0, "here belongs a number in digits"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(parse, text, position, reason):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.position == position
    assert reason in caught.value.reason
    assert str(caught.value).startswith(f"at character {position + 1}: ")


def test_lists_and_depth_are_bounded():
    parse_countries("!" * DEPTH_MAX + "US")
    with pytest.raises(ExpressionError, match="within each other"):
        parse_countries("(" * (DEPTH_MAX + 1) + "US")
    with pytest.raises(ExpressionError, match="within each other"):
        parse_countries("!" * 100_000)
    parse_numbers(",".join(["49*"] * ENTRIES_MAX))
    with pytest.raises(ExpressionError, match="entries"):
        parse_numbers(",".join(["49*"] * (ENTRIES_MAX + 1)))
    with pytest.raises(ExpressionError, match="entries"):
        parse_networks(f"310/({','.join(['01'] * (ENTRIES_MAX + 1))})")
    with pytest.raises(ExpressionError) as caught:
        parse_numbers("4" * (CHARACTERS_MAX + 1))
    assert caught.value.position == CHARACTERS_MAX


def test_a_list_as_long_as_may_be_finds_each_of_its_prefixes():
    prefixes = [str(number * 7919) for number in range(1000, 999 + ENTRIES_MAX)]
    numbers = parse_numbers(",".join(f"{prefix}*" for prefix in prefixes))
    assert all(numbers.matches(prefix + "55") for prefix in prefixes)
    assert not numbers.matches("5")
    every_other = parse_numbers("{7*,!(" + ",".join(f"{prefix}*" for prefix in prefixes) + ")}")
    assert every_other.matches("7000001")
    assert not any(every_other.matches(prefix) for prefix in prefixes)


def test_equal_expressions_are_one_key():
    assert {parse_networks("{31*, !310/(350)}"), parse_networks("({31*/*,!(310/350)})")} == {
        parse_networks("{31*/*,!310/350}")
    }
    assert parse_countries("us") == parse_countries("(US)")
    assert parse_countries("US") != parse_countries("CA")


def test_every_assigned_code_is_a_country():
    assert len(COUNTRIES) == 250
    assert all(parse_countries(code).matches((code,)) for code in COUNTRIES)
    assert COUNTRIES.isdisjoint(MEANT)
    assert COUNTRIES.issuperset(MEANT.values())


COUNTRY_SAMPLES = ("US", "CA", "GB", "DE")
NETWORK_SAMPLES = ("31001", "310010", "310260", "311260", "26201", "26202", "50501", "71001")
NUMBER_SAMPLES = ("4", "49", "490", "4930", "49301", "43", "431", "1", "0800", "9")
LEAVES = {
    "countries": st.sampled_from(COUNTRY_SAMPLES),
    "networks": st.sampled_from(
        ["310/*", "31*/*", "3*/*", "310/01", "310/0*", "310/260", "262/*", "262/01", "505/*"]
    ),
    "numbers": st.sampled_from(["4*", "49*", "49", "4930", "4930*", "43*", "1", "0800", "9*"]),
}
SAMPLES = {"countries": COUNTRY_SAMPLES, "networks": NETWORK_SAMPLES, "numbers": NUMBER_SAMPLES}
PARSERS = {"countries": parse_countries, "networks": parse_networks, "numbers": parse_numbers}


def trees(leaves):
    def longer(inner):
        several = st.lists(inner, min_size=2, max_size=4)
        lists = st.tuples(st.sampled_from(["any", "all"]), several)
        return st.tuples(st.just("not"), inner) | lists

    return st.recursive(leaves, longer, max_leaves=10)


def written(tree):
    if isinstance(tree, str):
        return tree
    kind, inner = tree
    if kind == "not":
        return f"!{written(inner)}"
    items = ",".join(map(written, inner))
    return f"({items})" if kind == "any" else f"{{{items}}}"


def takes(tree, sample):
    if isinstance(tree, str):
        pattern = tree.replace("/", "")
        while pattern.endswith("**"):
            pattern = pattern[:-1]
        return sample.startswith(pattern[:-1]) if pattern.endswith("*") else sample == pattern
    kind, inner = tree
    if kind == "not":
        return not takes(inner, sample)
    return (any if kind == "any" else all)(takes(each, sample) for each in inner)


def outcome(read, text):
    """Returns what a text is read as, or its fault."""
    try:
        return read(text)
    except ExpressionError as error:
        return error


@pytest.mark.parametrize("kind", PARSERS)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_an_expression_takes_what_a_plain_reading_takes(kind, data):
    tree = data.draw(trees(LEAVES[kind]))
    read = PARSERS[kind]
    expression = outcome(read, written(tree))
    if isinstance(expression, ExpressionError):
        assert "nothing" in expression.reason
        return
    for sample in SAMPLES[kind]:
        asked = (sample,) if kind == "countries" else sample
        assert expression.matches(asked) is takes(tree, sample)
    again = read(str(expression))
    assert again == expression
    assert str(again) == str(expression)
    assert hash(again) == hash(expression)


@settings(max_examples=200, deadline=1000)
@given(st.text("(){}!,*/+ 0123UuSsCAé\n", max_size=60) | st.text(max_size=30))
def test_damaged_text_is_refused_at_a_place_or_read_the_same_again(text):
    for read in PARSERS.values():
        expression = outcome(read, text)
        if isinstance(expression, ExpressionError):
            assert 0 <= expression.position <= len(text)
        else:
            assert read(str(expression)) == expression
