"""What the simulator says when it cannot go on, or cannot begin."""


class SimulatorError(Exception):
    """The simulated node cannot go on; the message says why and what to do."""


class ConnectionLost(SimulatorError):
    """The connection has ended; what is due can be said on another."""


class StepError(ValueError):
    """A step is written wrongly; the message names step and word and says what is allowed."""
