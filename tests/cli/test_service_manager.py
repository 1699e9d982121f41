"""systemd is told when the server serves; without systemd nothing happens."""

import os
import socket
from pathlib import Path

import pytest

from diameter_ocs.cli.service_manager import READY, notifier


@pytest.mark.parametrize("is_abstract", [False, True])
def test_the_service_manager_is_told(is_abstract: bool, tmp_path: Path) -> None:
    name = f"@ocs-test-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    environment = {"NOTIFY_SOCKET": name, "OTHER": "kept"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0", 1))
        manager.settimeout(5)
        notifier(environment)(READY)
        assert manager.recv(100) == b"READY=1"
    assert environment == {"OTHER": "kept"}


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nonexistent/notify"}])
def test_where_nobody_listens_nothing_happens(environment: dict[str, str]) -> None:
    notifier(environment)(READY)
