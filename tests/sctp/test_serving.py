"""A server in the guest, and gateways that reach it over a network."""

from diameter_ocs.simulator.gateway import DEFAULT_STEPS, parse_steps
from tests.sctp.serving import Site
from tests.system.serving import GATEWAY
from tests.system.wire import subscriber


def test_a_gateway_of_another_host_is_served_over_tcp(site: Site) -> None:
    server = site.demonstration.server
    with site.network.right.entered(), server.connect(GATEWAY) as gateway:
        session = gateway.session(subscriber(1))
        for step in parse_steps(DEFAULT_STEPS):
            assert session.credit_control(step).result_code == 2001
    assert site.page("/readyz")[0] == 200
