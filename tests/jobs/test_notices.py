"""Notices reach the sinks that tenants name: in order, again when they must, none lost."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diameter_ocs.charging.catalogue import Catalogue
from diameter_ocs.charging.delivery import Claimed, Fate, OutboxRow, Result, row_of
from diameter_ocs.charging.faults import CasesUnavailable
from diameter_ocs.charging.notice_types import AccountDeleted
from diameter_ocs.charging.notices import Notice, Occasion, rows_of
from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.jobs.cloud_events import envelope
from diameter_ocs.jobs.notice_files import NoticeFiles, file_of
from diameter_ocs.jobs.notices import AT_IT_SECONDS, CATALOGUE_SECONDS, Notices, Secrets
from diameter_ocs.jobs.webhooks import Webhooks
from tests.handlers.catalogue_text import GOOD
from tests.handlers.virtual_time import play
from tests.jobs.hooked import OK, SECRET, hooked, saying
from tests.jobs.test_delivery import GROUP, Courier, House

NOW = 1_700_000_000_000_000
SECRETS: Secrets = {("demo", "crm"): SECRET}
URL = "http://crm.example/in"


def offered(url: str = URL, version: int = 1) -> Catalogue:
    sinks = f"{{webhooks: [{{name: crm, url: '{url}'}}], files: [{{name: all}}]}}"
    return build(read_document(f"{GOOD}\nnotices: {sinks}\n"), version)


class Applied:
    """The catalogue of the only tenant."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.asked = 0
        self.fault: Exception | None = None

    async def tenants(self) -> Mapping[str, int | None]:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return {"demo": self.catalogue.version, "new": None}

    async def read_catalogue(self, tenant_name: str, version: int) -> Catalogue:
        assert (tenant_name, version) == ("demo", self.catalogue.version)
        return self.catalogue


def rows(catalogue: Catalogue, sink: str, amount: int = 1, account: int = 7) -> list[OutboxRow]:
    """Rows of notices of an account, one after the other."""
    found = [
        row_of((account, number, part), each, NOW)
        for number in range(1, amount + 1)
        for part, each in enumerate(
            rows_of(
                [Notice(account, f"account {account}", AccountDeleted())],
                catalogue,
                Occasion(account, number, NOW),
            )
        )
    ]
    return [row for row in found if row.target == f"demo/{sink}"]


def claimed(some: Sequence[OutboxRow]) -> Claimed:
    return Claimed(tuple(some), NOW, 1, False)


class Told:
    """A courier of notices, with a catalogue of its own."""

    def __init__(self, folder: Path, url: str, secrets: Secrets = SECRETS) -> None:
        self.applied = Applied(offered(url))
        self.webhooks = Webhooks(0.5)
        self.notices = Notices(self.applied, self.webhooks, NoticeFiles(folder), secrets)

    async def deliver(self, sink: str, amount: int = 1) -> Fate:
        return await self.notices.deliver(claimed(rows(offered(), sink, amount)))


def test_an_envelope_is_a_cloud_event() -> None:
    (row,) = rows(offered(), "all")
    row = row._replace(target="a b/c/all")
    assert json.loads(envelope(row)) == {
        "specversion": "1.0",
        "id": "7-1-0",
        "source": "/tenants/a%20b%2Fc",
        "type": "account.deleted",
        "subject": "account 7",
        "time": "2023-11-14T22:13:20.000000Z",
        "datacontenttype": "application/json",
        "data": {},
    }


async def test_notices_wait_while_the_database_cannot_say_where_they_go(tmp_path: Path) -> None:
    told = Told(tmp_path, URL)
    told.applied.fault = CasesUnavailable("gone")
    fate = await told.deliver("all")
    assert fate == Fate(Result.PUT_OFF, "gone", is_target_away=True)
    told.applied.fault = None
    assert await told.deliver("all") == Fate(Result.DELIVERED)


async def test_a_file_gets_a_line_for_each_notice(tmp_path: Path) -> None:
    told = Told(tmp_path, URL)
    assert await told.deliver("all", 3) == Fate(Result.DELIVERED)
    lines = file_of(tmp_path, "demo", "all").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["7-1-0", "7-2-0", "7-3-0"]


async def test_a_file_that_cannot_be_written_waits_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "no folder").write_text("")
    fate = await Told(tmp_path / "no folder", URL).deliver("all")
    assert (fate.result, fate.is_target_away) == (Result.PUT_OFF, True)
    assert "no folder" in str(fate.fault)


async def test_a_webhook_gets_the_notices_of_an_account_one_after_the_other(
    tmp_path: Path,
) -> None:
    async with hooked() as program:
        told = Told(tmp_path, program.url)
        assert await told.deliver("crm", 3) == Fate(Result.DELIVERED)
        await told.webhooks.close()
    assert program.ids == ["7-1-0", "7-2-0", "7-3-0"]
    assert [head["webhook-id"] for head in program.heads] == program.ids


async def test_what_a_webhook_did_not_take_waits_with_all_behind_it(tmp_path: Path) -> None:
    async with hooked(OK, saying("500 Oh"), saying("429 Slow"), saying("410 Gone")) as program:
        told = Told(tmp_path, program.url)
        refused = Fate(Result.PUT_OFF, "it said 500 Oh", delivered=1)
        assert await told.deliver("crm", 3) == refused
        away = Fate(Result.PUT_OFF, "it said 429 Slow", is_target_away=True)
        assert await told.deliver("crm", 2) == away
        assert await told.deliver("crm", 2) == Fate(Result.GIVEN_UP, "it said 410 Gone")
        await told.webhooks.close()
    assert program.ids == ["7-1-0", "7-2-0", "7-1-0", "7-1-0"]


