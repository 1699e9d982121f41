"""What a load run sent and was answered, and the report made of it."""

import json
from collections import Counter
from typing import Any

from .answers import SUCCESS
from .latency import LatencyHistogram

FAULTS_KEPT = 20


class Tally:
    """Counts of one run.

    `used_octets` counts by (rating group, result code of its service) the octets reported in
    requests that were answered with 2001; where an answer does not name the group, the code is
    2001 too. `late` requests of an open loop were due while too many were under way, and those of
    them that never left are `unsent`. `faults` are sentences about answers that do not fit their
    requests.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.answered = 0
        self.checked = 0
        self.unmatched = 0
        self.late = 0
        self.unsent = 0
        self.sessions_opened = 0
        self.sessions_closed = 0
        self.result_codes: Counter[int] = Counter()
        self.service_codes: Counter[int] = Counter()
        self.used_octets: Counter[tuple[int, int]] = Counter()
        self.faults: Counter[str] = Counter()
        self.latency = LatencyHistogram()

    def count_answer(self, code: int, services: dict[int, int], used: dict[int, int]) -> None:
        """Counts one answer: its code, its services' codes and the octets its request reported."""
        self.answered += 1
        self.result_codes[code] += 1
        for service_code in services.values():
            self.service_codes[service_code] += 1
        if code == SUCCESS:
            for group, octets in used.items():
                self.used_octets[group, services.get(group, code)] += octets

    def count_fault(self, fault: str) -> None:
        """Counts a fault; after twenty different ones the others are counted together."""
        known = fault in self.faults or len(self.faults) < FAULTS_KEPT
        self.faults[fault if known else "other faults"] += 1

    def report(
        self, ended: str, full_speed: tuple[int, float], cpu_seconds: float
    ) -> dict[str, Any]:
        """Returns the run for JSON; `full_speed` is (answers, seconds) before the ending."""
        answers, seconds = full_speed
        used: dict[str, dict[str, int]] = {}
        for (group, code), octets in sorted(self.used_octets.items()):
            used.setdefault(str(group), {})[str(code)] = octets
        return {
            "ended": ended,
            "sent": self.sent,
            "answered": self.answered,
            "unanswered": self.sent - self.answered,
            "unmatched": self.unmatched,
            "late": self.late,
            "unsent": self.unsent,
            "seconds": round(seconds, 3),
            "answers_per_second": round(answers / seconds, 1) if seconds else 0.0,
            "sessions_opened": self.sessions_opened,
            "sessions_closed": self.sessions_closed,
            "result_codes": _by_text(self.result_codes),
            "service_result_codes": _by_text(self.service_codes),
            "used_octets": used,
            "latency_milliseconds": {
                "p50": self.latency.milliseconds(0.50),
                "p95": self.latency.milliseconds(0.95),
                "p99": self.latency.milliseconds(0.99),
                "max": self.latency.maximum_milliseconds,
            },
            "checked": self.checked,
            "faults": dict(self.faults),
            "cpu_microseconds_per_answer": round(cpu_seconds * 1e6 / max(1, self.answered), 2),
        }


def journal_line(
    session_id: bytes, request: tuple[int, int], code: int, used: dict[int, int]
) -> bytes:
    """Returns one line of JSON about an answer; `request` is (CC-Request-Type, -Number)."""
    kind, number = request
    line = {
        "session_id": session_id.decode(),
        "request_type": kind,
        "request_number": number,
        "result_code": code,
        "used_octets": used,
    }
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _by_text(counts: Counter[int]) -> dict[str, int]:
    return {str(code): count for code, count in sorted(counts.items())}
