"""Peers and profiles that do not fit together."""

from pathlib import Path

import pytest

from diameter_ocs.config import ConfigurationError, load
from tests.config.conftest import write


def test_a_profile_cannot_give_more_time_than_there_is(tmp_path: Path) -> None:
    path = write(tmp_path, "[profiles.slow]\nanswer_budget_seconds = 2.5\n")
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    assert raised.value.faults == [
        f"{path}: profiles.slow.answer_budget_seconds:"
        " must be at most answer_budget_seconds of all peers, 2"
    ]
