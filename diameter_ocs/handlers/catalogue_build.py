"""From a checked document to the catalogue that charging reads."""

from collections.abc import Iterable, Iterator
from operator import attrgetter

from ..charging import catalogue
from ..charging.counters import BalanceCounter
from ..charging.expressions import parse_networks
from ..charging.settlement import USED_MAX
from ..charging.units import UnitType, parse_money
from .catalogue_announcements import announcements
from .catalogue_counters import counter, policy_counter, readable_with
from .catalogue_document import Document, RatingGroupPart, SettingsPart
from .catalogue_final_units import final_unit
from .catalogue_notices import expiring_before, notice_sinks, noticed
from .catalogue_places import addresses, prefixes
from .catalogue_plans import PlanPart, ServicePart, pays_from, rates
from .catalogue_quotas import quota_terms
from .catalogue_restrictions import restrictions
from .catalogue_scalars import UNIT_TYPES


def build(document: Document, version: int) -> catalogue.Catalogue:
    """Returns the catalogue that a checked document describes."""
    groups = {group.id: group for group in rating_groups(document.rating_groups)}
    coverage = Coverage(groups.values())
    money, home = default_money(document), document.home_networks
    counters, known = _counters(document), readable_with(document.balance_types)
    sinks = notice_sinks(document.notices)
    return catalogue.Catalogue(
        tenant=document.tenant,
        version=version,
        currency=document.currency,
        rating_groups=groups,
        balance_types={
            part.name: catalogue.BalanceType(part.name, UNIT_TYPES.get(part.unit_type))
            for part in document.balance_types
        },
        plans={part.name: _plan(part, money, coverage) for part in document.plans},
        default_rating_groups=dict(document.default_rating_groups),
        service_identifiers=dict(document.service_identifiers),
        default_monetary_balance_type=money,
        session_rules=_session_rules(document.settings),
        time_zone=document.time_zone,
        home_networks=None if home is None else parse_networks(home),
        home_countries=document.home_countries,
        carrier_code=document.carrier_code,
        emergency_numbers=frozenset(document.emergency_numbers),
        prefixes=prefixes(document.number_prefixes),
        sgsn_addresses=addresses(document.sgsn_addresses),
        announcement_contexts=frozenset(document.settings.announcement_contexts),
        explains_in_full=document.settings.explain_in_full,
        counters=counters,
        policy_counters={
            part.name: policy_counter(part, known)
            for part in sorted(document.policy_counters, key=attrgetter("name"))
        },
        ignores_unknown_counters=document.settings.unknown_counters == "IGNORE",
        blockable=frozenset(each.balance_type for each in counters.values() if each.may_block),
        notice_sinks=sinks,
        noticed=noticed(sinks.values()),
        expiring_before=expiring_before(document.notices),
    )


def rating_groups(
    parts: Iterable[RatingGroupPart], parent: catalogue.RatingGroup | None = None
) -> Iterator[catalogue.RatingGroup]:
    """Returns groups and those below them, parents first, with what they inherit."""
    for part in parts:
        group = _rating_group(part, parent)
        yield group
        yield from rating_groups(part.children, group)


class Coverage:
    """Which groups services cover: those that they name, and all groups below them."""

    def __init__(self, groups: Iterable[catalogue.RatingGroup]) -> None:
        """`groups` have parents before their children."""
        self._below: dict[int, set[int]] = {}
        self._found: dict[frozenset[int], frozenset[int]] = {}
        lines: dict[int | None, tuple[int, ...]] = {None: ()}
        for group in groups:
            lines[group.id] = (*lines[group.parent_id], group.id)
            for number in lines[group.id]:
                self._below.setdefault(number, set()).add(group.id)

    def of(self, service: ServicePart) -> frozenset[int]:
        """Returns the groups of a service; services that cover the same ones share the value."""
        below = [self._below.get(number, ()) for number in service.rating_groups]
        found = frozenset().union(*below)
        return self._found.setdefault(found, found)


def _counters(document: Document) -> dict[str, BalanceCounter]:
    """Returns the counters on balance types, by name in order."""
    found = [
        counter(part, kind.name, UNIT_TYPES.get(kind.unit_type))
        for kind in document.balance_types
        for part in kind.counters
    ]
    return {each.name: each for each in sorted(found, key=attrgetter("name"))}


def _session_rules(part: SettingsPart) -> catalogue.SessionRules:
    return catalogue.SessionRules(
        idle_seconds=part.session_idle_hours * 3600,
        ims_idle_seconds=part.ims_session_idle_hours * 3600,
        tombstone_seconds=part.tombstone_hours * 3600,
        charges_unknown_sessions=part.charge_unknown_session,
        closes_unclaimed=part.close_unclaimed,
        reverses_unclaimed_events=part.reverse_unclaimed_events,
        serves_events_in_part=part.insufficient_balance_events != "REJECT",
        insufficiency=catalogue.Insufficiency(part.insufficient_balance_sessions),
        reauthorization=catalogue.Reauthorization(part.reauthorize),
        low_balance=None if part.low_balance is None else parse_money(part.low_balance),
    )


def _rating_group(
    part: RatingGroupPart, parent: catalogue.RatingGroup | None
) -> catalogue.RatingGroup:
    """Fills in what is inherited; amounts are not inherited where another unit is counted."""
    unit_type = parent.unit_type if parent else UnitType.SERVICE_SPECIFIC_UNITS
    if part.unit_type is not None:
        unit_type = UNIT_TYPES[part.unit_type]
    like = parent if parent and parent.unit_type is unit_type else None
    min_reservation = part.min_reservation
    if min_reservation is None:
        min_reservation = like.min_reservation if like else 1
    highest = like.max_reservation if like else USED_MAX[unit_type]
    validity = parent.quota_validity_seconds if parent else 3600
    mirrors = part.command_level_result_code
    return catalogue.RatingGroup(
        id=part.id,
        name=part.name,
        parent_id=parent.id if parent else None,
        unit_type=unit_type,
        rounding=part.rounding or (like.rounding if like else 1),
        min_reservation=min_reservation,
        max_reservation=part.max_reservation or highest,
        default_quota=part.default_quota or (like.default_quota if like else 1),
        quota_validity_seconds=part.quota_validity or validity,
        announcements={
            **(parent.announcements if parent else {}),
            **announcements(part.announcements),
        },
        mirrors_result_code=(
            mirrors if mirrors is not None else parent is not None and parent.mirrors_result_code
        ),
        final_unit=final_unit(part.final_unit, parent.final_unit if parent else None),
        **quota_terms(part, like, unit_type),
    )


def default_money(document: Document) -> str | None:
    """Returns the money that pays where nothing else is said; None: there is none."""
    money = [part.name for part in document.balance_types if part.unit_type == "money"]
    return document.default_monetary_balance_type or (money[0] if money else None)


def _plan(part: PlanPart, money: str | None, coverage: Coverage) -> catalogue.Plan:
    services = tuple(
        catalogue.Service(
            name=service.name,
            priority=service.priority,
            rating_groups=coverage.of(service),
            balance_types=pays_from(service, money),
            rates=rates(service),
            restrictions=restrictions(service.when),
            denies_others=service.deny_other_services,
        )
        for service in part.services
    )
    allowances = tuple(
        catalogue.Allowance(service.allowance.balance_type, service.allowance.amount)
        for service in part.services
        if service.allowance is not None
    )
    return catalogue.Plan(
        part.name, part.priority, services, allowances, part.catch_all, part.policy_counters
    )
