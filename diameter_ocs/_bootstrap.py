"""Setting up a clone: its own virtual environment with the locked packages, made once.

Only the standard library is used, because nothing else is there yet. The environment's stamp is
written last, so whatever interrupted an earlier set-up, the next start makes it anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import os
import pwd
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

OLDEST_PYTHON = (3, 11)
LOCK = Path("deploy/requirements.lock")
STAMP = "diameter-ocs.stamp"
RULES = "diameter_ocs.charging"
"""What may be compiled: pure functions over plain values, which most of the time goes into."""
UNFINISHED = "unfinished"
# Counts how often one process has become another Python, lest it do so for ever.
GUARD = "OCS_BOOTSTRAP_PROCESS"
BECOME_MAX = 3
# Settings of the caller's that would send packages, or Python itself, elsewhere.
UNWANTED = (
    *("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV"),
    *("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"),
)
FAULT_LINES = ("ERROR", "error", "Could not", "No matching")

USAGE = """\
This clone is not set up yet; its first command sets it up (about half a minute, once):

    python3 -m diameter_ocs serve --demo     an online charging system to try, on 127.0.0.1:3868
    python3 -m diameter_ocs test             the tests
    python3 -m diameter_ocs --help           then shows every command
"""


class SetUpError(Exception):
    """The clone cannot be set up; the message says what to do."""


def enter(arguments: list[str]) -> None:
    """Returns when this process runs with the packages it needs, else become one that does.

    In a clone `test` becomes pytest in the clone's environment and never returns.
    """
    clone = clone_of(Path(__file__).resolve().parent)
    if clone is None:
        return
    try:
        _enter_clone(clone, arguments)
    except SetUpError as error:
        sys.exit(f"diameter-ocs: {error}")
    except KeyboardInterrupt:
        sys.exit("diameter-ocs: the set-up was interrupted; the next start makes it anew")


def use_compiled_rules() -> bool:
    """Has the rules imported as `compile` made them; False: it did not, or they changed since.

    Only what nobody has imported yet is found there.
    """
    folder = compiled_rules()
    if not folder.is_dir():
        return False
    sys.path.append(str(folder))
    rules = importlib.import_module(RULES)
    rules.__path__.insert(0, str(folder / RULES.replace(".", os.sep)))
    return True


def compiled_rules() -> Path:
    """Returns the folder of what this Python compiled of the rules, and in the way, of now."""
    source = hashlib.sha256()
    package = Path(__file__).parent
    recipe = package.glob("cli/compiling.py")
    for module in [*sorted(package.glob("charging/*.py")), *recipe]:
        source.update(module.name.encode() + b"\0" + module.read_bytes())
    tag = sys.implementation.cache_tag
    return Path(sys.prefix) / "compiled-rules" / f"{tag}-{source.hexdigest()[:32]}"


def clone_of(package: Path) -> Path | None:
    """Returns the clone that holds the package, or None when pip has installed the package."""
    clone = package.parent
    if not (clone / "pyproject.toml").is_file() or not (clone / LOCK).is_file():
        return None
    return None if _is_editable_install(clone) else clone


def environments(clone: Path, home: str) -> list[Path]:
    """Returns where the environment may be: in the clone, else in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path(home, ".cache"))
    name = hashlib.sha256(os.fsencode(clone)).hexdigest()[:16]
    return [clone / ".venv", cache / "diameter-ocs" / name]


def python_of(environment: Path) -> Path:
    """Returns the environment's interpreter."""
    return environment / "bin" / "python"


def is_ready(environment: Path, digest: str) -> bool:
    """Says whether the environment was finished for this lock, and for its Python as it is now.

    The Python is known from inside only; from outside its being there suffices, so that two
    Pythons of one system use one environment.
    """
    made_for, _, version = (_read_stamp(environment) or UNFINISHED).partition(" ")
    if made_for != digest:
        return False
    return version == _version() if _is_inside(environment) else python_of(environment).exists()


def lock_digest(clone: Path) -> str:
    """Returns the digest of the locked packages."""
    return hashlib.sha256((clone / LOCK).read_bytes()).hexdigest()


