"""A backup taken under load is restored somewhere else, and served from at once."""

from pathlib import Path

import pytest

from diameter_ocs.simulator.gateway import parse_steps
from tests.system.serving import Demonstration, demonstration, eventually, run_command
from tests.system.test_crashes import Load
from tests.system.wire import subscriber

pytestmark = pytest.mark.ci

ANSWERS_BEFORE = 500
ANSWERS_AFTER = 500


def test_a_backup_under_load_is_served_from(own_demo: Demonstration, folder: Path) -> None:
    load = Load(folder, own_demo.server.port)
    try:
        eventually("the load is answered", lambda: load.count() > ANSWERS_BEFORE)
        file = folder / "backup.zip"
        answered = load.count()
        saved = own_demo.command("db", "backup", file)
        before = load.count()
        eventually("charging goes on", lambda: load.count() > before + ANSWERS_AFTER)
        report = load.end()
    finally:
        load.process.kill()
    assert saved["rows"]["edr"] >= answered
    assert set(report["result_codes"]) == {"2001"}
    assert own_demo.command("books")["balanced"] is True
    own_demo.kill()

    elsewhere = folder / "elsewhere"
    elsewhere.mkdir(mode=0o711)
    elsewhere.chmod(0o711)
    second = demonstration(elsewhere)
    restored = run_command("db", "restore", file, "--demo", "--data", second.data)
    assert restored["books"]["balanced"] is True
    assert restored["books"]["edrs"] == saved["rows"]["edr"]
    assert restored["books"]["sessions"] == saved["rows"]["session"] > 0
    second.server.start()
    try:
        with second.server.connect() as gateway:
            (step,) = parse_steps(["initial:rg=300"])
            answer = gateway.session(subscriber(99)).credit_control(step)
        assert answer.result_code == 2001
        assert second.command("books")["balanced"] is True
    finally:
        second.kill()
