"""The commands of TS 29.219 section 5.6, AVP by AVP, in both directions."""

import re

import pytest

from diameter_ocs.base import errors
from diameter_ocs.base.checks import check
from diameter_ocs.base.dictionary import CommandDefinition, Dictionary, Rules
from diameter_ocs.base.message import Identity, Message, decode, error_answer
from diameter_ocs.charging.spending_limits import (
    CounterStatus,
    PendingStatus,
    SpendingLimitAnswer,
    SpendingLimitOutcome,
)
from diameter_ocs.sy.encode import RESULT_CODES, Encoder
from diameter_ocs.sy.notify import Notifier, StatusNotification
from tests.base.wire import avp
from tests.sy.conftest import Read
from tests.sy.wire import SY, counter, features, slr, str_

LIMIT, NOTIFICATION, END = "Spending-Limit", "Spending-Status-Notification", "Session-Termination"

AVPS = """
    Session-Id 263 0 M                              DRMP 301 0 -
    Auth-Application-Id 258 0 M                     Origin-Host 264 0 M
    Origin-Realm 296 0 M                            Destination-Realm 283 0 M
    Destination-Host 293 0 M                        Origin-State-Id 278 0 M
    OC-Supported-Features 621 0 -                   OC-OLR 623 0 -
    Load 650 0 -                                    Supported-Features 628 10415 V
    Feature-List-ID 629 10415 V                     Feature-List 630 10415 V
    SL-Request-Type 2904 10415 VM                   Subscription-Id 443 0 M
    Subscription-Id-Type 450 0 M                    Subscription-Id-Data 444 0 M
    Policy-Counter-Identifier 2901 10415 VM         Policy-Counter-Status 2902 10415 VM
    Policy-Counter-Status-Report 2903 10415 VM      SN-Request-Type 2907 10415 V
    Pending-Policy-Counter-Information 2905 10415 VM
    Pending-Policy-Counter-Change-Time 2906 10415 VM
    Logical-Access-ID 302 13019 V                   Physical-Access-ID 313 13019 V
    Result-Code 268 0 M                             Experimental-Result 297 0 M
    Experimental-Result-Code 298 0 M                Vendor-Id 266 0 M
    Termination-Cause 295 0 M                       Error-Message 281 0 -
    Error-Reporting-Host 294 0 -                    Failed-AVP 279 0 M
    Redirect-Host 292 0 M                           Redirect-Host-Usage 261 0 M
    Redirect-Max-Cache-Time 262 0 M                 Proxy-Info 284 0 M
    Proxy-Host 280 0 M                              Proxy-State 33 0 M
    Route-Record 282 0 M
"""
"""Every AVP: its name, code, vendor, and the flags that it is sent with."""
ROWS = re.findall(r"(\S+) (\d+) (\d+) (\S+)", AVPS)
FLAGS = {"VM": 0xC0, "V": 0x80, "M": 0x40, "-": 0}

_REDIRECT = "Redirect-Host* Redirect-Host-Usage? Redirect-Max-Cache-Time?"
_FAILURE = "Error-Message? Error-Reporting-Host? Failed-AVP?"
GRAMMARS = {
    (LIMIT, "request"): """Session-Id DRMP? Auth-Application-Id Origin-Host Origin-Realm
        Destination-Realm Destination-Host? Origin-State-Id? OC-Supported-Features?
        Supported-Features* SL-Request-Type Subscription-Id* Policy-Counter-Identifier*
        Logical-Access-ID? Physical-Access-ID? Proxy-Info* Route-Record*""",
    (LIMIT, "answer"): f"""Session-Id DRMP? Auth-Application-Id Origin-Host Origin-Realm
        Result-Code? Experimental-Result? Origin-State-Id? OC-Supported-Features? OC-OLR?
        Supported-Features* Policy-Counter-Status-Report* {_FAILURE} {_REDIRECT} Proxy-Info*
        Load*""",
    (NOTIFICATION, "request"): """Session-Id DRMP? Origin-Host Origin-Realm Destination-Realm
        Destination-Host Auth-Application-Id Origin-State-Id? OC-Supported-Features?
        Policy-Counter-Status-Report* SN-Request-Type? Proxy-Info* Route-Record*""",
    (NOTIFICATION, "answer"): f"""Session-Id DRMP? Origin-Host Origin-Realm Result-Code?
        Experimental-Result? Origin-State-Id? OC-Supported-Features? OC-OLR? {_FAILURE}
        {_REDIRECT} Proxy-Info*""",
    (END, "request"): """Session-Id DRMP? Origin-Host Origin-Realm Destination-Realm
        Auth-Application-Id Termination-Cause Destination-Host? OC-Supported-Features?
        Origin-State-Id? Proxy-Info* Route-Record*""",
    (END, "answer"): f"""Session-Id DRMP? Origin-Host Origin-Realm Result-Code {_FAILURE}
        Origin-State-Id? OC-Supported-Features? OC-OLR? {_REDIRECT} Proxy-Info* Load*""",
}
"""What stands in each command once; with ? at most once, with * as often as one likes."""
FORBIDDEN = ("Auth-Session-State", "Authorization-Lifetime", "Session-Timeout")
"""TS 29.219 section 5.2: the state of a session is always kept."""

