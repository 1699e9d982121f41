"""The capabilities exchange of one connection, whoever opened it (RFC 6733 section 5.3).

It says what a CER, or the CEA to our own, is to the table of `states`.
"""

from collections.abc import Callable

from .capabilities import (
    CerDecision,
    LocalNode,
    PeerAccepted,
    PeerRefused,
    cer_facts,
    check_capabilities,
    is_same_peer,
)
from .cea import quoted, refusal_told
from .errors import DiameterError
from .events import CerFacts, CloseReason
from .intake import Intake
from .message import Message
from .states import Ending, Input
from .tolerance import Tolerated

Authorise = Callable[[CerFacts], CerDecision | None]


class Exchange:
    """What is known of the peer, and whether it is taken.

    `authorise` decides on what the peer says of itself; with None it leaves that to `decide`.
    """

    __slots__ = (
        "_authorise",
        "_held",
        "_intake",
        "_local",
        "ending",
        "expected_host",
        "facts",
        "message",
        "refusal",
        "terms",
        "tolerated",
    )

    def __init__(self, local: LocalNode, authorise: Authorise, intake: Intake) -> None:
        self._local = local
        self._authorise = authorise
        self._intake = intake
        self._held: CerFacts | None = None
        self.expected_host: str | None = None
        """Whom this node has called; None: the peer has called."""
        self.message: Message | None = None
        """The CER, or the CEA to ours, that came last."""
        self.tolerated: tuple[Tolerated, ...] = ()
        """What is tolerated in it."""
        self.facts: CerFacts | None = None
        """What the peer says of itself, once it is taken."""
        self.terms = PeerAccepted()
        """On which terms it is taken."""
        self.refusal: DiameterError | None = None
        """What a refused CER is answered; None: nothing."""
        self.ending = Ending(CloseReason.CAPABILITIES_REFUSED, "")
        """Why a peer that is refused is."""

    @property
    def is_initiator(self) -> bool:
        """Whether this node has called."""
        return self.expected_host is not None

    def receive_cer(self, message: Message) -> Input:
        """Returns what a CER is: ACCEPTED, HELD, REFUSED, or a second one REPEATED or CHANGED."""
        self.message = message
        try:
            facts = self._read(message)
            check_capabilities(facts, self._local)
        except DiameterError as error:
            return self._refuse(PeerRefused(error, str(error)))
        if self.facts is None:
            return self._consider(facts)
        return Input.CER_REPEATED if is_same_peer(self.facts, facts) else Input.CER_CHANGED

    def receive_cea(self, message: Message) -> Input:
        """Returns what the CEA to our CER is: ACCEPTED, HELD or REFUSED."""
        self.message = message
        told = refusal_told(message, self._local)
        if told is not None:
            self.ending = Ending(CloseReason.REFUSED_BY_PEER, told)
            return Input.REFUSED
        try:
            facts = self._read(message)
        except DiameterError as error:
            return self._refuse(PeerRefused(error, f"its CEA cannot be read: {error}"))
        expected = self.expected_host or ""
        if facts.origin_host.lower() != expected.lower():
            host = quoted(facts.origin_host)
            reason = f"its CEA comes from {host}, and {expected} was called: is the address right?"
            return self._refuse(PeerRefused(None, reason))
        try:
            check_capabilities(facts, self._local)
        except DiameterError as error:
            return self._refuse(PeerRefused(error, str(error)))
        return self._consider(facts)

    def decide(self, decision: CerDecision) -> Input:
        """Takes the decision on a peer that was held: ACCEPTED or REFUSED."""
        facts, message = self._held, self.message
        assert facts is not None
        assert message is not None
        self._held = None
        if isinstance(decision, PeerRefused):
            return self._refuse(decision)
        self._intake.settle(decision)
        if self.tolerated and self._intake.is_strict:
            # Nobody knew whose message it was when it was checked.
            try:
                self._intake.check(message, 0)
            except DiameterError as error:
                return self._refuse(PeerRefused(error, str(error)))
        self.facts = facts
        self.terms = decision
        return Input.ACCEPTED

    def _consider(self, facts: CerFacts) -> Input:
        self._held = facts
        decision = self._authorise(facts)
        return Input.HELD if decision is None else self.decide(decision)

    def _read(self, message: Message) -> CerFacts:
        self.tolerated = self._intake.check(message, 0)
        return cer_facts(message, self._local.dictionary)

    def _refuse(self, refusal: PeerRefused) -> Input:
        self.refusal = refusal.error
        self.ending = Ending(CloseReason.CAPABILITIES_REFUSED, refusal.reason)
        return Input.REFUSED
