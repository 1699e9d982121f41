"""The grammar of steps: what is read, and what is refused with which sentence."""

import pytest

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
    ("initial:rg=300/request", Step(RequestType.INITIAL, (ServiceStep(300, requested=Units()),))),
    ("initial:request=1", Step(RequestType.INITIAL, (ServiceStep(requested=Units(1)),))),
    ("terminate@5002", Step(RequestType.TERMINATE, (), (5002,))),
]


@pytest.mark.parametrize(("text", "step"), READ, ids=[text for text, _ in READ])
def test_a_step_reads_as_written(text: str, step: Step) -> None:
    assert parse_steps([text]) == (step,)


def test_a_script_may_be_one_text_or_many() -> None:
    assert parse_steps([" ".join(DEFAULT_STEPS)]) == parse_steps(DEFAULT_STEPS)


def test_the_default_session_opens_reports_and_ends() -> None:
    kinds = [step.request_type for step in parse_steps(DEFAULT_STEPS)]
    assert kinds == [RequestType.INITIAL, RequestType.UPDATE, RequestType.TERMINATE]


REFUSED = [
    ("inital", "'inital' is no kind of step; write initial, update, terminate or event"),
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
    ("update@200", "'200' is no result code; write four digits such as 2001"),
    ("update@2001/x", "'x' is no result code"),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED, ids=[text for text, _ in REFUSED])
def test_a_wrong_step_is_refused_with_its_place_and_a_way_out(text: str, sentence: str) -> None:
    with pytest.raises(StepError) as refusal:
        parse_steps(["initial", text])
    assert str(refusal.value).startswith(f"step 2 ({text})")
    assert sentence in str(refusal.value)
