"""TLS of the simulator: what a gateway shows, and whom it believes."""

import ssl
from pathlib import Path

from .errors import SimulatorError


def client_context(
    authorities: Path | None, certificate: Path | None, key: Path | None
) -> ssl.SSLContext:
    """Returns what to connect by; without authorities any server is believed.

    The names of the server's certificate are not looked at: where it is says nothing of its
    Origin-Host. Raises SimulatorError for files that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE if authorities is None else ssl.CERT_REQUIRED
    try:
        if authorities is not None:
            context.load_verify_locations(authorities)
        if certificate is not None:
            context.load_cert_chain(certificate, key, _no_password)
    except OSError as error:
        names = ", ".join(str(each) for each in (authorities, certificate, key) if each)
        raise SimulatorError(f"not to be used for TLS: {names} ({error})") from error
    return context


def _no_password() -> str:
    raise SimulatorError("the key has a password; name one without")
