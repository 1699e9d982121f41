"""What stands in deploy/ fits the program: the unit for systemd."""

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from diameter_ocs.cli.main import commands
from diameter_ocs.cli.serve import FILES_BESIDES_CONNECTIONS
from diameter_ocs.config import Configuration, resource
from diameter_ocs.embedded.system_user import DEDICATED

UNIT = resource("deploy/diameter-ocs.service")
ANALYZE = shutil.which("systemd-analyze")


@pytest.fixture
def service() -> configparser.SectionProxy:
    """The unit's section of the service."""
    unit = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNIT.read_text())
    return unit["Service"]


def test_the_unit_starts_a_command_that_there_is(service: configparser.SectionProxy) -> None:
    program, command, *options = shlex.split(service["ExecStart"])
    serve = typer.main.get_command(commands).commands[command]  # type: ignore[attr-defined]
    known = {option for parameter in serve.params for option in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= known
    assert f"{Path(program).parent}/pip install" in UNIT.read_text()


def test_the_unit_and_the_program_agree(service: configparser.SectionProxy) -> None:
    assert service["Environment"] == f"OCS_DATA=/var/lib/{service['StateDirectory']}"
    assert service["Type"] == "notify"
    assert service["KillMode"] == "mixed"
    assert service["User"] == DEDICATED
    assert service["LoadCredential"].split(":")[0] in Configuration.model_fields
    needed = Configuration.model_fields["connections_max"].default + FILES_BESIDES_CONNECTIONS
    assert int(service["LimitNOFILE"]) >= needed


@pytest.mark.skipif(ANALYZE is None, reason="systemd is not installed")
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={sys.executable}", UNIT.read_text()))
    done = subprocess.run(
        [str(ANALYZE), "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
