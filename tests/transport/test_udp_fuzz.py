"""Whatever comes in over UDP, and however what it gives is called: the process goes on."""

import json
import subprocess
import sys

import pytest

from tests.transport.udp_ends import CLONE

pytestmark = pytest.mark.usrsctp


@pytest.mark.parametrize(
    ("seed", "seconds"),
    [(1, 3), *(pytest.param(each, 20, marks=pytest.mark.ci) for each in (2, 3))],
)
def test_maimed_packets_and_misuse_never_end_the_process(seed: int, seconds: int) -> None:
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.transport.udp_fuzz"]
    fuzz = subprocess.run(
        [*command, str(seed), str(seconds)], capture_output=True, text=True, cwd=CLONE, timeout=120
    )
    assert fuzz.returncode == 0, fuzz.stderr[-4000:]
    done = json.loads(fuzz.stdout)
    assert done["made"] == done["lost"]
    assert min(done["maimed"], done["messages"], done["not connected"]) > 50
