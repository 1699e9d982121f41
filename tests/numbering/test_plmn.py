"""Networks are known by MCC and MNC, those of shared MCCs with all their countries."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.charging.countries import COUNTRIES
from diameter_ocs.config import resource
from diameter_ocs.numbering.plmn import HEADINGS, Network, PlmnError, Plmns

FILE = resource("dictionaries/plmn.csv")
HEAD = ",".join(HEADINGS) + "\n"
SMALL = HEAD + "262,,DE,,\n262,01,DE,Telekom|Telekom Deutschland GmbH,\n"
NETWORKS_MIN = 3100


@pytest.mark.parametrize(
    ("plmn", "countries"),
    [
        ("26201", "DE"),
        ("26202", "DE"),
        ("20801", "FR"),
        ("22201", "IT"),
        ("21401", "ES"),
        ("24001", "SE"),
        ("22801", "CH LI"),
        ("22101", "XK"),
        ("25001", "RU"),
        ("40101", "KZ"),
        ("25598", "UA"),
        ("23410", "GB"),
        ("23430", "GB"),
        ("23450", "GG JE GB"),
        ("23455", "GG JE GB"),
        ("23458", "IM GB"),
        ("310410", "US"),
        ("310260", "US PR VI"),
        ("310370", "GU MP US"),
        ("311480", "US"),
        ("311780", "AS US"),
        ("310059", "BM"),
        ("302720", "CA"),
        ("334020", "MX"),
        ("338050", "JM BM GD KY LC MS TC"),
        ("33805", "JM BM GD KY LC MS TC"),
        ("34001", "GP MQ GF BL MF"),
        ("36251", "CW SX BQ"),
        ("64700", "RE YT"),
        ("40445", "IN"),
        ("405840", "IN"),
        ("42505", "PS IL"),
        ("28967", "GE"),
        ("50501", "AU CX CC"),
        ("50510", "NF AU"),
        ("72405", "BR"),
        ("44010", "JP"),
        ("46000", "CN"),
        ("90128", ""),
        ("00101", ""),
        ("001001", ""),
        ("99999", ""),
    ],
)
def test_a_known_network_has_its_own_countries(plmns: Plmns, plmn: str, countries: str) -> None:
    network = plmns.network(plmn)
    assert network is not None
    assert network.countries == plmns.countries_of_plmn(plmn) == tuple(countries.split())
    assert network.mcc + network.mnc == plmn


@pytest.mark.parametrize(
    ("plmn", "countries"),
    [
        ("26299", "DE"),
        ("262999", "DE"),
        ("310999", "US GU PR MP VI"),
        ("31041", "US GU PR MP VI"),  # 310410 with a digit lost
        ("23498", "GB GG JE IM"),
        ("33877", "JM"),
        ("27055", "LU"),
        ("74024", "EC"),  # Chile's 730-24 is no network of Ecuador's
        ("33201", "VI"),
        ("40699", "IN"),
        ("90298", ""),
        ("99901", ""),
        ("12345", ""),
        ("00001", ""),
    ],
)
def test_an_unknown_network_may_be_wherever_its_mcc_is_used(
    plmns: Plmns, plmn: str, countries: str
) -> None:
    assert plmns.network(plmn) is None
    assert plmns.countries_of_plmn(plmn) == tuple(countries.split())


def test_the_same_mnc_with_two_and_three_digits_is_two_networks(plmns: Plmns) -> None:
    assert plmns.network("374130") != plmns.network("37413")
    assert plmns.network("26201") is not None
    assert plmns.network("262001") is None


def test_a_network_tells_its_brand_and_its_operator(plmns: Plmns) -> None:
    assert plmns.network("26201") == Network(
        "262", "01", ("Telekom", "Telekom Deutschland GmbH"), ("DE",)
    )


@pytest.mark.parametrize(
    ("digits", "divided"),
    [
        ("26201", ("262", "01")),
        ("310410", ("310", "410")),
        ("262011234567890", ("262", "01")),
        ("310410123456789", ("310", "410")),
        ("310999123456789", ("310", "999")),  # unknown, of an MCC of 3 digits
        ("262991234567890", ("262", "99")),  # unknown, of an MCC of 2 digits
        ("405840123456789", ("405", "840")),  # India has both
        ("405011234567890", ("405", "01")),
        ("208500123456789", ("208", "500")),  # and France
        ("208011234567890", ("208", "01")),
        ("338050123456789", ("338", "050")),
        ("31041", ("310", "41")),
        ("12345", ("123", "45")),
        ("123456", ("123", "456")),
        ("1234567", ("123", "45")),
    ],
)
def test_mcc_and_mnc_that_run_together_are_divided(
    plmns: Plmns, digits: str, divided: tuple[str, str]
) -> None:
    assert plmns.split(digits) == divided


@pytest.mark.parametrize("text", ["", "2620", "262-01", "26201a", "2620१", "abcdef", "+26201"])
def test_what_is_no_digits_is_not_divided(plmns: Plmns, text: str) -> None:
    assert plmns.split(text) is None
    assert plmns.countries_of_plmn(text) == ()
    assert plmns.network(text) is None


@pytest.mark.parametrize(
    ("mcc", "length"),
    [("262", 2), ("234", 2), ("310", 3), ("302", 3), ("405", None), ("208", None), ("123", None)],
)
def test_an_mcc_tells_how_long_its_mncs_are(plmns: Plmns, mcc: str, length: int | None) -> None:
    assert plmns.mnc_length(mcc) == length


@pytest.mark.parametrize(
    ("mcc", "mnc", "plmn"),
    [
        ("262", "001", "26201"),
        ("262", "01", "26201"),
        ("262", "099", "26299"),
        ("310", "410", "310410"),
        ("310", "012", "310012"),
        ("310", "001", "310001"),  # unknown, of an MCC of 3 digits
        ("405", "025", "405025"),  # both 405-025 and 405-25 may be: the longer one is known
        ("405", "001", "40501"),
        ("208", "001", "20801"),
        ("262", "1", None),
        ("26", "001", None),
        ("262", "0001", None),
        ("abc", "001", None),
        ("262", "", None),
    ],
)
def test_the_labels_of_a_domain_have_mncs_of_three_digits(
    plmns: Plmns, mcc: str, mnc: str, plmn: str | None
) -> None:
    assert plmns.of_labels(mcc, mnc) == plmn


@given(text=st.text(max_size=20) | st.from_regex(r"[0-9]{0,20}", fullmatch=True))
def test_any_text_is_answered(plmns: Plmns, text: str) -> None:
    assert plmns.countries_of_plmn(text) is not None
    divided = plmns.split(text)
    if divided is not None:
        mcc, mnc = divided
        assert (len(mcc), len(mnc) in (2, 3)) == (3, True)
        assert text.startswith(mcc + mnc)
    assert plmns.of_labels(text[:3], text[3:]) in (None, text, text[:3] + text[4:])


def test_every_row_of_the_table_is_well_formed() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert text.startswith(HEAD)
    assert text.endswith("\n")
    rows = list(csv.DictReader(text.splitlines()))
    assert rows == sorted(rows, key=lambda row: (row["mcc"], row["mnc"]))
    mccs = {row["mcc"]: row["countries"].split() for row in rows if not row["mnc"]}
    assert len([row for row in rows if row["mnc"]]) > NETWORKS_MIN
    for row in rows:
        countries = row["countries"].split()
        assert len(row["mcc"]) == 3
        assert len(row["mnc"]) in (0, 2, 3)
        assert row["mcc"] in mccs, f"{row['mcc']} has no row of its own"
        assert len(set(countries)) == len(countries)
        assert set(countries) <= COUNTRIES, row
        for name in row["operators"].split("|"):
            assert name == name.strip()
            assert "[" not in name
        if not set(countries) & set(mccs[row["mcc"]]) and countries:
            assert row["note"] or row["mcc"] == "255", row


def test_the_table_names_its_source_its_date_and_its_licence() -> None:
    licence = FILE.with_name("LICENSE.plmn").read_text(encoding="utf-8")
    for words in ("Wikipedia", "CC BY-SA 4.0", "2026", "What was changed"):
        assert words in licence


def test_the_smallest_table() -> None:
    small = Plmns.load(SMALL)
    assert small.countries_of_plmn("26202") == ("DE",)
    assert small.mnc_length("262") == 2
    assert Plmns.load(HEAD).countries_of_plmn("26201") == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1: the headings should be mcc,mnc,countries,operators,note"),
        ("mcc,mnc\n", "line 1: the headings"),
        (SMALL + "262,02\n", "line 4: it should have 5 values"),
        (SMALL + "26,02,DE,,\n", "line 4: the MCC '26' should have 3 digits"),
        (SMALL + "२६२,02,DE,,\n", "line 4: the MCC"),
        (SMALL + "262,2,DE,,\n", "line 4: the MNC '2' should have 2 or 3 digits"),
        (SMALL + "262,0x,DE,,\n", "line 4: the MNC '0x'"),
        (SMALL + "262,02,Germany,,\n", "line 4: the country 'Germany' should have 2 capital"),
        (SMALL + "262,02,de,,\n", "line 4: the country 'de'"),
        (SMALL + "262,01,DE,,\n", "line 4: 26201 stands there twice"),
        (SMALL + "262,,DE,,\n", "line 4: 262 stands there twice"),
    ],
)
def test_a_table_that_is_damaged_names_its_line(text: str, reason: str) -> None:
    with pytest.raises(PlmnError) as raised:
        Plmns.load(text)
    assert str(raised.value).startswith(f"table of networks, {reason}")
