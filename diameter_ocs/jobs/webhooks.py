"""Posts notices to programs, signed as Standard Webhooks have it (HMAC-SHA256).

Redirects are not followed, and cookies not kept. Whatever is not answered with 2xx is posted again,
under the same id; 410 says that nobody wants it any more.
"""

import asyncio
import datetime
from enum import Enum
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import NamedTuple

import httpx
from standardwebhooks import Webhook

from .cloud_events import CONTENT_TYPE

POST_SECONDS = 10.0
"""How long it may take to reach a program, to have it read a notice, and to hear what it says."""
BODY_OCTETS_MAX = 65536
"""Of an answer: it is read so that the connection stays, and passed over."""
REST_SECONDS_MAX = 900
"""How long it may have itself left alone (Retry-After)."""
USER_AGENT = "diameter-ocs"


class Reception(Enum):
    """What a program made of a notice."""

    TAKEN = "taken"
    REFUSED = "refused"
    """It is posted again."""
    GONE = "gone"
    """It wants none of them any more."""
    AWAY = "away"
    """Nobody answers, or it wants to be left alone for a while."""


class Answer(NamedTuple):
    """How a notice was received, and why it was not taken."""

    reception: Reception
    fault: str | None = None
    rest_seconds: float | None = None
    """How long the program wants to be left alone."""


class Webhooks:
    """Posts for one server; connections are kept open."""

    def __init__(
        self, post_seconds: float = POST_SECONDS, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._post_seconds = post_seconds
        self._client = httpx.AsyncClient(
            headers={"user-agent": USER_AGENT, "content-type": CONTENT_TYPE},
            timeout=post_seconds,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            transport=transport,
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def post(self, url: str, secret: str, notice_id: str, octets: bytes) -> Answer:
        """Posts one notice and returns what was made of it."""
        now = datetime.datetime.now(tz=datetime.UTC)
        headers = {
            "webhook-id": notice_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(notice_id, now, octets.decode()),
        }
        try:
            async with (
                asyncio.timeout(self._post_seconds),
                self._client.stream("POST", url, content=octets, headers=headers) as answer,
            ):
                await _pass_over(answer)
                return _judged(answer)
        except (TimeoutError, httpx.TimeoutException):
            return Answer(Reception.AWAY, f"no answer within {self._post_seconds:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as fault:
            return Answer(Reception.AWAY, str(fault) or type(fault).__name__)


async def _pass_over(answer: httpx.Response) -> None:
    size = 0
    async for part in answer.aiter_raw():
        size += len(part)
        if size > BODY_OCTETS_MAX:
            return


def _judged(answer: httpx.Response) -> Answer:
    """Reads an answer by its status alone."""
    status = answer.status_code
    if answer.is_success:
        return Answer(Reception.TAKEN)
    fault = f"it said {status} {answer.reason_phrase}".rstrip()
    if status == HTTPStatus.GONE:
        return Answer(Reception.GONE, fault)
    if answer.is_redirect:
        return Answer(Reception.REFUSED, f"{fault}: redirects are not followed")
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return Answer(Reception.AWAY, fault, _rest_seconds(answer.headers.get("retry-after")))
    return Answer(Reception.REFUSED, fault)


def _rest_seconds(text: str | None) -> float | None:
    """Reads Retry-After in seconds; dates are passed over."""
    if text is None or not text.isascii() or not text.isdigit():
        return None
    return float(min(int(text[:9]), REST_SECONDS_MAX))
