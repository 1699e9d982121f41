"""The reference of the configuration says of every key what the model says, and is current."""

from diameter_ocs.cli.configuration import keys
from diameter_ocs.config import Configuration, PeerEntry, Profile, resource
from tests.cli.conftest import Run

PAGE = resource("deploy/configuration.md")


def test_the_page_is_current(run_anywhere: Run) -> None:
    printed = run_anywhere("config", "reference")
    assert printed.status == 0
    assert PAGE.read_text() == printed.out, f"type: diameter-ocs config reference > {PAGE}"


def test_every_key_is_explained_in_a_sentence() -> None:
    for model in (Configuration, PeerEntry, Profile):
        listed = list(keys(model))
        assert [key.key for key in listed] == list(model.model_fields)
        assert [key.key for key in listed if not key.meaning.endswith(".")] == []


def test_bounds_and_defaults_are_told(run_anywhere: Run) -> None:
    told = run_anywhere("config", "reference", "--json").json
    named = {key["key"]: key for key in told["keys"]}
    assert named["lanes"] == {
        "key": "lanes",
        "type": "whole number, 1 to 64",
        "default": "2",
        "environment": "OCS_LANES",
        "meaning": "Transactions that charge at the same time.",
    }
    assert named["listen"]["default"] == '"0.0.0.0:3868"'
    assert named["database_url"]["default"] == ""
    assert told["peers"][0]["key"] == "host"
