"""A table of explanations fits the differences exactly."""

import pytest

from tests.dictionaries.differences import Explanation, check_explained

FOUND = {("type", "A:Time"), ("name", "B:C")}
TYPE = Explanation("type", "the standard says text", "A:Time")
NAME = Explanation("name", "the standard spells it so", "B:C")


def test_what_is_explained_passes() -> None:
    check_explained(FOUND, [TYPE, NAME])


@pytest.mark.parametrize(
    ("explanations", "problem"),
    [
        ([TYPE], "not explained: .*'B:C'"),
        ([TYPE, NAME, Explanation("name", "this was mended long ago", "D:E")], "no longer .*'D:E'"),
        ([TYPE, NAME, NAME], "explained twice"),
        ([TYPE, Explanation("name", "?", "B:C")], "no words"),
    ],
)
def test_anything_else_fails(explanations: list[Explanation], problem: str) -> None:
    with pytest.raises(AssertionError, match=problem):
        check_explained(FOUND, explanations)
