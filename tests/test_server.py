"""A request goes from its connection to the lanes and back, without a database."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from diameter_ocs.base.capabilities import PeerAccepted
from diameter_ocs.base.message import decode
from diameter_ocs.charging.accounts import NewAccount
from diameter_ocs.charging.peers import AcceptedPeer, NamedProfile
from diameter_ocs.charging.requests import Identity, IdentityKind
from diameter_ocs.config import Configuration
from diameter_ocs.gy.decode import Decoder
from diameter_ocs.gy.terms import (
    AS_USUAL,
    AnswerTerms,
    DebitingFailureHandling,
    FailureHandling,
)
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.commands import Order
from diameter_ocs.handlers.provisioning import apply_catalogue, create_accounts
from diameter_ocs.handlers.restarts import Restarts
from diameter_ocs.handlers.supervision import Supervision
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.handlers.unclaimed import Unclaimed
from diameter_ocs.jobs.clocks import MovedClock
from diameter_ocs.observability import create_metrics
from diameter_ocs.server.gate import Gate, answer_terms, described, rules
from diameter_ocs.server.moved import MovedDecoder
from diameter_ocs.server.readiness import Readiness
from diameter_ocs.server.restarts import HOST_LENGTH_MAX, closing_profiles, hearing
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.memory_gateways import MemoryGateways
from diameter_ocs.transport.association import Wire
from diameter_ocs.transport.peer_rules import PeerRule
from tests.base.wire import (
    AUTH_APPLICATION_ID,
    CC_REQUEST_NUMBER,
    CC_REQUEST_TYPE,
    DESTINATION_REALM,
    ORIGIN_REALM,
    SERVICE_CONTEXT_ID,
    avp,
    message,
    number,
)
from tests.in_process import DICTIONARY, NUMBERING, Gateway, Server
from tests.store.scenario import NOW, furnish, memory_faults

SUCCESS, USER_UNKNOWN, TOO_BUSY = 2001, 5030, 3004
DAY = 86_400_000_000
READINGS = 6
"""Requests alike, until everything of them that is remembered is."""
RULES = [
    PeerRule(host="one.example", tenant="one", is_loopback_only=True),
    PeerRule(host="two.example", tenant="two", is_loopback_only=True),
    PeerRule(host="relay*", is_loopback_only=True),
]


def opening(host: str, session: int, *others: bytes) -> bytes:
    imsi = avp(450, number(1)) + avp(444, b"001010000000001")
    return message(
        272,
        avp(263, b"%s;%06d" % (host.encode(), session)),
        avp(264, host.encode()),
        ORIGIN_REALM,
        DESTINATION_REALM,
        AUTH_APPLICATION_ID,
        SERVICE_CONTEXT_ID,
        CC_REQUEST_TYPE,
        CC_REQUEST_NUMBER,
        avp(55, number(NOW // 1_000_000 + 2_208_988_800)),
        avp(443, imsi),
        avp(455, number(1)),
        avp(456, avp(432, number(300)) + avp(437, b"")),
        *others,
        hop_by_hop=session,
        end_to_end=session,
    )


async def opened(gateway: Gateway, host: str, session: int) -> int:
    """Open a session of the first subscriber; return the Result-Code."""
    answer = await gateway.ask(opening(host, session))
    assert (answer.hop_by_hop, answer.end_to_end) == (session, session)
    code: int = answer.group.first("Result-Code")
    return code


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(read_stored)


@pytest.fixture
async def server(store: MemoryStore) -> AsyncIterator[Server]:
    async with Server(store, RULES).serving() as server:
        yield server


def test_a_server_that_stops_is_not_ready_again() -> None:
    readiness = Readiness()
    assert readiness.unready() == "starting"
    readiness.found(None)
    assert readiness.unready() is None
    readiness.found("the database does not answer")
    assert readiness.unready() == "the database does not answer"
    readiness.stop()
    readiness.found(None)
    assert readiness.unready() == "stopping"


def test_the_log_says_when_readiness_changed() -> None:
    readiness = Readiness()
    with capture_logs() as events:
        for reason in (None, None, "it starts up", "it recovers", None):
            readiness.found(reason)
    assert [(event["event"], event.get("reason")) for event in events] == [
        ("server became ready", None),
        ("server became unready", "it starts up"),
        ("server became ready", None),
    ]


async def test_answers_that_are_alike_say_the_same_whatever_is_remembered(
    server: Server, store: MemoryStore
) -> None:
    await furnish(store, tenant="one")
    gateway = await server.connect("one.example")
    codes = [await opened(gateway, "one.example", session) for session in range(READINGS)]
    assert codes == [SUCCESS] * READINGS
    assert (
        server.counted("ocs_requests_total", request_type="initial", result_code=str(SUCCESS))
        == READINGS
    )


async def test_whose_a_request_is_is_remembered_for_each_gateway_alone(
    server: Server, store: MemoryStore
) -> None:
    await furnish(store, tenant="one")
    await furnish(store, numbers=(7,), tenant="two")
    relay = await server.connect("relay.example")
    for session in range(READINGS):
        assert await opened(relay, "one.example", session) == SUCCESS
        assert await opened(relay, "two.example", session) == USER_UNKNOWN


async def test_whose_a_connection_is_counts_where_an_origin_is_nobodys(
    server: Server, store: MemoryStore
) -> None:
    await furnish(store, tenant="one")
    await furnish(store, numbers=(7,), tenant="two")
    one, two = await server.connect("one.example"), await server.connect("two.example")
    for session in range(READINGS):
        assert await opened(one, "behind.example", session) == SUCCESS
        assert await opened(two, "behind.example", READINGS + session) == USER_UNKNOWN


def gate_of(server: Server, **settings: object) -> Gate:
    """Return the gate of a server with a configuration."""
    forget = server.door.forget_tenants
    return Gate(Configuration(**settings), server.peers, server.node, forget)


async def test_an_accepted_peer_comes_in_and_another_tenant_counts_at_once(
    server: Server, store: MemoryStore
) -> None:
    await furnish(store, tenant="one")
    gate = gate_of(server)
    gate.admit([AcceptedPeer("pgw.example", addresses=("127.0.0.0/8",), tenant="two")])
    gateway = await server.connect("pgw.example")
    assert await opened(gateway, "pgw.example", 1) == USER_UNKNOWN
    gate.admit([AcceptedPeer("pgw.example", tenant="one")])
    assert await opened(gateway, "pgw.example", 2) == SUCCESS
    (connected,) = gate.connected()
    assert (connected.host, connected.address) == ("pgw.example", "127.0.0.1")
    assert (connected.state, connected.requests, connected.refusals) == ("open", 2, 0)
    gate.admit([])
    assert (await gateway.read()).command_code == 282
    assert [peer.state for peer in gate.connected()] == ["closing"]


async def test_an_unknown_peer_is_listed_with_what_it_says_made_harmless(server: Server) -> None:
    gate = gate_of(server)
    await server.connect("\x1b[2J" + "x" * 300)
    (refused,) = gate.refused(NOW)
    assert refused.host == "?[2j" + "x" * 251
    assert (refused.realm, refused.reason, refused.address) == ("example", "unknown", "127.0.0.1")
    assert (refused.product_name, refused.application_ids) == ("gateway", (4,))
    assert (refused.first_at, refused.last_at, refused.times) == (NOW, NOW, 1)


PROFILES = {
    "careful": {
        "announcements": False,
        "location_triggers": False,
        "quota_thresholds": False,
        "quota_pools": True,
        "free_services": "4011",
        "final_unit_result_code": "4012",
        "qos_final_unit_indication": True,
        "session_failover": False,
        "credit_control_failure_handling": "CONTINUE",
        "direct_debiting_failure_handling": "CONTINUE",
        "cost_information": True,
        "remaining_balance": True,
        "low_balance_indication": True,
        "grant_unasked": True,
        "grant_at_start": True,
    },
    "usual": {},
}


def test_profiles_say_how_their_peers_are_answered() -> None:
    assert answer_terms(Configuration(profiles=PROFILES)) == {
        "careful": AnswerTerms(
            announcements=False,
            location_triggers=False,
            quota_thresholds=False,
            quota_pools=True,
            tells_free=True,
            refuses_at_end=True,
            qos_final_units=True,
            session_failover=False,
            failure_handling=FailureHandling.CONTINUE,
            debiting_failure_handling=DebitingFailureHandling.CONTINUE,
            cost_information=True,
            remaining_balance=True,
            low_balance_indication=True,
            grants_unasked=True,
            grants_at_start=True,
        ),
        "usual": AS_USUAL,
    }


GRATIS = """
tenant: gratis
currency: EUR
rating_groups: [{id: 300, name: Data, unit_type: volume}]
balance_types: [{name: money, unit_type: money}]
plans: [{name: free, services: [{name: data, rating_groups: [300], price: {amount: 0}}]}]
"""


async def test_each_peer_is_answered_by_its_profile(store: MemoryStore) -> None:
    order = Order("a test", at=NOW)
    await create_tenant(store, "gratis", order)
    await apply_catalogue(store, read_document(GRATIS), order)
    imsi = Identity(IdentityKind.IMSI, "001010000000001")
    await create_accounts(store, "gratis", [NewAccount("one", ("free",), (imsi,), 0)], order)
    asking = [
        PeerRule(host="one.example", terms=PeerAccepted(profile="careful"), is_loopback_only=True),
        PeerRule(is_loopback_only=True),
    ]
    answers = answer_terms(Configuration(profiles=PROFILES))
    async with Server(store, asking, answers=answers).serving() as server:
        told = {}
        for session, host in enumerate(("one.example", "two.example")):
            gateway = await server.connect(host)
            told[host] = (await gateway.ask(opening(host, session))).group
    (free,) = told["one.example"].all("Multiple-Services-Credit-Control")
    (granted,) = told["two.example"].all("Multiple-Services-Credit-Control")
    assert (free.first("Result-Code"), "Granted-Service-Unit" in free) == (4011, False)
    assert (granted.first("Result-Code"), "Granted-Service-Unit" in granted) == (SUCCESS, True)
    handling = [each.first("Credit-Control-Failure-Handling") for each in told.values()]
    assert handling == [FailureHandling.CONTINUE, FailureHandling.RETRY_AND_TERMINATE]
    assert memory_faults(store) == []


CONFIGURED = Configuration(
    peers=[{"host": "own*", "realm": "example"}, {"realm": "other", "profile": "careful"}],
    profiles={"careful": {"strict": True, "requests_in_flight_max": 5, "answer_budget_seconds": 1}},
)


def test_a_profile_that_a_tenant_names_is_for_its_own_peers_that_have_none() -> None:
    named = [NamedProfile("one", "own*", "careful"), NamedProfile("two", "*", "careful")]
    accepted = [AcceptedPeer("b", None, "two"), AcceptedPeer("c", None, "two", "careful"),
                AcceptedPeer("d")]  # fmt: skip
    careful = PeerAccepted(
        strict=True, requests_in_flight_max=5, answer_budget_seconds=1, profile="careful"
    )
    own = CONFIGURED.peers[0].model_copy(update={"tenant": "one"})
    configured = CONFIGURED.model_copy(update={"peers": (own, *CONFIGURED.peers[1:])})
    assert [(rule.host, rule.terms_of_hosts) for rule in rules(configured, accepted, named)] == [
        ("own*", (("own*", careful),)),
        (None, ()),
        ("b", (("*", careful),)),
        ("c", ()),
        ("d", ()),
    ]


def test_what_the_configuration_names_counts_before_what_was_accepted() -> None:
    accepted = [
        AcceptedPeer("own1", "example", "one"),
        AcceptedPeer("own1", "elsewhere", "one", "careful"),
        AcceptedPeer("any", None, None, "gone"),
    ]
    taken = rules(CONFIGURED, accepted)
    assert [(rule.host, rule.realm) for rule in taken] == [
        ("own*", "example"),
        (None, "other"),
        ("own1", "elsewhere"),
        ("any", None),
    ]
    careful = PeerAccepted(
        strict=True, requests_in_flight_max=5, answer_budget_seconds=1, profile="careful"
    )
    assert [rule.terms for rule in taken] == [PeerAccepted(), careful, careful, PeerAccepted()]


def test_the_configuration_says_over_what_peers_may_come_and_what_they_must_prove() -> None:
    peers = [
        {"host": "edge", "transports": ["tls", "sctp"], "certificate": "*.example"},
        {"realm": "other"},
    ]
    configured = Configuration.model_validate(
        {"origin_host": "ocs", "origin_realm": "example", "peers": peers}
    )
    assert [(rule.wires, rule.certificate) for rule in rules(configured, ())] == [
        ({Wire.TLS, Wire.SCTP}, "*.example"),
        (set(), None),
    ]
    told = described(configured, 0).configured
    assert [(each.wires, each.certificate) for each in told] == [
        (("tls", "sctp"), "*.example"),
        ((), None),
    ]


async def test_a_request_that_cannot_be_taken_is_told_so_with_its_ids(
    server: Server, store: MemoryStore
) -> None:
    await furnish(store, tenant="one")
    gateway = await server.connect("one.example")
    assert await opened(gateway, "one.example", 1) == SUCCESS
    assert server.running is not None
    server.running.cancel()
    await asyncio.wait([server.running])
    assert await opened(gateway, "one.example", 2) == TOO_BUSY


async def test_a_tenant_whose_catalogue_is_too_new_is_told_to_ask_another_server(
    server: Server, store: MemoryStore
) -> None:
    await furnish(store, tenant="one")
    async with store.commanding() as work:
        await work.add_catalogue("one", 2, '{"colour": "red"}', (NOW, "a newer program"))
    gateway = await server.connect("one.example")
    answer = await gateway.ask(opening("one.example", 1))
    assert answer.group.first("Result-Code") == TOO_BUSY
    assert "cannot read it: ask another one" in answer.group.first("Error-Message")


def origin_state(count: int) -> bytes:
    return avp(278, number(count))


@pytest.mark.parametrize(("profile", "closed"), [("counting", True), (None, False)])
async def test_a_restart_closes_what_was_lost_where_the_profile_says_so(
    store: MemoryStore, profile: str | None, closed: bool
) -> None:
    configuration = Configuration(profiles={"counting": {"closes_on_restart": True}, "other": {}})
    supervision = Supervision(store, Unclaimed(), lambda: NOW + 1, create_metrics())
    restarts = Restarts(MemoryGateways(store), supervision, lambda: NOW + 1)
    await furnish(store)
    rule = PeerRule(terms=PeerAccepted(profile=profile), is_loopback_only=True)
    profiles = closing_profiles(configuration)
    answers = answer_terms(configuration)
    async with Server(store, [rule], answers=answers).serving() as server:
        server.take = hearing(server.take, restarts, profiles)
        gateway = await server.connect("relay.example")
        for session, count in enumerate((7, 7, 8)):
            await gateway.ask(opening("pgw.example", session, origin_state(count)))
    assert (
        await left_of(restarts, store)
        == [b"pgw.example;%06d" % session for session in range(3)][2 * closed :]
    )


async def left_of(restarts: Restarts, store: MemoryStore) -> list[bytes]:
    """Close what gateways lost; return what is still open of the first group."""
    for work in restarts.works:
        while await work():
            pass
    (group, *_) = store.groups.values()
    return sorted(key.session_id for key in group.sessions)


@pytest.mark.parametrize(
    ("host", "closed"),
    [
        (b"pgw\0.example", True),
        (b"pgw\xff.example", True),
        (b"x" * HOST_LENGTH_MAX, True),
        (b"x" * (HOST_LENGTH_MAX + 1), False),
        (b"\xff" * (HOST_LENGTH_MAX // 2), False),
    ],
)
async def test_a_gateway_of_a_strange_name_restarts_by_the_name_that_its_sessions_have(
    store: MemoryStore, host: bytes, closed: bool
) -> None:
    supervision = Supervision(store, Unclaimed(), lambda: NOW + 1, create_metrics())
    restarts = Restarts(MemoryGateways(store), supervision, lambda: NOW + 1)
    await furnish(store)
    rule = PeerRule(terms=PeerAccepted(profile="counting"), is_loopback_only=True)
    async with Server(store, [rule], answers={"counting": AS_USUAL}).serving() as server:
        server.take = hearing(server.take, restarts, {"counting"})
        gateway = await server.connect("relay.example")
        for session, count in enumerate((7, 8)):
            octets = opening("pgw.example", session, origin_state(count))
            named = avp(264, host)
            octets = octets.replace(avp(264, b"pgw.example"), named)
            octets = octets[:1] + len(octets).to_bytes(3) + octets[4:]
            await gateway.ask(octets)
    assert len(await left_of(restarts, store)) == 2 - closed


@pytest.mark.parametrize(
    ("days", "said_at"), [(0, NOW), (1, NOW + DAY), (400, NOW + 400 * DAY), (-400, None)]
)
def test_gateways_go_by_the_time_of_the_world_where_the_clock_is_moved(
    days: int, said_at: int | None
) -> None:
    """The last one's clock is 400 days ahead of the world's: it is not believed."""
    clock = MovedClock(max(days, 0) * DAY)
    decoder = MovedDecoder(Decoder(DICTIONARY, NUMBERING, {}), clock)
    received_at = NOW + days * DAY
    request = decode(opening("one.example", 1), DICTIONARY)
    assert decoder.decode(request, None, received_at).request.event_at == said_at
