"""`compile`: the charging rules as machine code, made of the same sources by mypyc."""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import typer

from .. import _bootstrap
from .error_table import UNAVAILABLE
from .options import AsJson
from .output import command, fail, print_json

VALUES = {
    *("announcements", "catalogue", "decisions", "final_units", "information", "ledger"),
    *("counters", "location", "notice_types", "requests", "session", "spending_limits"),
    *("spooled", "standing"),
}
"""Modules of values that are stored or sent: what reads them asks for their annotations, which
compiled classes do not have."""
TOLD_MAX = 200
"""So much is told of what a compiler says last, where it fails."""


@command
def compile_rules(as_json: AsJson = False) -> None:
    """Compile the charging rules: the same decisions in less than half the time.

    It takes a minute or two, and wants a C compiler and Python's headers. Whatever starts
    afterwards uses what was compiled, until a rule's source changes.
    """
    folder = _bootstrap.compiled_rules()
    if not folder.is_dir():
        if not as_json:
            typer.echo("compile: making machine code of the rules, in a minute or two", err=True)
        _make(folder, as_json)
    if as_json:
        print_json({"compiled": str(folder)})
    else:
        typer.echo(f"The rules are compiled, in {folder}; servers use them when they start.")


def _make(folder: Path, as_json: bool) -> None:
    """Compiles beside the folder, and gives it its name when all is there."""
    if importlib.util.find_spec("mypyc") is None or importlib.util.find_spec("setuptools") is None:
        sentence = "mypyc is not here; install mypy and setuptools into this Python's environment"
        fail("not_compiled", [sentence], UNAVAILABLE, as_json)
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        work = Path(name)
        package = work / "diameter_ocs" / "charging"
        package.mkdir(parents=True)
        for module in (Path(_bootstrap.__file__).parent / "charging").glob("*.py"):
            shutil.copy(module, package)
        (work / "diameter_ocs" / "__init__.py").write_text("")
        found = [path for path in package.glob("[a-z]*.py") if path.stem not in VALUES]
        modules = sorted(str(path.relative_to(work)) for path in found)
        ended = subprocess.run(
            [sys.executable, "-m", "mypyc", "--strict", *modules],
            cwd=work,
            capture_output=True,
            text=True,
            check=False,
        )
        made = work / "made"
        for library in [*work.glob("*.so"), *package.glob("*.so")]:
            target = made / library.relative_to(work)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(library, target)
        if ended.returncode or not made.is_dir():
            said = (ended.stdout + ended.stderr).strip().splitlines() or ["nothing was said"]
            reason = "the rules were not compiled; a C compiler and Python's headers are needed"
            fail("not_compiled", [reason, said[-1][:TOLD_MAX]], UNAVAILABLE, as_json)
        made.rename(folder)