def writable(candidates: list[Path]) -> Path:
    """Returns the first place where an environment may be made; those of others are left alone."""
    for environment in candidates:
        if not _may_write(environment):
            continue
        if _is_foreign(environment):
            raise SetUpError(
                f"{environment} was not made by this program; remove it and start again"
            )
        return environment
    places = " nor ".join(str(environment.parent) for environment in candidates)
    raise SetUpError(f"neither {places} may be written; clone the project to a folder of yours")


def set_up(clone: Path, environment: Path) -> None:
    """Makes the environment, unless another start makes it meanwhile."""
    digest = lock_digest(clone)
    with _alone(environment) as descriptor:
        if is_ready(environment, digest):
            return
        started = time.monotonic()
        _say(f"setting up {environment} (once)")
        _make_environment(environment)
        _install(clone, environment, descriptor)
        _point_to_clone(clone, environment)
        _write_stamp(environment, f"{digest} {_version()}")
        _say(f"set up in {time.monotonic() - started:.0f} s")


def check_venv() -> None:
    """Raises SetUpError when this Python has no venv, which Debian packs apart."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        sudo = "" if os.geteuid() == 0 else "sudo "
        raise SetUpError(
            "this Python cannot make virtual environments;"
            f" type: {sudo}apt-get install -y python3-venv"
        )


def _enter_clone(clone: Path, arguments: list[str]) -> None:
    if sys.version_info < OLDEST_PYTHON:
        raise SetUpError(
            f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed, this is"
            f" {sys.version.split()[0]}; start it with a newer one, such as python3.11"
        )
    digest = lock_digest(clone)
    candidates = environments(clone, _home())
    environment = next((place for place in candidates if is_ready(place, digest)), None)
    is_new = environment is None
    if environment is None:
        if arguments[:1] == ["--version"]:
            print(f"diameter-ocs {sys.modules['diameter_ocs'].__version__}")
            sys.exit(0)
        if arguments[:1] in ([], ["--help"], ["-h"]):
            print(USAGE, end="")
            sys.exit(0)
        environment = writable(candidates)
        _set_up_or_explain(clone, environment)
    if arguments[:1] == ["test"]:
        os.chdir(clone)
        _become(environment, ["-m", "pytest", *arguments[1:]])
    if is_new or not _is_inside(environment):
        _become(environment, ["-m", "diameter_ocs", *arguments])


def _set_up_or_explain(clone: Path, environment: Path) -> None:
    check_venv()
    try:
        set_up(clone, environment)
    except OSError as error:
        raise SetUpError(
            f"{environment} could not be written ({error}); make room or give permission,"
            " then start again"
        ) from None


def _is_inside(environment: Path) -> bool:
    return Path(sys.prefix).resolve() == environment.resolve()


def _version() -> str:
    return " ".join(sys.version.split())


def _become(environment: Path, arguments: list[str]) -> None:
    """Replaces this process by the environment's Python."""
    python = str(python_of(environment))
    process, _, times = os.environ.get(GUARD, "").partition(" ")
    count = int(times) + 1 if process == str(os.getpid()) else 1
    if count > BECOME_MAX:
        raise SetUpError(f"{python} does not work; remove {environment} and start again")
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(python, [python, *arguments], {**kept, GUARD: f"{os.getpid()} {count}"})


def _is_editable_install(clone: Path) -> bool:
    """Says whether pip has installed this very clone, and so has seen to its packages."""
    try:
        origin = importlib.metadata.distribution("diameter-ocs").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return False
    return origin is not None and json.loads(origin).get("url") == clone.as_uri()


def _home() -> str:
    if home := os.environ.get("HOME"):
        return home
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/nonexistent"


def _is_foreign(environment: Path) -> bool:
    """Says whether somebody else's files are there; a set-up that begins leaves its mark first."""
    if not environment.exists():
        return False
    return _read_stamp(environment) is None and any(environment.iterdir())


def _may_write(environment: Path) -> bool:
    if environment.exists():
        return os.access(environment, os.W_OK) and os.access(environment.parent, os.W_OK)
    nearest = next(parent for parent in environment.parents if parent.exists())
    return os.access(nearest, os.W_OK)


def _read_stamp(environment: Path) -> str | None:
    try:
        return (environment / STAMP).read_text().strip()
    except OSError:
        return None


def _write_stamp(environment: Path, stamp: str) -> None:
    temporary = environment / f"{STAMP}.new"
    temporary.write_text(stamp + "\n")
    temporary.replace(environment / STAMP)


