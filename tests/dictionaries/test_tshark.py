"""Our dictionaries beside those that tshark reads AVPs by."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from lxml import etree

from diameter_ocs.base.dictionary import AvpDefinition, Dictionary, load
from diameter_ocs.base.formats import MANDATORY_BIT
from tests.dictionaries.beside_tshark import EXPLANATIONS
from tests.dictionaries.differences import (
    FALLBACK,
    Difference,
    check_explained,
    own_dictionary,
    text,
)

APT = "apt-get install -y --no-install-recommends tshark"
VERSION = "4.0."
FOLDER = Path("/usr/share/wireshark/diameter")

pytestmark = pytest.mark.ci

# How tshark can say one of our formats besides its name.
FORMATS = {
    "Address": {"IPAddress"},
    "OctetString": {"OctetStringOrUTF8"},
    "Unsigned32": {"AppId", "VendorId"},
}
# Values that its lists hold only to fill gaps.
GAPS = {"Undefined", "Unassigned", "Reserved"}


class Theirs(NamedTuple):
    """One AVP as tshark knows it; `mandatory` is must, may, mustnot or shouldnot."""

    name: str
    type: str
    mandatory: str
    members: frozenset[str]
    values: dict[int, str]


Table = dict[tuple[int, int], Theirs]


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return own_dictionary()


@pytest.fixture(scope="module")
def table() -> Table:
    program = shutil.which("tshark")
    assert program, f"tshark is not installed: {APT}"
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    if f" {VERSION}" not in told.stdout.splitlines()[0]:
        pytest.skip(f"the explanations are for tshark {VERSION}*, here is {told.stdout[:30]}")
    return read_table()


def read_table() -> Table:
    parser = etree.XMLParser(load_dtd=True, resolve_entities=True, no_network=True)
    root = etree.parse(FOLDER / "dictionary.xml", parser).getroot()
    vendors = {each.get("vendor-id"): int(each.get("code")) for each in root.iter("vendor")}
    vendors |= {None: 0, "None": 0}
    found: Table = {}
    for avp in root.iter("avp"):
        key = (int(avp.get("code")), vendors[avp.get("vendor-id")])
        found.setdefault(key, read_avp(avp))
    return found


def read_avp(avp: etree._Element) -> Theirs:
    kind = avp.find("type")
    return Theirs(
        name=avp.get("name"),
        type="Grouped" if kind is None else kind.get("type-name"),
        mandatory=avp.get("mandatory"),
        members=frozenset(each.get("name") for each in avp.iter("gavp")),
        values={
            int(each.get("code"), 0): each.get("name")
            for each in avp.iter("enum")
            if each.get("name") not in GAPS
        },
    )


def plain(name: str) -> str:
    return re.sub("[^A-Z0-9]", "", name.upper().removeprefix("DIAMETER_"))


def avp_differences(avp: AvpDefinition, theirs: Theirs) -> Iterator[Difference]:
    if theirs.name != avp.name:
        yield "name", f"{avp.name}:{theirs.name}"
    if theirs.type != avp.type and theirs.type not in FORMATS.get(avp.type, ()):
        yield "type", f"{avp.name}:{theirs.type}"
    is_mandatory = bool(avp.flags & MANDATORY_BIT)
    if theirs.mandatory == "must" and not is_mandatory:
        yield "M bit there", avp.name
    if theirs.mandatory in ("mustnot", "shouldnot") and is_mandatory:
        yield "no M bit there", avp.name


def value_differences(avp: AvpDefinition, theirs: Theirs) -> Iterator[Difference]:
    if not (theirs.values and avp.items):
        if theirs.values or avp.items:
            yield ("values there" if theirs.values else "values here"), avp.name
        return
    for value in theirs.values.keys() | avp.items.keys():
        subject = f"{avp.name}:{value}"
        if value not in avp.items:
            yield "value there", subject
        elif value not in theirs.values:
            yield "value here", subject
        elif plain(avp.items[value]) not in plain(theirs.values[value]):
            yield "value named otherwise", subject


def differences(dictionary: Dictionary, table: Table) -> Iterator[Difference]:
    names = {theirs.name: key for key, theirs in table.items()}
    for avp in dictionary.avps_by_name.values():
        theirs = table.get((avp.code, avp.vendor_id))
        if theirs is None:
            yield "absent there", avp.name
            continue
        yield from avp_differences(avp, theirs)
        if avp.type == "Enumerated" or avp.items:
            yield from value_differences(avp, theirs)
        if avp.type == "Grouped" and not avp.is_opaque:
            known = {dictionary.avp(name) for name in avp.rules.known}
            keys = {(each.code, each.vendor_id) for each in known}
            for name in theirs.members:
                if names[name] not in keys:
                    yield "member there", f"{avp.name}/{name}"


def test_every_difference_is_explained(dictionary: Dictionary, table: Table) -> None:
    check_explained(set(differences(dictionary, table)), EXPLANATIONS)


def test_every_avp_that_tshark_knows_has_a_name_here(dictionary: Dictionary, table: Table) -> None:
    whole = [dictionary, load(text(FALLBACK))]
    known = {(avp.code, avp.vendor_id) for each in whole for avp in each.avps_by_name.values()}
    nameless = {table[key].name.rsplit("-", 1)[0] for key in table.keys() - known}
    # Codes that the standards keep free.
    assert nameless == {"Experimental-Use", "Implementation-Specific", "Reserved"}
