"""Both tables answer as one value."""

from diameter_ocs.numbering.plmn import Plmns
from diameter_ocs.numbering.tables import Numbering


def test_numbers_and_networks_are_asked_of_one_value(plmns: Plmns) -> None:
    numbering = Numbering(plmns)
    assert numbering.countries_of_number("+4930123456") == ("DE",)
    assert numbering.countries_of_plmn("20801") == ("FR",)
    assert numbering.split("310410123456789") == ("310", "410")
    assert numbering.of_labels("262", "001") == "26201"
