"""What a foreign stack asks over SCTP: one short session, and then it takes leave."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.interop.requests import MIB, Service, Session, Step, service, text, used, wanted
from tests.interop.stacks import Addresses, Node, Stack, told
from tests.interop.test_stacks import said

DATA = 300
USED = 2 * MIB
GRANTED = (Service(DATA, granted=MIB),)


class Charged(NamedTuple):
    """What a stack was answered at each step, and what it found wrong with it."""

    services: Sequence[tuple[Service, ...]]
    faults: Sequence[object]


def charge(stack: Stack, port: int, addresses: Addresses, subscriber: int, folder: Path) -> Charged:
    """Have a stack charged for two MiB; to be called on its host."""
    at = int(time.time())
    session = Session(f"{stack.host};{at}", at, subscriber, "32251@3gpp.org")
    steps = [
        Step("initial", session.initial(service(DATA, wanted(MIB)))),
        Step("update", session.update(1, service(DATA, wanted(MIB), used(MIB)))),
        Step("terminate", session.terminate(2, service(DATA, used(MIB)))),
    ]
    node = Node(port, stack.host, addresses=addresses)
    first, *rest = ([step] for step in steps)
    # Within that time each end has heard from the other one's second address.
    answers = told(stack.start(folder, node, f"{text([first])}\nwait 1\n\n{text(rest)}"))
    in_order = [answers[step.name] for step in steps]
    return Charged(
        [said(answer["avps"]).services for answer in in_order],
        [fault for answer in in_order for fault in (*answer["faults"], *answer["wrong_flags"])],
    )
