"""What an answer says of a quota besides its units: when to come back, which pool it is part of."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from diameter.message import constants as c  # type: ignore[import-untyped]

from .avps import each, first
from .money import read_money

THRESHOLDS = (
    c.AVP_TGPP_TIME_QUOTA_THRESHOLD,
    c.AVP_TGPP_VOLUME_QUOTA_THRESHOLD,
    c.AVP_TGPP_UNIT_QUOTA_THRESHOLD,
)


@dataclass(frozen=True, slots=True)
class QuotaTold:
    """None is what is not told."""

    threshold: int | None = None
    holding_seconds: int | None = None
    consumption_seconds: int | None = None
    pool: int | None = None
    unit_value: str | None = None
    """What a unit counts in the pool, as a decimal."""

    def parts(self, amount: str) -> list[str]:
        """Says it part by part; the threshold as `amount`, in the unit that was granted."""
        parts = []
        if self.threshold is not None:
            parts.append(f"threshold {amount}")
        if self.holding_seconds is not None:
            parts.append(f"held for {self.holding_seconds} s when idle")
        if self.consumption_seconds is not None:
            parts.append(f"used for {self.consumption_seconds} s when idle")
        if self.pool is not None:
            parts.append(f"in pool {self.pool}, where a unit counts {self.unit_value}")
        return parts

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON."""
        return asdict(self)


NOTHING_TOLD_OF_QUOTA = QuotaTold()


def read_quota_told(members: Iterable[Any]) -> QuotaTold:
    """Reads it from the members of a Multiple-Services-Credit-Control."""
    group = list(members)
    thresholds = [avp.value for code in THRESHOLDS for avp in each(group, code, c.VENDOR_TGPP)]
    pool = first(group, c.AVP_G_S_U_POOL_REFERENCE) or []
    value = read_money(pool)
    return QuotaTold(
        thresholds[0] if thresholds else None,
        first(group, c.AVP_TGPP_QUOTA_HOLDING_TIME, c.VENDOR_TGPP),
        first(group, c.AVP_TGPP_QUOTA_CONSUMPTION_TIME, c.VENDOR_TGPP),
        first(pool, c.AVP_G_S_U_POOL_IDENTIFIER),
        None if value is None else value.text(),
    )
