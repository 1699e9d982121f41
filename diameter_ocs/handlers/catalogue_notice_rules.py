"""What must hold between the notices of a catalogue document."""

from collections.abc import Iterator

from ..charging.notice_types import types_matching
from ..charging.units import UnitType
from .catalogue_findings import Finding, listed, repeated
from .catalogue_notices import NoticeFilePart, NoticesPart, WebhookPart
from .catalogue_text import Path
from .quantities import quantity_text


def of_notices(part: NoticesPart) -> Iterator[Finding]:
    """Finds sinks of one name, types that a sink names twice, and times that are named twice."""
    webhooks, files = listed("webhooks", part.webhooks), listed("files", part.files)
    sinks: list[tuple[Path, WebhookPart | NoticeFilePart]] = [
        *((("notices", *path), each) for path, each in webhooks),
        *((("notices", *path), each) for path, each in files),
    ]
    yield from repeated("name", [((*path, "name"), each.name) for path, each in sinks])
    for path, each in sinks:
        names = [
            ((*path, "types", index), name)
            for index, pattern in enumerate(each.types or ())
            for name in types_matching(pattern)
        ]
        yield from repeated("type", names)
    times = [
        (("notices", "expiring_before", index), quantity_text(seconds, UnitType.TIME))
        for index, seconds in enumerate(part.expiring_before)
    ]
    yield from repeated("time", times)
