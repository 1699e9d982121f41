"""What a change has leave reaches gateways and policy servers, each after its own answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from diameter_ocs.base.message import Message
from diameter_ocs.charging.delivery import EXPIRY_SECONDS, OutboxAsked
from diameter_ocs.charging.outbox import OutboxKind
from diameter_ocs.handlers.accounts import suspend_account
from diameter_ocs.handlers.balances import Terms, new_balance
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.outbox import retry
from diameter_ocs.jobs.clocks import MovedClock
from diameter_ocs.jobs.delivery import Bell
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.memory_outbox import MemoryOutbox
from diameter_ocs.transport.peer_rules import PeerRule
from tests.base.wire import (
    AUTH_APPLICATION_ID,
    DESTINATION_REALM,
    ORIGIN_HOST,
    ORIGIN_REALM,
    SERVICE_CONTEXT_ID,
    avp,
    cer,
    message,
    number,
)
from tests.in_process import Gateway, Server, deliverer
from tests.store.policing import furnish_counted
from tests.store.scenario import NOW, ORDER, credited, imsi, memory_faults
from tests.sy.wire import INTERMEDIATE, SUBSCRIPTION, slr, str_

SUBSCRIBER = avp(443, avp(450, number(1)) + avp(444, imsi(1).value.encode()))
PCRF, PGW, RELAY = "pcrf.example", "pgw.example", "relay.example"
SESSION = b"pgw;1;\xff/%"
ODD = avp(263, b"pcrf;%;/\xff \x00")
SNR, RAR, ASR = 8388636, 258, 274
SUCCESS, LIMITED_SUCCESS, UNSUPPORTED, TOO_BUSY, UNKNOWN = 2001, 2002, 3001, 3004, 5002
ANSWER = 0x40
T_BIT = 0x10
INITIAL_REQUEST, UPDATE_REQUEST, TERMINATION_REQUEST = 1, 2, 3
DAY = 86_400_000_000
SECONDS = 20
"""How long anything is waited for."""
RULES = [PeerRule(host=host, is_loopback_only=True) for host in (PCRF, PGW, RELAY)]


class House:
    """A server whose clock is moved by hand, with who delivers for it."""

    def __init__(self, store: MemoryStore, clock: MovedClock | None = None) -> None:
        self.now = NOW
        self.store = store
        self.server = Server(store, RULES, clock or (lambda: self.now))
        self.outbox = MemoryOutbox(store)
        self.bell = Bell()
        store.on_leaving = self.bell.committed
        self.deliverer = deliverer(self.server, self.outbox, self.bell)

    def pass_time(self, seconds: float) -> None:
        self.now += int(seconds * 1e6)
        self.bell.ring()

    async def quiet(self) -> None:
        """Wait until nothing is to leave any more."""
        async with asyncio.timeout(SECONDS):
            while self.waiting():
                await asyncio.sleep(0.005)

    def waiting(self) -> list[str | None]:
        """Return why what waits has not left."""
        return [row.fault for row in self.store.outbox.values() if row.given_up_at is None]

    async def put_off(self) -> None:
        """Wait until all that waits has been tried."""
        async with asyncio.timeout(SECONDS):
            while not self.waiting() or None in self.waiting():
                await asyncio.sleep(0.005)

    def counted(self, kind: str, result: str) -> float:
        return self.server.counted("ocs_deliveries_total", kind=kind, result=result) or 0


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with opened() as house:
        yield house


@asynccontextmanager
async def opened(clock: MovedClock | None = None) -> AsyncIterator[House]:
    store = MemoryStore(read_stored)
    await furnish_counted(store)
    house = House(store, clock)
    async with house.server.serving():
        delivering = asyncio.create_task(house.deliverer.run())
        yield house
        delivering.cancel()
        await asyncio.wait([delivering])
    assert memory_faults(store) == []


async def heard(peer: Gateway) -> Message:
    async with asyncio.timeout(SECONDS):
        return await peer.read()


async def hears_nothing(peer: Gateway, seconds: float = 0.15) -> bool:
    """Listen for a moment, in which everything else is done long since."""
    try:
        async with asyncio.timeout(seconds):
            await peer.reader.readexactly(1)
    except TimeoutError:
        return True
    return False


def say(peer: Gateway, request: Message, code: int, host: str) -> None:
    """Answer a request of the server."""
    own = request.octets[4:8]
    octets = message(
        int.from_bytes(own[1:]),
        avp(263, request.data(request.group.avp("Session-Id"))),
        avp(268, number(code)),
        avp(264, host.encode()),
        ORIGIN_REALM,
        application=int.from_bytes(request.octets[8:12]),
        flags=ANSWER,
        hop_by_hop=request.hop_by_hop,
        end_to_end=request.end_to_end,
    )
    peer.writer.write(octets)


def statuses(notification: Message) -> dict[str, str]:
    assert notification.command_code == SNR
    return {
        each.first("Policy-Counter-Identifier"): each.first("Policy-Counter-Status")
        for each in notification.group.all("Policy-Counter-Status-Report")
    }


async def subscribed(house: House) -> Gateway:
    pcrf = await house.server.connect(PCRF)
    answer = await pcrf.ask(slr(SUBSCRIBER, without=SUBSCRIPTION, session_id=ODD))
    assert answer.group.first("Result-Code") == SUCCESS
    return pcrf


async def asked(
    pgw: Gateway, kind: int, request_number: int, used: int | None = None, wanted: bool = True
) -> Message:
    """Send a CCR for data and return its answer."""
    return await pgw.ask(ccr(kind, request_number, used, wanted))


def ccr(kind: int, request_number: int, used: int | None = None, wanted: bool = True) -> bytes:
    service = avp(432, number(300)) + (avp(437, b"") if wanted else b"")
    if used is not None:
        service += avp(446, avp(421, bytes(4) + number(used)))
    return message(
        272,
        avp(263, SESSION),
        avp(264, PGW.encode()),
        ORIGIN_REALM,
        DESTINATION_REALM,
        AUTH_APPLICATION_ID,
        SERVICE_CONTEXT_ID,
        avp(416, number(kind)),
        avp(415, number(request_number)),
        SUBSCRIBER,
        avp(455, number(1)),
        avp(456, service),
        end_to_end=1000 + request_number,
    )


async def drained(pgw: Gateway) -> None:
    """Use all that account 1 has, so that its session is refused more."""
    await asked(pgw, INITIAL_REQUEST, 0)
    await asked(pgw, UPDATE_REQUEST, 1, used=1000)


async def test_a_policy_server_hears_of_a_counter_that_turns(house: House) -> None:
    pcrf, pgw = await subscribed(house), await house.server.connect(PGW)
    await asked(pgw, INITIAL_REQUEST, 0)
    await asked(pgw, UPDATE_REQUEST, 1, used=950)
    told = await heard(pcrf)
    assert statuses(told) == {"data left": "low"}
    assert told.data(told.group.avp("Session-Id")) == b"pcrf;%;/\xff \x00"
    assert told.group.first("Destination-Host") == PCRF
    assert not told.flags & T_BIT
    say(pcrf, told, SUCCESS, PCRF)
    await house.quiet()
    assert house.counted("spending_limit", "delivered") == 1


async def test_what_was_not_taken_is_told_again_with_what_is_new(house: House) -> None:
    pcrf = await subscribed(house)
    await credited(house.store, 1, -950)
    first = await heard(pcrf)
    say(pcrf, first, TOO_BUSY, PCRF)
    await house.put_off()
    await credited(house.store, 1, -50)
    house.pass_time(10)
    second = await heard(pcrf)
    assert statuses(second) == {"data left": "gone"}
    assert second.end_to_end != first.end_to_end
    assert not second.flags & T_BIT
    say(pcrf, second, SUCCESS, PCRF)
    await house.quiet()


async def test_what_may_have_arrived_is_told_again_as_such(house: House) -> None:
    pcrf = await subscribed(house)
    await credited(house.store, 1, -950)
    first = await heard(pcrf)
    pcrf.writer.transport.abort()
    await house.put_off()
    house.pass_time(10)
    pcrf = await house.server.connect(PCRF)
    second = await heard(pcrf)
    assert (second.end_to_end, statuses(second)) == (first.end_to_end, statuses(first))
    assert second.flags & T_BIT
    say(pcrf, second, SUCCESS, PCRF)
    await house.quiet()


async def test_what_has_turned_back_is_not_told(house: House) -> None:
    pcrf = await subscribed(house)
    await credited(house.store, 1, -950)
    told = await heard(pcrf)
    await credited(house.store, 1, 950)
    await credited(house.store, 1, -950)
    say(pcrf, told, SUCCESS, PCRF)
    await house.quiet()
    assert house.counted("spending_limit", "dropped") == 1
    assert await hears_nothing(pcrf)


async def test_what_has_turned_back_is_told_where_an_attempt_came_before(house: House) -> None:
    pcrf = await subscribed(house)
    await credited(house.store, 1, -950)
    say(pcrf, await heard(pcrf), TOO_BUSY, PCRF)
    await house.put_off()
    await credited(house.store, 1, 950)
    house.pass_time(10)
    again = await heard(pcrf)
    (report,) = again.group.all("Policy-Counter-Status-Report")
    assert report.first("Policy-Counter-Status") == "normal"
    say(pcrf, again, SUCCESS, PCRF)
    await house.quiet()


async def test_what_is_pending_is_told_by_the_time_of_the_world() -> None:
    clock = MovedClock(10 * DAY)
    async with opened(clock) as house:
        pcrf = await subscribed(house)
        ends = clock() + DAY
        order = ORDER._replace(at=clock())
        await credited(house.store, 1, -950, order=order)
        say(pcrf, await heard(pcrf), SUCCESS, PCRF)
        terms = Terms("500", valid_until=ends, balance_type="octets")
        await new_balance(house.store, "demo", ("account 1", terms), order)
        told = await heard(pcrf)
        say(pcrf, told, SUCCESS, PCRF)
        answer = await pcrf.ask(slr(kind=INTERMEDIATE, session_id=ODD))
        for each in (told, answer):
            (report,) = each.group.all("Policy-Counter-Status-Report")
            (pending,) = report.all("Pending-Policy-Counter-Information")
            assert pending.first("Policy-Counter-Status") == "low"
            at = pending.first("Pending-Policy-Counter-Change-Time")
            assert at == -(-(ends - clock.ahead) // 1_000_000)
        await house.quiet()


async def test_what_is_tried_again_long_after_says_how_it_is_now(house: House) -> None:
    pcrf = await subscribed(house)
    await credited(house.store, 1, -950)
    say(pcrf, await heard(pcrf), TOO_BUSY, PCRF)
    await house.put_off()
    house.pass_time(EXPIRY_SECONDS[OutboxKind.SPENDING_LIMIT])
    say(pcrf, await heard(pcrf), TOO_BUSY, PCRF)
    await house.quiet()
    order = ORDER._replace(at=house.now)
    await credited(house.store, 1, 950, order=order)
    say(pcrf, await heard(pcrf), SUCCESS, PCRF)
    await house.quiet()
    await retry(house.store, OutboxAsked(None, is_given_up=True), order)
    house.bell.ring()
    await house.put_off()
    house.pass_time(1)
    told = await heard(pcrf)
    assert statuses(told) == {"data left": "normal"}
    say(pcrf, told, SUCCESS, PCRF)
    await house.quiet()
    assert not house.store.outbox


async def test_what_may_have_been_told_is_taken_back(house: House) -> None:
    pcrf = await subscribed(house)
    await credited(house.store, 1, -950)
    assert statuses(await heard(pcrf)) == {"data left": "low"}
    pcrf.writer.transport.abort()
    await house.put_off()
    await credited(house.store, 1, 950)
    house.pass_time(10)
    pcrf = await house.server.connect(PCRF)
    told = await heard(pcrf)
    assert (statuses(told), told.flags & T_BIT) == ({"data left": "normal"}, 0)
    say(pcrf, told, SUCCESS, PCRF)
    await house.quiet()


async def test_a_policy_server_that_asks_anew_is_not_told_what_it_was_answered(
    house: House,
) -> None:
    pcrf = await subscribed(house)
    pcrf.writer.transport.abort()
    await credited(house.store, 1, -950)
    pcrf = await house.server.connect(PCRF)
    told = await heard(pcrf)
    say(pcrf, told, TOO_BUSY, PCRF)
    await house.put_off()
    answer = await pcrf.ask(slr(kind=INTERMEDIATE, session_id=ODD))
    assert answer.group.first("Result-Code") == SUCCESS
    house.pass_time(10)
    await house.quiet()
    assert house.counted("spending_limit", "dropped") == 1
    assert await hears_nothing(pcrf)


async def test_a_subscription_that_its_policy_server_does_not_know_ends(house: House) -> None:
    pcrf = await subscribed(house)
    await credited(house.store, 1, -950)
    say(pcrf, await heard(pcrf), UNKNOWN, PCRF)
    await house.put_off()
    (group,) = {row.group_id for row in house.store.outbox.values()}
    assert house.store.groups[group].spending_limits, "it was answered just now"
    house.pass_time(11)
    say(pcrf, await heard(pcrf), UNKNOWN, PCRF)
    await house.quiet()
    async with asyncio.timeout(SECONDS):
        while house.store.groups[group].spending_limits:
            await asyncio.sleep(0.005)
    answer = await pcrf.ask(str_(session_id=ODD))
    assert answer.group.first("Result-Code") == UNKNOWN


async def test_a_policy_server_behind_a_relay_is_told_by_it(house: House) -> None:
    await subscribed(house)
    relay = await house.server.open()
    own = avp(264, RELAY.encode()), avp(258, number(0xFFFFFFFF))
    await relay.ask(cer(*own, without=ORIGIN_HOST))
    house.server.writers[0].transport.abort()
    await asyncio.sleep(0.05)
    await credited(house.store, 1, -950)
    told = await heard(relay)
    assert told.group.first("Destination-Host") == PCRF
    say(relay, told, SUCCESS, PCRF)
    await house.quiet()


async def test_who_is_on_the_way_does_not_know_whether_a_subscription_has_ended(
    house: House,
) -> None:
    await subscribed(house)
    relay = await house.server.open()
    own = avp(264, RELAY.encode()), avp(258, number(0xFFFFFFFF))
    await relay.ask(cer(*own, without=ORIGIN_HOST))
    house.server.writers[0].transport.abort()
    house.pass_time(11)
    await credited(house.store, 1, -950)
    say(relay, await heard(relay), UNKNOWN, RELAY)
    await house.put_off()
    (row,) = house.store.outbox.values()
    assert house.store.groups[row.group_id].spending_limits


async def test_a_gateway_that_was_refused_hears_of_money(house: House) -> None:
    pgw = await house.server.connect(PGW)
    await drained(pgw)
    await credited(house.store, 1, 500)
    call = await heard(pgw)
    assert (call.command_code, call.group.first("Re-Auth-Request-Type")) == (RAR, 0)
    assert call.data(call.group.avp("Session-Id")) == SESSION
    say(pgw, call, LIMITED_SUCCESS, PGW)
    await house.quiet()
    assert house.counted("reauthorization", "delivered") == 1


async def test_what_another_peer_took_for_itself_still_waits_for_whom_it_is_for(
    house: House,
) -> None:
    other = await house.server.connect(PCRF)
    pgw = await house.server.connect(PGW)
    await drained(pgw)
    pgw.writer.transport.abort()
    await asyncio.sleep(0.05)
    await credited(house.store, 1, 500)
    say(other, await heard(other), SUCCESS, PCRF)
    await house.put_off()
    house.pass_time(2)
    assert await hears_nothing(other), "it passes nothing on"
    pgw = await house.server.connect(PGW)
    say(pgw, await heard(pgw), SUCCESS, PGW)
    await house.quiet()


async def test_a_gateway_is_not_called_before_its_answer_is_written(house: House) -> None:
    pgw = await house.server.connect(PGW)
    await drained(pgw)
    groups = set(house.store.groups)
    pgw.writer.write(ccr(UPDATE_REQUEST, 2, wanted=True))
    house.store.locked |= groups
    await asyncio.sleep(0.05)
    house.store.locked -= groups
    await credited(house.store, 1, 500)
    first, second = await heard(pgw), await heard(pgw)
    assert [first.command_code, second.command_code] == [272, RAR]


async def test_a_session_that_its_gateway_does_not_know_is_closed_after_a_while(
    house: House,
) -> None:
    pgw = await house.server.connect(PGW)
    await drained(pgw)
    await credited(house.store, 1, 500)
    say(pgw, await heard(pgw), UNKNOWN, PGW)
    await house.put_off()
    group = next(group for group in house.store.groups.values() if group.sessions)
    house.pass_time(9)
    assert await hears_nothing(pgw)
    assert group.sessions
    house.pass_time(2)
    await house.quiet()
    assert not group.sessions
    assert group.edrs[-1].reason == "unknown_to_gateway"


async def test_a_session_that_goes_on_is_not_closed(house: House) -> None:
    pgw = await house.server.connect(PGW)
    await drained(pgw)
    await credited(house.store, 1, 500)
    say(pgw, await heard(pgw), UNKNOWN, PGW)
    await house.put_off()
    house.pass_time(5)
    await asked(pgw, UPDATE_REQUEST, 2)
    house.pass_time(6)
    await house.quiet()
    assert any(group.sessions for group in house.store.groups.values())
    assert house.counted("reauthorization", "dropped") == 1


async def test_a_gateway_hears_that_a_session_has_ended(house: House) -> None:
    pgw = await house.server.connect(PGW)
    await asked(pgw, INITIAL_REQUEST, 0)
    await suspend_account(house.store, "demo", "account 1", ORDER)
    end = await heard(pgw)
    assert (end.command_code, end.data(end.group.avp("Session-Id"))) == (ASR, SESSION)
    say(pgw, end, SUCCESS, PGW)
    await house.quiet()


async def test_a_gateway_that_knows_no_such_request_is_called_instead(house: House) -> None:
    pgw = await house.server.connect(PGW)
    await asked(pgw, INITIAL_REQUEST, 0)
    await suspend_account(house.store, "demo", "account 1", ORDER)
    end = await heard(pgw)
    say(pgw, end, UNSUPPORTED, PGW)
    call = await heard(pgw)
    assert call.command_code == RAR
    assert call.end_to_end != end.end_to_end
    say(pgw, call, SUCCESS, PGW)
    await house.quiet()
    assert house.counted("abort", "delivered") == 1
    answer = await asked(pgw, UPDATE_REQUEST, 1)
    (service,) = answer.group.all("Multiple-Services-Credit-Control")
    assert service.first("Result-Code") == 4010


async def test_a_gateway_that_never_takes_calls_is_left_alone(house: House) -> None:
    pgw = await house.server.connect(PGW)
    await drained(pgw)
    await credited(house.store, 1, 500)
    say(pgw, await heard(pgw), UNSUPPORTED, PGW)
    await house.quiet()
    assert house.counted("reauthorization", "dropped") == 1
    answer = await asked(pgw, UPDATE_REQUEST, 2)
    assert answer.group.first("Result-Code") == SUCCESS


async def test_what_is_refused_for_good_is_kept_for_operators(house: House) -> None:
    pgw = await house.server.connect(PGW)
    await drained(pgw)
    await credited(house.store, 1, 500)
    say(pgw, await heard(pgw), 5004, PGW)
    await house.quiet()
    (row,) = house.store.outbox.values()
    assert (row.kind, row.fault) == (OutboxKind.REAUTHORIZATION, "its gateway said 5004")


async def test_a_call_that_was_not_delivered_comes_again_for_an_hour(house: House) -> None:
    pgw = await house.server.connect(PGW)
    await drained(pgw)
    await credited(house.store, 1, 500)
    say(pgw, await heard(pgw), 3002, PGW)
    await house.put_off()
    house.pass_time(EXPIRY_SECONDS[OutboxKind.REAUTHORIZATION])
    say(pgw, await heard(pgw), 3002, PGW)
    await house.quiet()
    (row,) = house.store.outbox.values()
    assert row.given_up_at is not None
    assert any(group.sessions for group in house.store.groups.values()), "it goes on"
