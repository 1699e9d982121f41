"""What operators do about open sessions: find them, look into them, close them."""

import re
from typing import Any

from ..charging.case import Change
from ..charging.catalogue import Catalogue
from ..charging.commands import Effect, OpenSession, SessionsAsked
from ..charging.course import followed
from ..charging.deadlines import idle_at
from ..charging.reauthorization import aborted
from ..charging.requests import session_id_text
from ..charging.session import Line, Reservation, Session
from ..charging.supervision import close_commanded
from .answers import price_answer, unit_name
from .commands import Accounts, CommandWork, Done, FindsAccounts, Order, locked_case, perform
from .moments import moment_text, optional_moment_text
from .provisioning import tenant_meant
from .refusals import Refusal

NAMED_MAX = 10
"""Sessions of one Session-Id that are named where one of them has to be chosen."""


async def find_session(accounts: FindsAccounts, tenant: str | None, name: str) -> OpenSession:
    """Returns the one open session that is meant, by its id or by its Session-Id."""
    place = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,18})", name)
    found: list[OpenSession] = []
    if place is not None:
        asked = SessionsAsked(tenant, place=(int(place[1]), int(place[2])))
        found += await accounts.find_sessions(asked, 1)
    if not found:
        octets = name.encode(errors="surrogateescape")
        found += await accounts.find_sessions(SessionsAsked(tenant, session_id=octets), NAMED_MAX)
    if not found:
        raise Refusal(
            "session_unknown", f"there is no open session {name!r}; `session list` shows them"
        )
    if len(found) > 1:
        ids = ", ".join(map(session_name, found))
        raise Refusal("session_needed", f"several sessions are called {name!r}: name {ids}")
    return found[0]


async def show_session(accounts: Accounts, tenant: str | None, name: str) -> dict[str, Any]:
    """Describes an open session with all that it holds."""
    found = await find_session(accounts, tenant, name)
    balances = {each.id: each for each in await accounts.group_balances(found.group_id)}
    version = found.session.catalogue_version
    catalogue = await accounts.read_catalogue(found.tenant, version)
    held = [
        {
            "balance": number,
            "balance_type": balances[number].balance_type if number in balances else None,
            "unit_type": _unit_type(balances[number].balance_type, catalogue)
            if number in balances
            else None,
            "reserved": amount,
        }
        for number, amount in sorted(found.session.held().items())
    ]
    given_up_at = moment_text(idle_at(found.session, catalogue.session_rules))
    return {
        **session_answer(found),
        "given_up_at": given_up_at,
        "currency": catalogue.currency,
        "held": held,
    }


async def close_session(accounts: Accounts, tenant: str | None, name: str, order: Order) -> Done:
    """Closes an open session: what it holds is released, what it reports later is charged once."""
    owner = await tenant_meant(accounts, tenant, lambda: find_session(accounts, None, name))

    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        now, actor = stamp
        found = await find_session(work, owner, name)
        key = found.session.key
        case = await locked_case(work, found.group_id, now, [key])
        session = case.sessions.get(key)
        if session is None or session.number != found.session.number:
            raise Refusal("session_unknown", f"session {name!r} has just ended")
        decision = close_commanded(session, actor, case)
        aborts = (aborted(session),)
        closed = Change(case, case.after(decision), decision.edrs, aborts)
        await work.work.apply([followed(closed)])
        answer = {
            "session": session_name(found),
            "account": found.account,
            "tenant": found.tenant,
            "released": [
                {"balance": number, "reserved": amount}
                for number, amount in sorted(session.held().items())
            ],
        }
        return Effect(answer, session_answer(found._replace(session=session)), None, found.account)

    return await perform(accounts, order, "session close", (owner, {"session": name}), change)


def session_name(found: OpenSession) -> str:
    """Returns the session's id, (group, number), as one word."""
    return f"{found.group_id}-{found.session.number}"


def session_answer(found: OpenSession) -> dict[str, Any]:
    """Describes an open session."""
    session = found.session
    return {
        "session": session_name(found),
        "account": found.account,
        "tenant": found.tenant,
        "session_id": session_id_text(session.key.session_id),
        "sub_session_id": session.key.sub_session_id,
        "service_context": session.service_context,
        "origin_host": session.origin_host,
        "origin_realm": session.origin_realm,
        "opened_at": moment_text(session.opened_at),
        "last_request_at": moment_text(session.last_request_at),
        "request_number": session.request_number,
        "catalogue_version": session.catalogue_version,
        "network": session.circumstances.location.plmn,
        "countries": list(session.circumstances.location.countries),
        "apn": session.circumstances.information.apn,
        "charging_id": session.charging_id,
        "origin_state_id": session.origin_state_id,
        "lines": [_line(line) for line in session.lines],
        "reservations": [_reservation(each, session) for each in session.reservations],
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "line": line.number,
        "rating_group": line.rating_group,
        "unit_type": unit_name(line.unit_type),
        "zone": line.zone or None,
        "price": None if line.price is None else price_answer(line.price),
        "used": line.used,
        "settled": line.settled,
        "holds": [
            {
                "service": hold.service,
                "units": hold.units,
                "balances": [
                    {"balance": number, "reserved": amount} for number, amount in hold.amounts
                ],
            }
            for hold in line.holds
        ],
    }


def _reservation(reservation: Reservation, session: Session) -> dict[str, Any]:
    """Describes a quota; one that has expired is granted nothing."""
    line = next(each for each in session.lines if each.number == reservation.line)
    return {
        "rating_group": reservation.rating_group,
        "service_identifiers": list(reservation.service_identifiers),
        "line": reservation.line,
        "unit_type": unit_name(line.unit_type),
        "granted": reservation.granted,
        "is_final": reservation.is_final,
        "granted_at": optional_moment_text(reservation.granted_at or None),
        "price_changes_at": optional_moment_text(reservation.tariff_change_at),
        "expires_at": optional_moment_text(reservation.expires_at or None),
        "tariff_change_at": optional_moment_text(reservation.tariff_change_at),
        "held_by_line": reservation.line if reservation.cover is None else reservation.cover,
    }


def _unit_type(balance_type: str, catalogue: Catalogue) -> str | None:
    known = catalogue.balance_types.get(balance_type)
    return None if known is None else unit_name(known.unit_type)
