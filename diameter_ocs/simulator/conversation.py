"""What a gateway says and awaits, written as text: `initial:rg=300 wait-rar wait:30s terminate`.

    SCRIPT  = {SETTING | MANNER | ACTION}
    MANNER  = (rar | asr) "=" REACTION | patience=SECONDS
    ACTION  = STEP | wait [":" SECONDS] | (wait-rar | wait-asr) [":" SERVICES] ["@" CODES]

STEP, SETTING, SERVICES and CODES are of steps.py, REACTION of reactions.py. A `wait` without an end
lasts until it is interrupted. What follows a RAR is an update, what follows an ASR a termination,
each of all that the session uses; after `wait-rar` and `wait-asr` the services written there.
"""

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .answers import Answer, unmet_expectation
from .gateway import Gateway, Session
from .information import UNASKED, Information
from .node import Turn
from .reactions import PATIENCE, Manners
from .server_requests import ServerRequest
from .steps import SETTING, RequestType, Step, parse_setting, parse_step
from .words import numbered, parse_duration

MANNERS = ("rar", "asr", PATIENCE)
WAIT = "wait"
AWAITED = {"wait-rar": ("RAR", "update"), "wait-asr": ("ASR", "terminate")}
"""What is awaited, and the kind of step that follows it."""


@dataclass(frozen=True, slots=True)
class Action:
    """What is done next: a step is sent, a request of the server is awaited, or time passes.

    `step` is sent after what is `awaited`. `seconds` are those of a wait, None is no end.
    """

    manners: Manners
    step: Step | None = None
    awaited: str | None = None
    seconds: float | None = None


class Told(NamedTuple):
    """Something that happened, and what of it should have been otherwise."""

    event: Answer | ServerRequest | Turn | None
    unmet: tuple[str, ...] = ()


def parse_script(texts: Iterable[str]) -> tuple[Action, ...]:
    """Reads a script; raises StepError for the first word that is wrong."""
    actions: list[Action] = []
    information, manners = UNASKED, Manners()
    for where, word in numbered(texts):
        setting = SETTING.match(word)
        if setting is None:
            actions.append(_parse_action(where, word, information, manners))
        elif setting[1] in MANNERS:
            manners = manners.having(where, setting[1], word[setting.end() :])
        else:
            value = word[setting.end() :]
            information = parse_setting(where, information, setting[1], value, MANNERS)
    return tuple(actions)


def _parse_action(where: str, word: str, information: Information, manners: Manners) -> Action:
    kind = re.split("[:@]", word, maxsplit=1)[0]
    if kind == WAIT:
        return Action(manners, seconds=parse_wait(where, word))
    awaited, sent = AWAITED.get(kind, (None, kind))
    step = parse_step(where, sent + word[len(kind) :], information, (WAIT, *AWAITED))
    return Action(manners, step, awaited)


def parse_wait(where: str, word: str) -> float | None:
    """Reads how long to wait; None: without an end."""
    _, colon, seconds = word.partition(":")
    return parse_duration(where, seconds) if colon else None


class Conversation:
    """A session that is led through a script."""

    def __init__(self, gateway: Gateway, session: Session) -> None:
        self._node = gateway.node
        self._session = session

    def run(self, script: Iterable[Action]) -> Iterator[Told]:
        """Does one action after the other, and yields what happens as it happens.

        Raises SimulatorError when the connection ends or no answer comes in time.
        """
        for action in script:
            self._node.reactions = action.manners.reactions
            self._node.patience_seconds = action.manners.patience_seconds
            if action.awaited is not None:
                yield from self._await(action)
                continue
            for event in self._node.taken():
                yield from self._follow(event)
            if action.step is None:
                yield from self._wait(action.seconds)
            elif self._session.is_aborted and action.step.request_type is RequestType.TERMINATE:
                yield Told(Turn("the session has ended already, as the server asked"))
            else:
                yield _told(self._session.credit_control(action.step), action.step)
        for event in self._node.taken():
            yield from self._follow(event)

    def _await(self, action: Action) -> Iterator[Told]:
        """Waits for a request of the server; others are followed as they come."""
        patience = action.manners.patience_seconds
        deadline = time.monotonic() + patience
        while (event := self._node.next_event(deadline)) is not None:
            if isinstance(event, ServerRequest) and event.command == action.awaited:
                yield from self._follow(event, action.step)
                return
            yield from self._follow(event)
        yield Told(None, (f"no {action.awaited} came within {patience:g} s",))

    def _wait(self, seconds: float | None) -> Iterator[Told]:
        """Follows what comes until the time is over, or until it is interrupted."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            try:
                event = self._node.next_event(deadline)
            except KeyboardInterrupt:
                return
            if event is None:
                return
            yield from self._follow(event)

    def _follow(self, event: ServerRequest | Turn, step: Step | None = None) -> Iterator[Told]:
        """Tells what came, and does what it asks for."""
        if isinstance(event, Turn):
            yield Told(event)
            return
        yield Told(event, event.faults)
        if event.is_followed:
            yield _told(self._session.follow(event, step), step)


def _told(answer: Answer, step: Step | None) -> Told:
    fault = None if step is None else unmet_expectation(step, answer)
    return Told(answer, (*([fault] if fault else []), *answer.faults))
