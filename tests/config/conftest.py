"""Configurations are loaded without what the environment of the tests says."""

import os
from pathlib import Path

import pytest

from diameter_ocs.config import variable


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith(variable("")):
            monkeypatch.delenv(name)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def write(folder: Path, text: str) -> Path:
    path = folder / "ocs.toml"
    path.write_text(text)
    return path
