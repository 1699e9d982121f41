"""Where the server's CPU time goes, by the stages of a request: `bench --profile` shows it.

A timer that runs with the process's CPU time interrupts the main thread, and the stage whose
function is the innermost on the stack gets the sample. The request's way has no hooks for it, so it
costs nothing when off, and well below one per cent when on.
"""

import json
import os
import signal
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

VARIABLE = "OCS_PROFILE"
"""Names the file into which a server writes its profile at its end."""
SAMPLE_SECONDS = 0.004
"""Of CPU time; the kernel looks no more often than its clock ticks."""

RECEIVE = "receive and decode"
GY_DECODE = "gy decode"
QUEUE = "queues and batches"
RESOLVE = "resolve"
LOAD = "lock and load"
CHARGE = "charge"
APPLY = "apply"
COMMIT = "begin and commit"
SEND = "encode and send"
LOOP = "event loop"

STAGES = (RECEIVE, GY_DECODE, QUEUE, RESOLVE, LOAD, CHARGE, APPLY, COMMIT, SEND, LOOP)
"""In the order in which a request goes through them; the last is what belongs to none."""

ENTRIES: Mapping[tuple[str, str], str] = {
    ("transport/stream.py", "Stream.buffer_updated"): RECEIVE,
    ("transport/sctp_association.py", "SctpAssociation._read"): RECEIVE,
    ("transport/udp_packets.py", "Packets._receive"): RECEIVE,
    ("transport/udp_packets.py", "Packets._send"): SEND,
    ("transport/sctp_udp.py", "Stack._look"): RECEIVE,
    ("transport/outlet.py", "Outlet._flush"): SEND,
    ("server/application.py", "CreditControl.take"): GY_DECODE,
    ("server/application.py", "CreditControl._reply"): SEND,
    ("handlers/lanes.py", "Lanes.submit"): QUEUE,
    ("handlers/lanes.py", "Lanes._lane"): QUEUE,
    ("handlers/lanes.py", "Lanes._resolve"): RESOLVE,
    ("handlers/credit_control.py", "fold"): CHARGE,
    ("store/work.py", "PostgresStore.resolve"): RESOLVE,
    ("store/work.py", "PostgresStore.work"): COMMIT,
    ("store/work.py", "PostgresWork.lock"): LOAD,
    ("store/work.py", "PostgresWork.load"): LOAD,
    ("store/work.py", "PostgresWork.apply"): APPLY,
}
"""The function, by its module and name, with which each stage is entered."""

_PACKAGE = f"{Path(__file__).resolve().parent.parent}{os.sep}"


class Profile:
    """Counts samples by stage between start and finish, which the main thread calls."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.samples: Counter[str] = Counter()

    @classmethod
    def wanted(cls, environment: Mapping[str, str]) -> "Profile | None":
        """Returns a profile when the environment names a file for it."""
        file = environment.get(VARIABLE)
        return cls(Path(file)) if file else None

    def start(self) -> None:
        """Begins to count."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)

    def finish(self) -> None:
        """Counts no more, and writes what was counted."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        self._file.write_text(json.dumps(self.samples))

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        self.samples[stage_of(frame)] += 1


def stage_of(frame: FrameType | None) -> str:
    """Returns the stage of a stack, given its innermost frame."""
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(_PACKAGE):
            stage = ENTRIES.get((code.co_filename[len(_PACKAGE) :], code.co_qualname))
            if stage is not None:
                return stage
        frame = frame.f_back
    return LOOP


def microseconds_by_stage(samples: Mapping[str, int], cpu_us: float) -> dict[str, float]:
    """Divides the server's CPU time of one request among the stages, by their samples."""
    total = max(1, sum(samples.values()))
    return {stage: round(cpu_us * samples.get(stage, 0) / total, 1) for stage in STAGES}
