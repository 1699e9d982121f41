"""Bad input gets the answer that the table says, from octets to octets, and hurts nobody.

After each conversation the gateway is served as if nothing had been, the log knows of no fault of
the server's own, and the books are balanced.
"""

import asyncio
import contextlib
import io
import json
import random
from collections.abc import AsyncIterator, Collection, Iterator

import pytest
import structlog
from diameter.message import Message as OtherMessage

from diameter_ocs.base import tolerance as base
from diameter_ocs.base.capabilities import PeerAccepted
from diameter_ocs.base.codec import Group
from diameter_ocs.base.message import Message, decode
from diameter_ocs.charging.decisions import Edr
from diameter_ocs.gy import tolerance as gy
from diameter_ocs.gy.encode import ANSWER_OCTETS_MAX
from diameter_ocs.gy.usages import SERVICES_MAX
from diameter_ocs.handlers.catalogue import build, read_document, read_stored
from diameter_ocs.handlers.commands import Accounts
from diameter_ocs.handlers.provisioning import apply_catalogue
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.observability import configure_logging
from diameter_ocs.store.accounts import PostgresAccounts
from diameter_ocs.store.books import check_books
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.journal import EdrsAsked, list_edrs
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.work import PostgresStore
from diameter_ocs.transport.peer_rules import PeerRule
from tests.bad_input import (
    ALLOWANCE,
    ASKING,
    CASES,
    DATA,
    FORGIVEN,
    GATEWAY,
    GRANTED,
    GROUPS,
    QUOTA,
    STRICT_GATEWAY,
    TEXTS,
    VOICE,
    Answer,
    Caller,
    Conversation,
    Turn,
    again,
    service,
    total,
    used,
    wanted,
)
from tests.base.wire import ORIGIN_HOST, avp, cer, number
from tests.damage import damaged, distorted, some_request
from tests.in_process import DICTIONARY, Server
from tests.store.scenario import NOW, ORDER, Kept, memory_faults, open_accounts

RULES = [
    PeerRule(host=GATEWAY, is_loopback_only=True),
    PeerRule(host=STRICT_GATEWAY, is_loopback_only=True, terms=PeerAccepted(strict=True)),
]
OFFER = f"""
tenant: demo
currency: EUR
rating_groups:
  - id: {DATA}
    name: Data
    unit_type: volume
    default_quota: {QUOTA}
    children: [{", ".join(f"{{id: {each}, name: Data {each}}}" for each in GROUPS[1:])}]
  - {{id: {VOICE}, name: Voice, unit_type: time}}
  - {{id: {TEXTS}, name: Texts, unit_type: units}}
default_rating_groups: {{"32251": {DATA}}}
balance_types:
  - {{name: seconds, unit_type: time}}
  - {{name: texts, unit_type: units}}
  - {{name: octets, unit_type: volume}}
  - {{name: money, unit_type: money}}
plans:
  - name: plan
    services:
      - {{name: voice, rating_groups: [{VOICE}],
         allowance: {{balance_type: seconds, amount: {ALLOWANCE}}}}}
      - {{name: texts, rating_groups: [{TEXTS}],
         allowance: {{balance_type: texts, amount: {ALLOWANCE}}}}}
      - {{name: allowance, rating_groups: [{DATA}],
         allowance: {{balance_type: octets, amount: {ALLOWANCE}}}}}
"""
OFFERED = read_document(OFFER)
CATALOGUE = build(OFFERED, 1)
DAMAGED_REQUESTS = 300
UNABLE_TO_COMPLY = 5012
REFERENCE = 999
"""A subscriber that asks for what is usual after each conversation."""


def answer_of(read: Message) -> Answer:
    """Return what an answer says; it must be well formed, to another stack as well."""
    assert read.fault is None
    other = OtherMessage.from_bytes(read.octets)
    assert other.result_code == read.group.first("Result-Code")
    code = read.group.first("Result-Code")
    assert read.is_error == (3000 <= code < 4000)
    failed = read.group.avp("Failed-AVP")
    services = read.group.all("Multiple-Services-Credit-Control")
    return Answer(
        code, None if failed is None else read.data(failed), tuple(map(service_of, services))
    )


