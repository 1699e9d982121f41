"""What can go wrong with the cases themselves, whoever keeps them."""


class StaleCase(Exception):
    """A case was changed by somebody else after it was read; nothing of the batch was stored."""


class CasesUnavailable(Exception):
    """Cases can neither be read nor stored now; whether the last batch was stored is not known."""


class BrokenBatch(Exception):
    """Something in a batch cannot be stored; nothing of it was."""
