"""SIP and tel URIs taken apart."""

import pytest

from diameter_ocs.charging.uris import Uri, uri_of

CASES = [
    ("tel:+49-171-0000001", Uri("tel", "+49-171-0000001", "")),
    ("TEL:110;phone-context=+49", Uri("tel", "110", "phone-context=+49")),
    ("sip:alice@Example.com", Uri("sip", "alice", "", "example.com")),
    (
        "sip:+491710000001;npdi;rn=+49999@ims.example:5060;User=Phone?subject=x",
        Uri("sip", "+491710000001", "npdi;rn=+49999", "ims.example", "user=phone"),
    ),
    ("sips:alice:secret@[2001:DB8::1]:5061", Uri("sips", "alice", "", "[2001:db8::1]")),
    ('"Alice" <sip:%61lice@example.com>;tag=1', Uri("sip", "alice", "", "example.com")),
    ("sip:example.com", Uri("sip", "", "", "example.com")),
    ("alice@example.com", Uri("sip", "alice", "", "example.com")),
    ("+491710000001", Uri("tel", "+491710000001", "")),
    ("", Uri("tel", "", "")),
]


@pytest.mark.parametrize(("text", "uri"), CASES)
def test_uri_has_parts(text: str, uri: Uri) -> None:
    assert uri_of(text) == uri


@pytest.mark.parametrize(
    ("text", "is_telephone", "is_local"),
    [
        ("tel:+491710000001", True, False),
        ("tel:110;phone-context=+49", True, True),
        ("tel:+491710000001;phone-context=+49", True, False),
        ("sip:+491710000001@a.example", True, False),
        ("sip:110;phone-context=a.example@a.example;user=phone", True, True),
        ("sip:110@a.example", False, False),
        ("sip:alice@a.example", False, False),
    ],
)
def test_telephones_are_told_from_names(text: str, is_telephone: bool, is_local: bool) -> None:
    uri = uri_of(text)
    assert (uri.is_telephone, uri.is_local) == (is_telephone, is_local)
