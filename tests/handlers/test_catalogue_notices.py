"""Notices of a catalogue: how it says who is told of what, what is wrong, what differs."""

import pytest

from diameter_ocs.charging.notice_types import NOTICE_TYPES, NoticeSink
from diameter_ocs.handlers.catalogue import read_document, read_stored, stored_text
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.handlers.catalogue_difference import differences
from tests.handlers.catalogue_text import GOOD, faults

URL = "https://crm.example/notices?a=1"


def telling(webhooks: str = "", files: str = "") -> str:
    return f"{GOOD}\nnotices: {{webhooks: [{webhooks}], files: [{files}]}}\n"


def test_nobody_is_told_where_nothing_is_written() -> None:
    built = build(read_document(GOOD), 1)
    assert (built.notice_sinks, built.noticed) == ({}, {})
    assert "notices" not in stored_text(read_document(GOOD))


def test_what_is_not_said_is_all() -> None:
    text = telling(f"{{name: crm, url: '{URL}'}}", "{name: archive}")
    built = build(read_document(text), 1)
    every = frozenset(NOTICE_TYPES)
    assert built.notice_sinks == {
        "crm": NoticeSink("crm", every, URL),
        "archive": NoticeSink("archive", every),
    }
    assert built.noticed == dict.fromkeys(NOTICE_TYPES, ("crm", "archive"))
    assert read_stored("demo", 1, stored_text(read_document(text))) == built


def test_a_family_is_all_its_types_and_what_nobody_wants_is_nowhere() -> None:
    webhook = f"{{name: crm, url: '{URL}', types: [peer.*, counter.changed]}}"
    built = build(read_document(telling(webhook, "{name: archive, types: [peer.up]}")), 1)
    assert built.noticed == {
        "peer.up": ("crm", "archive"),
        "peer.down": ("crm",),
        "counter.changed": ("crm",),
    }


def test_what_ends_is_told_a_day_before_and_as_it_is_written() -> None:
    text = telling("", "{name: archive}")
    assert build(read_document(text), 1).expiring_before == (86_400,)
    several = text.replace("notices: {", "notices: {expiring_before: [1 h, 3 d, 90 s], ")
    assert build(read_document(several), 1).expiring_before == (259_200, 3_600, 90)
    never = text.replace("notices: {", "notices: {expiring_before: [], ")
    assert build(read_document(never), 1).expiring_before == ()
    assert [str(each) for each in differences(read_document(text), read_document(several))] == [
        "~ notices.expiring_before: [1 d] -> [3 d, 1 h, 90 s]"
    ]


def test_nobody_hears_beforehand_who_does_not_want_it() -> None:
    files = "{name: archive, types: [peer.*, subscription.expired, balance.expired]}"
    assert build(read_document(telling("", files)), 1).expiring_before == ()
    files = "{name: archive, types: [balance.expiring]}"
    assert build(read_document(telling("", files)), 1).expiring_before == (86_400,)


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ("1 h, 60 min", "notices.expiring_before[1]: the time '1 h' is used more than once"),
        ("0", "notices.expiring_before[0]: "),
        ("367 d", "notices.expiring_before[0]: "),
        ("soon", "notices.expiring_before[0]: 'soon' is no quantity"),
    ],
)
def test_times_that_are_wrong_are_told_with_their_place(times: str, reason: str) -> None:
    (sentence,) = faults(f"{GOOD}\nnotices: {{expiring_before: [{times}]}}\n")
    assert sentence.split(": ", 1)[1].startswith(reason)


@pytest.mark.parametrize(
    ("webhooks", "files", "reason"),
    [
        ("", "{name: Archive}", "notices.files[0].name: write a name of small letters, digits"),
        ("", "{name: a/b}", "notices.files[0].name: write a name of small letters, digits"),
        ("", "{name: a}, {name: a}", "notices.files[1].name: the name 'a' is used more than once"),
        (
            f"{{name: a, url: '{URL}'}}",
            "{name: a}",
            "notices.files[0].name: the name 'a' is used more than once",
        ),
        (
            "",
            "{name: a, types: [counter.change]}",
            "notices.files[0].types[0]: there are no notices 'counter.change'"
            " (did you mean counter.changed?)",
        ),
        ("", "{name: a, types: ['*']}", "notices.files[0].types[0]: there are no notices '*'"),
        ("", "{name: a, types: []}", "notices.files[0].types: here belongs at least one"),
        (
            "",
            "{name: a, types: [peer.*, peer.up]}",
            "notices.files[0].types[1]: the type 'peer.up' is used more than once",
        ),
        ("{name: a}", "", "notices.webhooks[0].url: this key is missing"),
        ("{name: a, url: crm.example}", "", "notices.webhooks[0].url: write where it is called"),
        ("{name: a, url: 'ftp://crm'}", "", "notices.webhooks[0].url: write where it is called"),
        ("{name: a, url: 'http://'}", "", "notices.webhooks[0].url: write where it is called"),
        ("{name: a, url: 'http://a b/'}", "", "notices.webhooks[0].url: write where it is called"),
        ("{name: a, url: 'http://[/'}", "", "notices.webhooks[0].url: write where it is called"),
        (
            "{name: a, url: 'http://a:99999/'}",
            "",
            "notices.webhooks[0].url: write where it is called",
        ),
        ("{name: a, url: 'https://me:word@crm/'}", "", "notices.webhooks[0].url: no names and"),
        ("{name: a, url: 'https://crm/#x'}", "", "notices.webhooks[0].url: what stands behind #"),
        ("", "{name: a, url: 'https://crm/'}", "notices.files[0].url: unknown key"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(webhooks: str, files: str, reason: str) -> None:
    (sentence,) = faults(telling(webhooks, files))
    assert sentence.split(": ", 1)[1].startswith(reason)


def test_a_sink_that_is_new_or_other_is_a_difference_by_its_name() -> None:
    before = read_document(telling("", "{name: archive, types: [peer.up]}"))
    after = read_document(telling(f"{{name: crm, url: '{URL}'}}", "{name: archive}"))
    assert [str(each) for each in differences(before, after)] == [
        "+ notices.webhooks[crm].name: crm",
        f"+ notices.webhooks[crm].url: {URL}",
        "- notices.files[archive].types: [peer.up]",
    ]