def session_id_of(octets: bytes) -> object:
    return decode(octets, DICTIONARY).group.first("Session-Id")


def service_of(group: Group) -> tuple[int | None, int, int]:
    granted = group.first("Granted-Service-Unit")
    units = [] if granted is None else [units_of(avp.value) for avp in granted.in_order()]
    return group.first("Rating-Group"), group.first("Result-Code"), sum(units)


def units_of(granted: int | Group) -> int:
    """Return units that are granted; of money its digits."""
    if isinstance(granted, int):
        return granted
    digits: int = granted.first("Unit-Value").first("Value-Digits")
    return digits


def without_avp(octets: bytes, avp: bytes) -> bytes:
    start = octets.index(avp)
    rest = octets[:start] + octets[start + len(avp) + -len(avp) % 4 :]
    return rest[:1] + len(rest).to_bytes(3) + rest[4:]


async def furnish(accounts: Accounts, subscribers: Collection[int]) -> None:
    await create_tenant(accounts, "demo", ORDER)
    await apply_catalogue(accounts, OFFERED, ORDER)
    await open_accounts(accounts, subscribers)


async def play(server: Server, conversation: Conversation, me: Caller) -> None:
    """Hold a conversation, then ask for what is usual, on a new connection if need be."""
    gateway = await server.connect(me.host)
    turns = conversation(me)
    for octets, answers, _ in turns:
        gateway.writer.write(octets)
        for expected in answers:
            read = await gateway.read()
            assert answer_of(read) == expected
            assert octets[12:20] == read.octets[12:20]
            assert session_id_of(read.octets) == session_id_of(octets)
    if turns and turns[-1].is_last:
        assert await gateway.is_ended()
        gateway = await server.connect(me.host)
    usual = Caller(REFERENCE, me.host)
    usual.identifier = me.identifier << 8
    name = avp(263, b"usual;%d" % me.subscriber)
    read = await gateway.ask(usual.initial(ASKING, instead=[name]))
    assert answer_of(read) == Answer(2001, None, (GRANTED,))
    read = await gateway.ask(usual.terminate(1, instead=[name]))
    assert answer_of(read) == Answer(2001)
    gateway.writer.close()
    await gateway.writer.wait_closed()


@pytest.fixture
def log() -> Iterator[None]:
    """Logs as a server does; no fault of the server's own may be among it."""
    before, stream = structlog.get_config(), io.StringIO()
    configure_logging("info", "json", stream)
    yield
    structlog.configure(**before)
    events = map(json.loads, stream.getvalue().splitlines())
    assert [event for event in events if event["level"] in ("error", "critical")] == []


@pytest.fixture
async def memory() -> AsyncIterator[Kept]:
    store = MemoryStore(lambda *_: CATALOGUE)
    yield Kept(store, store, None)
    assert memory_faults(store) == []


@pytest.fixture
async def postgres(database: str) -> AsyncIterator[Kept]:
    opened, catalogues = Database(database), Catalogues(read_stored)
    store, accounts = PostgresStore(opened, catalogues), PostgresAccounts(opened, catalogues)
    yield Kept(store, accounts, opened)
    books = await check_books(opened)
    await opened.close()
    assert books.are_balanced, books.faults


@pytest.fixture(params=["memory", "postgres"])
def kept(request: pytest.FixtureRequest) -> Kept:
    """Either store."""
    return request.getfixturevalue(request.param)


async def edrs_of_the_first(kept: Kept) -> list[Edr]:
    """Return the EDRs of the first group, by number."""
    if kept.database is None:
        assert isinstance(kept.store, MemoryStore)
        return next(iter(kept.store.groups.values())).edrs
    found = await list_edrs(kept.database, EdrsAsked(0, 2 * NOW), 1000)
    first = min(each.group_id for each in found)
    own = (each.edr for each in found if each.group_id == first)
    return sorted(own, key=lambda edr: edr.number)


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("name", CASES)
async def test_bad_input_gets_its_answer_and_hurts_nobody(name: str, memory: Kept) -> None:
    await furnish(memory.accounts, (1, REFERENCE))
    async with Server(memory.store, RULES).serving() as server:
        await play(server, CASES[name], Caller(1))


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("kind", FORGIVEN)
async def test_what_is_forgiven_is_the_error_of_the_standard_for_a_strict_peer(
    kind: base.Tolerated | gy.Tolerated, memory: Kept
) -> None:
    case = FORGIVEN[kind]
    await furnish(memory.accounts, (1, 2, REFERENCE))
    async with Server(memory.store, RULES).serving() as server:
        await play(server, lambda me: [Turn(case.request(me), (case.served,))], Caller(1))
        assert server.counted("ocs_tolerated_total", kind=kind) == 1
        strict = Caller(2, STRICT_GATEWAY)
        await play(server, lambda me: [Turn(case.request(me), (case.refused,))], strict)


