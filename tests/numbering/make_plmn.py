"""Makes dictionaries/plmn.csv: `python -m tests.numbering.make_plmn wikip_mnc.json wikip_mcc.json`.

The files are those of the package mcc-mnc-p1, folder mcc_mnc_genlib/raw: what it read of Wikipedia.
"""

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from diameter_ocs.config import resource
from diameter_ocs.numbering.plmn import HEADINGS, OPERATORS_SEPARATOR

NOBODY = {"", "Unassigned", "Unknown"}
FOOTNOTE = re.compile(r"\s*\[[^]]*\]")

SHARED = {
    "234": "GB GG JE IM",
    "310": "US GU PR MP VI",
    "311": "US GU VI AS",
    "313": "US PR VI",
    "340": "GP MQ GF BL MF",
    "362": "CW SX BQ",
    "425": "IL PS",
    "505": "AU CX CC NF",
    "647": "RE YT",
}
"""MCCs of several countries, the principal one first."""

MCC_CORRECTIONS = {"221": "XK", "289": "GE"}
"""MCCs whose country Wikipedia writes in another code than ISO 3166-1's, or phonenumbers'."""

EVERYWHERE = {"340", "362", "505", "647"}
"""Of these every network may serve every country of its MCC; elsewhere one that is listed in a
territory too is that territory's own, and the principal country comes last."""

NATIONWIDE = {"23418", "23428", "310120", "310260"}
"""Networks of the principal country that serve territories too."""


class Correction(NamedTuple):
    """What we write otherwise than Wikipedia; no countries: the row is left out."""

    countries: str
    note: str
    operators: str = ""


DIGICEL = (
    "one network of Digicel's for several islands, which Wikipedia lists as 338-05 and 338-050"
)
CORRECTIONS = {
    "22801": Correction("CH LI", "Wikipedia's note at 295-01: it serves Liechtenstein too"),
    "25598": Correction("UA", "MCC 255 is Ukraine's"),
    "27077": Correction("LU BE", "Luxembourg's own network, which Belgium has too"),
    "27099": Correction("LU BE", "Luxembourg's own network, which Belgium has too"),
    "28967": Correction("GE", "AB is no code of ISO 3166-1"),
    "28988": Correction("GE", "AB is no code of ISO 3166-1"),
    "31059": Correction("", "written 310-059"),
    "310059": Correction(
        "BM", "Wikipedia writes 310-59: MNCs of MCC 310 have 3 digits", "Cellular One"
    ),
    "33805": Correction("JM BM GD KY LC MS TC", DIGICEL),
    "338050": Correction("JM BM GD KY LC MS TC", DIGICEL, "Digicel|Digicel (Jamaica) Limited"),
    "50510": Correction("NF AU", "Norfolk Island's own network"),
    "54202": Correction("FJ NR", "Wikipedia's note at 536-02: it serves Nauru too"),
    "74024": Correction("", "an operator of Chile's, MCC 730, listed under Ecuador's"),
}


def main(networks_file: Path, mccs_file: Path) -> None:
    """Writes the table."""
    networks = json.loads(networks_file.read_text(encoding="utf-8"))[1]
    mccs = json.loads(mccs_file.read_text(encoding="utf-8"))[1]
    listed = [row for rows in networks.values() for row in rows]
    by_mcc = {row["mcc"]: row["code_alpha_2"] for row in mccs}
    by_mcc |= {row["mcc"]: "" for row in listed if row["mcc"] not in by_mcc}
    by_mcc |= MCC_CORRECTIONS | SHARED
    rows = [[mcc, "", countries, "", ""] for mcc, countries in by_mcc.items()]
    with resource("dictionaries/plmn.csv").open("w", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADINGS)
        writer.writerows(sorted([*rows, *network_rows(listed)]))


def network_rows(listed: list[dict[str, Any]]) -> Iterator[list[str]]:
    """Yields one row for each network, however often it is listed."""
    found: dict[str, list[dict[str, Any]]] = {plmn: [] for plmn in CORRECTIONS}
    for row in listed:
        found.setdefault(row["mcc"] + row["mnc"], []).append(row)
    for plmn, rows in found.items():
        correction = CORRECTIONS.get(plmn)
        operators = OPERATORS_SEPARATOR.join(names(rows))
        if correction is None:
            if any(row["operator"] != "Unassigned" for row in rows):
                yield [plmn[:3], plmn[3:], countries(plmn, rows), operators, ""]
        elif correction.countries:
            yield [
                *(plmn[:3], plmn[3:], correction.countries),
                *(correction.operators or operators, correction.note),
            ]


def names(rows: list[dict[str, Any]]) -> list[str]:
    """Returns brands and operators, each once."""
    written = [row[key].replace("\u00a0", " ") for row in rows for key in ("brand", "operator")]
    plain = [FOOTNOTE.sub("", name).strip() for name in written]
    return list(dict.fromkeys(name for name in plain if name not in NOBODY))


def countries(plmn: str, rows: list[dict[str, Any]]) -> str:
    """Returns the countries of a network, its own one first."""
    found = {code for row in rows for code in row["codes_alpha_2"]}
    mcc = plmn[:3]
    if len(found) < 2:
        return " ".join(found)
    order = SHARED[mcc].split()
    assert found <= set(order), (plmn, found)
    if mcc not in EVERYWHERE and plmn not in NATIONWIDE:
        order = [*order[1:], order[0]]
    return " ".join(code for code in order if code in found)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