REQUESTS = {LIMIT: slr, END: str_}
ONCE = [
    (command, name.removesuffix("?"))
    for command in REQUESTS
    for name in GRAMMARS[command, "request"].split()
    if not name.endswith("*")
]
REQUIRED = [
    (command, name)
    for command in REQUESTS
    for name in GRAMMARS[command, "request"].split()
    if not name.endswith(("*", "?"))
]


def rules_of(dictionary: Dictionary, command: str, direction: str) -> Rules:
    definition = dictionary.command_named(command)
    is_request = direction == "request"
    return definition.request_rules if is_request else definition.answer_rules


def caught(dictionary: Dictionary, octets: bytes) -> errors.DiameterError:
    """Return what a request is refused for."""
    with pytest.raises(errors.DiameterError) as raised:
        check(decode(octets, dictionary), dictionary, strict=False, applications={SY})
    return raised.value


def received(dictionary: Dictionary, command: str, name: str) -> bytes:
    """Return the AVP of a name that a request of these tests has."""
    message = decode(REQUESTS[command](), dictionary)
    found = message.group.avp(name)
    return dictionary.example(name) if found is None else message.raw(found)


@pytest.mark.parametrize(("name", "code", "vendor", "flags"), ROWS, ids=[row[0] for row in ROWS])
def test_an_avp_is_sent_with_its_flags(
    dictionary: Dictionary, name: str, code: str, vendor: str, flags: str
) -> None:
    header = dictionary.example(name)[:12]
    assert int.from_bytes(header[:4]) == int(code)
    assert header[4] == FLAGS[flags]
    assert not int(vendor) or int.from_bytes(header[8:12]) == int(vendor)


@pytest.mark.parametrize(("name", "code"), [(LIMIT, 8388635), (NOTIFICATION, 8388636), (END, 275)])
def test_a_command_has_its_code_and_may_be_proxied(
    dictionary: Dictionary, name: str, code: int
) -> None:
    command = dictionary.command_named(name)
    assert isinstance(command, CommandDefinition)
    assert (command.code, command.application_id, command.is_proxiable) == (code, SY, True)


@pytest.mark.parametrize(("command", "direction"), GRAMMARS)
def test_a_command_has_its_grammar(dictionary: Dictionary, command: str, direction: str) -> None:
    rules = rules_of(dictionary, command, direction)
    names = GRAMMARS[command, direction].split()
    allowed = {name.rstrip("?*") for name in names}
    assert set(rules.required) == {name for name in names if name.rstrip("?*") == name}
    assert rules.known - rules.forbidden == allowed
    for name in names:
        assert rules.limits.get(name.rstrip("?*")) == (None if name.endswith("*") else 1)
    assert rules.forbidden.issuperset(FORBIDDEN)
    assert rules.is_open


@pytest.mark.parametrize(("command", "name"), REQUIRED)
def test_what_must_be_there_and_is_not_is_shown(
    dictionary: Dictionary, command: str, name: str
) -> None:
    error = caught(dictionary, REQUESTS[command](without=received(dictionary, command, name)))
    assert isinstance(error, errors.MissingAvp)
    assert error.failed_avp == dictionary.example(name)


@pytest.mark.parametrize(("command", "name"), ONCE)
def test_what_may_stand_once_and_stands_twice_is_shown(
    dictionary: Dictionary, command: str, name: str
) -> None:
    example = dictionary.example(name)
    error = caught(dictionary, REQUESTS[command](example, example))
    assert isinstance(error, errors.AvpOccursTooManyTimes)
    assert error.failed_avp == example


