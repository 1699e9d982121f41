"""Records the captures anew: `.venv/bin/python -m tests.interop.record` in a clone."""

import shutil

from tests.conftest import temporary_folder
from tests.interop.counters_talk import hold_counters_talk
from tests.interop.runs import furnished, run
from tests.interop.stacks import STACKS
from tests.interop.subscribers import CAPTURES
from tests.interop.talking import talking

CROWD = 2
"""Few sessions are enough there."""
FIRST = 120
"""The subscribers from this one on have counters."""
LEFT_OUT = {
    "erlang_many",
    "erlang_agents",
    "erlang_calls",
    "erlang_refusals",
    "erlang_event_refusals",
    "erlang_actions",
    "erlang_places",
    "erlang_final_units",
    "erlang_controls",
    "erlang_command_level_ends",
    "erlang_hours",
    "erlang_money",
    "erlang_qos_final_units",
    "erlang_pools",
    *(f"{stack}_{name}" for stack in STACKS for name in ("addresses", "marks", "reasons")),
}
"""All together stay small; freeDiameter's say the same. Final units say what addresses say, data
what reasons do, and what marks name is of the server that was recorded.
"""

if __name__ == "__main__":
    for folder in temporary_folder():
        with furnished() as demo:
            for stack in STACKS.values():
                with talking(demo, stack, folder, FIRST) as talk:
                    hold_counters_talk(talk)
                    shutil.copyfile(talk.end(), CAPTURES / f"{stack.name}_counters.pcap")
                for capture in run(stack, demo, folder, CROWD).captures:
                    if capture.stem not in LEFT_OUT:
                        shutil.copyfile(capture, CAPTURES / capture.name)
