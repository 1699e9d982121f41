"""The program: `python3 -m diameter_ocs` in a clone, `diameter-ocs` where it is installed."""

import importlib
import sys

from . import _bootstrap

INTERRUPTED = 130
"""The exit status after Ctrl-C."""


def main() -> None:
    """Makes a clone ready if this is one, then runs what the command line says."""
    try:
        _bootstrap.enter(sys.argv[1:])
        _bootstrap.use_compiled_rules()
        # The one import inside a function: only now are the packages there that it needs.
        importlib.import_module("diameter_ocs.cli").app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
