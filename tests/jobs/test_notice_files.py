"""Files of notices have whole lines, each on the disk before it counts."""

import asyncio
import os
import resource
from pathlib import Path

import pytest

from diameter_ocs.jobs.notice_files import BLOCK, NoticeFiles, file_of


async def test_lines_are_appended_in_their_order(tmp_path: Path) -> None:
    files = NoticeFiles(tmp_path / "new" / "folder")
    await files.append("demo", "all", [b"one", b"two"])
    await files.append("demo", "all", [b"three"])
    path = tmp_path / "new" / "folder" / "demo.all.jsonl"
    assert path.read_text() == "one\ntwo\nthree\n"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o640, 0o750)


@pytest.mark.parametrize("tenant", ["../..", "/etc", "a b/c", ".", "Zoë"])
def test_no_tenant_s_name_leads_out_of_the_folder(tmp_path: Path, tenant: str) -> None:
    path = file_of(tmp_path, tenant, "all")
    assert path.resolve().parent == tmp_path.resolve()
    assert path != file_of(tmp_path, "etc", "all")


async def test_two_servers_and_many_accounts_do_not_mix_their_lines(tmp_path: Path) -> None:
    servers = [NoticeFiles(tmp_path), NoticeFiles(tmp_path)]
    lines = {
        (server, account): [b"%d %d %d " % (server, account, n) + b"x" * 5000 for n in range(3)]
        for server in range(2)
        for account in range(20)
    }
    async with asyncio.TaskGroup() as tasks:
        for (server, _), some in lines.items():
            for line in some:
                tasks.create_task(servers[server].append("demo", "all", [line]))
    written = file_of(tmp_path, "demo", "all").read_bytes().splitlines()
    assert sorted(written) == sorted(line for some in lines.values() for line in some)
    for some in lines.values():
        assert [line for line in written if line in some] == some


async def test_what_comes_while_the_disk_is_busy_is_written_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: (synced.append(descriptor), sync(descriptor))
    )
    files = NoticeFiles(tmp_path)
    await files.append("demo", "all", [b"first"])
    synced.clear()
    await asyncio.gather(*(files.append("demo", "all", [b"%d" % n]) for n in range(50)))
    assert len(synced) <= 2


@pytest.mark.parametrize("size", [3, BLOCK - 1, BLOCK, 3 * BLOCK])
async def test_a_line_that_a_dead_server_left_unfinished_is_dropped(
    tmp_path: Path, size: int
) -> None:
    path = file_of(tmp_path, "demo", "all")
    path.write_bytes(b"whole\n" + b"h" * size)
    await NoticeFiles(tmp_path).append("demo", "all", [b"next"])
    assert path.read_text() == "whole\nnext\n"
    path.write_bytes(b"h" * size)
    await NoticeFiles(tmp_path).append("demo", "all", [b"next"])
    assert path.read_text() == "next\n"


async def test_what_does_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    files = NoticeFiles(tmp_path)
    await files.append("demo", "all", [b"whole"])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            await files.append("demo", "all", [b"more than fits"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert file_of(tmp_path, "demo", "all").read_text() == "whole\n"
    await files.append("demo", "all", [b"again"])
    assert file_of(tmp_path, "demo", "all").read_text() == "whole\nagain\n"


async def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    files, path = NoticeFiles(tmp_path), file_of(tmp_path, "demo", "all")
    await files.append("demo", "all", [b"old"])
    path.rename(tmp_path / "old")
    await files.append("demo", "all", [b"new"])
    assert path.read_text() == "new\n"
    assert (tmp_path / "old").read_text() == "old\n"
