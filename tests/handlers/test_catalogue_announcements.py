"""Announcements of a catalogue: how they are written, inherited, doubted and compared."""

import pytest

from diameter_ocs.charging.announcements import Announcement, AnnouncementKey, VariablePart
from diameter_ocs.charging.catalogue import RatingGroup
from diameter_ocs.handlers.catalogue import read_document, read_stored, stored_text
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.handlers.catalogue_difference import differences
from tests.handlers.catalogue_text import GOOD, faults

LIMIT, DENIED, OTHER = AnnouncementKey


def announcing(voice: str, child: str = "{}") -> str:
    """Return the catalogue with announcements of voice, and of a rating group below it."""
    return GOOD.replace(
        "rounding: 60}",
        f"rounding: 60, announcements: {voice},\n"
        f"     children: [{{id: 1, name: Abroad, announcements: {child}}}]}}",
    )


def built(voice: str, child: str = "{}") -> tuple[RatingGroup, RatingGroup]:
    groups = build(read_document(announcing(voice, child)), 1).rating_groups
    return groups[0], groups[1]


def test_a_number_alone_a_mapping_and_a_list_are_announcements() -> None:
    voice, _ = built(
        "{quota_limit_reached: 1, end_user_service_denied: {identifier: 2, language: de},"
        " other_error: [3, {identifier: 4, order: 0}]}"
    )
    assert voice.announcements == {
        LIMIT: (Announcement(1),),
        DENIED: (Announcement(2, language="de"),),
        OTHER: (Announcement(3), Announcement(4, order=0)),
    }


def test_an_announcement_says_all_that_a_media_server_may_hear() -> None:
    voice, _ = built(
        "{quota_limit_reached: {identifier: 4294967295, time_indicator: 1 min,"
        " quota_indicator: used, order: 7, play_alternative: remote_party,"
        " privacy_indicator: not_private, language: pt-BR,"
        ' variable_parts: [{type: date, value: "20280229"}, {type: 200, value: "Zoë", order: 2}]}}'
    )
    assert voice.announcements[LIMIT] == (
        Announcement(
            4294967295,
            (VariablePart(3, "20280229"), VariablePart(200, "Zoë", 2)),
            seconds_before_end=60,
            uses_quota=True,
            order=7,
            to_remote_party=True,
            is_private=False,
            language="pt-BR",
        ),
    )


@pytest.mark.parametrize(
    ("parent", "child", "expected"),
    [
        ("5", "", 5),
        ("5", "quota_limit_reached: 6", 6),
        ("5", "quota_limit_reached: -1", 5),
        ("5", "quota_limit_reached: 0", 0),
        ("5", "quota_limit_reached: []", 0),
        ("5", "end_user_service_denied: 9", 5),
        ("0", "", 0),
        ("-1", "", None),
        ("-1", "quota_limit_reached: 7", 7),
    ],
)
def test_each_occasion_is_inherited_by_itself(
    parent: str, child: str, expected: int | None
) -> None:
    _, group = built(f"{{quota_limit_reached: {parent}}}", f"{{{child}}}")
    found = group.announcements.get(LIMIT)
    assert found == (None if expected is None else (Announcement(expected),) if expected else ())


def test_a_catalogue_without_announcements_has_none() -> None:
    groups = build(read_document(GOOD), 1).rating_groups.values()
    assert all(group.announcements == {} for group in groups)
    assert not any(group.mirrors_result_code for group in groups)
    assert "announce" not in stored_text(read_document(GOOD))


def test_a_refusal_is_the_commands_where_the_group_or_its_parent_says_so() -> None:
    text = GOOD.replace("min_reservation: 10", "command_level_result_code: true")
    groups = build(read_document(text), 1).rating_groups
    assert [groups[n].mirrors_result_code for n in (300, 310, 0)] == [True, True, False]
    text = text.replace("name: Video", "name: Video, command_level_result_code: no")
    assert not build(read_document(text), 1).rating_groups[310].mirrors_result_code


