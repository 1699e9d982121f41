"""`audit list`: what it prints."""

from tests.cli.conftest import Run


def test_the_audit_says_who_changed_what(shop: Run) -> None:
    shop("balance", "credit", "alice", "5.00", "--transaction-id", "one")
    rows = shop("audit", "list").out.splitlines()
    assert rows[0].split() == ["time", "actor", "operation", "tenant", "account", "change"]
    assert len(rows) == 5
    assert "balance credit" in rows[1]
    assert rows[1].endswith("total 20.00 EUR -> 25.00 EUR, available 20.00 EUR -> 25.00 EUR")
    entry, *_ = shop("audit", "list", "--account", "alice", "--limit", 1, "--json").json
    assert entry["transaction_id"] == "one"
    assert (entry["before"]["total"], entry["after"]["total"]) == (20_000_000, 25_000_000)
    assert shop("audit", "list", "--since", "2999-01-01", "--json").json == []
    assert shop("audit", "list", "--since", entry["time"], "--json").json == [entry]


def test_a_time_that_is_none_is_refused(run: Run) -> None:
    ended = run("audit", "list", "--since", "yesterday")
    assert (ended.status, ended.out) == (2, "")
    assert "write 2026-11-20" in ended.err
