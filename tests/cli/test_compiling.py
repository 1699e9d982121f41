"""`compile`: what it leaves as it is."""

from diameter_ocs.cli.compiling import VALUES
from tests.store.test_schema import STORED_VALUES


def test_values_that_are_stored_are_not_compiled() -> None:
    """They are read by their annotations, which compiled classes do not have."""
    assert {kind.__module__.rpartition(".")[2] for kind in STORED_VALUES} <= VALUES
