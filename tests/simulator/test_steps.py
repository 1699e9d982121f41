"""The grammar of steps: what is read, and what is refused with which sentence."""

import pytest

from diameter_ocs.simulator.information import UNASKED, WORDS, Information
from diameter_ocs.simulator.steps import (
    DEFAULT_STEPS,
    ReportingReason,
    RequestType,
    ServiceStep,
    Step,
    StepError,
    Units,
    parse_steps,
)

READ = [
    ("initial", Step(RequestType.INITIAL)),
    (
        "event:rg=200/units=2@4012",
        Step(
            RequestType.EVENT,
            (ServiceStep(200, requested=Units(service_specific_units=2)),),
            (4012,),
        ),
    ),
    (
        "initial:rg=300/request=10MiB,rg=380/request=1MiB",
        Step(
            RequestType.INITIAL,
            (
                ServiceStep(300, requested=Units(total_octets=10 * 2**20)),
                ServiceStep(380, requested=Units(total_octets=2**20)),
            ),
        ),
    ),
    (
        "update:rg=300/used=10MB/request=5/reason=QUOTA_EXHAUSTED@2001/4012",
        Step(
            RequestType.UPDATE,
            (
                ServiceStep(
                    300,
                    requested=Units(total_octets=5),
                    used=Units(total_octets=10_000_000),
                    reporting_reason=ReportingReason.QUOTA_EXHAUSTED,
                ),
            ),
            (2001, 4012),
        ),
    ),
    (
        "terminate:rg=0/si=7/si=9/used-input=1KiB/used-output=2/used-time=1min/used-units=3",
        Step(
            RequestType.TERMINATE,
            (
                ServiceStep(
                    0,
                    (7, 9),
                    used=Units(
                        input_octets=1024, output_octets=2, seconds=60, service_specific_units=3
                    ),
                ),
            ),
        ),
    ),
    (
        "update:rg=100/time=1h/units=18446744073709551615",
        Step(
            RequestType.UPDATE,
            (ServiceStep(100, requested=Units(seconds=3600, service_specific_units=2**64 - 1)),),
        ),
    ),
    (
        "update:rg=300/used=5/used-after=1KiB,rg=200/used-units-after=2",
        Step(
            RequestType.UPDATE,
            (
                ServiceStep(300, used=Units(5), used_after=Units(1024)),
                ServiceStep(200, used_after=Units(service_specific_units=2)),
            ),
        ),
    ),
    ("initial:rg=300/request", Step(RequestType.INITIAL, (ServiceStep(300, requested=Units()),))),
    ("initial:request=1", Step(RequestType.INITIAL, (ServiceStep(requested=Units(1)),))),
    ("terminate@5002", Step(RequestType.TERMINATE, (), (5002,))),
]


@pytest.mark.parametrize(("text", "step"), READ, ids=[text for text, _ in READ])
def test_a_step_reads_as_written(text: str, step: Step) -> None:
    assert parse_steps([text]) == (step,)


def test_a_script_may_be_one_text_or_many() -> None:
    assert parse_steps([" ".join(DEFAULT_STEPS)]) == parse_steps(DEFAULT_STEPS)


def test_a_setting_holds_for_the_steps_after_it() -> None:
    script = "initial location=20801 called=112 update location= terminate"
    assert [step.information for step in parse_steps([script])] == [
        UNASKED,
        Information(location="20801", called="112"),
        Information(location="", called="112"),
    ]


SETTINGS = [
    "context=32260",
    "context=8.32260@3gpp.org",
    "location=310410",
    "location=26201/137",
    "location=0x8262F210",
    "location=0x",
    "network=20801",
    "sgsn=2001:db8::1",
    "apn=internet.mnc001.mcc262.gprs",
    "rat=51",
    "access=3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2620112ab1a2d30b",
    "transfer=0x00ff",
    "cellular=3GPP-GERAN;cgi-3gpp=2620112abcdef",
    "visited=ims.mnc001.mcc262.3gppnetwork.org",
    "vlr=33609001234",
    "msc=0x91947101670000",
    "sccp=447700900000",
    "role=terminating",
    "calling=sip:alice@example.net",
    "called=4930111111,4930222222",
    "size=300000",
    "bearer=4294967295",
    "sub=18446744073709551615",
    "state=7",
]


