"""What was considered is written in few octets, and read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.charging.considered import (
    FULL_LENGTH_MAX,
    LENGTH_MAX,
    Considerations,
    Considered,
    GroupConsidered,
    Reason,
    full_text,
    joined,
    named,
    parse,
    short_text,
)

VOICE = GroupConsidered(
    300,
    (
        Considered("0", "1", Reason.COUNTRY),
        Considered("0", "2", Reason.NO_RATE),
        Considered("1", "0", Reason.PAYS, 4, True),
    ),
)
NAMED = VOICE._replace(
    services=tuple(
        each._replace(plan=plan, service=service)
        for each, (plan, service) in zip(
            VOICE.services, [("gold", "all data"), ("gold", "a/b,c:d!~é"), ("p", "x1")], strict=True
        )
    )
)
PLANS = [("gold", ["", "all data", "a/b,c:d!~é"]), ("p", ["x1"])]


def name(plan, service):
    called, services = PLANS[plan]
    return called, services[service]


EMERGENCY = GroupConsidered(0, (), True)
NOBODY = GroupConsidered(7, ())


@pytest.mark.parametrize(
    ("group", "text"),
    [
        (VOICE, "300:0.1c,0.2n,1.0p4!"),
        (EMERGENCY, "0:e"),
        (NOBODY, "7:"),
    ],
)
def test_a_group_is_written_in_few_octets_and_read_again(group, text):
    assert short_text(group) == text
    assert parse(text) == Considerations((group,))


def test_in_full_there_are_names_whatever_these_are():
    text = full_text(NAMED)
    assert text == "300:gold/all%20data/c,gold/a%2Fb%2Cc%3Ad%21%7E%C3%A9/n,p/x1/p4!"
    assert parse(text) == Considerations((NAMED,))
    assert named(parse(short_text(VOICE)), name).groups == (NAMED,)


def test_groups_are_joined():
    text = joined([short_text(VOICE), short_text(EMERGENCY)])
    assert text == "300:0.1c,0.2n,1.0p4! 0:e"
    assert parse(text) == Considerations((VOICE, EMERGENCY))


def test_what_is_too_long_is_cut_after_a_whole_service_and_says_so():
    text = joined([short_text(VOICE), short_text(VOICE._replace(rating_group=301)), "302:0.0p"], 40)
    assert text == "300:0.1c,0.2n,1.0p4! 301:0.1c,0.2n~"
    found = parse(text)
    assert found.is_cut
    assert found.groups[1].services == VOICE.services[:2]
    assert joined(["300:0.1c"], 5) == "~"


NAMES = st.text(min_size=1, max_size=50)
SERVICES = st.builds(
    Considered,
    NAMES,
    NAMES,
    st.sampled_from(Reason),
    st.none() | st.integers(0, 10_000),
    st.booleans(),
)
NUMBERS, LISTS = st.integers(0, 2**32 - 1), st.lists(SERVICES).map(tuple)
GROUPS = st.builds(GroupConsidered, NUMBERS, LISTS, st.just(False))


@given(st.lists(GROUPS, min_size=1, max_size=5))
def test_whatever_was_considered_is_ascii_of_bounded_length_that_can_be_read(groups):
    text = joined(map(full_text, groups), FULL_LENGTH_MAX)
    assert text.isascii()
    assert len(text) <= FULL_LENGTH_MAX
    found = parse(text)
    assert found.is_cut is (len(" ".join(map(full_text, groups))) > FULL_LENGTH_MAX)
    if not found.is_cut:
        assert found.groups == tuple(groups)


@given(st.lists(st.sampled_from([VOICE, EMERGENCY, NOBODY]), min_size=1, max_size=99))
def test_the_short_form_is_at_most_sixty_octets(groups):
    different = [short_text(each._replace(rating_group=n)) for n, each in enumerate(groups)]
    text = joined(different)
    assert len(text.encode()) <= LENGTH_MAX == 60
    parse(text)


@pytest.mark.parametrize("text", ["300", "x:0.1c", "300:0.1z", "300:0.1", "300:c", "300:0.1c4?"])
def test_something_else_cannot_be_read(text):
    with pytest.raises(ValueError, match="considered"):
        parse(text)
