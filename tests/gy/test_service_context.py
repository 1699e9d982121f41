"""Which document a Service-Context-Id names."""

import pytest

from diameter_ocs.gy.service_context import service_context_of
from diameter_ocs.gy.tolerance import Tolerated

PRIVATE = {"gprs@operator.example": "32251", "voice@": "32260"}

CASES = [
    ("32251@3gpp.org", "32251"),
    ("8.32251@3gpp.org", "32251"),
    ("ext.01.262.15.32260@3gpp.org", "32260"),
    ("32274@3GPP.ORG", "32274"),
    (" 32276@3gpp.org ", "32276"),
    ("32255@3gpp.org", None),
    ("32251@example.org", None),
    ("32251@3gpp.org.example", None),
    ("32251.1@3gpp.org", None),
    ("132251@3gpp.org", None),
    ("32251", None),
    ("@3gpp.org", None),
    ("", None),
    ("gprs@other.example", None),
]


@pytest.mark.parametrize(("service_context_id", "document"), CASES)
def test_document_is_the_last_token_before_the_domain(
    service_context_id: str, document: str | None
) -> None:
    tolerated: set[Tolerated] = set()
    assert service_context_of(service_context_id, PRIVATE, tolerated) == document
    assert not tolerated


@pytest.mark.parametrize("service_context_id", PRIVATE)
def test_private_name_is_mapped_and_noted(service_context_id: str) -> None:
    tolerated: set[Tolerated] = set()
    document = service_context_of(service_context_id, PRIVATE, tolerated)
    assert document == PRIVATE[service_context_id]
    assert tolerated == {Tolerated.PRIVATE_SERVICE_CONTEXT}
