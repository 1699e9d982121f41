"""Files of notices as people read them: the latest, those they want, and on."""

import json
from pathlib import Path
from typing import Any

import pytest

from diameter_ocs.cli.notice_tail import BLOCK, Tail, files_in
from diameter_ocs.jobs.notice_files import file_of
from tests.cli.conftest import Run


def event(number: int, kind: str = "counter.changed", subject: str = "alice") -> dict[str, Any]:
    return {
        "id": f"1-{number}-0",
        "source": "/tenants/demo",
        "type": kind,
        "subject": subject,
        "time": f"2026-11-20T18:30:{number % 60:02d}.000000Z",
        "data": {"counter": "data left", "state": "low", "threshold": None},
    }


def write(folder: Path, *events: dict[str, Any], name: str = "all", tenant: str = "demo") -> Path:
    path = file_of(folder, tenant, name)
    with path.open("a") as file:
        file.writelines(json.dumps(each) + "\n" for each in events)
    return path


def test_the_latest_notices_are_shown_in_a_line_each(run: Run, tmp_path: Path) -> None:
    write(tmp_path, *map(event, range(30)))
    shown = run("notices", "tail", "--folder", str(tmp_path), "--limit", "2")
    assert shown.out == (
        "2026-11-20T18:30:28.000000Z  counter.changed  alice"
        '  counter="data left" state=low threshold=-\n'
        "2026-11-20T18:30:29.000000Z  counter.changed  alice"
        '  counter="data left" state=low threshold=-\n'
    )


def test_programs_get_them_as_they_are_written(run: Run, tmp_path: Path) -> None:
    write(tmp_path, event(1), event(2))
    shown = run("notices", "tail", "--folder", str(tmp_path), "--json")
    assert [json.loads(line) for line in shown.out.splitlines()] == [event(1), event(2)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), [1, 2, 3, 4]),
        (("--account", "bob"), [2]),
        (("--type", "peer.*", "--type", "account.created"), [3, 4]),
        (("--tenant", "other/x"), [4]),
        (("--file", "all"), [1, 2, 3]),
        (("--limit", "1", "--account", "alice"), [4]),
    ],
)
def test_they_are_chosen(
    run: Run, tmp_path: Path, options: tuple[str, ...], expected: list[int]
) -> None:
    write(tmp_path, event(1), event(2, subject="bob"), event(3, "peer.up", "pgw.example"))
    write(tmp_path, event(4, "account.created"), name="some", tenant="other/x")
    shown = run("notices", "tail", "--folder", str(tmp_path), "--json", *options)
    found = [int(json.loads(line)["id"].split("-")[1]) for line in shown.out.splitlines()]
    assert found == expected


def test_a_notice_that_was_written_twice_is_shown_once(run: Run, tmp_path: Path) -> None:
    write(tmp_path, event(1), event(1))
    write(tmp_path, event(1), name="again")
    assert len(run("notices", "tail", "--folder", str(tmp_path)).out.splitlines()) == 1


def test_what_is_no_line_of_ours_is_passed_over(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path, event(1))
    with path.open("a") as file:
        file.write("what?\n[]\n" + json.dumps(event(2)))
    assert len(run("notices", "tail", "--folder", str(tmp_path)).out.splitlines()) == 1


def test_where_there_are_none_it_is_said_how_there_will_be(run: Run, tmp_path: Path) -> None:
    ended = run("notices", "tail", "--folder", str(tmp_path))
    assert ended.status == 1
    assert f"there is no file of notices in {tmp_path}: `notices: {{files:" in ended.err


def test_a_type_that_there_is_not_is_refused(run: Run, tmp_path: Path) -> None:
    ended = run("notices", "tail", "--folder", str(tmp_path), "--type", "account.create")
    assert ended.status == 2
    assert "(did you mean account.created?)" in ended.err


def test_the_description_is_printed(run: Run) -> None:
    assert run("notices", "schema").json["asyncapi"] == "3.0.0"


class Followed:
    """A folder that is read on."""

    def __init__(self, folder: Path) -> None:
        self.tail = Tail(lambda: files_in(folder), lambda event: True, 100)

    def latest(self) -> list[int]:
        return numbers(self.tail.latest())

    def more(self) -> list[int]:
        return numbers(list(self.tail.more()))


def numbers(events: list[dict[str, Any]]) -> list[int]:
    return [int(each["id"].split("-")[1]) for each in events]


def test_what_is_written_later_is_read_on_and_new_files_from_their_beginning(
    tmp_path: Path,
) -> None:
    write(tmp_path, event(1))
    followed = Followed(tmp_path)
    assert (followed.latest(), followed.more()) == ([1], [])
    write(tmp_path, event(2), event(3))
    write(tmp_path, event(4), name="new")
    assert (followed.more(), followed.more()) == ([2, 3, 4], [])
    followed.tail.close()


def test_a_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path, event(1))
    followed = Followed(tmp_path)
    text = json.dumps(event(2)) + "\n"
    with path.open("a") as file:
        file.write(text[:20])
    assert (followed.latest(), followed.more()) == ([1], [])
    with path.open("a") as file:
        file.write(text[20:])
    assert followed.more() == [2]
    followed.tail.close()


def test_a_file_that_is_moved_away_is_read_to_its_end_and_the_next_one_from_its_beginning(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, event(1))
    followed = Followed(tmp_path)
    assert followed.latest() == [1]
    write(tmp_path, event(2))
    path.rename(tmp_path / "old")
    assert followed.more() == [2]
    write(tmp_path, event(3))
    assert (followed.more(), followed.more()) == ([3], [])
    followed.tail.close()


def test_long_files_are_read_from_their_end(tmp_path: Path) -> None:
    many = BLOCK // 50
    write(tmp_path, *map(event, range(many)))
    tail = Tail(lambda: files_in(tmp_path), lambda event: event["id"] in ("1-3-0", "1-700-0"), 5)
    assert numbers(tail.latest()) == [3, 700]
    tail.close()