@pytest.mark.usefixtures("log")
async def test_an_answer_above_its_limit_keeps_every_grant_and_every_code(memory: Kept) -> None:
    await furnish(memory.accounts, (1, REFERENCE))
    async with Server(memory.store, RULES).serving() as server:
        gateway = await server.connect(GATEWAY)
        asked = Caller(1).initial(*[service(group, wanted()) for group in GROUPS[:SERVICES_MAX]])
        for octets in (asked, again(asked)):
            read = await gateway.ask(octets)
            assert len(read.octets) > ANSWER_OCTETS_MAX
            services = answer_of(read).services
            assert [name for name, _, _ in services] == list(GROUPS[:SERVICES_MAX])
            told = sum(granted for _, _, granted in services)
            assert told == 32 * QUOTA == held(memory)


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("host", [GATEWAY, STRICT_GATEWAY])
@pytest.mark.parametrize(
    ("kept", "seed"),
    [
        ("memory", 1),
        *(pytest.param("memory", seed, marks=pytest.mark.ci) for seed in range(2, 10)),
        *(pytest.param("postgres", seed, marks=pytest.mark.ci) for seed in range(10, 14)),
    ],
    indirect=["kept"],
)
async def test_damaged_requests_are_answered_and_keep_the_books_balanced(
    host: str, seed: int, kept: Kept
) -> None:
    source = random.Random(seed)
    await furnish(kept.accounts, (1, 2, 3, REFERENCE))
    callers = [Caller(number, host) for number in (1, 2, 3)]
    async with Server(kept.store, RULES).serving() as server:
        gateway = await server.connect(host)
        for _ in range(DAMAGED_REQUESTS):
            octets = some_request(source, source.choice(callers))
            octets = source.choice((damaged, distorted, distorted, undamaged))(source, octets)
            read = await gateway.ask(octets)
            assert octets[12:20] == read.octets[12:20]
            assert answer_of(read).code != UNABLE_TO_COMPLY, octets.hex()
        gateway.writer.close()
        await gateway.writer.wait_closed()
        await play(server, lambda _: [], Caller(1, host))


def undamaged(_source: random.Random, octets: bytes) -> bytes:
    return octets


def held(memory: Kept) -> int:
    """Return what open sessions hold of all balances."""
    assert isinstance(memory.store, MemoryStore)
    groups = memory.store.groups.values()
    return sum(balance.reserved for group in groups for balance in group.balances.values())


@pytest.mark.usefixtures("log")
async def test_a_clock_that_is_set_back_moves_no_time_back_and_loses_no_charge(
    kept: Kept,
) -> None:
    now = [NOW]
    await furnish(kept.accounts, (1, REFERENCE))
    async with Server(kept.store, RULES, lambda: now[0]).serving() as server:
        me, gateway = Caller(1), await server.connect(GATEWAY)
        granted = Answer(2001, None, (GRANTED,))
        assert answer_of(await gateway.ask(me.initial(ASKING))) == granted
        update = service(DATA, wanted(), used(total(60)))
        for at, hours in enumerate((-1, -1_000, 2), 1):
            now[0] = NOW + hours * 3_600_000_000
            octets = me.update(at, update, instead=[avp(55, number(at))])
            assert answer_of(await gateway.ask(octets)) == granted
            assert answer_of(await gateway.ask(octets)) == granted
        now[0] = NOW
        assert answer_of(await gateway.ask(me.terminate(4))) == Answer(2001)
    edrs = await edrs_of_the_first(kept)
    times = [edr.at for edr in edrs]
    assert times == sorted(times)
    assert sum(posting.used for edr in edrs for posting in edr.postings) == 3 * 60


