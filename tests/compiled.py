"""A plugin of pytest, `-p tests.compiled`: the rules are tested as `compile` made them."""

import pytest

from diameter_ocs import _bootstrap

if not _bootstrap.use_compiled_rules():
    raise pytest.UsageError("the rules are not compiled, or were changed since: run `compile`")
