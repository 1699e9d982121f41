"""What the simulator says when it cannot go on."""


class SimulatorError(Exception):
    """The simulated gateway cannot go on; the message says why and what to do."""
