"""Where, when and with whom a service may be used, or a rate is the price."""

from dataclasses import dataclass

from .expressions import Countries, Networks, Numbers
from .hours import WorkingHours
from .information import Direction


@dataclass(frozen=True, slots=True)
class Restrictions:
    """What must hold, all of it; None: no matter. What is not known never holds."""

    from_countries: Countries | None = None
    """Where the subscriber is."""
    from_networks: Networks | None = None
    """Likewise."""
    to_countries: Countries | None = None
    """Where the number at the other end belongs."""
    numbers: Numbers | None = None
    """The number at the other end."""
    hours: WorkingHours | None = None
    """By the account's time."""
    is_on_net: bool | None = None
    """Whether the other end is a subscriber of the tenant."""
    is_roaming: bool | None = None
    """Whether the subscriber is in a network that is none of the tenant's home networks."""
    is_same_country: bool | None = None
    """Whether the number at the other end belongs to the country where the subscriber is."""
    direction: Direction | None = None
    """Whether the subscriber calls or is called."""

    @property
    def needs_location(self) -> bool:
        """Can none of it hold while nobody says where the subscriber is?"""
        return not (
            self.from_countries is None
            and self.from_networks is None
            and self.is_roaming is None
            and self.is_same_country is None
        )
