"""What a request may do against the base protocol and is served all the same."""

from enum import StrEnum


class Tolerated(StrEnum):
    """What a request did that the standard does not allow and that was accepted."""

    APPLICATION_ID_IN_VENDOR_GROUP = "application_id_in_vendor_group"
    AVP_FLAGS = "avp_flags"
    AVP_OUT_OF_PLACE = "avp_out_of_place"
    BASE_COMMAND_APPLICATION = "base_command_application"
    HOST_IP_ADDRESS_MISSING = "host_ip_address_missing"
    NUL_IN_TEXT = "nul_in_text"
    """Removed."""
    OCTETS_IN_TEXT = "octets_in_text"
    """Octets that are no UTF-8: kept, each written as a backslash, an x and two digits."""
    ODD_SESSION_ID = "odd_session_id"
    """A Session-Id that does not begin with an identity and a semicolon: kept as it is."""
    PROXIABLE_BIT_MISSING = "proxiable_bit_missing"
    REPEATED_ORIGIN = "repeated_origin"
    UNKNOWN_MANDATORY_AVP = "unknown_mandatory_avp"
