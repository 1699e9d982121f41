"""libusrsctp as C knows it: what of its interface is used here, and loading it (RFC 6458)."""

import ctypes
import sys

LIBRARY = "libusrsctp.so.2"
PACKAGE = "libusrsctp2"
"""Debian's name of the package that has it."""

AF_CONN = 123
"""Addresses that are numbers of ours: packets come and go through this process."""
IPPROTO_SCTP = 132
SOL_SOCKET = 1
SO_ERROR = 4
SO_SNDBUF = 7
SO_RCVBUF = 8
SO_LINGER = 13
SOCK_STREAM = 1
SHUT_WR = 1

# Options; their numbers are FreeBSD's, not Linux's.
SCTP_RTOINFO = 1
SCTP_ASSOCINFO = 2
SCTP_INITMSG = 3
SCTP_NODELAY = 4
SCTP_PEER_ADDR_PARAMS = 10
SCTP_EVENT = 0x1E
SCTP_STATUS = 0x100

SPP_HB_ENABLE = 0x01
SPP_PMTUD_DISABLE = 0x10

MSG_EOR = 0x80
MSG_NOTIFICATION = 0x2000
SCTP_SENDV_SNDINFO = 1

SCTP_ASSOC_CHANGE = 1
SCTP_PEER_ADDR_CHANGE = 2
SCTP_SHUTDOWN_EVENT = 5

SCTP_COMM_UP = 1
SCTP_COMM_LOST = 2
SCTP_RESTART = 3
SCTP_SHUTDOWN_COMP = 4
SCTP_CANT_STR_ASSOC = 5

UNNEEDED = ("ecn", "auth", "asconf", "pr", "reconfig", "nrsack", "pktdrop")
"""Extensions that Diameter has no use for; what is off cannot be attacked."""

_STORAGE = ctypes.c_uint64 * 16
"""struct sockaddr_storage, which is aligned like its longest member."""


class SockaddrConn(ctypes.Structure):
    """struct sockaddr_conn, as all but the BSDs and macOS have it; the port in network order."""

    _fields_ = (
        ("sconn_family", ctypes.c_uint16),
        ("sconn_port", ctypes.c_uint16),
        ("sconn_addr", ctypes.c_void_p),
    )


class Linger(ctypes.Structure):
    """struct linger."""

    _fields_ = (("l_onoff", ctypes.c_int), ("l_linger", ctypes.c_int))


class InitMsg(ctypes.Structure):
    """struct sctp_initmsg; the time in milliseconds, 0 leaves a value as it is."""

    _fields_ = (
        ("sinit_num_ostreams", ctypes.c_uint16),
        ("sinit_max_instreams", ctypes.c_uint16),
        ("sinit_max_attempts", ctypes.c_uint16),
        ("sinit_max_init_timeo", ctypes.c_uint16),
    )


class RtoInfo(ctypes.Structure):
    """struct sctp_rtoinfo; times in milliseconds."""

    _fields_ = (
        ("srto_assoc_id", ctypes.c_uint32),
        ("srto_initial", ctypes.c_uint32),
        ("srto_max", ctypes.c_uint32),
        ("srto_min", ctypes.c_uint32),
    )


class AssocParams(ctypes.Structure):
    """struct sctp_assocparams; the life in milliseconds, 0 leaves a value as it is."""

    _fields_ = (
        ("sasoc_assoc_id", ctypes.c_uint32),
        ("sasoc_peer_rwnd", ctypes.c_uint32),
        ("sasoc_local_rwnd", ctypes.c_uint32),
        ("sasoc_cookie_life", ctypes.c_uint32),
        ("sasoc_asocmaxrxt", ctypes.c_uint16),
        ("sasoc_number_peer_destinations", ctypes.c_uint16),
    )


class PaddrParams(ctypes.Structure):
    """struct sctp_paddrparams; the interval in milliseconds."""

    _fields_ = (
        ("spp_address", _STORAGE),
        ("spp_assoc_id", ctypes.c_uint32),
        ("spp_hbinterval", ctypes.c_uint32),
        ("spp_pathmtu", ctypes.c_uint32),
        ("spp_flags", ctypes.c_uint32),
        ("spp_ipv6_flowlabel", ctypes.c_uint32),
        ("spp_pathmaxrxt", ctypes.c_uint16),
        ("spp_dscp", ctypes.c_uint8),
    )


class Event(ctypes.Structure):
    """struct sctp_event."""

    _fields_ = (
        ("se_assoc_id", ctypes.c_uint32),
        ("se_type", ctypes.c_uint16),
        ("se_on", ctypes.c_uint8),
    )


class Status(ctypes.Structure):
    """struct sctp_status, without the members of its last one, struct sctp_paddrinfo."""

    _fields_ = (
        ("sstat_assoc_id", ctypes.c_uint32),
        ("sstat_state", ctypes.c_int32),
        ("sstat_rwnd", ctypes.c_uint32),
        ("sstat_unackdata", ctypes.c_uint16),
        ("sstat_penddata", ctypes.c_uint16),
        ("sstat_instrms", ctypes.c_uint16),
        ("sstat_outstrms", ctypes.c_uint16),
        ("sstat_fragmentation_point", ctypes.c_uint32),
        ("sstat_primary", ctypes.c_uint64 * 19),
    )