@pytest.mark.parametrize("text", SETTINGS)
def test_a_setting_reads_as_written(text: str) -> None:
    word, _, value = text.partition("=")
    (step,) = parse_steps([text, "event"])
    assert getattr(step.information, word) == value


def test_every_setting_is_tried() -> None:
    assert {text.partition("=")[0] for text in SETTINGS} == set(WORDS)


def test_the_default_session_opens_reports_and_ends() -> None:
    kinds = [step.request_type for step in parse_steps(DEFAULT_STEPS)]
    assert kinds == [RequestType.INITIAL, RequestType.UPDATE, RequestType.TERMINATE]


REFUSED = [
    (
        "inital",
        "'inital' is no kind of step; write initial, update, terminate, event, check, price or",
    ),
    ("initial:", "nothing stands after the colon"),
    ("initial:rg=1,", "word '': unknown; write rg, si"),
    ("initial:rg=1/requst=5", "word 'requst=5': unknown; write rg, si"),
    ("initial:rg=1/rg=2", "rg stands twice"),
    ("initial:rg", "word 'rg': '' is no amount"),
    ("initial:rg=300MiB", "'300MiB' is no amount; write a whole number"),
    ("initial:rg=4294967296", "4294967296 does not fit; write at most 4294967295"),
    ("initial:rg=-1", "'-1' is no amount"),
    ("initial:rg=1/request=10XB", "which may end in KiB, MiB"),
    ("initial:rg=1/request=", "'' is no amount"),
    ("initial:rg=1/request=18446744073709551616", "does not fit"),
    ("initial:rg=1/time=4294967296", "does not fit"),
    ("initial:rg=1/used", "word 'used': '' is no amount"),
    ("update:rg=1/used=1/reason=QHTT", "write THRESHOLD, QHT"),
    ("update:rg=1/reason=THRESHOLD", "tells about used units; write used= beside it"),
    ("update@", "'' is no result code"),
    ("loction=26201", "'loction' is no setting; write context, location, network"),
    ("location=2620", "'2620' is none; write an MCC and MNC such as 26201, 26201/TYPE"),
    ("location=26201/3", "with the TYPE 0, 1, 2, 24, 128"),
    ("location=0x123", "or octets as 0x..."),
    ("network=26201/130", "write an MCC and MNC such as 26201"),
    ("context=voice", "write a document such as 32260"),
    ("context=", "nothing stands after it; write a document such as 32260"),
    ("sgsn=192.0.2.256", "write an IP address"),
    ("rat=256", "write a number up to 255"),
    ("access=0xzz", "write text, or octets as 0x"),
    ("vlr=+336", "write digits such as 447700900000, or octets as 0x..."),
    ("sccp=0x91", "write digits"),
    ("role=calling", "write originating, terminating or forwarding"),
    ("role=", "nothing stands after it; write originating"),
    ("size=1MB", "write a whole number of octets"),
    ("sub=18446744073709551616", "write a number up to 18446744073709551615"),
    ("bearer=4294967296", "write a number up to 4294967295"),
    ("state=-1", "write a number up to 4294967295"),
    ("update@200", "'200' is no result code; write four digits such as 2001"),
    ("update@2001/x", "'x' is no result code"),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED, ids=[text for text, _ in REFUSED])
def test_a_wrong_step_is_refused_with_its_place_and_a_way_out(text: str, sentence: str) -> None:
    with pytest.raises(StepError) as refusal:
        parse_steps(["initial", text])
    assert str(refusal.value).startswith(f"step 2 ({text})")
    assert sentence in str(refusal.value)
