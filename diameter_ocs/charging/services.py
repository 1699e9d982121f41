"""The services of a request on their way: what each is, what may pay for it, what became of it."""

from .announcements import Announcement
from .case import Account
from .catalogue import Catalogue, RatingGroup, Tariff
from .considered import FULL_LENGTH_MAX, full_text, joined, named, parse
from .decisions import Grant, Outcome, Payment, ServiceDecision, ServiceRecord, Settlement
from .emergency import tariffs_in_emergency, unknown_group
from .location import Circumstances
from .money import group_in_money, is_in_money, tariffs_in_money
from .rating import NOTHING_PAYS, tariffs_of
from .requests import ChargingRequest, RequestType, ServiceUsage, Units
from .tuples import new
from .units import UnitType

NOTHING_USED = Settlement()
CANNOT_BE_RATED: tuple[Tariff, ...] = (NOTHING_PAYS,)

# A member takes 0.1 µs to be looked up in its class.
SUCCESS, EVENT = Outcome.SUCCESS, RequestType.EVENT
MONEY = UnitType.MONEY
SERVED = frozenset({SUCCESS, Outcome.NOT_APPLICABLE})
"""What is no refusal."""


class Service:
    """One service of a request on its way: what it is, what became of it."""

    __slots__ = (
        "announcements",
        "grant",
        "identity",
        "is_in_money",
        "outcome",
        "paid",
        "rating_group",
        "settlement",
        "tariffs",
        "usage",
    )

    def __init__(
        self, usage: ServiceUsage, rating_group: RatingGroup | None, tariffs: tuple[Tariff, ...]
    ) -> None:
        number = usage.rating_group if rating_group is None else rating_group.id
        self.usage = usage
        self.rating_group = rating_group
        self.tariffs = tariffs
        self.identity = number, usage.service_identifiers
        self.outcome = Outcome.RATING_FAILED if rating_group is None else SUCCESS
        self.settlement = NOTHING_USED
        self.is_in_money = rating_group is not None and rating_group.unit_type is MONEY
        self.grant: Grant | None = None
        self.paid: tuple[Payment, ...] = ()
        self.announcements: tuple[Announcement, ...] = ()

    @property
    def unsold(self) -> Outcome:
        """How it is refused where nothing may pay for it."""
        is_unplaced = self.tariffs[0].is_unplaced
        return Outcome.LOCATION_UNKNOWN if is_unplaced else Outcome.SERVICE_DENIED

    def forget(self) -> None:
        """Takes back what was granted and charged: nothing is."""
        self.grant, self.settlement, self.paid = None, NOTHING_USED, ()

    def decision(self) -> ServiceDecision:
        """Returns what it is answered."""
        return new(ServiceDecision, (self.usage, self.outcome, self.grant, self.announcements))

    def record(self) -> ServiceRecord:
        """Returns it as the journal keeps it."""
        rating_group, service_identifiers = self.identity
        is_named = self.usage.rating_group is not None
        decided = self.outcome, self.settlement, self.grant
        more = is_named, self.announcements, self.paid, self.is_in_money
        return new(ServiceRecord, (rating_group, service_identifiers, *decided, *more))


def services_of(
    request: ChargingRequest,
    context: str | None,
    account: Account,
    catalogue: Catalogue,
    circumstances: Circumstances,
    now: int,
) -> list[Service]:
    """Returns the services of a request; those of equal identity are one (TS 32.299 6.3)."""
    plans, time_zone = account.plans, account.time_zone
    is_emergency = circumstances.information.is_emergency
    has_money = request.currency is not None
    services: dict[tuple[int | None, tuple[int, ...]], Service] = {}
    usages = _default_usages(context, catalogue) if request.wants_default else request.usages
    for usage in usages:
        group = catalogue.rating_group_of(usage.rating_group, usage.service_identifiers, context)
        tariffs = CANNOT_BE_RATED
        if is_emergency:
            group = group or unknown_group(usage, context)
            tariffs = tariffs_in_emergency(group.id)
        elif group is not None:
            tariffs = tariffs_of(plans, group.id, catalogue, circumstances, now, time_zone)
        if has_money and group is not None and is_in_money(usage):
            group = group_in_money(usage, group)
            tariffs = tariffs if is_emergency else tariffs_in_money(tariffs, catalogue)
        service = Service(usage, group, tariffs)
        twin = services.setdefault(service.identity, service)
        if twin is not service:
            merge = _summed_usage if request.request_type is EVENT else _merged_usage
            twin.usage = merge(twin.usage, usage)
    return list(services.values())


def _default_usages(context: str | None, catalogue: Catalogue) -> tuple[ServiceUsage, ...]:
    """Returns what is asked for where no service is: as much as is usual of the default group."""
    group = catalogue.rating_group_of(None, (), context)
    return () if group is None else (ServiceUsage(group.id, (), Units()),)


def considered(services: list[Service], catalogue: Catalogue) -> str | None:
    """Returns what the journal says of the services that were looked at; None: there were none.

    Where one of these is refused it says so in full.
    """
    is_full = catalogue.explains_in_full
    texts: dict[str, None] = {}
    for service in services:
        texts[service.tariffs[0].considered] = None
        is_full = is_full or service.outcome not in SERVED
    if not is_full:
        return joined(texts) if texts else None
    texts.pop("", None)  # of a rating group that nobody knows
    if not texts:
        return None
    plans = list(catalogue.plans.values())

    def name(plan: int, service: int) -> tuple[str, str]:
        return plans[plan].name, plans[plan].services[service].name

    found = named(parse(" ".join(texts)), name)
    return joined([full_text(group) for group in found.groups], FULL_LENGTH_MAX)


def _merged_usage(first: ServiceUsage, second: ServiceUsage) -> ServiceUsage:
    return first._replace(
        requested=first.requested if second.requested is None else second.requested,
        used=first.used + second.used,
        used_after=first.used_after + second.used_after,
        counted=_added(first.counted, second.counted),
        is_quota_returned=first.is_quota_returned and second.is_quota_returned,
    )


def _summed_usage(first: ServiceUsage, second: ServiceUsage) -> ServiceUsage:
    """Returns what an event asks for in two parts."""
    return first._replace(requested=_added(first.requested, second.requested))


def _added(one: Units | None, other: Units | None) -> Units | None:
    if one is None or other is None:
        return one or other
    return one.plus(other)