async def test_a_webhook_is_left_alone_for_as_long_as_it_wants(tmp_path: Path) -> None:
    async with hooked(saying("503 No", "Retry-After: 60")) as program:
        told = Told(tmp_path, program.url)
        for _ in range(3):
            fate = await told.deliver("crm")
            assert (fate.result, fate.is_target_away) == (Result.PUT_OFF, True)
        await told.webhooks.close()
    assert len(program.posted) == 1


@pytest.mark.parametrize(
    ("secrets", "is_delivered"),
    [
        ({("demo", "crm"): SECRET, (None, "crm"): "whsec_" + "B" * 32}, True),
        ({(None, "crm"): SECRET}, True),
        ({("other", "crm"): SECRET, (None, "other"): SECRET}, False),
    ],
)
async def test_a_webhook_without_a_secret_waits_and_says_what_is_missing(
    tmp_path: Path, secrets: Secrets, is_delivered: bool
) -> None:
    async with hooked() as program:
        told = Told(tmp_path, program.url, secrets)
        fate = await told.deliver("crm")
        await told.webhooks.close()
    assert len(program.posted) == is_delivered
    if not is_delivered:
        assert (fate.result, fate.is_target_away) == (Result.PUT_OFF, True)
        assert '[[webhooks]] table with name = "crm"' in str(fate.fault)


async def test_a_sink_that_is_no_more_gets_nothing(tmp_path: Path) -> None:
    told = Told(tmp_path, URL)
    expected = Fate(Result.GIVEN_UP, "the catalogue of demo has no sink gone any more")
    row = rows(offered(), "all")[0]._replace(target="demo/gone")
    assert await told.notices.deliver(claimed([row])) == expected
    for target in ("new/all", "nobody/all"):
        fate = await told.notices.deliver(claimed([row._replace(target=target)]))
        assert fate.result is Result.GIVEN_UP


def test_a_sink_counts_as_the_running_catalogue_has_it(tmp_path: Path) -> None:
    async def story() -> None:
        posted: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            posted.append(str(request.url))
            return httpx.Response(200, stream=httpx.ByteStream(b""))

        applied = Applied(offered())
        webhooks = Webhooks(transport=httpx.MockTransport(answer))
        notices = Notices(applied, webhooks, NoticeFiles(tmp_path), SECRETS)
        one = claimed(rows(offered(), "crm"))
        for _ in range(3):
            await notices.deliver(one)
        assert applied.asked == 1
        applied.catalogue = offered("http://new.example/in", 2)
        await asyncio.sleep(CATALOGUE_SECONDS)
        await notices.deliver(one)
        assert posted == [URL, URL, URL, "http://new.example/in"]

    play(story())


def test_a_slow_webhook_gets_what_fits_into_the_time_of_a_claim(tmp_path: Path) -> None:
    async def story() -> None:
        async def answer(request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(5)
            return httpx.Response(200, stream=httpx.ByteStream(b""))

        webhooks = Webhooks(transport=httpx.MockTransport(answer))
        notices = Notices(Applied(offered()), webhooks, NoticeFiles(tmp_path), SECRETS)
        fate = await notices.deliver(claimed(rows(offered(), "crm", 9)))
        posted = int(AT_IT_SECONDS / 5) + 1
        assert (fate.result, fate.delivered, fate.seconds) == (Result.PUT_OFF, posted, 0)

    play(story())


class Moody(httpx.AsyncBaseTransport):
    """A webhook that misbehaves for a while: what it says in turn, None for nothing at all."""

    def __init__(self, moods: Sequence[int | None]) -> None:
        self.moods = list(moods)
        self.heard: list[tuple[str, bytes]] = []
        self.taken: list[tuple[str, bytes]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.01)
        notice = request.headers["webhook-id"], request.content
        self.heard.append(notice)
        status = self.moods.pop(0) if self.moods else 204
        if status is None or status == 204 or status == 200:
            self.taken.append(notice)
        if status is None:  # it is taken, and nobody hears of it
            await asyncio.sleep(3600)
        return httpx.Response(status or 0, stream=httpx.ByteStream(b""))


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=20),
    st.lists(st.sampled_from([None, 200, 301, 404, 429, 500, 503]), max_size=8),
    st.booleans(),
)
def test_whatever_a_webhook_does_each_account_s_notices_come_in_order_and_none_is_lost(
    accounts: list[int], moods: list[int | None], has_two_servers: bool
) -> None:
    async def story() -> None:
        house, moody = House(), Moody(moods)
        caused: dict[int, list[str]] = {}
        for number, account in enumerate(accounts, 1):
            (row,) = rows(offered(), "crm", account=account)
            caused.setdefault(account, []).append(f"{account}-{number}")
            row = row._replace(
                group_id=GROUP,
                number=number,
                content={**row.content, "id": f"{account}-{number}"},
                created_at=house.now(),
                due_at=house.now(),
            )
            house.rows[row.key] = row
        webhooks = Webhooks(transport=moody)
        for server in ("one", "two")[: 1 + has_two_servers]:
            notices = Notices(Applied(offered()), webhooks, NoticeFiles(Path()), SECRETS)
            house.start(cast(Courier, notices), server=server)
        while house.rows:
            await asyncio.sleep(1)
        await house.stop()
        for account, ids in caused.items():
            came = [notice for notice in moody.taken if notice[0].split("-")[0] == str(account)]
            assert list(dict.fromkeys(name for name, _ in came)) == ids
        assert len(set(moody.taken)) == len(accounts), "what is doubled is the same"
        doubled = len(moody.taken) - len(accounts)
        assert doubled <= moods.count(None)

    play(story())