class SndInfo(ctypes.Structure):
    """struct sctp_sndinfo; the PPID as it goes over the wire."""

    _fields_ = (
        ("snd_sid", ctypes.c_uint16),
        ("snd_flags", ctypes.c_uint16),
        ("snd_ppid", ctypes.c_uint32),
        ("snd_context", ctypes.c_uint32),
        ("snd_assoc_id", ctypes.c_uint32),
    )


class Notification(ctypes.Structure):
    """What every notification begins with."""

    _fields_ = (
        ("sn_type", ctypes.c_uint16),
        ("sn_flags", ctypes.c_uint16),
        ("sn_length", ctypes.c_uint32),
    )


class AssocChange(ctypes.Structure):
    """struct sctp_assoc_change, without what may follow."""

    _fields_ = (
        *Notification._fields_,
        ("sac_state", ctypes.c_uint16),
        ("sac_error", ctypes.c_uint16),
        ("sac_outbound_streams", ctypes.c_uint16),
        ("sac_inbound_streams", ctypes.c_uint16),
        ("sac_assoc_id", ctypes.c_uint32),
    )


class PaddrChange(ctypes.Structure):
    """struct sctp_paddr_change."""

    _fields_ = (
        *Notification._fields_,
        ("spc_aaddr", _STORAGE),
        ("spc_state", ctypes.c_uint32),
        ("spc_error", ctypes.c_uint32),
        ("spc_assoc_id", ctypes.c_uint32),
        ("spc_padding", ctypes.c_uint8 * 4),
    )


ConnOutput = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_uint8,
    ctypes.c_uint8,
)
"""Is given a packet that is to leave: for which address, where it stands, and its length."""
Upcall = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
"""Is told that something happened to a socket, with the number that was set with it."""

_POINTER = ctypes.c_void_p
_PROTOTYPES: dict[str, tuple[type | None, tuple[type, ...]]] = {
    "init_nothreads": (None, (ctypes.c_uint16, ConnOutput, _POINTER)),
    "finish": (ctypes.c_int, ()),
    "handle_timers": (None, (ctypes.c_uint32,)),
    "register_address": (None, (_POINTER,)),
    "conninput": (None, (_POINTER, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint8)),
    "socket": (
        _POINTER,
        (
            *(ctypes.c_int, ctypes.c_int, ctypes.c_int),
            *(_POINTER, _POINTER, ctypes.c_uint32, _POINTER),
        ),
    ),
    "set_non_blocking": (ctypes.c_int, (_POINTER, ctypes.c_int)),
    "set_upcall": (ctypes.c_int, (_POINTER, Upcall, _POINTER)),
    "setsockopt": (
        ctypes.c_int,
        (_POINTER, ctypes.c_int, ctypes.c_int, _POINTER, ctypes.c_uint32),
    ),
    "getsockopt": (ctypes.c_int, (_POINTER, ctypes.c_int, ctypes.c_int, _POINTER, _POINTER)),
    "bind": (ctypes.c_int, (_POINTER, _POINTER, ctypes.c_uint32)),
    "listen": (ctypes.c_int, (_POINTER, ctypes.c_int)),
    "accept": (_POINTER, (_POINTER, _POINTER, _POINTER)),
    "connect": (ctypes.c_int, (_POINTER, _POINTER, ctypes.c_uint32)),
    "sendv": (
        ctypes.c_ssize_t,
        (
            *(_POINTER, ctypes.c_char_p, ctypes.c_size_t, _POINTER, ctypes.c_int),
            *(_POINTER, ctypes.c_uint32, ctypes.c_uint, ctypes.c_int),
        ),
    ),
    "recvv": (
        ctypes.c_ssize_t,
        (
            *(_POINTER, _POINTER, ctypes.c_size_t, _POINTER, _POINTER),
            *(_POINTER, _POINTER, _POINTER, _POINTER),
        ),
    ),
    "shutdown": (ctypes.c_int, (_POINTER, ctypes.c_int)),
    "close": (None, (_POINTER,)),
    **{
        f"sysctl_set_sctp_{name}": (ctypes.c_int, (ctypes.c_uint32,))
        for name in ("blackhole", *(f"{each}_enable" for each in UNNEEDED))
    },
}


def load() -> ctypes.CDLL:
    """Loads the library, with the types of its functions; nothing is started.

    Raises:
        OSError: it is not there, or has not got all that is needed.
    """
    library = ctypes.CDLL(LIBRARY, use_errno=True)
    for name, (result, arguments) in _PROTOTYPES.items():
        try:
            function = getattr(library, f"usrsctp_{name}")
        except AttributeError as error:
            raise OSError(f"{LIBRARY} has no usrsctp_{name}") from error
        function.restype = result
        function.argtypes = arguments
    return library


def missing() -> str | None:
    """Says why this machine has not got it, and what to do about it; None: it has."""
    if sys.platform != "linux":
        return "SCTP over UDP works on Linux only: libusrsctp has other structures elsewhere"
    try:
        load()
    except OSError as error:
        return f"libusrsctp cannot be loaded ({error}): install it, on Debian {PACKAGE}"
    return None