@pytest.mark.usefixtures("log")
async def test_a_message_of_a_million_avps_is_not_waited_for(memory: Kept) -> None:
    octets = Caller(1).initial(avp(9999, b"", flags=0) * 1_000_000)
    await furnish(memory.accounts, (1, REFERENCE))
    async with Server(memory.store, RULES).serving() as server:
        gateway = await server.connect(GATEWAY)
        gateway.writer.write(octets[: len(octets) // 2])
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            assert answer_of(await gateway.read()) == Answer(5015)
            assert await gateway.is_ended()
        await play(server, lambda _: [], Caller(1))


@pytest.mark.usefixtures("log")
async def test_a_message_that_breaks_off_is_not_answered_and_charges_nothing(memory: Kept) -> None:
    await furnish(memory.accounts, (1, REFERENCE))
    async with Server(memory.store, RULES).serving() as server:
        octets = Caller(1).initial(ASKING)
        for length in (1, 4, 19, 20, 21, len(octets) // 2, len(octets) - 1):
            gateway = await server.connect(GATEWAY)
            gateway.writer.write(octets[:length])
            gateway.writer.write_eof()
            assert await gateway.is_ended()
        assert held(memory) == 0
        await play(server, lambda me: [Turn(octets, (Answer(2001, None, (GRANTED,)),))], Caller(2))


def test_everything_that_is_tolerated_in_a_request_is_refused_to_somebody() -> None:
    others = {base.Tolerated.BASE_COMMAND_APPLICATION, base.Tolerated.HOST_IP_ADDRESS_MISSING}
    assert FORGIVEN.keys() | others == {*base.Tolerated, *gy.Tolerated}


@pytest.mark.usefixtures("log")
async def test_the_capabilities_of_a_strict_peer_are_held_to_the_letter() -> None:
    async with Server(MemoryStore(lambda *_: CATALOGUE), RULES).serving() as server:
        address = avp(257, b"\0\1\x7f\0\0\1")
        missing = avp(257, b"\0\1\0\0\0\0")
        strict = (STRICT_GATEWAY, 5005, missing)
        for host, code, failed in ((GATEWAY, 2001, None), strict, strict):
            gateway = await server.open()
            octets = cer(avp(264, host.encode()), without=ORIGIN_HOST)
            read = await gateway.ask(without_avp(octets, address))
            assert answer_of(read) == Answer(code, failed)
            assert code == 2001 or await gateway.is_ended()
        assert server.counted("ocs_peers_open") == 1


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("host", [b"gw\xff", b"gw\0", b"\x1b[31m\r\n", b"x" * 60_000, b""])
async def test_a_gateway_of_a_strange_name_is_served_or_told_that_it_is_unknown(
    host: bytes, memory: Kept
) -> None:
    capabilities = cer(avp(264, host), without=ORIGIN_HOST)
    await furnish(memory.accounts, (1,))
    async with Server(memory.store, RULES).serving() as server:
        gateway = await server.open()
        assert answer_of(await gateway.ask(capabilities)) == Answer(3010)
        assert await gateway.is_ended()
    async with Server(memory.store, [PeerRule(is_loopback_only=True)]).serving() as server:
        gateway = await server.open()
        assert answer_of(await gateway.ask(capabilities)) == Answer(2001)
        read = await gateway.ask(Caller(1).initial(ASKING, instead=[avp(264, host)]))
        assert answer_of(read) == Answer(2001, None, (GRANTED,))


@pytest.mark.usefixtures("log")
async def test_bad_input_gets_the_same_answers_where_it_is_stored(postgres: Kept) -> None:
    await furnish(postgres.accounts, (*range(1, len(CASES) + 1), REFERENCE))
    async with Server(postgres.store, RULES).serving() as server:
        for number, (name, conversation) in enumerate(CASES.items(), 1):
            try:
                await play(server, conversation, Caller(number))
            except AssertionError as error:
                raise AssertionError(name) from error
