"""IPFilterRules as operators write them: what the Diameter grammar allows (RFC 6733 section 4.3.1).

`permit out 17 from 192.0.2.0/24 53 to assigned`, and so on: what stays open for users who have
nothing left. A rule is checked and made one line of single spaces; gateways apply it.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import NamedTuple

RULE_CHARACTERS_MAX = 200
PROTOCOL_MAX = 255
PORT_MAX = 65535
ICMP_TYPE_MAX = 255
WITH_PORTS = ("6", "17", "132")
"""TCP, UDP and SCTP."""
NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "sctp": 132}
"""Of protocols, as people call them."""
IS_LIST = {
    "ipoptions": ("ssrr", "lsrr", "rr", "ts"),
    "tcpoptions": ("mss", "window", "sack", "ts", "cc"),
    "tcpflags": ("fin", "syn", "rst", "psh", "ack", "urg"),
}
"""Options that are followed by some of these words, each perhaps after a !."""
PLAIN = ("frag", "established", "setup")
OPTIONS = (*PLAIN, *IS_LIST, "icmptypes")
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")


class _Word(NamedTuple):
    text: str
    position: int

    def fault(self, reason: str) -> ValueError:
        """Returns what is wrong with it, with its place."""
        return ValueError(f"at character {self.position + 1}: {reason}")


class _Reader:
    """Takes the words of a rule one by one."""

    def __init__(self, text: str) -> None:
        words = [_Word(found[0], found.start()) for found in re.finditer(r"\S+", text)]
        self._words: Iterator[_Word] = iter(words)
        self._end = _Word("", len(text))
        self._next = next(self._words, self._end)

    def next(self) -> _Word:
        """Returns the next word without taking it; an empty one at the end."""
        return self._next

    def take(self) -> _Word:
        """Takes the next word."""
        word, self._next = self._next, next(self._words, self._end)
        return word

    def take_one_of(self, *words: str) -> str:
        """Takes a word that has to be one of these."""
        word = self.take()
        if word.text not in words:
            found = f", not {word.text}" if word.text else ""
            raise word.fault(f"here belongs {' or '.join(words)}{found}")
        return word.text


def checked_filter_rule(text: str) -> str:
    """Returns a rule with its words parted by single spaces.

    Raises:
        ValueError: it is no rule; the reason begins with the place.
    """
    if len(text) > RULE_CHARACTERS_MAX or not text.isascii():
        raise ValueError(f"a filter rule has up to {RULE_CHARACTERS_MAX} ASCII characters")
    reader = _Reader(text)
    reader.take_one_of("permit", "deny")
    reader.take_one_of("in", "out")
    protocol = _protocol(reader.take())
    reader.take_one_of("from")
    source = _address(reader.take())
    has_ports = _take_ports(reader, protocol)
    reader.take_one_of("to")
    word = reader.next()
    destination = _address(reader.take())
    if None not in (source, destination) and source != destination:
        raise word.fault("no packet goes from one version of IP to the other")
    has_ports = _take_ports(reader, protocol) or has_ports
    _take_options(reader, has_ports)
    return " ".join(text.split())


def _protocol(word: _Word) -> str:
    text = word.text
    if text in NUMBERS:
        raise word.fault(f"a protocol is a number: write {NUMBERS[text]} for {text}")
    is_number = re.fullmatch("0|[1-9][0-9]{0,2}", text)
    if text != "ip" and not (is_number and int(text) <= PROTOCOL_MAX):
        raise word.fault(f"here belongs ip, for any protocol, or a number of 0 to {PROTOCOL_MAX}")
    return text


def _address(word: _Word) -> int | None:
    """Returns the version of IP of an address; None: it may be any."""
    text = word.text.removeprefix("!")
    if text in ("any", "assigned"):
        return None
    try:
        return ip_network(text).version
    except ValueError as error:
        if "host bits" in str(error):
            raise word.fault(f"{text} has bits beyond its mask") from None
        reason = "here belongs any, assigned or an address, as 192.0.2.0/24 or 2001:db8::1"
        raise word.fault(reason) from None


def _take_ports(reader: _Reader, protocol: str) -> bool:
    """Takes ports, where they stand here."""
    word = reader.next()
    if not word.text[:1].isdigit():
        return False
    _check_ranges(reader.take(), PORT_MAX, "ports")
    if protocol not in WITH_PORTS:
        raise word.fault("ports are for protocol 6 (TCP), 17 (UDP) and 132 (SCTP)")
    return True


def _check_ranges(word: _Word, most: int, what: str) -> None:
    """Checks numbers and ranges of them, as 80,8000-8080."""
    for part in word.text.split(","):
        found = _RANGE.fullmatch(part)
        first, last = (found[1], found[2] or found[1]) if found else ("1", "0")
        if not int(first) <= int(last) <= most:
            raise word.fault(f"write {what} as 80,8000-8080, each up to {most}")


def _take_options(reader: _Reader, has_ports: bool) -> None:
    """Takes what else a packet must be; fragments have neither ports nor flags."""
    names: list[str] = []
    while reader.next().text:
        word = reader.take()
        if word.text not in OPTIONS:
            raise word.fault(f"here may stand {', '.join(OPTIONS)} or nothing")
        names.append(word.text)
        if word.text == "icmptypes":
            _check_ranges(reader.take(), ICMP_TYPE_MAX, word.text)
        elif word.text in IS_LIST:
            _check_list(reader.take(), IS_LIST[word.text], word.text)
        if "frag" in names and (has_ports or "tcpflags" in names):
            raise word.fault("fragments have no ports and no flags: leave frag, or these, out")


def _check_list(word: _Word, known: tuple[str, ...], what: str) -> None:
    for part in word.text.split(","):
        if part.removeprefix("!") not in known:
            raise word.fault(f"{what} are some of {','.join(known)}, each perhaps after a !")
