"""What earlier runs of `bench` gave: one line of JSON for each, and the last one like this one."""

import datetime
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from .. import __version__
from ..config import resource

OFF = ("", "none")
"""What switches the history off in place of a file's name."""


def default_file(environment: Mapping[str, str]) -> Path:
    """Returns the file in the user's state directory (XDG Base Directory Specification)."""
    state = environment.get("XDG_STATE_HOME")
    folder = Path(state) if state else Path.home() / ".local" / "state"
    return folder / "diameter-ocs" / "bench.jsonl"


def record(
    at: datetime.datetime, postgresql: str, options: Mapping[str, Any], result: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the line of a run."""
    return {
        "at": at.isoformat(timespec="seconds"),
        "version": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "postgresql": postgresql,
        "machine": f"{platform.node()}, {platform.machine()}, {os.cpu_count()} cores",
        "options": dict(options),
        "result": dict(result),
    }


def file_of(option: str | None, environment: Mapping[str, str]) -> Path | None:
    """Returns the file of an option: None is the default one, what is in OFF is none."""
    if option in OFF:
        return None
    return default_file(environment) if option is None else Path(option)


def remember(file: Path | None, line: Mapping[str, Any]) -> dict[str, Any] | None:
    """Adds a run to the history; returns the last one before it that can be compared.

    Where the line cannot be written, that is said, and the run counts all the same.
    """
    if file is None:
        return None
    earlier = last_comparable(file, line)
    try:
        append(file, line)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        typer.echo(
            f"diameter-ocs: {file} cannot be written ({reason}): this run is not in the history;"
            " name another file with --history",
            err=True,
        )
    return earlier


def append(file: Path, line: Mapping[str, Any]) -> None:
    """Adds a line; OSError when the file cannot be written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as history:
        history.write(json.dumps(line, separators=(",", ":")) + "\n")


def last_comparable(file: Path, line: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the newest line with the same options from the same machine; None without any.

    Lines that are not ours are passed over.
    """
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return None
    for text in reversed(lines):
        try:
            earlier = json.loads(text)
        except ValueError:
            continue
        if isinstance(earlier, dict) and _likeness(earlier) == _likeness(line):
            return earlier
    return None


def comparison(earlier: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """Says in one line how a result differs from an earlier one."""
    before = earlier["result"]
    then, now = before["ccr_per_second"], result["ccr_per_second"]
    change = f"{(now / then - 1) * 100:+.0f} %" if then else "nothing to compare with"
    cpu_then, cpu_now = before["cpu_us_per_ccr"], result["cpu_us_per_ccr"]
    latency_then, latency_now = before["latency_ms"], result["latency_ms"]
    return (
        f"against {earlier['at']} ({earlier['commit'] or earlier['version']}):"
        f" {change} CCR/s;"
        f" server {cpu_then['server']:.0f} -> {cpu_now['server']:.0f} us,"
        f" database {cpu_then['database']:.0f} -> {cpu_now['database']:.0f} us,"
        f" p50 {latency_then['p50']:.1f} -> {latency_now['p50']:.1f} ms"
    )


def _likeness(line: Mapping[str, Any]) -> tuple[object, object]:
    return line.get("machine"), line.get("options")


def _commit() -> str | None:
    """Returns the commit of the clone; None where the program is installed, or without git."""
    clone = resource("pyproject.toml").parent
    words = ("git", "-C", str(clone), "describe", "--always", "--dirty", "--exclude=*")
    if not (clone / ".git").exists():
        return None
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
