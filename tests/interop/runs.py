"""A demonstration with the tenant of the steps, and the runs of foreign stacks against it."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import temporary_folder
from tests.interop.offer import CROWD
from tests.interop.quota_steps import POOLING, RICH, SPEAKERS
from tests.interop.recording import Recorder
from tests.interop.requests import MARK, REALM, Step, marked
from tests.interop.securing import TLS, furnish_tls
from tests.interop.stacks import Stack
from tests.interop.steps import IDLE, Steps
from tests.interop.subscribers import furnish_database
from tests.system.serving import Demonstration, demonstration

CONFIGURATION = f"""
[[peers]]
host = "{RICH}*"
realm = "{REALM}"
profile = "rich"

[[peers]]
host = "{POOLING}*"
realm = "{REALM}"
profile = "pooling"

[[peers]]
realm = "{REALM}"
profile = "told"

[profiles.told]
free_services = "4011"

[profiles.rich]
cost_information = true
remaining_balance = true
low_balance_indication = true
refund_information = true
qos_final_unit_indication = true

[profiles.pooling]
quota_pools = true
cost_information = true
remaining_balance = true
"""
IDLE_SECONDS = 9
"""Both stacks watch an idle connection after 6 s, give or take 2."""


class Run(NamedTuple):
    """What a stack was answered."""

    steps: dict[str, Step]
    answers: dict[str, dict[str, Any]]
    captures: list[Path]


@contextmanager
def furnished() -> Iterator[Demonstration]:
    """Run a demonstration that has the tenant of the steps; it ends cleanly."""
    for folder in temporary_folder():
        file = folder / "ocs.toml"
        file.write_text(CONFIGURATION + TLS)
        furnish_tls(folder)
        demo = demonstration(folder, "--config", str(file))
        demo.server.start()
        try:
            asyncio.run(furnish_database(demo.conninfo))
            yield demo
            assert demo.server.end() == 0, demo.server.log
            assert '"level":"error"' not in demo.server.log
        finally:
            demo.kill()


def run(stack: Stack, demo: Demonstration, folder: Path, crowd: int = len(CROWD)) -> Run:
    """Take a stack through all conversations and record them, each in a capture of its own."""
    steps = Steps(stack.host, stack.first_subscriber, int(time.time()), crowd).conversations()
    found = Run({}, {}, [])
    mark = MARK
    for name, conversation in steps.items():
        paragraphs = [
            [step._replace(avps=marked(step.avps, mark)) for step in each] for each in conversation
        ]
        host = SPEAKERS.get(name, "") + stack.host
        with Recorder(demo.server.port).recording() as recorder:
            idle_seconds = IDLE_SECONDS if name == IDLE else 0
            gateway = stack._replace(host=host)
            answers = gateway.run(folder, recorder.port, paragraphs, idle_seconds)
        found.steps.update({step.name: step for each in paragraphs for step in each})
        found.answers.update(answers)
        mark = [mark, *filter(None, map(mark_of, answers.values()))][-1]
        found.captures.append(folder / f"{stack.name}_{name}.pcap")
        recorder.write(found.captures[-1])
    return found


def mark_of(answer: dict[str, Any]) -> bytes | None:
    """Return by what an answer says that its event may be refunded."""
    for name, members in answer["avps"]:
        for member, value in members if name == "Multiple-Services-Credit-Control" else ():
            if member == "Refund-Information":
                return str(value).encode()
    return None