def test_what_was_stored_announces_alike() -> None:
    for said in (
        "{quota_limit_reached: 1, other_error: 0}",
        "{quota_limit_reached: -1, other_error: [1, {identifier: 2, time_indicator: 0}]}",
        '{end_user_service_denied: {identifier: 1, variable_parts: [{type: time, value: "0905"}]}}',
    ):
        text = announcing(said).replace("time_indicator: 0", "order: 0")
        document = read_document(text)
        assert read_stored("demo", 2, stored_text(document)) == build(document, 2)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("{quota_limit_reachd: 5}",
         "quota_limit_reachd: unknown key (did you mean quota_limit_reached?)"),
        ("{other_error: x}", ".other_error: 'x' is no whole number; write it like 300"),
        ("{other_error: 4294967296}", ".other_error: '4294967296' is not below 4294967296"),
        ("{other_error: 1.5}", ".other_error: '1.5' is no whole number"),
        ("{other_error: [0]}", ".other_error[0]: '0' is less than 1"),
        ("{other_error: [5, -1]}", ".other_error[1]: '-1' is no whole number"),
        ("{other_error: [[5]]}", ".other_error[0]: here belongs a mapping"),
        ("{other_error: {language: de}}", ".other_error.identifier: this key is missing"),
        ("{other_error: {identifier: 0}}", ".other_error.identifier: '0' is less than 1"),
        ("{other_error: {identifier: 5, languag: de}}",
         ".other_error.languag: unknown key (did you mean language?)"),
        ("{other_error: {identifier: 5, language: german}}",
         ".other_error.language: write a language as RFC 5646 does, like de or pt-BR"),
        ("{other_error: [4, {identifier: 5, language: x}]}", ".other_error[1].language: write a"),
        ("{other_error: {identifier: 5, play_alternative: both}}",
         ".play_alternative: 'both' is not one of served_party or remote_party"),
        ("{other_error: {identifier: 5, time_indicator: 0}}",
         ".other_error.time_indicator: where nothing is granted"),
        ("{quota_limit_reached: {identifier: 5, time_indicator: 31 d}}",
         ".time_indicator: no quota lasts longer than max_reservation, 31 d"),
        ("{quota_limit_reached: {identifier: 5, time_indicator: 1 week}}", "is no quantity"),
        ("{other_error: " + "[" + "1," * 9 + "]}", ".other_error: this list is too long"),
        ("{other_error: {identifier: 5, variable_parts: [{type: word, value: x}]}}",
         ".variable_parts[0].type: 'word' is not one of integer, number, time, date, currency or"),
        ("{other_error: {identifier: 5, variable_parts: [{type: 5, value: x}]}}", "'5' is not one"),
        ("{other_error: {identifier: 5, variable_parts: [{type: 0128, value: x}]}}", "'0128' is"),
        ("{other_error: {identifier: 5, variable_parts: [{type: 128}]}}", "value: this key is mis"),
    ],
)  # fmt: skip
def test_a_wrong_announcement_is_told_with_its_place(said: str, fault: str) -> None:
    told = faults(announcing(said))
    assert len(told) == 1, told
    assert "rating_groups[1].announcements" in told[0]
    assert fault in told[0]


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("integer", ["0", "4294967295"], ["", "-1", "12345678901", "1.5"]),
        ("number", ["0", "1" * 24], ["+49", "1" * 25]),
        ("time", ["0000", "2359"], ["2400", "1260", "9:05", "905"]),
        ("date", ["20280229"], ["20270229", "2027-02-01", "20271301"]),
        ("currency", ["00001250"], ["12.50", "1250", "000012500"]),
        ("128", ["anything at all"], ['"a\\tb"', "x" * 101]),
    ],
)
def test_a_spoken_value_is_written_as_its_type_is_read(
    kind: str, right: list[str], wrong: list[str]
) -> None:
    said = "{{other_error: {{identifier: 5, variable_parts: [{{type: {}, value: {}}}]}}}}"
    for value in right:
        built(said.format(kind, value))
    for value in wrong:
        (told,) = faults(announcing(said.format(kind, value or '""')))
        assert "announcements.other_error.variable_parts[0].value: " in told


def test_what_callers_hear_is_compared_as_it_may_be_written() -> None:
    before = read_document(announcing("{quota_limit_reached: 1, other_error: [2, 3]}"))
    after = read_document(
        announcing(
            "{quota_limit_reached: {identifier: 1, time_indicator: 60}, other_error: 0}",
            "{end_user_service_denied: 4}",
        )
    )
    place = "rating_groups[0].announcements"
    assert sorted(str(each) for each in differences(before, after)) == [
        "+ rating_groups[0].children[1].announcements.end_user_service_denied: 4",
        f"~ {place}.other_error: [2, 3] -> 0",
        f"~ {place}.quota_limit_reached: 1 -> [{{identifier: 1, time_indicator: 1 min}}]",
    ]
