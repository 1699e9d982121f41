"""`counter` and `account thresholds`: what they do and print."""

from pathlib import Path

from tests.cli.conftest import CATALOGUE, Run

COUNTERS = """
    counters:
      - name: data left
        states:
          - {name: low, threshold: 50 %}
          - {name: none, threshold: 1 %, actions: [BLOCK_BALANCE]}
          - {name: fine, actions: [NOTIFY, UNBLOCK_BALANCE]}
"""


def counting(shop: Run, catalogue: Path) -> Run:
    """Give the tenant a counter on data."""
    data = "  - {name: data, unit_type: volume}\n"
    text = CATALOGUE.replace(data, f"  - name: data\n    unit_type: volume{COUNTERS}")
    catalogue.write_text(text)
    assert shop("catalogue", "apply", catalogue).status == 0
    return shop


def test_counters_are_listed_set_and_reset(shop: Run, catalogue: Path) -> None:
    run = counting(shop, catalogue)
    assert run("counter", "list", "alice").out.splitlines() == [
        "counter    counts  state  states begin                             whose",
        "data left  data    fine   available less than: low 50 %, none 1 %  catalogue",
    ]
    own = ("--threshold", "low=2 GiB", "--threshold", "none=1MiB")
    assert run("counter", "set", "alice", "data left", *own).out == (
        "Account alice has counter data left of its own, in state low: available less than: low"
        " 2 GiB, none 1 MiB.\n"
    )
    (listed,) = run("counter", "list", "alice", "--json").json
    assert (listed["state"], listed["is_own"], listed["active"]) == ("low", True, True)
    assert "low=2 GiB none=1 MiB" in run("audit", "list", "--limit", 1).out
    assert "in state fine" in run("counter", "reset", "alice", "data left").out
    ended = run("counter", "reset", "alice", "data left")
    assert (ended.status, ended.err.count("\n")) == (1, 1)
    assert run("counter", "set", "alice", "data left", "--threshold", "low").status == 2


def test_an_account_shows_how_its_counters_stand(shop: Run, catalogue: Path) -> None:
    run = counting(shop, catalogue)
    assert "available" in run("balance", "debit", "alice", "1 GiB", "--type", "data").out
    shown = run("account", "show", "alice").out
    assert "data left  data    none" in shown
    assert [line.split()[-1] for line in shown.splitlines() if " data " in line] == [
        "blocked",
        "none",
    ]
    assert run("account", "thresholds", "alice", "5", "2.00").out == (
        "Notices tell when account alice has less than 5.00 EUR or 2.00 EUR.\n"
    )
    shown = run("account", "show", "alice", "--json").json
    assert shown["money_thresholds"] == [5_000_000, 2_000_000]
    assert shown["counters"] == [
        {"counter": "data left", "type": "balance", "balance_type": "data", "state": "none"}
    ]
    assert "of money below 5.00 EUR or 2.00 EUR" in run("account", "show", "alice").out
    assert "do not tell" in run("account", "thresholds", "alice").out
