"""The accounts of the demonstration, which `bench` charges too."""

from ..charging.accounts import NewAccount
from ..charging.requests import Identity, IdentityKind


def demo_account(number: int, money: int) -> NewAccount:
    """Returns the account of a number: demo-1 has IMSI 001010000000001, MSISDN 15550100001."""
    identities = (
        Identity(IdentityKind.IMSI, f"{1_010_000_000_000 + number:015d}"),
        Identity(IdentityKind.MSISDN, str(15_550_100_000 + number)),
    )
    return NewAccount(f"demo-{number}", ("demo",), identities, money)