@pytest.mark.parametrize("name", ["Result-Code", "Experimental-Result", *FORBIDDEN])
@pytest.mark.parametrize("command", REQUESTS)
def test_what_must_not_be_there_is_shown(dictionary: Dictionary, command: str, name: str) -> None:
    example = dictionary.example(name)
    error = caught(dictionary, REQUESTS[command](example))
    assert isinstance(error, errors.AvpNotAllowed)
    assert error.failed_avp == example


@pytest.mark.parametrize("command", REQUESTS)
def test_all_that_may_be_there_is_taken(dictionary: Dictionary, command: str) -> None:
    names = [name for name in GRAMMARS[command, "request"].split() if name[-1] in "?*"]
    twice = [name for name in names if name[-1] == "*"]
    more = [dictionary.example(name.rstrip("?*")) for name in (*names, *twice)]
    message = decode(REQUESTS[command](*more), dictionary)
    assert check(message, dictionary, strict=True, applications={SY}) == ()


def test_an_avp_that_nobody_knows_is_passed_over_or_refused_by_its_m_bit(
    dictionary: Dictionary,
) -> None:
    message = decode(slr(avp(2999, b"x", vendor=10415, flags=0)), dictionary)
    assert check(message, dictionary, strict=True, applications={SY}) == ()
    mandatory = avp(2999, b"x", vendor=10415)
    error = caught(dictionary, slr(mandatory))
    assert (type(error), error.failed_avp) == (errors.AvpUnsupported, mandatory)


STATUSES = (
    CounterStatus("a", "b", (PendingStatus("c", 1_709_985_600_000_000),) * 2),
    CounterStatus("d", "e"),
)
DECISIONS = [
    SpendingLimitAnswer(SpendingLimitOutcome.SUCCESS, STATUSES, features=1),
    SpendingLimitAnswer(SpendingLimitOutcome.UNKNOWN_COUNTERS, unknown=("x", "y")),
    *map(SpendingLimitAnswer, SpendingLimitOutcome),
]


def assert_grammar(dictionary: Dictionary, octets: bytes, direction: str) -> Message:
    """Check a message of ours against its grammar, AVPs in groups included."""
    message = decode(octets, dictionary)
    assert message.fault is None
    assert message.name is not None
    rules = rules_of(dictionary, message.name, direction)
    found = message.group.by_name
    assert found.keys() <= rules.known - rules.forbidden
    assert found.keys() >= set(rules.required)
    assert all(len(avps) <= (rules.limits.get(name) or 99) for name, avps in found.items())
    findings = message.findings
    assert not findings.odd_flags
    assert not findings.unknown_mandatory
    for group in findings.groups:
        assert group.definition is not None
        assert group.value.by_name.keys() >= set(group.definition.rules.required)
    return message


@pytest.mark.parametrize("decided", DECISIONS)
def test_every_answer_to_a_limit_has_the_grammar_of_its_command(
    dictionary: Dictionary, read: Read, encoder: Encoder, decided: SpendingLimitAnswer
) -> None:
    octets = encoder.encode(decided, read(slr(features(1), counter(b"x"), counter(b"y"))))
    message = assert_grammar(dictionary, octets, "answer")
    assert ("Result-Code" in message.group) != ("Experimental-Result" in message.group)


@pytest.mark.parametrize("outcome", RESULT_CODES)
def test_every_answer_to_an_end_has_the_grammar_of_its_command(
    dictionary: Dictionary, read: Read, encoder: Encoder, outcome: SpendingLimitOutcome
) -> None:
    octets = encoder.encode(SpendingLimitAnswer(outcome), read(str_()))
    assert_grammar(dictionary, octets, "answer")


@pytest.mark.parametrize(("command", "name"), REQUIRED)
def test_every_error_has_the_grammar_of_its_command(
    dictionary: Dictionary, identity: Identity, command: str, name: str
) -> None:
    octets = REQUESTS[command](without=received(dictionary, command, name))
    if name == "Session-Id":
        octets = REQUESTS[command](dictionary.example("Result-Code"))
    error = caught(dictionary, octets)
    said = error_answer(decode(octets, dictionary), dictionary, identity, error)
    assert_grammar(dictionary, said, "answer")


@pytest.mark.parametrize(
    "sent",
    [
        StatusNotification(b"a;b", "pcrf.example", "example", STATUSES, is_abort)
        for is_abort in (False, True)
    ],
)
def test_every_report_has_the_grammar_of_its_command(
    dictionary: Dictionary, notifier: Notifier, sent: StatusNotification
) -> None:
    assert_grammar(dictionary, notifier.encode(sent, 1), "request")
