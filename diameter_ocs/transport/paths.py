"""The addresses of a peer on one connection, and what is known of each (RFC 6458 section 6.1.2)."""

from collections.abc import Mapping, Sequence

from .association import PathState, Place


class Paths:
    """Where a connection finds its peer: first the address that it has used, then the others."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._states = dict.fromkeys(places, PathState.UNCONFIRMED)
        self._states[places[0]] = PathState.AVAILABLE

    @property
    def states(self) -> Mapping[Place, PathState]:
        """What is known of each; one that is `UNCONFIRMED` has not answered yet."""
        return self._states

    def note(self, place: Place, state: PathState) -> None:
        """Takes what the wire has heard of one."""
        match state:
            case PathState.REMOVED:
                self._states.pop(place, None)
            case PathState.ADDED:
                self._states[place] = PathState.UNCONFIRMED
            case PathState.CONFIRMED:
                self._states[place] = PathState.AVAILABLE
            case PathState.MADE_PRIMARY:
                self._states.setdefault(place, PathState.AVAILABLE)
            case _:
                self._states[place] = state
