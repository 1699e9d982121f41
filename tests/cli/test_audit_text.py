"""What a command has changed, in one line."""

import pytest

from diameter_ocs.cli.audit_text import TEXT_MAX, change_text

MONEY = {"id": 6, "balance_type": "money", "unit_type": "money", "total": 5_000_000, "until": None}
ALICE = {"account": "alice", "tenant": "acme", "id": 1, "currency": "EUR", "parent": None,
         "state": "active", "identities": ["imsi:1", "imsi:2"], "balances": [MONEY]}  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (None, {"tenant": "acme"}, None),
        (None, ALICE, "state active, identities imsi:1 imsi:2"),
        ({"host": "pgw.example", "tenant": "acme"}, None, "was: host pgw.example"),
        ({"version": None}, {"version": 1}, "version - -> 1"),
        (ALICE, {**ALICE, "state": "suspended"}, "state active -> suspended"),
        (ALICE, {**ALICE, "identities": ["imsi:2"]}, "identities imsi:1 imsi:2 -> imsi:2"),
        (ALICE, {**ALICE, "balances": [{**MONEY, "total": 7_500_000}]},
         "balance 6 total 5.00 EUR -> 7.50 EUR"),
        ({**ALICE, "balances": []}, ALICE,
         "balance 6 added (balance_type money, total 5.00 EUR)"),
        (ALICE, {**ALICE, "balances": []},
         "balance 6 removed (balance_type money, total 5.00 EUR)"),
        (ALICE, ALICE, None),
        (None, None, None),
    ],
)  # fmt: skip
def test_what_is_other_than_before_is_told(before: object, after: object, text: str | None) -> None:
    assert change_text(before, after) == text


def test_the_line_is_bounded() -> None:
    text = change_text(None, {"peers": ["x" * 50] * 20})
    assert text is not None
    assert len(text) == TEXT_MAX
    assert text.endswith("...")
