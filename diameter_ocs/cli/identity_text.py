"""Identities as people write them: KIND:VALUE, or a SIP URI."""

import re
from collections.abc import Iterable

from ..charging.identities import nai, sip_uri
from ..charging.requests import Identity, IdentityKind
from ..handlers.answers import KINDS
from ..handlers.refusals import Refusal

IDENTITY_FORMS = "imsi:DIGITS, msisdn:DIGITS, sip:URI, nai:NAME or private:NAME"
"""How they are written, for whoever asks for help."""

PATTERNS = {
    IdentityKind.IMSI: r"[0-9]{6,15}",
    IdentityKind.MSISDN: r"[0-9]{3,15}",
    IdentityKind.SIP_URI: r"sips?:[^\s]{1,250}",
    IdentityKind.NAI: r"[^\s]{1,250}",
    IdentityKind.PRIVATE: r"[^\s]{1,250}",
}


def parse_identities(texts: Iterable[str]) -> tuple[Identity, ...]:
    """Reads identities; they come in the order in which they are believed, each once."""
    return tuple(sorted({parse_identity(text) for text in texts}))


def parse_identity(text: str) -> Identity:
    """Reads an identity written as KIND:VALUE."""
    kind, _, value = text.partition(":")
    if kind == "sip":
        value = text
    if kind not in KINDS:
        raise Refusal("invalid_identity", f"{text!r}: write KIND:VALUE, KIND is {', '.join(KINDS)}")
    number = KINDS[kind]
    value = value.removeprefix("+") if number is IdentityKind.MSISDN else value
    if not re.fullmatch(PATTERNS[number], value):
        raise Refusal("invalid_identity", f"{text!r} is no {kind}")
    as_gateways_say = {IdentityKind.NAI: nai, IdentityKind.SIP_URI: sip_uri}.get(number)
    return as_gateways_say(value)[0] if as_gateways_say else Identity(number, value)
