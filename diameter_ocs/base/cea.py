"""What a CEA says to the CER of this node, told to people (RFC 6733 sections 5.3 and 7.1)."""

from .capabilities import LocalNode
from .message import Message
from .outgoing import SUCCESS
from .text import spelled_out

ERROR_MESSAGE_LENGTH_MAX = 200
"""Characters of a peer's Error-Message that are told on."""

_NAMES = {
    3004: "TOO_BUSY",
    3007: "APPLICATION_UNSUPPORTED",
    3008: "INVALID_HDR_BITS",
    3009: "INVALID_AVP_BITS",
    3010: "UNKNOWN_PEER",
    4003: "ELECTION_LOST",
    5001: "AVP_UNSUPPORTED",
    5004: "INVALID_AVP_VALUE",
    5005: "MISSING_AVP",
    5008: "AVP_NOT_ALLOWED",
    5009: "AVP_OCCURS_TOO_MANY_TIMES",
    5010: "NO_COMMON_APPLICATION",
    5011: "UNSUPPORTED_VERSION",
    5012: "UNABLE_TO_COMPLY",
    5014: "INVALID_AVP_LENGTH",
    5015: "INVALID_MESSAGE_LENGTH",
    5017: "NO_COMMON_SECURITY",
}


def refusal_told(message: Message, local: LocalNode) -> str | None:
    """Returns what a CEA that refuses says and means; None: it says success."""
    result_code = message.group.first("Result-Code")
    if result_code == SUCCESS:
        return None
    if result_code is None:
        return "its CEA has no Result-Code"
    told = f"its CEA says {result_code}"
    if result_code in _NAMES:
        told += f" DIAMETER_{_NAMES[result_code]}"
    if meaning := _meaning(result_code, local):
        told += f": {meaning}"
    if text := message.group.first("Error-Message"):
        told += f'; its Error-Message: "{quoted(text)}"'
    return told


def quoted(text: str) -> str:
    """Returns what a peer sent, fit to be told: short and printable."""
    if len(text) > ERROR_MESSAGE_LENGTH_MAX:
        text = text[:ERROR_MESSAGE_LENGTH_MAX] + "..."
    return spelled_out(text)


def _meaning(result_code: int, local: LocalNode) -> str | None:
    identity = local.identity
    match result_code:
        case 3010:
            return (
                f"it does not know this node's Origin-Host {identity.origin_host} "
                f"of {identity.origin_realm}, or not from this address"
            )
        case 4003:
            return "it keeps its own connection to this node"
        case 5010:
            ids = ", ".join(map(str, sorted(local.application_ids)))
            return f"it serves none of the applications of this node, {ids}"
        case 5017:
            return "it wants a security inside the connection that is not offered here"
    return None
