"""What is spooled outlives its process, whatever ended it; what is settled does not come back."""

import asyncio
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from diameter_ocs.charging.requests import ChargingRequest, ServiceUsage, SessionKey, Units
from diameter_ocs.store.spool import Spool, SpoolUnusable
from tests.store.memory_spool import MemorySpool
from tests.store.scenario import NOW, terminate, update, used

UPDATE = update()
TERMINATION = terminate()
ODD = update(
    session_key=SessionKey(b"\xff\0;1", 7),
    origin_host="gateway.ex\\xffample",
    tenant="demo",
    event_at=NOW,
    usages=(
        used(2**63 - 1, 5),
        ServiceUsage(None, (1, 2), Units(), (Units(2**64 - 1, None, 3),), True),
    ),
)


def requests_in(spool: Spool | MemorySpool) -> list[ChargingRequest]:
    return [each.request for each in spool.left]


def crashed(spool: Spool) -> None:
    """End the use of a spool as the end of its process does."""
    os.close(spool._file)


def spooled(directory: Path, *requests: ChargingRequest) -> Path:
    """Leave requests behind; return the file."""
    spool = Spool(directory)
    asyncio.run(spool.keep(requests, NOW))
    crashed(spool)
    (file,) = directory.glob("*.spool")
    return file


@pytest.fixture(params=["memory", "file"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Spool | MemorySpool:
    """Either spool: what one promises the other promises too."""
    return MemorySpool() if request.param == "memory" else Spool(tmp_path / "spool")


async def test_requests_are_kept_under_names_of_their_own(kept: Spool | MemorySpool) -> None:
    first = await kept.keep([UPDATE, ODD], NOW)
    (third,) = await kept.keep([TERMINATION], NOW + 1)
    assert [each.request for each in first if each] == [UPDATE, ODD]
    assert third is not None
    assert third.at == NOW + 1
    assert len({each.number for each in [*first, third] if each}) == 3
    await kept.settle([third.number])
    await kept.settle([each.number for each in first if each])


def test_what_a_process_leaves_the_next_one_finds(tmp_path: Path) -> None:
    spooled(tmp_path, UPDATE, ODD, TERMINATION)
    later = Spool(tmp_path)
    assert requests_in(later) == [UPDATE, ODD, TERMINATION]
    assert {each.at for each in later.left} == {NOW}
    crashed(later)
    assert requests_in(Spool(tmp_path)) == [UPDATE, ODD, TERMINATION]
    assert len(list(tmp_path.iterdir())) == 1


async def test_what_is_settled_is_not_found(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    one, two, _ = await spool.keep([UPDATE, ODD, TERMINATION], NOW)
    assert one is not None
    assert two is not None
    await spool.settle([two.number, one.number])
    crashed(spool)
    assert requests_in(Spool(tmp_path)) == [TERMINATION]


async def test_when_all_is_settled_the_file_is_empty(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for _ in range(3):
        kept = await spool.keep([UPDATE, ODD], NOW)
        (file,) = tmp_path.iterdir()
        assert file.stat().st_size > 100
        for each in kept:
            assert each is not None
            await spool.settle([each.number])
        assert file.stat().st_size == 0
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_the_spool_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from diameter_ocs.store.spool import Spool\n"
        "from tests.store.scenario import update\n"
        "spool = Spool(Path(sys.argv[1])); asyncio.run(spool.keep([update(end_to_end_id=1)], 1))\n"
        "print('kept', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"kept\n"
        crashed(beside := Spool(tmp_path))
        assert requests_in(beside) == []
        other.kill()
        other.wait()
    assert requests_in(Spool(tmp_path)) == [update(end_to_end_id=1)]


def test_a_file_that_goes_away_meanwhile_hinders_nobody(tmp_path: Path) -> None:
    spooled(tmp_path, UPDATE)
    (tmp_path / "0-1.spool").symlink_to(tmp_path / "gone")
    assert requests_in(Spool(tmp_path)) == [UPDATE]


@pytest.mark.parametrize("missing", [1, 2, 20, 200])
def test_a_last_line_that_was_not_finished_is_skipped(tmp_path: Path, missing: int) -> None:
    file = spooled(tmp_path, UPDATE, TERMINATION)
    os.truncate(file, file.stat().st_size - missing)
    assert requests_in(Spool(tmp_path)) == [UPDATE]
    assert not list(tmp_path.glob("*.damaged"))


NO_TEXT = b'{"type":"kept","number":1,"at":1,"request":[2,1,["YQ==",null],"\xff"]}'


@pytest.mark.parametrize(
    "damage", [b"\0\0\0", b"{}", b'{"type":"kept","number":1}', b"\xff", NO_TEXT]
)
def test_a_damaged_line_is_named_and_harms_no_other(
    tmp_path: Path, damage: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    file = spooled(tmp_path, UPDATE, ODD, TERMINATION)
    lines = file.read_bytes().split(b"\n")
    lines[1] = damage
    file.write_bytes(b"\n".join(lines))
    later = Spool(tmp_path)
    assert requests_in(later) == [UPDATE, TERMINATION]
    said = capsys.readouterr().out
    assert str(file) in said
    assert "line=2" in said
    assert damage in file.with_suffix(".damaged").read_bytes()
    crashed(later)
    assert requests_in(Spool(tmp_path)) == [UPDATE, TERMINATION]


async def test_beyond_its_bound_nothing_is_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path, octets_max=1000)
    kept = await spool.keep([update(request_number=n) for n in range(9)], NOW)
    fits = [each for each in kept if each is not None]
    assert 0 < len(fits) < 9
    assert await spool.keep([UPDATE], NOW) == [None]
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size <= 1000
    await spool.settle([each.number for each in fits])
    assert None not in await spool.keep([UPDATE], NOW)


async def test_a_full_disk_loses_what_meets_it_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    await spool.keep([UPDATE], NOW)
    write = os.write
    monkeypatch.setattr(os, "write", _until_full(write, 20))
    assert await spool.keep([ODD, TERMINATION], NOW) == [None, None]
    monkeypatch.setattr(os, "write", write)
    assert None not in await spool.keep([TERMINATION], NOW)
    crashed(spool)
    assert requests_in(Spool(tmp_path)) == [UPDATE, TERMINATION]


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolUnusable, match=r"file.*name another directory"):
        Spool(tmp_path / "file")


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    spooled(tmp_path / "a" / "spool", UPDATE)
    assert (tmp_path / "a" / "spool").stat().st_mode & 0o777 == 0o700
    (file,) = (tmp_path / "a" / "spool").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def _until_full(write, octets: int):
    """Return a system's write that takes so many octets, and then has no room."""
    room = octets

    def limited(file: int, data: memoryview) -> int:
        nonlocal room
        if room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = write(file, data[:room])
        room -= taken
        return taken

    return limited
