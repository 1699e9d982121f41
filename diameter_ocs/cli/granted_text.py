"""What `edr explain` says of a quota and of what is announced with it."""

from ..charging.announcements import Announcement
from ..charging.decisions import Grant
from ..handlers.amounts import amount_text
from ..handlers.moments import moment_text
from .final_unit_text import final_unit_json, final_unit_text


def granted_text(grant: Grant) -> str:
    """Says what was granted, until when, and what follows."""
    units = amount_text(grant.units, grant.unit_type, "")
    if grant.validity_seconds is None:
        return f"Served {units}{'; no more could be paid' if grant.is_final else ''}."
    final_unit, seconds = grant.final_unit, grant.validity_seconds
    then = "" if final_unit is None else final_unit_text(final_unit_json(final_unit))
    if not grant.units:
        again = f"the gateway asks again after {seconds} s"
        return f"Nothing is left: {then}; {again}." if then else f"It goes on so: {again}."
    last = ""
    if grant.is_final:
        last = f", the last, for nothing can pay after it: {then or 'the gateway is not told'}"
    place = "; elsewhere it may be paid otherwise" if grant.depends_on_location else ""
    asked = ""
    if grant.threshold is not None:
        asked = f", asked for anew below {amount_text(grant.threshold, grant.unit_type, '')}"
    change = ""
    if grant.tariff_change_at is not None:
        change = f"; the price changes at {moment_text(grant.tariff_change_at)}"
    return f"Granted {units} for {seconds} s{asked}{last}{place}{change}."


def announced_text(announcement: Announcement) -> str:
    """Says what callers hear, and when."""
    text = f"Callers hear announcement {announcement.identifier}"
    if announcement.language is not None:
        text += f" in {announcement.language}"
    seconds = announcement.seconds_before_end
    if seconds is not None:
        text += f", {seconds} s before the quota's end" if seconds else ", at the quota's end"
    return f"{text}."
