"""A catalogue without faults, and how to find those of another one."""

import pytest

from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.catalogue_text import CatalogueError

GOOD = """
tenant: demo
currency: EUR
rating_groups:
  - id: 300
    name: Data
    unit_type: volume
    rounding: 1 KiB
    min_reservation: 10
    children:
      - {id: 310, name: Video, min_reservation: 0, default_quota: 5 MB, quota_validity: 10 min}
  - {id: 0, name: Voice, unit_type: time, rounding: 60}
default_rating_groups: {32251: 300}
service_identifiers: {7: 310}
balance_types:
  - {name: data, unit_type: volume}
  - {name: money, unit_type: money}
plans:
  - name: plan
    services:
      - {name: included, rating_groups: [300], allowance: {balance_type: data, amount: 1 GiB}}
      - {name: paid, rating_groups: [300, 0], price: {amount: 1, per: 1 min, tax: 0.19}}
"""


def faults(text: str) -> list[str]:
    """Return what is wrong in a document."""
    with pytest.raises(CatalogueError) as caught:
        read_document(text)
    return caught.value.sentences()
