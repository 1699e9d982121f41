"""What comes with the program."""

from pathlib import Path

from diameter_ocs.config import resource


def test_resources_stand_at_the_top_level_of_a_clone() -> None:
    assert resource("dictionaries") == Path(__file__).resolve().parents[2] / "dictionaries"
