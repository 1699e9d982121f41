"""Progress can be read: not more often than that, and without breaking the lines of others."""

import io

from diameter_ocs.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_one_line_that_is_rewritten_and_removed() -> None:
    stream, now = Terminal(), 0.0
    progress = Progress("saving", stream, lambda: now)
    for step in range(10):
        now = step / 10
        progress.tell("edr", step * 1000, 12_000)
    progress.end()
    assert "\n" not in stream.getvalue()
    shown = [line.rstrip() for line in stream.getvalue().split("\r")]
    assert shown[1] == "saving: edr, 2,000 of 12,000"
    assert len(shown) == 7
    assert shown[-2:] == ["", ""]


def test_elsewhere_there_is_a_line_every_ten_seconds() -> None:
    stream, now = io.StringIO(), 0.0
    progress = Progress("saving", stream, lambda: now)
    for step in range(25):
        now = float(step)
        progress.tell("edr", step, 25)
    progress.end()
    assert stream.getvalue().splitlines() == ["saving: edr, 10 of 25", "saving: edr, 20 of 25"]


def test_short_work_says_nothing() -> None:
    stream = Terminal()
    progress = Progress("saving", stream, lambda: 0.0)
    progress.tell("edr", 1, 1)
    progress.end()
    assert stream.getvalue() == ""
