"""Notices that are posted: signed, once at a time, and what is made of each answer."""

import pytest

from diameter_ocs.jobs.webhooks import (
    BODY_OCTETS_MAX,
    REST_SECONDS_MAX,
    Answer,
    Reception,
    Webhooks,
)
from tests.jobs.hooked import HANG, OK, SECRET, Hooked, hooked, saying

BODY = '{"id":"1-2-0","subject":"Zoë"}'.encode()
TAKEN = Answer(Reception.TAKEN)


async def posted(program: Hooked, times: int = 1, seconds: float = 5.0) -> list[Answer]:
    webhooks = Webhooks(seconds)
    try:
        return [await webhooks.post(program.url, SECRET, "1-2-0", BODY) for _ in range(times)]
    finally:
        await webhooks.close()


async def test_what_is_posted_is_signed_and_says_what_it_is() -> None:
    async with hooked() as program:
        assert await posted(program) == [TAKEN]
    (head,) = program.heads
    assert program.posted == [{"id": "1-2-0", "subject": "Zoë"}]
    assert head["webhook-id"] == "1-2-0"
    assert head["content-type"] == "application/cloudevents+json"


async def test_a_connection_is_kept_whatever_is_answered() -> None:
    async with hooked(OK, saying("500 No", body=b"x" * 1000), saying("200 OK", body=b"y")) as to:
        answers = await posted(to, 4)
    assert [each.reception for each in answers] == [
        Reception.TAKEN,
        Reception.REFUSED,
        Reception.TAKEN,
        Reception.TAKEN,
    ]
    assert to.connections == 1


async def test_an_answer_without_an_end_is_not_read_to_it() -> None:
    endless = saying("200 OK", "X: y").replace(b"Length: 0", b"Length: 999999999")
    async with hooked(endless + b"x" * (BODY_OCTETS_MAX * 4)) as program:
        assert await posted(program, 2) == [TAKEN, TAKEN]
    assert program.connections == 2


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (saying("200 OK"), TAKEN),
        (saying("202 Accepted"), TAKEN),
        (saying("410 Gone"), Answer(Reception.GONE, "it said 410 Gone")),
        (
            saying("302 Found", "Location: http://127.0.0.1:1/"),
            Answer(Reception.REFUSED, "it said 302 Found: redirects are not followed"),
        ),
        (saying("400 Bad Request"), Answer(Reception.REFUSED, "it said 400 Bad Request")),
        (saying("500"), Answer(Reception.REFUSED, "it said 500")),
        (saying("429 Slow", "Retry-After: 7"), Answer(Reception.AWAY, "it said 429 Slow", 7)),
        (
            saying("503 No", "Retry-After: 99999999999"),
            Answer(Reception.AWAY, "it said 503 No", REST_SECONDS_MAX),
        ),
        (saying("503 No", "Retry-After: soon"), Answer(Reception.AWAY, "it said 503 No")),
        (HANG, Answer(Reception.AWAY, "no answer within 0.2 s")),
        (b"HTTP/1.1 200 OK\r\nX:", Answer(Reception.AWAY, "no answer within 0.2 s")),
    ],
    ids=lambda each: each[:30].decode() if isinstance(each, bytes) else "",
)
async def test_answers_are_told_apart(answer: bytes, expected: Answer) -> None:
    async with hooked(answer) as program:
        assert await posted(program, seconds=0.2) == [expected]


@pytest.mark.parametrize("answer", [b"what?\r\n\r\n", b"\x00" * 100000])
async def test_who_does_not_speak_http_is_away(answer: bytes) -> None:
    async with hooked(answer) as program:
        ((reception, fault, _),) = await posted(program, seconds=0.5)
    assert reception is Reception.AWAY
    assert fault


async def test_who_does_not_listen_is_away_and_may_come_back() -> None:
    async with hooked() as program:
        pass
    ((reception, fault, _),) = await posted(program)
    assert (reception, fault) == (Reception.AWAY, "All connection attempts failed")


async def test_cookies_are_not_kept() -> None:
    async with hooked(saying("200 OK", "Set-Cookie: of=another; Path=/")) as program:
        assert await posted(program, 2) == [TAKEN, TAKEN]
    assert ["cookie" in head for head in program.heads] == [False, False]
