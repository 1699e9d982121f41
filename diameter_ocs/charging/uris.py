"""SIP and tel URIs taken apart (RFC 3261 section 19.1, RFC 3966)."""

from typing import NamedTuple
from urllib.parse import unquote

_SCHEMES = ("sip", "sips")
SEPARATORS = str.maketrans("", "", "-.() ")
"""What stands between digits only to be looked at."""


class Uri(NamedTuple):
    """One URI; that of a telephone has its number as user, and no host."""

    scheme: str
    """sip, sips or tel."""
    user: str
    user_parameters: str
    """What follows the user, or the number, after a semicolon."""
    host: str = ""
    """In lower case, without port."""
    parameters: str = ""
    """In lower case."""

    @property
    def is_telephone(self) -> bool:
        """Whether the user is the number of a telephone, by what the URI says."""
        if self.scheme == "tel":
            return True
        return self.user.startswith("+") or "user=phone" in self.parameters.split(";")

    @property
    def is_local(self) -> bool:
        """Whether the number is valid only in a context that is named."""
        return not self.user.startswith("+") and "phone-context=" in self.user_parameters.lower()

    @property
    def number(self) -> str:
        """The user without separators."""
        return self.user.translate(SEPARATORS)

    def spelled(self, user: str) -> str:
        """Returns the URI with another user and no parameters."""
        if self.scheme == "tel":
            return f"tel:{user}"
        return f"{self.scheme}:{user}@{self.host}" if user else f"{self.scheme}:{self.host}"


def uri_of(text: str) -> Uri:
    """Takes a URI apart; without a scheme it is one of SIP if it has a host, else a number."""
    _, bracket, within = text.partition("<")
    if bracket:
        text = within.partition(">")[0]
    scheme, _, rest = text.partition(":")
    scheme = scheme.lower()
    if scheme == "tel":
        return _tel(rest)
    if scheme not in _SCHEMES:
        if "@" not in text:
            return _tel(text)
        scheme, rest = "sip", text
    user, _, host = rest.rpartition("@")
    host, _, parameters = host.partition("?")[0].lower().partition(";")
    host = f"{host.partition(']')[0]}]" if host.startswith("[") else host.partition(":")[0]
    user, _, user_parameters = unquote(user).replace("\0", "").partition(";")
    return Uri(scheme, user.partition(":")[0], user_parameters, host, parameters)


def _tel(rest: str) -> Uri:
    number, _, parameters = rest.partition(";")
    return Uri("tel", number, parameters)
