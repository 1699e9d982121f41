"""A request is taken when it names our realm and us, or neither."""

import pytest

from diameter_ocs.base.capabilities import LocalNode
from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.errors import RealmNotServed, UnableToDeliver
from diameter_ocs.base.message import Identity, decode
from diameter_ocs.base.routing import check_destination, destinations
from tests.base.wire import DESTINATION_REALM, avp, ccr


def local(dictionary: Dictionary, *, realms: str = "", aliases: str = "") -> LocalNode:
    return LocalNode(
        identity=Identity("OCS1.example", "ocs.Example"),
        host_ip_addresses=(),
        vendor_id=0,
        product_name="ocs",
        applications=(),
        dictionary=dictionary,
        served_realms=frozenset(realms.split()),
        host_aliases=frozenset(aliases.split()),
    )


OUR_HOST = avp(293, b"ocs1.EXAMPLE")
OTHER_HOST = avp(293, b"dra.example")
OTHER_REALM = avp(283, b"other.example")


@pytest.mark.parametrize(
    ("octets", "realms", "aliases"),
    [
        (ccr(), "", ""),
        (ccr(OUR_HOST), "", ""),
        (ccr(OTHER_HOST), "", "DRA.example"),
        (ccr(OTHER_HOST), "", "*"),
        (ccr(OTHER_REALM, without=DESTINATION_REALM), "Other.example", ""),
        (ccr(OTHER_REALM, without=DESTINATION_REALM), "*", ""),
        (ccr(without=DESTINATION_REALM), "", ""),
    ],
)
def test_a_request_for_us_is_taken(
    dictionary: Dictionary, octets: bytes, realms: str, aliases: str
) -> None:
    node = local(dictionary, realms=realms, aliases=aliases)
    check_destination(decode(octets, dictionary), destinations(node))


@pytest.mark.parametrize(
    ("octets", "error"),
    [
        (ccr(OTHER_REALM, without=DESTINATION_REALM), RealmNotServed),
        (ccr(OTHER_REALM, OTHER_HOST, without=DESTINATION_REALM), RealmNotServed),
        (ccr(OTHER_HOST), UnableToDeliver),
        (ccr(OUR_HOST, without=DESTINATION_REALM), UnableToDeliver),
    ],
)
def test_a_request_for_another_is_refused(
    dictionary: Dictionary, octets: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        check_destination(decode(octets, dictionary), destinations(local(dictionary)))
