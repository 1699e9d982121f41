"""A document with what a running server does not know is not applied."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.peers import RunningServer
from diameter_ocs.config import resource
from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.catalogue_keys import check_servers, known_keys
from diameter_ocs.handlers.refusals import Refusal
from tests.handlers.catalogue_text import GOOD
from tests.store.scenario import NOW

SERVER = RunningServer("a", "ocs1.example", NOW, NOW, (), (), (), known_keys())
NESTED = GOOD + "\nsettings: {tombstone_hours: 24}\n"


EXAMPLE = resource("deploy/catalogue.example.yaml").read_text()


def older(*unknown: str) -> RunningServer:
    keys = tuple(key for key in known_keys() if key not in unknown)
    return replace(SERVER, id="b", origin_host="ocs2.example", catalogue_keys=keys)


def test_what_all_servers_know_is_applied() -> None:
    check_servers(read_document(NESTED), [SERVER, SERVER])
    check_servers(read_document(NESTED), [])
    check_servers(read_document(EXAMPLE), [SERVER])


def test_what_the_document_does_not_say_may_be_unknown() -> None:
    check_servers(read_document(GOOD), [older("peers", "settings", "peers.host")])


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("settings", "settings"),
        ("settings.tombstone_hours", "settings.tombstone_hours"),
        ("services.price", r"plans\[0\]\.services\[1\]\.price"),
        ("price.tax", r"plans\[0\]\.services\[1\]\.price\.tax"),
        ("children.default_quota", r"rating_groups\[\d\]\.children\[0\]\.default_quota"),
    ],
)
def test_the_refusal_says_which_server_and_what_it_does_not_know(key: str, place: str) -> None:
    assert key in known_keys()
    with pytest.raises(Refusal, match=rf"ocs2\.example .*know.* {place}(,|:)") as refused:
        check_servers(read_document(NESTED), [SERVER, older(key)])
    assert refused.value.code == "server_outdated"
