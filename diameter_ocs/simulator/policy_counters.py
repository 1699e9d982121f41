"""Statuses of policy counters, as SLA and SNR tell them (TS 29.219)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from diameter.message import constants as c  # type: ignore[import-untyped]

from .avps import each, first, time_text


@dataclass(frozen=True, slots=True)
class PendingStatus:
    """A status that a counter will have, and from when on."""

    status: str
    at: str


@dataclass(frozen=True, slots=True)
class CounterReport:
    """What a Policy-Counter-Status-Report says of a counter."""

    counter: str
    status: str
    pending: tuple[PendingStatus, ...] = ()

    def text(self) -> str:
        """Says the status, and what it will be."""
        pending = "".join(f", {each.status} from {each.at}" for each in self.pending)
        return f"{self.counter}={self.status}{pending}"


def read_reports(group: list[Any]) -> tuple[CounterReport, ...]:
    """Returns the reports of an answer or a notification in their order."""
    reports = each(group, c.AVP_TGPP_POLICY_COUNTER_STATUS_REPORT, c.VENDOR_TGPP)
    return tuple(_read_report(member.value) for member in reports)


def reports_text(reports: Iterable[CounterReport]) -> str:
    """Says all statuses in one line."""
    return "; ".join(report.text() for report in reports)


def _read_report(members: list[Any]) -> CounterReport:
    pending = each(members, c.AVP_TGPP_PENDING_POLICY_COUNTER_INFORMATION, c.VENDOR_TGPP)
    return CounterReport(
        counter=first(members, c.AVP_TGPP_POLICY_COUNTER_IDENTIFIER, c.VENDOR_TGPP) or "",
        status=first(members, c.AVP_TGPP_POLICY_COUNTER_STATUS, c.VENDOR_TGPP) or "",
        pending=tuple(_read_pending(member.value) for member in pending),
    )


def _read_pending(members: list[Any]) -> PendingStatus:
    times = each(members, c.AVP_TGPP_PENDING_POLICY_COUNTER_CHANGE_TIME, c.VENDOR_TGPP)
    return PendingStatus(
        status=first(members, c.AVP_TGPP_POLICY_COUNTER_STATUS, c.VENDOR_TGPP) or "",
        at=time_text(times[0].payload) if times else "",
    )
