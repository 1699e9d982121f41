"""Secrets of webhooks: where they stand, and that they are shown nowhere."""

from pathlib import Path

import pytest

from diameter_ocs.config import ConfigurationError, load, webhook_secrets
from tests.config.conftest import write

SECRET = "whsec_" + "AB12" * 8
WEBHOOK = '[[webhooks]]\nname = "crm"\n'


def test_secrets_of_webhooks_come_from_files_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "crm").write_text(f"{SECRET}\n")
    monkeypatch.setenv("CRM_SECRET", SECRET + "AB12")
    text = f'{WEBHOOK}tenant = "demo"\nsecret_file = "crm"\n'
    found = load(write(tmp_path, f'{text}{WEBHOOK}secret_variable = "CRM_SECRET"'))
    assert webhook_secrets(found.webhooks) == {
        ("demo", "crm"): SECRET,
        (None, "crm"): SECRET + "AB12",
    }
    assert SECRET not in str(found)


def test_only_the_server_reads_the_secrets_of_webhooks(tmp_path: Path) -> None:
    found = load(write(tmp_path, f'{WEBHOOK}secret_file = "nowhere"'))
    with pytest.raises(ConfigurationError, match=r"/nowhere: cannot be read"):
        webhook_secrets(found.webhooks)


@pytest.mark.parametrize(
    "secret", ["", "AB12" * 8, "whsec_", "whsec_AB12", "whsec_" + "!" * 32, "whsec_" + "A" * 200]
)
def test_what_is_no_secret_of_a_webhook_is_told_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("CRM_SECRET", secret)
    found = load(write(tmp_path, f'{WEBHOOK}secret_variable = "CRM_SECRET"'))
    with pytest.raises(ConfigurationError) as caught:
        webhook_secrets(found.webhooks)
    (sentence,) = caught.value.faults
    assert sentence.startswith("environment, CRM_SECRET: must be whsec_ and 24 to 64 octets")
    assert len(secret) < 8 or secret not in sentence


@pytest.mark.parametrize("places", ["", 'secret_file = "a"\nsecret_variable = "B"'])
def test_a_secret_is_in_one_place(tmp_path: Path, places: str) -> None:
    with pytest.raises(ConfigurationError, match=r"webhooks\[0\]: needs a secret_file or a"):
        load(write(tmp_path, WEBHOOK + places))


def test_a_webhook_has_one_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_SECRET", SECRET)
    text = WEBHOOK + 'secret_variable = "CRM_SECRET"\n'
    with pytest.raises(ConfigurationError, match=r"webhooks\[1\]: crm of this tenant is there"):
        webhook_secrets(load(write(tmp_path, text * 2)).webhooks)
