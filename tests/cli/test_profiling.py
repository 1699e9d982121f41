"""The server's CPU time by stages."""

import importlib
import inspect
import json
import signal
import sys
from pathlib import Path

import pytest

from diameter_ocs.cli.profiling import (
    CHARGE,
    ENTRIES,
    LOOP,
    STAGES,
    VARIABLE,
    Profile,
    microseconds_by_stage,
    stage_of,
)
from diameter_ocs.handlers.credit_control import fold


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry[1])
def test_an_entry_is_a_function_of_the_server(entry: tuple[str, str]) -> None:
    path, name = entry
    found = importlib.import_module("diameter_ocs." + path.removesuffix(".py").replace("/", "."))
    for part in name.split("."):
        found = getattr(found, part)
    function = inspect.unwrap(found)
    assert function.__code__.co_qualname == name
    assert function.__code__.co_filename.endswith(f"diameter_ocs/{path}")


def test_every_stage_has_an_entry_but_the_loop() -> None:
    assert {*ENTRIES.values(), LOOP} == set(STAGES)


def test_a_stack_belongs_to_the_innermost_entry_on_it() -> None:
    seen = []

    def requests():  # runs below fold
        seen.append(stage_of(sys._getframe()))
        return iter(())

    class Lazily:
        def __iter__(self):
            return requests()

    fold(Lazily(), {})
    assert seen == [CHARGE]
    assert stage_of(sys._getframe()) == stage_of(None) == LOOP


def test_shares_of_the_stages_add_up_to_the_cpu_time() -> None:
    divided = microseconds_by_stage({CHARGE: 30, LOOP: 10}, 100.0)
    assert list(divided) == list(STAGES)
    assert divided[CHARGE] == 75.0
    assert sum(divided.values()) == 100.0
    assert set(microseconds_by_stage({}, 100.0).values()) == {0.0}


def test_a_profile_is_only_made_when_wanted() -> None:
    assert Profile.wanted({}) is None
    assert Profile.wanted({VARIABLE: ""}) is None


def test_a_profile_counts_cpu_time_and_is_written_at_the_end(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGPROF)
    profile = Profile.wanted({VARIABLE: str(tmp_path / "profile")})
    assert profile is not None
    try:
        profile.start()
        counted = 0
        while not profile.samples and counted < 10**9:  # works until the first sample comes
            counted += 1
    finally:
        profile.finish()
        signal.signal(signal.SIGPROF, before)
    assert json.loads((tmp_path / "profile").read_text()) == {LOOP: profile.samples[LOOP]}
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