@contextlib.contextmanager
def _alone(environment: Path) -> Iterator[int]:
    """Lets one set-up at a time work; the others wait and then find it done."""
    environment.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(f"{environment}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"another start is setting up {environment}; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _make_environment(environment: Path) -> None:
    if environment.exists():
        _write_stamp(environment, UNFINISHED)
        for entry in environment.iterdir():
            if entry.name != STAMP:
                shutil.rmtree(
                    entry
                ) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    environment.mkdir(exist_ok=True)
    _write_stamp(environment, UNFINISHED)
    base = getattr(sys, "_base_executable", None) or sys.executable
    done = subprocess.run(
        [base, "-m", "venv", str(environment)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=_environment_variables(),
    )
    if done.returncode != 0:
        reason = " ".join(done.stdout.split())
        raise SetUpError(f"no virtual environment could be made in {environment}: {reason}")


def _install(clone: Path, environment: Path, descriptor: int) -> None:
    """Installs the locked packages; pip holds the lock too, should this process be killed."""
    count = sum(line[:1].isalnum() for line in (clone / LOCK).read_text().splitlines())
    log = Path(f"{environment}.log")
    command = [
        *(str(python_of(environment)), "-m", "pip", "install", "--require-hashes"),
        *("--only-binary", ":all:", "--no-compile", "--no-input", "--progress-bar", "off"),
        *("--disable-pip-version-check", "--retries", "3", "-r", str(clone / LOCK)),
    ]
    pip = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment_variables(),
        pass_fds=(descriptor,),
    )
    with pip:
        lines = _follow(pip, count)
    log.write_text("".join(lines))
    if pip.returncode != 0:
        faults = [line.strip() for line in lines if line.startswith(FAULT_LINES)]
        reason = faults[-1] if faults else f"pip ended with {pip.returncode}"
        raise SetUpError(
            f"the packages could not be installed ({reason}); see that the package index can be"
            f" reached, then start again (pip's words are in {log})"
        )
    log.unlink()


def _follow(pip: subprocess.Popen[bytes], count: int) -> list[str]:
    """Reads pip's lines to their end and shows how far it is."""
    assert pip.stdout is not None
    lines: list[str] = []
    progress = Progress(count)
    os.set_blocking(pip.stdout.fileno(), False)
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pip.stdout, selectors.EVENT_READ)
        while True:
            if selector.select(timeout=1.0):
                read = pip.stdout.read()
                if read == b"":
                    break
                *whole, rest = (rest + (read or b"")).split(b"\n")
                lines += [line.decode(errors="replace") + "\n" for line in whole]
            progress.show(lines)
    progress.end()
    return [*lines, rest.decode(errors="replace")]


class Progress:
    """How far pip is: rewritten in place on a terminal, now and then a line elsewhere."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._started = time.monotonic()
        self._on_terminal = sys.stderr.isatty()
        self._next = 0.0

    def show(self, lines: list[str]) -> None:
        elapsed = time.monotonic() - self._started
        if elapsed < self._next:
            return
        self._next = elapsed + (0.2 if self._on_terminal else 10.0)
        text = f"diameter-ocs: {self._stage(lines)}, {elapsed:.0f} s"
        if self._on_terminal:
            sys.stderr.write(f"\r{text:<78}")
        else:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def end(self) -> None:
        if self._on_terminal:
            sys.stderr.write("\n")

    def _stage(self, lines: list[str]) -> str:
        if any(line.startswith("Installing collected packages") for line in lines):
            return f"installing {self._count} packages"
        fetched = sum(line.startswith("Collecting ") for line in lines)
        return f"fetching packages ({min(fetched, self._count)} of {self._count})"


def _point_to_clone(clone: Path, environment: Path) -> None:
    """Makes the clone's package importable, whatever folder the command is typed in."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = environment / "lib" / version / "site-packages"
    (packages / "diameter_ocs_clone.pth").write_text(f"{clone}\n")


def _environment_variables() -> dict[str, str]:
    """Returns the caller's variables without those that would lead pip or Python astray."""
    unwanted = {*UNWANTED, *(() if os.environ.get("HOME") else ("HOME",))}
    return {name: value for name, value in os.environ.items() if name not in unwanted}


def _say(text: str) -> None:
    print(f"diameter-ocs: {text}", file=sys.stderr, flush=True)
