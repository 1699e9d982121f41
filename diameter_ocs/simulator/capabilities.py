"""Capabilities-Exchange-Answers read with python-diameter."""

from dataclasses import dataclass

from diameter.message import Message  # type: ignore[import-untyped]
from diameter.message import constants as c

from .answers import UNDECODABLE
from .errors import SimulatorError


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a Capabilities-Exchange-Answer says."""

    result_code: int | None
    applications: frozenset[int]
    error_message: str | None

    def offers(self, application: int) -> bool:
        """Is the application served? A relay serves all."""
        return not self.applications.isdisjoint({application, c.APP_RELAY})


def read_capabilities(octets: bytes) -> Capabilities:
    """Decodes a CEA; an answer to another command is a SimulatorError.

    An application may stand at the top or in a Vendor-Specific-Application-Id.
    """
    try:
        message = Message.from_bytes(octets)
        if message.header.command_code != c.CMD_CAPABILITIES_EXCHANGE or message.header.is_request:
            raise SimulatorError(
                "the server did not answer the CER but sent another message; "
                "is this the address of a Diameter server?"
            )
        offered = set(message.auth_application_id)
        offered.update(
            application.auth_application_id
            for application in message.vendor_specific_application_id
        )
        return Capabilities(
            result_code=message.result_code,
            applications=frozenset(offered),
            error_message=message.error_message,
        )
    except UNDECODABLE as error:
        raise SimulatorError(f"the CEA cannot be decoded ({error}): {octets.hex()}") from error
